use strongroom_core::bundle::Refusal;

use crate::support::{
    gzip, header, manifest, manifest_member, padded, pax, refusal_of_tar, tar, verify,
};

const CONTENT: &[u8] = b"content";

fn long_path() -> String {
    "long/".repeat(30) + "name"
}

/// The record `LEN key=value\n`.
fn record(key: &str, value: &str) -> String {
    let body = format!(" {key}={value}\n");
    let mut size = body.len() + 2;
    while size != body.len() + size.to_string().len() {
        size += 1;
    }
    format!("{size}{body}")
}

/// The archive of one long path, with `before` in front of its header.
fn with(before: &[u8]) -> Vec<u8> {
    let path = long_path();
    let member_path = format!("files/{path}");
    let first = manifest_member(&manifest(&[(&path, CONTENT)]));
    let block = header(&member_path.as_bytes()[..100], CONTENT.len() as u64, b'0');
    tar(&[&first, before, &block, &padded(CONTENT)])
}

fn path_record() -> String {
    record("path", &format!("files/{}", long_path()))
}

#[test]
fn a_long_path_takes_exactly_one_record() {
    assert!(verify(gzip(&with(&pax(&path_record()))).as_slice()).is_ok());
}

#[test]
fn other_keys_and_other_lengths_are_a_security_refusal() {
    let right = path_record();
    let size = right.split(' ').next().unwrap().to_owned();
    for records in [
        right.clone() + &right,
        right.clone() + &record("size", "99"),
        record("size", "99") + &right,
        record("mtime", "1700000000.5") + &right,
        record("SCHILY.xattr.user.EVIL", "x"),
        record("linkpath", "/etc/passwd"),
        record("GNU.sparse.major", "1") + &right,
        right.replacen(&size, "999", 1),
        right.replacen(&size, "003", 1),
        right.replacen(&size, "-12", 1),
        right.replacen('\n', "\0", 1),
        record("path", &format!("files/{}", "x/".repeat(300_000))) + &right,
        String::new(),
        "EVIL".repeat(100),
    ] {
        assert_eq!(refusal_of_tar(&with(&pax(&records))), Refusal::Security, "{records:.60}");
    }
}

#[test]
fn another_path_in_the_record_is_an_integrity_refusal() {
    for path in [
        "files/".to_owned() + &"EVIL/".repeat(30) + "name",
        "files/".to_owned() + &long_path() + "r",
    ] {
        assert_eq!(refusal_of_tar(&with(&pax(&record("path", &path)))), Refusal::Integrity);
    }
}

#[test]
fn a_long_path_without_record_or_with_a_global_one_is_refused() {
    assert_ne!(refusal_of_tar(&with(b"")), Refusal::Limit);
    let mut global = pax(&path_record());
    let mut block: [u8; 512] = global[..512].try_into().unwrap();
    block[156] = b'g';
    crate::support::seal(&mut block);
    global[..512].copy_from_slice(&block);
    assert_eq!(refusal_of_tar(&with(&global)), Refusal::Security);
}

#[test]
fn a_record_for_a_short_path_is_a_security_refusal() {
    let first = manifest_member(&manifest(&[("a", CONTENT)]));
    let block = header(b"files/a", CONTENT.len() as u64, b'0');
    let record = pax(&record("path", "files/a"));
    assert_eq!(
        refusal_of_tar(&tar(&[&first, &record, &block, &padded(CONTENT)])),
        Refusal::Security
    );
}

#[test]
fn two_records_for_one_member_are_a_security_refusal() {
    let twice = [pax(&path_record()), pax(&path_record())].concat();
    assert_eq!(refusal_of_tar(&with(&twice)), Refusal::Security);
}
