//! What is written beside the files: the manifest, `package.json` and the record. Each is create-only; one that an
//! earlier attempt wrote is looked at, and taken where it says the same of the package.
//!
//! `package.json` and the record say more than the files do: when, by whom, under which rule, held how, signed or not. So
//! their digests are noted in the database before they are written, and no others are taken. The notes of all attempts
//! count: one that stood still may write after another looked.

use bytes::Bytes;
use jiff::Timestamp;
use strongroom_core::bundle::{BundleError, Manifest};
use strongroom_core::layout;
use strongroom_core::limits::{PACKAGE_DOCUMENT_BYTES_MAX, RECORD_BYTES_MAX};
use strongroom_core::package::ManifestSignature;
use strongroom_core::package::document::{
    ActiveHold, DocumentFile, Extension, PACKAGE_SCHEMA, PackageDocument, RetentionSummary,
};
use strongroom_core::package::record::{self, Decision, Finalized, StorageFacts};
use strongroom_core::{BundleId, Sha256Digest};
use strongroom_storage::keep::{self, KeepErrorKind};
use strongroom_storage::{ListRequest, ObjectKey, StorageError, StorageErrorKind};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::{Attempt, Finalizing, Tally};
use crate::db::{DbError, JobRow, NotedDocument, RetentionEventType, TenantId, Tx};
use crate::error::{ErrorKind, ServiceError};
use crate::jobs::objects::Object;
use crate::service::records::{Decided, object_key};

/// What people call what is written.
const DOCUMENT: &str = "package.json";
const RECORD: &str = "the record of the finalizing";

/// The `package.json` that is there.
pub(super) struct StoredDocument {
    pub(super) bundle_id: BundleId,
    pub(super) finalized_at: Timestamp,
    pub(super) signature: Option<ManifestSignature>,
    pub(super) object: Object,
    pub(super) size_bytes: u64,
    pub(super) sha256: Sha256Digest,
}

/// The record that is there.
pub(super) struct StoredRecord {
    pub(super) object: Object,
    pub(super) sha256: Sha256Digest,
}

/// What is noted before a document is written.
struct Noting {
    tenant: TenantId,
    job: JobRow,
    package: Uuid,
    document: NotedDocument,
}

impl Finalizing<'_> {
    pub(super) fn key(&self, key: &str) -> Result<ObjectKey, ServiceError> {
        object_key(&self.package.storage_prefix, key)
    }

    /// The manifest's bytes, before anything is said of them.
    pub(super) async fn store_manifest(&self, bytes: Bytes) -> Result<Object, ServiceError> {
        let key = self.key(&layout::package_manifest(self.package.id))?;
        match keep::record(&*self.backend.store, &key, bytes, None).await {
            Ok(kept) => Ok(Object { key, version: kept.version }),
            Err(error) if error.kind() == KeepErrorKind::Conflict => Err(ServiceError::new(
                ErrorKind::Conflict,
                "the manifest of other files is stored already, by an attempt that was given up",
            )
            .with_guidance("abandon the package, and upload its files to a new one")
            .with_source(error)),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes `package.json`; or finds the one that an earlier attempt wrote, and takes it: it was true then.
    pub(super) async fn store_document(
        &self,
        id: BundleId,
        manifest: Manifest,
        files: Vec<DocumentFile>,
        signature: Option<ManifestSignature>,
        tally: &Tally,
    ) -> Result<StoredDocument, ServiceError> {
        let key = self.key(&layout::package_document(self.package.id))?;
        let document = self.document(id, manifest, files, signature, tally);
        // Of many files it takes a while, and shall keep nobody waiting.
        let writing = spawn_blocking(move || {
            let bytes = document.to_bytes()?;
            Ok((Sha256Digest::of(&bytes), bytes, document))
        });
        let written: Result<_, BundleError> = writing.await.map_err(ServiceError::internal)?;
        let (sha256, bytes, document) = written.map_err(ServiceError::internal)?;
        self.note_document(NotedDocument { sha256, is_signed: signature.is_some() }).await?;
        match keep::record(&*self.backend.store, &key, bytes.into(), None).await {
            Ok(kept) => Ok(StoredDocument {
                bundle_id: document.bundle_id,
                finalized_at: document.finalized_at,
                signature: document.signature,
                object: Object { key, version: kept.version },
                size_bytes: kept.size_bytes,
                sha256: kept.sha256,
            }),
            Err(error) if error.kind() == KeepErrorKind::Conflict => {
                self.earlier_document(&key, document).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the `package.json` of an earlier attempt tells of no signature. What is none of ours says nothing here,
    /// and is a conflict when ours is written.
    pub(super) async fn is_told_unsigned(&self) -> Result<bool, ServiceError> {
        let key = self.key(&layout::package_document(self.package.id))?;
        match self.read_whole(&key, PACKAGE_DOCUMENT_BYTES_MAX).await {
            Ok((bytes, _)) => {
                let (noted, _) = self.noted(bytes).await?;
                Ok(noted.is_some_and(|noted| !noted.is_signed))
            }
            Err(error)
                if matches!(error.kind(), StorageErrorKind::NotFound | StorageErrorKind::Limit) =>
            {
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Takes what is there, if it is ours: noted before it was written, and of the same objects. Whoever else may write to
    /// the bucket shall not say of a package what the registry did not.
    async fn earlier_document(
        &self,
        key: &ObjectKey,
        ours: PackageDocument,
    ) -> Result<StoredDocument, ServiceError> {
        let read = self.read_earlier(key, PACKAGE_DOCUMENT_BYTES_MAX, DOCUMENT).await;
        let (bytes, object) = read?;
        let size_bytes = bytes.len() as u64;
        let (noted, bytes) = self.noted(bytes).await?;
        let noted = noted.ok_or_else(|| foreign(DOCUMENT))?;
        let reading = spawn_blocking(move || {
            PackageDocument::from_bytes(&bytes).ok().filter(|found| is_of_the_same(found, &ours))
        });
        let found = reading.await.map_err(ServiceError::internal)?;
        let found = found.ok_or_else(|| foreign(DOCUMENT))?;
        Ok(StoredDocument {
            bundle_id: found.bundle_id,
            finalized_at: found.finalized_at,
            signature: found.signature,
            object,
            size_bytes,
            sha256: noted.sha256,
        })
    }

    /// What was noted of a document with these bytes before it was written.
    async fn noted(&self, bytes: Bytes) -> Result<(Option<NotedDocument>, Bytes), ServiceError> {
        let hashing = spawn_blocking(move || (Sha256Digest::of(&bytes), bytes));
        let (sha256, bytes) = hashing.await.map_err(ServiceError::internal)?;
        let mut session = self.attempt.registry().db().read().await?;
        let mut rows = session.of(self.attempt.tenant());
        Ok((rows.noted_document(self.package.id, &sha256).await?, bytes))
    }

    /// Notes a document, which is to be written directly after.
    async fn note_document(&self, document: NotedDocument) -> Result<(), ServiceError> {
        let noting = Noting {
            tenant: self.attempt.tenant().clone(),
            job: self.attempt.job().clone(),
            package: self.package.id,
            document,
        };
        let db = self.attempt.registry().db();
        let has_job: Result<bool, DbError> =
            db.write(noting, |tx, noting| Box::pin(note(tx, noting))).await;
        // Another worker may have written a signature by now, of which this document would not tell.
        if has_job? && self.attempt.is_sure() { Ok(()) } else { Err(Attempt::lost()) }
    }

    fn document(
        &self,
        id: BundleId,
        manifest: Manifest,
        files: Vec<DocumentFile>,
        signature: Option<ManifestSignature>,
        tally: &Tally,
    ) -> PackageDocument {
        let store = &self.backend.store;
        PackageDocument {
            schema: PACKAGE_SCHEMA.to_owned(),
            package_id: self.package.id,
            tenant: self.attempt.tenant().to_string(),
            name: self.package.name.clone(),
            bundle_id: id,
            created_at: self.package.created_at,
            finalized_at: self.attempt.registry().clock().now(),
            storage: StorageFacts {
                backend: self.backend.id.clone(),
                store: store.url().to_owned(),
                endpoint: store.endpoint().map(str::to_owned),
            },
            retention: RetentionSummary {
                rule: self.rule,
                expires_at: self.package.expires_at,
                extensions: self.extensions(),
                holds: self.active_holds(),
                locks: tally.summary,
            },
            signature,
            files,
            manifest,
        }
    }

    fn extensions(&self) -> Vec<Extension> {
        let extended = |event: &&crate::db::RetentionEventRow| {
            event.event_type == RetentionEventType::Extended
        };
        self.extensions
            .iter()
            .filter(extended)
            .filter_map(|event| {
                Some(Extension {
                    at: event.created_at,
                    by: event.created_by?,
                    previous: event.previous_expires_at?,
                    new: event.new_expires_at?,
                    reason: Some(event.reason.clone()),
                })
            })
            .collect()
    }

    fn active_holds(&self) -> Vec<ActiveHold> {
        let active = |hold: &crate::db::HoldRow| ActiveHold {
            hold_id: hold.id,
            at: hold.placed_at,
            by: hold.placed_by,
            reason: Some(hold.reason.clone()),
        };
        self.holds.iter().map(active).collect()
    }

    /// The record that the package is finalized. Its id is the job's, in every attempt.
    pub(super) async fn store_record(
        &self,
        stored: &StoredDocument,
        tally: &Tally,
    ) -> Result<StoredRecord, ServiceError> {
        let id = self.attempt.job().id;
        let finalized = Finalized {
            bundle_id: stored.bundle_id,
            files: self.package.files_count,
            size_bytes: self.package.size_bytes,
            expires_at: self.package.expires_at,
            signature: stored.signature,
            locks: tally.summary,
        };
        let decided = Decided {
            id,
            tenant: self.attempt.tenant(),
            package: self.package.id,
            by: self.asked_by(),
            reason: None,
            decision: Decision::PackageFinalized(Box::new(finalized)),
        };
        let key = self.key(&layout::package_record(self.package.id, id))?;
        let record = self.attempt.registry().record_of(decided)?;
        let (sha256, is_signed) = (Sha256Digest::of(&record), stored.signature.is_some());
        self.note_document(NotedDocument { sha256, is_signed }).await?;
        match keep::record(&*self.backend.store, &key, record, None).await {
            Ok(kept) => {
                let object = Object { key, version: kept.version };
                Ok(StoredRecord { object, sha256: kept.sha256 })
            }
            Err(error) if error.kind() == KeepErrorKind::Conflict => {
                self.earlier_record(&key, stored).await
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn earlier_record(
        &self,
        key: &ObjectKey,
        stored: &StoredDocument,
    ) -> Result<StoredRecord, ServiceError> {
        let (bytes, object) = self.read_earlier(key, RECORD_BYTES_MAX, RECORD).await?;
        let (noted, bytes) = self.noted(bytes).await?;
        let noted = noted.ok_or_else(|| foreign(RECORD))?;
        let is_ours = record::read(&bytes).is_ok_and(|record| {
            let is_of_it = matches!(
                &record.decision,
                Decision::PackageFinalized(of) if of.bundle_id == stored.bundle_id
                    && of.signature == stored.signature
            );
            record.package_id == self.package.id && is_of_it
        });
        if !is_ours {
            return Err(foreign(RECORD));
        }
        Ok(StoredRecord { object, sha256: noted.sha256 })
    }

    /// Who asked for it, as the request wrote down.
    pub(super) fn asked_by(&self) -> Option<Uuid> {
        self.attempt.job().payload.get("by")?.as_str()?.parse().ok()
    }

    /// Every record that is there, under the same lock as the files.
    pub(super) async fn hold_records(&self, tally: &mut Tally) -> Result<(), ServiceError> {
        if self.target.is_none() {
            return Ok(());
        }
        let prefix = &self.package.storage_prefix;
        let folder = format!("{prefix}{}", layout::package_records_of(self.package.id));
        let mut request = ListRequest { prefix: folder, ..ListRequest::default() };
        loop {
            let page = self.backend.store.list(&request).await?;
            for listed in &page.objects {
                let claimed = listed.key.strip_prefix(prefix.as_str());
                if claimed.and_then(layout::claimed_package).is_none() {
                    continue;
                }
                let key = object_key("", &listed.key)?;
                let record = Object::document(&*self.backend.store, key).await?;
                self.hold_and_count(&record, tally).await?;
            }
            request.page = page.next;
            if request.page.is_none() {
                return Ok(());
            }
        }
    }

    /// What is there already. It is none of ours where it is longer than any of ours.
    async fn read_earlier(
        &self,
        key: &ObjectKey,
        bytes_max: u64,
        what: &'static str,
    ) -> Result<(Bytes, Object), ServiceError> {
        let read = self.read_whole(key, bytes_max).await;
        read.map_err(|error| match error.kind() {
            StorageErrorKind::Limit => foreign(what).with_source(error),
            _ => error.into(),
        })
    }

    pub(super) async fn read_whole(
        &self,
        key: &ObjectKey,
        bytes_max: u64,
    ) -> Result<(Bytes, Object), StorageError> {
        let store = &*self.backend.store;
        let mut object = Object::document(store, key.clone()).await?;
        let reader = store.read(key, object.version.as_ref(), None).await?;
        object.version = reader.info.version.clone();
        Ok((reader.collect(bytes_max).await?, object))
    }
}

async fn note(tx: &mut Tx, noting: &Noting) -> Result<bool, DbError> {
    let mut rows = tx.of(&noting.tenant);
    if !rows.has_job(&noting.job).await? {
        return Ok(false);
    }
    rows.note_document(noting.package, &noting.document).await?;
    Ok(true)
}

/// Whether two documents are of the same objects of one package.
fn is_of_the_same(found: &PackageDocument, ours: &PackageDocument) -> bool {
    let places = |document: &PackageDocument| -> Vec<_> {
        let place = |file: &DocumentFile| (file.file_id, file.location.version_id.clone());
        document.files.iter().map(place).collect()
    };
    found.package_id == ours.package_id
        && found.bundle_id == ours.bundle_id
        && found.tenant == ours.tenant
        // Of a worker without the key: then nothing is said to be signed, for good.
        && (found.signature.is_none() || found.signature == ours.signature)
        && places(found) == places(ours)
}

pub(super) fn foreign(what: &'static str) -> ServiceError {
    ServiceError::new(
        ErrorKind::Conflict,
        format!("{what} is stored already and is not of this package as it is"),
    )
    .with_guidance(
        "find out who else writes to the store, unless the database was restored from a backup; abandon the package and \
         upload it anew",
    )
}
