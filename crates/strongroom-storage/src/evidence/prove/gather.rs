//! One bundle with everything that belongs to it.

use std::sync::Arc;

use strongroom_core::bundle::{BundleFormat, Progress};
use strongroom_core::signing::demand::Demand;
use strongroom_core::signing::statement::SignedBundle;
use strongroom_core::{BundleId, Sha256Digest, limits};

use super::folder::Folder;
use super::{MissingProof, ProvenBundle, ProvenSignature};
use crate::Storage;
use crate::evidence::pull::{PullRequest, pull};
use crate::evidence::retention::show_retention;
use crate::evidence::signature::{self, NoBytes};
use crate::evidence::{EvidenceError, EvidenceErrorKind, kept};

/// A bundle, and what of it could not be had. An error where the bundle itself could not.
pub(super) async fn bundle(
    store: &dyn Storage,
    id: BundleId,
    demand: &Demand,
    folder: &mut Folder,
    progress: &Arc<dyn Progress>,
) -> Result<(ProvenBundle, Vec<MissingProof>), EvidenceError> {
    let name = id.0.to_hex();
    let path = format!("bundles/{name}.tar.gz");
    let request = PullRequest {
        id,
        archive_sha256: None,
        out: folder.path_of(&path)?,
        overwrite: false,
        demand: None,
    };
    let pulled = pull(store, &request, progress).await?;
    let (Some(format), Some(archive_sha256)) = (pulled.format, pulled.archive_sha256) else {
        return Err(EvidenceError::new(
            EvidenceErrorKind::NotFound,
            "the bundle is a CAVRA directory, and only archives are gathered",
        )
        .with_guidance("`evidence pull` gives the directory"));
    };
    folder.list(&path, archive_sha256);
    let id_covers_bytes = format == BundleFormat::Native;
    let signed = SignedBundle { id, archive: Some(archive_sha256), id_covers_bytes };
    let mut missing = Vec::new();
    let mut miss =
        |what, reason: String| missing.push(MissingProof { bundle_id: id, what, reason });

    let mut checked = Vec::new();
    let mut signatures = Vec::new();
    match signature::of_bundle(store, id, demand, std::slice::from_ref(&signed)).await {
        Ok(stored) => {
            for one in stored.signatures {
                checked.extend(one.sourced(0));
                let one = one.stored;
                let lock_times = one.trusted_time.iter().map(|trusted| trusted.time).collect();
                match one.bytes {
                    Ok(bytes) => {
                        let file = Sha256Digest::of(&bytes).to_hex();
                        let path = format!("signatures/{name}/{file}.sigstore.json");
                        folder.write(&path, &bytes)?;
                        signatures.push(ProvenSignature { path, lock_times });
                    }
                    // Nobody's signature, and nothing that is missing.
                    Err(NoBytes::SomethingElse) => {}
                    Err(NoBytes::Unread(reason)) => miss("signatures", reason),
                }
            }
            if let Some(limit) = stored.cut_short {
                miss("signatures", format!("more than the limit {limit}"));
            }
            if stored.passed_over > 0 {
                let reason =
                    "files beside them that are not valid, or the same once more, beyond the limit";
                miss("signatures", format!("{reason}: {}", stored.passed_over));
            }
        }
        Err(error) => miss("signatures", error.to_string()),
    }
    let records = match records(store, id, &name, folder).await {
        Ok((records, unread)) => {
            unread.into_iter().for_each(|reason| miss("records", reason));
            records
        }
        Err(error) => {
            miss("records", error.to_string());
            Vec::new()
        }
    };
    let locks = match show_retention(store, id).await {
        Ok(report) => {
            let path = format!("locks/{name}.json");
            folder.write_json(&path, &report)?;
            Some(path)
        }
        Err(error) => {
            miss("locks", error.to_string());
            None
        }
    };
    let bundle = ProvenBundle {
        bundle_id: id,
        format: format.name(),
        path,
        archive_sha256,
        size_bytes: pulled.size_bytes,
        key: pulled.key,
        version_id: pulled.version_id,
        signatures,
        records,
        locks,
        checked: demand.conclude(checked),
    };
    Ok((bundle, missing))
}

/// The records as they are, byte for byte, also below what hides them; and why some could not be had.
async fn records(
    store: &dyn Storage,
    id: BundleId,
    name: &str,
    folder: &mut Folder,
) -> Result<(Vec<String>, Vec<String>), EvidenceError> {
    let kept = kept::read_all(store, id).await?;
    let (mut records, mut unread) = (Vec::new(), Vec::new());
    for object in &kept.objects {
        let read = async {
            let object = store.read(&object.key, object.version.as_ref(), None).await?;
            object.collect(limits::RECORD_BYTES_MAX).await
        };
        match read.await {
            Ok(bytes) => {
                let path = format!("records/{name}/{}.json", object.id);
                folder.write(&path, &bytes)?;
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
