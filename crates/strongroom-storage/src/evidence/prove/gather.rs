//! One bundle with everything that belongs to it.

use std::fs;
use std::sync::Arc;

use strongroom_core::bundle::cavra::{MANIFEST, judge};
use strongroom_core::bundle::{BundleFormat, Progress};
use strongroom_core::signing::demand::{Demand, SignatureReport, SourcedSignature};
use strongroom_core::signing::statement::SignedBundle;
use strongroom_core::{BundleId, Sha256Digest, limits};

use super::folder::Folder;
use super::{MissingProof, ProvenBundle, ProvenObject, ProvenSignature};
use crate::Storage;
use crate::evidence::cavra::{self, fetch_directory};
use crate::evidence::pull::{PullRequest, pull_archive};
use crate::evidence::retention::show_retention;
use crate::evidence::signature::{self, NoBytes};
use crate::evidence::{EvidenceError, kept};
use crate::new_file::directory_of;

/// What a CAVRA directory is called.
const CAVRA_FORMAT: &str = "cavra/v1";

/// A bundle, and what of it could not be had. An error where the bundle itself could not.
pub(super) async fn bundle(
    store: &dyn Storage,
    id: BundleId,
    demand: &Demand,
    folder: &mut Folder,
    progress: &Arc<dyn Progress>,
) -> Result<(ProvenBundle, Vec<MissingProof>), EvidenceError> {
    let found = match archive(store, id, folder, progress).await {
        Err(refusal) if cavra::may_be_one(&refusal) => {
            match directory(store, id, demand, folder, progress).await {
                Err(error) => return Err(cavra::of_neither(store, id, refusal, error).await),
                Ok(found) => found,
            }
        }
        found => found?,
    };
    let Found { mut bundle, signed, its_own } = found;
    let mut missing = Vec::new();
    let mut miss =
        |what, reason: String| missing.push(MissingProof { bundle_id: id, what, reason });
    let mut checked: Vec<_> = its_own.into_iter().collect();
    match signatures(store, &signed, demand, folder).await {
        Ok(beside) => {
            checked.extend(beside.checked);
            bundle.signatures = beside.files;
            beside.missed.into_iter().for_each(|reason| miss("signatures", reason));
        }
        Err(Gathering::Store(error)) => miss("signatures", error.to_string()),
        Err(Gathering::Folder(error)) => return Err(error),
    }
    bundle.checked = demand.conclude(checked);
    match records(store, id, folder).await {
        Ok((records, unread)) => {
            unread.into_iter().for_each(|reason| miss("records", reason));
            bundle.records = records;
        }
        Err(Gathering::Store(error)) => miss("records", error.to_string()),
        Err(Gathering::Folder(error)) => return Err(error),
    }
    match show_retention(store, id).await {
        Ok(report) => {
            let path = format!("locks/{}.json", id.0.to_hex());
            folder.write_json(&path, &report)?;
            bundle.locks = Some(path);
            let is_told =
                |one: &&ProvenObject| report.tells_of(&one.key, one.version_id.as_deref());
            let untold = bundle.objects.len() - bundle.objects.iter().filter(is_told).count();
            if untold > 0 {
                miss("locks", format!("objects whose version no record names: {untold}"));
            }
        }
        Err(error) => miss("locks", error.to_string()),
    }
    Ok((bundle, missing))
}

/// A bundle in the folder, before anything beside it is.
struct Found {
    bundle: ProvenBundle,
    signed: SignedBundle,
    /// The signature that it carries itself.
    its_own: Option<SourcedSignature>,
}

/// An archive, as it was stored.
async fn archive(
    store: &dyn Storage,
    id: BundleId,
    folder: &mut Folder,
    progress: &Arc<dyn Progress>,
) -> Result<Found, EvidenceError> {
    let path = format!("bundles/{}.tar.gz", id.0.to_hex());
    let request = PullRequest {
        id,
        archive_sha256: None,
        out: folder.path_of(&path)?,
        overwrite: false,
        demand: None,
    };
    let pulled = pull_archive(store, &request, progress).await?;
    if let Some(archive_sha256) = pulled.archive_sha256 {
        folder.list(&path, archive_sha256);
    }
    let id_covers_bytes = pulled.format == Some(BundleFormat::Native);
    let signed = SignedBundle { id, archive: pulled.archive_sha256, id_covers_bytes };
    let bundle = ProvenBundle {
        bundle_id: id,
        format: pulled.format.map_or(CAVRA_FORMAT, BundleFormat::name),
        path,
        archive_sha256: pulled.archive_sha256,
        size_bytes: pulled.size_bytes,
        key: pulled.key,
        version_id: pulled.version_id,
        objects: Vec::new(),
        signatures: Vec::new(),
        records: Vec::new(),
        locks: None,
        checked: SignatureReport::none(),
    };
    Ok(Found { bundle, signed, its_own: None })
}

/// A CAVRA directory, each object a file of the folder.
async fn directory(
    store: &dyn Storage,
    id: BundleId,
    demand: &Demand,
    folder: &mut Folder,
    progress: &Arc<dyn Progress>,
) -> Result<Found, EvidenceError> {
    let path = format!("bundles/{}", id.0.to_hex());
    let manifest_path = format!("{path}/{MANIFEST}");
    let place = folder.path_of(&manifest_path)?;
    let root = directory_of(&place);
    let fetched = fetch_directory(store, id, root, progress.as_ref()).await.inspect_err(|_| {
        // A file that is not listed would be taken for one that nobody gathered.
        let _ = fs::remove_dir_all(root);
    })?;
    let mut objects = Vec::new();
    for (file, object) in fetched.bundle.files().iter().zip(fetched.objects) {
        let proven = ProvenObject {
            path: format!("{path}/{}", file.path),
            sha256: file.sha256,
            size_bytes: file.size_bytes,
            key: store.whole_key(&object.key),
            version_id: object.version.map(|version| version.0),
        };
        folder.list(&proven.path, proven.sha256);
        objects.push(proven);
    }
    let manifest = fetched.bundle.manifest();
    let bundle = ProvenBundle {
        bundle_id: id,
        format: CAVRA_FORMAT,
        path,
        archive_sha256: None,
        size_bytes: fetched.bundle.content_size_bytes(),
        key: None,
        version_id: None,
        objects,
        signatures: Vec::new(),
        records: Vec::new(),
        locks: None,
        checked: SignatureReport::none(),
    };
    let its_own = judge(manifest, demand, manifest_path);
    Ok(Found { bundle, signed: manifest.signed(), its_own })
}

/// What kept something beside a bundle from being gathered.
enum Gathering {
    /// The store: then it is missing, and the rest is there.
    Store(EvidenceError),
    /// The folder: then there is none.
    Folder(EvidenceError),
}

/// The signatures beside a bundle.
struct Beside {
    checked: Vec<SourcedSignature>,
    files: Vec<ProvenSignature>,
    /// Why some could not be had.
    missed: Vec<String>,
}

async fn signatures(
    store: &dyn Storage,
    signed: &SignedBundle,
    demand: &Demand,
    folder: &mut Folder,
) -> Result<Beside, Gathering> {
    let stored = signature::of_bundle(store, signed.id, demand, std::slice::from_ref(signed));
    let stored = stored.await.map_err(Gathering::Store)?;
    let mut beside = Beside { checked: Vec::new(), files: Vec::new(), missed: Vec::new() };
    for one in stored.signatures {
        beside.checked.extend(one.sourced(0));
        let one = one.stored;
        let lock_times = one.trusted_time.iter().map(|trusted| trusted.time).collect();
        match one.bytes {
            Ok(bytes) => {
                let file = Sha256Digest::of(&bytes).to_hex();
                let path = format!("signatures/{}/{file}.sigstore.json", signed.id.0.to_hex());
                folder.write(&path, &bytes).map_err(Gathering::Folder)?;
                beside.files.push(ProvenSignature { path, lock_times });
            }
            // Nobody's signature, and nothing that is missing.
            Err(NoBytes::SomethingElse) => {}
            Err(NoBytes::Unread(reason)) => beside.missed.push(reason),
        }
    }
    if let Some(limit) = stored.cut_short {
        beside.missed.push(format!("more than the limit {limit}"));
    }
    Ok(beside)
}

/// The records as they are, byte for byte, also below what hides them; and why some could not be had.
async fn records(
    store: &dyn Storage,
    id: BundleId,
    folder: &mut Folder,
) -> Result<(Vec<String>, Vec<String>), Gathering> {
    let kept = kept::read_all(store, id).await.map_err(Gathering::Store)?;
    let (mut records, mut unread) = (Vec::new(), Vec::new());
    for object in &kept.objects {
        let read = async {
            let object = store.read(&object.key, object.version.as_ref(), None).await?;
            object.collect(limits::RECORD_BYTES_MAX).await
        };
        match read.await {
            Ok(bytes) => {
                let path = format!("records/{}/{}.json", id.0.to_hex(), object.id);
                folder.write(&path, &bytes).map_err(Gathering::Folder)?;
                records.push(path);
            }
            Err(error) => unread.push(error.to_string()),
        }
    }
    if kept.unread > 0 {
        unread.push(format!("objects that may be records and could not be read: {}", kept.unread));
    }
    if kept.cut_short {
        unread.push("more than the limit RECORDS_READ_MAX".to_owned());
    }
    Ok((records, unread))
}
