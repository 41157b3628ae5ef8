//! A bundle, or all bundles of a run, out of a store.
//!
//! Bytes go to a temporary file beside the target, are verified there and bound to the id that was
//! asked for while more arrive, are made durable, and only then get their name.

mod download;
mod landing;
mod run;
pub(super) mod signatures;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use serde::Serialize;
use strongroom_core::bundle::{BundleFormat, Progress};
use strongroom_core::observed::Observed;
use strongroom_core::signing::demand::{Demand, SignatureReport};
use strongroom_core::{BundleId, Sha256Digest, layout};

use self::download::{LocalCopy, download_verified};
use super::stored::{StoredBundle, Wanted, candidates, leaves_other_versions};
use super::{EvidenceError, EvidenceErrorKind, cavra};
use crate::new_file::{NewFile, directory_of};
use crate::{ListRequest, ObjectKey, Storage, StorageErrorKind, VersionId};

pub use self::run::{RunPull, pull_run};

/// Archives that may share one Assay id before a pull gives up telling them apart.
const ARCHIVES_OF_AN_ID_MAX: usize = 100;

/// What to pull, and where to.
#[derive(Debug, Clone)]
pub struct PullRequest {
    /// The bundle.
    pub id: BundleId,
    /// Which archive, where several share the id (Assay).
    pub archive_sha256: Option<Sha256Digest>,
    /// The file to make.
    pub out: PathBuf,
    /// Whether a file of that name may be replaced.
    pub overwrite: bool,
    /// What is asked of its signatures, which are then pulled with it; nothing where it is absent.
    pub demand: Option<Demand>,
}

/// A bundle that was pulled and proven.
#[derive(Debug, Clone, Serialize)]
pub struct Pulled {
    /// Its identity, as asked for and as proven.
    pub bundle_id: BundleId,
    /// Its format; `None` of a CAVRA directory, which is no archive.
    #[serde(skip)]
    pub format: Option<BundleFormat>,
    /// SHA-256 of the archive; absent of a CAVRA directory, which is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive_sha256: Option<Sha256Digest>,
    /// Bytes of the archive, or of all files of a directory.
    pub size_bytes: u64,
    /// The whole key that it came from, prefix included; absent where the folder held it already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The version that it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// Whether an object that is something else is on top of that version.
    pub current_version_is_something_else: bool,
    /// Whether a delete marker is on top of that version: somebody deleted the bundle.
    pub current_version_is_a_delete_marker: bool,
    /// The file, or the directory.
    pub path: PathBuf,
    /// What its signatures are worth, where they were asked for.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub signatures: Option<SignatureReport>,
    /// The files that its signatures were written to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signature_files: Vec<PathBuf>,
}

impl Pulled {
    /// The same bundle, with its signatures beside it.
    pub(super) fn with(
        mut self,
        signatures: Option<signatures::Fetched>,
    ) -> Result<Self, EvidenceError> {
        if let Some(fetched) = signatures {
            self.signature_files = fetched.keep_beside(&self.path)?;
            self.signatures = Some(fetched.report);
        }
        Ok(self)
    }
}

/// Pulls one bundle. `progress` counts bytes of content.
pub async fn pull(
    store: &dyn Storage,
    request: &PullRequest,
    progress: &Arc<dyn Progress>,
) -> Result<Pulled, EvidenceError> {
    match pull_archive(store, request, progress).await {
        Err(refusal) if cavra::may_be_one(&refusal) && request.archive_sha256.is_none() => {
            match cavra::pull(store, request, progress.as_ref()).await {
                Err(error) => Err(cavra::of_neither(store, request.id, refusal, error).await),
                pulled => pulled,
            }
        }
        pulled => pulled,
    }
}

/// Pulls one archive; an error of the kind [`EvidenceErrorKind::NotFound`] where there is none of this id.
pub(super) async fn pull_archive(
    store: &dyn Storage,
    request: &PullRequest,
    progress: &Arc<dyn Progress>,
) -> Result<Pulled, EvidenceError> {
    if !request.overwrite && is_there(&request.out)? {
        return Err(taken(&request.out));
    }
    let wanted = Wanted { id: request.id, archive_sha256: request.archive_sha256 };
    let fetch = Fetch { store, out: &request.out, progress };
    let native = ObjectKey::new(layout::bundle(request.id))?;
    let fetched = match fetch.key(&native, wanted).await? {
        // A native id covers every byte: nothing else can have it.
        Some(fetched) if is_native(&fetched.stored) => fetched,
        under_id => fetch.assay(under_id, wanted).await?,
    };
    // Before the file appears.
    let signatures = match &request.demand {
        Some(demand) => {
            Some(signatures::fetch(store, &fetched.stored.bundle.signed(), demand).await?)
        }
        None => None,
    };
    fetched.publish(store, &request.out, request.overwrite)?.with(signatures)
}

/// A verified archive in its temporary file.
struct Fetched {
    key: ObjectKey,
    stored: StoredBundle,
    file: NewFile,
    below_something_else: bool,
    below_a_delete_marker: bool,
}

impl Fetched {
    fn publish(
        self,
        store: &dyn Storage,
        out: &Path,
        overwrite: bool,
    ) -> Result<Pulled, EvidenceError> {
        self.file.place(overwrite).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => taken(out),
            _ => failed(out, "could not be written", error),
        })?;
        Ok(Pulled {
            bundle_id: self.stored.bundle.id(),
            format: Some(self.stored.bundle.format()),
            archive_sha256: Some(self.stored.bundle.archive_sha256()),
            size_bytes: self.stored.bundle.archive_size_bytes(),
            key: Some(store.whole_key(&self.key)),
            version_id: self.stored.info.version.map(|version| version.0),
            current_version_is_something_else: self.below_something_else,
            current_version_is_a_delete_marker: self.below_a_delete_marker,
            path: out.to_owned(),
            signatures: None,
            signature_files: Vec::new(),
        })
    }
}

fn is_native(stored: &StoredBundle) -> bool {
    stored.bundle.format() == BundleFormat::Native
}

/// Where to fetch from, and beside which file to put what comes.
struct Fetch<'a> {
    store: &'a dyn Storage,
    out: &'a Path,
    progress: &'a Arc<dyn Progress>,
}

impl Fetch<'_> {
    /// Fetches the version of `key` that verifies: the current one, or an earlier one where
    /// something else is on top. `None` where there is nothing under the key.
    async fn key(&self, key: &ObjectKey, wanted: Wanted) -> Result<Option<Fetched>, EvidenceError> {
        let refusal = match self.version(key, None, wanted).await {
            Ok(fetched) => return Ok(Some(fetched)),
            Err(error) if is_absent(&error) => None,
            Err(error) if leaves_other_versions(&error) => Some(error),
            Err(error) => return Err(error),
        };
        let versions = match (self.store.versions(key).await, refusal.is_some()) {
            (Ok(Observed::Observed(versions)), _) => versions,
            // The refusal says more than that no versions were to be had.
            (Ok(Observed::Unobserved(_)), _) | (Err(_), true) => {
                return refusal.map_or(Ok(None), Err);
            }
            (Err(error), false) => return Err(error.into()),
        };
        let (candidates, cut_short) = candidates(&versions);
        for candidate in candidates {
            match self.version(key, Some(&candidate.version), wanted).await {
                // The current version may have been damaged on its way only.
                Ok(fetched) => {
                    return Ok(Some(Fetched {
                        below_something_else: !candidate.is_latest && refusal.is_some(),
                        below_a_delete_marker: !candidate.is_latest && refusal.is_none(),
                        ..fetched
                    }));
                }
                Err(error) if leaves_other_versions(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let refusal = refusal.map(|error| match cut_short {
            true => error.with_guidance(
                "there are more versions than VERSIONS_SEARCHED_MAX; the newest and the oldest \
                 were looked at",
            ),
            false => error,
        });
        refusal.map_or(Ok(None), Err)
    }

    fn start(&self) -> Result<NewFile, EvidenceError> {
        let folder = directory_of(self.out);
        fs::create_dir_all(folder)
            .and_then(|()| NewFile::create(self.out))
            .map_err(|error| failed(folder, "cannot take a new file", error))
    }

    async fn version(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        wanted: Wanted,
    ) -> Result<Fetched, EvidenceError> {
        let file = self.start()?;
        let writer = file.writer().map_err(|error| failed(self.out, "cannot be written", error))?;
        let progress = Arc::clone(self.progress);
        let copy = LocalCopy { file: writer, path: self.out };
        let stored = download_verified(self.store, key, version, wanted, copy, progress).await?;
        Ok(Fetched {
            key: key.clone(),
            stored,
            file,
            below_something_else: false,
            below_a_delete_marker: false,
        })
    }

    /// An Assay id may stand for several archives: under the id alone, and beside each other.
    async fn assay(
        &self,
        under_id: Option<Fetched>,
        wanted: Wanted,
    ) -> Result<Fetched, EvidenceError> {
        let mut archives = archives_of(self.store, wanted.id).await?;
        if let Some(chosen) = wanted.archive_sha256 {
            archives.retain(|archive| *archive == chosen);
        }
        let here = under_id.as_ref().map(|fetched| fetched.stored.bundle.archive_sha256());
        archives.retain(|archive| Some(*archive) != here);
        match (under_id, archives.as_slice()) {
            (None, []) => Err(not_found()),
            (Some(fetched), []) => Ok(fetched),
            (None, [archive]) => {
                let wanted = Wanted { archive_sha256: Some(*archive), ..wanted };
                let key = ObjectKey::new(layout::assay_bundle(wanted.id, *archive))?;
                self.key(&key, wanted).await?.ok_or_else(not_found)
            }
            (_, others) => Err(ambiguous(here.iter().chain(others))),
        }
    }
}

/// Whether there is no archive of this id, under any key.
pub(super) fn is_no_archive(error: &EvidenceError) -> bool {
    error.kind() == EvidenceErrorKind::NotFound
}

pub(super) fn is_absent(error: &EvidenceError) -> bool {
    error.kind() == EvidenceErrorKind::Store(StorageErrorKind::NotFound)
}

/// The archives that are kept under both of their identities.
pub(super) async fn archives_of(
    store: &dyn Storage,
    id: BundleId,
) -> Result<Vec<Sha256Digest>, EvidenceError> {
    let prefix = layout::assay_bundles_of(id);
    let request = ListRequest {
        prefix: prefix.clone(),
        limit: Some(ARCHIVES_OF_AN_ID_MAX),
        ..ListRequest::default()
    };
    let page = store.list(&request).await?;
    let archives = page.objects.iter().filter_map(|object| {
        let name = object.key.strip_prefix(&prefix)?.strip_suffix(".tar.gz")?;
        Sha256Digest::from_hex(name).ok()
    });
    Ok(archives.collect())
}

/// Whether anything has this name, a dangling link included.
pub(super) fn is_there(path: &Path) -> Result<bool, EvidenceError> {
    match path.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed(path, "cannot be looked at", error)),
    }
}

pub(super) fn taken(out: &Path) -> EvidenceError {
    let message = format!("a file named {} is there already", shown(out));
    EvidenceError::new(EvidenceErrorKind::LocalFileExists, message)
        .with_guidance("choose another --out, or pass --force to replace it")
}

/// A local file stood in the way.
pub(super) fn failed(path: &Path, what: &str, error: io::Error) -> EvidenceError {
    let message = format!("{} {what}: {error}", shown(path));
    let is_full = matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    );
    let failed = EvidenceError::new(EvidenceErrorKind::LocalFile, message).with_source(error);
    match is_full {
        true => failed.with_guidance("make room, or name an --out on another disk"),
        false => failed,
    }
}

fn shown(path: &Path) -> impl std::fmt::Display {
    path.to_string_lossy().escape_debug().to_string()
}

fn not_found() -> EvidenceError {
    EvidenceError::new(EvidenceErrorKind::NotFound, "the store holds no such bundle").with_guidance(
        "`evidence list` shows what it holds; of a bundle shown as pending or deleted, nothing is there \
         that verifies",
    )
}

fn ambiguous<'a>(archives: impl Iterator<Item = &'a Sha256Digest>) -> EvidenceError {
    let archives: Vec<String> = archives.map(ToString::to_string).collect();
    EvidenceError::new(
        EvidenceErrorKind::Conflict,
        format!(
            "{} different archives share this Assay id: {}",
            archives.len(),
            archives.join(", ")
        ),
    )
    .with_guidance("choose one with --archive-sha256")
}
