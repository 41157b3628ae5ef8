//! All bundles of a run into a folder. What could not be had is told, never left out.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use strongroom_core::bundle::cavra::MANIFEST;
use strongroom_core::bundle::{NoProgress, Progress, ReadLimits, UnverifiedBundle};
use strongroom_core::signing::demand::Demand;
use strongroom_core::{BundleId, Sha256Digest, layout};

use super::{PullRequest, Pulled, archives_of, failed, is_there, pull_archive, signatures};
use crate::Storage;
use crate::evidence::list::{BundleState, ListQuery, ListedBundle, Listing};
use crate::evidence::{EvidenceError, EvidenceErrorKind, cavra};

/// What pulling a run came to.
#[derive(Debug, Serialize)]
pub struct RunPull {
    /// The run.
    pub run_id: String,
    /// Bundles that were pulled, or that the folder held already, verified.
    pub pulled: Vec<Pulled>,
    /// Bundles that the run names and that could not be had.
    pub missing: Vec<Missing>,
    /// Why the run may name more bundles than these: the store failed before it had named all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut_short: Option<String>,
}

/// A bundle that could not be had.
#[derive(Debug, Serialize)]
pub struct Missing {
    /// Which.
    pub bundle_id: BundleId,
    /// Why, in words.
    pub reason: String,
    /// The failure, for its kind.
    #[serde(skip)]
    pub error: EvidenceError,
}

impl RunPull {
    /// Everything that the run names was had.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.cut_short.is_none()
    }
}

/// Pulls every bundle of a run into `folder`, each as `{bundle id}.tar.gz`, a CAVRA directory as
/// `{bundle id}`. Fails as a whole only
/// where nothing at all could be had.
pub async fn pull_run(
    store: &dyn Storage,
    run_id: &str,
    folder: &Path,
    demand: Option<&Demand>,
    progress: &Arc<dyn Progress>,
) -> Result<RunPull, EvidenceError> {
    let query = ListQuery { run_id: Some(run_id.to_owned()), ..ListQuery::default() };
    let mut listing = Listing::new(store, query)?;
    let mut run = RunPull {
        run_id: run_id.to_owned(),
        pulled: Vec::new(),
        missing: Vec::new(),
        cut_short: None,
    };
    loop {
        let page = match listing.next_page().await {
            Ok(Some(page)) => page,
            Ok(None) => break,
            // What came so far is told; without any of it the failure is all there is.
            Err(error) if !run.pulled.is_empty() => {
                run.cut_short = Some(error.to_string());
                break;
            }
            Err(error) => return Err(error),
        };
        for bundle in page {
            match pull_into(store, &bundle, folder, demand, progress).await {
                Ok(pulled) => run.pulled.push(pulled),
                Err(error) => run.missing.push(Missing {
                    bundle_id: bundle.bundle_id,
                    reason: error.to_string(),
                    error,
                }),
            }
        }
    }
    if run.pulled.is_empty() {
        return Err(nothing_had(run));
    }
    Ok(run)
}

/// Pulls one bundle of a run, unless the folder holds it.
async fn pull_into(
    store: &dyn Storage,
    bundle: &ListedBundle,
    folder: &Path,
    demand: Option<&Demand>,
    progress: &Arc<dyn Progress>,
) -> Result<Pulled, EvidenceError> {
    let archive_sha256 = match &bundle.state {
        BundleState::Present { archive_sha256, .. } => *archive_sha256,
        BundleState::Deleted { .. } | BundleState::Pending | BundleState::Unobserved { .. } => None,
    };
    if is_directory(bundle) {
        return directory_into(store, bundle.bundle_id, folder, demand, progress).await;
    }
    let out = folder.join(name_of(store, bundle.bundle_id, archive_sha256).await?);
    let id = bundle.bundle_id;
    let request =
        PullRequest { id, archive_sha256, out, overwrite: false, demand: demand.cloned() };
    if is_there(&request.out)? {
        return confirm_here(store, request).await;
    }
    match pull_archive(store, &request, progress).await {
        Err(refusal) if cavra::may_be_one(&refusal) => {
            match directory_into(store, id, folder, demand, progress).await {
                Err(error) => Err(cavra::of_neither(store, id, refusal, error).await),
                pulled => pulled,
            }
        }
        pulled => pulled,
    }
}

/// Pulls a CAVRA directory of a run, unless the folder holds it.
async fn directory_into(
    store: &dyn Storage,
    id: BundleId,
    folder: &Path,
    demand: Option<&Demand>,
    progress: &Arc<dyn Progress>,
) -> Result<Pulled, EvidenceError> {
    let (out, demand) = (folder.join(id.to_string()), demand.cloned());
    let request = PullRequest { id, archive_sha256: None, out, overwrite: false, demand };
    match is_there(&request.out)? {
        true => cavra::confirm_here(store, request).await,
        false => cavra::pull(store, &request, progress.as_ref()).await,
    }
}

/// Whether what was listed is the manifest of a CAVRA directory.
fn is_directory(bundle: &ListedBundle) -> bool {
    let manifest = layout::cavra_object(bundle.bundle_id, MANIFEST);
    matches!(&bundle.state, BundleState::Present { key, .. } if key.ends_with(&manifest))
}

fn nothing_had(mut run: RunPull) -> EvidenceError {
    match run.missing.pop() {
        Some(missing) if run.missing.is_empty() => missing.error,
        Some(missing) => EvidenceError::new(
            missing.error.kind(),
            format!("none of the {} bundles of this run could be had", run.missing.len() + 1),
        )
        .with_source(missing.error),
        None => EvidenceError::new(EvidenceErrorKind::NotFound, "the store knows no such run")
            .with_guidance("`evidence list` shows what it holds"),
    }
}

/// The name of a bundle's file in the folder: by its id, and by its archive too where several
/// archives share the id.
async fn name_of(
    store: &dyn Storage,
    id: BundleId,
    archive_sha256: Option<Sha256Digest>,
) -> Result<String, EvidenceError> {
    match archive_sha256 {
        Some(archive) if archives_of(store, id).await?.len() > 1 => {
            Ok(format!("{id}.{}.tar.gz", archive.to_hex()))
        }
        _ => Ok(format!("{id}.tar.gz")),
    }
}

/// The folder holds a file of that name, perhaps from an earlier pull that was cut short: it counts
/// only if it is the bundle.
async fn confirm_here(store: &dyn Storage, request: PullRequest) -> Result<Pulled, EvidenceError> {
    let path: PathBuf = request.out.clone();
    let verifying = tokio::task::spawn_blocking(move || {
        let archive = File::open(&path).map_err(|error| failed(&path, "cannot be read", error))?;
        let bundle =
            UnverifiedBundle::open(archive, &ReadLimits::default())?.verify(&NoProgress)?;
        Ok::<_, EvidenceError>(bundle)
    });
    let bundle = verifying.await.map_err(crate::evidence::stored::panicked)??;
    let other_bytes =
        request.archive_sha256.is_some_and(|sha256| sha256 != bundle.archive_sha256());
    if bundle.id() != request.id || other_bytes {
        return Err(EvidenceError::new(
            EvidenceErrorKind::LocalFileExists,
            "another file has the name of this bundle",
        ));
    }
    let signatures = match &request.demand {
        Some(demand) => Some(signatures::fetch(store, &bundle.signed(), demand).await?),
        None => None,
    };
    let pulled = Pulled {
        bundle_id: bundle.id(),
        format: Some(bundle.format()),
        archive_sha256: Some(bundle.archive_sha256()),
        size_bytes: bundle.archive_size_bytes(),
        key: None,
        version_id: None,
        current_version_is_something_else: false,
        current_version_is_a_delete_marker: false,
        path: request.out,
        signatures: None,
        signature_files: Vec::new(),
    };
    pulled.with(signatures)
}
