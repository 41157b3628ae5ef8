//! A body that fits into one request.

use std::time::Instant;

use http::Method;
use jiff::Timestamp;
use strongroom_core::Sha256Digest;
use strongroom_core::receipt::{CreateOnly, Integrity};

use super::create::{Found, Write, already_exists};
use super::error::Failure;
use super::object;
use super::observations::WriteKind;
use super::request::{Answer, Request};
use crate::exchange::payload::{PartBuffer, Payload};
use crate::exchange::retry::Tries;
use crate::{Created, ObjectInfo, StorageError, StorageErrorKind, StoredChecksum, VersionId};

/// Stores a small body.
pub(super) async fn put(write: &Write<'_>, body: PartBuffer) -> Result<Created, StorageError> {
    let payload = hash(body).await?;
    write.look_first(WriteKind::Put).await?;
    let sha256 = payload.sha256;
    let size_bytes = payload.size_bytes;
    let mut request = write
        .describe(write.request(Method::PUT))?
        .header("x-amz-checksum-sha256", &payload.sha256_base64())?
        .header("content-md5", &payload.md5_base64())?
        .with_payload(payload);
    let observations = &write.store.observations;
    if observations.create_only(WriteKind::Put) != CreateOnly::Unsupported {
        request = request.fixed_header("if-none-match", "*");
    }
    // A first try whose answer was lost may have been the one that took place.
    let visible_from = Instant::now();
    let written = match send(write, &request).await {
        Err(failure) if is_condition_refused(&request, &failure) => {
            request = request.without_header("if-none-match");
            let written = send(write, &request).await;
            if written.is_ok() {
                observations.saw_condition_refused(WriteKind::Put);
            }
            written
        }
        written => written,
    };
    match written {
        Ok(Written::Answered(answer)) => {
            let seen = Seen {
                version: object::version(&answer.headers),
                etag: object::etag(&answer.headers),
                checksum: answer.header("x-amz-checksum-sha256").and_then(object::checksum),
                stored_at: answer.date(),
                info: None,
            };
            created(write, seen, visible_from, sha256, size_bytes)
        }
        Ok(Written::Found(info, date)) => {
            let seen = Seen {
                version: info.version.clone(),
                etag: info.etag.clone(),
                checksum: info.checksum,
                stored_at: info.last_modified.or(date),
                info: Some(*info),
            };
            created(write, seen, visible_from, sha256, size_bytes)
        }
        Err(failure) if failure.kind() == StorageErrorKind::AlreadyExists => Err(already_exists()),
        Err(failure) => Err(write.refused(&request, failure).await),
    }
}

/// Hashes a part where it does not hold up others.
pub(super) async fn hash(part: PartBuffer) -> Result<Payload, StorageError> {
    tokio::task::spawn_blocking(move || part.hash()).await.map_err(|error| {
        StorageError::new(StorageErrorKind::Io, "a part could not be hashed").with_source(error)
    })
}

enum Written {
    Answered(Answer),
    /// The answer was lost, and the object is there.
    Found(Box<ObjectInfo>, Option<Timestamp>),
}

/// Sends a create until it is answered. One create never becomes two versions: before another try,
/// and whenever "something is there" follows a doubt, the key is looked at.
async fn send(write: &Write<'_>, request: &Request) -> Result<Written, Failure> {
    let client = &write.store.client;
    let mut tries = Tries::default();
    loop {
        let failed = match client.send_once(request, &tries).await {
            Ok(answer) => return Ok(Written::Answered(answer)),
            Err(failed) => failed,
        };
        let exists = failed.failure.kind() == StorageErrorKind::AlreadyExists;
        if exists {
            write.store.observations.saw_create_refused(WriteKind::Put);
        }
        let was_in_doubt = tries.any_failed();
        let pause = client.pause(&mut tries, &failed);
        if failed.failure.leaves_doubt() || (exists && was_in_doubt) {
            match write.look_again().await {
                Found::Ours(info, date) => return Ok(Written::Found(info, date)),
                Found::Other => return Err(already_there(failed.failure)),
                Found::Nothing => {}
                // Whether the write took place cannot be found out: another try might make a
                // second version.
                Found::Unknown => return Err(failed.failure),
            }
        }
        match pause {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Err(failed.failure),
        }
    }
}

fn already_there(failure: Failure) -> Failure {
    Failure::Unanswered {
        error: already_exists().with_source(StorageError::from(failure)),
        sent: true,
    }
}

/// Whether the store refused the write for being conditional (Backblaze B2 does).
pub(super) fn is_condition_refused(request: &Request, failure: &Failure) -> bool {
    request.has_header("if-none-match")
        && failure.refusal().is_some_and(|refusal| refusal.is_not_implemented())
}

/// What the store said of the new object.
struct Seen {
    version: Option<VersionId>,
    etag: Option<String>,
    checksum: Option<StoredChecksum>,
    stored_at: Option<Timestamp>,
    info: Option<ObjectInfo>,
}

fn created(
    write: &Write<'_>,
    seen: Seen,
    visible_from: Instant,
    sha256: Sha256Digest,
    size_bytes: u64,
) -> Result<Created, StorageError> {
    let store = write.store;
    store.observations.saw_bucket();
    let reports_ours = match seen.checksum {
        Some(StoredChecksum::Sha256(digest)) if digest != sha256 => return Err(wrong_echo()),
        Some(StoredChecksum::Sha256(_)) => true,
        _ => false,
    };
    let integrity = match store.observations.checks() {
        Some(checks) if checks.checksum && reports_ours => Integrity::StoreSha256,
        Some(checks) if checks.payload => Integrity::PayloadSigned,
        _ => Integrity::Unobserved,
    };
    Ok(Created {
        version: seen.version,
        etag: seen.etag,
        size_bytes,
        integrity,
        read_back: None,
        create_only: store.observations.create_only(WriteKind::Put),
        lock_in_write: !write.options.lock.is_none(),
        visible_from,
        stored_at: seen.stored_at,
        info: seen.info,
    })
}

/// The store says that it stored other bytes.
pub(super) fn wrong_echo() -> StorageError {
    StorageError::new(
        StorageErrorKind::Integrity,
        "the store reports a SHA-256 that is not that of the bytes sent",
    )
    .with_guidance("do not rely on this copy; look at the store and at proxies in between")
}
