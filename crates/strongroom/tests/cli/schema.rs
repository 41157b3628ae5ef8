//! Every JSON document, held against its published schema. The schemas let readers ignore fields
//! that they do not know; here a field that no schema knows is a failure.

use std::fs;
use std::path::PathBuf;

use boon::{Compiler, Draft, Schemas};
use serde_json::Value;

fn published(name: &str) -> Value {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas");
    let path = root.join(format!("{name}.v1.json"));
    let text = fs::read_to_string(&path).expect("a published schema");
    serde_json::from_str(&text).expect("JSON")
}

/// Refuses what is not described.
fn close(schema: &mut Value) {
    if let Some(object) = schema.as_object_mut() {
        if object.contains_key("properties") {
            object.insert("additionalProperties".into(), false.into());
        }
        object.values_mut().for_each(close);
    } else if let Some(array) = schema.as_array_mut() {
        array.iter_mut().for_each(close);
    }
}

/// Holds a document against a part of a schema (`""` is the whole one).
#[track_caller]
pub fn assert_valid_part(document: &Value, name: &str, part: &str) {
    let mut schema = published(name);
    close(&mut schema);
    let mut schemas = Schemas::new();
    let mut compiler = Compiler::new();
    compiler.set_default_draft(Draft::V2020_12);
    compiler.enable_format_assertions();
    let url = format!("http://schema.invalid/{name}.json");
    // The published name is a URN, under which a compiler would look the parts up.
    schema.as_object_mut().expect("an object").remove("$id");
    compiler.add_resource(&url, schema).expect("a resource");
    let compiled = compiler.compile(&format!("{url}#{part}"), &mut schemas).expect("a schema");
    if let Err(error) = schemas.validate(document, compiled) {
        panic!("{name}: {error:#}\n{document:#}");
    }
}

/// Holds a document against its schema.
#[track_caller]
pub fn assert_valid(document: &Value, name: &str) {
    assert_valid_part(document, name, "");
}

#[test]
fn a_field_that_no_schema_knows_is_noticed() {
    let good = serde_json::json!({"schema": "strongroom.man/v1", "pages": []});
    assert_valid(&good, "man");
    let unknown = serde_json::json!({"schema": "strongroom.man/v1", "pages": [], "more": 1});
    assert!(std::panic::catch_unwind(|| assert_valid(&unknown, "man")).is_err());
}

#[test]
fn every_schema_names_itself_and_its_version() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas");
    let mut seen = 0;
    for name in crate::room::names_in(&root) {
        let name = name.strip_suffix(".v1.json").expect("NAME.v1.json");
        let schema = published(name);
        assert_eq!(schema["properties"]["schema"]["const"], format!("strongroom.{name}/v1"));
        assert_eq!(schema["$id"], format!("urn:strongroom:schema:{name}:v1"));
        seen += 1;
    }
    assert!(seen >= 12, "only {seen} schemas");
}

/// The golden files of the core, which its own tests write and read.
#[test]
fn what_a_registry_keeps_of_a_package_is_described() {
    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../strongroom-core/tests/package");
    let read = |name: &str| fs::read_to_string(golden.join(name)).expect("a golden file");
    let document = serde_json::from_str(&read("package.json")).expect("JSON");
    assert_valid(&document, "package");
    let records = read("records.ndjson");
    let mut seen = 0;
    for record in records.lines() {
        assert_valid(&serde_json::from_str(record).expect("JSON"), "package-record");
        seen += 1;
    }
    let kinds = &published("package-record")["properties"]["kind"]["enum"];
    assert_eq!(kinds.as_array().map(Vec::len), Some(seen), "one of each kind");
}
