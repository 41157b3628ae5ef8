//! The report as SARIF 2.1.0 (OASIS, errata 01), which code hosts show beside the code.

use serde_json::{Value, json};
use strongroom_core::lint::{Finding, Fingerprint, Place, Report, Rule, Severity, Spot};

use super::document::Linted;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
const HOME: &str = env!("CARGO_PKG_REPOSITORY");
/// What paths are relative to: where a consumer has the bundle unpacked.
const BASE: &str = "BUNDLE";
/// How a code host ranks secrets among other findings, from 0 to 10.
const SECRET_RANK: &str = "8.0";
const MANIFEST: &str = "manifest.json";

/// One log with one run.
pub fn log(linted: &Linted, report: &Report) -> Value {
    let mut rules: Vec<&'static Rule> =
        report.findings.iter().map(|finding| finding.rule).collect();
    rules.sort_by(|one, other| one.id.cmp(&other.id));
    rules.dedup_by(|one, other| one.id == other.id);
    let results: Vec<Value> =
        report.findings.iter().map(|finding| result(finding, &rules)).collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "Strongroom",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": HOME,
                "rules": rules.iter().map(|rule| descriptor(rule)).collect::<Vec<_>>(),
            }},
            "automationDetails": {"id": "strongroom-lint/"},
            "invocations": [{"executionSuccessful": true}],
            "originalUriBaseIds": {
                BASE: {"description": {"text": "The files of the bundle, by their paths in it."}},
            },
            "columnKind": "unicodeCodePoints",
            "results": results,
            "properties": {
                "bundleId": linted.bundle_id,
                "format": linted.format,
                "lookedAt": report.looked_at,
                "unlisted": report.unlisted,
                "suppressed": report.suppressed,
            },
        }],
    })
}

fn descriptor(rule: &Rule) -> Value {
    let mut properties = json!({"tags": [rule.family()]});
    if rule.family() == "secret" {
        properties = json!({"tags": ["security", "secret"], "security-severity": SECRET_RANK});
    }
    json!({
        "id": rule.id,
        "shortDescription": {"text": sentence(&rule.summary)},
        "fullDescription": {"text": rule.explanation},
        "help": {"text": rule.explanation},
        "helpUri": format!("{HOME}/blob/main/docs/LINT.md#{}", anchor(rule)),
        "defaultConfiguration": {"level": level(rule.severity)},
        "properties": properties,
    })
}

fn result(finding: &Finding, rules: &[&'static Rule]) -> Value {
    let index = rules.iter().position(|rule| rule.id == finding.rule.id).unwrap_or_default();
    json!({
        "ruleId": finding.rule.id,
        "ruleIndex": index,
        "level": level(finding.severity),
        "message": {"text": sentence(&escaped(&finding.message))},
        "locations": [location(&finding.place)],
        "partialFingerprints": {Fingerprint::SARIF_NAME: finding.fingerprint},
    })
}

fn location(place: &Place) -> Value {
    let artifact = |path: &str| json!({"uri": uri(path), "uriBaseId": BASE});
    match place {
        Place::Bundle => json!({"physicalLocation": {"artifactLocation": artifact(MANIFEST)}}),
        Place::Field { field } => json!({
            "physicalLocation": {"artifactLocation": artifact(MANIFEST)},
            "logicalLocations": [{"fullyQualifiedName": field, "kind": "property"}],
        }),
        Place::Name { path } | Place::File { path, spot: None } => {
            json!({"physicalLocation": {"artifactLocation": artifact(path)}})
        }
        Place::File { path, spot: Some(spot) } => {
            let region = match spot {
                Spot::Text { line, column } => json!({"startLine": line, "startColumn": column}),
                Spot::Bytes { byte_offset } => json!({"byteOffset": byte_offset}),
            };
            json!({"physicalLocation": {"artifactLocation": artifact(path), "region": region}})
        }
    }
}

/// SARIF's levels have the names of ours.
fn level(severity: Severity) -> &'static str {
    severity.name()
}

/// As a heading of the page is called: without dots. Secrets have one for all.
fn anchor(rule: &Rule) -> String {
    match rule.family() {
        "secret" => "secrets".to_owned(),
        _ => rule.id.replace('.', ""),
    }
}

fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().collect::<String>());
    format!("{}{}.", first.unwrap_or_default(), characters.as_str())
}

/// A message may hold a path: what would be a link or a placeholder in it (SARIF 3.11.5 and 3.11.6) is
/// escaped.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]");
    text.replace('{', "{{").replace('}', "}}")
}

/// A path as a relative reference (RFC 3986): everything but unreserved characters and slashes is escaped, so
/// that no first segment can be taken for a scheme.
fn uri(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                escaped.push(char::from(byte));
            }
            byte => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_relative_reference_whatever_is_in_it() {
        assert_eq!(escaped("[a](1) {0}"), "\\[a\\](1) {{0}}");
        assert_eq!(uri("a b/c:d?#é%.txt"), "a%20b/c%3Ad%3F%23%C3%A9%25.txt");
    }
}
