//! An object that is gone, as a job finds that wants to bring something to it: its file is `missing` from then on, and
//! the others go their way. One that was, and is there again, is looked at.

use strongroom_core::layout;
use strongroom_core::package::FileStatus;
use strongroom_storage::{Storage, StorageErrorKind};

use super::Attempt;
use super::objects::Object;
use crate::db::{JobRow, LocationRow, PackageRow, Tx};
use crate::error::{ErrorKind, ServiceError};
use crate::service::found::{Found, What};
use crate::service::look_again::Look;
use crate::service::records::object_key;

/// What is written where the worker still has its job.
struct Noting {
    job: JobRow,
    found: Found,
}

/// What came of an object; `None` where it came of its being gone, which is noted.
pub(super) async fn unless_gone<T>(
    attempt: &Attempt,
    store: &dyn Storage,
    package: &PackageRow,
    object: (&Object, &LocationRow),
    outcome: Result<T, ServiceError>,
) -> Option<Result<T, ServiceError>> {
    let error = match outcome {
        Ok(done) => return Some(Ok(done)),
        Err(error) => error,
    };
    match note_if_gone(attempt, store, package, object, &error).await {
        Ok(true) => None,
        Ok(false) => Some(Err(error)),
        Err(failed) => Some(Err(failed)),
    }
}

/// Whether it was an object that is gone that `error` came of. The store is asked for it once more: one answer says
/// nothing yet; nor do answers of a store that has not even the manifest, such as a folder that is not mounted.
/// Then it is noted so.
async fn note_if_gone(
    attempt: &Attempt,
    store: &dyn Storage,
    package: &PackageRow,
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
    if !has_manifest(store, package).await? {
        return Ok(false);
    }
    let registry = attempt.registry();
    let found = registry.found(attempt.tenant(), location, What::Missing);
    let noting = Noting { job: attempt.job().clone(), found };
    registry.db().write(noting, |tx, noting| Box::pin(write(tx, noting))).await?;
    Ok(true)
}

/// Whether the store has the manifest of a package: what it says of other objects is not of a place where nothing is. Of a
/// package that is open still there is none to ask for, and its finalizing finds what is gone.
async fn has_manifest(store: &dyn Storage, package: &PackageRow) -> Result<bool, ServiceError> {
    if !package.has_evidence() {
        return Ok(false);
    }
    let key = object_key(&package.storage_prefix, &layout::package_manifest(package.id))?;
    Ok(store.head(&key, None).await.is_ok())
}

/// Looks at an object that was found to be gone, if it is there again, and answers whether its file is not missing any
/// more: then another pass brings it to what it should be under.
pub(super) async fn is_found_again(
    attempt: &Attempt,
    store: &dyn Storage,
    package: &PackageRow,
    location: &LocationRow,
) -> Result<bool, ServiceError> {
    let object = Object::of(package, location)?;
    if store.head(&object.key, object.version.as_ref()).await.is_err() {
        return Ok(false);
    }
    let look = attempt.registry().look_again(attempt.tenant(), location).await;
    Ok(matches!(look, Ok(Look::Found(FileStatus::Stored | FileStatus::Corrupt))))
}

async fn write(tx: &mut Tx, noting: &Noting) -> Result<(), ServiceError> {
    let mut rows = tx.of(noting.found.tenant());
    if !rows.has_job(&noting.job).await? {
        return Err(Attempt::lost());
    }
    noting.found.note(&mut rows).await.map(drop)
}
