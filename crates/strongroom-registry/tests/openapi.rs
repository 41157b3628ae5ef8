//! The API's own document: kept in `docs/api/openapi.json`, with something said of everything in it, and examples that
//! are what they are examples of. `docs/API.md` has its tables from the code.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use boon::{Compiler, Schemas};
use jiff::SignedDuration;
use serde_json::{Map, Value};
use strongroom_core::limits;
use strongroom_registry::api::problem::{advice_of, status_of, type_of};
use strongroom_registry::api::router::{API, document};
use strongroom_registry::config::{ConnectionLimits, RequestLimits};
use strongroom_registry::db::limits::METADATA_FILTERS_MAX;
use strongroom_registry::error::ErrorKind;
use strongroom_registry::service::resumable::{PARTS_MAX, UPLOADS_MAX};

fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

#[allow(clippy::disallowed_methods)] // where the environment comes in
fn is_asked_to_write() -> bool {
    std::env::vars_os().any(|(name, _)| name == "STRONGROOM_WRITE_EXPECTED")
}

/// Holds a file against what it should be, and writes it where that is asked for.
fn assert_written(name: &str, expected: &str) {
    if is_asked_to_write() {
        std::fs::create_dir_all(page(name).parent().unwrap()).unwrap();
        std::fs::write(page(name), expected).unwrap();
    }
    let written = std::fs::read_to_string(page(name)).unwrap_or_default();
    assert!(written == expected, "docs/{name}: run this test with STRONGROOM_WRITE_EXPECTED=1");
}

/// Each operation, with its method and path.
fn operations(document: &Value) -> Vec<(String, Value)> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations.push((format!("{} {path}", method.to_uppercase()), operation.clone()));
        }
    }
    operations
}

#[test]
fn the_document_that_is_kept_is_the_one_that_is_served() {
    let text = format!("{}\n", serde_json::to_string_pretty(&document()).unwrap());
    assert_written("api/openapi.json", &text);
}

#[test]
fn each_operation_has_a_name_of_its_own_and_says_what_it_does_and_takes_and_answers() {
    let document = document();
    let mut names = BTreeSet::new();
    let tags: BTreeSet<_> = document["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| tag["name"].clone().to_string())
        .collect();
    for (place, operation) in operations(&document) {
        let name = operation["operationId"].as_str().unwrap();
        assert!(names.insert(name.to_owned()), "{place}: a second {name}");
        assert!(is_said(&operation["summary"]), "{place} has no summary");
        assert!(tags.contains(&operation["tags"][0].to_string()), "{place} has a tag of its own");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(is_said(&parameter["description"]), "{place}: {parameter}");
        }
        if let Some(body) = operation.get("requestBody") {
            let named = body["content"]["application/json"]["schema"].get("$ref").is_some();
            assert!(named || is_said(&body["description"]), "{place}: {body}");
        }
        for (status, answer) in operation["responses"].as_object().unwrap() {
            let answer = resolved(&document, answer);
            assert!(is_said(&answer["description"]), "{place} {status}");
            assert!(answer["headers"].get("x-request-id").is_some(), "{place} {status}");
        }
        for status in ["401", "500", "503"] {
            assert!(operation["responses"].get(status).is_some(), "{place} has no {status}");
        }
    }
}

fn is_said(text: &Value) -> bool {
    text.as_str().is_some_and(|text| !text.trim().is_empty())
}

fn resolved<'a>(document: &'a Value, place: &'a Value) -> &'a Value {
    match place["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => place,
    }
}

#[test]
fn each_schema_and_each_of_its_fields_is_described() {
    let document = document();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(is_said(&schema["description"]), "{name}");
        let parts = schema["allOf"].as_array().cloned().unwrap_or_default();
        for part in parts.iter().chain([schema]) {
            for (field, about) in part["properties"].as_object().into_iter().flatten() {
                let said = [about, resolved(&document, about)]
                    .iter()
                    .any(|at| is_said(&at["description"]));
                let in_one = about["oneOf"].as_array().into_iter().flatten();
                let said = said || in_one.clone().any(|one| is_said(&one["description"]));
                assert!(said, "{name}.{field}: {about}");
            }
        }
    }
}

#[test]
fn in_answers_nothing_is_null_and_bytes_are_no_numbers() {
    let text = document()["components"]["schemas"]["PackageDocument"].to_string();
    assert!(!text.contains("null"), "{text}");
    for (place, operation) in operations(&document()) {
        let answers = operation["responses"].to_string();
        assert!(!answers.contains("null"), "{place}: {answers}");
        let parameters = operation["parameters"].to_string();
        assert!(parameters == "null" || !parameters.contains("null"), "{place}: {parameters}");
        let binary = &operation["requestBody"]["content"]["application/octet-stream"]["schema"];
        assert_ne!(binary["type"], "array", "{place}");
    }
}

#[test]
fn every_example_is_what_it_is_an_example_of() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut checked = BTreeSet::new();
    for (name, schema) in schemas {
        for example in schema["examples"].as_array().into_iter().flatten() {
            assert_valid(schemas, name, example);
            checked.insert(name.as_str());
        }
    }
    for answer in document["components"]["responses"].as_object().unwrap().values() {
        for (_, example) in
            answer["content"]["application/problem+json"]["examples"].as_object().unwrap()
        {
            assert_valid(schemas, "Problem", &example["value"]);
            checked.insert("Problem");
        }
    }
    for asked in ["NewPackage", "NewToken", "HoldAsk", "ExtensionAsk", "DeletionAsk", "Problem"] {
        assert!(checked.contains(asked), "{asked} has no example");
    }
}

fn assert_valid(all: &Map<String, Value>, name: &str, example: &Value) {
    let place = "strongroom:openapi";
    let whole = serde_json::json!({ "components": { "schemas": all } });
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.enable_format_assertions();
    compiler.add_resource(place, whole).unwrap();
    let index =
        compiler.compile(&format!("{place}#/components/schemas/{name}"), &mut schemas).unwrap();
    if let Err(error) = schemas.validate(example, index) {
        panic!("{name}: {error:#}: {example}");
    }
}

/// The page with what stands between each pair of marks made anew.
fn with_tables(mut text: String) -> String {
    for (name, table) in
        [("endpoints", endpoints()), ("problems", problems()), ("limits", bounds())]
    {
        let (first, last) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
        let begins = text.find(&first).unwrap_or_else(|| panic!("no {first}")) + first.len();
        let ends = text.find(&last).unwrap_or_else(|| panic!("no {last}"));
        text.replace_range(begins..ends, &table);
    }
    text
}

fn endpoints() -> String {
    let mut table = String::from("| | | |\n|---|---|---|\n");
    for (place, operation) in operations(&document()) {
        let (method, path) = place.split_once(' ').unwrap();
        let summary = operation["summary"].as_str().unwrap().replace('\n', " ");
        let path = path.trim_start_matches(API);
        writeln!(table, "| `{method}` | `{path}` | {summary} |").unwrap();
    }
    table
}

fn problems() -> String {
    let mut table = String::from("| `type` | status | what to do | again? |\n|---|---:|---|---|\n");
    for kind in ErrorKind::ALL {
        let (name, status) = (type_of(kind), status_of(kind).as_u16());
        let again = if kind.retry_after().is_some() { "yes" } else { "no" };
        writeln!(table, "| `{name}` | {status} | {} | {again} |", advice_of(kind)).unwrap();
    }
    table
}

fn seconds(duration: SignedDuration) -> String {
    format!("{} s", duration.as_secs())
}

fn bounds() -> String {
    let (request, connection) = (RequestLimits::default(), ConnectionLimits::default());
    let rows = [
        ("one file", format!("{} GiB", request.file_bytes_max >> 30), "413"),
        (
            "a JSON body",
            format!("{} KiB, {} levels", request.json_bytes_max >> 10, limits::JSON_DEPTH_MAX),
            "413, 400",
        ),
        ("a file's path", format!("{} bytes", limits::PATH_BYTES_MAX), "422"),
        ("a name", format!("{} bytes", limits::NAME_BYTES_MAX), "422"),
        ("a reason", format!("{} bytes", limits::REASON_BYTES_MAX), "422"),
        ("pairs of metadata in a search", METADATA_FILTERS_MAX.to_string(), "400"),
        ("entries of a page", request.page_entries_max.to_string(), "400"),
        ("requests at once", request.requests_at_once.to_string(), "503"),
        ("uploads at once", request.uploads_at_once.to_string(), "503"),
        ("unfinished uploads of a package", UPLOADS_MAX.to_string(), "413"),
        ("parts of an upload", PARTS_MAX.to_string(), "413"),
        ("the next byte of an unfinished upload", seconds(request.upload_lifetime), "404"),
        ("bundles at once", request.bundles_at_once.to_string(), "503"),
        ("the next piece of an upload", seconds(request.idle_body), "400"),
        ("a whole JSON body", seconds(request.idle_body), "400"),
        ("anything but an upload or a download", seconds(request.request), "503"),
        (
            "a client that takes nothing of an answer",
            seconds(request.idle_reader),
            "the connection ends",
        ),
        ("the head of a request", seconds(connection.head), "the connection ends"),
        ("a connection of which nothing is asked", seconds(connection.idle), "the connection ends"),
        ("connections", connection.at_once.to_string(), "the next one waits"),
        ("connections of one peer", connection.per_peer.to_string(), "the next one is closed"),
    ];
    let mut table = String::from("| what | at most | beyond |\n|---|---:|---|\n");
    for (what, most, beyond) in rows {
        writeln!(table, "| {what} | {most} | {beyond} |").unwrap();
    }
    table
}

#[test]
fn the_tables_of_the_page_are_those_of_the_code() {
    let text = std::fs::read_to_string(page("API.md")).unwrap();
    assert_written("API.md", &with_tables(text));
}
