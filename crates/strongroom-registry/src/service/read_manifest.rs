//! What a finalized package is: its `package.json` and its manifest's signature as they are stored.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use strongroom_core::{Sha256Digest, layout};
use strongroom_storage::VersionId;
use strongroom_storage::keep::{self, Expected, VerifyingReader};
use uuid::Uuid;

use super::Registry;
use super::read_package::package_in;
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

impl Registry {
    /// Finds the `package.json` of a package that is or was finalized. Reads nothing of it.
    pub async fn manifest(
        &self,
        who: &Principal,
        package_id: Uuid,
    ) -> Result<StoredManifest, ServiceError> {
        let found = self.stored(who, package_id, DOCUMENT, layout::package_document).await?;
        found.ok_or_else(|| ServiceError::internal("no event tells where package.json is"))
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
        let mut session = self.db().read().await?;
        let mut rows = session.of(&who.tenant);
        let package = package_in(&mut rows, who, Action::ReadManifest, package_id).await?;
        let found = rows.finalized_event(package_id).await?;
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
}
