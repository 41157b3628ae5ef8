//! Where a finding is. A place is shown and kept with every secret in it struck out.

use std::fmt::Write as _;

use serde::Serialize;

use crate::canonical::Step;
use crate::limits::LINT_PLACE_CHARACTERS_MAX;
use crate::secrets::redacted;

/// Where a finding is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Place {
    /// The bundle as a whole.
    Bundle,
    /// A field of its manifest.
    Field {
        /// Which one: a JSON pointer (RFC 6901).
        field: String,
    },
    /// The name of a file in it.
    Name {
        /// The path.
        path: String,
    },
    /// The content of a file in it.
    File {
        /// The path.
        path: String,
        /// Where in the file.
        #[serde(flatten)]
        spot: Option<Spot>,
    },
}

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Spot {
    /// In text.
    Text {
        /// The line, from 1.
        line: u64,
        /// The character in it, from 1.
        column: u64,
    },
    /// In a file that is not text from its beginning to there.
    Bytes {
        /// Bytes from the beginning of the file.
        byte_offset: u64,
    },
}

impl Place {
    /// A field by the names that lead there.
    pub(crate) fn field(steps: &[Step]) -> Self {
        let mut field = String::new();
        for step in steps {
            field.push('/');
            match step {
                Step::Index(index) => {
                    // Writing to a string cannot fail.
                    let _ = write!(field, "{index}");
                }
                Step::Name(name) => {
                    field.push_str(&shown(name).replace('~', "~0").replace('/', "~1"));
                }
            }
        }
        Self::Field { field: cut(field) }
    }

    /// A field by its pointer, which is ours.
    pub(super) fn pointer(pointer: &str) -> Self {
        Self::Field { field: pointer.to_owned() }
    }

    /// The name of a file.
    pub(super) fn name(path: &str) -> Self {
        Self::Name { path: shown(path) }
    }

    /// What a fingerprint is made of: without line and column, which change when something above does.
    pub(super) fn identity(&self) -> (&'static str, &str) {
        match self {
            Self::Bundle => ("bundle", ""),
            Self::Field { field } => ("field", field),
            Self::Name { path } => ("name", path),
            Self::File { path, .. } => ("file", path),
        }
    }

    /// The path of the file that it is about.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Name { path } | Self::File { path, .. } => Some(path),
            Self::Bundle | Self::Field { .. } => None,
        }
    }
}

/// A path or a name as it may be shown: without secrets, and not longer than anybody reads.
pub(super) fn shown(text: &str) -> String {
    cut(redacted(text).unwrap_or_else(|| text.to_owned()))
}

fn cut(mut text: String) -> String {
    if let Some((at, _)) = text.char_indices().nth(LINT_PLACE_CHARACTERS_MAX) {
        text.truncate(at);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_holds_no_secret_and_has_an_end() {
        let token = ["npm", "_", "q7Zr2Lk9Wd4Xs8Bn3Vc6Mf1Hj5Tg0PyAuEoR"].concat();
        let steps =
            [Step::Name("metadata".into()), Step::Name(format!("a/b~{token}")), Step::Index(3)];
        let Place::Field { field } = Place::field(&steps) else { panic!("a field") };
        assert_eq!(field, "/metadata/a~1b~0[redacted]/3");
        let Place::Name { path } = Place::name(&"é".repeat(2_000)) else { panic!("a name") };
        assert_eq!(path.chars().count(), LINT_PLACE_CHARACTERS_MAX + 1);
    }
}
