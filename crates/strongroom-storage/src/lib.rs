//! Bytes in stores that others own: what a store must do, what it was seen to do, and the
//! operations on evidence that stand on it.
//!
//! | module | what |
//! |---|---|
//! | [`storage`] | the trait [`Storage`], its contract, and the types that cross it |
//! | [`key`] | [`ObjectKey`], [`VersionId`] |
//! | [`error`] | [`StorageError`]: the kind decides exit code and retry |
//! | [`link`] | [`Link`]: a version's address that opens it, for a while |
//! | [`open`] | a URL and settings become a [`Storage`] |
//! | `s3` `azure` `fs` `memory` | the backends |
//! | [`status`] | `store-status`: what a store says of itself, observed or not |
//! | [`analyze`] | `store analyze`: what a store does under attack |
//! | `conformance` | the suite that every backend passes, and that users run on their own bucket |
//! | `evidence` | push, pull, list, reindex, audit: one operation a file |
//! | [`keep`] | one object of a registry: written, read, verified, locked, deleted |
//! | [`trust_roots`] | trust roots handed out through a store |
//! | [`new_file`] [`new_folder`] | a local file, a local folder, that appears whole or not at all |
//! | [`tsa`] | asks a time-stamp authority for trusted time |
//! | [`signer`] | keys that sign: in a file, behind a command, in OpenBao |
//! | [`openbao`] | OpenBao, asked for keys and for secrets |
//! | [`service`] | what is asked over HTTP and is no store |
//! | [`clock`] | time and ids come in from outside |

pub mod analyze;
pub mod azure;
pub mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod error;
pub mod evidence;
pub mod fs;
pub mod keep;
pub mod key;
pub mod link;
pub mod memory;
pub mod new_file;
pub mod new_folder;
pub mod open;
pub mod openbao;
pub mod retrieval;
pub mod s3;
pub mod service;
pub mod signer;
pub mod status;
pub mod storage;
pub mod trust_roots;
pub mod tsa;

mod advisory;
mod blocking;
mod counted;
mod exchange;
mod listing;
mod protect;
mod ranges;
mod versions;

pub use clock::Clock;
pub use error::{StorageError, StorageErrorKind};
pub use key::{ObjectKey, VersionId};
pub use link::{LINK_SECONDS_MAX, Link, LinkAsk};
pub use retrieval::{RestoreAsk, Retrieval};
pub use storage::{
    AskedOfWrites, Body, BucketLocks, CreateOptions, Created, ListPage, ListRequest, ListedObject,
    ObjectInfo, ObjectReader, ObjectVersion, SINGLE_WRITE_BYTES_MAX, SeenLock, Storage,
    StoredChecksum, UNSIZED_BYTES_MAX,
};
