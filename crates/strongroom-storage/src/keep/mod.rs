//! Everything that a registry does with one object: kept, read, verified, locked, held, deleted. It
//! knows [`Storage`](crate::Storage), and nothing of packages, of bundles' layout or of any one backend.
//!
//! | module | what |
//! |---|---|
//! | [`write()`] | a body into a store: hashed on the way, refused when it is not what was declared |
//! | [`record()`] | a small document, create-only |
//! | [`verify()`] | every byte of a version, held against what it should be |
//! | [`read()`] | a version, or a part of it, for somebody else: a wrong one never ends well |
//! | [`lock()`] [`release_hold()`] | the lock of a version: strengthened, read back; its hold cleared |
//! | [`release_hold_while()`] [`delete_while()`] | the same of what cannot be undone, for as long as one may |
//! | [`delete()`] [`delete_all_versions()`] | a version, or all of a key that are ours, for good |
//! | [`bundle_stream()`] | many objects as the archive of one bundle |
//! | [`clock_check()`] | whether this machine's clock may be trusted beside the store's |
//! | `observe` | what is there after a write, or was before it |
//! | `checked` | a body that ends well only when it is right |
//!
//! What is said of an object was seen after it was done: nothing is reported by what was asked for.

mod bundle_stream;
mod checked;
mod clock;
mod delete;
mod error;
mod lock;
mod observe;
mod read;
mod record;
mod verify;
mod write;

use strongroom_core::Sha256Digest;

pub use bundle_stream::{ObjectOfBundle, ObjectRefused, bundle_stream};
pub use clock::clock_check;
pub use delete::{Cleared, Deletion, Ours, VersionLeft, delete, delete_all_versions, delete_while};
pub use error::{KeepError, KeepErrorKind, Left};
pub use lock::{
    LockOfWrite, Locked, ReleasedHold, WhyLeftOn, lock, release_hold, release_hold_while,
};
pub use read::{VerifyingReader, read};
pub use record::record;
pub use verify::{Verdict, verify};
pub use write::{Kept, WriteAsk, write};

/// What the bytes of an object must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// How many there are.
    pub size_bytes: u64,
    /// Their digest.
    pub sha256: Sha256Digest,
}

/// Whether somebody may do still what cannot be undone, such as under a lease that ends.
pub type StillMay<'a> = &'a (dyn Fn() -> bool + Sync);

/// Nobody else could have taken it over.
fn always() -> bool {
    true
}

/// The right to do it was over when its turn came.
fn called_off() -> KeepError {
    KeepError::new(KeepErrorKind::CalledOff, "it was called off before anything was done")
}
