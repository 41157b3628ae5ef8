//! The signatures under a stored bundle, read back with the time that their locks vouch for.

use std::fmt;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::signing::check::CheckedSignature;
use strongroom_core::signing::demand::Demand;
use strongroom_core::signing::policy::{TimeSource, TrustedTime};
use strongroom_core::signing::statement::SignedBundle;
use strongroom_core::{BundleId, Sha256Digest, layout, limits};

use super::sift::{LookedAt, Sift, StoredSignatures};
use super::vouches_for_time;
use crate::evidence::EvidenceError;
use crate::evidence::stored::candidates;
use crate::{ListRequest, ObjectKey, Storage, StorageError, StorageErrorKind, VersionId};

/// Signatures read at a time.
const READ_AT_ONCE_MAX: usize = 8;
/// Files under a bundle's signatures that are read; whoever may write can plant any number.
const SIGNATURES_READ_MAX: usize = 100_000;

/// A signature as the store gave it.
#[derive(Debug, Clone)]
pub struct StoredSignature {
    /// The whole key, prefix included.
    pub key: String,
    /// The version, where the store has versions.
    pub version_id: Option<String>,
    /// Its bytes; or why there are none.
    pub bytes: Result<Bytes, NoBytes>,
    /// The moment by which it was there, where its lock vouches for it.
    pub trusted_time: Option<TrustedTime>,
    /// Why its lock was not read, where it was not.
    pub lock_unread: Option<String>,
}

/// Why there are no bytes of a signature, in our words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoBytes {
    /// Something else is under its key: anybody who may write can put it there.
    SomethingElse,
    /// It could not be read.
    Unread(String),
}

impl fmt::Display for NoBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SomethingElse => f.write_str("its bytes are not those that its key names"),
            Self::Unread(reason) => f.write_str(reason),
        }
    }
}

impl StoredSignature {
    fn check(&self, demand: &Demand, bundle: &SignedBundle) -> CheckedSignature {
        let mut checked = match &self.bytes {
            Ok(bytes) => demand.check(bytes, bundle, self.trusted_time.clone()),
            Err(reason) => CheckedSignature::unreadable(Some(reason.to_string())),
        };
        if let Some(reason) = &self.lock_unread {
            checked.timestamps_refused.push(format!("its lock was not read: {reason}"));
        }
        checked
    }
}

/// Reads the signatures of a bundle, also under a delete marker or below something else: neither takes a
/// signature back. What is under another digest's key is told as unreadable. Each is held against `bundles`,
/// which share the id, as it is read: of what is not valid only so much is kept.
pub async fn of_bundle(
    store: &dyn Storage,
    id: BundleId,
    demand: &Demand,
    bundles: &[SignedBundle],
) -> Result<StoredSignatures, EvidenceError> {
    let mut sift = Sift::default();
    let mut request = ListRequest { prefix: layout::attestations_of(id), ..ListRequest::default() };
    let mut room = SIGNATURES_READ_MAX;
    loop {
        let page = match store.list_with_deleted(&request).await? {
            Observed::Observed(page) => page,
            Observed::Unobserved(_) => store.list(&request).await?,
        };
        let mut keys: Vec<String> = page.objects.into_iter().map(|object| object.key).collect();
        keys.retain(|key| layout::attested_id(key) == Some(id));
        let is_cut_short = keys.len() > room;
        keys.truncate(room);
        room -= keys.len();
        let mut reading =
            stream::iter(keys).map(|key| read_one(store, key)).buffered(READ_AT_ONCE_MAX);
        while let Some(stored) = reading.try_next().await? {
            let Some(stored) = stored else { continue };
            let checked = bundles.iter().map(|bundle| stored.check(demand, bundle)).collect();
            sift.take(LookedAt { stored, checked }, bundles);
        }
        if is_cut_short {
            sift.cut_short("SIGNATURES_READ_MAX");
        }
        request.page = page.next;
        if is_cut_short || request.page.is_none() {
            return Ok(sift.finish());
        }
    }
}

async fn read_one(
    store: &dyn Storage,
    key: String,
) -> Result<Option<StoredSignature>, EvidenceError> {
    let Some(digest) = layout::attestation_digest(&key) else { return Ok(None) };
    let key = ObjectKey::new(key)?;
    let on_top = read_version(store, &key, None, digest).await?;
    if matches!(&on_top, Some(StoredSignature { bytes: Ok(_), .. })) {
        return Ok(on_top);
    }
    let versions = match store.versions(&key).await {
        Ok(versions) => versions.value().cloned().unwrap_or_default(),
        Err(error) if error.kind() == StorageErrorKind::Limit => Vec::new(),
        Err(error) if error.kind() == StorageErrorKind::Unsupported => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let (candidates, _) = candidates(&versions);
    for candidate in candidates {
        let below = read_version(store, &key, Some(&candidate.version), digest).await?;
        if matches!(&below, Some(StoredSignature { bytes: Ok(_), .. })) {
            return Ok(below);
        }
    }
    Ok(on_top)
}

/// One version, as a signature of this digest; `None` where it is not there.
async fn read_version(
    store: &dyn Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    digest: Sha256Digest,
) -> Result<Option<StoredSignature>, EvidenceError> {
    let read = async {
        let object = store.read(key, version, None).await?;
        let info = object.info.clone();
        Ok((info, object.collect(limits::ATTESTATION_BYTES_MAX).await?))
    };
    let mut signature = StoredSignature {
        key: store.whole_key(key),
        version_id: None,
        bytes: Err(NoBytes::SomethingElse),
        trusted_time: None,
        lock_unread: None,
    };
    let (info, bytes) = match read.await {
        Ok(read) => read,
        Err(error) => {
            return Ok(unreadable(error)?.map(|reason| StoredSignature {
                bytes: Err(NoBytes::Unread(reason)),
                ..signature
            }));
        }
    };
    signature.version_id = info.version.as_ref().map(|version| version.0.clone());
    if Sha256Digest::of(&bytes) != digest {
        return Ok(Some(signature));
    }
    signature.bytes = Ok(bytes);
    let is_vouched_for = match store.lock(key, info.version.as_ref()).await {
        Ok(seen) => {
            let unread = seen.retention.reason().filter(|r| *r != Unobserved::UnsupportedBackend);
            signature.lock_unread = unread.map(|reason| reason.to_string());
            vouches_for_time(&seen.certain(), store.locks_enforced_by())
        }
        // A store that fails says nothing of when the signature was there.
        Err(error) => {
            signature.lock_unread = unreadable(error)?;
            false
        }
    };
    signature.trusted_time = info.last_modified.filter(|_| is_vouched_for).map(|time| {
        TrustedTime { time, by: TimeSource::ComplianceLock { store: store.url().to_owned() } }
    });
    Ok(Some(signature))
}

/// Why one object could not be read, where that says nothing of the others; `None` where it went away.
fn unreadable(error: StorageError) -> Result<Option<String>, EvidenceError> {
    match error.kind() {
        StorageErrorKind::NotFound => Ok(None),
        StorageErrorKind::Limit
        | StorageErrorKind::PermissionDenied
        | StorageErrorKind::Archived
        | StorageErrorKind::InvalidRequest
        | StorageErrorKind::Integrity
        | StorageErrorKind::Malformed => Ok(Some(error.to_string())),
        _ => Err(error.into()),
    }
}
