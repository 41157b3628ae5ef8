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

mod finder;
mod kind;
mod kinds;
mod shape;

pub use finder::{SecretFinder, SecretMatch};
pub use kind::SecretKind;
pub use kinds::KINDS;

/// What stands for a secret wherever a text that holds one has to be shown.
pub const REDACTED: &str = "[redacted]";

/// The secrets in a short text, by the order of their places.
pub fn find_in(text: &str) -> Vec<SecretMatch> {
    let mut found = Vec::new();
    SecretFinder::shared().find(text.as_bytes(), 0..text.len(), |one| found.push(one));
    found.sort_by_key(|one| (one.start, one.end));
    found
}

/// A text with every secret in it replaced by [`REDACTED`]; `None` where it holds none.
pub fn redacted(text: &str) -> Option<String> {
    let found = find_in(text);
    if found.is_empty() {
        return None;
    }
    let mut shown = String::new();
    let mut at = 0;
    for one in &found {
        // Secrets may overlap; and a match ends between characters only where the text is ASCII there.
        let (start, end) = (boundary(text, one.start.max(at)), boundary(text, one.end.max(at)));
        if end > at {
            shown.push_str(&text[at..start]);
            if start == at && shown.ends_with(REDACTED) {
                at = end;
                continue;
            }
            shown.push_str(REDACTED);
            at = end;
        }
    }
    shown.push_str(&text[at..]);
    Some(shown)
}

/// The next place at or after `at` that is between two characters.
fn boundary(text: &str, at: usize) -> usize {
    (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_with_secrets_is_shown_without_them() {
        let token = ["ghp", "_", "q7Zr2Lk9Wd4Xs8Bn3Vc6Mf1Hj5Tg0PyAuEoR"].concat();
        let text = format!("é {token} and {token}.log");
        assert_eq!(redacted(&text).as_deref(), Some("é [redacted] and [redacted].log"));
        assert_eq!(redacted("nothing here"), None);
    }

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
