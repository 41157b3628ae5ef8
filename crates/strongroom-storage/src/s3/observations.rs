//! What a store was seen to do, remembered as long as it is connected. Only what was seen counts.

use std::sync::{Mutex, PoisonError};

use strongroom_core::receipt::CreateOnly;

/// The two kinds of write. A store may enforce create-only for one and ignore it for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WriteKind {
    /// PUT of a whole object.
    Put,
    /// Completion of a multipart upload.
    Completion,
}

/// What the store checks of the bytes that it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Checks {
    /// It refused a wrong `x-amz-checksum-sha256`.
    pub(super) checksum: bool,
    /// It refused a body that does not match its signed `x-amz-content-sha256`.
    pub(super) payload: bool,
}

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Observations(Mutex<Seen>);

#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    put: Conditional,
    completion: Conditional,
    checks: Option<Checks>,
    bucket: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Conditional {
    #[default]
    Unknown,
    /// It refused a write for the reason that something is there.
    Enforced,
    /// It does not take conditional writes at all.
    Refused,
}

impl Observations {
    /// What a receipt may say of create-only for this kind of write.
    pub(super) fn create_only(&self, kind: WriteKind) -> CreateOnly {
        match self.conditional(kind) {
            Conditional::Unknown => CreateOnly::Checked,
            Conditional::Enforced => CreateOnly::Enforced,
            Conditional::Refused => CreateOnly::Unsupported,
        }
    }

    /// The store refused a write because something is there.
    pub(super) fn saw_create_refused(&self, kind: WriteKind) {
        self.set_conditional(kind, Conditional::Enforced);
    }

    /// The store refused a write because it is conditional.
    pub(super) fn saw_condition_refused(&self, kind: WriteKind) {
        self.set_conditional(kind, Conditional::Refused);
    }

    /// What the store checks, once a probe has seen it.
    pub(super) fn checks(&self) -> Option<Checks> {
        self.seen(|seen| seen.checks)
    }

    /// A probe has seen what the store checks.
    pub(super) fn saw_checks(&self, checks: Checks) {
        self.seen(|seen| seen.checks = Some(checks));
    }

    /// Whether the bucket is known to exist.
    pub(super) fn bucket(&self) -> bool {
        self.seen(|seen| seen.bucket)
    }

    /// An answer has shown that the bucket exists.
    pub(super) fn saw_bucket(&self) {
        self.seen(|seen| seen.bucket = true);
    }

    fn conditional(&self, kind: WriteKind) -> Conditional {
        self.seen(|seen| match kind {
            WriteKind::Put => seen.put,
            WriteKind::Completion => seen.completion,
        })
    }

    fn set_conditional(&self, kind: WriteKind, conditional: Conditional) {
        self.seen(|seen| match kind {
            WriteKind::Put => seen.put = conditional,
            WriteKind::Completion => seen.completion = conditional,
        });
    }

    fn seen<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
