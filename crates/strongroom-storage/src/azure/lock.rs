//! Immutability policies and legal holds, one blob at a time.
//!
//! | here | at Azure |
//! |---|---|
//! | governance | an *unlocked* policy: whoever may set policies may shorten or delete it |
//! | compliance | a *locked* policy: it can only be made longer |
//! | legal hold | a legal hold, beside either |
//!
//! Both exist only in containers with version-level immutability. A policy that comes with an upload
//! is unlocked, so a locked one is set after the write, by version.
//!
//! * <https://learn.microsoft.com/rest/api/storageservices/set-blob-immutability-policy>
//! * <https://learn.microsoft.com/rest/api/storageservices/set-blob-legal-hold>
//! * <https://learn.microsoft.com/azure/storage/blobs/immutable-version-level-worm-policies>

use std::sync::atomic::Ordering;

use http::{HeaderMap, Method};
use jiff::Timestamp;
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::retention::{Lock, LockMode, Retention};

use super::container::{self, Container};
use super::error::Failure;
use super::request::{Request, date, header};
use super::{AzureStorage, blob, no_locks};
use crate::exchange::dates;
use crate::{ObjectKey, SeenLock, Storage as _, StorageError, StorageErrorKind, VersionId};

const UNTIL: &str = "x-ms-immutability-policy-until-date";
const MODE: &str = "x-ms-immutability-policy-mode";
const HOLD: &str = "x-ms-legal-hold";

/// See [`crate::Storage::lock`]. Get Blob Properties is the only call that tells; what a missing
/// header means depends on the container.
pub(super) async fn lock(
    store: &AzureStorage,
    key: &ObjectKey,
    version: Option<&VersionId>,
) -> Result<SeenLock, StorageError> {
    let takes_locks = &store.observations.takes_locks;
    let absent = if takes_locks.load(Ordering::Relaxed) {
        Absent::MeansNone
    } else {
        match container::look(store).await? {
            Observed::Observed(container)
                if container.takes_locks() == Observed::Observed(true) =>
            {
                takes_locks.store(true, Ordering::Relaxed);
                Absent::MeansNone
            }
            // What protects all of a container is not told of one blob.
            Observed::Observed(container) if container.is_protected_as_a_whole() => {
                return Ok(SeenLock::unobserved(Unobserved::NotProbed));
            }
            Observed::Observed(_) => {
                return Ok(SeenLock::unobserved(Unobserved::UnsupportedBackend));
            }
            Observed::Unobserved(reason) => Absent::MeansNothing(reason),
        }
    };
    match blob::ask(store, &store.whole_key(key), version).await {
        Ok(answer) => Ok(read(&answer.headers, absent)),
        Err(failure) if failure.kind() == StorageErrorKind::PermissionDenied => {
            Ok(SeenLock::unobserved(Unobserved::PermissionDenied))
        }
        Err(failure) => Err(failure.into()),
    }
}

/// What it means that a header of a lock is missing.
#[derive(Debug, Clone, Copy)]
enum Absent {
    /// There is no such lock.
    MeansNone,
    /// Nothing, and why: whether the container has locks at all was not seen.
    MeansNothing(Unobserved),
}

fn read(headers: &HeaderMap, absent: Absent) -> SeenLock {
    // A blob with either kind of lock is in a container that has both.
    let has_any = headers.contains_key(UNTIL) || headers.contains_key(HOLD);
    let absent = if has_any { Absent::MeansNone } else { absent };
    SeenLock {
        retention: read_policy(headers, absent),
        legal_hold: match (header(headers, HOLD), absent) {
            (Some(hold), _) => match hold.parse() {
                Ok(is_on) => Observed::Observed(is_on),
                Err(_) => Observed::Unobserved(Unobserved::Error),
            },
            (None, Absent::MeansNone) => Observed::Observed(false),
            (None, Absent::MeansNothing(reason)) => Observed::Unobserved(reason),
        },
        read_at: date(headers),
    }
}

/// `Error` where it cannot be understood: it is never guessed.
fn read_policy(headers: &HeaderMap, absent: Absent) -> Observed<Option<Retention>> {
    let mode = match (header(headers, MODE), header(headers, UNTIL), absent) {
        (None, None, Absent::MeansNone) => return Observed::Observed(None),
        (None, None, Absent::MeansNothing(reason)) => return Observed::Unobserved(reason),
        (Some(mode), _, _) if mode.eq_ignore_ascii_case("unlocked") => LockMode::Governance,
        (Some(mode), _, _) if mode.eq_ignore_ascii_case("locked") => LockMode::Compliance,
        _ => return Observed::Unobserved(Unobserved::Error),
    };
    match header(headers, UNTIL).and_then(dates::parse) {
        Some(retain_until) => Observed::Observed(Some(Retention { mode, retain_until })),
        None => Observed::Unobserved(Unobserved::Error),
    }
}

/// What of a lock can go out with the write.
///
/// A policy in the write takes the place of the container's default, even of a stronger one, and that
/// cannot be read beforehand. Where there is one, nothing is sent: the blob gets the default, which
/// its own properties tell, and what it lacks is set then.
pub(super) async fn to_send(store: &AzureStorage, asked: Lock) -> Result<Lock, StorageError> {
    if asked.is_none() {
        return Ok(Lock::NONE);
    }
    match container::look(store).await? {
        Observed::Observed(container) if container.takes_locks() != Observed::Observed(true) => {
            Err(no_locks())
        }
        Observed::Observed(Container { has_policy: Some(true), .. }) => Ok(Lock::NONE),
        Observed::Observed(_) | Observed::Unobserved(_) => Ok(asked),
    }
}

/// Adds a lock to the request that makes a blob visible.
pub(super) fn with_lock(request: Request, lock: Lock) -> Result<Request, StorageError> {
    let request = match lock.retention {
        Some(retention) => request
            .header(UNTIL, &date_of(retention.retain_until)?)?
            // The only mode that an upload gives.
            .fixed_header(MODE, "Unlocked"),
        None => request,
    };
    Ok(if lock.legal_hold { request.fixed_header(HOLD, "true") } else { request })
}

/// See [`crate::Storage::set_retention`]. The call changes no entity tag, so no condition keeps two
/// writers apart: that an unlocked policy is not made shorter is the caller's business.
pub(super) async fn set_retention(
    store: &AzureStorage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    retention: Retention,
) -> Result<(), StorageError> {
    let mode = match retention.mode {
        LockMode::Governance => "Unlocked",
        LockMode::Compliance => "Locked",
    };
    let request = about(store, key, version, "immutabilityPolicies")
        .header(UNTIL, &date_of(retention.retain_until)?)?
        .fixed_header(MODE, mode);
    settle(store.client.send(&request).await)
}

/// See [`crate::Storage::set_legal_hold`].
pub(super) async fn set_legal_hold(
    store: &AzureStorage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    on: bool,
) -> Result<(), StorageError> {
    let request = about(store, key, version, "legalhold")
        .fixed_header(HOLD, if on { "true" } else { "false" });
    settle(store.client.send(&request).await)
}

fn about(
    store: &AzureStorage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    what: &'static str,
) -> Request {
    Request::blob(Method::PUT, &store.whole_key(key))
        .query("comp", what)
        .query_if("versionid", version.map(|version| &version.0))
}

fn settle<T>(answer: Result<T, Failure>) -> Result<(), StorageError> {
    match answer {
        Ok(_) => Ok(()),
        Err(failure) if failure.kind() == StorageErrorKind::Unsupported => {
            Err(no_locks().with_source(StorageError::from(failure)))
        }
        Err(failure) => Err(failure.into()),
    }
}

/// The date of a policy, in whole seconds rounded up: a lock must not end earlier than asked.
fn date_of(time: Timestamp) -> Result<String, StorageError> {
    dates::lock_date_in_a_header(time).ok_or_else(|| {
        StorageError::new(StorageErrorKind::InvalidRequest, "a lock's date is out of range")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    const DATE: &str = "Sat, 21 Nov 2026 12:00:00 GMT";
    const DENIED: Absent = Absent::MeansNothing(Unobserved::PermissionDenied);

    #[test]
    fn a_policy_is_read_or_refused_but_never_guessed() {
        let policy = |pairs: &[_]| read(&headers(pairs), Absent::MeansNone).retention;
        let until =
            |mode| Retention { mode, retain_until: "2026-11-21T12:00:00Z".parse().unwrap() };
        for (mode, meaning) in [
            ("unlocked", LockMode::Governance),
            ("Unlocked", LockMode::Governance),
            ("locked", LockMode::Compliance),
            ("Locked", LockMode::Compliance),
        ] {
            let seen = policy(&[(UNTIL, DATE), (MODE, mode)]);
            assert_eq!(seen, Observed::Observed(Some(until(meaning))), "{mode}");
        }
        assert_eq!(policy(&[]), Observed::Observed(None));
        for half in [
            &[(UNTIL, DATE)][..],
            &[(MODE, "locked")],
            &[(UNTIL, "soon"), (MODE, "locked")],
            &[(UNTIL, DATE), (MODE, "perhaps")],
        ] {
            assert_eq!(policy(half), Observed::Unobserved(Unobserved::Error), "{half:?}");
        }
    }

    #[test]
    fn a_missing_header_means_nothing_where_the_container_was_not_seen() {
        let seen = read(&headers(&[]), DENIED);
        assert_eq!(seen, SeenLock::unobserved(Unobserved::PermissionDenied));
        let held = read(&headers(&[(HOLD, "true")]), DENIED);
        assert_eq!(held.certain(), Lock { retention: None, legal_hold: true });
        assert_eq!(held.retention, Observed::Observed(None));
        let dated = read(&headers(&[(UNTIL, DATE), (MODE, "locked")]), DENIED);
        assert_eq!(dated.legal_hold, Observed::Observed(false));
    }

    #[test]
    fn a_policy_in_a_write_is_always_an_unlocked_one() {
        let retain_until = "2026-11-21T11:59:59.001Z".parse().unwrap();
        let retention = Retention { mode: LockMode::Compliance, retain_until };
        let lock = Lock { retention: Some(retention), legal_hold: true };
        let request = with_lock(Request::blob(Method::PUT, "a"), lock).unwrap();
        assert_eq!(request.header_of(MODE), Some("Unlocked"));
        assert_eq!(request.header_of(UNTIL), Some(DATE));
        assert_eq!(request.header_of(HOLD), Some("true"));
        let without = with_lock(Request::blob(Method::PUT, "a"), Lock::NONE).unwrap();
        assert_eq!(without.header_of(MODE), None);
        assert_eq!(without.header_of(HOLD), None);
    }
}
