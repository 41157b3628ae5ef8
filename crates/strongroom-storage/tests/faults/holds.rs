//! Legal holds on stored evidence: one bit that others use too, and what becomes of it.

use std::time::Duration;

use strongroom_core::record::{HoldBefore, LeftOn};
use strongroom_storage::evidence::{
    Asker, LockChange, ObjectState, PlaceRequest, Placement, Release, ReleaseRequest,
};
use strongroom_storage::{ObjectKey, VersionId};
use strongroom_testkit::s3::Right;
use uuid::Uuid;

use super::*;

pub(crate) fn asker(reason: &str) -> Asker {
    Asker { by: None, reason: Some(reason.to_owned()) }
}

pub(crate) async fn place(
    store: &dyn Storage,
    id: BundleId,
    reason: &str,
) -> Result<LockChange, EvidenceError> {
    let clock = Clock::system();
    let request = PlaceRequest { id, asker: asker(reason) };
    Placement::prepare(store, request, &clock).await?.execute().await
}

pub(crate) async fn release(
    store: &dyn Storage,
    id: BundleId,
    hold_id: Uuid,
) -> Result<LockChange, EvidenceError> {
    let clock = Clock::system();
    let request = ReleaseRequest { id, hold_id, asker: asker("over") };
    Release::prepare(store, request, &clock).await?.execute().await
}

/// A bundle in a bucket with Object Lock, and one detached signature.
async fn vault_with_a_bundle() -> (Vault, Arc<dyn Storage>, BundleId) {
    let vault = Vault::new(BucketSettings::locked()).await;
    let id = vault.push(vault.small()).await.unwrap().receipt.bundle_id;
    let signature = strongroom_core::Sha256Digest::of(b"signature").to_hex();
    vault.bucket().put(&format!("team/attestations/{id}/{signature}.sigstore.json"), "{}");
    let store = vault.store().await;
    (vault, store, id)
}

/// The objects of a bundle whose bit is on, by key, in order.
fn held_keys(vault: &Vault) -> Vec<String> {
    let bucket = vault.bucket();
    let held = bucket
        .keys()
        .into_iter()
        .filter(|key| bucket.versions(key).iter().any(|version| version.legal_hold));
    held.collect()
}

fn bundle_is_held(vault: &Vault, id: BundleId) -> bool {
    held_keys(vault).contains(&bundle_key(id))
}

/// Garbage of the very length of the bundle.
pub(crate) fn garbage_for(vault: &Vault, id: BundleId) -> Vec<u8> {
    random_bytes(vault.bucket().object(&bundle_key(id)).unwrap().len(), 3)
}

/// Another party sets or clears the bundle's bit.
async fn another_party_sets(vault: &Vault, id: BundleId, on: bool) {
    let key = ObjectKey::new(layout::bundle(id)).unwrap();
    vault.store().await.set_legal_hold(&key, None, on).await.unwrap();
}

fn state_of(change: &LockChange, part: &str) -> ObjectState {
    change.objects.iter().find(|object| object.object.key.contains(part)).unwrap().state
}

fn left_on(change: &LockChange, part: &str) -> Option<LeftOn> {
    change.objects.iter().find(|object| object.object.key.contains(part)).unwrap().object.left_on
}

#[tokio::test]
async fn a_hold_is_on_the_bundle_its_signatures_and_its_records_until_it_is_released() {
    let (vault, store, id) = vault_with_a_bundle().await;
    let placed = place(&*store, id, "case 17").await.unwrap();
    assert!(placed.shortfall.is_none() && placed.is_new, "{:?}", placed.shortfall);
    assert_eq!(placed.records.len(), 2);
    assert!(placed.objects.iter().all(|object| object.object.version_id.is_some()));
    // The bundle, the signature, the receipt, and the two records of the hold itself.
    assert_eq!(held_keys(&vault).len(), 5, "{:?}", held_keys(&vault));

    let released = release(&*store, id, placed.hold_id.unwrap()).await.unwrap();
    assert!(released.shortfall.is_none(), "{:?}", released.shortfall);
    assert_eq!(held_keys(&vault), [""; 0]);
    let again = release(&*store, id, placed.hold_id.unwrap()).await.unwrap();
    assert!(!again.is_new && again.records.is_empty());
}

#[tokio::test]
async fn the_same_words_again_are_the_same_hold_and_other_words_another() {
    let (vault, store, id) = vault_with_a_bundle().await;
    let first = place(&*store, id, "case 17").await.unwrap();
    let keys = vault.bucket().keys().len();
    let again = place(&*store, id, "case 17").await.unwrap();
    assert_eq!((again.hold_id, again.is_new), (first.hold_id, false));
    assert_eq!(vault.bucket().keys().len(), keys);
    let other = place(&*store, id, "case 18").await.unwrap();
    assert_ne!(other.hold_id, first.hold_id);
}

#[tokio::test]
async fn a_bit_that_was_on_before_us_stays_on_and_the_release_says_whose_it_is() {
    let (vault, store, id) = vault_with_a_bundle().await;
    another_party_sets(&vault, id, true).await;
    let placed = place(&*store, id, "case 17").await.unwrap();
    assert_eq!(placed.objects[0].object.hold_before, Some(HoldBefore::Others));
    let second = place(&*store, id, "case 18").await.unwrap();
    for hold in [placed, second] {
        let released = release(&*store, id, hold.hold_id.unwrap()).await.unwrap();
        assert!(released.shortfall.is_none());
        assert_eq!(state_of(&released, "bundles/"), ObjectState::LeftOn);
        assert!(bundle_is_held(&vault, id));
    }
    // The rest was ours.
    assert_eq!(held_keys(&vault), [bundle_key(id)]);
    // Once they cleared it, a hold of ours is ours again.
    another_party_sets(&vault, id, false).await;
    let anew = place(&*store, id, "case 19").await.unwrap();
    assert_eq!(anew.objects[0].object.hold_before, Some(HoldBefore::Off));
    release(&*store, id, anew.hold_id.unwrap()).await.unwrap();
    assert!(!bundle_is_held(&vault, id));
}

#[tokio::test]
async fn of_two_holds_of_ours_only_the_last_release_clears() {
    let (vault, store, id) = vault_with_a_bundle().await;
    let first = place(&*store, id, "case 17").await.unwrap().hold_id.unwrap();
    let second = place(&*store, id, "case 18").await.unwrap();
    assert_eq!(second.objects[0].object.hold_before, Some(HoldBefore::Ours));
    vault.server.reset_requests();
    let released = release(&*store, id, first).await.unwrap();
    assert_eq!(left_on(&released, "bundles/"), Some(LeftOn::HeldByUs));
    assert!(bundle_is_held(&vault, id));
    // Not for a moment was it off.
    assert_eq!(vault.server.count(Op::PutObjectLegalHold), 0);
    release(&*store, id, second.hold_id.unwrap()).await.unwrap();
    assert_eq!(held_keys(&vault), [""; 0]);
}

#[tokio::test]
async fn the_hold_of_a_push_is_released_by_the_id_of_its_record() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let store = vault.store().await;
    let held = PushRequest { legal_hold: true, ..request() };
    let id = push_to(&*store, vault.small(), held).await.unwrap().receipt.bundle_id;
    let [record] = &vault.bucket().keys_under("team/records/")[..] else { panic!() };
    assert_eq!(held_keys(&vault).len(), 2);
    let hold_id = layout::record_id(record.strip_prefix("team/").unwrap()).unwrap();
    let released = release(&*store, id, hold_id).await.unwrap();
    assert!(released.shortfall.is_none(), "{:?}", released.shortfall);
    assert_eq!(held_keys(&vault), [""; 0]);
}

#[tokio::test]
async fn a_push_that_asks_for_a_hold_that_is_on_puts_its_own_on_record() {
    let (vault, store, id) = vault_with_a_bundle().await;
    let placed = place(&*store, id, "case 17").await.unwrap();
    let records = vault.bucket().keys_under("team/records/").len();
    let held = PushRequest { legal_hold: true, ..request() };
    push_to(&*store, vault.small(), held.clone()).await.unwrap();
    assert_eq!(vault.bucket().keys_under("team/records/").len(), records + 1);
    // Asked again, it is on record.
    push_to(&*store, vault.small(), held).await.unwrap();
    assert_eq!(vault.bucket().keys_under("team/records/").len(), records + 1);

    let released = release(&*store, id, placed.hold_id.unwrap()).await.unwrap();
    assert_eq!(left_on(&released, "bundles/"), Some(LeftOn::HeldByUs));
    let report = strongroom_storage::evidence::show_retention(&*store, id).await.unwrap();
    let [of_push] = &report.holds[..] else { panic!("{:?}", report.holds) };
    assert!(of_push.by_push);
    release(&*store, id, of_push.hold_id).await.unwrap();
    assert_eq!(held_keys(&vault), [""; 0]);
}

#[tokio::test]
async fn a_hold_that_no_record_tells_of_is_not_found_and_nothing_changes() {
    let (vault, store, id) = vault_with_a_bundle().await;
    another_party_sets(&vault, id, true).await;
    let keys = vault.bucket().keys();
    let refused = release(&*store, id, Uuid::from_u128(7)).await.unwrap_err();
    assert_eq!(refused.kind(), EvidenceErrorKind::NotFound);
    assert_eq!(vault.bucket().keys(), keys);
    assert!(bundle_is_held(&vault, id));
}

#[tokio::test]
async fn a_placing_that_is_cut_short_is_not_acknowledged_and_the_same_again_finishes_it() {
    let (vault, store, id) = vault_with_a_bundle().await;
    let records = vault.server.faults().on(Op::PutObject).key_contains("records/");
    let lost = records.nth(2).answer(403);
    let cut = place(&*store, id, "case 17").await.unwrap_err();
    assert_eq!((cut.kind(), lost.fired()), (EvidenceErrorKind::PartlyDone, 1));
    assert!(bundle_is_held(&vault, id));
    vault.server.faults().clear();

    let finished = place(&*store, id, "case 17").await.unwrap();
    assert!(finished.is_new);
    // What the first run wrote down before it set anything still counts: the bit is ours.
    assert_eq!(finished.objects[0].object.hold_before, Some(HoldBefore::Off));
    release(&*store, id, finished.hold_id.unwrap()).await.unwrap();
    assert_eq!(held_keys(&vault), [""; 0]);
}

#[tokio::test]
async fn a_release_that_is_cut_short_anywhere_is_finished_by_the_same_again() {
    for (op, part) in [(Op::PutObject, "records/"), (Op::PutObjectLegalHold, "bundles/")] {
        let (vault, store, id) = vault_with_a_bundle().await;
        let hold = place(&*store, id, "case 17").await.unwrap().hold_id.unwrap();
        let fault = vault.server.faults().on(op).key_contains(part);
        let fault = match op {
            Op::PutObject => fault.nth(2).answer(403),
            _ => fault.answer(403),
        };
        let kind = match release(&*store, id, hold).await {
            Ok(change) => change.shortfall.unwrap().kind(),
            Err(error) => error.kind(),
        };
        assert_eq!(kind, EvidenceErrorKind::PartlyDone, "{op:?}");
        assert!(fault.fired() >= 1, "{op:?}");
        vault.server.faults().clear();
        let finished = release(&*store, id, hold).await.unwrap();
        assert!(finished.is_new && finished.shortfall.is_none(), "{op:?}");
        assert_eq!(held_keys(&vault), [""; 0], "{op:?}");
    }
}

#[tokio::test]
async fn a_hold_that_is_placed_while_another_is_released_keeps_its_bit() {
    let (vault, store, id) = vault_with_a_bundle().await;
    let first = place(&*store, id, "case 17").await.unwrap().hold_id.unwrap();
    // The release has seen that no other hold remains, and is about to clear.
    let clearing = vault.server.faults().on(Op::PutObjectLegalHold).key_contains("bundles/");
    let clearing = clearing.first(1).hold_before();
    let other = vault.store().await;
    let (released, placed) = tokio::join!(release(&*store, id, first), async {
        clearing.arrived(1).await;
        let placed = place(&*other, id, "case 18").await.unwrap();
        clearing.open();
        placed
    });
    let released = released.unwrap();
    assert!(placed.shortfall.is_none());
    assert_eq!(left_on(&released, "bundles/"), Some(LeftOn::HeldByUs));
    assert!(bundle_is_held(&vault, id));
    // The bit is ours for all that, and goes with the second hold.
    release(&*store, id, placed.hold_id.unwrap()).await.unwrap();
    assert!(!bundle_is_held(&vault, id));
}

#[tokio::test]
async fn a_hold_that_some_objects_refuse_is_partly_done_and_names_them() {
    let (vault, store, id) = vault_with_a_bundle().await;
    let refused = vault.server.faults().on(Op::PutObjectLegalHold).key_contains("attestations/");
    let refused = refused.answer(403);
    let placed = place(&*store, id, "case 17").await.unwrap();
    assert_eq!(placed.shortfall.unwrap().kind(), EvidenceErrorKind::PartlyDone);
    assert!(refused.fired() >= 1);
    assert_eq!(placed.objects[1].state, ObjectState::NotMet);
    assert_eq!(placed.objects[0].state, ObjectState::Changed);
    vault.server.faults().clear();
    let again = place(&*store, id, "case 17").await.unwrap();
    assert!(again.shortfall.is_none() && again.hold_id == placed.hold_id);
    assert_eq!(again.objects[1].state, ObjectState::Changed);
}

#[tokio::test]
async fn where_the_bit_may_not_be_read_no_hold_is_placed_or_released() {
    let blind = User::new("blind", "blind-secret").without(Right::ReadLocks);
    let builder = S3Server::builder().bucket("vault", BucketSettings::locked());
    let vault = Vault::on(builder.user(blind.clone())).await;
    let id = vault.push(vault.small()).await.unwrap().receipt.bundle_id;
    let hold = place(&*vault.store().await, id, "case 17").await.unwrap().hold_id.unwrap();
    let keys = vault.bucket().keys();
    let store = vault.store_of(&blind).await;
    let refusals = [
        place(&*store, id, "case 18").await.unwrap_err(),
        release(&*store, id, hold).await.unwrap_err(),
    ];
    for refused in refusals {
        assert_eq!(refused.kind(), EvidenceErrorKind::LockUnobserved, "{refused}");
        assert!(refused.guidance().unwrap().contains("s3:GetObjectLegalHold"));
    }
    assert_eq!(vault.bucket().keys(), keys);
    assert!(bundle_is_held(&vault, id));
}

#[tokio::test]
async fn a_record_that_cannot_be_understood_may_be_a_hold_and_keeps_the_bits_on() {
    let (vault, store, id) = vault_with_a_bundle().await;
    let hold = place(&*store, id, "case 17").await.unwrap().hold_id.unwrap();
    let planted = format!("team/{}", layout::record(id, Uuid::from_u128(7)));
    vault.bucket().put(&planted, r#"{"schema":"strongroom.record/v2"}"#);
    let released = release(&*store, id, hold).await.unwrap();
    assert_eq!(left_on(&released, "bundles/"), Some(LeftOn::RecordsUnread));
    assert!(bundle_is_held(&vault, id));
}

#[tokio::test]
async fn garbage_on_top_of_a_record_hides_no_hold() {
    let (vault, store, id) = vault_with_a_bundle().await;
    let first = place(&*store, id, "case 17").await.unwrap();
    let second = place(&*store, id, "case 18").await.unwrap().hold_id.unwrap();
    for key in &first.records {
        vault.bucket().put(key, "no record");
    }
    let released = release(&*store, id, second).await.unwrap();
    assert_eq!(left_on(&released, "bundles/"), Some(LeftOn::HeldByUs));
    assert!(bundle_is_held(&vault, id));
}

#[tokio::test]
async fn a_planted_record_reaches_no_object_of_another_bundle() {
    let (vault, store, id) = vault_with_a_bundle().await;
    let other = vault.push(vault.plan("other", b"other")).await.unwrap().receipt;
    let others_hold = place(&*store, other.bundle_id, "case 1").await.unwrap();
    let hold = place(&*store, id, "case 17").await.unwrap();
    // The hold's own record again, naming the other bundle's object as one that was off before.
    let bytes = vault.bucket().object(&hold.records[1]).unwrap();
    let mut record: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    record["objects"][0]["key"] = other.key.clone().into();
    record["objects"][0]["version_id"] = other.version_id.clone().unwrap().into();
    let planted = format!("team/{}", layout::record(id, Uuid::from_u128(7)));
    vault.bucket().put(&planted, serde_json::to_vec(&record).unwrap());
    let released = release(&*store, id, hold.hold_id.unwrap()).await.unwrap();
    assert!(released.shortfall.is_none(), "{:?}", released.shortfall);
    assert!(bundle_is_held(&vault, other.bundle_id));
    assert!(others_hold.shortfall.is_none());
}

#[tokio::test]
async fn a_hold_is_placed_on_the_version_that_holds_the_bundle_and_not_on_what_is_on_top() {
    let (vault, store, id) = vault_with_a_bundle().await;
    vault.bucket().plant_over(&bundle_key(id), garbage_for(&vault, id));
    place(&*store, id, "case 17").await.unwrap();
    let held: Vec<bool> =
        vault.bucket().versions(&bundle_key(id)).iter().map(|version| version.legal_hold).collect();
    assert_eq!(held, [true, false]);
    let key = ObjectKey::new(layout::bundle(id)).unwrap();
    let bundle = VersionId(vault.bucket().versions(&bundle_key(id))[0].id.clone());
    let deleted = store.delete(&key, Some(&bundle)).await.unwrap_err();
    assert_eq!(deleted.kind(), StorageErrorKind::PermissionDenied);
}

#[tokio::test]
async fn a_store_that_never_answers_ends_a_placing_within_bounds() {
    let (vault, store, id) = vault_with_a_bundle().await;
    vault.server.faults().on(Op::PutObjectLegalHold).answer(503);
    let placing = tokio::time::timeout(Duration::from_secs(120), place(&*store, id, "case 17"));
    let placed = placing.await.unwrap().unwrap();
    assert_eq!(
        placed.shortfall.unwrap().kind(),
        EvidenceErrorKind::Store(StorageErrorKind::Throttled)
    );
}

#[tokio::test]
async fn a_hold_whose_records_were_deleted_over_is_still_a_hold() {
    let (vault, store, id) = vault_with_a_bundle().await;
    let first = place(&*store, id, "one").await.unwrap();
    let records = |vault: &Vault| -> Vec<String> {
        let keys = vault.bucket().keys().into_iter();
        keys.filter(|key| key.starts_with("team/records/")).collect()
    };
    let of_the_first = records(&vault);
    let second = place(&*store, id, "two").await.unwrap();
    for key in of_the_first {
        let key = ObjectKey::new(key.strip_prefix("team/").unwrap().to_owned()).unwrap();
        store.delete(&key, None).await.unwrap();
    }
    release(&*store, id, second.hold_id.unwrap()).await.unwrap();
    assert!(bundle_is_held(&vault, id), "the first hold is open, under its delete markers");
    assert_ne!(first.hold_id, second.hold_id);
}
