//! The objects of a package: its files, by their locations, and the documents that the registry keeps beside them.

use strongroom_core::layout::{self, PackageObject};
use strongroom_core::observed::Observed;
use strongroom_storage::{ListRequest, ObjectKey, Storage, StorageError, VersionId};
use uuid::Uuid;

use crate::db::{LocationRow, PackageRow};
use crate::error::ServiceError;
use crate::service::records::object_key;

/// An object, and the version that is ours.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) key: ObjectKey,
    pub(super) version: Option<VersionId>,
}

impl Object {
    /// The object of a file.
    pub(super) fn of(package: &PackageRow, location: &LocationRow) -> Result<Self, ServiceError> {
        let key = layout::package_file(package.id, location.artifact_file_id);
        let version = location.version_id.clone().map(VersionId);
        Ok(Self { key: object_key(&package.storage_prefix, &key)?, version })
    }

    /// One of the registry's own documents. Its version was written by us, create-only, before anybody else could
    /// put another on top: it is the oldest.
    pub(super) async fn document(
        store: &dyn Storage,
        key: ObjectKey,
    ) -> Result<Self, StorageError> {
        let version = match store.versions(&key).await? {
            Observed::Observed(versions) => versions
                .into_iter()
                .rfind(|version| !version.is_delete_marker)
                .map(|version| version.version),
            Observed::Unobserved(_) => None,
        };
        Ok(Self { key, version })
    }
}

/// One page of the documents of a package: its manifest, `package.json`, its signature, its records.
#[derive(Debug)]
pub(super) struct Documents {
    pub(super) objects: Vec<Object>,
    /// Where the next page begins.
    pub(super) next: Option<String>,
}

/// Lists them, from `page` on.
pub(super) async fn documents(
    store: &dyn Storage,
    package: &PackageRow,
    page: Option<String>,
) -> Result<Documents, ServiceError> {
    let prefix = &package.storage_prefix;
    // After the files, which sort before everything else and are known by their rows: `0` follows `/`.
    let folder = format!("{prefix}{}", layout::package_folder(package.id));
    let start_after = page.is_none().then(|| format!("{folder}files0"));
    let request = ListRequest { prefix: folder, start_after, page, ..ListRequest::default() };
    let listed = store.list(&request).await?;
    let mut objects = Vec::new();
    for listed in listed.objects {
        let Some(key) = listed.key.strip_prefix(prefix.as_str()) else { continue };
        let Some((id, what)) = layout::claimed_package(key) else { continue };
        if id == package.id && !matches!(what, PackageObject::File(_)) {
            let key = object_key(prefix, key)?;
            objects.push(Object::document(store, key).await?);
        }
    }
    Ok(Documents { objects, next: listed.next })
}

/// Pages of rows are as long as this.
pub(super) const PAGE_ROWS: u32 = 100;

/// Before all ids.
pub(super) const FIRST: Uuid = Uuid::nil();
