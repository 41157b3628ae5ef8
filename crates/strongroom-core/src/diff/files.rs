//! Files that were added, removed, changed, renamed.

use std::cmp::Ordering;
use std::collections::HashMap;

use serde::{Serialize, Serializer};

use super::described::ListedFile;
use super::inside::Inside;
use crate::Sha256Digest;
use crate::secrets::redacted;

/// What became of the files of the base.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FileChanges {
    /// How many are the same.
    pub unchanged: u64,
    /// Those of the base that the candidate has under no name.
    pub removed: Vec<NamedFile>,
    /// Those that have other bytes, or another media type.
    pub changed: Vec<ChangedFile>,
    /// Those of the candidate that the base has under no name.
    pub added: Vec<NamedFile>,
    /// Those that have another name.
    pub renamed: Vec<RenamedFile>,
}

/// A file by its path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamedFile {
    /// Its path.
    #[serde(serialize_with = "without_secrets")]
    pub path: String,
    /// What it is.
    #[serde(flatten)]
    pub facts: FileFacts,
}

/// What a manifest says of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileFacts {
    /// Its length.
    pub size_bytes: u64,
    /// The digest of its bytes.
    pub sha256: Sha256Digest,
    /// Its media type, where one is declared.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "of_any_without_secrets")]
    pub media_type: Option<String>,
}

/// A file that both have, and that is not the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangedFile {
    /// Its path.
    #[serde(serialize_with = "without_secrets")]
    pub path: String,
    /// What it was.
    pub base: FileFacts,
    /// What it is.
    pub candidate: FileFacts,
    /// What changed in it; absent where only the media type did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside: Option<Inside>,
}

/// A file that has another name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RenamedFile {
    /// Its path in the base.
    #[serde(serialize_with = "without_secrets")]
    pub from: String,
    /// Its path in the candidate.
    #[serde(serialize_with = "without_secrets")]
    pub to: String,
    /// What it is, in the candidate.
    #[serde(flatten)]
    pub facts: FileFacts,
}

/// Whatever others wrote is printed without the secrets in it, in every format.
pub(super) fn without_secrets<S: Serializer>(text: &str, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(redacted(text).as_deref().unwrap_or(text))
}

/// The same of what may be absent.
pub(super) fn of_any_without_secrets<S: Serializer>(
    text: &Option<String>,
    to: S,
) -> Result<S::Ok, S::Error> {
    text.as_ref().map(|text| redacted(text).unwrap_or_else(|| text.clone())).serialize(to)
}

impl FileFacts {
    fn of(file: &ListedFile<'_>) -> Self {
        Self {
            size_bytes: file.size_bytes,
            sha256: file.sha256,
            media_type: file.media_type.map(str::to_owned),
        }
    }
}

impl NamedFile {
    fn of(file: &ListedFile<'_>) -> Self {
        Self { path: file.path.to_owned(), facts: FileFacts::of(file) }
    }
}

impl FileChanges {
    /// Holds two lists side by side, each in the order of its paths' bytes. Nobody looked inside yet.
    pub fn between(base: &[ListedFile<'_>], candidate: &[ListedFile<'_>]) -> Self {
        let mut changes = Self::default();
        let (mut removed, mut added) = (Vec::new(), Vec::new());
        let (mut base, mut candidate) = (base.iter().peekable(), candidate.iter().peekable());
        loop {
            let order = match (base.peek(), candidate.peek()) {
                (Some(left), Some(right)) => left.path.cmp(right.path),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => break,
            };
            match order {
                Ordering::Less => removed.extend(base.next()),
                Ordering::Greater => added.extend(candidate.next()),
                Ordering::Equal => {
                    if let (Some(left), Some(right)) = (base.next(), candidate.next()) {
                        changes.same_path(left, right);
                    }
                }
            }
        }
        changes.take_renamed(&removed, &added);
        changes
    }

    /// Whether nothing differs.
    pub fn is_none(&self) -> bool {
        let named = self.removed.len() + self.added.len() + self.renamed.len();
        named + self.changed.len() == 0
    }

    fn same_path(&mut self, base: &ListedFile<'_>, candidate: &ListedFile<'_>) {
        if base == candidate {
            self.unchanged += 1;
            return;
        }
        self.changed.push(ChangedFile {
            path: base.path.to_owned(),
            base: FileFacts::of(base),
            candidate: FileFacts::of(candidate),
            inside: None,
        });
    }

    /// A file is renamed where exactly one of its bytes went and exactly one came. Of several nobody
    /// knows which became which, and an empty file is like any other empty one.
    fn take_renamed(&mut self, removed: &[&ListedFile<'_>], added: &[&ListedFile<'_>]) {
        let gone = only_ones(removed);
        let came = only_ones(added);
        let renamed = |file: &ListedFile<'_>| {
            gone.get(&file.sha256).copied().flatten().zip(came.get(&file.sha256).copied().flatten())
        };
        for file in removed {
            match renamed(file) {
                Some((from, to)) => self.renamed.push(RenamedFile {
                    from: from.path.to_owned(),
                    to: to.path.to_owned(),
                    facts: FileFacts::of(to),
                }),
                None => self.removed.push(NamedFile::of(file)),
            }
        }
        let still_added = added.iter().filter(|file| renamed(file).is_none());
        self.added.extend(still_added.map(|file| NamedFile::of(file)));
    }
}

/// By digest, the one file that has these bytes; nothing where several do.
fn only_ones<'a>(
    files: &[&'a ListedFile<'a>],
) -> HashMap<Sha256Digest, Option<&'a ListedFile<'a>>> {
    let mut ones = HashMap::new();
    for file in files.iter().filter(|file| file.size_bytes > 0) {
        ones.entry(file.sha256).and_modify(|one| *one = None).or_insert(Some(*file));
    }
    ones
}
