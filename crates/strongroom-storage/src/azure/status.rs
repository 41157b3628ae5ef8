//! What the store says of itself: in seconds, leaving nothing behind, without the right to list or
//! to delete.

use http::Method;
use jiff::Timestamp;
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::receipt::{Encryption, EnforcedBy};
use strongroom_core::retention::DefaultRetention;

use super::AzureStorage;
use super::container::Container;
use super::request::{Answer, Request};
use crate::exchange::payload::Payload;
use crate::status::{BucketSettings, PublicAccess, STATUS_SCHEMA, StoreStatus, Versioning};
use crate::{Storage as _, StorageError, StorageErrorKind};

/// Where the questions about reading and writing point to. Nothing is ever kept there.
const PROBE_FOLDER: &str = ".strongroom-status/";

/// See [`crate::Storage::now`]. Any answer carries the store's clock, a refusal too.
pub(super) async fn now(store: &AzureStorage) -> Result<Timestamp, StorageError> {
    let date = match store.client.send(&Request::container(Method::HEAD)).await {
        Ok(answer) => answer.date(),
        Err(failure) => match failure.refusal() {
            Some(refusal) => refusal.date,
            None => return Err(failure.into()),
        },
    };
    date.ok_or_else(|| {
        StorageError::new(
            StorageErrorKind::Malformed,
            "the store's answer has no date that can be understood",
        )
    })
}

/// See [`crate::Storage::status`].
pub(super) async fn status(store: &AzureStorage) -> StoreStatus {
    let started = store.client.clock.now();
    let mut problems = Vec::new();
    let clock = now(store).await;
    if let Err(error) = &clock
        && (error.kind().is_transient() || error.kind() == StorageErrorKind::Tls)
    {
        return unreachable(store, in_words(error));
    }
    let key =
        format!("{}{PROBE_FOLDER}{}", store.client.address.prefix(), store.client.clock.new_id());
    let about_container = Request::container(Method::HEAD);
    let (readable, writable, container) = futures::join!(
        readable(store, &key),
        writable(store, &key),
        store.client.send(&about_container),
    );
    let mut note = |error: StorageError| {
        let words = in_words(&error);
        if !problems.contains(&words) {
            problems.push(words);
        }
        Observed::Unobserved(Unobserved::Error)
    };
    let readable = readable.unwrap_or_else(&mut note);
    let writable = writable.unwrap_or_else(&mut note);
    let about = match container {
        Ok(answer) => {
            problems.extend(what_is_not_read(&Container::read(&answer)).map(str::to_owned));
            About::read(&answer)
        }
        Err(failure) if failure.kind() == StorageErrorKind::PermissionDenied => {
            About::unobserved(Unobserved::PermissionDenied)
        }
        Err(failure) => {
            problems.push(in_words(&failure.into()));
            About::unobserved(Unobserved::Error)
        }
    };
    problems.dedup();
    StoreStatus {
        reachable: Observed::Observed(true),
        readable,
        writable,
        versioning: about.versioning,
        object_lock: about.object_lock,
        default_retention: about.default_retention,
        encryption: about.encryption,
        public_access: about.public_access,
        clock_skew_seconds: match clock {
            Ok(date) => Observed::Observed(started.duration_since(date).as_secs()),
            Err(_) => Observed::Unobserved(Unobserved::Error),
        },
        problems,
        ..nothing_seen(store, Unobserved::UnsupportedBackend)
    }
}

/// See [`crate::Storage::bucket_settings`]. Whether the account takes requests without TLS, and what
/// removes blocks that nobody committed, only the management plane tells.
pub(super) async fn settings(store: &AzureStorage) -> BucketSettings {
    let about = match store.client.send(&Request::container(Method::HEAD)).await {
        Ok(answer) => About::read(&answer),
        Err(failure) if failure.kind() == StorageErrorKind::PermissionDenied => {
            About::unobserved(Unobserved::PermissionDenied)
        }
        Err(_) => About::unobserved(Unobserved::Error),
    };
    BucketSettings {
        versioning: about.versioning,
        object_lock: about.object_lock,
        default_retention: about.default_retention,
        encryption: about.encryption,
        public_access: about.public_access,
        ..BucketSettings::unobserved(Unobserved::UnsupportedBackend)
    }
}

/// What the container's properties tell.
struct About {
    versioning: Observed<Versioning>,
    object_lock: Observed<bool>,
    default_retention: Observed<Option<DefaultRetention>>,
    encryption: Observed<Option<Encryption>>,
    public_access: Observed<PublicAccess>,
}

impl About {
    fn read(answer: &Answer) -> Self {
        let container = Container::read(answer);
        Self {
            versioning: versioning(&container),
            object_lock: container.takes_locks(),
            default_retention: container.default_retention(),
            encryption: Observed::Observed(default_encryption(answer)),
            public_access: public_access(answer),
        }
    }

    fn unobserved(reason: Unobserved) -> Self {
        Self {
            versioning: Observed::Unobserved(reason),
            object_lock: Observed::Unobserved(reason),
            default_retention: Observed::Unobserved(reason),
            encryption: Observed::Unobserved(reason),
            public_access: Observed::Unobserved(reason),
        }
    }
}

/// Version-level immutability is only to be had in an account that keeps versions. Whether another
/// account does is told by the management plane only.
fn versioning(container: &Container) -> Observed<Versioning> {
    match container.version_level {
        Some(true) => Observed::Observed(Versioning::Enabled),
        Some(false) | None => Observed::Unobserved(Unobserved::UnsupportedBackend),
    }
}

/// What a container has that is not read here.
fn what_is_not_read(container: &Container) -> Option<&'static str> {
    if !container.is_protected_as_a_whole() {
        return None;
    }
    Some(match container.version_level {
        Some(true) => {
            "the container has an immutability policy that new blobs get by themselves, or is on \
             hold: for how long is not read here, but from each blob after it was written"
        }
        Some(false) | None => {
            "the container has an immutability policy or a legal hold for all of its blobs, of \
             which nothing is read here"
        }
    })
}

fn unreachable(store: &AzureStorage, problem: String) -> StoreStatus {
    StoreStatus {
        reachable: Observed::Observed(false),
        problems: vec![problem],
        ..nothing_seen(store, Unobserved::Error)
    }
}

/// A status in which everything is unobserved.
fn nothing_seen(store: &AzureStorage, reason: Unobserved) -> StoreStatus {
    StoreStatus {
        schema: STATUS_SCHEMA,
        store: store.url().to_owned(),
        backend: "azure",
        reachable: Observed::Unobserved(reason),
        readable: Observed::Unobserved(reason),
        writable: Observed::Unobserved(reason),
        versioning: Observed::Unobserved(reason),
        object_lock: Observed::Unobserved(reason),
        default_retention: Observed::Unobserved(reason),
        encryption: Observed::Unobserved(reason),
        public_access: Observed::Unobserved(reason),
        clock_skew_seconds: Observed::Unobserved(reason),
        locks_enforced_by: EnforcedBy::Store,
        problems: Vec::new(),
    }
}

fn in_words(error: &StorageError) -> String {
    match error.guidance() {
        Some(guidance) => format!("{error}; {guidance}"),
        None => error.to_string(),
    }
}

fn default_encryption(container: &Answer) -> Option<Encryption> {
    container.header("x-ms-default-encryption-scope").map(|scope| Encryption {
        algorithm: "AES256".to_owned(),
        kms_key_id: Some(scope.to_owned()),
    })
}

fn public_access(container: &Answer) -> Observed<PublicAccess> {
    // The account may forbid it for all of its containers, which only its owner can read.
    Observed::Observed(match container.header("x-ms-blob-public-access") {
        Some(_) => PublicAccess::Public,
        None => PublicAccess::NotPublic,
    })
}

/// Reading what is not there tells whether reading is allowed.
async fn readable(store: &AzureStorage, key: &str) -> Result<Observed<bool>, StorageError> {
    match store.client.send(&Request::blob(Method::HEAD, key)).await {
        Ok(_) => Ok(Observed::Observed(true)),
        Err(failure) => match failure.kind() {
            StorageErrorKind::NotFound => Ok(Observed::Observed(true)),
            StorageErrorKind::PermissionDenied => Ok(Observed::Observed(false)),
            _ => Err(failure.into()),
        },
    }
}

/// A write with a wrong digest answers "wrong digest" to whoever might write, and "forbidden" to
/// everybody else.
async fn writable(store: &AzureStorage, key: &str) -> Result<Observed<bool>, StorageError> {
    let wrong_md5 = Payload::small(&b"another"[..]).md5_base64();
    let request = Request::blob(Method::PUT, key)
        .fixed_header("x-ms-blob-type", "BlockBlob")
        .fixed_header("if-none-match", "*")
        .header("content-md5", &wrong_md5)?
        .payload(Payload::small(&b"?"[..]));
    match store.client.send(&request).await {
        Ok(_) => Err(StorageError::new(
            StorageErrorKind::Integrity,
            format!("the store accepted a wrong Content-MD5, and now holds one byte at {key}"),
        )
        .with_guidance("delete that blob; this store does not check what it is sent")),
        Err(failure) => match failure.kind() {
            StorageErrorKind::Integrity => Ok(Observed::Observed(true)),
            StorageErrorKind::PermissionDenied => Ok(Observed::Observed(false)),
            _ => Err(failure.into()),
        },
    }
}
