//! An object that is gone, as a job finds that wants to bring something to it: its file is `missing` from then on, and
//! the others go their way.

use strongroom_storage::{Storage, StorageErrorKind};

use super::Attempt;
use super::objects::Object;
use crate::db::{JobRow, LocationRow, Tx};
use crate::error::{ErrorKind, ServiceError};
use crate::service::found::{Found, What};

/// What is written where the worker still has its job.
struct Noting {
    job: JobRow,
    found: Found,
}

/// Whether it was an object that is gone that `error` came of. The store is asked for it once more: one answer says
/// nothing yet. Then it is noted so.
pub(super) async fn note_if_gone(
    attempt: &Attempt,
    store: &dyn Storage,
    (object, location): (&Object, &LocationRow),
    error: &ServiceError,
) -> Result<bool, ServiceError> {
    if error.kind() != ErrorKind::Corrupt {
        return Ok(false);
    }
    match store.head(&object.key, object.version.as_ref()).await {
        Err(error) if error.kind() == StorageErrorKind::NotFound => {}
        // What is told is the first failure.
        Ok(_) | Err(_) => return Ok(false),
    }
    let registry = attempt.registry();
    let found = registry.found(attempt.tenant(), location, What::Missing);
    let noting = Noting { job: attempt.job().clone(), found };
    registry.db().write(noting, |tx, noting| Box::pin(write(tx, noting))).await?;
    Ok(true)
}

async fn write(tx: &mut Tx, noting: &Noting) -> Result<(), ServiceError> {
    let mut rows = tx.of(noting.found.tenant());
    if !rows.has_job(&noting.job).await? {
        return Err(Attempt::lost());
    }
    noting.found.note(&mut rows).await.map(drop)
}
