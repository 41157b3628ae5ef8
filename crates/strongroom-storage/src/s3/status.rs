//! What the store says of itself: in seconds, leaving nothing behind, without the right to list or
//! to delete.

use http::Method;
use jiff::Timestamp;
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::receipt::{Encryption, EnforcedBy};

use super::S3Storage;
use super::lock::{bucket_lock, observe};
use super::probe::wrong_md5;
use super::request::Request;
use crate::exchange::payload::Payload;
use crate::exchange::xml::Element;
use crate::status::{PublicAccess, STATUS_SCHEMA, StoreStatus, Versioning};
use crate::{Storage as _, StorageError, StorageErrorKind};

/// Where the questions about reading and writing point to. Nothing is ever kept there.
const PROBE_FOLDER: &str = ".strongroom-status/";

/// See [`crate::Storage::now`]. Any answer carries the store's clock, a refusal too.
pub(super) async fn now(store: &S3Storage) -> Result<Timestamp, StorageError> {
    let undated = || {
        StorageError::new(
            StorageErrorKind::Malformed,
            "the store's answer has no date that can be understood",
        )
    };
    match store.client.send(&Request::bucket(Method::HEAD)).await {
        Ok(answer) => {
            store.observations.saw_bucket();
            answer.date().ok_or_else(undated)
        }
        Err(failure) => match failure.refusal() {
            Some(refusal) => refusal.date.ok_or_else(undated),
            None => Err(failure.into()),
        },
    }
}

/// See [`crate::Storage::status`].
pub(super) async fn status(store: &S3Storage) -> StoreStatus {
    let mut problems = Vec::new();
    let started = store.client.clock.now();
    let clock = now(store).await;
    let clock_skew_seconds = match &clock {
        Ok(date) => Observed::Observed(started.duration_since(*date).as_secs()),
        Err(_) => Observed::Unobserved(Unobserved::Error),
    };
    let reachable = match clock {
        Ok(_) => Observed::Observed(true),
        Err(error) if error.kind().is_transient() || error.kind() == StorageErrorKind::Tls => {
            problems.push(in_words(&error));
            return unreachable(store, problems);
        }
        Err(error) => {
            problems.push(in_words(&error));
            Observed::Unobserved(Unobserved::Error)
        }
    };
    let key =
        format!("{}{PROBE_FOLDER}{}", store.client.address.prefix(), store.client.clock.new_id());
    let (readable, writable, versioning, lock, encryption, public_access) = futures::join!(
        readable(store, &key),
        writable(store, &key),
        versioning(store),
        bucket_lock(store),
        encryption(store),
        public_access(store),
    );
    let mut note = |error: StorageError| {
        let words = in_words(&error);
        if !problems.contains(&words) {
            problems.push(words);
        }
    };
    let lock = settle(lock, &mut note);
    let writable = writable.map(|(writable, litter)| {
        litter.into_iter().for_each(&mut note);
        writable
    });
    StoreStatus {
        schema: STATUS_SCHEMA,
        store: store.url().to_owned(),
        backend: "s3",
        reachable,
        readable: settle(readable, &mut note),
        writable: settle(writable, &mut note),
        versioning: settle(versioning, &mut note),
        object_lock: lock.clone().map(|lock| lock.is_enabled),
        default_retention: lock.map(|lock| lock.default),
        encryption: settle(encryption, &mut note),
        public_access: settle(public_access, &mut note),
        clock_skew_seconds,
        locks_enforced_by: EnforcedBy::Store,
        problems,
    }
}

fn unreachable(store: &S3Storage, problems: Vec<String>) -> StoreStatus {
    let reason = Unobserved::Error;
    StoreStatus {
        schema: STATUS_SCHEMA,
        store: store.url().to_owned(),
        backend: "s3",
        reachable: Observed::Observed(false),
        readable: Observed::Unobserved(reason),
        writable: Observed::Unobserved(reason),
        versioning: Observed::Unobserved(reason),
        object_lock: Observed::Unobserved(reason),
        default_retention: Observed::Unobserved(reason),
        encryption: Observed::Unobserved(reason),
        public_access: Observed::Unobserved(reason),
        clock_skew_seconds: Observed::Unobserved(reason),
        locks_enforced_by: EnforcedBy::Store,
        problems,
    }
}

fn settle<T>(
    seen: Result<Observed<T>, StorageError>,
    note: &mut impl FnMut(StorageError),
) -> Observed<T> {
    seen.unwrap_or_else(|error| {
        note(error);
        Observed::Unobserved(Unobserved::Error)
    })
}

fn in_words(error: &StorageError) -> String {
    match error.guidance() {
        Some(guidance) => format!("{error}; {guidance}"),
        None => error.to_string(),
    }
}

/// Reading what is not there tells whether reading is allowed. A 403 does not tell whether the
/// right to read is missing or only the right to list, which hides absence.
async fn readable(store: &S3Storage, key: &str) -> Result<Observed<bool>, StorageError> {
    match store.client.send(&Request::object(Method::GET, key)).await {
        Ok(_) => Ok(Observed::Observed(true)),
        Err(failure) => match failure.kind() {
            StorageErrorKind::NotFound => Ok(Observed::Observed(true)),
            StorageErrorKind::PermissionDenied => {
                Ok(Observed::Unobserved(Unobserved::PermissionDenied))
            }
            _ => Err(failure.into()),
        },
    }
}

/// A write with a wrong digest answers "bad digest" to whoever might write, and "forbidden" to
/// everybody else. A store that takes it has now got one byte too many, and says so in the second
/// value.
async fn writable(
    store: &S3Storage,
    key: &str,
) -> Result<(Observed<bool>, Option<StorageError>), StorageError> {
    let payload = Payload::small(&b"?"[..]);
    let md5 = wrong_md5(&payload);
    let request =
        Request::object(Method::PUT, key).header("content-md5", &md5)?.with_payload(payload);
    match store.client.send(&request).await {
        Ok(_) => {
            let litter = StorageError::new(
                StorageErrorKind::Integrity,
                format!("the store accepted a wrong Content-MD5, and now holds one byte at {key}"),
            )
            .with_guidance("delete that object; this store does not check what it is sent");
            Ok((Observed::Observed(true), Some(litter)))
        }
        Err(failure) => match failure.kind() {
            StorageErrorKind::Integrity => Ok((Observed::Observed(true), None)),
            StorageErrorKind::PermissionDenied => Ok((Observed::Observed(false), None)),
            _ => Err(failure.into()),
        },
    }
}

/// Whether the bucket keeps versions.
pub(super) async fn versioning(store: &S3Storage) -> Result<Observed<Versioning>, StorageError> {
    let answer = store.client.send(&Request::bucket(Method::GET).query("versioning", "")).await;
    observe(answer, "VersioningConfiguration", read_versioning, || Versioning::Disabled)
}

fn read_versioning(root: &Element) -> Option<Versioning> {
    match root.text_of("Status") {
        Some("Enabled") => Some(Versioning::Enabled),
        Some("Suspended") => Some(Versioning::Suspended),
        None => Some(Versioning::Disabled),
        Some(_) => None,
    }
}

pub(super) async fn encryption(
    store: &S3Storage,
) -> Result<Observed<Option<Encryption>>, StorageError> {
    let answer = store.client.send(&Request::bucket(Method::GET).query("encryption", "")).await;
    observe(answer, "ServerSideEncryptionConfiguration", read_encryption, || None)
}

fn read_encryption(root: &Element) -> Option<Option<Encryption>> {
    let default = root.child("Rule")?.child("ApplyServerSideEncryptionByDefault")?;
    Some(Some(Encryption {
        algorithm: default.text_of("SSEAlgorithm")?.to_owned(),
        kms_key_id: default.text_of("KMSMasterKeyID").map(str::to_owned),
    }))
}

/// Public where the policy or the access list say so; not public only where both say not.
pub(super) async fn public_access(
    store: &S3Storage,
) -> Result<Observed<PublicAccess>, StorageError> {
    let ask = async |what| store.client.send(&Request::bucket(Method::GET).query(what, "")).await;
    let (block, policy, acl) =
        futures::join!(ask("publicAccessBlock"), ask("policyStatus"), ask("acl"));
    let is_blocked = observe(block, "PublicAccessBlockConfiguration", read_block, || false)?;
    if is_blocked == Observed::Observed(true) {
        return Ok(Observed::Observed(PublicAccess::Blocked));
    }
    let policy = observe(policy, "PolicyStatus", read_policy, || false)?;
    let acl = observe(acl, "AccessControlPolicy", read_acl, || false)?;
    Ok(match (policy, acl) {
        (Observed::Observed(true), _) | (_, Observed::Observed(true)) => {
            Observed::Observed(PublicAccess::Public)
        }
        (Observed::Observed(false), Observed::Observed(false)) => {
            Observed::Observed(PublicAccess::NotPublic)
        }
        (Observed::Unobserved(reason), _) | (_, Observed::Unobserved(reason)) => {
            Observed::Unobserved(reason)
        }
    })
}

fn read_block(root: &Element) -> Option<bool> {
    let blocks =
        ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"];
    Some(blocks.iter().all(|name| is_true(root.text_of(name))))
}

fn read_policy(root: &Element) -> Option<bool> {
    root.text_of("IsPublic").map(|is_public| is_true(Some(is_public)))
}

fn read_acl(root: &Element) -> Option<bool> {
    let grants = root.child("AccessControlList")?;
    Some(grants.children.iter().any(|grant| {
        let group = grant.child("Grantee").and_then(|grantee| grantee.text_of("URI"));
        group.is_some_and(|group| {
            group.ends_with("/groups/global/AllUsers")
                || group.ends_with("/groups/global/AuthenticatedUsers")
        })
    }))
}

fn is_true(text: Option<&str>) -> bool {
    text.is_some_and(|text| text.eq_ignore_ascii_case("true"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn xml(document: &str) -> Element {
        Element::parse(document.as_bytes()).unwrap()
    }

    #[test]
    fn versioning_is_enabled_suspended_or_disabled() {
        let read = |status: &str| read_versioning(&xml(&format!("<V>{status}</V>")));
        assert_eq!(read("<Status>Enabled</Status>"), Some(Versioning::Enabled));
        assert_eq!(read("<Status>Suspended</Status>"), Some(Versioning::Suspended));
        assert_eq!(read(""), Some(Versioning::Disabled));
        assert_eq!(read("<Status>Perhaps</Status>"), None);
    }

    #[test]
    fn a_bucket_is_blocked_only_when_everything_is() {
        let block = |last: &str| {
            read_block(&xml(&format!(
                "<B><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>TRUE</IgnorePublicAcls>\
                 <BlockPublicPolicy>true</BlockPublicPolicy>\
                 <RestrictPublicBuckets>{last}</RestrictPublicBuckets></B>"
            )))
        };
        assert_eq!(block("true"), Some(true));
        assert_eq!(block("false"), Some(false));
    }

    #[test]
    fn a_grant_to_everybody_makes_a_bucket_public() {
        let acl = |group: &str| {
            read_acl(&xml(&format!(
                "<A><AccessControlList><Grant><Grantee><URI>{group}</URI></Grantee></Grant>\
                 </AccessControlList></A>"
            )))
        };
        assert_eq!(acl("http://acs.amazonaws.com/groups/global/AllUsers"), Some(true));
        assert_eq!(acl("http://acs.amazonaws.com/groups/s3/LogDelivery"), Some(false));
    }

    #[test]
    fn a_default_encryption_names_its_key() {
        let read = read_encryption(&xml(
            "<E><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm>\
             <KMSMasterKeyID>k</KMSMasterKeyID></ApplyServerSideEncryptionByDefault></Rule></E>",
        ));
        let encryption = read.flatten().unwrap();
        assert_eq!(encryption.algorithm, "aws:kms");
        assert_eq!(encryption.kms_key_id.as_deref(), Some("k"));
    }
}
