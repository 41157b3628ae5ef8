//! What a finalized package is: its `package.json` and its manifest's signature as they are stored, and all of it as one
//! bundle.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use strongroom_core::package::{FileStatus, LocationStatus};
use strongroom_core::{BundleId, Sha256Digest, layout};
use strongroom_storage::VersionId;
use strongroom_storage::keep::{self, Expected, KeepError, ObjectOfBundle, VerifyingReader};
use uuid::Uuid;

use super::Registry;
use super::download_file::{Retrieved, not_available};
use super::frozen::{Placed, manifest_of, placed_files};
use super::records::object_key;
use crate::auth::{Action, Principal};
use crate::db::PackageRow;
use crate::error::{ErrorKind, ServiceError};

/// The event that a package's end of finalizing is written down by.
pub(crate) const FINALIZED: &str = "package_finalized";

/// Where that event tells of `package.json`.
pub(crate) const DOCUMENT: &str = "document";
/// Where it tells of the manifest's signature, if there is one.
pub(crate) const SIGNATURE: &str = "signature";

/// Where a document of a finalized package is, and what it is: part of the event [`FINALIZED`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DocumentPlace {
    pub(crate) sha256: Sha256Digest,
    pub(crate) size_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) version_id: Option<String>,
}

/// A document of a finalized package, not read yet.
#[derive(Debug, Clone)]
pub struct StoredManifest {
    /// Its bytes.
    pub size_bytes: u64,
    /// Their digest.
    pub sha256: Sha256Digest,
    package: PackageRow,
    key: String,
    version: Option<VersionId>,
}

/// A whole package as the archive of a bundle.
pub struct BundleOfPackage {
    /// The bundle's id.
    pub id: BundleId,
    /// The archive, which ends well only when all of it is right.
    pub archive: BoxStream<'static, Result<Bytes, KeepError>>,
}

impl Registry {
    /// Finds the `package.json` of a package that is or was finalized. Reads nothing of it.
    pub async fn manifest(
        &self,
        who: &Principal,
        package_id: Uuid,
    ) -> Result<StoredManifest, ServiceError> {
        let found = self.stored(who, package_id, DOCUMENT, layout::package_document).await?;
        found.ok_or_else(|| {
            ServiceError::internal(std::io::Error::other("no event tells where package.json is"))
        })
    }

    /// Finds the signature of the manifest of a package that is or was finalized. Reads nothing of it.
    pub async fn manifest_signature(
        &self,
        who: &Principal,
        package_id: Uuid,
    ) -> Result<StoredManifest, ServiceError> {
        let found = self.stored(who, package_id, SIGNATURE, layout::package_signature).await?;
        found.ok_or_else(|| {
            ServiceError::new(ErrorKind::NotFound, "the package's manifest is not signed")
                .with_guidance("sign the bundle yourself: strongroom evidence sign")
        })
    }

    /// What the event of the end of finalizing tells of one document.
    async fn stored(
        &self,
        who: &Principal,
        package_id: Uuid,
        name: &str,
        key: fn(Uuid) -> String,
    ) -> Result<Option<StoredManifest>, ServiceError> {
        let package = self.package_for(who, Action::ReadManifest, package_id).await?;
        let mut session = self.db().read().await?;
        let found = session.of(&who.tenant).finalized_event(package_id).await?;
        let place = found.and_then(|mut event| event.details.get_mut(name).map(Value::take));
        let Some(place) = place else { return Ok(None) };
        let place: DocumentPlace = serde_json::from_value(place).map_err(ServiceError::internal)?;
        Ok(Some(StoredManifest {
            size_bytes: place.size_bytes,
            sha256: place.sha256,
            key: key(package.id),
            package,
            version: place.version_id.map(VersionId),
        }))
    }

    /// Reads it. It ends well only when it is right.
    pub async fn read_manifest(
        &self,
        manifest: &StoredManifest,
    ) -> Result<VerifyingReader, ServiceError> {
        let package = &manifest.package;
        let backend = self.backends().get(&package.backend_id)?;
        let key = object_key(&package.storage_prefix, &manifest.key)?;
        let expected = Expected { size_bytes: manifest.size_bytes, sha256: manifest.sha256 };
        let version = manifest.version.as_ref();
        Ok(keep::read(&*backend.store, &key, version, None, expected).await?)
    }

    /// A whole package as the archive of a bundle: the one that `evidence bundle` makes of the same files. Answers its
    /// id at once; the store is asked when the archive is read. As many as there may be at once are, until the archive
    /// is read to its end or dropped.
    pub async fn bundle(
        &self,
        who: &Principal,
        package_id: Uuid,
    ) -> Result<BundleOfPackage, ServiceError> {
        let package = self.package_for(who, Action::Download, package_id).await?;
        let id = package.bundle_id.filter(|_| package.status.is_complete()).ok_or_else(|| {
            ServiceError::new(
                ErrorKind::WrongState,
                format!("the package is {}: it cannot be had as a bundle", package.status),
            )
        })?;
        let slot = Arc::clone(self.bundles()).try_acquire_owned().map_err(|_| {
            ServiceError::new(ErrorKind::Busy, "as many bundles as there may be are being sent")
        })?;
        let placed = {
            let mut session = self.db().read().await?;
            placed_files(&mut session.of(&who.tenant), package_id).await?
        };
        if (placed.len() as u64) < package.files_count {
            return Err(ServiceError::new(
                ErrorKind::WrongState,
                "a deletion that was stopped took some of the files: the rest is no bundle",
            )
            .with_guidance("download the files that are left one by one"));
        }
        placed.iter().try_for_each(check)?;
        let manifest = manifest_of(&package, &placed)?;
        if manifest.id != id {
            return Err(ServiceError::internal(std::io::Error::other(
                "the rows of a finalized package are not those of its manifest",
            )));
        }
        let objects = placed.into_iter().map(object).collect::<Result<_, _>>()?;
        let store = Arc::clone(&self.backends().get(&package.backend_id)?.store);
        Ok(BundleOfPackage {
            id,
            archive: keep::bundle_stream(store, manifest.bytes.into(), objects, slot),
        })
    }

    /// Writes down that a bundle was asked for and is about to be handed out.
    pub async fn note_bundle(&self, who: &Principal, package: Uuid) -> Result<(), ServiceError> {
        Ok(self.note_retrieval(who, package, Retrieved::Bundle).await?)
    }
}

fn check(placed: &Placed) -> Result<(), ServiceError> {
    let is_whole = placed.file.status == FileStatus::Stored
        && placed.location.status == LocationStatus::Active;
    if !is_whole {
        return Err(ServiceError::new(
            ErrorKind::Corrupt,
            "a file of the package was found missing or corrupt when it was last verified",
        ));
    }
    if !placed.location.restore_status.is_readable() {
        return Err(not_available());
    }
    Ok(())
}

fn object(placed: Placed) -> Result<ObjectOfBundle, ServiceError> {
    Ok(ObjectOfBundle {
        key: object_key("", &placed.location.object_key)?,
        version: placed.location.version_id.map(VersionId),
    })
}
