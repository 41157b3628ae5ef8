//! A file of an open package: its row before the first byte; or, where one is stored under its path, whether it is the
//! same.

use strongroom_core::Sha256Digest;
use strongroom_core::layout;
use strongroom_core::package::manifest::PackagePath;
use strongroom_core::package::{FileStatus, RetentionRule};

use super::Registry;
use super::file_body::{FileBody, measure, unless_idle};
use super::new_file::{NewFile, check};
use super::read_files::file_document;
use super::receive_file::Upload;
use crate::auth::{Action, Principal, authorize};
use crate::db::{DbError, FileRow, PackageRow, TenantId};
use crate::documents::{UploadStatus, UploadedFile};
use crate::error::{ErrorKind, ServiceError};
use uuid::Uuid;

impl Registry {
    /// Stores a file of an open package. The same bytes again under the same path are `already_stored`.
    pub async fn upload_file(
        &self,
        who: &Principal,
        package_id: Uuid,
        new: NewFile,
        body: FileBody,
    ) -> Result<UploadedFile, ServiceError> {
        let _slot = self.uploads().try_acquire().map_err(|_| {
            ServiceError::new(ErrorKind::Busy, "as many uploads as there may be are under way")
        })?;
        self.upload_in_slot(who, package_id, new, body).await
    }

    /// The same for whoever has one of the slots.
    pub(super) async fn upload_in_slot(
        &self,
        who: &Principal,
        package_id: Uuid,
        new: NewFile,
        body: FileBody,
    ) -> Result<UploadedFile, ServiceError> {
        let limits = self.settings().limits;
        let path = check(&new)?;
        if new.size_bytes.is_some_and(|declared| declared > limits.file_bytes_max) {
            return Err(ServiceError::body_too_large(limits.file_bytes_max));
        }
        let body = unless_idle(body, limits.idle_body.unsigned_abs());
        let (package, rule, there) = {
            let mut session = self.db().read().await?;
            let mut rows = session.of(&who.tenant);
            let package = rows.package(package_id).await?.ok_or_else(ServiceError::not_found)?;
            authorize(who, Action::UploadFile, package.as_resource())?;
            let rule = rows.rule_of(&package).await?;
            let there = rows.live_file_in_the_way(package.id, &path).await?;
            (package, RetentionRule::from(&rule), there)
        };
        if let Some(there) = there {
            return self.against_what_is_there(who, there, &path, &new, body).await;
        }
        let backend = self.backends().get(&package.backend_id)?;
        let file = self.receiving(who, &package, &path, &new);
        self.insert_receiving(&who.tenant, &file).await?;
        let upload = Upload { registry: self, who, backend, package, rule, path, file };
        // Boxed: the longest of all, and in the future of whoever waits for it.
        Box::pin(upload.receive(&new, body)).await
    }

    /// Whether somebody may store files of a package now.
    pub async fn may_upload(&self, who: &Principal, package_id: Uuid) -> Result<(), ServiceError> {
        self.package_for(who, Action::UploadFile, package_id).await.map(drop)
    }

    /// Something is stored under the path already: reads what comes, and says whether it is the same.
    async fn against_what_is_there(
        &self,
        who: &Principal,
        there: FileRow,
        path: &PackagePath,
        new: &NewFile,
        body: FileBody,
    ) -> Result<UploadedFile, ServiceError> {
        if there.path_nfc != path.nfc() {
            return Err(clash());
        }
        // What is refused however it goes on need not be read.
        if !may_be_stored_as(&there, new.sha256) {
            return Err(path_taken(&there));
        }
        let came = measure(body, self.settings().limits.file_bytes_max).await?;
        let is_as_declared = new.size_bytes.is_none_or(|declared| declared == came.size_bytes)
            && new.sha256.is_none_or(|declared| declared == came.sha256);
        if !is_as_declared {
            return Err(ServiceError::new(
                ErrorKind::BodyMismatch,
                "the body is not of the length and the digest that were declared",
            ));
        }
        let sent = FileRow {
            size_bytes: Some(came.size_bytes),
            sha256: Some(came.sha256),
            media_type: new.media_type.clone(),
            ..there.clone()
        };
        self.already_stored(who, there, &sent).await
    }

    pub(super) async fn already_stored(
        &self,
        who: &Principal,
        there: FileRow,
        sent: &FileRow,
    ) -> Result<UploadedFile, ServiceError> {
        let is_the_same = there.status == FileStatus::Stored
            && there.sha256 == sent.sha256
            && there.size_bytes == sent.size_bytes
            && (sent.media_type.is_none() || there.media_type == sent.media_type);
        if !is_the_same {
            return Err(path_taken(&there));
        }
        let locations = self.db().read().await?.of(&who.tenant).locations_of_file(there.id).await?;
        let file = file_document(there, locations);
        Ok(UploadedFile { upload: UploadStatus::AlreadyStored, file })
    }

    fn receiving(
        &self,
        who: &Principal,
        package: &PackageRow,
        path: &PackagePath,
        new: &NewFile,
    ) -> FileRow {
        let id = self.clock().new_id();
        FileRow {
            id,
            package_id: package.id,
            relative_path: path.as_str().to_owned(),
            path_nfc: path.nfc().to_owned(),
            media_type: new.media_type.clone(),
            content_type: new.content_type.clone(),
            size_bytes: None,
            sha256: None,
            status: FileStatus::Receiving,
            object_key: format!(
                "{}{}",
                package.storage_prefix,
                layout::package_file(package.id, id)
            ),
            created_by: who.id,
            created_at: self.clock().now(),
            stored_at: None,
        }
    }

    async fn insert_receiving(&self, tenant: &TenantId, file: &FileRow) -> Result<(), DbError> {
        let input = (tenant.clone(), file.clone());
        self.db()
            .write(input, |tx, (tenant, file)| {
                Box::pin(async move { tx.of(tenant).insert_file(file).await })
            })
            .await
    }
}

pub(super) fn clash() -> ServiceError {
    ServiceError::new(
        ErrorKind::Conflict,
        "one path cannot be both a file and a folder of the package",
    )
}

/// Whether what comes, and says of itself that it has this digest, may be what is stored under its path.
pub(super) fn may_be_stored_as(there: &FileRow, declared: Option<Sha256Digest>) -> bool {
    there.status == FileStatus::Stored
        && declared.is_none_or(|declared| there.sha256 == Some(declared))
}

pub(super) fn path_taken(there: &FileRow) -> ServiceError {
    match there.status {
        FileStatus::Stored => ServiceError::new(
            ErrorKind::Conflict,
            "another file is stored under this path, and nothing is overwritten",
        ),
        _ => ServiceError::new(
            ErrorKind::Conflict,
            "the file that was stored under this path was found missing or corrupt",
        )
        .with_guidance("abandon the package and upload it anew"),
    }
}
