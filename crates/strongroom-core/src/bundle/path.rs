//! Which paths a bundle may hold. Readers disagree about the rest.

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::{BundleError, Refusal};
use crate::limits;

/// Checks one path inside a bundle: relative, of plain segments between single slashes.
pub(crate) fn check(path: &str) -> Result<(), BundleError> {
    if path.len() > limits::PATH_BYTES_MAX {
        let max = limits::PATH_BYTES_MAX;
        return Err(BundleError::new(
            Refusal::Limit,
            format!("a path of {} bytes is over the limit PATH_BYTES_MAX: {max}", path.len()),
        ));
    }
    if path.contains('\0') || path.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err(BundleError::new(
            Refusal::Security,
            "a path is not a relative path of plain segments",
        ));
    }
    Ok(())
}

/// Checks the paths of one bundle against each other, in bundle order: sorted by bytes, none twice,
/// none equal under NFC (Unicode Standard Annex 15), none the folder of another.
pub(super) fn check_all<'a>(
    paths: impl ExactSizeIterator<Item = &'a str> + Clone,
) -> Result<(), BundleError> {
    let sorted: Vec<&str> = paths.collect();
    for pair in sorted.windows(2) {
        match pair[0].as_bytes().cmp(pair[1].as_bytes()) {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal => return Err(repeated()),
            std::cmp::Ordering::Greater => {
                return Err(BundleError::new(Refusal::Format, "paths are not sorted by bytes"));
            }
        }
    }
    let listed = |path: &str| sorted.binary_search(&path).is_ok();
    // Only forms that are not listed themselves have to be remembered.
    let mut composed = std::collections::HashSet::new();
    for path in &sorted {
        if is_nfc_quick(path.chars()) != IsNormalized::Yes {
            let nfc: String = path.nfc().collect();
            if nfc != **path && (listed(&nfc) || !composed.insert(nfc)) {
                return Err(BundleError::new(
                    Refusal::Security,
                    "two paths are equal under Unicode normalisation (NFC)",
                ));
            }
        }
        let folders = path.match_indices('/').map(|(slash, _)| &path[..slash]);
        if folders.into_iter().any(listed) {
            return Err(BundleError::new(
                Refusal::Format,
                "a path is both a file and the folder of another",
            ));
        }
    }
    Ok(())
}

/// Two files of one path.
pub(super) fn repeated() -> BundleError {
    BundleError::new(Refusal::Security, "a path appears twice")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal_of(paths: &[&str]) -> Option<Refusal> {
        check_all(paths.iter().copied()).err().map(|error| error.refusal())
    }

    #[test]
    fn plain_relative_paths_pass() {
        for path in ["a", "a/b", ".hidden", "..a", "a..", "a b/ü", "-", "a\\b", &"x".repeat(1024)]
        {
            assert!(check(path).is_ok(), "{path}");
        }
    }

    #[test]
    fn paths_that_climb_or_that_readers_read_differently_are_a_security_refusal() {
        for path in ["", "/", "/a", "a/", "a//b", ".", "..", "./a", "a/./b", "a/../b", "a\0b"] {
            let refused = check(path).map_err(|error| error.refusal());
            assert_eq!(refused, Err(Refusal::Security), "{path:?}");
        }
    }

    #[test]
    fn a_path_over_the_limit_is_a_limit_refusal() {
        let refused = check(&"x".repeat(1025)).map_err(|error| error.refusal());
        assert_eq!(refused, Err(Refusal::Limit));
    }

    #[test]
    fn the_order_is_of_bytes() {
        assert_eq!(refusal_of(&["B", "a", "a.b", "a/b", "é"]), Some(Refusal::Format));
        assert_eq!(refusal_of(&["B", "a", "a.b", "é"]), None);
        assert_eq!(refusal_of(&["a", "B"]), Some(Refusal::Format));
        assert_eq!(refusal_of(&["a", "a"]), Some(Refusal::Security));
    }

    #[test]
    fn paths_equal_under_nfc_are_refused_whichever_form_comes_first() {
        assert_eq!(refusal_of(&["e\u{301}", "\u{e9}"]), Some(Refusal::Security));
        // The Kelvin sign composes to an ASCII letter.
        assert_eq!(refusal_of(&["K", "\u{212a}"]), Some(Refusal::Security));
        // Neither is normalised, both compose to the same.
        assert_eq!(refusal_of(&["\u{1e0a}\u{323}", "D\u{307}\u{323}"]), Some(Refusal::Format));
        assert_eq!(refusal_of(&["D\u{307}\u{323}", "\u{1e0a}\u{323}"]), Some(Refusal::Security));
        assert_eq!(refusal_of(&["e", "e\u{301}"]), None);
    }
}
