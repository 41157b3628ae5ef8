//! The files of a package, and where their bytes are.

use strongroom_core::package::FileStatus;
use uuid::Uuid;

use super::read_package::package_in;
use super::{Registry, cursor};
use crate::auth::{Action, Principal, authorize};
use crate::db::{FileRow, LocationRow, PackageRow};
use crate::documents::{FileDocument, FilePage, FileQuery, LocationDocument, LockDocument};
use crate::error::ServiceError;

impl Registry {
    /// Files of a package, in the order of their paths' bytes.
    pub async fn files(
        &self,
        who: &Principal,
        package_id: Uuid,
        query: FileQuery,
    ) -> Result<FilePage, ServiceError> {
        let limit = self.page_entries(query.limit)?;
        let mut session = self.db().read().await?;
        let mut rows = session.of(&who.tenant);
        package_in(&mut rows, who, Action::ReadPackage, package_id).await?;
        let after = match query.cursor {
            None => None,
            Some(id) => {
                let last = rows.file(id).await?.filter(|file| file.package_id == package_id);
                Some(last.ok_or_else(cursor::wrong)?)
            }
        };
        let after = after.as_ref().map(|last| (last.relative_path.as_str(), last.id));
        let mut found = match query.stored {
            true => rows.live_files_of_package(package_id, after, limit + 1).await?,
            false => rows.files_of_package(package_id, after, limit + 1).await?,
        };
        let is_last = found.len() <= limit as usize;
        found.truncate(limit as usize);
        let next = found.last().filter(|_| !is_last).map(|file| file.id.to_string());
        let files = found.into_iter().map(|file| file_document(file, Vec::new())).collect();
        Ok(FilePage { files, next })
    }

    /// A file, and where its bytes are.
    pub async fn file(&self, who: &Principal, id: Uuid) -> Result<FileDocument, ServiceError> {
        let (file, _, locations) = self.file_for(who, Action::ReadPackage, id).await?;
        Ok(file_document(file, locations))
    }

    /// A file's rows, for somebody who may do this with its package now.
    pub(super) async fn file_for(
        &self,
        who: &Principal,
        action: Action,
        id: Uuid,
    ) -> Result<(FileRow, PackageRow, Vec<LocationRow>), ServiceError> {
        let mut session = self.db().read().await?;
        let mut rows = session.of(&who.tenant);
        let file = rows.file(id).await?.ok_or_else(ServiceError::not_found)?;
        let package = rows.package(file.package_id).await?.ok_or_else(ServiceError::not_found)?;
        authorize(who, action, package.as_resource())?;
        let locations = rows.locations_of_file(id).await?;
        Ok((file, package, locations))
    }
}

/// A file as a document.
pub(super) fn file_document(file: FileRow, locations: Vec<LocationRow>) -> FileDocument {
    FileDocument {
        file_id: file.id,
        package_id: file.package_id,
        path: file.relative_path,
        media_type: file.media_type,
        status: file.status,
        // What was counted of an upload that is given up says nothing of any file.
        size_bytes: file.size_bytes.filter(|_| file.status != FileStatus::Receiving),
        sha256: file.sha256,
        created_at: file.created_at,
        stored_at: file.stored_at,
        locations: locations.into_iter().map(location_document).collect(),
    }
}

fn location_document(location: LocationRow) -> LocationDocument {
    LocationDocument {
        backend_id: location.backend_id,
        object_key: location.object_key,
        version_id: location.version_id,
        status: location.status,
        integrity: location.integrity,
        create_only: location.create_only,
        storage_class: location.storage_class,
        lock: LockDocument {
            mode: location.lock_mode.map(|mode| mode.to_string()),
            retain_until: location.lock_retain_until,
            // Whose it is stays on the row where it was not seen.
            legal_hold: location.lock_unobserved.is_none().then_some(location.lock_hold),
            read_back_at: location.lock_read_at,
            unobserved: location.lock_unobserved,
        },
        retrieval_tier: location.retrieval_tier,
        restore_status: location.restore_status,
        last_verified_at: location.last_verified_at,
    }
}
