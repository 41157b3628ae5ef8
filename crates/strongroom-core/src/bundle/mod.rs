//! Bundles: written deterministically, read strictly, verified as they stream.
//!
//! | module | what |
//! |---|---|
//! | [`collect`](fn@collect) | which files of the given places make a bundle |
//! | [`Manifest`] | `manifest.json` of `strongroom.bundle/v1` |
//! | [`BundlePlan`] | hash pass, then write pass |
//! | [`write_bundle`] | the same archive, of bodies that come from anywhere |
//! | [`UnverifiedBundle`] | an archive whose manifest was read, and nothing else |
//! | [`VerifiedBundle`] | what is known of an archive of which every byte was checked |
//! | [`ContentVisitor`] | who sees the content while it is verified |
//! | [`AssayManifest`] | Assay v1, by its own rules |
//! | [`cavra`] | CAVRA v1 directories, by their own rules |

mod archive;
mod assay;
pub mod cavra;
mod collect;
mod deflate;
mod error;
mod gzip;
mod manifest;
mod path;
mod plan;
mod progress;
mod reader;
mod source;
mod tar;
mod verify;
mod visit;
mod writer;

pub use archive::{WrittenBundle, write_bundle};
pub use assay::AssayManifest;
pub use collect::{CollectOptions, SourceFile, collect};
pub use error::{BundleError, Refusal};
pub(crate) use manifest::check_name;
pub use manifest::{Declarations, Manifest, ManifestFile, Producer, RetentionRequest, SCHEMA};
pub(crate) use path::check as check_path;
pub use plan::BundlePlan;
pub use progress::{NoProgress, Progress};
pub use reader::{BundleFormat, BundleManifest, ReadLimits, UnverifiedBundle};
pub use verify::VerifiedBundle;
pub use visit::{AssayEvent, ContentVisitor, NoVisitor};
