//! Secrets in text: what each kind looks like, and where one stands.
//!
//! The kinds are a table, one family a file under `kinds/`. A kind is looked for only where one of its
//! keywords stands: one automaton finds all keywords of all kinds in one pass, and only there a small
//! anchored expression is tried, on at most [`limits::SECRET_BYTES_MAX`](crate::limits::SECRET_BYTES_MAX)
//! bytes. What was found is told by its kind and its place: nothing here gives the value away.
//!
//! | type | what |
//! |---|---|
//! | [`SecretKind`] | one row of the table |
//! | [`KINDS`] | the table |
//! | [`SecretFinder`] | finds all of them |
//! | [`SecretMatch`] | what was found, and where |
//! | [`redacted`], [`places_in`] | a text without them; where they are, whole |
//! | [`Names`], [`find_in_value`], [`value_without_secrets`] | the same of a value, by the names that lead to it |

mod boundary;
mod finder;
mod given;
mod kind;
mod kinds;
mod named;
mod places;
mod shape;

pub use finder::{SecretFinder, SecretMatch};
pub use kind::SecretKind;
pub use kinds::KINDS;
pub use named::{
    Names, find_in_value, is_name_of_a_pair, is_value_of_a_pair, name_of_pair, places_in_value,
    value_without_secrets,
};
pub use places::{places_in, redacted};

/// What stands for a secret wherever a text that holds one has to be shown.
pub const REDACTED: &str = "[redacted]";

/// The secrets in a short text, by the order of their places.
pub fn find_in(text: &str) -> Vec<SecretMatch> {
    let mut found = Vec::new();
    SecretFinder::shared().find(text.as_bytes(), 0..text.len(), |one| found.push(one));
    found.sort_by_key(|one| (one.start, one.end));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_id_its_documentation_and_keywords() {
        let mut ids: Vec<&str> =
            KINDS.iter().flat_map(|family| family.iter()).map(|kind| kind.id).collect();
        assert!(ids.len() >= 70, "only {} kinds", ids.len());
        ids.sort_unstable();
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]));
        for kind in KINDS.iter().flat_map(|family| family.iter()) {
            let id = kind.id;
            assert!(
                id.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
                "{id}"
            );
            assert!(kind.documentation.starts_with("https://"), "{id}");
            assert!(!kind.keywords.is_empty(), "{id}");
            assert!(kind.keywords.iter().all(|keyword| keyword.len() >= 3), "{id}");
        }
    }
}
