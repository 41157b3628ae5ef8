//! A CAVRA directory out of a store. It is filled under a temporary name beside its place, verified as a
//! whole, and only then given its name.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use futures::TryStreamExt as _;
use strongroom_core::bundle::cavra::{
    CavraFile, EVIDENCE, MANIFEST, VerifiedCavra, judge, session_id,
};
use strongroom_core::bundle::{NoProgress, Progress};
use strongroom_core::digest::Sha256Hasher;
use strongroom_core::{BundleId, Sha256Digest, layout, limits};

use super::super::pull::signatures::{Fetched, fetch_beside};
use super::super::pull::{PullRequest, Pulled, failed, is_there, taken};
use super::super::stored::{leaves_other_versions, panicked};
use super::super::{EvidenceError, EvidenceErrorKind};
use super::locate::{StoredFile, find_manifest, not_the_bundle};
use super::object::{find_version, not_the_file};
use crate::new_file::directory_of;
use crate::{ObjectKey, Storage, StorageErrorKind, VersionId};

/// Pulls one directory, which must not be there. Every object is taken in the version that verifies:
/// garbage on top hides nothing.
pub(in crate::evidence) async fn pull(
    store: &dyn Storage,
    request: &PullRequest,
    progress: &dyn Progress,
) -> Result<Pulled, EvidenceError> {
    let PullRequest { id, out, .. } = request;
    if is_there(out)? {
        return Err(taken(out));
    }
    let unwritable = |error| failed(out, "could not be written", error);
    let place = tempfile::Builder::new()
        .prefix(".strongroom-")
        .suffix(".partial")
        // Like any directory that a person makes; the umask takes its share.
        .permissions(fs::Permissions::from_mode(0o777))
        .tempdir_in(directory_of(out))
        .map_err(unwritable)?;
    let fetched = fetch_directory(store, *id, place.path(), progress).await?;
    let bundle = fetched.bundle;
    // Before the directory appears.
    let signatures = signatures_of(store, &bundle, request).await?;
    let path = place.keep();
    // Nothing is there by now either: a directory is never put over another one.
    if is_there(out)? {
        let _ = fs::remove_dir_all(&path);
        return Err(taken(out));
    }
    fs::rename(&path, out).map_err(unwritable)?;
    fs::File::open(directory_of(out)).and_then(|folder| folder.sync_all()).map_err(unwritable)?;
    let manifest = fetched.objects.last();
    let pulled = Pulled {
        key: manifest.map(|object| store.whole_key(&object.key)),
        version_id: manifest.and_then(|object| object.version.clone()).map(|version| version.0),
        current_version_is_something_else: fetched.below_something_else,
        ..described(&bundle, out)
    };
    pulled.with(signatures)
}

/// A directory that was fetched and verified, and where each of its files came from.
pub(in crate::evidence) struct FetchedDirectory {
    pub(in crate::evidence) bundle: VerifiedCavra,
    /// In the order of the bundle's files, the manifest last.
    pub(in crate::evidence) objects: Vec<StoredFile>,
    /// Whether something else is on top of an object of it.
    below_something_else: bool,
}

/// Fetches a directory into the empty folder `root`, and verifies it there. Nothing was had where the
/// error is that the manifest is not there.
pub(in crate::evidence) async fn fetch_directory(
    store: &dyn Storage,
    id: BundleId,
    root: &Path,
    progress: &dyn Progress,
) -> Result<FetchedDirectory, EvidenceError> {
    let manifest = find_manifest(store, id).await?;
    let mut below_something_else = manifest.refused_on_top.is_some();
    let mut objects = Vec::new();
    for file in manifest.manifest.files_under(root) {
        let (object, is_below) = fetch(store, id, &file, progress).await?;
        below_something_else |= is_below;
        objects.push(object);
    }
    let place = root.join(MANIFEST);
    fs::write(&place, &manifest.bytes)
        .and_then(|()| fs::File::open(&place)?.sync_all())
        .map_err(|error| failed(&place, "could not be written", error))?;
    objects.push(manifest.object);
    let bundle = verified(root).await?;
    match bundle.id() == id {
        true => Ok(FetchedDirectory { bundle, objects, below_something_else }),
        false => Err(not_the_bundle()),
    }
}

/// The signatures that are asked for: the one that the manifest carries, and those beside it.
async fn signatures_of(
    store: &dyn Storage,
    bundle: &VerifiedCavra,
    request: &PullRequest,
) -> Result<Option<Fetched>, EvidenceError> {
    let Some(demand) = &request.demand else { return Ok(None) };
    let own = judge(bundle.manifest(), demand, MANIFEST.to_owned());
    fetch_beside(store, &bundle.manifest().signed(), demand, own).await.map(Some)
}

/// The session of a directory in the store, from the very document that its manifest lists.
pub(in crate::evidence) async fn session_of(
    store: &dyn Storage,
    id: BundleId,
) -> Result<String, EvidenceError> {
    let manifest = find_manifest(store, id).await?;
    let files = manifest.manifest.files_under(Path::new(""));
    let evidence = files.into_iter().find(|file| file.path == EVIDENCE).ok_or_else(not_the_file)?;
    let key = ObjectKey::new(layout::cavra_object(id, EVIDENCE))?;
    let object = store.read(&key, None, None).await?;
    let bytes = object.collect(limits::CAVRA_DOCUMENT_BYTES_MAX).await?;
    if Sha256Digest::of(&bytes) != evidence.sha256 {
        return Err(not_the_file());
    }
    Ok(session_id(&bytes)?)
}

/// The directory is there already, perhaps from an earlier pull: it counts only if it is the bundle.
pub(in crate::evidence) async fn confirm_here(
    store: &dyn Storage,
    request: PullRequest,
) -> Result<Pulled, EvidenceError> {
    let bundle = verified(&request.out).await?;
    if bundle.id() != request.id {
        return Err(EvidenceError::new(
            EvidenceErrorKind::LocalFileExists,
            "another directory has the name of this bundle",
        ));
    }
    let signatures = signatures_of(store, &bundle, &request).await?;
    described(&bundle, &request.out).with(signatures)
}

fn described(bundle: &VerifiedCavra, out: &Path) -> Pulled {
    Pulled {
        bundle_id: bundle.id(),
        format: None,
        archive_sha256: None,
        size_bytes: bundle.content_size_bytes(),
        key: None,
        version_id: None,
        current_version_is_something_else: false,
        current_version_is_a_delete_marker: false,
        path: out.to_owned(),
        signatures: None,
        signature_files: Vec::new(),
    }
}

async fn verified(directory: &Path) -> Result<VerifiedCavra, EvidenceError> {
    let directory = directory.to_owned();
    let verifying =
        tokio::task::spawn_blocking(move || VerifiedCavra::verify(&directory, &NoProgress));
    Ok(verifying.await.map_err(panicked)??)
}

/// Fetches one file to its place. Answers where from, and whether something else is on top of it there.
async fn fetch(
    store: &dyn Storage,
    id: BundleId,
    file: &CavraFile,
    progress: &dyn Progress,
) -> Result<(StoredFile, bool), EvidenceError> {
    let key = ObjectKey::new(layout::cavra_object(id, &file.path))?;
    let refusal = match fetch_version(store, &key, None, file, progress).await {
        Ok(version) => return Ok((StoredFile { key, version }, false)),
        Err(error) if leaves_other_versions(&error) => error,
        Err(error) => return Err(error),
    };
    let Some(version) = find_version(store, &key, file).await? else {
        let whole_key = store.whole_key(&key);
        // The directory is there, and one of its files is not.
        let (kind, message) = match refusal.kind() {
            EvidenceErrorKind::Store(StorageErrorKind::NotFound) => (
                EvidenceErrorKind::NotFound,
                format!("{whole_key}, which the manifest lists, is not there"),
            ),
            kind => (kind, format!("{whole_key} could not be had: {refusal}")),
        };
        return Err(EvidenceError::new(kind, message).with_source(refusal));
    };
    let version = fetch_version(store, &key, Some(&version), file, progress).await?;
    Ok((StoredFile { key, version }, true))
}

/// Fetches one version of a file to its place. Answers which one it was.
async fn fetch_version(
    store: &dyn Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    file: &CavraFile,
    progress: &dyn Progress,
) -> Result<Option<VersionId>, EvidenceError> {
    let unwritable = |error| failed(&file.location, "could not be written", error);
    let mut object = store.read(key, version, None).await?;
    if object.info.size_bytes != file.size_bytes {
        return Err(not_the_file());
    }
    fs::create_dir_all(directory_of(&file.location)).map_err(unwritable)?;
    let mut out = fs::File::create(&file.location).map_err(unwritable)?;
    let mut hasher = Sha256Hasher::new();
    while let Some(piece) = object.stream.try_next().await? {
        hasher.update(&piece);
        out.write_all(&piece).map_err(unwritable)?;
        progress.add_bytes(piece.len() as u64);
    }
    if hasher.finish() != file.sha256 {
        return Err(not_the_file());
    }
    out.sync_all().map_err(unwritable)?;
    Ok(object.info.version)
}
