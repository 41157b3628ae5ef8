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
//! | [`whole_in`] | how far each secret of a text goes |
//! | [`redacted`] | a text without its secrets |

mod finder;
mod kind;
mod kinds;
mod shape;
mod whole;

pub use finder::{SecretFinder, SecretMatch};
pub use kind::SecretKind;
pub use kinds::KINDS;
pub use whole::whole_in;

/// What stands for a secret wherever a text that holds one has to be shown.
pub const REDACTED: &str = "[redacted]";

/// The secrets in a short text, by the order of their places.
pub fn find_in(text: &str) -> Vec<SecretMatch> {
    let mut found = Vec::new();
    SecretFinder::shared().find(text.as_bytes(), 0..text.len(), |one| found.push(one));
    found.sort_by_key(|one| (one.start, one.end));
    found
}

/// A text with every secret in it replaced by [`REDACTED`], to its end: of a private key, to its last
/// line. `None` where it holds none.
pub fn redacted(text: &str) -> Option<String> {
    let found = whole_in(text);
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
    fn a_private_key_is_not_shown_to_its_last_line() {
        let key = ["-----BEGIN", " PRIVATE KEY-----\n"].concat()
            + &"MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50\n".repeat(5)
            + &["-----END", " PRIVATE KEY-----"].concat();
        assert_eq!(
            redacted(&format!("a {key}\nb")).as_deref(),
            Some("a [redacted]\nb"),
            "the whole of it"
        );
        let cut = redacted(&key[..key.len() - 30]);
        assert_eq!(cut.as_deref(), Some("[redacted]"), "a key without its end");
        let quoted = serde_json::json!({"key": key, "note": "public"}).to_string();
        let shown = redacted(&quoted).expect("a secret");
        assert!(shown.contains("public") && !shown.contains("MC4CAQ"), "{shown}");
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
