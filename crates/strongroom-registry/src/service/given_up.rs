//! Uploads that came to nothing: said on their rows, and what they left taken away by a job.

use jiff::SignedDuration;
use serde_json::json;
use strongroom_core::package::FileStatus;
use strongroom_core::package::status::FileEvent;

use super::Registry;
use super::receive_file::UPLOAD_TIME_MAX;
use crate::db::{DbError, FileRow, JobRow, TenantTx};
use crate::error::ServiceError;
use crate::jobs::JobKind;

/// Uploads that one run gives up.
const GIVEN_UP_AT_ONCE: u32 = 256;
/// A row that is older than so many times the longest upload is of one whose process is gone. Twice: the clock of
/// this process and that of the one that wrote the row need not agree.
const UPLOADS_OLD: u32 = 2;

/// An upload that comes to nothing.
pub(crate) struct GivenUp {
    /// The row as it will be: `deleting`, or `deleted` where nothing of it is in the store.
    file: FileRow,
    /// What takes away the rest.
    pub(crate) job: JobRow,
}

impl GivenUp {
    pub(crate) fn of(
        registry: &Registry,
        file: &FileRow,
        left_nothing: bool,
    ) -> Result<Self, ServiceError> {
        let mut status =
            file.status.after(FileEvent::UploadGivenUp).map_err(ServiceError::internal)?;
        if left_nothing {
            status = status.after(FileEvent::Deleted).map_err(ServiceError::internal)?;
        }
        let job = registry.new_job(JobKind::CleanUp, file.package_id, json!({}));
        Ok(Self { file: FileRow { status, ..file.clone() }, job })
    }
}

/// Says so on its row, if it is still `receiving`; tells whether it was. A running clean-up job looks once more
/// under the package's lock before it ends, so none is missed.
pub(crate) async fn give_up(rows: &mut TenantTx<'_>, given_up: &GivenUp) -> Result<bool, DbError> {
    rows.lock_package(given_up.file.package_id).await?;
    let was_receiving = rows.update_file(&given_up.file, FileStatus::Receiving).await?;
    if was_receiving && given_up.file.status == FileStatus::Deleting {
        rows.enqueue_job(&given_up.job).await?;
    }
    Ok(was_receiving)
}

impl Registry {
    /// Gives up uploads whose process must be gone. Answers how many; there may be more.
    pub async fn give_up_old_uploads(&self) -> Result<usize, ServiceError> {
        let age = SignedDuration::try_from(UPLOAD_TIME_MAX.saturating_mul(UPLOADS_OLD))
            .map_err(ServiceError::internal)?;
        let before = self.clock().now().checked_sub(age).map_err(ServiceError::internal)?;
        let found =
            self.db().read().await?.receiving_files_of_any_tenant(before, GIVEN_UP_AT_ONCE).await?;
        let mut given_up_count = 0;
        for found in found {
            let given_up = GivenUp::of(self, &found.file, false)?;
            let written = self
                .db()
                .write_rows((found.tenant_id, given_up), |tx, (tenant, given_up)| {
                    Box::pin(async move { give_up(&mut tx.of(tenant), given_up).await })
                })
                .await;
            given_up_count += usize::from(written?);
        }
        if given_up_count > 0 {
            self.ring_for_jobs();
        }
        Ok(given_up_count)
    }
}
