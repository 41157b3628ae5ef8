//! What a container says of itself that concerns locks.
//! <https://learn.microsoft.com/rest/api/storageservices/get-container-properties>

use http::Method;
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::retention::DefaultRetention;

use super::AzureStorage;
use super::request::{Answer, Request};
use crate::{BucketLocks, StorageError, StorageErrorKind};

/// A container, as far as it tells. `None` where it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Container {
    /// Whether each version can have a policy and a hold of its own. Cannot be turned off again, and
    /// needs an account that keeps versions.
    pub(super) version_level: Option<bool>,
    /// Whether it has a policy: with version-level immutability one that new blobs get by themselves,
    /// otherwise one that protects all of them.
    pub(super) has_policy: Option<bool>,
    /// Whether all of it is on hold.
    pub(super) has_hold: Option<bool>,
}

/// Asks. `Unobserved` where these credentials may not.
pub(super) async fn look(store: &AzureStorage) -> Result<Observed<Container>, StorageError> {
    match store.client.send(&Request::container(Method::HEAD)).await {
        Ok(answer) => Ok(Observed::Observed(Container::read(&answer))),
        Err(failure) if failure.kind() == StorageErrorKind::PermissionDenied => {
            Ok(Observed::Unobserved(Unobserved::PermissionDenied))
        }
        Err(failure) => Err(failure.into()),
    }
}

/// See [`crate::Storage::bucket_locks`].
pub(super) async fn bucket_locks(store: &AzureStorage) -> Result<BucketLocks, StorageError> {
    Ok(match look(store).await? {
        Observed::Observed(container) => BucketLocks {
            takes_locks: container.takes_locks(),
            default_retention: container.default_retention(),
        },
        Observed::Unobserved(reason) => BucketLocks {
            takes_locks: Observed::Unobserved(reason),
            default_retention: Observed::Unobserved(reason),
        },
    })
}

impl Container {
    pub(super) fn read(answer: &Answer) -> Self {
        let says =
            |name| answer.header(name).and_then(|text| text.to_ascii_lowercase().parse().ok());
        Self {
            version_level: says("x-ms-immutable-storage-with-versioning-enabled"),
            has_policy: says("x-ms-has-immutability-policy"),
            has_hold: says("x-ms-has-legal-hold"),
        }
    }

    /// Whether single versions can be locked.
    pub(super) fn takes_locks(&self) -> Observed<bool> {
        match self.version_level {
            Some(takes) => Observed::Observed(takes),
            None => Observed::Unobserved(Unobserved::UnsupportedBackend),
        }
    }

    /// What a new blob gets by itself is told by the management plane only; but whether there is a
    /// policy is told here, and then a write may stay for long.
    pub(super) fn default_retention(&self) -> Observed<Option<DefaultRetention>> {
        Observed::Unobserved(match self.is_protected_as_a_whole() {
            true => Unobserved::NotProbed,
            false => Unobserved::UnsupportedBackend,
        })
    }

    /// Whether something protects blobs that is not set on each.
    pub(super) fn is_protected_as_a_whole(&self) -> bool {
        self.has_policy == Some(true) || self.has_hold == Some(true)
    }
}
