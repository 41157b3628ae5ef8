//! Why bundles were passed over in search of a baseline, and what that means where none was left.

use strongroom_core::bundle::Refusal;

use super::{BASELINES_LOOKED_AT_MAX, PassedOver};
use crate::StorageErrorKind;
use crate::evidence::{EvidenceError, EvidenceErrorKind};

/// Why one was passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Because {
    /// It is of another subject or producer: a reference to it proves nothing.
    AnotherKind,
    /// It says itself that its run was not a good one, or does not say that it was.
    NotGood,
    /// Its reference is there, and nothing else.
    Absent,
    /// What is there is not this bundle, or could not be told from it.
    Refused(EvidenceErrorKind),
}

impl Because {
    /// Nothing where it is the store that fails, and not this bundle that cannot be had.
    pub(super) fn of(error: &EvidenceError) -> Option<Self> {
        match error.kind() {
            kind @ (EvidenceErrorKind::Bundle(_) | EvidenceErrorKind::Conflict) => {
                Some(Self::Refused(kind))
            }
            EvidenceErrorKind::NotFound | EvidenceErrorKind::Store(StorageErrorKind::NotFound) => {
                Some(Self::Absent)
            }
            _ => None,
        }
    }

    /// The graver one decides how the search ends.
    fn gravity(self) -> u8 {
        match self {
            Self::AnotherKind => 0,
            Self::NotGood => 1,
            Self::Absent => 2,
            Self::Refused(EvidenceErrorKind::Bundle(
                Refusal::Integrity | Refusal::Format | Refusal::Security,
            )) => 4,
            Self::Refused(_) => 3,
        }
    }
}

/// What to say where no bundle was left to be held against.
pub(super) fn none_is_good(passed_over: &[PassedOver]) -> EvidenceError {
    let like = |one: &&PassedOver| one.because != Because::AnotherKind;
    let (number, gravest) = (
        passed_over.iter().filter(like).count(),
        // The newest of the gravest ones.
        passed_over.iter().filter(like).rev().max_by_key(|one| one.because.gravity()),
    );
    let Some(gravest) = gravest else {
        let message = "the store has no other bundle of the same subject or producer";
        return EvidenceError::new(EvidenceErrorKind::NotFound, message)
            .with_guidance("the first run has none: name a base by its id, its run or its file");
    };
    let PassedOver { bundle_id, reason, because } = gravest;
    let (kind, guidance) = match because {
        Because::AnotherKind | Because::NotGood => (
            EvidenceErrorKind::NotFound,
            "name the base by its id or its run; --good-status says what is good",
        ),
        Because::Absent => (
            EvidenceErrorKind::NoBaseline,
            "push that one again if its push was interrupted; or name the base by its id or its run",
        ),
        Because::Refused(kind) => (
            *kind,
            "`strongroom evidence audit --read-data` shows what of the store is damaged; until then name the \
             base by its id or its run",
        ),
    };
    let message = format!(
        "none of {number} earlier bundles is a good one, and nothing was compared; of {bundle_id}, {reason}"
    );
    EvidenceError::new(kind, message).with_guidance(guidance)
}

/// More were passed over than are looked at.
pub(super) fn too_many() -> EvidenceError {
    let kind = EvidenceErrorKind::Store(StorageErrorKind::Limit);
    let message = format!(
        "none of the last {BASELINES_LOOKED_AT_MAX} bundles is a good one, and BASELINES_LOOKED_AT_MAX are \
         looked at"
    );
    EvidenceError::new(kind, message)
        .with_guidance("name the base by its id or its run; --good-status says what is good")
}
