//! The manifest's signature: made where this process has a key, written once, and locked like the manifest.
//!
//! Its digest is noted in the package's row before it is written. So an attempt after a crash knows what it finds there
//! for its own, whichever key made it: made again it would be another one, since a time is in it, and a random number in
//! what many keys make.

use bytes::Bytes;
use strongroom_core::limits::ATTESTATION_BYTES_MAX;
use strongroom_core::package::{ManifestSignature, PackageStatus, signature};
use strongroom_core::signing::key::PublicKey;
use strongroom_core::{BundleId, Sha256Digest, layout};
use strongroom_storage::keep::{self, KeepErrorKind};
use strongroom_storage::{ObjectKey, StorageErrorKind};
use uuid::Uuid;

use super::documents::foreign;
use super::{Attempt, Finalizing};
use crate::db::{DbError, JobRow, TenantId, Tx};
use crate::error::ServiceError;
use crate::jobs::objects::Object;

/// The signature that is there.
pub(super) struct StoredSignature {
    pub(super) signature: ManifestSignature,
    pub(super) object: Object,
    pub(super) size_bytes: u64,
}

/// What is under the signature's key.
struct Found {
    bytes: Bytes,
    object: Object,
}

/// What is noted before a signature is written.
struct Noted {
    tenant: TenantId,
    job: JobRow,
    package: Uuid,
    signature: ManifestSignature,
}

impl Finalizing<'_> {
    /// Whether there is a signature to be made, or to be found: where this process has a key, or another had one. Not
    /// where a `package.json` is there that tells of none, of a process without a key: it is written once, and a signature
    /// beside it would be one that nothing tells of.
    pub(super) async fn shall_be_signed(&self) -> Result<bool, ServiceError> {
        let signer = &self.attempt.registry().settings().signing;
        if signer.is_none() && self.package.signature().is_none() {
            return Ok(false);
        }
        Ok(!self.is_told_unsigned().await?)
    }

    /// The signature of the manifest: the one that an earlier attempt wrote, or a new one. None where there is none and
    /// this process has no key.
    pub(super) async fn store_signature(
        &self,
        manifest: BundleId,
    ) -> Result<Option<StoredSignature>, ServiceError> {
        if !self.is_signed {
            return Ok(None);
        }
        let key = self.key(&layout::package_signature(self.package.id))?;
        // Nothing of ours was written that was not noted before.
        if self.package.signature().is_some()
            && let Some(found) = self.signature_there(&key).await?
        {
            return self.take_signature(found, manifest).await.map(Some);
        }
        let registry = self.attempt.registry();
        let Some(signer) = &registry.settings().signing else { return Ok(None) };
        let ready = signer.ready().await?;
        let signed = signer.sign(&ready, manifest, registry.clock().now()).await?;
        self.note_signature(signed.signature).await?;
        let bytes = Bytes::from(signed.bytes);
        let size_bytes = bytes.len() as u64;
        // Another worker may be past the signature by now, and have no key.
        if !self.attempt.is_sure() {
            return Err(Attempt::lost());
        }
        match keep::record(&*self.backend.store, &key, bytes, None).await {
            Ok(kept) => {
                let object = Object { key, version: kept.version };
                Ok(Some(StoredSignature { signature: signed.signature, object, size_bytes }))
            }
            Err(error) if error.kind() == KeepErrorKind::Conflict => {
                let found = self.signature_there(&key).await?;
                let found = found.ok_or_else(|| ServiceError::from(error))?;
                let by = ready.signer().public_key();
                self.known(found, manifest, Some(by)).map(Some)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Takes what an earlier attempt left. The key is asked only where what is there is not what was noted last.
    async fn take_signature(
        &self,
        found: Found,
        manifest: BundleId,
    ) -> Result<StoredSignature, ServiceError> {
        let is_noted = self.is_noted(&found);
        match &self.attempt.registry().settings().signing {
            Some(signer) if !is_noted => {
                let ready = signer.ready().await?;
                self.known(found, manifest, Some(ready.signer().public_key()))
            }
            _ => self.known(found, manifest, None),
        }
    }

    fn is_noted(&self, found: &Found) -> bool {
        let noted = self.package.signature();
        noted.is_some_and(|noted| noted.sha256 == Sha256Digest::of(&found.bytes))
    }

    /// What is there, if it is ours: noted before it was written, or made by our key under this manifest. Anything else
    /// is somebody else's, and nothing is said of it.
    fn known(
        &self,
        found: Found,
        manifest: BundleId,
        by: Option<&PublicKey>,
    ) -> Result<StoredSignature, ServiceError> {
        let noted = self.package.signature().filter(|_| self.is_noted(&found));
        let by_our_key = || signature::made_by(by?, manifest, &found.bytes);
        let signature =
            noted.or_else(by_our_key).ok_or_else(|| foreign("manifest.sigstore.json"))?;
        Ok(StoredSignature {
            signature,
            size_bytes: found.bytes.len() as u64,
            object: found.object,
        })
    }

    async fn signature_there(&self, key: &ObjectKey) -> Result<Option<Found>, ServiceError> {
        match self.read_whole(key, ATTESTATION_BYTES_MAX).await {
            Ok((bytes, object)) => Ok(Some(Found { bytes, object })),
            Err(error) if error.kind() == StorageErrorKind::NotFound => Ok(None),
            // Longer than any signature.
            Err(error) if error.kind() == StorageErrorKind::Limit => {
                Err(foreign("manifest.sigstore.json").with_source(error))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn note_signature(&self, signature: ManifestSignature) -> Result<(), ServiceError> {
        let noted = Noted {
            tenant: self.attempt.tenant().clone(),
            job: self.attempt.job().clone(),
            package: self.package.id,
            signature,
        };
        let db = self.attempt.registry().db();
        let has_job: Result<bool, DbError> =
            db.write(noted, |tx, noted| Box::pin(note(tx, noted))).await;
        if has_job? { Ok(()) } else { Err(Attempt::lost()) }
    }
}

async fn note(tx: &mut Tx, noted: &Noted) -> Result<bool, DbError> {
    let mut rows = tx.of(&noted.tenant);
    if !rows.has_job(&noted.job).await? {
        return Ok(false);
    }
    if let Some(mut package) = rows.lock_package(noted.package).await?
        && package.status == PackageStatus::Finalizing
    {
        package.note_signature(Some(noted.signature));
        rows.update_package(&package).await?;
    }
    Ok(true)
}
