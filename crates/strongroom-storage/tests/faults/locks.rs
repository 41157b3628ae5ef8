//! Locks that the store drops, hides, or gives by itself.

use jiff::{SignedDuration, Timestamp};
use strongroom_core::receipt::{EnforcedBy, LockHow, Receipt};
use strongroom_core::retention::LockMode;
use strongroom_testkit::s3::{Right, StoredVersion};

use super::*;

/// A lock of a year, counted from now.
fn in_a_year() -> Timestamp {
    Clock::system().now() + SignedDuration::from_hours(365 * 24)
}

fn locked(mode: LockMode) -> PushRequest {
    PushRequest { lock_mode: Some(mode), retain_until: Some(in_a_year()), ..request() }
}

fn stored(vault: &Vault, receipt: &Receipt) -> StoredVersion {
    let versions = vault.bucket().versions(&bundle_key(receipt.bundle_id));
    assert_eq!(versions.len(), 1);
    versions.into_iter().next().unwrap()
}

#[tokio::test]
async fn a_lock_goes_out_in_the_write_and_is_read_back() {
    for big in [false, true] {
        let vault = Vault::new(BucketSettings::locked()).await;
        let plan = if big { vault.big() } else { vault.small() };
        let store = vault.store().await;
        let outcome = push_to(&*store, plan, locked(LockMode::Compliance)).await.unwrap();
        let lock = &outcome.receipt.lock;
        assert_eq!((lock.how, lock.enforced_by), (LockHow::InWrite, EnforcedBy::Store));
        assert_eq!(lock.unlocked_ms, None);
        assert!(lock.read_back_at.is_some());
        assert!(outcome.shortfall.is_none());
        let kept = stored(&vault, &outcome.receipt).retention.unwrap();
        assert_eq!(kept.mode, LockMode::Compliance);
        assert_eq!(Some(kept.mode), lock.mode);
        assert_eq!(Some(kept.retain_until), lock.retain_until);
    }
}

#[tokio::test]
async fn a_lock_that_the_write_lost_is_set_after_it_and_the_time_without_is_told() {
    for (op, big) in [(Op::PutObject, false), (Op::CreateMultipartUpload, true)] {
        let vault = Vault::new(BucketSettings::locked()).await;
        let fault = vault.server.faults().on(op).key_contains("bundles/").drop_locks();
        let plan = if big { vault.big() } else { vault.small() };
        let store = vault.store().await;
        let request = PushRequest { legal_hold: true, ..locked(LockMode::Governance) };
        let outcome = push_to(&*store, plan, request).await.unwrap();
        assert!(fault.fired() >= 1);
        assert_eq!(outcome.receipt.lock.how, LockHow::AfterWrite);
        assert!(outcome.receipt.lock.unlocked_ms.is_some());
        assert!(outcome.shortfall.is_none());
        let version = stored(&vault, &outcome.receipt);
        assert_eq!(version.retention.unwrap().mode, LockMode::Governance);
        assert!(version.legal_hold);
    }
}

#[tokio::test]
async fn a_lock_that_the_store_will_not_take_is_a_shortfall_and_the_bundle_stays() {
    let vault = Vault::new(BucketSettings::locked()).await;
    vault.server.faults().on(Op::PutObject).drop_locks();
    vault.server.faults().on(Op::PutObjectRetention).answer(403);
    let store = vault.store().await;
    let outcome = push_to(&*store, vault.small(), locked(LockMode::Governance)).await.unwrap();
    assert_eq!(outcome.receipt.lock.how, LockHow::None);
    assert_eq!(outcome.receipt.lock.enforced_by, EnforcedBy::None);
    let shortfall = outcome.shortfall.unwrap();
    assert_eq!(shortfall.kind(), EvidenceErrorKind::RetentionNotMet);
    assert_eq!(vault.versions_of(outcome.receipt.bundle_id), 1);
}

#[tokio::test]
async fn a_lock_that_may_not_be_read_is_unobserved_and_never_called_absent() {
    let reader = User::new("blind", "blind-secret").without(Right::ReadLocks);
    let vault = Vault::on(
        S3Server::builder().bucket("vault", BucketSettings::locked()).user(reader.clone()),
    )
    .await;
    let store = vault.store_of(&reader).await;
    let outcome = push_to(&*store, vault.small(), locked(LockMode::Governance)).await.unwrap();
    let shortfall = outcome.shortfall.unwrap();
    assert_eq!(shortfall.kind(), EvidenceErrorKind::LockUnobserved);
    assert!(outcome.receipt.lock.unobserved.is_some());
    assert_eq!(outcome.receipt.lock.legal_hold, None);
    // It is locked all the same.
    assert!(stored(&vault, &outcome.receipt).retention.is_some());

    let accepting = PushRequest { allow_unlocked: true, ..locked(LockMode::Governance) };
    let other = vault.plan("other", b"other");
    let outcome = push_to(&*store, other, accepting).await.unwrap();
    assert!(outcome.shortfall.is_none());
    assert!(outcome.warnings.iter().any(|warning| warning.contains("--allow-unlocked")));
}

#[tokio::test]
async fn a_compliance_default_is_never_weakened() {
    let settings = BucketSettings::locked().default_retention(LockMode::Compliance, 30);
    for (request, big) in [
        (request(), false),
        (
            PushRequest {
                lock_mode: Some(LockMode::Governance),
                retain_until: Some(Clock::system().now() + SignedDuration::from_hours(24)),
                ..request()
            },
            false,
        ),
        (PushRequest { legal_hold: true, ..request() }, true),
    ] {
        let vault = Vault::new(settings.clone()).await;
        let store = vault.store().await;
        let plan = if big { vault.big() } else { vault.small() };
        let receipt = push_to(&*store, plan, request).await.unwrap().receipt;
        let kept = stored(&vault, &receipt);
        let retention = kept.retention.unwrap();
        assert_eq!(retention.mode, LockMode::Compliance);
        let due = kept.modified + SignedDuration::from_hours(30 * 24);
        assert!(retention.retain_until >= due - SignedDuration::from_secs(1));
        assert_eq!(receipt.lock.mode, Some(LockMode::Compliance));
    }
}

#[tokio::test]
async fn a_second_push_that_asks_for_more_strengthens_the_lock_and_one_that_asks_for_less_does_not()
{
    let vault = Vault::new(BucketSettings::locked()).await;
    let store = vault.store().await;
    let first = push_to(&*store, vault.small(), locked(LockMode::Governance)).await.unwrap();
    let first = stored(&vault, &first.receipt).retention.unwrap();

    let less = push_to(&*store, vault.small(), request()).await.unwrap().receipt;
    assert_eq!(stored(&vault, &less).retention, Some(first));

    let more = push_to(&*store, vault.small(), locked(LockMode::Compliance)).await.unwrap();
    assert!(more.shortfall.is_none());
    let now = stored(&vault, &more.receipt).retention.unwrap();
    assert_eq!(now.mode, LockMode::Compliance);
    assert!(now.retain_until >= first.retain_until);
}

#[tokio::test]
async fn a_record_that_is_locked_less_than_its_bundle_is_told_of() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let dropped = vault.server.faults().on(Op::PutObject).key_contains("records/").drop_locks();
    let store = vault.store().await;
    let outcome = push_to(&*store, vault.small(), locked(LockMode::Governance)).await.unwrap();
    assert_eq!((dropped.fired(), outcome.warnings.as_slice()), (1, [].as_slice()));

    vault.server.faults().on(Op::PutObjectRetention).key_contains("records/").answer(403);
    let other = vault.plan("other", b"other");
    let outcome = push_to(&*store, other, locked(LockMode::Governance)).await.unwrap();
    assert!(outcome.shortfall.is_none());
    let [warning] = outcome.warnings.as_slice() else { panic!("{:?}", outcome.warnings) };
    assert!(warning.contains("the lock read back is weaker"), "{warning}");
    assert!(warning.contains(&format!("records/{}", outcome.receipt.bundle_id)), "{warning}");
}

#[tokio::test]
async fn a_record_that_the_default_alone_should_lock_is_looked_at_too() {
    let settings = BucketSettings::locked().default_retention(LockMode::Governance, 30);
    let vault = Vault::new(settings).await;
    let store = vault.store().await;
    let asked = PushRequest {
        retain_until: Some(Clock::system().now() + SignedDuration::from_hours(24)),
        ..request()
    };
    // The store takes its default back between the bundle and its record.
    let held = vault.server.faults().on(Op::PutObject).key_contains("records/").hold_before();
    let (outcome, ()) = tokio::join!(push_to(&*store, vault.small(), asked), async {
        held.arrived(1).await;
        vault.bucket().set_up(BucketSettings::locked());
        vault.server.faults().on(Op::PutObjectRetention).answer(403);
        held.open();
    });
    let outcome = outcome.unwrap();
    assert_eq!(outcome.receipt.lock.how, LockHow::BucketDefault);
    assert!(outcome.warnings.iter().any(|warning| warning.contains("the record of this push")));
}
