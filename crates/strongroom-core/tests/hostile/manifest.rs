use serde_json::{Value, json};
use strongroom_core::bundle::{BundleError, Manifest, ReadLimits, Refusal, UnverifiedBundle};
use strongroom_core::limits;

use crate::support::{
    MARK, canonical, gzip, header, listed, manifest, member, refusal_of_tar, tar,
};

/// The class by which these bytes, as `manifest.json` of an otherwise empty bundle, are refused.
fn refusal_of_bytes(bytes: &[u8]) -> Refusal {
    refusal_of_tar(&tar(&[&member("manifest.json", bytes)]))
}

fn refusal_of(value: &Value) -> Refusal {
    refusal_of_bytes(&canonical(value))
}

/// A right manifest in which `field` has `value`.
fn with(field: &str, value: Value) -> Value {
    let mut manifest = manifest(&[]);
    manifest[field] = value;
    manifest
}

/// A manifest of one file in which `field` of the file has `value`.
fn with_file(field: &str, value: Value) -> Value {
    let mut file = listed("a", b"1");
    file[field] = value;
    with("files", json!([file]))
}

#[test]
fn what_is_not_canonical_json_is_a_format_refusal() {
    for text in [
        r#"{"schema":"strongroom.bundle/v1","files":[]}"#,
        r#"{"files":[], "schema":"strongroom.bundle/v1"}"#,
        "{\"files\":[],\"schema\":\"strongroom.bundle/v1\"}\n",
        "\u{feff}{\"files\":[],\"schema\":\"strongroom.bundle/v1\"}",
        r#"{"files":[],"schema":"strongroom.bundle/v1"}{}"#,
        r#"{"files":[],"schema":"strongroom.bundle\/v1"}"#,
        r#"{"files":[],"schema":"strongroom.bundle/v1","subject":"\u0041"}"#,
        r#"{"files":[],"metadata":{"n":1.0},"schema":"strongroom.bundle/v1"}"#,
        r#"{"files":[],"metadata":{"n":1e2},"schema":"strongroom.bundle/v1"}"#,
        r#"{"files":[],"metadata":{"n":-0},"schema":"strongroom.bundle/v1"}"#,
        r#"{"files":[],"metadata":{"s":"\ud800"},"schema":"strongroom.bundle/v1"}"#,
        "",
        "null",
        "[]",
        "{",
        "EVIL",
    ] {
        assert_eq!(refusal_of_bytes(text.as_bytes()), Refusal::Format, "{text}");
    }
    assert_eq!(refusal_of_bytes(b"{\"files\":[],\"schema\":\"\xff\"}"), Refusal::Format);
}

#[test]
fn a_name_twice_is_a_format_refusal_after_unescaping_too() {
    for text in [
        r#"{"files":[],"files":[],"schema":"strongroom.bundle/v1"}"#,
        r#"{"files":[],"fil\u0065s":[],"schema":"strongroom.bundle/v1"}"#,
        r#"{"files":[],"metadata":{"a":1,"a":2},"schema":"strongroom.bundle/v1"}"#,
    ] {
        assert_eq!(refusal_of_bytes(text.as_bytes()), Refusal::Format, "{text}");
    }
}

#[test]
fn null_in_place_of_a_field_is_a_format_refusal() {
    for field in
        ["producer", "subject", "run_id", "created_at", "retention", "metadata", "files", "schema"]
    {
        assert_eq!(refusal_of(&with(field, Value::Null)), Refusal::Format, "{field}");
    }
    for field in ["path", "size_bytes", "sha256", "media_type"] {
        assert_eq!(refusal_of(&with_file(field, Value::Null)), Refusal::Format, "{field}");
    }
}

#[test]
fn wrong_types_and_missing_fields_are_a_format_refusal() {
    for (field, value) in [
        ("files", json!({})),
        ("files", json!([1])),
        ("files", json!([{"path": "a", "size_bytes": 1}])),
        ("producer", json!("EVIL")),
        ("producer", json!({"version": "1"})),
        ("subject", json!("")),
        ("subject", json!("EVIL\u{1b}[2J")),
        ("run_id", json!(7)),
        ("created_at", json!("yesterday")),
        ("created_at", json!("2026-11-21")),
        ("retention", json!({"days": 0})),
        ("retention", json!({"days": -1})),
        ("retention", json!({"days": 1.5})),
        ("retention", json!({"legal_hold": "yes"})),
        ("metadata", json!([])),
    ] {
        assert_eq!(refusal_of(&with(field, value.clone())), Refusal::Format, "{field}: {value}");
    }
    for (field, value) in [
        ("size_bytes", json!(-1)),
        ("size_bytes", json!(0.5)),
        ("size_bytes", json!("1")),
        ("sha256", json!("EVIL")),
        ("sha256", json!("00".repeat(32))),
        ("media_type", json!("")),
    ] {
        assert_eq!(
            refusal_of(&with_file(field, value.clone())),
            Refusal::Format,
            "{field}: {value}"
        );
    }
}

#[test]
fn numbers_that_not_every_reader_keeps_are_a_format_refusal() {
    for number in ["9007199254740992", "-9007199254740992", "18446744073709551615", "1e400"] {
        let text = format!(
            r#"{{"files":[],"metadata":{{"n":{number}}},"schema":"strongroom.bundle/v1"}}"#
        );
        assert_eq!(refusal_of_bytes(text.as_bytes()), Refusal::Format, "{number}");
    }
}

#[test]
fn unsafe_paths_are_a_security_refusal() {
    for path in
        ["", "/EVIL", "../EVIL", "a/../EVIL", "a/./EVIL", ".", "a//EVIL", "EVIL/", "a\0EVIL"]
    {
        assert_eq!(refusal_of(&with_file("path", json!(path))), Refusal::Security, "{path:?}");
    }
}

#[test]
fn paths_that_are_equal_are_a_security_refusal() {
    let two = |one: &str, other: &str| manifest(&[(one, b"1"), (other, b"2")]);
    assert_eq!(refusal_of(&two("EVIL", "EVIL")), Refusal::Security);
    assert_eq!(refusal_of(&two("EVIL-e\u{301}", "EVIL-\u{e9}")), Refusal::Security);
    assert_eq!(refusal_of(&two("K", "\u{212a}")), Refusal::Security);
}

#[test]
fn paths_in_another_order_are_a_format_refusal() {
    assert_eq!(refusal_of(&manifest(&[("b", b"1"), ("a", b"2")])), Refusal::Format);
}

#[test]
fn what_is_over_a_limit_is_a_limit_refusal() {
    let long = "x".repeat(limits::JSON_STRING_BYTES_MAX + 1);
    let deep = (0..limits::JSON_DEPTH_MAX).fold(json!(1), |inner, _| json!([inner]));
    let many_values = vec![0; limits::JSON_VALUES_MAX + 1];
    let many_names: serde_json::Map<String, Value> =
        (0..=limits::JSON_NAMES_MAX).map(|name| (name.to_string(), json!(1))).collect();
    for (field, value) in [
        ("metadata", json!({"long": long})),
        ("metadata", json!({"deep": deep})),
        ("metadata", json!({"values": many_values})),
        ("metadata", Value::Object(many_names)),
        ("subject", json!("x".repeat(257))),
        ("run_id", json!("x".repeat(257))),
        ("retention", json!({"days": 36_501})),
        ("retention", json!({"days": 9_007_199_254_740_991_u64})),
    ] {
        assert_eq!(refusal_of(&with(field, value)), Refusal::Limit, "{field}");
    }
    assert_eq!(refusal_of(&with_file("path", json!("x".repeat(1025)))), Refusal::Limit);
    assert_eq!(refusal_of(&with_file("size_bytes", json!((5_u64 << 40) + 1))), Refusal::Limit);
}

#[test]
fn more_files_than_the_limit_are_a_limit_refusal() {
    let files: Vec<Value> =
        (0..=limits::FILES_MAX).map(|number| listed(&format!("{number:06}"), b"")).collect();
    assert_eq!(refusal_of(&with("files", json!(files))), Refusal::Limit);
}

#[test]
fn a_manifest_over_the_limit_is_refused_by_its_header_alone() {
    let block = header(b"manifest.json", limits::MANIFEST_BYTES_MAX + 1, b'0');
    assert_eq!(refusal_of_tar(&block), Refusal::Limit);
}

#[test]
fn an_unknown_schema_is_refused_and_both_versions_are_named() {
    let refused = |schema: &str| -> BundleError {
        let tar =
            tar(&[&member("manifest.json", &canonical(&json!({"schema": schema, "files": 7})))]);
        UnverifiedBundle::open(&gzip(&tar)[..], &ReadLimits::default()).unwrap_err()
    };
    let later = refused("strongroom.bundle/v2");
    assert_eq!(later.refusal(), Refusal::Format);
    assert!(later.to_string().contains("strongroom.bundle/v2"), "{later}");
    assert!(later.to_string().contains("strongroom.bundle/v1"), "{later}");
    for other in [MARK, "strongroom.bundle/v2 EVIL", "strongroom.bundle/v", ""] {
        let message = refused(other).to_string();
        assert!(message.contains("strongroom.bundle/v1") && !message.contains(MARK), "{message}");
    }
}

#[test]
fn fields_that_this_version_does_not_know_are_skipped_and_count_in_the_id() {
    let plain = canonical(&manifest(&[]));
    let later = canonical(&with("later", json!({"deep": [1, null, "x"]})));
    let open = |bytes: &[u8]| {
        let archive = gzip(&tar(&[&member("manifest.json", bytes)]));
        crate::support::verify(archive.as_slice()).unwrap()
    };
    assert_ne!(open(&plain).id(), open(&later).id());
    assert_eq!(Manifest::from_bytes(&plain).unwrap(), Manifest::from_bytes(&later).unwrap());
}
