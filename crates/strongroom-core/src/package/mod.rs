//! Packages of a registry: what they are, and every decision about them. Pure: the caller brings the
//! clock and the ids, and does what is decided.
//!
//! | module | what |
//! |---|---|
//! | [`status`] | states of packages, files and storage locations, and the one function each that changes them |
//! | [`retrieval`] | how soon archived bytes can be read |
//! | [`class`](mod@class) | retention classes and their rules |
//! | [`expiry`] | dates, extensions, whether a package may go, and when locks are renewed |
//! | [`locks`] | how a package is held, by what was read back of its objects' locks |
//! | [`metadata`] | what a producer may declare, and the secrets that it must not |
//! | [`manifest`] | the manifest over a package's rows; the paths that files may have |
//! | [`record`] | every decision, as it is kept beside the bytes |
//! | [`signature`] | the registry's signature of a package's manifest |
//! | [`document`] | `package.json`: what the registry knows of a finalized package |

pub mod class;
pub mod document;
pub mod expiry;
pub mod locks;
pub mod manifest;
pub mod metadata;
pub(crate) mod named;
pub mod record;
pub mod retrieval;
pub mod signature;
pub mod status;

pub use class::{RetentionClass, RetentionRule, RuleLock, RuleSet};
pub use locks::LockState;
pub use named::UnknownName;
pub use retrieval::{RestoreStatus, RetrievalTier};
pub use signature::ManifestSignature;
pub use status::{FileStatus, LocationStatus, PackageStatus, RefusedTransition};
