//! One file of a CAVRA directory as one object: written once, read back, locked.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};

use strongroom_core::bundle::cavra::{CavraFile, MANIFEST};
use strongroom_core::bundle::{BundleError, Refusal};
use strongroom_core::digest::Sha256Hasher;
use strongroom_core::receipt::{CreateOnly, Integrity, Status};
use strongroom_core::upload::UploadedObject;
use strongroom_core::{Sha256Digest, layout};

use super::super::protect::{self, Origin, Protected, Protection};
use super::super::references::day_of;
use super::super::stored::panicked;
use super::super::{EvidenceError, EvidenceErrorKind};
use super::push::CavraPush;
use crate::blocking::{BodyWriter, body_channel};
use crate::{
    CreateOptions, Created, ObjectInfo, ObjectKey, Storage, StorageErrorKind, VersionId, versions,
};

const READ_BUFFER_BYTES: usize = 256 << 10;

/// What came of one file.
pub(super) struct Placed {
    pub(super) row: UploadedObject,
    /// Why its lock was not set, where setting it was not ours to decide.
    pub(super) refusal: Option<EvidenceError>,
}

impl CavraPush<'_> {
    /// Puts one file into the store, or proves that it is there.
    pub(super) async fn place(&self, file: &CavraFile) -> Result<Placed, EvidenceError> {
        let key = ObjectKey::new(layout::cavra_object(self.bundle_id(), &file.path))?;
        match self.store.head(&key, None).await {
            Ok(_) => return self.keep_existing(&key, file).await,
            Err(error) if error.kind() == StorageErrorKind::NotFound => {}
            // Without the right to list, S3 does not tell "absent" from "denied". The write is
            // conditional, and a denied one says so itself.
            Err(error) if error.kind() == StorageErrorKind::PermissionDenied => {}
            Err(error) => return Err(error.into()),
        }
        match self.write(&key, file).await? {
            Some(created) => self.observe(&key, file, created).await,
            // Somebody else was faster: what they stored is verified like any existing copy.
            None => self.keep_existing(&key, file).await,
        }
    }

    /// Writes the object. `None`: something is under the key by now.
    async fn write(
        &self,
        key: &ObjectKey,
        file: &CavraFile,
    ) -> Result<Option<Created>, EvidenceError> {
        let (writer, gate, body) = body_channel(file.size_bytes);
        // The references are there by now: what is verified may appear.
        gate.open();
        let sent = file.clone();
        let sending = tokio::task::spawn_blocking(move || send(&sent, writer));
        let options = self.create_options(file);
        let (created, sent) = tokio::join!(self.store.create(key, body, &options), sending);
        let sent = sent.map_err(panicked)?;
        match created {
            Ok(created) => {
                sent?;
                Ok(Some(created))
            }
            Err(error) if error.kind() == StorageErrorKind::AlreadyExists => Ok(None),
            // What ended the body says more than that it ended.
            Err(error) if error.kind() == StorageErrorKind::BodyFailed => {
                Err(sent.err().map_or_else(|| error.into(), EvidenceError::from))
            }
            Err(error) if error.kind() == StorageErrorKind::Unsupported => Err(EvidenceError::new(
                EvidenceErrorKind::RetentionNotMet,
                "the store refused an object with the lock that was asked for",
            )
            .with_guidance(
                "see `strongroom evidence store-status`: the bucket needs Object Lock; or pass \
                     --allow-unlocked to store without a lock",
            )
            .with_source(error)),
            Err(error) => Err(error.into()),
        }
    }

    fn create_options(&self, file: &CavraFile) -> CreateOptions {
        let content_type = match file.path.rsplit_once('.') {
            Some((_, "json")) => "application/json",
            Some((_, "md")) => "text/markdown",
            _ => "application/octet-stream",
        };
        let mut metadata =
            BTreeMap::from([("strongroom-bundle-id".to_owned(), self.bundle_id().to_string())]);
        if file.path == MANIFEST {
            metadata.insert("strongroom-index-day".to_owned(), day_of(self.store_now).to_string());
        }
        CreateOptions { content_type: Some(content_type), metadata, lock: self.lock.to_send }
    }

    /// Reads back what was written: its lock first, since every moment without it counts.
    async fn observe(
        &self,
        key: &ObjectKey,
        file: &CavraFile,
        mut created: Created,
    ) -> Result<Placed, EvidenceError> {
        let seen = created.info.take();
        let version = created.version.clone();
        let origin = Origin::Written {
            lock_in_write: created.lock_in_write,
            visible_from: created.visible_from,
        };
        let protection = self.protect(key, version.as_ref(), origin).await?;
        let vouched = created.vouched(file.sha256).ok_or_else(differs)?;
        let must_read = vouched == Integrity::Unobserved && self.request.verify_on_push;
        let (info, integrity) = match seen {
            _ if must_read => {
                let (info, sha256) = read_back(self.store, key, version.as_ref(), file).await?;
                if sha256 != Some(file.sha256) {
                    return Err(differs());
                }
                (info, Integrity::ReadBack)
            }
            Some(info) => (info, vouched),
            None => (self.store.head(key, version.as_ref()).await?, vouched),
        };
        if info.size_bytes != file.size_bytes {
            return Err(differs());
        }
        let row = UploadedObject {
            etag: created.etag.or(info.etag),
            integrity,
            create_only: created.create_only,
            stored_at: created.stored_at.or(info.last_modified),
            status: Status::Stored,
            encryption: info.encryption,
            ..self.row(key, file, version, &protection).await?
        };
        Ok(Placed { row, refusal: protection.refusal })
    }

    /// Something is under the key: proves that it is this file, and strengthens its lock where it is
    /// weaker than what is asked.
    async fn keep_existing(
        &self,
        key: &ObjectKey,
        file: &CavraFile,
    ) -> Result<Placed, EvidenceError> {
        let (info, sha256) = read_back(self.store, key, None, file).await?;
        if sha256 != Some(file.sha256) {
            return Err(self.conflict(key, file).await?);
        }
        let protection = self.protect(key, info.version.as_ref(), Origin::Found).await?;
        let row = UploadedObject {
            etag: info.etag,
            integrity: Integrity::ReadBack,
            stored_at: info.last_modified,
            encryption: info.encryption,
            ..self.row(key, file, info.version, &protection).await?
        };
        Ok(Placed { row, refusal: protection.refusal })
    }

    async fn protect(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        origin: Origin,
    ) -> Result<Protection, EvidenceError> {
        let target = match origin {
            Origin::Found => self.lock.asked,
            Origin::Written { .. } => self.lock_target(),
        };
        let bucket_lacks_locks = self.bucket_lacks_locks;
        let object = Protected { key, version, origin, bucket_lacks_locks };
        protect::protect(self.store, &object, &target).await
    }

    /// The row of an object that was found there, as far as every row is alike.
    async fn row(
        &self,
        key: &ObjectKey,
        file: &CavraFile,
        version: Option<VersionId>,
        protection: &Protection,
    ) -> Result<UploadedObject, EvidenceError> {
        Ok(UploadedObject {
            path: file.path.clone(),
            sha256: file.sha256,
            size_bytes: file.size_bytes,
            key: self.store.whole_key(key),
            other_versions: self.count_others(key, version.as_ref()).await?,
            version_id: version.map(|version| version.0),
            etag: None,
            integrity: Integrity::ReadBack,
            create_only: CreateOnly::Checked,
            lock: protection.receipt.clone(),
            encryption: None,
            stored_at: None,
            status: Status::AlreadyStored,
        })
    }

    /// Versions under the key besides ours; `None` where the store does not tell.
    async fn count_others(
        &self,
        key: &ObjectKey,
        ours: Option<&VersionId>,
    ) -> Result<Option<u64>, EvidenceError> {
        let others = versions::others(self.store, key, ours).await?;
        Ok(others.map(|others| others.count()))
    }

    /// Names the version that still holds the file, or says that none was seen to.
    async fn conflict(
        &self,
        key: &ObjectKey,
        file: &CavraFile,
    ) -> Result<EvidenceError, EvidenceError> {
        let held_by = find_version(self.store, key, file).await?;
        let whole_key = self.store.whole_key(key);
        let (message, guidance) = match held_by {
            Some(version) => (
                format!(
                    "something else is under {whole_key}; version {version} still holds the file"
                ),
                "`evidence pull` still gives the right bytes; find out who writes here",
            ),
            None => (
                format!(
                    "something else is under {whole_key}, and no version was seen to hold the file"
                ),
                "remove what is there, with the rights that this takes, and push again",
            ),
        };
        Ok(EvidenceError::new(EvidenceErrorKind::Conflict, message).with_guidance(guidance))
    }
}

/// The newest version of a key that holds just these bytes: garbage on top hides nothing. `None` where
/// there is none, or the store does not list versions.
pub(in crate::evidence) async fn find_version(
    store: &dyn Storage,
    key: &ObjectKey,
    file: &CavraFile,
) -> Result<Option<VersionId>, EvidenceError> {
    let found = versions::find(store, key, file.size_bytes, file.sha256).await?;
    Ok(found.and_then(|info| info.version))
}

/// Reads what is on top of a key, which must be this file.
pub(in crate::evidence) async fn verify_in_place(
    store: &dyn Storage,
    key: &ObjectKey,
    file: &CavraFile,
) -> Result<(), EvidenceError> {
    match read_back(store, key, None, file).await? {
        (_, Some(sha256)) if sha256 == file.sha256 => Ok(()),
        _ => Err(not_the_file()),
    }
}

/// The digest of a stored object; `None` where it is not of the file's size, so that nothing larger is
/// read than what was asked for.
pub(in crate::evidence) async fn read_back(
    store: &dyn Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    file: &CavraFile,
) -> Result<(ObjectInfo, Option<Sha256Digest>), EvidenceError> {
    Ok(versions::digest_of(store, key, version, file.size_bytes).await?)
}

/// Sends a file that must still be what was verified; ends the body only if it is.
fn send(file: &CavraFile, mut writer: BodyWriter) -> Result<(), BundleError> {
    let mut source = file.open()?.take(file.size_bytes);
    let mut hasher = Sha256Hasher::new();
    let mut buffer = vec![0; READ_BUFFER_BYTES];
    loop {
        let count = source.read(&mut buffer).map_err(|error| {
            BundleError::new(Refusal::Unreadable, "a file could not be read to its end")
                .with_source(error)
        })?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
        // An upload that is gone by now has its own error to tell.
        if writer.write_all(&buffer[..count]).is_err() {
            return Ok(());
        }
    }
    if hasher.finish() != file.sha256 {
        return Err(BundleError::new(
            Refusal::Integrity,
            "a file changed since it was verified: it is not stored",
        ));
    }
    let _ = writer.finish();
    Ok(())
}

pub(super) fn not_the_file() -> EvidenceError {
    BundleError::new(Refusal::Integrity, "a stored object is not the file that the manifest lists")
        .into()
}

fn differs() -> EvidenceError {
    EvidenceError::new(
        EvidenceErrorKind::Store(StorageErrorKind::Integrity),
        "the store gives back other bytes than were sent",
    )
    .with_guidance("the store, or something between, changes data: do not use it")
}
