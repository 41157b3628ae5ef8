//! What is wrong with a configuration file, in our own words.
//!
//! The parser's messages quote what stands around the place, which may be a secret that somebody
//! put there by mistake: only the names of keys are repeated.

use std::path::Path;

use serde_saphyr::Error;

use super::registry::keys;
use super::settings;
use crate::failure::Failure;

/// A key that is longer than this is not repeated.
const KEY_CHARS_MAX: usize = 64;
/// Keys that differ in at most so many letters are taken for each other.
const MISTYPED_LETTERS_MAX: usize = 2;

/// Why `path` was refused, with the line.
pub(super) fn refused(path: &Path, error: &Error) -> Failure {
    refused_where(path, error, &known_settings())
}

/// The same of a file of another kind. `known` says what may stand in it.
pub fn refused_where(path: &Path, error: &Error, known: &str) -> Failure {
    let place = match error.location() {
        Some(location) if location.line() > 0 => format!("{}:{}", path.display(), location.line()),
        _ => path.display().to_string(),
    };
    let (problem, help) = told(error.without_snippet(), known);
    Failure::usage(format!("{place}: {problem}")).with_help(help)
}

/// The problem, and what to do.
fn told(error: &Error, known: &str) -> (String, String) {
    match error {
        Error::SerdeUnknownField { field, expected, .. } => unknown(field, expected, known),
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().filter(|key| may_be_repeated(key));
            let problem = match key {
                Some(key) => format!("the key `{key}` stands here a second time"),
                None => "a key stands here a second time".to_owned(),
            };
            (problem, "keep one of the two".to_owned())
        }
        Error::SerdeInvalidType { expected, .. } | Error::SerdeInvalidValue { expected, .. } => {
            (format!("{} is expected here", kind_of(expected)), known.to_owned())
        }
        Error::InvalidScalar { ty, .. } => {
            (format!("{} is expected here", kind_of(ty)), known.to_owned())
        }
        Error::InvalidBooleanStrict { .. } => {
            ("`true` or `false` is expected here".to_owned(), known.to_owned())
        }
        Error::NullIntoString { .. } => {
            ("a value is expected here".to_owned(), "leave the key out if it has none".to_owned())
        }
        Error::Unexpected { expected, .. } => {
            (format!("{} is expected here", kind_of(expected)), known.to_owned())
        }
        Error::AliasError { error, .. } => told(error, known),
        _ => ("no YAML that can be read".to_owned(), known.to_owned()),
    }
}

fn unknown(field: &str, expected: &[&'static str], known: &str) -> (String, String) {
    if !may_be_repeated(field) {
        return ("an unknown key".to_owned(), known.to_owned());
    }
    let problem = format!("unknown key `{field}`");
    let distance = |known: &str| strsim::damerau_levenshtein(field, known);
    let nearest = expected.iter().copied().min_by_key(|known| distance(known));
    if let Some(meant) = nearest.filter(|known| distance(known) <= MISTYPED_LETTERS_MAX) {
        return (problem, format!("did you mean `{meant}`?"));
    }
    let every = settings::ALL.iter().chain(keys::all().map(|key| &key.setting));
    let elsewhere = every.into_iter().find_map(|setting| {
        let (section, name) = setting.key.rsplit_once('.')?;
        (name == field).then_some(section)
    });
    match elsewhere {
        Some(section) => (problem, format!("it stands under `{section}:`")),
        None => (problem, format!("known here: {}", expected.join(", "))),
    }
}

/// A key, and neither a story nor a secret.
fn may_be_repeated(key: &str) -> bool {
    key.chars().count() <= KEY_CHARS_MAX
        && key.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.'))
}

/// What the parser expected, which it says in its own words and by the names of our types.
fn kind_of(expected: &str) -> &'static str {
    if expected.contains("bool") {
        "`true` or `false`"
    } else if expected.contains("u64") {
        "a whole number"
    } else if expected.contains("struct") || expected.contains("mapping") {
        "a group of keys and their values"
    } else {
        "a single value"
    }
}

fn known_settings() -> String {
    let of = |section: &str| {
        let keys = settings::ALL.iter().filter_map(|setting| setting.key.strip_prefix(section));
        keys.collect::<Vec<_>>().join(", ")
    };
    format!(
        "the settings are store.{{{}}}, push.{{{}}} and registry.…, which `strongroom check-config` \
         lists; secrets are only named",
        of("store."),
        of("push.")
    )
}
