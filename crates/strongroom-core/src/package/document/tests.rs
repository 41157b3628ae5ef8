use serde_json::{Value, json};

use super::*;
use crate::bundle::ManifestFile;
use crate::package::class::RetentionClass;
use crate::package::manifest::FrozenManifest;
use crate::package::record::tests::{declared, id, locks, storage, time};
use crate::receipt::{EnforcedBy, LockHow};
use crate::retention::LockMode;
use crate::signing::key::KeyId;

fn file(number: u128, path: &str, content: &[u8]) -> DocumentFile {
    let key = format!("team/{}", crate::layout::package_file(id(1), id(number)));
    let location = DocumentLocation {
        backend: "main".into(),
        key,
        version_id: Some(format!("v{number}")),
        storage_class: Some("STANDARD".into()),
        retrieval_tier: RetrievalTier::Hot,
        integrity: Integrity::StoreSha256,
        verified_at: time("2026-11-21T12:30:00Z"),
        encryption: Some(Encryption { algorithm: "AES256".into(), kms_key_id: None }),
        lock: LockReceipt {
            mode: Some(LockMode::Governance),
            retain_until: Some(time("2027-11-21T12:00:00Z")),
            legal_hold: Some(true),
            legal_hold_was_set_before: None,
            enforced_by: EnforcedBy::Store,
            how: LockHow::AfterWrite,
            unlocked_ms: Some(1_800_000),
            read_back_at: Some(time("2026-11-21T12:30:01Z")),
            unobserved: None,
        },
    };
    DocumentFile {
        file_id: id(number),
        path: path.into(),
        size_bytes: content.len() as u64,
        sha256: Sha256Digest::of(content),
        media_type: Some("text/plain".into()),
        created_at: time("2026-11-21T12:10:00Z"),
        location,
    }
}

fn document() -> PackageDocument {
    let files = vec![file(3, "a.log", b"line"), file(4, "reports/é.md", b"# report")];
    let rows = files.iter().map(|file| ManifestFile {
        path: file.path.clone(),
        size_bytes: file.size_bytes,
        sha256: file.sha256,
        media_type: None,
    });
    let frozen = FrozenManifest::of(rows.collect(), declared()).unwrap();
    PackageDocument {
        schema: PACKAGE_SCHEMA.into(),
        package_id: id(1),
        tenant: "default".into(),
        name: "nightly".into(),
        bundle_id: frozen.id,
        created_at: time("2026-11-21T12:00:00Z"),
        finalized_at: time("2026-11-21T12:31:00Z"),
        storage: storage(),
        retention: RetentionSummary {
            rule: RetentionClass::RawEvidence.default_rule(),
            expires_at: Some(time("2027-11-21T12:00:00Z")),
            extensions: vec![Extension {
                at: time("2026-11-21T12:20:00Z"),
                by: id(2),
                previous: time("2027-05-23T12:00:00Z"),
                new: time("2027-11-21T12:00:00Z"),
                reason: Some("audit of 2027".into()),
            }],
            holds: vec![ActiveHold {
                hold_id: id(5),
                at: time("2026-11-21T12:00:00Z"),
                by: Some(id(2)),
                reason: None,
            }],
            locks: locks(),
        },
        signature: Some(ManifestSignature {
            sha256: Sha256Digest::of(b"signature"),
            key_id: KeyId(Sha256Digest::of(b"key")),
        }),
        files,
        manifest: frozen.manifest,
    }
}

fn written() -> Value {
    serde_json::from_slice(&document().to_bytes().unwrap()).unwrap()
}

fn refusal(document: &Value) -> (Refusal, String) {
    let error = PackageDocument::from_bytes(&canonical::to_vec(document).unwrap()).unwrap_err();
    (error.refusal(), error.to_string())
}

#[test]
fn a_document_is_written_as_it_always_was() {
    let text = String::from_utf8(document().to_bytes().unwrap()).unwrap();
    assert_eq!(text, include_str!("../../../tests/package/package.json").trim_end());
}

#[test]
fn a_document_reads_back_as_it_was_written() {
    let document = document();
    assert_eq!(PackageDocument::from_bytes(&document.to_bytes().unwrap()).unwrap(), document);
}

#[test]
fn the_manifest_in_a_document_has_the_bytes_that_its_id_is_of() {
    let text = String::from_utf8(document().to_bytes().unwrap()).unwrap();
    let manifest = String::from_utf8(document().manifest.to_bytes().unwrap()).unwrap();
    assert!(text.contains(&format!("\"manifest\":{manifest}")));
    assert_eq!(document().bundle_id.0, Sha256Digest::of(manifest.as_bytes()));
}

#[test]
fn unknown_fields_are_ignored_and_those_of_the_manifest_count_in_the_id() {
    let mut later = written();
    later["more"] = json!([1]);
    later["files"][0]["location"]["more"] = json!("x");
    later["retention"]["more"] = json!({});
    let read = PackageDocument::from_bytes(&canonical::to_vec(&later).unwrap()).unwrap();
    assert_eq!(read, document());

    later["manifest"]["more"] = json!(1);
    assert_eq!(refusal(&later).0, Refusal::Integrity);
    let id = Sha256Digest::of(&canonical::to_vec(&later["manifest"]).unwrap());
    later["bundle_id"] = json!(id);
    let read = PackageDocument::from_bytes(&canonical::to_vec(&later).unwrap()).unwrap();
    assert_eq!(read.bundle_id.0, id);
}

#[test]
fn a_document_whose_files_are_not_those_of_its_manifest_is_refused() {
    for (at, field, other) in [
        (0, "path", json!("b.log")),
        (1, "size_bytes", json!(9)),
        (1, "sha256", json!(Sha256Digest::of(b"other"))),
    ] {
        let mut changed = written();
        changed["files"][at][field] = other;
        assert_eq!(refusal(&changed).0, Refusal::Integrity, "{field}");
    }
    let mut fewer = written();
    fewer["files"].as_array_mut().unwrap().pop();
    assert_eq!(refusal(&fewer).0, Refusal::Integrity);
    let mut unlike = document();
    unlike.files.swap(0, 1);
    assert!(unlike.to_bytes().is_err(), "nothing is written that cannot be read");
    let other_id = PackageDocument { bundle_id: BundleId(Sha256Digest::of(b"x")), ..document() };
    assert_eq!(other_id.to_bytes().unwrap_err().refusal(), Refusal::Integrity);
}

#[test]
fn another_version_is_refused_and_both_are_named() {
    let mut other = written();
    other["schema"] = json!("strongroom.package/v2");
    let (class, said) = refusal(&other);
    assert_eq!(class, Refusal::Format);
    assert!(said.contains("strongroom.package/v2") && said.contains(PACKAGE_SCHEMA), "{said}");
    other["schema"] = json!("<script>");
    assert!(!refusal(&other).1.contains("script"));
}

#[test]
fn a_document_without_one_of_its_fields_is_refused() {
    let written = written();
    let names = written.as_object().unwrap().keys().filter(|name| *name != "signature");
    for name in names {
        let mut without = written.clone();
        without.as_object_mut().unwrap().remove(name);
        assert_eq!(refusal(&without).0, Refusal::Format, "{name}");
    }
}

#[test]
fn a_document_that_is_not_signed_says_nothing_of_a_signature() {
    let unsigned = PackageDocument { signature: None, ..document() };
    let bytes = unsigned.to_bytes().unwrap();
    assert!(!String::from_utf8(bytes.clone()).unwrap().contains("signature"));
    assert_eq!(PackageDocument::from_bytes(&bytes).unwrap(), unsigned);
    let mut broken = written();
    broken["signature"] = json!({"sha256": "x"});
    assert_eq!(refusal(&broken).0, Refusal::Format);
}
