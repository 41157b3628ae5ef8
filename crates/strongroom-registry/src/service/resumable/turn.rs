//! Whose turn it is to make a file of an upload. Whoever has it has it for a while, so that two do not read and write the
//! same bytes at once; where both do all the same, because the first was taken for dead, they come to the same file, and
//! only the second has a say in what becomes of the upload.

use jiff::SignedDuration;
use uuid::Uuid;

use super::super::Registry;
use crate::auth::{Action, Principal, authorize};
use crate::db::{DbError, PackageRow, TenantId, Tx, UploadLease, UploadRow, UploadState};
use crate::error::ServiceError;

/// For how long one process has it at a time.
pub(super) const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// Whose turn it is.
pub(super) enum Turn {
    /// Ours.
    Ours(Box<Ours>),
    /// Nobody's any more: it is a file.
    Done(Box<UploadRow>),
    /// Somebody else's.
    Theirs,
}

/// An upload that we make a file of.
pub(super) struct Ours {
    pub(super) upload: UploadRow,
    pub(super) package: PackageRow,
    /// Names our turn among all that there were.
    pub(super) epoch: i64,
}

impl Registry {
    pub(super) async fn turn(&self, who: &Principal, id: Uuid) -> Result<Turn, ServiceError> {
        let (upload, package) = self.upload_for(who, Action::ReadPackage, id).await?;
        if upload.status == UploadState::Stored {
            return Ok(Turn::Done(Box::new(upload)));
        }
        authorize(who, Action::UploadFile, package.as_resource())?;
        if upload.storing_until.is_some() {
            // Whoever only waits reads, and writes nothing.
            let now = self.db().read().await?.database_time().await?;
            if upload.is_being_stored(now) {
                return Ok(Turn::Theirs);
            }
        }
        let input = (who.tenant.clone(), id, self.end_of_life(self.clock().now()));
        let leased = self
            .db()
            .write_rows(input, |tx, (tenant, id, expires_at)| {
                Box::pin(async move {
                    let lease = lease(tx, LEASE, *expires_at).await?;
                    tx.of(tenant).lease_upload(*id, lease).await
                })
            })
            .await;
        Ok(match leased? {
            Some(epoch) => Turn::Ours(Box::new(Ours { upload, package, epoch })),
            None => Turn::Theirs,
        })
    }

    /// Says that it is still ours. Where this fails, the turn ends by itself.
    pub(super) async fn keep_turn(&self, tenant: &TenantId, ours: &Ours) {
        self.set_turn(tenant, ours, LEASE).await;
    }

    /// Says that it is nobody's.
    pub(super) async fn give_turn_back(&self, tenant: &TenantId, ours: &Ours) {
        self.set_turn(tenant, ours, SignedDuration::ZERO).await;
    }

    async fn set_turn(&self, tenant: &TenantId, ours: &Ours, length: SignedDuration) {
        let expires_at = self.end_of_life(self.clock().now());
        let input = (tenant.clone(), ours.upload.id, ours.epoch, length, expires_at);
        let kept = self
            .db()
            .write_rows(input, |tx, (tenant, upload, epoch, length, expires_at)| {
                Box::pin(async move {
                    let lease = lease(tx, *length, *expires_at).await?;
                    tx.of(tenant).keep_upload_lease(*upload, *epoch, lease).await
                })
            })
            .await;
        if let Err(error) = kept {
            tracing::warn!(%error, "whose turn it is with an upload was not noted");
        }
    }
}

/// What is noted of a turn: while somebody has it the upload is waited for, too.
async fn lease(
    tx: &mut Tx,
    length: SignedDuration,
    expires_at: jiff::Timestamp,
) -> Result<UploadLease, DbError> {
    let now = tx.database_time().await?;
    Ok(UploadLease { now, until: now.checked_add(length).unwrap_or(now), expires_at })
}
