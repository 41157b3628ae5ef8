//! Every rule fires where it should, in bundles made here, and on nothing else.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/planted.rs"]
mod planted;
mod support;

use jiff::Timestamp;
use serde_json::{Value, json};
use strongroom_core::bundle::{NoProgress, ReadLimits, UnverifiedBundle};
use strongroom_core::lint::{self, Asked, Place, Regime, Report, Spot};
use strongroom_core::signing::demand::SignatureReport;

use support::{canonical, gzip, listed, member, tar};

fn asked() -> Asked {
    Asked::at("2026-11-22T12:00:00Z".parse::<Timestamp>().unwrap())
}

/// A bundle of these files, whose manifest says this too.
fn bundle(declared: Value, files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut sorted = files.to_vec();
    sorted.sort();
    let mut manifest = declared;
    manifest["schema"] = "strongroom.bundle/v1".into();
    manifest["files"] = sorted.iter().map(|(path, content)| listed(path, content)).collect();
    let mut parts = vec![member("manifest.json", &canonical(&manifest))];
    for (path, content) in &sorted {
        let name = format!("files/{path}");
        if name.len() > 100 {
            parts.push(support::pax(&record(&name)));
        }
        let short: String = match name.len() > 100 {
            true => name.chars().take(100).collect(),
            false => name.clone(),
        };
        parts.push(member(&short, content));
    }
    gzip(&tar(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>()))
}

/// One PAX record with the path.
fn record(path: &str) -> String {
    let rest = format!(" path={path}\n");
    let mut length = rest.len();
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    format!("{length}{rest}")
}

fn linted_as(archive: &[u8], asked: Asked) -> Report {
    let opened = UnverifiedBundle::open(archive, &ReadLimits::default()).unwrap();
    let (_, lint) = lint::archive(opened, asked, &NoProgress).unwrap();
    lint.finish(&SignatureReport::none())
}

fn linted(archive: &[u8]) -> Report {
    linted_as(archive, asked())
}

/// A manifest with nothing to say against, but that nobody signed it.
fn good() -> Value {
    json!({
        "producer": {"name": "tool", "version": "1.2.3"},
        "subject": "acme/widget",
        "run_id": "42",
        "created_at": "2026-11-21T12:00:00Z",
        "retention": {"days": 2555},
        "metadata": {"result_status": "passed"},
    })
}

fn ids(report: &Report) -> Vec<&str> {
    let told = ["signature.none-shown", "content.undeclared-media-type"];
    let ids = report.findings.iter().map(|finding| &*finding.rule.id);
    ids.filter(|id| !told.contains(id)).collect()
}

#[test]
fn a_bundle_that_says_what_it_should_has_nothing_but_its_missing_signature() {
    let report = linted(&bundle(good(), &[("report.json", b"{}\n"), ("image.bin", &[0; 5000])]));
    assert_eq!(ids(&report), Vec::<&str>::new());
    assert_eq!(report.looked_at.files, 2);
    assert_eq!((report.looked_at.text_bytes, report.looked_at.other_bytes), (3, 5000));
    assert_eq!(report.looked_at.files_without_text, 1);
}

#[test]
fn what_a_manifest_leaves_out_is_told() {
    let report = linted(&bundle(json!({}), &[("a", b"a")]));
    let expected = [
        "metadata.no-producer",
        "metadata.no-run-id",
        "metadata.no-subject",
        "metadata.no-created-at",
        "metadata.no-recommended-keys",
        "retention.none",
    ];
    assert_eq!(ids(&report), expected);
    let weak = json!({"producer": {"name": "Unknown"}, "subject": "${SUBJECT}", "run_id": "0",
        "retention": {"class": "raw-evidence"}, "metadata": {"environment": "ci"},
        "created_at": "1980-01-01T00:00:00Z"});
    let report = linted(&bundle(weak, &[("a", b"a")]));
    let expected = [
        "clock.never-set",
        "metadata.placeholder",
        "metadata.placeholder",
        "metadata.placeholder",
        "metadata.no-producer-version",
        "retention.no-days",
    ];
    assert_eq!(ids(&report), expected);
}

#[test]
fn retention_is_held_against_the_days_of_a_regime() {
    let regime = Regime::named("eu-ai-act-19").unwrap();
    for (days, is_enough) in [(183, false), (184, true)] {
        let mut manifest = good();
        manifest["retention"] = json!({"days": days});
        let asked = Asked { regime: Some(regime), ..asked() };
        let report = linted_as(&bundle(manifest, &[("a", b"a")]), asked);
        let expected = if is_enough { vec![] } else { vec!["retention.below-regime"] };
        assert_eq!(ids(&report), expected, "{days}");
    }
    let mut manifest = good();
    manifest.as_object_mut().unwrap().remove("retention");
    let asked = Asked { regime: Some(regime), ..asked() };
    let report = linted_as(&bundle(manifest, &[("a", b"a")]), asked);
    assert_eq!(ids(&report), ["retention.below-regime"]);
    assert!(report.findings[0].message.contains("Article 19(1)"), "{}", report.findings[0].message);
}

#[test]
fn times_that_cannot_be_right_are_told() {
    let mut manifest = good();
    manifest["created_at"] = "2026-11-22T12:06:00Z".into();
    manifest["metadata"]["started_at"] = "2026-11-21T12:00:00Z".into();
    manifest["metadata"]["finished_at"] = "2026-11-21T11:59:59Z".into();
    let report = linted(&bundle(manifest, &[("a", b"a")]));
    assert_eq!(ids(&report), ["clock.ended-before-started", "clock.in-future"]);
    let mut manifest = good();
    manifest["created_at"] = "2026-11-22T12:04:00Z".into();
    assert_eq!(ids(&linted(&bundle(manifest, &[("a", b"a")]))), Vec::<&str>::new());
}

#[test]
fn names_that_some_system_takes_for_others_are_told() {
    let table: [(&[&str], &str); 10] = [
        (&["README.md", "readme.md"], "names.differ-in-case"),
        (&["a/Ä", "a/ä"], "names.differ-in-case"),
        (&["\u{ff21}.txt", "a.txt"], "names.differ-in-form"),
        (&["logs/nul.txt"], "names.not-portable"),
        (&["what?.txt"], "names.not-portable"),
        (&["trailing./x"], "names.not-portable"),
        (&["invoice\u{202e}gpj.exe"], "names.hidden-characters"),
        (&["deploy/.env"], "names.of-a-secret"),
        (&["keys/ID_RSA"], "names.of-a-secret"),
        (&["store.KDBX"], "names.of-a-secret"),
    ];
    for (names, id) in table {
        let files: Vec<(&str, &[u8])> = names.iter().map(|name| (*name, &b"a"[..])).collect();
        assert_eq!(ids(&linted(&bundle(good(), &files))), [id], "{names:?}");
    }
    let fine: [(&str, &[u8]); 4] =
        [("a", b"a"), ("b/A", b"a"), (".env.example", b"a"), ("console.log", b"a")];
    assert_eq!(ids(&linted(&bundle(good(), &fine))), Vec::<&str>::new());
}

#[test]
fn every_secret_is_found_in_a_file_in_a_field_and_in_a_name() {
    for (id, secret) in planted::secrets() {
        let rule = format!("secret.{id}");
        let text = format!("one\ntwo {secret} three\n");
        let report = linted(&bundle(good(), &[("logs/a.log", text.as_bytes())]));
        assert_eq!(ids(&report), [&rule], "in a file");
        let Place::File { spot: Some(Spot::Text { line: 2, .. }), .. } = &report.findings[0].place
        else {
            panic!("{id}: {:?}", report.findings[0])
        };
        refuse_value(&report, id);

        let mut manifest = good();
        manifest["metadata"]["deep"] = json!([{"field": format!("x {secret}")}]);
        let report = linted(&bundle(manifest, &[("a", b"a")]));
        assert_eq!(ids(&report), [&rule], "in a field");
        let field = "/metadata/deep/0/field".to_owned();
        assert_eq!(report.findings[0].place, Place::Field { field });
        refuse_value(&report, id);

        let mut manifest = good();
        manifest["metadata"][&secret] = "a name of a field".into();
        refuse_value(&linted(&bundle(manifest, &[("a", b"a")])), id);

        let mut manifest = good();
        manifest["of_a_later_version"] = json!({"x": secret});
        let report = linted(&bundle(manifest, &[("a", b"a")]));
        assert_eq!(ids(&report), [&rule], "in a field that this version does not know");

        // No path has two slashes together.
        if secret.contains("//") {
            continue;
        }
        let path = format!("logs/{secret} x");
        let report = linted(&bundle(good(), &[(&path, b"a")]));
        assert!(ids(&report).contains(&rule.as_str()), "{id} in a name: {:?}", ids(&report));
        assert!(report.findings.iter().any(|finding| matches!(finding.place, Place::Name { .. })));
        refuse_value(&report, id);
        let report = linted(&bundle(good(), &[(&path, text.as_bytes())]));
        refuse_value(&report, id);
    }
}

/// Nothing that was drawn for the secret may stand anywhere in the report.
#[track_caller]
fn refuse_value(report: &Report, id: &str) {
    let told = format!("{report:?}");
    assert!(
        report.findings.iter().any(|finding| finding.rule.family() == "secret"),
        "{id}: {told}"
    );
    for part in planted::drawn(id) {
        assert!(!told.contains(&part), "{id}: {told}");
    }
}

#[test]
fn what_only_looks_like_a_secret_is_not_told() {
    let text = planted::near_misses().join("\n");
    let report = linted(&bundle(good(), &[("a.log", text.as_bytes())]));
    assert_eq!(ids(&report), Vec::<&str>::new());
}

#[test]
fn archives_inside_and_empty_bundles_are_told() {
    let report = linted(&bundle(good(), &[("a.zip", b"PK\x03\x04\x14\0\0\0\x08\0")]));
    assert_eq!(ids(&report), ["content.not-looked-into"]);
    assert_eq!(ids(&linted(&bundle(good(), &[]))), ["content.empty"]);
}

#[test]
fn a_bundle_that_does_not_verify_has_no_report() {
    let archive = bundle(good(), &[("a", b"a")]);
    let mut manifest = good();
    manifest["schema"] = "strongroom.bundle/v1".into();
    manifest["files"] = json!([listed("a", b"b")]);
    let wrong =
        gzip(&tar(&[&member("manifest.json", &canonical(&manifest)), &member("files/a", b"a")]));
    assert!(lint::archive(opened(&archive), asked(), &NoProgress).is_ok());
    assert!(lint::archive(opened(&wrong), asked(), &NoProgress).is_err());
}

fn opened(archive: &[u8]) -> UnverifiedBundle<&[u8]> {
    UnverifiedBundle::open(archive, &ReadLimits::default()).unwrap()
}
