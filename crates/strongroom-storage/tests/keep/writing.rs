//! A body is kept whole and as it was declared, or not at all.

use std::collections::BTreeMap;

use strongroom_core::limits::FILE_BYTES_MAX;
use strongroom_core::observed::Observed;
use strongroom_core::observed::Unobserved;
use strongroom_core::receipt::{CreateOnly, Integrity, LockHow, Status};
use strongroom_core::retention::{DefaultRetention, Period};
use strongroom_storage::keep::Left;
use strongroom_storage::{BucketLocks, SINGLE_WRITE_BYTES_MAX};
use strongroom_testkit::fixtures::random_bytes;
use strongroom_testkit::s3::Op;

use super::*;

#[tokio::test]
async fn what_is_kept_is_there_whole_and_was_looked_at() {
    let shelf = Shelf::new(BucketSettings::locked()).await;
    let (_folder, [memory, files]) = local_stores();
    let metadata = BTreeMap::from([("strongroom-file-id".to_owned(), "f-1".to_owned())]);
    for store in [shelf.store().await, memory, files] {
        for bytes in [b"{\"passed\":23}".to_vec(), Vec::new(), random_bytes(BIG_BYTES, 3)] {
            let key = ObjectKey::new(format!("files/{}", bytes.len())).unwrap();
            let ask =
                WriteAsk { metadata: metadata.clone(), lock: sent(held()), ..declared(&bytes) };
            let kept = keep::write(&*store, &key, body(&bytes), ask).await.unwrap();
            assert_eq!(
                (kept.size_bytes, kept.sha256),
                (bytes.len() as u64, Sha256Digest::of(&bytes))
            );
            assert_ne!(kept.integrity, Integrity::Unobserved);
            assert!(kept.metadata_kept && kept.lock_covers, "{kept:?}");
            assert_eq!((kept.status, kept.lock.how), (Status::Stored, LockHow::InWrite));
            assert_eq!(kept.lock.legal_hold_was_set_before, Some(false));
            let there = store.read(&key, kept.version.as_ref(), None).await.unwrap();
            assert!(there.collect(BYTES_MAX).await.unwrap() == bytes, "other bytes");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_not_what_was_declared_leaves_nothing() {
    let shelf = Shelf::new(BucketSettings::locked()).await;
    let (_folder, [memory, files]) = local_stores();
    for store in [shelf.store().await, memory, files] {
        for bytes in [b"{\"passed\":23}".to_vec(), random_bytes(BIG_BYTES, 3)] {
            let size_bytes = bytes.len() as u64;
            let other = Some(Sha256Digest::of(b"other"));
            let cases = [
                (WriteAsk { sha256: other, ..ask() }, KeepErrorKind::WrongDigest),
                (
                    WriteAsk { size_bytes: Some(size_bytes + 1), ..ask() },
                    KeepErrorKind::WrongLength,
                ),
                (
                    WriteAsk { size_bytes: Some(size_bytes - 1), ..ask() },
                    KeepErrorKind::WrongLength,
                ),
                (WriteAsk::new(size_bytes - 1), KeepErrorKind::TooLong),
                (
                    WriteAsk { size_bytes: Some(size_bytes), ..WriteAsk::new(size_bytes - 1) },
                    KeepErrorKind::TooLong,
                ),
            ];
            for (ask, expected) in cases {
                for digest_metadata in [None, Some("strongroom-sha256")] {
                    let ask = WriteAsk { digest_metadata, ..ask.clone() };
                    let refused = write(&*store, &bytes, ask).await.unwrap_err();
                    assert_eq!((refused.kind(), refused.left()), (expected, &Left::Nothing));
                    assert_eq!(keys(&*store).await, Vec::<String>::new());
                }
            }
            let refused = keep::write(&*store, &key(), broken(&bytes), declared(&bytes)).await;
            assert_eq!(kind(refused), KeepErrorKind::BodyBroken);
            assert_eq!(keys(&*store).await, Vec::<String>::new());
        }
    }
    assert!(shelf.bucket().open_uploads().is_empty(), "parts were left behind");
}

#[tokio::test]
async fn the_same_bytes_again_are_already_stored_and_other_bytes_are_a_conflict() {
    let shelf = Shelf::new(BucketSettings::locked()).await;
    let (_folder, [memory, files]) = local_stores();
    for store in [shelf.store().await, memory, files] {
        let bytes = random_bytes(BIG_BYTES, 5);
        let first = write(&*store, &bytes, ask()).await.unwrap();
        let again = write(&*store, &bytes, ask()).await.unwrap();
        assert_eq!((again.status, again.integrity), (Status::AlreadyStored, Integrity::ReadBack));
        assert_eq!((again.version, again.sha256), (first.version, first.sha256));

        let longer = write(&*store, &random_bytes(BIG_BYTES + 1, 5), ask()).await;
        assert_eq!(kind(longer), KeepErrorKind::Conflict);
        let of_that_size = write(&*store, &random_bytes(BIG_BYTES, 6), ask()).await;
        assert_eq!(kind(of_that_size), KeepErrorKind::Conflict);
    }
    assert_eq!(shelf.versions().len(), 1);
}

#[tokio::test]
async fn a_wrong_body_is_refused_as_such_though_the_right_one_is_there() {
    let shelf = Shelf::new(BucketSettings::locked()).await;
    let store = shelf.store().await;
    write(&*store, b"right", declared(b"right")).await.unwrap();
    let wrong = write(&*store, b"wrong", declared(b"right")).await;
    assert_eq!(kind(wrong), KeepErrorKind::WrongDigest);
    let cut = keep::write(&*store, &key(), broken(b"right"), declared(b"right")).await;
    assert_eq!(kind(cut), KeepErrorKind::BodyBroken);
    let other = write(&*store, b"other", ask()).await.unwrap_err();
    let (kind, left) = (other.kind(), other.left());
    assert_eq!((kind, left), (KeepErrorKind::Conflict, &Left::Unknown), "it may be ours");
}

#[tokio::test]
async fn garbage_on_top_hides_no_version_that_holds_the_bytes() {
    let shelf = Shelf::new(BucketSettings::versioned()).await;
    let store = shelf.store().await;
    let first = write(&*store, b"right", ask()).await.unwrap();
    shelf.bucket().plant_over(&shelf.whole_key(), "wrong");
    let again = write(&*store, b"right", ask()).await.unwrap();
    assert_eq!((again.status, again.version), (Status::AlreadyStored, first.version));
    assert_eq!(again.other_versions, Some(1));
}

#[tokio::test]
async fn the_metadata_carries_a_digest_that_nobody_declared_where_it_can_be_known() {
    let name = "strongroom-sha256";
    let shelf = Shelf::new(BucketSettings::plain()).await;
    let store = shelf.store().await;
    for (bytes, is_known) in [(random_bytes(5 << 20, 1), true), (random_bytes(BIG_BYTES, 2), false)]
    {
        let key = ObjectKey::new(format!("files/{}", bytes.len())).unwrap();
        let ask = WriteAsk { digest_metadata: Some(name), ..ask() };
        keep::write(&*store, &key, body(&bytes), ask).await.unwrap();
        let info = store.head(&key, None).await.unwrap();
        let digest = is_known.then(|| Sha256Digest::of(&bytes).to_hex());
        assert_eq!(info.metadata.get(name), digest.as_ref());
        assert_eq!(info.size_bytes, bytes.len() as u64);
    }
    let bytes = random_bytes(BIG_BYTES, 4);
    let ask = WriteAsk { digest_metadata: Some(name), ..declared(&bytes) };
    write(&*store, &bytes, ask).await.unwrap();
    let info = store.head(&key(), None).await.unwrap();
    assert_eq!(info.metadata.get(name), Some(&Sha256Digest::of(&bytes).to_hex()), "declared");
}

#[tokio::test]
async fn a_store_that_loses_metadata_is_told_of() {
    let shelf = Shelf::lying(BucketSettings::plain(), Lie::LosesMetadata).await;
    let metadata = BTreeMap::from([("strongroom-file-id".to_owned(), "f-1".to_owned())]);
    let kept =
        write(&*shelf.store().await, b"bytes", WriteAsk { metadata, ..ask() }).await.unwrap();
    assert!(!kept.metadata_kept);
}

#[tokio::test]
async fn an_object_that_somebody_replaced_before_it_was_looked_at_is_not_called_kept() {
    let shelf = Shelf::new(BucketSettings::plain()).await;
    let gate = shelf.server.faults().on(Op::PutObject).key_contains("files/f").hold_after_commit();
    let store = shelf.store().await;
    let slow = tokio::spawn(async move { write(&*store, b"bytes", ask()).await });
    gate.arrived(1).await;
    shelf.bucket().put(&shelf.whole_key(), "somebody else's");
    gate.open();
    let refused = slow.await.unwrap().unwrap_err();
    assert_eq!((refused.kind(), refused.left()), (KeepErrorKind::Corrupt, &Left::Object(None)));
}

#[tokio::test]
async fn bytes_are_read_back_where_nothing_else_vouches_for_them() {
    let shelf = Shelf::new(BucketSettings::plain()).await;
    let faults = shelf.server.faults();
    for op in [Op::PutObject, Op::HeadObject, Op::GetObject] {
        faults.on(op).tell_no_checksum();
    }
    faults.on(Op::PutObject).ignore_payload_hash();
    faults.on(Op::PutObject).ignore_digests();
    let kept = write(&*shelf.store().await, &random_bytes(4_096, 1), ask()).await.unwrap();
    assert_eq!(kept.integrity, Integrity::ReadBack);

    let flipped = faults.on(Op::GetObject).flip_a_bit();
    let store = shelf.store().await;
    let other = ObjectKey::new("other").unwrap();
    let refused = keep::write(&*store, &other, body(&random_bytes(4_096, 2)), ask()).await;
    assert_eq!(kind(refused), KeepErrorKind::Corrupt);
    assert_eq!(flipped.fired(), 1);
}

#[tokio::test]
async fn a_lost_answer_makes_no_second_version_and_no_failure() {
    for bytes in [random_bytes(4_096, 1), random_bytes(BIG_BYTES, 1)] {
        let shelf = Shelf::new(BucketSettings::locked()).await;
        let faults = shelf.server.faults();
        let lost = [Op::PutObject, Op::CompleteMultipartUpload]
            .map(|op| faults.on(op).key_contains("files/f").nth(1).cut_after_commit());
        let kept = write(&*shelf.store().await, &bytes, declared(&bytes)).await.unwrap();
        assert_eq!(lost.iter().map(|lost| lost.fired()).sum::<usize>(), 1);
        assert_eq!(kept.status, Status::Stored);
        assert_eq!(shelf.versions().len(), 1);
    }
}

#[tokio::test]
async fn a_lock_that_the_store_drops_is_set_after_the_write() {
    for (lie, bytes) in [
        (Lie::DropsLockOnPut, random_bytes(4_096, 1)),
        (Lie::DropsLockOnMultipart, random_bytes(BIG_BYTES, 1)),
    ] {
        let shelf = Shelf::lying(BucketSettings::locked(), lie).await;
        let ask = WriteAsk { lock: sent(held()), ..ask() };
        let kept = write(&*shelf.store().await, &bytes, ask).await.unwrap();
        assert!(kept.lock_covers, "{lie:?}");
        assert_eq!(kept.lock.how, LockHow::AfterWrite, "{lie:?}");
        assert!(kept.lock.unlocked_ms.is_some(), "{lie:?}");
        let version = &shelf.versions()[0];
        assert!(version.legal_hold && version.retention == held().retention, "{lie:?}");
    }
}

#[tokio::test]
async fn a_lock_that_never_holds_is_not_said_to() {
    let shelf = Shelf::lying(BucketSettings::locked(), Lie::DropsLockOnPut).await;
    shelf.server.lies().begin(Lie::DropsLaterRetention);
    let ask = WriteAsk { lock: sent(governance(LATER)), ..ask() };
    let kept = write(&*shelf.store().await, b"bytes", ask).await.unwrap();
    assert!(!kept.lock_covers);
    assert_eq!(kept.lock.retain_until, None);
}

#[tokio::test]
async fn a_bucket_without_locks_refuses_a_locked_write_and_keeps_nothing() {
    let shelf = Shelf::new(BucketSettings::plain()).await;
    let store = shelf.store().await;
    let ask = WriteAsk { lock: sent(governance(LATER)), ..ask() };
    let refused = write(&*store, b"bytes", ask).await.unwrap_err();
    assert_eq!((refused.kind(), refused.left()), (KeepErrorKind::LockImpossible, &Left::Nothing));
    assert_eq!(keys(&*store).await, Vec::<String>::new());
}

#[tokio::test]
async fn without_a_lock_to_send_none_is_looked_at_and_none_is_claimed() {
    let shelf = Shelf::new(BucketSettings::locked()).await;
    let kept = write(&*shelf.store().await, b"bytes", ask()).await.unwrap();
    assert_eq!(kept.lock.unobserved, Some(Unobserved::NotProbed));
    assert_eq!((kept.lock.how, kept.lock.legal_hold), (LockHow::None, None));
    assert_eq!(shelf.server.count(Op::GetObjectRetention), 0);
}

#[test]
fn a_lock_that_is_sent_never_weakens_the_buckets_default() {
    let bucket = |days| BucketLocks {
        takes_locks: Observed::Observed(true),
        default_retention: Observed::Observed(Some(DefaultRetention {
            mode: LockMode::Compliance,
            period: Period::Days(days),
        })),
    };
    let week = governance("2026-11-28T12:00:00Z");
    let left_to_the_store = LockOfWrite::plan(week, &bucket(30), time(NOON)).unwrap();
    assert_eq!((left_to_the_store.to_send, left_to_the_store.target), (Lock::NONE, week));
    let spelled_out = LockOfWrite::plan(week, &bucket(1), time(NOON)).unwrap();
    let sent = spelled_out.to_send.retention.unwrap();
    assert_eq!(
        (sent.mode, sent.retain_until),
        (LockMode::Compliance, time("2026-11-28T12:00:00Z"))
    );
    assert_eq!(spelled_out.target, spelled_out.to_send);
}

#[tokio::test]
async fn a_race_that_the_store_lets_happen_is_counted() {
    let shelf = Shelf::lying(BucketSettings::versioned(), Lie::IgnoresCreateOnlyWithVersions).await;
    let gate = shelf.server.faults().on(Op::PutObject).key_contains("files/f").nth(1).hold_before();
    let store = shelf.store().await;
    let slow = tokio::spawn(async move { write(&*store, b"bytes", ask()).await });
    gate.arrived(1).await;
    shelf.bucket().put(&shelf.whole_key(), "somebody else's");
    gate.open();
    let kept = slow.await.unwrap().unwrap();
    assert_eq!((kept.create_only, kept.other_versions), (CreateOnly::Checked, Some(1)));
}

#[tokio::test]
async fn a_record_is_written_once_and_verified_when_it_is_there() {
    let shelf = Shelf::new(BucketSettings::locked()).await;
    let store = shelf.store().await;
    let first = keep::record(&*store, &key(), "{}".into(), sent(held())).await.unwrap();
    assert!(first.lock_covers && first.status == Status::Stored);
    let again = keep::record(&*store, &key(), "{}".into(), sent(held())).await.unwrap();
    assert_eq!((again.status, again.version), (Status::AlreadyStored, first.version));
    assert_eq!(again.lock.how, LockHow::AlreadyThere);
    let other = keep::record(&*store, &key(), "[]".into(), None).await;
    assert_eq!(kind(other), KeepErrorKind::Conflict);
    assert_eq!(shelf.versions().len(), 1);
}

#[tokio::test]
async fn clocks_more_than_five_minutes_apart_are_refused() {
    let (_folder, [memory, _]) = local_stores();
    let near = keep::clock_check(&*memory, time("2026-11-21T12:05:00Z")).await.unwrap();
    assert_eq!(near, time(NOON), "the store's own clock counts");
    for far in ["2026-11-21T12:05:01Z", "2026-11-21T11:54:59Z"] {
        let refused = keep::clock_check(&*memory, time(far)).await;
        assert_eq!(kind(refused), KeepErrorKind::Store(StorageErrorKind::ClockSkew), "{far}");
    }
}

#[tokio::test]
async fn of_a_body_of_unknown_length_no_more_is_held_in_memory_than_of_any() {
    let shelf = Shelf::new(BucketSettings::locked()).await;
    let bytes = random_bytes(BIG_BYTES, 3);
    let of_any_length = WriteAsk::new(FILE_BYTES_MAX);
    let kept = write(&*shelf.store().await, &bytes, of_any_length).await.unwrap();
    assert_eq!(kept.sha256, Sha256Digest::of(&bytes));
    let parts: Vec<_> =
        shelf.server.requests().into_iter().filter(|seen| seen.op == Op::UploadPart).collect();
    assert!(parts.len() > 1);
    for part in parts {
        let size_bytes: u64 = part.headers["content-length"].to_str().unwrap().parse().unwrap();
        assert!(size_bytes <= SINGLE_WRITE_BYTES_MAX, "a part of {size_bytes} bytes");
    }
}
