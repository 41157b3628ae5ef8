//! Lies about locks that are told and not kept.

use jiff::SignedDuration;
use strongroom_testkit::s3::Lie;

use super::{Store, both, locked};
use crate::locking::{BYPASS, EARLIER, HOLD, LATER, MUCH_LATER, SOON, lock};

/// What becomes of deletions: each of a version of its own.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
struct Deletions {
    compliance: u16,
    compliance_bypassed: u16,
    governance: u16,
    governance_bypassed: u16,
    governance_bypassed_without_right: u16,
    held: u16,
    held_bypassed: u16,
    /// How many of three versions, under each mode and under a hold, a batch leaves.
    left_by_batch: usize,
}

const HONEST: Deletions = Deletions {
    compliance: 403,
    compliance_bypassed: 403,
    governance: 403,
    governance_bypassed: 204,
    governance_bypassed_without_right: 403,
    held: 403,
    held_bypassed: 403,
    left_by_batch: 3,
};

async fn deletions(store: &Store) -> Deletions {
    let (owner, guest) = (&store.client, &store.guest);
    let compliance = async || owner.put_locked("COMPLIANCE").await;
    let governance = async || owner.put_locked("GOVERNANCE").await;
    let held = async || owner.put_k(&[HOLD]).await;
    let batch = [compliance().await, governance().await, held().await];
    let batch = batch.each_ref().map(|version| ("k", Some(version.as_str())));
    Deletions {
        compliance: owner.delete_version(&compliance().await, false).await,
        compliance_bypassed: owner.delete_version(&compliance().await, true).await,
        governance: owner.delete_version(&governance().await, false).await,
        governance_bypassed: owner.delete_version(&governance().await, true).await,
        governance_bypassed_without_right: guest.delete_version(&governance().await, true).await,
        held: owner.delete_version(&held().await, false).await,
        held_bypassed: owner.delete_version(&held().await, true).await,
        left_by_batch: owner.delete_batch(&batch, &[]).await.elements("Error").len(),
    }
}

#[tokio::test]
async fn a_lock_may_not_keep_anybody_from_deleting() {
    let gone = 204;
    for (lie, lying) in [
        (
            Lie::DeletesLockedVersions,
            Deletions {
                compliance: gone,
                compliance_bypassed: gone,
                governance: gone,
                governance_bypassed_without_right: gone,
                left_by_batch: 1,
                ..HONEST
            },
        ),
        (Lie::BatchDeletesLockedVersions, Deletions { left_by_batch: 0, ..HONEST }),
        (Lie::BypassesCompliance, Deletions { compliance_bypassed: gone, ..HONEST }),
        (
            Lie::AnybodyBypassesGovernance,
            Deletions { governance_bypassed_without_right: gone, ..HONEST },
        ),
        (
            Lie::DeletesGovernanceWithoutBypass,
            Deletions {
                governance: gone,
                governance_bypassed_without_right: gone,
                left_by_batch: 2,
                ..HONEST
            },
        ),
        (
            Lie::DeletesUnderHold,
            Deletions { held: gone, held_bypassed: gone, left_by_batch: 2, ..HONEST },
        ),
        (Lie::BypassesHolds, Deletions { held_bypassed: gone, ..HONEST }),
    ] {
        assert_eq!(both(lie, locked(), deletions).await, (HONEST, lying), "{lie:?}");
    }
}

#[tokio::test]
async fn a_lock_that_is_not_kept_is_told_all_the_same() {
    let told = async |store: &Store| {
        store.client.put_locked("COMPLIANCE").await;
        store.client.lock_of("k").await.0
    };
    let (honest, lying) = both(Lie::DeletesLockedVersions, locked(), told).await;
    assert_eq!((honest.as_str(), lying.as_str()), ("COMPLIANCE", "COMPLIANCE"));
}

/// What becomes of changes: compliance shortened, downgraded, shortened with the bypass header and
/// removed with it, governance shortened without it, a past date in a write and after it.
async fn changes(store: &Store) -> [u16; 7] {
    let client = &store.client;
    let change = async |present, mode, until| {
        let version = client.put_locked(present).await;
        client.retain(&version, mode, until, false).await
    };
    let bypassed = client.put_locked("COMPLIANCE").await;
    let empty = "<Retention></Retention>";
    let unlocked = client.put_k(&[]).await;
    [
        change("COMPLIANCE", "COMPLIANCE", SOON).await,
        change("COMPLIANCE", "GOVERNANCE", LATER).await,
        client.retain(&bypassed, "COMPLIANCE", SOON, true).await,
        client.retain_by(&bypassed, empty, &[BYPASS]).await.status,
        change("GOVERNANCE", "GOVERNANCE", SOON).await,
        client.put_checked("/vault/past", &lock("GOVERNANCE", EARLIER), b"x").await.status,
        client.retain(&unlocked, "GOVERNANCE", EARLIER, false).await,
    ]
}

#[tokio::test]
async fn a_lock_may_be_weakened() {
    let honest = [403, 403, 403, 403, 403, 400, 400];
    for (lie, lying) in [
        (Lie::ShortensCompliance, [200, 403, 200, 403, 403, 400, 400]),
        (Lie::DowngradesCompliance, [403, 200, 403, 403, 403, 400, 400]),
        (Lie::BypassWeakensCompliance, [403, 403, 200, 200, 403, 400, 400]),
        (Lie::ShortensGovernanceWithoutBypass, [403, 403, 403, 403, 200, 400, 400]),
        (Lie::AcceptsPastDates, [403, 403, 403, 403, 403, 200, 200]),
    ] {
        assert_eq!(both(lie, locked(), changes).await, (honest, lying), "{lie:?}");
    }
}

#[tokio::test]
async fn a_hold_may_be_lost_or_stay() {
    let seen = async |store: &Store| {
        let version = store.client.put_k(&[HOLD]).await;
        store.client.retain(&version, "GOVERNANCE", MUCH_LATER, false).await;
        let after_retention = store.client.hold_of("k").await;
        let version = store.client.put_k(&[HOLD]).await;
        let lifted = store.client.hold(&version, "OFF").await;
        (after_retention, lifted, store.client.delete_version(&version, false).await)
    };
    let told = |hold: &str, deleted| (hold.to_owned(), 200, deleted);
    let lifts = both(Lie::RetentionLiftsHold, locked(), seen).await;
    assert_eq!(lifts, (told("ON", 204), told("OFF", 204)));
    let stays = both(Lie::HoldCannotBeLifted, locked(), seen).await;
    assert_eq!(stays, (told("ON", 204), told("ON", 403)));
}

#[tokio::test]
async fn a_lock_may_have_no_end() {
    let seen = async |store: &Store| {
        let version = store.client.put_locked("COMPLIANCE").await;
        store.server.clock().advance(SignedDuration::from_hours(25));
        let batch = store.client.delete_batch(&[("k", Some(&version))], &[BYPASS]).await;
        (batch.elements("Error").len(), store.client.delete_version(&version, false).await)
    };
    assert_eq!(both(Lie::LocksNeverEnd, locked(), seen).await, ((0, 204), (1, 403)));
}

#[tokio::test]
async fn a_lock_that_makes_no_sense_may_be_taken_for_one() {
    let seen = async |store: &Store| {
        let client = &store.client;
        let version = client.put_k(&[]).await;
        let half = [("x-amz-object-lock-mode", "GOVERNANCE")];
        let soon = "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>soon</RetainUntilDate>\
                    </Retention>";
        let unknown = format!(
            "<Retention><Mode>PERHAPS</Mode><RetainUntilDate>{LATER}</RetainUntilDate></Retention>"
        );
        [
            client.put_checked("/vault/half", &half, b"x").await.status,
            client.retain_by(&version, soon, &[]).await.status,
            client.retain_by(&version, &unknown, &[]).await.status,
            client.hold(&version, "perhaps").await,
            client.retain(&version, "GOVERNANCE", EARLIER, false).await,
            client.retain("v0000000000000000", "GOVERNANCE", LATER, false).await,
            client.hold("v0000000000000000", "ON").await,
        ]
    };
    let honest = [400, 400, 400, 400, 400, 404, 404];
    for (lie, lying) in [
        (Lie::AcceptsHalfLocks, [200, 400, 400, 400, 400, 404, 404]),
        (Lie::AcceptsMalformedLocks, [400, 200, 200, 200, 400, 404, 404]),
        (Lie::LocksAbsentVersions, [400, 400, 400, 400, 400, 200, 200]),
    ] {
        assert_eq!(both(lie, locked(), seen).await, (honest, lying), "{lie:?}");
    }
}
