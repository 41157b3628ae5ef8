//! What is written is read back, is the same everywhere, and is what other tools read too.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::json;
use strongroom_core::bundle::{
    BundleManifest, BundlePlan, CollectOptions, Declarations, NoProgress, Producer,
    RetentionRequest, SourceFile, collect,
};

use support::verify;

/// A path to the content of the file there.
type Tree = BTreeMap<String, Vec<u8>>;

fn write_tree(folder: &Path, tree: &Tree) {
    for (path, content) in tree {
        let location = folder.join(path);
        fs::create_dir_all(location.parent().unwrap()).unwrap();
        fs::write(location, content).unwrap();
    }
}

fn collected(folder: &Path) -> Vec<SourceFile> {
    collect(&[folder.to_owned()], &CollectOptions::default()).unwrap()
}

fn plan(files: Vec<SourceFile>, declared: Declarations) -> BundlePlan {
    BundlePlan::prepare(files, declared, &NoProgress).unwrap()
}

fn written(plan: &BundlePlan) -> Vec<u8> {
    let mut archive = Vec::new();
    plan.write(&mut archive, &NoProgress).unwrap();
    archive
}

fn inflated(archive: &[u8]) -> Vec<u8> {
    let mut tar = Vec::new();
    GzDecoder::new(archive).read_to_end(&mut tar).unwrap();
    tar
}

fn declared() -> Declarations {
    let metadata = json!({"repo_slug": "acme/app", "n": 1.5, "null": null, "é": ["\u{1}", "\\"]});
    Declarations {
        producer: Some(Producer { name: "ci".into(), version: Some("4.2".into()) }),
        subject: Some("release 1.2".into()),
        run_id: Some("run/42".into()),
        created_at: Some("2026-11-21T12:00:00Z".parse().unwrap()),
        retention: Some(RetentionRequest {
            class: Some("release-evidence".into()),
            days: Some(2555),
            legal_hold: Some(true),
        }),
        metadata: metadata.as_object().cloned(),
    }
}

fn any_tree() -> impl Strategy<Value = Tree> {
    // Folders and files have different letters, so that no file is in the way of a folder.
    let path = "([A-C.é]{1,60}/){0,4}[a-z0-9 ü]{1,70}";
    let content = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..3_000),
        (any::<u8>(), 0..2_000_000_usize).prop_map(|(byte, count)| vec![byte; count]),
    ];
    prop::collection::btree_map(path, content, 0..12).prop_map(|tree| {
        let plain = |path: &String| !path.split('/').any(|segment| matches!(segment, "." | ".."));
        tree.into_iter().filter(|(path, _)| plain(path)).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_tree_is_read_back_as_it_was_written(tree in any_tree()) {
        let folder = tempfile::tempdir().unwrap();
        write_tree(folder.path(), &tree);
        let plan = plan(collected(folder.path()), Declarations::default());
        let archive = written(&plan);

        let verified = verify(archive.as_slice()).unwrap();

        prop_assert_eq!(verified.id(), plan.id());
        let BundleManifest::Native(manifest) = verified.manifest() else { panic!("not native") };
        prop_assert_eq!(manifest, plan.manifest());
        let paths: Vec<&String> = manifest.files.iter().map(|file| &file.path).collect();
        prop_assert_eq!(paths, tree.keys().collect::<Vec<_>>());
        prop_assert!(archive.len() as u64 <= plan.archive_size_bytes_max());
        let mut members = tar::Archive::new(GzDecoder::new(archive.as_slice()));
        for (member, (path, content)) in members.entries().unwrap().skip(1).zip(&tree) {
            let mut member = member.unwrap();
            let name = String::from_utf8(member.path_bytes().into_owned()).unwrap();
            prop_assert_eq!(name, format!("files/{path}"));
            let mut read = Vec::new();
            member.read_to_end(&mut read).unwrap();
            prop_assert_eq!(&read, content);
        }
    }

    #[test]
    fn any_bytes_are_refused_or_read_but_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let _ = verify(bytes.as_slice());
        let _ = verify(support::gzip(&bytes).as_slice());
        let manifest = support::member("manifest.json", &bytes);
        prop_assert!(verify(support::gzip(&support::tar(&[&manifest])).as_slice()).is_err());
    }

    #[test]
    fn a_changed_byte_anywhere_in_the_tar_archive_is_refused(at in 0..6_656_usize, flip in 1..=255_u8) {
        let mut tar = support::bundle_tar(&[("a.txt", b"some text"), ("b/c.bin", &[7; 1500])]);
        prop_assume!(at < tar.len());
        let right = verify(support::gzip(&tar).as_slice()).unwrap();
        tar[at] ^= flip;
        // A letter of the manifest that no field depends on gives another id; nothing else passes.
        if let Ok(verified) = verify(support::gzip(&tar).as_slice()) {
            prop_assert_ne!(verified.id(), right.id());
        }
    }
}

#[test]
fn the_same_content_has_the_same_bytes_wherever_and_whenever_it_is_bundled() {
    let tree: Tree = [("b/2", "two"), ("a", "one"), ("b.txt", "three"), (".dot", "four")]
        .map(|(path, content)| (path.to_owned(), content.as_bytes().to_vec()))
        .into();
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_tree(here.path(), &tree);
    for (path, content) in tree.iter().rev() {
        write_tree(there.path(), &[(path.clone(), content.clone())].into());
        let file = fs::File::open(there.path().join(path)).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
    }
    let mut backwards = collected(there.path());
    backwards.reverse();

    let one = plan(collected(here.path()), declared());
    let other = plan(backwards, declared());

    assert_eq!(one.id(), other.id());
    assert_eq!(written(&one), written(&other));
}

#[test]
fn every_declaration_is_part_of_the_id_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let with = |declared| plan(collected(folder.path()), declared);
    let full = with(declared());
    let verified = verify(written(&full).as_slice()).unwrap();
    assert_eq!(verified.manifest(), &BundleManifest::Native(full.manifest().clone()));
    assert_eq!(verified.manifest().run_id(), Some("run/42"));
    let less: [fn(&mut Declarations); 6] = [
        |declared| declared.producer = None,
        |declared| declared.subject = None,
        |declared| declared.run_id = None,
        |declared| declared.created_at = None,
        |declared| declared.retention = None,
        |declared| declared.metadata = None,
    ];
    for without in less {
        let mut declared = declared();
        without(&mut declared);
        assert_ne!(with(declared).id(), full.id());
    }
}

#[test]
fn the_manifest_is_canonical_and_as_documented() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("report.txt"), "ok\n").unwrap();

    let plan = plan(collected(folder.path()), declared());

    let expected = concat!(
        r#"{"created_at":"2026-11-21T12:00:00Z","files":[{"path":"report.txt","#,
        r#""sha256":"sha256:dc51b8c96c2d745df3bd5590d990230a482fd247123599548e0632fdbf97fc22","#,
        r#""size_bytes":3}],"metadata":{"n":1.5,"null":null,"repo_slug":"acme/app","#,
        r#""é":["\u0001","\\"]},"producer":{"name":"ci","version":"4.2"},"#,
        r#""retention":{"class":"release-evidence","days":2555,"legal_hold":true},"#,
        r#""run_id":"run/42","schema":"strongroom.bundle/v1","subject":"release 1.2"}"#,
    );
    assert_eq!(std::str::from_utf8(plan.manifest_bytes()).unwrap(), expected);
}

#[test]
fn a_recompressed_archive_is_the_same_bundle() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("log"), "a line\n".repeat(100_000)).unwrap();
    let plan = plan(collected(folder.path()), Declarations::default());
    let archive = written(&plan);
    for level in [Compression::none(), Compression::fast(), Compression::best()] {
        let mut encoder = GzEncoder::new(Vec::new(), level);
        encoder.write_all(&inflated(&archive)).unwrap();
        let verified = verify(encoder.finish().unwrap().as_slice()).unwrap();
        assert_eq!(verified.id(), plan.id());
    }
}

#[test]
fn the_archive_is_one_gzip_member_without_time_or_system() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("zeros"), vec![0; 5 << 20]).unwrap();
    let archive = written(&plan(collected(folder.path()), Declarations::default()));
    assert_eq!(archive[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    let mut one_member = flate2::bufread::GzDecoder::new(archive.as_slice());
    std::io::copy(&mut one_member, &mut std::io::sink()).unwrap();
    assert!(one_member.into_inner().is_empty());
}

#[test]
fn tools_that_know_nothing_of_us_read_the_archive_and_its_id() {
    let folder = tempfile::tempdir().unwrap();
    let long = format!("{}/{}", "d".repeat(90), "f".repeat(90));
    let tree: Tree = [("a.txt", "text"), (&long, "long")]
        .map(|(path, content)| (path.to_owned(), content.as_bytes().to_vec()))
        .into();
    write_tree(folder.path(), &tree);
    let plan = plan(collected(folder.path()), Declarations::default());
    let archive = folder.path().with_extension("tar.gz");
    fs::write(&archive, written(&plan)).unwrap();
    let tar = |arguments: &[&str], member: Option<&str>| {
        let mut command = Command::new("tar");
        let output = command.args(arguments).arg(&archive).args(member).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        output.stdout
    };

    let listing = String::from_utf8(tar(&["-tzf"], None)).unwrap();
    let manifest = tar(&["-xzOf"], Some("manifest.json"));
    let mut sha256sum =
        Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    sha256sum.stdin.take().unwrap().write_all(&manifest).unwrap();
    let sum = String::from_utf8(sha256sum.wait_with_output().unwrap().stdout).unwrap();
    fs::remove_file(&archive).unwrap();

    assert_eq!(listing, format!("manifest.json\nfiles/a.txt\nfiles/{long}\n"));
    assert_eq!(format!("sha256:{}", &sum[..64]), plan.id().to_string());
}
