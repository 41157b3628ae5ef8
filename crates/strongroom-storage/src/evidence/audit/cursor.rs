//! How far an audit has come, as text, so that another one can go on.

use std::fmt;
use std::str::FromStr;

use strongroom_core::BundleId;

use super::finding::Class;

/// How far an audit has come. Bundles are looked at in the order of their ids, and references after
/// the bundles that they may belong to, so two ids say it all.
///
/// Text: the id up to which bundles were looked at; where references were too, up to an id, `+` and
/// that id; where anything was found, `/` and the worst class of it, so that the audit that ends what
/// this one began ends with the exit code of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Every bundle up to this id was looked at.
    pub(super) checked: BundleId,
    /// Every reference to a bundle up to this id was looked at.
    pub(super) referenced: Option<BundleId>,
    /// The worst of what was found on the way.
    pub(super) worst: Option<Class>,
}

impl Cursor {
    /// The worst of what was found on the way here.
    pub fn worst(&self) -> Option<Class> {
        self.worst
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.checked)?;
        if let Some(id) = self.referenced {
            write!(f, "+{id}")?;
        }
        match self.worst {
            Some(class) => write!(f, "/{}", class.name()),
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
        let (ids, worst) = match text.split_once('/') {
            None => (text, None),
            Some((ids, class)) => (ids, Some(Class::of_name(class).ok_or(InvalidCursor)?)),
        };
        let (checked, referenced) = match ids.split_once('+') {
            None => (id(ids)?, None),
            Some((checked, referenced)) => (id(checked)?, Some(id(referenced)?)),
        };
        Ok(Self { checked, referenced, worst })
    }
}

/// A text that no audit printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected what an interrupted audit printed: sha256:…, perhaps `+sha256:…`, perhaps `/other`, `/lock` or `/bytes`"
)]
pub struct InvalidCursor;

#[cfg(test)]
mod tests {
    use strongroom_core::Sha256Digest;

    use super::*;

    #[test]
    fn a_cursor_reads_what_it_writes() {
        let id = |text: &[u8]| BundleId(Sha256Digest::of(text));
        for referenced in [None, Some(id(b"b"))] {
            for worst in [None, Some(Class::Other), Some(Class::Lock), Some(Class::Bytes)] {
                let cursor = Cursor { checked: id(b"a"), referenced, worst };
                assert_eq!(cursor.to_string().parse(), Ok(cursor));
            }
        }
        let worse = format!("{}/worse", id(b"a"));
        for text in ["", "sha256:00", "+", "sha256:+sha256:", "/lock", &worse] {
            assert_eq!(text.parse::<Cursor>(), Err(InvalidCursor), "{text}");
        }
    }
}
