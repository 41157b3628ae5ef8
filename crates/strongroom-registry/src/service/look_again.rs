//! Bytes that were gone, or others than were stored, when somebody wanted them: they are read once more, and the rows of
//! their file say what was found. One reading that went wrong says nothing yet.
//!
//! What was found wrong is looked at again when somebody asks for the bytes, one look at a time and none right after
//! another: what a person brought back is there again.
//!
//! A look takes as long as the object takes to be read, and clients and proxies wait for less than that: so it goes on
//! apart from the request that began it.

use std::sync::Arc;
use std::time::Duration;

use strongroom_core::package::FileStatus;
use strongroom_storage::VersionId;
use strongroom_storage::keep::{self, Expected, Verdict};
use tokio::time::timeout;

use super::Registry;
use super::found::What;
use super::looks::{OurTurn, Turn};
use super::receive_file::UPLOAD_TIME_MAX;
use super::records::object_key;
use crate::db::{LocationRow, TenantId};
use crate::error::{ErrorKind, ServiceError};

/// How long a request waits for a look.
pub(super) const LOOK_WAIT_MAX: Duration = Duration::from_secs(20);
/// How long a look may take: as long as the object may have taken to be stored.
const LOOK_TIME_MAX: Duration = UPLOAD_TIME_MAX;

/// What came of looking at an object, as far as it was waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Look {
    /// It was read, and the state of its file is this.
    Found(FileStatus),
    /// It is being read, by whoever began that.
    UnderWay,
    /// It is not read now: it was a moment ago, or as many others are as there may be.
    NotNow,
}

impl Registry {
    /// The same for whoever has a failure to tell already.
    pub(super) async fn note_damage(self: &Arc<Self>, tenant: &TenantId, location: &LocationRow) {
        let file = location.artifact_file_id;
        match self.look_again(tenant, location).await {
            Ok(Look::NotNow) => {
                tracing::warn!(file_id = %file, "a reading went wrong, and the file is not read again now");
            }
            Ok(Look::UnderWay) => {
                tracing::warn!(file_id = %file, "a reading went wrong, and the file is being read again");
            }
            // Told by the look itself.
            Ok(Look::Found(_)) | Err(_) => {}
        }
    }

    /// Reads every byte of an object and writes down what is news of it: to the end also where nobody waits for it any
    /// more, and nobody does for longer than [`LOOK_WAIT_MAX`].
    pub(crate) async fn look_again(
        self: &Arc<Self>,
        tenant: &TenantId,
        location: &LocationRow,
    ) -> Result<Look, ServiceError> {
        let turn = match self.looks.turn(location.id, self.clock()) {
            Turn::Ours(turn) => turn,
            Turn::Theirs => return Ok(Look::UnderWay),
            Turn::NotNow => return Ok(Look::NotNow),
        };
        let (registry, tenant, location) = (Arc::clone(self), tenant.clone(), location.clone());
        let looking =
            tokio::spawn(async move { registry.look_in_turn(&tenant, &location, turn).await });
        match timeout(LOOK_WAIT_MAX, looking).await {
            Ok(looked) => Ok(Look::Found(looked.map_err(ServiceError::internal)??)),
            Err(_) => Ok(Look::UnderWay),
        }
    }

    async fn look_in_turn(
        &self,
        tenant: &TenantId,
        location: &LocationRow,
        turn: OurTurn,
    ) -> Result<FileStatus, ServiceError> {
        let file = location.artifact_file_id;
        let looked = timeout(LOOK_TIME_MAX, Box::pin(self.look(tenant, location))).await;
        let looked = looked.unwrap_or_else(|late| {
            let message = "the store does not give out an object in the time that there is for it";
            Err(ServiceError::new(ErrorKind::StoreUnavailable, message).with_source(late))
        });
        match &looked {
            Ok(status) => {
                turn.found();
                tracing::warn!(file_id = %file, %status, "a file was read again");
            }
            Err(error) => {
                tracing::warn!(file_id = %file, %error, "whether a file is damaged is not known");
            }
        }
        looked
    }

    async fn look(
        &self,
        tenant: &TenantId,
        location: &LocationRow,
    ) -> Result<FileStatus, ServiceError> {
        let file = self.db().read().await?.of(tenant).file(location.artifact_file_id).await?;
        let file = file.ok_or_else(ServiceError::not_found)?;
        let (Some(size_bytes), Some(sha256)) = (file.size_bytes, file.sha256) else {
            return Ok(file.status);
        };
        let store = &self.backends().get(&location.backend_id)?.store;
        let key = object_key("", &location.object_key)?;
        let version = location.version_id.clone().map(VersionId);
        let expected = Expected { size_bytes, sha256 };
        let what = match keep::verify(&**store, &key, version.as_ref(), expected).await? {
            Verdict::Verified(_) => What::Whole,
            Verdict::Missing => What::Missing,
            Verdict::Corrupt { .. } => What::Corrupt,
            // It is there, and nothing was read of it.
            Verdict::NotRetrievable => return Err(ServiceError::archived()),
        };
        let found = self.found(tenant, location, what);
        let status = self
            .db()
            .write(found, |tx, found| {
                Box::pin(async move { found.note(&mut tx.of(found.tenant())).await })
            })
            .await;
        self.ring_for_jobs();
        status
    }
}
