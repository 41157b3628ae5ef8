//! What a person should know of a store, in words. Pure: a status in, warnings out.

use serde::Serialize;
use strongroom_core::limits;
use strongroom_core::observed::Unobserved;
use strongroom_core::receipt::EnforcedBy;
use strongroom_storage::status::{PublicAccess, StoreStatus, Versioning};

/// One thing to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// Its stable name.
    pub code: &'static str,
    /// What it means, and what to do.
    pub message: String,
}

/// Everything there is to say about `status`, the gravest first.
pub fn warnings(status: &StoreStatus) -> Vec<Warning> {
    if status.reachable.value() != Some(&true) {
        return Vec::new();
    }
    let all = [
        public(status),
        not_readable(status),
        not_writable(status),
        locks(status),
        versions(status),
        lock_unobserved(status),
        clock(status),
        unencrypted(status),
    ];
    all.into_iter().flatten().collect()
}

fn warning(code: &'static str, message: impl Into<String>) -> Option<Warning> {
    Some(Warning { code, message: message.into() })
}

fn public(status: &StoreStatus) -> Option<Warning> {
    match status.public_access.value()? {
        PublicAccess::Public => warning(
            "public",
            "the store calls this bucket's policy public: take the grant to strangers out of it, \
             and block public access (Ceph says so of every policy that allows something)",
        ),
        PublicAccess::NotPublic => warning(
            "public_access_not_blocked",
            "the bucket is not public now, but nothing keeps it from being made so: block public \
             access",
        ),
        PublicAccess::Blocked => None,
    }
}

fn not_readable(status: &StoreStatus) -> Option<Warning> {
    let no = status.readable.value() == Some(&false);
    no.then(|| Warning {
        code: "not_readable",
        message: "these credentials may not read objects: nothing that is pushed can be verified \
                  or pulled"
            .into(),
    })
}

fn not_writable(status: &StoreStatus) -> Option<Warning> {
    let no = status.writable.value() == Some(&false);
    no.then(|| Warning {
        code: "not_writable",
        message: "these credentials may not write objects: push will be refused".into(),
    })
}

fn locks(status: &StoreStatus) -> Option<Warning> {
    match status.locks_enforced_by {
        EnforcedBy::None => warning(
            "no_locks",
            "this store has no locks: whoever may delete can delete evidence at any time",
        ),
        EnforcedBy::Strongroom => warning(
            "advisory_locks",
            "locks in this store are kept by Strongroom only: whoever reaches the files can delete \
             them; use a bucket with Object Lock for evidence that must last",
        ),
        EnforcedBy::Store if status.object_lock.value() == Some(&false) => warning(
            "object_lock_off",
            "Object Lock is off: a push that asks for a lock ends with exit 5; most stores take it \
             only when a bucket is made",
        ),
        EnforcedBy::Store => None,
    }
}

fn versions(status: &StoreStatus) -> Option<Warning> {
    match status.versioning.value()? {
        Versioning::Enabled => None,
        Versioning::Suspended => warning(
            "versioning_suspended",
            "versioning is suspended: something written over a bundle replaces it",
        ),
        Versioning::Disabled if status.locks_enforced_by == EnforcedBy::Store => warning(
            "versioning_off",
            "versioning is off: something written over a bundle replaces it; turn versioning on",
        ),
        Versioning::Disabled => None,
    }
}

fn lock_unobserved(status: &StoreStatus) -> Option<Warning> {
    let denied = |reason| reason == Some(Unobserved::PermissionDenied);
    if denied(status.object_lock.reason()) || denied(status.default_retention.reason()) {
        return warning(
            "lock_configuration_unobserved",
            "these credentials may not read the lock configuration, so an existing default \
             retention cannot be kept: grant s3:GetBucketObjectLockConfiguration",
        );
    }
    None
}

fn clock(status: &StoreStatus) -> Option<Warning> {
    let skew = status.clock_skew_seconds.value()?.unsigned_abs();
    if skew <= limits::CLOCK_SKEW_SECONDS_MAX {
        return None;
    }
    warning(
        "clock_skew",
        format!(
            "this machine's clock and the store's are {skew} seconds apart: dated locks are \
             refused until one of them is set right"
        ),
    )
}

fn unencrypted(status: &StoreStatus) -> Option<Warning> {
    match status.encryption.value()? {
        Some(_) => None,
        None if status.locks_enforced_by == EnforcedBy::Store => warning(
            "unencrypted",
            "new objects are not encrypted at rest by default: ask for it with store.sse, or set \
             the bucket's default",
        ),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use strongroom_core::observed::Observed;
    use strongroom_core::receipt::Encryption;
    use strongroom_storage::status::STATUS_SCHEMA;

    use super::*;

    fn good() -> StoreStatus {
        StoreStatus {
            schema: STATUS_SCHEMA,
            store: "s3://evidence".into(),
            backend: "s3",
            reachable: Observed::Observed(true),
            readable: Observed::Observed(true),
            writable: Observed::Observed(true),
            versioning: Observed::Observed(Versioning::Enabled),
            object_lock: Observed::Observed(true),
            default_retention: Observed::Observed(None),
            encryption: Observed::Observed(Some(Encryption {
                algorithm: "AES256".into(),
                kms_key_id: None,
            })),
            public_access: Observed::Observed(PublicAccess::Blocked),
            clock_skew_seconds: Observed::Observed(0),
            locks_enforced_by: EnforcedBy::Store,
            problems: Vec::new(),
        }
    }

    fn codes(status: &StoreStatus) -> Vec<&'static str> {
        warnings(status).into_iter().map(|warning| warning.code).collect()
    }

    #[test]
    fn a_store_as_it_should_be_gets_no_warning() {
        assert_eq!(codes(&good()), [""; 0]);
    }

    #[test]
    fn each_thing_to_mind_gets_its_warning() {
        let change = |change: fn(&mut StoreStatus)| {
            let mut status = good();
            change(&mut status);
            codes(&status)
        };
        type Change = fn(&mut StoreStatus);
        let table: [(Change, &str); 12] = [
            (|s| s.public_access = Observed::Observed(PublicAccess::Public), "public"),
            (
                |s| s.public_access = Observed::Observed(PublicAccess::NotPublic),
                "public_access_not_blocked",
            ),
            (|s| s.readable = Observed::Observed(false), "not_readable"),
            (|s| s.writable = Observed::Observed(false), "not_writable"),
            (|s| s.locks_enforced_by = EnforcedBy::None, "no_locks"),
            (|s| s.locks_enforced_by = EnforcedBy::Strongroom, "advisory_locks"),
            (|s| s.object_lock = Observed::Observed(false), "object_lock_off"),
            (|s| s.versioning = Observed::Observed(Versioning::Suspended), "versioning_suspended"),
            (|s| s.versioning = Observed::Observed(Versioning::Disabled), "versioning_off"),
            (
                |s| s.object_lock = Observed::Unobserved(Unobserved::PermissionDenied),
                "lock_configuration_unobserved",
            ),
            (|s| s.clock_skew_seconds = Observed::Observed(-301), "clock_skew"),
            (|s| s.encryption = Observed::Observed(None), "unencrypted"),
        ];
        for (broken, code) in table {
            assert_eq!(change(broken), [code]);
        }
    }

    #[test]
    fn what_was_not_observed_is_neither_good_nor_bad() {
        let mut status = good();
        status.versioning = Observed::Unobserved(Unobserved::PermissionDenied);
        status.public_access = Observed::Unobserved(Unobserved::UnsupportedBackend);
        status.clock_skew_seconds = Observed::Unobserved(Unobserved::NotProbed);
        assert_eq!(codes(&status), [""; 0]);
    }

    #[test]
    fn a_store_that_was_not_reached_is_not_judged() {
        let mut status = good();
        status.reachable = Observed::Unobserved(Unobserved::Error);
        status.object_lock = Observed::Observed(false);
        assert_eq!(codes(&status), [""; 0]);
    }
}
