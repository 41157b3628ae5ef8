//! What is written beside the files: the manifest, `package.json` and the record. Each is create-only; one that an
//! earlier attempt wrote is looked at, and taken where it says the same of the package.

use bytes::Bytes;
use jiff::Timestamp;
use strongroom_core::bundle::Manifest;
use strongroom_core::layout;
use strongroom_core::limits::{PACKAGE_DOCUMENT_BYTES_MAX, RECORD_BYTES_MAX};
use strongroom_core::observed::Observed;
use strongroom_core::package::ManifestSignature;
use strongroom_core::package::document::{
    ActiveHold, DocumentFile, Extension, PACKAGE_SCHEMA, PackageDocument, RetentionSummary,
};
use strongroom_core::package::record::{self, Decision, Finalized, StorageFacts};
use strongroom_core::{BundleId, Sha256Digest};
use strongroom_storage::keep::{self, KeepErrorKind};
use strongroom_storage::{ListRequest, ObjectKey, StorageError, StorageErrorKind, VersionId};
use tokio::task::spawn_blocking;

use super::{Attempt, Finalizing, Tally};
use crate::db::RetentionEventType;
use crate::error::{ErrorKind, ServiceError};
use crate::service::records::{Decided, object_key};

/// An object that is there, in the version that was looked at.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) key: ObjectKey,
    pub(super) version: Option<VersionId>,
}

/// The `package.json` that is there.
pub(super) struct StoredDocument {
    pub(super) bundle_id: BundleId,
    pub(super) finalized_at: Timestamp,
    pub(super) signature: Option<ManifestSignature>,
    pub(super) object: Object,
    pub(super) size_bytes: u64,
    pub(super) sha256: Sha256Digest,
}

impl StoredDocument {
    fn of(
        document: &PackageDocument,
        object: Object,
        size_bytes: u64,
        sha256: Sha256Digest,
    ) -> Self {
        let (bundle_id, finalized_at) = (document.bundle_id, document.finalized_at);
        Self { bundle_id, finalized_at, signature: document.signature, object, size_bytes, sha256 }
    }
}

/// The record that is there.
pub(super) struct StoredRecord {
    pub(super) object: Object,
    pub(super) sha256: Sha256Digest,
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
        let writing = spawn_blocking(move || (document.to_bytes(), document)).await;
        let (written, document) = writing.map_err(ServiceError::internal)?;
        let bytes = Bytes::from(written.map_err(ServiceError::internal)?);
        let (size_bytes, sha256) = (bytes.len() as u64, Sha256Digest::of(&bytes));
        // Another worker may have written a signature by now, of which this document would not tell.
        if !self.attempt.is_sure() {
            return Err(Attempt::lost());
        }
        match keep::record(&*self.backend.store, &key, bytes, None).await {
            Ok(kept) => {
                let object = Object { key, version: kept.version };
                Ok(StoredDocument::of(&document, object, size_bytes, sha256))
            }
            Err(error) if error.kind() == KeepErrorKind::Conflict => {
                self.earlier_document(key, &document).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the `package.json` of an earlier attempt tells of no signature. What is none of this package says
    /// nothing here, and is a conflict when ours is written.
    pub(super) async fn is_told_unsigned(&self) -> Result<bool, ServiceError> {
        let key = self.key(&layout::package_document(self.package.id))?;
        let bytes = match self.read_whole(&key, PACKAGE_DOCUMENT_BYTES_MAX).await {
            Ok((bytes, _)) => bytes,
            Err(error)
                if matches!(error.kind(), StorageErrorKind::NotFound | StorageErrorKind::Limit) =>
            {
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        };
        let earlier = PackageDocument::from_bytes(&bytes).ok();
        Ok(earlier.is_some_and(|earlier| {
            earlier.package_id == self.package.id && earlier.signature.is_none()
        }))
    }

    async fn earlier_document(
        &self,
        key: ObjectKey,
        ours: &PackageDocument,
    ) -> Result<StoredDocument, ServiceError> {
        let (bytes, version) = self.read_whole(&key, PACKAGE_DOCUMENT_BYTES_MAX).await?;
        let found = PackageDocument::from_bytes(&bytes).ok().filter(|found| {
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
        });
        let document = found.ok_or_else(|| foreign("package.json"))?;
        let object = Object { key, version };
        let (size_bytes, sha256) = (bytes.len() as u64, Sha256Digest::of(&bytes));
        Ok(StoredDocument::of(&document, object, size_bytes, sha256))
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
        let registry = self.attempt.registry();
        let prefix = &self.package.storage_prefix;
        let key = self.key(&layout::package_record(self.package.id, id))?;
        match registry.write_down(&self.backend, prefix, decided).await {
            Ok(sha256) => {
                let version = self.oldest(&key).await?;
                Ok(StoredRecord { object: Object { key, version }, sha256 })
            }
            Err(error) if error.kind() == ErrorKind::Conflict => {
                self.earlier_record(key, stored).await
            }
            Err(error) => Err(error),
        }
    }

    async fn earlier_record(
        &self,
        key: ObjectKey,
        stored: &StoredDocument,
    ) -> Result<StoredRecord, ServiceError> {
        let (bytes, version) = self.read_whole(&key, RECORD_BYTES_MAX).await?;
        let is_ours = record::read(&bytes).is_ok_and(|record| {
            let is_of_it = matches!(
                &record.decision,
                Decision::PackageFinalized(of) if of.bundle_id == stored.bundle_id
                    && of.signature == stored.signature
            );
            record.package_id == self.package.id && is_of_it
        });
        if !is_ours {
            return Err(foreign("a record"));
        }
        let sha256 = Sha256Digest::of(&bytes);
        Ok(StoredRecord { object: Object { key, version }, sha256 })
    }

    /// Who asked for it, as the request wrote down.
    pub(super) fn asked_by(&self) -> Option<uuid::Uuid> {
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
                let version = self.oldest(&key).await?;
                self.hold_and_count(&Object { key, version }, tally).await?;
            }
            request.page = page.next;
            if request.page.is_none() {
                return Ok(());
            }
        }
    }

    /// The version of a document of ours: we wrote it before anybody could put another on top.
    async fn oldest(&self, key: &ObjectKey) -> Result<Option<VersionId>, StorageError> {
        Ok(match self.backend.store.versions(key).await? {
            Observed::Observed(versions) => versions
                .into_iter()
                .rfind(|version| !version.is_delete_marker)
                .map(|version| version.version),
            Observed::Unobserved(_) => None,
        })
    }

    pub(super) async fn read_whole(
        &self,
        key: &ObjectKey,
        bytes_max: u64,
    ) -> Result<(Bytes, Option<VersionId>), StorageError> {
        let version = self.oldest(key).await?;
        let reader = self.backend.store.read(key, version.as_ref(), None).await?;
        let version = reader.info.version.clone();
        Ok((reader.collect(bytes_max).await?, version))
    }
}

pub(super) fn foreign(what: &'static str) -> ServiceError {
    ServiceError::new(
        ErrorKind::Conflict,
        format!("{what} is stored already and is not of this package as it is"),
    )
    .with_guidance("find out who else writes to the store; abandon the package and upload it anew")
}
