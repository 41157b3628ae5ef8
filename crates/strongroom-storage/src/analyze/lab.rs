//! What a check works with: the store, keys under the run's own prefix, bytes made from the seed, and
//! locks as far as they were agreed to.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::Method;
use jiff::{SignedDuration, Timestamp};
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::retention::{LockMode, Retention};

use super::consent::{Consent, EXTENSION_SECONDS, check_first_write};
use super::verdict::{Stop, stop};
use crate::exchange::dates;
use crate::s3::raw::{Raw, Reply, payload};
use crate::s3::request::Request;
use crate::status::{StoreStatus, Versioning};
use crate::{
    BucketLocks, CreateOptions, ObjectKey, SeenLock, Storage, StorageErrorKind, VersionId,
};

/// Everything that is written goes under this folder, and a folder of the run's own in it.
pub(super) const ANALYSIS: &str = ".strongroom-analysis/";

/// Bytes of a body that only has to be told from others.
pub(super) const SMALL_BYTES: usize = 1_024;
/// S3 takes no smaller part, except the last one.
pub(super) const PART_BYTES: usize = 5 << 20;

/// One run.
pub(super) struct Lab {
    pub(super) store: Arc<dyn Storage>,
    pub(super) raw: Option<Raw>,
    pub(super) consent: Consent,
    /// What the store said of itself when the run began.
    pub(super) status: StoreStatus,
    pub(super) locks: BucketLocks,
    run: String,
    may_delete: tokio::sync::OnceCell<bool>,
    random: Mutex<fastrand::Rng>,
}

/// One version, its bytes, and the lock that was read back.
pub(super) struct Locked {
    pub(super) key: ObjectKey,
    pub(super) version: VersionId,
    pub(super) body: Bytes,
    pub(super) retention: Retention,
}

impl Lab {
    pub(super) fn new(
        store: Arc<dyn Storage>,
        raw: Option<Raw>,
        consent: Consent,
        status: StoreStatus,
        (run, seed): (String, u64),
    ) -> Self {
        let locks = BucketLocks {
            takes_locks: status.object_lock.clone(),
            default_retention: status.default_retention.clone(),
        };
        let random = Mutex::new(fastrand::Rng::with_seed(seed));
        Self {
            store,
            raw,
            consent,
            status,
            locks,
            run,
            may_delete: tokio::sync::OnceCell::new(),
            random,
        }
    }

    /// What every key of this run starts with, after the store's own prefix.
    pub(super) fn prefix(&self) -> String {
        format!("{ANALYSIS}{}/", self.run)
    }

    /// A line of the report without what differs from run to run.
    pub(super) fn shorten(&self, line: &str) -> String {
        let folder = ObjectKey::new(self.prefix().trim_end_matches('/').to_owned());
        match folder {
            Ok(folder) => line.replacen(&format!("{}/", self.store.whole_key(&folder)), "", 1),
            Err(_) => line.to_owned(),
        }
    }

    /// The store, where it is one that can be attacked by raw requests.
    pub(super) fn raw(&self) -> Result<&Raw, Stop> {
        match &self.raw {
            Some(raw) => Ok(raw),
            None => stop(
                Unobserved::UnsupportedBackend,
                "this attack is a raw S3 request, and the store does not speak S3",
            ),
        }
    }

    /// A new key.
    pub(super) fn key(&self, name: &str) -> Result<ObjectKey, Stop> {
        Ok(ObjectKey::new(format!("{}{name}-{:08x}", self.prefix(), self.number(u32::MAX)))?)
    }

    /// A number below `bound` (or at most it, for the largest).
    pub(super) fn number(&self, bound: u32) -> u32 {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).u32(0..bound)
    }

    /// New bytes, never the same twice.
    pub(super) fn bytes(&self, length: usize) -> Bytes {
        let mut bytes = vec![0; length];
        self.random.lock().unwrap_or_else(PoisonError::into_inner).fill(&mut bytes);
        bytes.into()
    }

    /// Whether a write makes a version that has a name.
    pub(super) fn keeps_versions(&self) -> bool {
        self.status.versioning == Observed::Observed(Versioning::Enabled)
    }

    // --- requests ------------------------------------------------------------------------------

    /// A PUT as `evidence push` sends it, without a condition.
    pub(super) fn put_request(&self, key: &ObjectKey, body: &Bytes) -> Result<Request, Stop> {
        let payload = payload(body.clone());
        Ok(self
            .raw()?
            .object(Method::PUT, key)
            .header("x-amz-checksum-sha256", &payload.sha256_base64())?
            .header("content-md5", &payload.md5_base64())?
            .with_payload(payload))
    }

    /// Puts an object that must get there; answers its version.
    pub(super) async fn put(
        &self,
        key: &ObjectKey,
        body: &Bytes,
    ) -> Result<Option<VersionId>, Stop> {
        let reply = self.raw()?.send(&self.put_request(key, body)?).await?;
        written(&reply)
    }

    /// Sends a request about one version of an object.
    pub(super) async fn ask(
        &self,
        method: Method,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<Reply, Stop> {
        let raw = self.raw()?;
        Ok(raw.send(&raw.object(method, key).query_if("versionId", version)).await?)
    }

    /// Sends an XML document about one version of an object: a retention, a hold.
    pub(super) async fn tell(
        &self,
        what: &'static str,
        key: &ObjectKey,
        version: Option<&VersionId>,
        document: String,
        bypass: bool,
    ) -> Result<Reply, Stop> {
        let raw = self.raw()?;
        let request = raw.object(Method::PUT, key).query(what, "").query_if("versionId", version);
        let request = with_bypass(request, bypass).xml(document)?;
        Ok(raw.send(&request).await?)
    }

    /// Deletes one version, or asks for a delete marker.
    pub(super) async fn delete(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        bypass: bool,
    ) -> Result<Reply, Stop> {
        let raw = self.raw()?;
        let request = raw.object(Method::DELETE, key).query_if("versionId", version);
        Ok(raw.send(&with_bypass(request, bypass)).await?)
    }

    /// The bytes under a key, or of a version; `None` where there is nothing.
    pub(super) async fn get(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<Option<Bytes>, Stop> {
        let reply = self.ask(Method::GET, key, version).await?;
        match reply.is_success() {
            true => Ok(Some(reply.body)),
            // A delete marker answers 405 to who asks for it by its version.
            false if reply.is_absent() || reply.status.as_u16() == 405 => Ok(None),
            false => unexpected("reading", &reply),
        }
    }

    /// Whether these credentials may delete a version that nothing holds: else a refusal says nothing of
    /// a lock.
    pub(super) async fn may_delete_versions(&self) -> Result<bool, Stop> {
        let asked = self.may_delete.get_or_try_init(|| async {
            let key = self.key("control/unlocked")?;
            let Some(version) = self.put(&key, &self.bytes(SMALL_BYTES)).await? else {
                return Ok::<_, Stop>(true);
            };
            // Under a default retention nothing is unlocked, and nothing can be told.
            if !matches!(self.locks.default_retention.value(), Some(None)) {
                return Ok(true);
            }
            Ok(!self.delete(&key, Some(&version), false).await?.is_denied())
        });
        Ok(*asked.await?)
    }

    // --- locks ---------------------------------------------------------------------------------

    /// The lock of a version, as read back. Where the store does not answer that question, what HEAD
    /// says counts as far as it goes: a lock that it names is there by the store's own word, and one
    /// that it does not name is not known.
    pub(super) async fn lock_of(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<SeenLock, Stop> {
        let mut seen = match self.store.lock(key, version).await {
            Ok(seen) => seen,
            Err(error) if error.kind() == StorageErrorKind::NotFound => {
                SeenLock::unobserved(Unobserved::Error)
            }
            Err(error) => return Err(error.into()),
        };
        if seen.retention == Observed::Unobserved(Unobserved::Error) && self.raw.is_some() {
            let head = self.ask(Method::HEAD, key, version).await?;
            if let Some(retention) = retention_in(&head) {
                seen.retention = Observed::Observed(Some(retention));
            }
        }
        Ok(seen)
    }

    /// Writes one object where the bucket's default retention cannot be read, and sees what it got.
    pub(super) async fn see_default(&self, consent: &Consent) -> Result<(), Stop> {
        let key = self.key("default/unknown")?;
        let body = self.bytes(SMALL_BYTES);
        let created = self.store.create(&key, body.into(), &CreateOptions::default()).await?;
        let seen = self.lock_of(&key, created.version.as_ref()).await?;
        check_first_write(consent, &seen)
    }

    /// A lock as long as the checks need, counted from the store's clock, if that was agreed to.
    pub(super) async fn retention(&self, mode: LockMode) -> Result<Retention, Stop> {
        self.retention_of(mode, self.consent.lock_seconds()).await
    }

    /// A lock of so many seconds.
    pub(super) async fn retention_of(
        &self,
        mode: LockMode,
        seconds: i64,
    ) -> Result<Retention, Stop> {
        let now = self.store.now().await?;
        let retain_until = later(now, seconds);
        self.consent.check(mode, retain_until)?;
        Ok(Retention { mode, retain_until })
    }

    /// A lock to set on a version that the bucket may have locked by itself: a weaker one would be
    /// refused, and rightly so.
    pub(super) async fn retention_over(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<Retention, Stop> {
        let asked = self.retention(LockMode::Governance).await?;
        let Some(held) = self.lock_of(key, version).await?.certain().retention else {
            return Ok(asked);
        };
        let longer = later(held.retain_until, EXTENSION_SECONDS);
        let over = asked.join(Retention { retain_until: longer, ..held });
        self.consent.check(over.mode, over.retain_until)?;
        Ok(over)
    }

    /// An object with a lock that the store says it has: by headers of the PUT, else set after it.
    /// Without either there is nothing that could be attacked.
    pub(super) async fn locked(&self, name: &str, mode: LockMode) -> Result<Locked, Stop> {
        let retention = self.retention(mode).await?;
        self.locked_with(name, retention).await
    }

    /// As [`locked`](Self::locked), with this lock.
    pub(super) async fn locked_with(
        &self,
        name: &str,
        retention: Retention,
    ) -> Result<Locked, Stop> {
        let (key, body) = (self.key(name)?, self.bytes(SMALL_BYTES));
        let request = with_lock(self.put_request(&key, &body)?, retention)?;
        let mut reply = self.raw()?.send(&request).await?;
        if reply.is_refusal() {
            reply = self.raw()?.send(&self.put_request(&key, &body)?).await?;
        }
        let Some(version) = written(&reply)? else {
            return stop(
                Unobserved::UnsupportedBackend,
                "the bucket keeps no versions, so nothing in it can be locked",
            );
        };
        let held = |seen: &SeenLock| seen.certain().retention.filter(|held| held.covers(retention));
        if let Some(retention) = held(&self.lock_of(&key, Some(&version)).await?) {
            return Ok(Locked { key, version, body, retention });
        }
        self.tell("retention", &key, Some(&version), retention_document(retention), false).await?;
        match held(&self.lock_of(&key, Some(&version)).await?) {
            Some(retention) => Ok(Locked { key, version, body, retention }),
            None => stop(
                Unobserved::UnsupportedBackend,
                "no lock could be made: neither in the write nor after it was one read back",
            ),
        }
    }

    /// Whether a locked version is still there with its bytes. Where it is gone, but the lock had run
    /// out by then, nothing was seen.
    pub(super) async fn survives(&self, locked: &Locked) -> Result<bool, Stop> {
        let reply = self.ask(Method::GET, &locked.key, Some(&locked.version)).await?;
        if reply.is_success() {
            return Ok(reply.body == locked.body);
        }
        if !reply.is_absent() {
            return unexpected("reading a version", &reply);
        }
        let now = match reply.date() {
            Some(now) => now,
            None => self.store.now().await?,
        };
        if now >= locked.retention.retain_until {
            return stop(Unobserved::Error, "the store is so slow that the lock ran out first");
        }
        Ok(false)
    }
}

/// The lock that the headers of an answer name.
fn retention_in(reply: &Reply) -> Option<Retention> {
    let mode = reply.header("x-amz-object-lock-mode")?.parse().ok()?;
    let date = reply.header("x-amz-object-lock-retain-until-date")?;
    Some(Retention { mode, retain_until: dates::parse(date)? })
}

/// Adds the header that governance locks give way to.
pub(super) fn with_bypass(request: Request, bypass: bool) -> Request {
    match bypass {
        true => request.fixed_header("x-amz-bypass-governance-retention", "true"),
        false => request,
    }
}

/// Adds a lock.
pub(super) fn with_lock(request: Request, retention: Retention) -> Result<Request, Stop> {
    Ok(request
        .fixed_header("x-amz-object-lock-mode", mode_name(retention.mode))
        .header("x-amz-object-lock-retain-until-date", &dates::lock_date(retention.retain_until))?)
}

/// S3's name of a mode.
pub(super) fn mode_name(mode: LockMode) -> &'static str {
    match mode {
        LockMode::Governance => "GOVERNANCE",
        LockMode::Compliance => "COMPLIANCE",
    }
}

/// The document that sets a retention.
pub(super) fn retention_document(retention: Retention) -> String {
    let (mode, date) = (mode_name(retention.mode), dates::lock_date(retention.retain_until));
    format!("<Retention><Mode>{mode}</Mode><RetainUntilDate>{date}</RetainUntilDate></Retention>")
}

/// The document that sets or lifts a hold.
pub(super) fn hold_document(on: bool) -> String {
    let status = if on { "ON" } else { "OFF" };
    format!("<LegalHold><Status>{status}</Status></LegalHold>")
}

/// `seconds` after `now`, in whole seconds as stores keep them.
pub(super) fn later(now: Timestamp, seconds: i64) -> Timestamp {
    let whole = Timestamp::from_second(now.as_second()).unwrap_or(now);
    whole.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(whole)
}

/// The version that a write made; a write that was refused ends the check.
pub(super) fn written(reply: &Reply) -> Result<Option<VersionId>, Stop> {
    match reply.is_success() {
        true => Ok(reply.version()),
        false => unexpected("writing", reply),
    }
}

/// What was only to prepare the attack did not work.
pub(super) fn unexpected<T>(doing: &str, reply: &Reply) -> Result<T, Stop> {
    let reason = match reply {
        denied if denied.is_denied() => Unobserved::PermissionDenied,
        unknown if unknown.is_not_implemented() => Unobserved::UnsupportedBackend,
        _ => Unobserved::Error,
    };
    stop(reason, format!("{doing} was answered {}", reply.words()))
}
