//! Retention and holds over time, and over many objects, on a store whose clock the test turns.

use jiff::SignedDuration;
use strongroom_core::Sha256Digest;
use strongroom_core::limits::{RECORD_BYTES_MAX, RECORD_OBJECTS_MAX};
use strongroom_core::retention::LockMode;
use strongroom_storage::evidence::{
    Asker, EvidenceErrorKind, ExtendRequest, Extension, LockChange, ObjectState, PlaceRequest,
    Placement, Release, ReleaseRequest, Standing, show_retention,
};
use strongroom_testkit::clock::TestClock;

use super::*;

/// A desk whose clock moves a little with every look at it, as clocks do: ids sort by it.
fn desk() -> (Desk, TestClock) {
    let time = TestClock::fixed(NOON.parse().unwrap());
    let reading = time.clone();
    let clock = Clock::new(move || {
        reading.advance(SignedDuration::from_millis(1));
        reading.now()
    });
    let store = MemoryStorage::new(clock.clone());
    (Desk { store, clock, folder: TempDir::new().unwrap() }, time)
}

fn asker(reason: &str) -> Asker {
    Asker { by: None, reason: Some(reason.to_owned()) }
}

async fn extend(desk: &Desk, id: BundleId, until: &str) -> Result<LockChange, EvidenceError> {
    let request = ExtendRequest {
        id,
        retain_until: until.parse().unwrap(),
        mode: None,
        default_mode: LockMode::Governance,
        allow_advisory_lock: false,
        asker: asker("policy"),
    };
    Extension::prepare(&desk.store, request, &desk.clock).await?.execute().await
}

async fn place(desk: &Desk, id: BundleId) -> LockChange {
    let request = PlaceRequest { id, asker: asker("case 17") };
    let placement = Placement::prepare(&desk.store, request, &desk.clock).await.unwrap();
    placement.execute().await.unwrap()
}

async fn release(desk: &Desk, id: BundleId, placed: &LockChange) -> LockChange {
    let hold_id = placed.hold_id.unwrap();
    let request = ReleaseRequest { id, hold_id, asker: asker("over") };
    let release = Release::prepare(&desk.store, request, &desk.clock).await.unwrap();
    release.execute().await.unwrap()
}

async fn push_kept_for_days(desk: &Desk, days: u32) -> BundleId {
    let source = plan_source(desk.plan("kept", kept_for_days(days)));
    desk.push(source).await.unwrap().receipt.bundle_id
}

#[tokio::test]
async fn a_promise_that_has_ended_is_no_disagreement_and_is_taken_up_again() {
    let (desk, time) = desk();
    let id = push_kept_for_days(&desk, 30).await;
    time.advance(SignedDuration::from_hours(24 * 31));
    let report = show_retention(&desk.store, id).await.unwrap();
    assert_eq!(report.objects[0].standing, Standing::Ended);
    extend(&desk, id, "2027-06-01T00:00:00Z").await.unwrap();
    let report = show_retention(&desk.store, id).await.unwrap();
    assert_eq!(report.objects[0].standing, Standing::Kept);
    let promised = report.objects[0].promised_retention.unwrap();
    assert_eq!(promised.retain_until.to_string(), "2027-06-01T00:00:00Z");
}

#[tokio::test]
async fn a_date_that_has_passed_is_refused() {
    let (desk, _time) = desk();
    let id = push_kept_for_days(&desk, 30).await;
    let refused = extend(&desk, id, "2026-11-01T00:00:00Z").await.unwrap_err();
    assert_eq!(refused.kind(), EvidenceErrorKind::RetentionNotMet);
}

#[tokio::test]
async fn a_hold_and_an_extension_leave_each_other_alone() {
    let (desk, _time) = desk();
    let id = push_kept_for_days(&desk, 30).await;
    let placed = place(&desk, id).await;
    extend(&desk, id, "2030-01-01T00:00:00Z").await.unwrap();
    release(&desk, id, &placed).await;
    let report = show_retention(&desk.store, id).await.unwrap();
    assert!(report.holds.is_empty());
    for object in &report.objects {
        assert_eq!(object.legal_hold, Some(false), "{}", object.key);
        assert!(!object.standing.is_a_disagreement(), "{}", object.key);
    }
    let bundle = report.objects[0].retention.unwrap();
    assert_eq!(bundle.retain_until.to_string(), "2030-01-01T00:00:00Z");
}

#[tokio::test]
async fn more_objects_than_one_record_names_are_kept_as_several_records() {
    let (desk, _time) = desk();
    let id = push_kept_for_days(&desk, 30).await;
    for number in 0..RECORD_OBJECTS_MAX {
        let digest = Sha256Digest::of(&number.to_le_bytes()).to_hex();
        desk.put(&format!("attestations/{id}/{digest}.sigstore.json"), b"{}").await;
    }
    desk.put(&format!("attestations/{id}/notes.txt"), b"not a signature").await;
    let placed = place(&desk, id).await;
    // The bundle, its signatures and its receipt; twice two records.
    assert_eq!((placed.objects.len(), placed.records.len()), (RECORD_OBJECTS_MAX + 2, 4));
    for key in &placed.records {
        assert!((desk.bytes_of(key).await.len() as u64) < RECORD_BYTES_MAX);
    }
    assert!(placed.objects.iter().all(|object| object.state == ObjectState::Changed));
    let shown = show_retention(&desk.store, id).await.unwrap();
    assert_eq!((shown.holds.len(), shown.records.unread), (1, 0));
    let released = release(&desk, id, &placed).await;
    assert!(released.shortfall.is_none(), "{:?}", released.shortfall);
    assert!(released.objects.iter().all(|object| object.object.legal_hold == Some(false)));
}

#[tokio::test]
async fn holds_come_and_go_and_each_bit_stays_ours() {
    let (desk, _time) = desk();
    let id = push_kept_for_days(&desk, 30).await;
    for _ in 0..3 {
        let placed = place(&desk, id).await;
        assert!(placed.is_new && placed.shortfall.is_none());
        let released = release(&desk, id, &placed).await;
        assert_eq!(released.objects[0].state, ObjectState::Changed);
    }
}
