//! Assay v1 bundles: the real ones get their expected verdicts, and ones made here break each rule.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use strongroom_core::Sha256Digest;
use strongroom_core::bundle::{BundleFormat, Refusal};

use support::{canonical, gzip, header, member, padded, refusal, seal, verify};

/// The checked-out fixtures, or `None` with a notice.
fn fixtures() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures");
    let named = std::env::vars_os().find(|(name, _)| name == "STRONGROOM_FIXTURES");
    let folder = named.map_or_else(|| beside.into(), |(_, folder)| PathBuf::from(folder));
    let found = folder.join("assay").is_dir();
    if !found {
        println!("skipped: no ../shared/fixtures");
    }
    found.then(|| folder.join("assay"))
}

#[test]
fn every_conformance_bundle_gets_its_expected_verdict() {
    let Some(folder) = fixtures() else { return };
    let folder = folder.join("conformance-v0");
    let suite: Value =
        serde_json::from_slice(&fs::read(folder.join("MANIFEST.json")).unwrap()).unwrap();
    let vectors = suite["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 14);
    for vector in vectors {
        let file = vector["file"].as_str().unwrap().rsplit('/').next().unwrap();
        let archive = fs::read(folder.join(file)).unwrap();
        let digest = vector["sha256"].as_str().unwrap().parse().unwrap();
        assert_eq!(Sha256Digest::of(&archive), digest);
        match vector["expected"]["bundle_integrity"].as_str().unwrap() {
            "pass" => {
                let verified = verify(archive.as_slice()).unwrap();
                assert_eq!(verified.format(), BundleFormat::Assay, "{file}");
                assert_eq!(verified.archive_sha256(), digest);
            }
            "fail" => assert_eq!(refusal(archive.as_slice()), Refusal::Integrity, "{file}"),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn every_example_gets_its_expected_verdict() {
    let Some(folder) = fixtures() else { return };
    let verified =
        |file: &str| verify(fs::read(folder.join("examples").join(file)).unwrap().as_slice());
    let one = verified("ci-test-bundle.tar.gz").unwrap();
    let other = verified("COLLIDES-with-ci-test-bundle.tar.gz").unwrap();
    assert_eq!(one.id(), other.id());
    assert_ne!(one.archive_sha256(), other.archive_sha256());
    assert!(verified("demo-bundle.tar.gz").is_ok());
    assert!(verified("openfeature-evidence.tar.gz").is_ok());
    let invalid = verified("invalid-manifest.bundle.tar.gz").unwrap_err();
    assert_eq!(invalid.refusal(), Refusal::Format);
}

/// A bundle in the making. Digests are put in last, unless a test wants them wrong.
struct Assay {
    events: Vec<Value>,
    manifest: Value,
}

impl Assay {
    fn new(events: usize) -> Self {
        let manifest = json!({
            "schema_version": 1,
            "producer": {"name": "assay", "version": "3.10.0", "git": "unknown"},
            "run_id": "run-1",
            "event_count": events,
            "algorithms": {
                "canon": "jcs-rfc8785",
                "hash": "sha256",
                "root": "sha256(concat(content_hash + \"\\n\"))",
            },
        });
        Self { events: (0..events).map(event).collect(), manifest }
    }

    fn event(mut self, change: impl Fn(&mut Value)) -> Self {
        self.events.iter_mut().for_each(change);
        self
    }

    fn manifest(mut self, change: impl Fn(&mut Value)) -> Self {
        change(&mut self.manifest);
        self
    }

    fn lines(&self) -> Vec<u8> {
        self.events.iter().flat_map(|event| [canonical(event), b"\n".to_vec()]).flatten().collect()
    }

    /// The manifest with root, id and file entry for `lines`, where it has none yet.
    fn sealed(&self, lines: &[u8]) -> Value {
        let hashes: String = self
            .events
            .iter()
            .map(|event| format!("{}\n", text(event, "assaycontenthash")))
            .collect();
        let root = Sha256Digest::of(hashes.as_bytes());
        let file = json!({
            "path": "events.ndjson", "bytes": lines.len(), "sha256": Sha256Digest::of(lines),
        });
        let mut manifest = self.manifest.clone();
        let fields = manifest.as_object_mut().unwrap();
        fields.entry("run_root").or_insert_with(|| json!(root));
        fields.entry("bundle_id").or_insert_with(|| json!(root));
        fields.entry("files").or_insert_with(|| json!({"events.ndjson": file}));
        manifest
    }

    fn archive_of(&self, lines: &[u8]) -> Vec<u8> {
        let manifest = member("manifest.json", &canonical(&self.sealed(lines)));
        gzip(&support::tar(&[&manifest, &member("events.ndjson", lines)]))
    }

    fn archive(&self) -> Vec<u8> {
        self.archive_of(&self.lines())
    }

    fn refusal(&self) -> Refusal {
        refusal(self.archive().as_slice())
    }
}

fn event(sequence: usize) -> Value {
    let mut event = json!({
        "specversion": "1.0", "type": "assay.test", "source": "urn:assay:test",
        "id": format!("run-1:{sequence}"), "time": "2023-11-14T22:13:20Z",
        "datacontenttype": "application/json", "assayrunid": "run-1", "assayseq": sequence,
        "assayproducer": "assay", "assayproducerversion": "3.10.0", "assaygit": "unknown",
        "assaypii": false, "assaysecrets": false, "subject": "ci", "data": {"n": [1, 2.5, "é"]},
    });
    rehash(&mut event);
    event
}

fn rehash(event: &mut Value) {
    let covered: serde_json::Map<String, Value> =
        ["specversion", "type", "datacontenttype", "subject", "data"]
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), event.get(name)?.clone())))
            .collect();
    event["assaycontenthash"] = json!(Sha256Digest::of(&canonical(&Value::Object(covered))));
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

#[test]
fn a_right_bundle_verifies_under_its_run_root() {
    let bundle = Assay::new(3);
    let lines = bundle.lines();
    let verified = verify(bundle.archive().as_slice()).unwrap();
    assert_eq!(verified.id().to_string(), text(&bundle.sealed(&lines), "run_root"));
    assert_eq!(verified.manifest().run_id(), Some("run-1"));
    assert_eq!(verified.content_size_bytes(), lines.len() as u64);
    assert_eq!(verified.files(), 1);
}

#[test]
fn the_id_does_not_cover_time_and_the_archives_digest_does() {
    let one = verify(Assay::new(2).archive().as_slice()).unwrap();
    let later = Assay::new(2).event(|event| event["time"] = json!("2026-01-01T00:00:00Z"));
    let other = verify(later.archive().as_slice()).unwrap();
    assert_eq!(one.id(), other.id());
    assert_ne!(one.archive_sha256(), other.archive_sha256());
}

#[test]
fn spellings_that_assay_allows_verify() {
    let bundle = Assay::new(2);
    let lines = bundle.lines();
    let bare = Sha256Digest::of(&lines).to_hex();
    let file = json!({"path": "events.ndjson", "bytes": lines.len(), "sha256": bare});
    let bare =
        Assay::new(2).manifest(|manifest| manifest["files"] = json!({"events.ndjson": file}));
    assert!(verify(bare.archive().as_slice()).is_ok(), "a digest without prefix");

    let open_ended = lines.strip_suffix(b"\n").unwrap();
    assert!(verify(bundle.archive_of(open_ended).as_slice()).is_ok(), "no last line feed");

    let without_subject = Assay::new(1).event(|event| {
        event.as_object_mut().unwrap().remove("subject");
        event["traceparent"] = json!("00-00");
        rehash(event);
    });
    assert!(verify(without_subject.archive().as_slice()).is_ok(), "optional attributes");

    let manifest = member("manifest.json", &canonical(&bundle.sealed(&lines)));
    let mut old = header(b"events.ndjson", lines.len() as u64, 0);
    old[257..265].copy_from_slice(b"ustar  \0");
    old[265..270].copy_from_slice(b"assay");
    seal(&mut old);
    let tar = [&manifest[..], &old, &padded(&lines), &[0; 8 * 512]].concat();
    assert!(verify(gzip(&tar).as_slice()).is_ok(), "an old GNU header, padded to a record");
}

#[test]
fn what_does_not_match_is_an_integrity_refusal() {
    let changes: [fn(&mut Value); 6] = [
        |event| event["data"] = json!("other"),
        |event| event["subject"] = json!("other"),
        |event| event["assayseq"] = json!(7),
        |event| event["assayrunid"] = json!("run-2"),
        |event| event["id"] = json!("run-1:9"),
        |event| event["source"] = json!(format!("urn:assay:{}", event["assayseq"])),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        assert_eq!(Assay::new(2).event(change).refusal(), Refusal::Integrity, "change {number}");
    }
    let other = json!(Sha256Digest::of(b"other"));
    for (field, value) in
        [("event_count", json!(9)), ("run_root", other.clone()), ("bundle_id", other)]
    {
        let bundle = Assay::new(2).manifest(|manifest| manifest[field] = value.clone());
        assert_eq!(bundle.refusal(), Refusal::Integrity, "{field}");
    }
    let lines = Assay::new(2).lines();
    for (bytes, digest) in [(lines.len(), b"other".as_slice()), (lines.len() + 1, &lines)] {
        let file =
            json!({"path": "events.ndjson", "bytes": bytes, "sha256": Sha256Digest::of(digest)});
        let bundle =
            Assay::new(2).manifest(|manifest| manifest["files"] = json!({"events.ndjson": file}));
        assert_eq!(bundle.refusal(), Refusal::Integrity);
    }
}

#[test]
fn what_is_not_an_assay_1_bundle_is_a_format_refusal() {
    assert_eq!(Assay::new(0).refusal(), Refusal::Format);
    for (field, value) in [
        ("schema_version", json!(2)),
        ("schema_version", json!("1")),
        ("algorithms", json!({"canon": "EVIL", "hash": "sha256", "root": "x"})),
        ("files", json!({})),
        ("files", json!({"EVIL": {"path": "EVIL", "bytes": 1, "sha256": "00"}})),
        ("run_id", json!(null)),
        ("bundle_id", json!("EVIL")),
    ] {
        let bundle = Assay::new(1).manifest(|manifest| manifest[field] = value.clone());
        assert_eq!(bundle.refusal(), Refusal::Format, "{field}: {value}");
    }
    for (field, value) in [
        ("specversion", json!("2.0")),
        ("time", json!("EVIL")),
        ("source", json!("EVIL")),
        ("assaypii", json!("no")),
        ("assaygit", json!(null)),
        ("subject", json!(null)),
        ("assayrunid", json!("a:b")),
        ("assaysemanticdigest", json!("sha256:00")),
    ] {
        let bundle = Assay::new(1).event(|event| {
            event[field] = value.clone();
            rehash(event);
        });
        assert_eq!(bundle.refusal(), Refusal::Format, "{field}: {value}");
    }
}

#[test]
fn lines_that_are_not_strict_json_are_a_format_refusal() {
    let bundle = Assay::new(1);
    let line = String::from_utf8(bundle.lines()).unwrap();
    for lines in [
        format!("\n{line}"),
        format!("{line}\n"),
        format!("  \n{line}"),
        format!("\u{feff}{line}"),
        line.replacen("{\"", "{\"time\":\"EVIL\",\"", 1),
        "[1]\n".to_owned(),
        "EVIL\n".to_owned(),
    ] {
        assert_eq!(
            refusal(bundle.archive_of(lines.as_bytes()).as_slice()),
            Refusal::Format,
            "{lines}"
        );
    }
}

#[test]
fn what_is_over_an_assay_limit_is_a_limit_refusal() {
    let names: serde_json::Map<String, Value> =
        (0..=10_000).map(|name| (name.to_string(), json!(1))).collect();
    let deep = (0..64).fold(json!(1), |inner, _| json!([inner]));
    for data in [json!("x".repeat(1 << 20)), json!(names), deep] {
        let bundle = Assay::new(1).event(|event| {
            event["data"] = data.clone();
            rehash(event);
        });
        assert_eq!(bundle.refusal(), Refusal::Limit);
    }
    let long_run = Assay::new(1).manifest(|manifest| manifest["run_id"] = json!("x".repeat(257)));
    assert_eq!(long_run.refusal(), Refusal::Limit);
    let manifest = member("manifest.json", &canonical(&Assay::new(1).sealed(b"")));
    let events = header(b"events.ndjson", (500 << 20) + 1, b'0');
    assert_eq!(refusal(gzip(&[&manifest[..], &events].concat()).as_slice()), Refusal::Limit);
}

#[test]
fn bytes_and_members_that_assays_own_verifier_does_not_notice_are_refused() {
    let bundle = Assay::new(1);
    let archive = bundle.archive();
    let lines = bundle.lines();
    let manifest = member("manifest.json", &canonical(&bundle.sealed(&lines)));
    let events = member("events.ndjson", &lines);
    for trailing in [b"EVIL".as_slice(), b"\0", &archive, &gzip(b"")] {
        assert_eq!(refusal([&archive, trailing].concat().as_slice()), Refusal::Format);
    }
    for (parts, class) in [
        ([&events[..], &manifest, b""], Refusal::Format),
        ([&manifest, b"", b""], Refusal::Format),
        ([&manifest, &events, &events], Refusal::Integrity),
        ([&manifest, &member("../EVIL", b""), b""], Refusal::Security),
        ([&manifest, &header(b"events.ndjson", 0, b'2'), b""], Refusal::Security),
    ] {
        assert_eq!(refusal(gzip(&support::tar(&parts)).as_slice()), class);
    }
    let cut = [&manifest[..], &events, &[0; 512]].concat();
    assert_eq!(refusal(gzip(&cut).as_slice()), Refusal::Format, "one block at the end");
}

#[test]
fn a_linter_is_told_what_events_say_of_themselves() {
    use strongroom_core::bundle::{NoProgress, ReadLimits, UnverifiedBundle};
    use strongroom_core::lint::{self, Asked};
    use strongroom_core::signing::demand::SignatureReport;

    let mut assay = Assay::new(3);
    assay.events[0]["assaysecrets"] = true.into();
    assay.events[1]["assaypii"] = true.into();
    assay.events[2]["time"] = "2020-01-01T00:00:00Z".into();
    let archive = assay.archive();
    let opened = UnverifiedBundle::open(archive.as_slice(), &ReadLimits::default()).unwrap();
    let now = "2019-01-01T00:00:00Z".parse().unwrap();
    let (_, lint) = lint::archive(opened, Asked::at(now), &NoProgress).unwrap();
    let report = lint.finish(&SignatureReport::none());
    let ids: Vec<&str> = report.findings.iter().map(|finding| &*finding.rule.id).collect();
    let expected = [
        "assay.declares-secrets",
        "clock.in-future",
        "assay.declares-personal-data",
        "clock.events-out-of-order",
        "signature.none-shown",
        "assay.id-covers-less",
        "assay.no-revision",
        "retention.none",
    ];
    assert_eq!(ids, expected);
    assert_eq!(report.looked_at.files, 1);
}
