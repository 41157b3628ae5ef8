//! Two bundles side by side. [`read`] verifies both, each read once, and keeps the bytes of the files that are
//! looked into; all the rest are pure decisions over two bundles that verified.
//!
//! | module | what |
//! |---|---|
//! | [`read`] | both bundles verified side by side, each read once |
//! | [`described`] | what a bundle says of itself, whatever its format |
//! | [`files`] | files that were added, removed, changed, renamed |
//! | [`declared`] | what was declared, field by field and key by key |
//! | [`retention`] | whether the evidence is to be kept for less |
//! | [`signers`] | who signed the one, and who the other |
//! | `keep` | which changed files to look into, and their bytes while both bundles are verified |
//! | [`inside`] | what changed inside a file: JSON by value, records by record, text by line |
//! | [`kind`] | the kinds of difference that somebody can refuse |

pub mod declared;
pub mod described;
pub mod files;
pub mod inside;
mod keep;
pub mod kind;
pub mod read;
pub mod retention;
pub mod signers;
#[cfg(test)]
mod tests;

use serde::Serialize;

use self::declared::Declared;
use self::described::Described;
use self::files::FileChanges;
use self::kind::{Answer, Kind};
use self::retention::RetentionChange;
use self::signers::SignerChange;

/// What differs between two bundles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BundleDiff {
    /// Their files.
    pub files: FileChanges,
    /// What was declared of them.
    #[serde(flatten)]
    pub declared: Declared,
    /// How long they are to be kept.
    pub retention: RetentionChange,
    /// Who signed them.
    pub signers: SignerChange,
}

impl BundleDiff {
    /// Holds what two bundles say of themselves side by side, beside what is known of their files and
    /// signers.
    pub fn new(
        files: FileChanges,
        base: &Described,
        candidate: &Described,
        signers: SignerChange,
    ) -> Self {
        Self {
            files,
            declared: Declared::between(base, candidate),
            retention: RetentionChange::between(&base.retention, &candidate.retention),
            signers,
        }
    }

    /// Whether there is a difference of this kind.
    pub fn has(&self, kind: Kind) -> Answer {
        let is_there = match kind {
            Kind::Removed => !self.files.removed.is_empty(),
            Kind::Changed => !self.files.changed.is_empty(),
            Kind::Added => !self.files.added.is_empty(),
            Kind::Renamed => !self.files.renamed.is_empty(),
            Kind::MetadataChanged => self.declared.is_other_evidence(),
            Kind::RetentionWeaker => self.retention.may_be_weaker(),
            Kind::RetentionChanged => !self.retention.is_same(),
            Kind::SignerChanged => return self.signers.answer(),
            Kind::Any => {
                // What was not looked at is no difference; whoever cares names `signer-changed`.
                return match Kind::EACH.iter().any(|kind| self.has(*kind) == Answer::Yes) {
                    true => Answer::Yes,
                    false => Answer::No,
                };
            }
        };
        if is_there { Answer::Yes } else { Answer::No }
    }
}
