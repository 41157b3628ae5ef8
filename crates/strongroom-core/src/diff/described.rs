//! What a bundle says of itself, whatever its format.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::Sha256Digest;
use crate::bundle::cavra::{CavraRetention, UnverifiedCavra, VerifiedCavra};
use crate::bundle::{AssayManifest, BundleManifest, Manifest, Producer, RetentionRequest};

pub use crate::bundle::cavra::FORMAT as CAVRA_FORMAT;

/// What a bundle declares, its files aside.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Described {
    /// The stable name of its format.
    pub format: &'static str,
    /// What it is about.
    pub subject: Option<String>,
    /// The run, or the session of a CAVRA directory.
    pub run_id: Option<String>,
    /// What made it.
    pub producer: Option<Producer>,
    /// When it was made, as declared.
    pub created_at: Option<Timestamp>,
    /// Open JSON.
    pub metadata: Map<String, Value>,
    /// For how long it is to be kept.
    pub retention: RetentionRequest,
}

impl Described {
    /// What an archive declares.
    pub fn of_archive(manifest: &BundleManifest) -> Self {
        match manifest {
            BundleManifest::Native(native) => Self::of_native(native),
            BundleManifest::Assay(assay) => Self {
                format: crate::bundle::BundleFormat::Assay.name(),
                run_id: Some(assay.run_id.clone()),
                producer: Some(assay.producer.clone()),
                ..Self::default()
            },
        }
    }

    fn of_native(manifest: &Manifest) -> Self {
        Self {
            format: crate::bundle::BundleFormat::Native.name(),
            subject: manifest.subject.clone(),
            run_id: manifest.run_id.clone(),
            producer: manifest.producer.clone(),
            created_at: manifest.created_at,
            metadata: manifest.metadata.clone().unwrap_or_default(),
            retention: manifest.retention.clone().unwrap_or_default(),
        }
    }

    /// What the manifest of a CAVRA directory declares; the session and the retention are in other files.
    pub fn of_claims(bundle: &UnverifiedCavra) -> Self {
        Self {
            format: CAVRA_FORMAT,
            producer: Some(Producer { name: bundle.product().to_owned(), version: None }),
            ..Self::default()
        }
    }

    /// What a CAVRA directory declares.
    pub fn of_cavra(bundle: &VerifiedCavra) -> Self {
        Self {
            format: CAVRA_FORMAT,
            run_id: Some(bundle.session_id().to_owned()),
            producer: Some(Producer { name: bundle.product().to_owned(), version: None }),
            created_at: Some(bundle.created_at()),
            retention: bundle.retention().map(of_policy).unwrap_or_default(),
            ..Self::default()
        }
    }
}

/// The days of a policy are those between its dates, whatever it claims.
fn of_policy(policy: &CavraRetention) -> RetentionRequest {
    RetentionRequest {
        class: policy.classification.clone(),
        days: policy.days.map(|days| u32::try_from(days).unwrap_or(u32::MAX)),
        legal_hold: Some(policy.legal_hold),
    }
}

/// A file as a manifest lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedFile<'a> {
    /// Its path inside the bundle.
    pub path: &'a str,
    /// Its length.
    pub size_bytes: u64,
    /// The digest of its bytes.
    pub sha256: Sha256Digest,
    /// Its media type, where one is declared.
    pub media_type: Option<&'a str>,
}

/// The files of an archive, in the order of their paths' bytes.
pub(super) fn files_of_archive(manifest: &BundleManifest) -> Vec<ListedFile<'_>> {
    match manifest {
        BundleManifest::Native(native) => native
            .files
            .iter()
            .map(|file| ListedFile {
                path: &file.path,
                size_bytes: file.size_bytes,
                sha256: file.sha256,
                media_type: file.media_type.as_deref(),
            })
            .collect(),
        BundleManifest::Assay(assay) => vec![ListedFile {
            path: AssayManifest::EVENTS_PATH,
            size_bytes: assay.events_size_bytes,
            sha256: assay.events_sha256,
            media_type: None,
        }],
    }
}

/// The files of a CAVRA directory, in the order of their paths' bytes; its manifest is not among them.
pub(super) fn files_of_cavra(bundle: &UnverifiedCavra) -> Vec<ListedFile<'_>> {
    let listed = bundle.listed();
    let file =
        |(path, size_bytes, sha256)| ListedFile { path, size_bytes, sha256, media_type: None };
    listed.map(file).collect()
}
