//! What is pushed: an archive on disk or a plan, as the body of an upload.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use strongroom_core::bundle::{
    BundleError, BundleFormat, BundleManifest, BundlePlan, NoProgress, Progress, ReadLimits,
    Refusal, RetentionRequest, UnverifiedBundle, VerifiedBundle,
};
use strongroom_core::{BundleId, Sha256Digest, layout, limits};
use tokio::task::JoinHandle;

use super::super::stored::{Wanted, panicked};
use super::super::{EvidenceError, EvidenceErrorKind};
use super::{PushSource, key_of};
use crate::Body;
use crate::blocking::{BodyWriter, Gate, Tee, body_channel};

/// What is pushed, opened.
pub(in crate::evidence) enum Source {
    /// An archive whose manifest was read. Native: not verified yet. Assay: verified, since its key
    /// needs the digest of the whole archive.
    Archive { path: PathBuf, size_bytes: u64, wanted: Wanted, manifest: Box<BundleManifest> },
    /// Files that were hashed, bundled on the way.
    Plan(Arc<BundlePlan>),
}

/// What went into the upload.
pub(super) struct Sent {
    pub(super) archive_sha256: Sha256Digest,
    pub(super) size_bytes: u64,
}

impl Source {
    pub(in crate::evidence) async fn open(source: PushSource) -> Result<Self, EvidenceError> {
        match source {
            PushSource::Plan(plan) => Ok(Self::Plan(Arc::from(plan))),
            PushSource::Archive(path) => {
                tokio::task::spawn_blocking(move || open_archive(path)).await.map_err(panicked)?
            }
        }
    }

    pub(in crate::evidence) fn wanted(&self) -> Wanted {
        match self {
            Self::Archive { wanted, .. } => *wanted,
            Self::Plan(plan) => Wanted { id: plan.id(), archive_sha256: None },
        }
    }

    pub(in crate::evidence) fn key(&self) -> String {
        key_of(self.wanted())
    }

    /// Where an Assay store keeps the same archive under its id alone.
    pub(super) fn other_home(&self) -> Option<String> {
        let wanted = self.wanted();
        wanted.archive_sha256.map(|_| layout::bundle(wanted.id))
    }

    pub(in crate::evidence) fn run_id(&self) -> Option<String> {
        match self {
            Self::Archive { manifest, .. } => manifest.run_id().map(str::to_owned),
            Self::Plan(plan) => plan.manifest().run_id.clone(),
        }
    }

    pub(in crate::evidence) fn subject(&self) -> Option<String> {
        match self {
            Self::Archive { manifest, .. } => manifest.subject().map(str::to_owned),
            Self::Plan(plan) => plan.manifest().subject.clone(),
        }
    }

    pub(super) fn retention(&self) -> Option<RetentionRequest> {
        match self {
            Self::Archive { manifest, .. } => manifest.retention().cloned(),
            Self::Plan(plan) => plan.manifest().retention.clone(),
        }
    }

    /// The body of an upload, the task that fills it, and the gate before its end. The task ends well
    /// only after the bundle was verified (an archive) or every file was what it was when it was
    /// hashed (a plan).
    pub(super) fn body(
        &self,
        progress: Arc<dyn Progress>,
    ) -> (Body, JoinHandle<Result<Sent, BundleError>>, Gate) {
        match self {
            Self::Archive { path, size_bytes, wanted, .. } => {
                let (writer, gate, body) = body_channel(*size_bytes);
                let (path, wanted) = (path.clone(), *wanted);
                let task = tokio::task::spawn_blocking(move || {
                    send_archive(&path, wanted, writer, progress.as_ref())
                });
                (body, task, gate)
            }
            Self::Plan(plan) => {
                // What a pull would refuse for its size is not stored.
                let size_bytes_max = plan.archive_size_bytes_max().min(limits::ARCHIVE_BYTES_MAX);
                let (writer, gate, body) = body_channel(size_bytes_max);
                let plan = Arc::clone(plan);
                let task =
                    tokio::task::spawn_blocking(move || send_plan(&plan, writer, &*progress));
                (body, task, gate)
            }
        }
    }

    /// Verifies an archive without sending it: for a bundle that is stored already, or only planned. Files
    /// were hashed when they were planned: there is nothing to show of them.
    pub(in crate::evidence) async fn verify_here(
        &self,
        progress: Arc<dyn Progress>,
    ) -> Result<Option<VerifiedBundle>, EvidenceError> {
        let Self::Archive { path, wanted, .. } = self else { return Ok(None) };
        let (path, wanted) = (path.clone(), *wanted);
        let verifying = tokio::task::spawn_blocking(move || {
            let archive = open_file(&path)?;
            let bundle =
                UnverifiedBundle::open(archive, &ReadLimits::default())?.verify(&*progress)?;
            check_unchanged(bundle.id(), bundle.archive_sha256(), wanted)?;
            Ok::<_, BundleError>(bundle)
        });
        Ok(Some(verifying.await.map_err(panicked)??))
    }
}

fn open_file(path: &Path) -> Result<File, BundleError> {
    File::open(path).map_err(|error| {
        BundleError::new(Refusal::Unreadable, format!("the bundle cannot be opened: {error}"))
            .with_source(error)
    })
}

fn open_archive(path: PathBuf) -> Result<Source, EvidenceError> {
    let archive = open_file(&path)?;
    let size_bytes = archive
        .metadata()
        .map_err(|error| EvidenceError::new(EvidenceErrorKind::LocalFile, error.to_string()))?
        .len();
    let unverified = UnverifiedBundle::open(archive, &ReadLimits::default())?;
    let id = unverified.claimed_id();
    let manifest = Box::new(unverified.manifest().clone());
    let archive_sha256 = match unverified.format() {
        BundleFormat::Native => None,
        BundleFormat::Assay => Some(unverified.verify(&NoProgress)?.archive_sha256()),
    };
    Ok(Source::Archive { path, size_bytes, wanted: Wanted { id, archive_sha256 }, manifest })
}

fn send_archive(
    path: &Path,
    wanted: Wanted,
    writer: BodyWriter,
    progress: &dyn Progress,
) -> Result<Sent, BundleError> {
    let mut tee = Tee::new(open_file(path)?, writer);
    let bundle = UnverifiedBundle::open(&mut tee, &ReadLimits::default())?.verify(progress)?;
    check_unchanged(bundle.id(), bundle.archive_sha256(), wanted)?;
    tee.into_writer().finish().map_err(upload_gone)?;
    Ok(Sent { archive_sha256: bundle.archive_sha256(), size_bytes: bundle.archive_size_bytes() })
}

fn send_plan(
    plan: &BundlePlan,
    mut writer: BodyWriter,
    progress: &dyn Progress,
) -> Result<Sent, BundleError> {
    let written = plan.write(&mut writer, progress)?;
    writer.finish().map_err(upload_gone)?;
    Ok(Sent { archive_sha256: written.archive_sha256, size_bytes: written.archive_size_bytes })
}

fn check_unchanged(
    id: BundleId,
    archive_sha256: Sha256Digest,
    wanted: Wanted,
) -> Result<(), BundleError> {
    let other_bytes = wanted.archive_sha256.is_some_and(|wanted| wanted != archive_sha256);
    if id != wanted.id || other_bytes {
        return Err(BundleError::new(
            Refusal::Integrity,
            "the bundle changed on disk while it was pushed",
        ));
    }
    Ok(())
}

fn upload_gone(error: std::io::Error) -> BundleError {
    BundleError::new(Refusal::Unreadable, "the upload ended before the bundle did")
        .with_source(error)
}
