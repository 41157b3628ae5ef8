//! Retention, legal holds, and the bucket's default. Read by their own calls: HEAD omits a lock
//! that these credentials may not see, and that would look like none.

use http::Method;
use jiff::Timestamp;
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::retention::{DefaultRetention, LockMode, Period, Retention};

use super::S3Storage;
use super::error::Failure;
use super::request::{Answer, Request};
use crate::exchange::dates;
use crate::exchange::xml::Element;
use crate::{ObjectKey, SeenLock, Storage as _, StorageError, StorageErrorKind, VersionId};

const XMLNS: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// See [`crate::Storage::lock`].
pub(super) async fn lock(
    store: &S3Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
) -> Result<SeenLock, StorageError> {
    let whole_key = store.whole_key(key);
    let ask = async |what| {
        let request =
            Request::object(Method::GET, &whole_key).query(what, "").query_if("versionId", version);
        store.client.send(&request).await
    };
    let (retention, legal_hold) = futures::join!(ask("retention"), ask("legal-hold"));
    let read_at = told_at(&retention).max(told_at(&legal_hold));
    Ok(SeenLock {
        retention: observe(retention, "Retention", read_retention, || None)?,
        legal_hold: observe(legal_hold, "LegalHold", read_legal_hold, || false)?,
        read_at,
    })
}

/// The store's clock in an answer, a refusal too: that there is no lock is told by one.
fn told_at(answer: &Result<Answer, Failure>) -> Option<Timestamp> {
    match answer {
        Ok(answer) => answer.date(),
        Err(failure) => failure.refusal().and_then(|refusal| refusal.date),
    }
}

/// See [`crate::Storage::set_retention`].
pub(super) async fn set_retention(
    store: &S3Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    retention: Retention,
) -> Result<(), StorageError> {
    let mode = match retention.mode {
        LockMode::Governance => "GOVERNANCE",
        LockMode::Compliance => "COMPLIANCE",
    };
    let date = dates::lock_date(retention.retain_until);
    let document = format!(
        "<Retention xmlns=\"{XMLNS}\"><Mode>{mode}</Mode><RetainUntilDate>{date}</RetainUntilDate></Retention>"
    );
    put(store, key, version, "retention", document).await
}

/// See [`crate::Storage::set_legal_hold`].
pub(super) async fn set_legal_hold(
    store: &S3Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    on: bool,
) -> Result<(), StorageError> {
    let status = if on { "ON" } else { "OFF" };
    let document = format!("<LegalHold xmlns=\"{XMLNS}\"><Status>{status}</Status></LegalHold>");
    put(store, key, version, "legal-hold", document).await
}

async fn put(
    store: &S3Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    what: &'static str,
    document: String,
) -> Result<(), StorageError> {
    let request = Request::object(Method::PUT, &store.whole_key(key))
        .query(what, "")
        .query_if("versionId", version)
        .xml(document)?;
    store.client.send(&request).await?;
    Ok(())
}

/// The bucket's Object Lock configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BucketLock {
    /// Whether versions can be locked.
    pub(super) is_enabled: bool,
    /// What they get by themselves.
    pub(super) default: Option<DefaultRetention>,
}

/// Reads the bucket's Object Lock configuration.
pub(super) async fn bucket_lock(store: &S3Storage) -> Result<Observed<BucketLock>, StorageError> {
    let answer = store.client.send(&Request::bucket(Method::GET).query("object-lock", "")).await;
    let none = || BucketLock { is_enabled: false, default: None };
    observe(answer, "ObjectLockConfiguration", read_bucket_lock, none)
}

/// Whether the bucket can hold locks, as far as is known.
pub(super) async fn may_lock(store: &S3Storage) -> bool {
    match bucket_lock(store).await {
        Ok(Observed::Observed(lock)) => lock.is_enabled,
        Ok(Observed::Unobserved(reason)) => reason != Unobserved::UnsupportedBackend,
        Err(_) => true,
    }
}

/// Turns an answer into an observation. `root` names the document that answers the question: a store
/// that does not know the question may answer another one, with the object or a listing, in which
/// everything asked for is absent. `none` is what it means that there is no such configuration.
/// What concerns the object or the connection stays an error.
pub(super) fn observe<T>(
    answer: Result<Answer, Failure>,
    root: &str,
    read: impl FnOnce(&Element) -> Option<T>,
    none: impl FnOnce() -> T,
) -> Result<Observed<T>, StorageError> {
    let read_xml = |answer: &Answer| {
        let document = answer.xml().ok().filter(|document| {
            // moto names some documents after the operation.
            document.name == root || document.name.starts_with("Get")
        });
        document.and_then(|document| read(&document))
    };
    observe_answer(answer, read_xml, none)
}

/// The same of an answer that is read in a way of its own.
pub(super) fn observe_answer<T>(
    answer: Result<Answer, Failure>,
    read: impl FnOnce(&Answer) -> Option<T>,
    none: impl FnOnce() -> T,
) -> Result<Observed<T>, StorageError> {
    let failure = match answer {
        Ok(answer) => {
            let value = read(&answer);
            return Ok(value.map_or(Observed::Unobserved(Unobserved::Error), Observed::Observed));
        }
        Err(failure) => failure,
    };
    // The whole object, perhaps: longer than any answer.
    if failure.kind() == StorageErrorKind::Malformed {
        return Ok(Observed::Unobserved(Unobserved::Error));
    }
    let Some(refusal) = failure.refusal() else { return Err(failure.into()) };
    // `NoSuchObjectLockConfiguration`, `NoSuchObjectLegalHold`.
    let code = refusal.code.as_deref().unwrap_or_default();
    if code.ends_with("NotFoundError")
        || code.starts_with("NoSuchObjectL")
        || matches!(
            code,
            "NoSuchPublicAccessBlockConfiguration"
                | "NoSuchBucketPolicy"
                | "NoSuchLifecycleConfiguration"
        )
    {
        return Ok(Observed::Observed(none()));
    }
    let reason = match failure.kind() {
        StorageErrorKind::PermissionDenied => Unobserved::PermissionDenied,
        // `InvalidRequest`: the bucket has no Object Lock at all.
        StorageErrorKind::Unsupported | StorageErrorKind::InvalidRequest => {
            Unobserved::UnsupportedBackend
        }
        StorageErrorKind::ServerFault | StorageErrorKind::Throttled => Unobserved::Error,
        _ => return Err(failure.into()),
    };
    Ok(Observed::Unobserved(reason))
}

/// `None` when it cannot be understood; `Some(None)` when there is none.
fn read_retention(root: &Element) -> Option<Option<Retention>> {
    match (root.text_of("Mode"), root.text_of("RetainUntilDate")) {
        (None, None) => Some(None),
        (Some(mode), Some(date)) => {
            Some(Some(Retention { mode: mode.parse().ok()?, retain_until: dates::parse(date)? }))
        }
        _ => None,
    }
}

fn read_legal_hold(root: &Element) -> Option<bool> {
    match root.text_of("Status") {
        Some("ON") => Some(true),
        Some("OFF") | None => Some(false),
        Some(_) => None,
    }
}

fn read_bucket_lock(root: &Element) -> Option<BucketLock> {
    let is_enabled = match root.text_of("ObjectLockEnabled") {
        Some("Enabled") => true,
        None => false,
        Some(_) => return None,
    };
    let Some(default) = root.child("Rule").and_then(|rule| rule.child("DefaultRetention")) else {
        return Some(BucketLock { is_enabled, default: None });
    };
    let number = |name| match default.text_of(name) {
        Some(text) => text.parse::<u32>().map(Some).ok(),
        None => Some(None),
    };
    let period = match (number("Days")?, number("Years")?) {
        (Some(0) | None, Some(years)) => Period::Years(years),
        (Some(days), Some(0) | None) => Period::Days(days),
        _ => return None,
    };
    let mode = default.text_of("Mode")?.parse().ok()?;
    Some(BucketLock { is_enabled, default: Some(DefaultRetention { mode, period }) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn xml(document: &str) -> Element {
        Element::parse(document.as_bytes()).unwrap()
    }

    #[test]
    fn a_retention_is_read_or_refused_but_never_guessed() {
        let read = |document| read_retention(&xml(document));
        assert_eq!(
            read(
                "<Retention><Mode>COMPLIANCE</Mode>\
                 <RetainUntilDate>2026-11-21T12:00:00.000000000Z</RetainUntilDate></Retention>"
            ),
            Some(Some(Retention {
                mode: LockMode::Compliance,
                retain_until: "2026-11-21T12:00:00Z".parse().unwrap(),
            }))
        );
        assert_eq!(read("<Retention/>"), Some(None));
        for half in [
            "<Retention><Mode>COMPLIANCE</Mode></Retention>",
            "<Retention><Mode>MAYBE</Mode><RetainUntilDate>2026-11-21T12:00:00Z</RetainUntilDate></Retention>",
            "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>soon</RetainUntilDate></Retention>",
        ] {
            assert_eq!(read(half), None, "{half}");
        }
    }

    #[test]
    fn a_legal_hold_is_on_or_off() {
        assert_eq!(read_legal_hold(&xml("<LegalHold><Status>ON</Status></LegalHold>")), Some(true));
        assert_eq!(
            read_legal_hold(&xml("<LegalHold><Status>OFF</Status></LegalHold>")),
            Some(false)
        );
        assert_eq!(read_legal_hold(&xml("<LegalHold/>")), Some(false));
        assert_eq!(read_legal_hold(&xml("<LegalHold><Status>?</Status></LegalHold>")), None);
    }

    #[test]
    fn a_default_retention_is_in_days_or_years() {
        let read = |period: &str| {
            read_bucket_lock(&xml(&format!(
                "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>\
                 <Rule><DefaultRetention><Mode>GOVERNANCE</Mode>{period}</DefaultRetention></Rule>\
                 </ObjectLockConfiguration>"
            )))
            .and_then(|lock| lock.default)
            .map(|default| default.period)
        };
        assert_eq!(read("<Days>30</Days>"), Some(Period::Days(30)));
        assert_eq!(read("<Years>7</Years>"), Some(Period::Years(7)));
        assert_eq!(read("<Days>0</Days><Years>7</Years>"), Some(Period::Years(7)));
        assert_eq!(read(""), None);
        assert_eq!(read("<Days>x</Days>"), None);
    }

    #[test]
    fn an_enabled_lock_needs_no_default() {
        let document = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>\
                        </ObjectLockConfiguration>";
        let lock = BucketLock { is_enabled: true, default: None };
        assert_eq!(read_bucket_lock(&xml(document)), Some(lock));
    }
}
