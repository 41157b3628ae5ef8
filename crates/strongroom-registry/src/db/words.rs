//! What a search finds a package by: its words, and the pairs of its metadata.
//!
//! Words are made here, so that both engines find the same: letters and digits in Unicode's compatible composed
//! form (NFKC), in lower case. What is no ASCII letter or digit is a letter to SQLite's index, which is set up so
//! that it takes each of these words whole.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;
use unicode_normalization::UnicodeNormalization as _;

use super::limits;
use super::packages::PackageRow;
use super::scope::TenantId;

/// The word that every package of a tenant has: an index of all tenants' words then reads those of one. It only
/// saves reading; a search compares the tenant besides.
fn of_tenant(tenant: &TenantId) -> String {
    format!("tenant0{}0", tenant.as_str().replace('-', "1"))
}

/// What finds packages of `tenant` with all of `words`, in the language of SQLite's FTS5. Words are letters and digits
/// only, so nothing in them means anything there once they are quoted.
pub(super) fn fts5(tenant: &TenantId, words: &[String]) -> String {
    all_of(tenant, words, '"', " AND ")
}

/// The same as PostgreSQL's `tsquery`.
pub(super) fn tsquery(tenant: &TenantId, words: &[String]) -> String {
    all_of(tenant, words, '\'', " & ")
}

fn all_of(tenant: &TenantId, words: &[String], quote: char, between: &str) -> String {
    let tenant = of_tenant(tenant);
    let all = std::iter::once(&tenant).chain(words);
    all.map(|word| format!("{quote}{word}{quote}")).collect::<Vec<_>>().join(between)
}

/// The words of a package, each once, the tenant's among them. What a search may ask for by an exact value comes first, so
/// that [`of_search`] of that value is always among them.
pub(super) fn of_package(tenant: &TenantId, package: &PackageRow) -> Vec<String> {
    let exact = [Some(&package.producer), package.subject.as_ref(), package.run_id.as_ref()];
    let mut words: BTreeSet<String> =
        exact.into_iter().flatten().flat_map(|text| of_search(text)).collect();
    let mut texts: Vec<&str> = vec![&package.name];
    texts.extend(
        exact.into_iter().chain([package.producer_version.as_ref()]).flatten().map(String::as_str),
    );
    collect_texts(&package.metadata, &mut texts);
    for word in texts.into_iter().flat_map(split) {
        if words.len() >= limits::PACKAGE_WORDS_MAX {
            break;
        }
        words.insert(word);
    }
    words.into_iter().chain([of_tenant(tenant)]).collect()
}

/// The different words of a search, in the order of their first occurrence.
pub(super) fn of_search(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in split(text) {
        if words.len() == limits::SEARCH_WORDS_MAX {
            break;
        }
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

fn split(text: &str) -> Vec<String> {
    let composed: String = text.nfkc().collect();
    composed
        .to_lowercase()
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| cut(word).to_owned())
        .collect()
}

fn cut(word: &str) -> &str {
    let end = word.floor_char_boundary(limits::WORD_BYTES_MAX);
    &word[..end]
}

/// Names and texts at any depth.
fn collect_texts<'v>(value: &'v Value, texts: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(values) => values.iter().for_each(|value| collect_texts(value, texts)),
        Value::Object(fields) => {
            for (name, value) in fields {
                texts.push(name);
                collect_texts(value, texts);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The pairs that `metadata.key = value` finds: texts, numbers and truth values at the top of the document, and
/// those inside of its lists. What is longer than a named limit is not found this way.
pub(super) fn pairs_of(metadata: &Value) -> BTreeSet<(&str, Cow<'_, str>)> {
    let mut pairs = BTreeSet::new();
    for (key, value) in metadata.as_object().into_iter().flatten() {
        let values = match value {
            Value::Array(values) => values.as_slice(),
            single => std::slice::from_ref(single),
        };
        for value in values {
            let text: Cow<'_, str> = match value {
                Value::String(text) => text.as_str().into(),
                Value::Number(number) => number.to_string().into(),
                Value::Bool(truth) => truth.to_string().into(),
                Value::Null | Value::Array(_) | Value::Object(_) => continue,
            };
            let fits = key.len().max(text.len()) <= limits::METADATA_VALUE_BYTES_MAX;
            if fits && pairs.len() < limits::METADATA_PAIRS_MAX {
                pairs.insert((key.as_str(), text));
            }
        }
    }
    pairs
}
