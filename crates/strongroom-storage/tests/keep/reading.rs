//! Nothing that is wrong is handed out as if it were right.

use futures::TryStreamExt as _;
use std::ops::Range;
use strongroom_storage::VersionId;
use strongroom_storage::keep::Verdict;
use strongroom_testkit::fixtures::random_bytes;
use strongroom_testkit::s3::Op;

use super::*;

async fn read(
    store: &dyn Storage,
    version: Option<&VersionId>,
    range: Option<Range<u64>>,
    expected: Expected,
) -> Result<Vec<u8>, (usize, KeepErrorKind)> {
    let reader = keep::read(store, &key(), version, range, expected).await;
    let mut stream = reader.map_err(|error| (0, error.kind()))?.stream;
    let mut read = Vec::new();
    loop {
        match stream.try_next().await {
            Ok(Some(piece)) => read.extend_from_slice(&piece),
            Ok(None) => return Ok(read),
            Err(error) => {
                assert!(stream.try_next().await.unwrap().is_none(), "an error is the end");
                return Err((read.len(), error.kind()));
            }
        }
    }
}

#[tokio::test]
async fn a_version_is_read_whole_or_in_part_whatever_was_put_on_top_of_it() {
    let shelf = Shelf::new(BucketSettings::versioned()).await;
    let store = shelf.store().await;
    let bytes = random_bytes(300_000, 1);
    let version = write(&*store, &bytes, ask()).await.unwrap().version;
    shelf.bucket().plant_over(&shelf.whole_key(), random_bytes(300_000, 2));
    let pinned = version.as_ref();
    assert!(read(&*store, pinned, None, expected(&bytes)).await == Ok(bytes.clone()));
    let part = read(&*store, pinned, Some(10..100), expected(&bytes)).await;
    assert!(part == Ok(bytes[10..100].to_vec()));
    let verdict = keep::verify(&*store, &key(), pinned, expected(&bytes)).await.unwrap();
    assert!(matches!(verdict, Verdict::Verified(info) if info.version == version));
}

#[tokio::test]
async fn an_empty_object_is_read_and_verified() {
    let (_folder, stores) = local_stores();
    for store in stores {
        write(&*store, b"", ask()).await.unwrap();
        assert_eq!(read(&*store, None, None, expected(b"")).await, Ok(Vec::new()));
        let verdict = keep::verify(&*store, &key(), None, expected(b"")).await.unwrap();
        assert!(matches!(verdict, Verdict::Verified(_)), "{verdict:?}");
    }
}

#[tokio::test]
async fn a_whole_read_of_other_bytes_ends_with_an_error_before_its_end() {
    let shelf = Shelf::new(BucketSettings::plain()).await;
    let store = shelf.store().await;
    let bytes = random_bytes(300_000, 1);
    shelf.bucket().put(&shelf.whole_key(), random_bytes(300_000, 2));
    for range in [None, Some(0..300_000), Some(0..900_000)] {
        let (handed_out, kind) = read(&*store, None, range, expected(&bytes)).await.unwrap_err();
        assert_eq!(kind, KeepErrorKind::Corrupt);
        assert!(handed_out < bytes.len(), "the last piece was handed out");
    }
    let other_size = read(&*store, None, None, expected(&bytes[1..])).await;
    assert_eq!(other_size, Err((0, KeepErrorKind::Corrupt)), "nothing was handed out");
    let part = read(&*store, None, Some(1..9), expected(&bytes[1..])).await;
    assert_eq!(part, Err((0, KeepErrorKind::Corrupt)));
}

#[tokio::test]
async fn a_verdict_tells_missing_from_corrupt_from_not_retrievable_and_says_nothing_when_denied() {
    let shelf = Shelf::new(BucketSettings::versioned()).await;
    let store = shelf.store().await;
    let verify = async |bytes: &[u8]| keep::verify(&*store, &key(), None, expected(bytes)).await;
    assert!(matches!(verify(b"right").await, Ok(Verdict::Missing)));
    write(&*store, b"right", ask()).await.unwrap();
    let found = Sha256Digest::of(b"right");
    let same_size = verify(b"wrong").await.unwrap();
    assert!(
        matches!(same_size, Verdict::Corrupt { size_bytes: 5, sha256: Some(sha256) } if sha256 == found)
    );
    let unread = shelf.server.count(Op::GetObject);
    let other_size = verify(b"longer than that").await.unwrap();
    assert!(matches!(other_size, Verdict::Corrupt { size_bytes: 5, sha256: None }));
    assert!(shelf.server.count(Op::GetObject) > unread);

    let faults = shelf.server.faults();
    faults.on(Op::GetObject).answer_with(403, "InvalidObjectState");
    assert!(matches!(verify(b"right").await, Ok(Verdict::NotRetrievable)));
    faults.clear();
    faults.on(Op::GetObject).answer(403);
    let denied = verify(b"right").await.unwrap_err();
    assert_eq!(denied.kind(), StorageErrorKind::PermissionDenied);
    faults.clear();
    faults.on(Op::GetObject).flip_a_bit();
    assert!(matches!(verify(b"right").await, Ok(Verdict::Corrupt { .. })));
}

#[tokio::test]
async fn a_connection_that_breaks_is_resumed_and_the_whole_is_verified_still() {
    let shelf = Shelf::new(BucketSettings::plain()).await;
    let store = shelf.store().await;
    let bytes = random_bytes(2 << 20, 1);
    write(&*store, &bytes, ask()).await.unwrap();
    let cut = shelf.server.faults().on(Op::GetObject).nth(1).cut_body_after(1 << 20);
    assert!(read(&*store, None, None, expected(&bytes)).await == Ok(bytes));
    assert_eq!(cut.fired(), 1);
}
