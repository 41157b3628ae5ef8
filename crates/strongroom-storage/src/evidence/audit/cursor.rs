//! How far an audit has come, as text, so that another one can go on.

use std::fmt;
use std::str::FromStr;

use strongroom_core::BundleId;

/// How far an audit has come. Bundles are looked at in the order of their ids, and references after
/// the bundles that they may belong to, so two ids say it all.
///
/// Text: the id up to which bundles were looked at; where references were too, up to an id, `+` and
/// that id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Every bundle up to this id was looked at.
    pub(super) checked: BundleId,
    /// Every reference to a bundle up to this id was looked at.
    pub(super) referenced: Option<BundleId>,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.checked)?;
        match self.referenced {
            Some(id) => write!(f, "+{id}"),
            None => Ok(()),
        }
    }
}

impl serde::Serialize for Cursor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let id = |text: &str| text.parse::<BundleId>().map_err(|_| InvalidCursor);
        match text.split_once('+') {
            None => Ok(Self { checked: id(text)?, referenced: None }),
            Some((checked, referenced)) => {
                Ok(Self { checked: id(checked)?, referenced: Some(id(referenced)?) })
            }
        }
    }
}

/// A text that no audit printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected what an interrupted audit printed: sha256:…, or two of them joined by `+`")]
pub struct InvalidCursor;

#[cfg(test)]
mod tests {
    use strongroom_core::Sha256Digest;

    use super::*;

    #[test]
    fn a_cursor_reads_what_it_writes() {
        let id = |text: &[u8]| BundleId(Sha256Digest::of(text));
        for referenced in [None, Some(id(b"b"))] {
            let cursor = Cursor { checked: id(b"a"), referenced };
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for text in ["", "sha256:00", "+", "sha256:+sha256:"] {
            assert_eq!(text.parse::<Cursor>(), Err(InvalidCursor), "{text}");
        }
    }
}
