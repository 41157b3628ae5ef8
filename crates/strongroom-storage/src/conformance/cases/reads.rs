//! Reading: whole or absent, in ranges, never a part that pretends to be the whole.

use futures::future::{Either, select};
use futures::pin_mut;

use crate::conformance::body::{body, bytes};
use crate::conformance::run::{OrFinding as _, Run, Verdict, check, check_refused, found, told};
use crate::{CreateOptions, StorageErrorKind};

const SIZE_BYTES: u64 = 300_000;
/// How often a write is watched.
const WATCHED_WRITES: u8 = 6;

pub(super) async fn whole_object(run: &Run<'_>) -> Verdict {
    let key = run.key("reads/whole")?;
    run.create(&key, body(1, SIZE_BYTES)).await?;
    let info = run.store.head(&key, None).await.or_finding("head_failed")?;
    check(info.size_bytes == SIZE_BYTES, "wrong_size", info.size_bytes)?;
    let reader = run.store.read(&key, None, None).await.or_finding("read_failed")?;
    let told_size = reader.info.size_bytes;
    check(told_size == SIZE_BYTES, "wrong_size", told_size)?;
    let read = reader.collect(SIZE_BYTES).await.or_finding("read_failed")?;
    check(read == bytes(1, SIZE_BYTES), "other_bytes", read.len())
}

pub(super) async fn empty_object(run: &Run<'_>) -> Verdict {
    let key = run.key("reads/empty")?;
    run.create(&key, body(0, 0)).await?;
    let read = run.read(&key, None, 1).await.or_finding("read_failed")?;
    check(read.is_empty(), "other_bytes", read.len())
}

pub(super) async fn absent_object(run: &Run<'_>) -> Verdict {
    let key = run.key("reads/absent")?;
    let absent = [StorageErrorKind::NotFound];
    check_refused(run.store.head(&key, None).await, &absent, "head_of_nothing")?;
    check_refused(run.store.read(&key, None, None).await, &absent, "read_of_nothing")
}

pub(super) async fn ranges(run: &Run<'_>) -> Verdict {
    let key = run.key("reads/ranges")?;
    run.create(&key, body(2, SIZE_BYTES)).await?;
    let whole = bytes(2, SIZE_BYTES);
    for range in [0..1, 0..SIZE_BYTES, 7..8, 262_140..262_150, 299_999..300_000, 200_000..900_000] {
        let end = range.end.min(SIZE_BYTES) as usize;
        let expected = whole.slice(range.start as usize..end);
        let reader =
            run.store.read(&key, None, Some(range.clone())).await.or_finding("range_failed")?;
        let told_size = reader.info.size_bytes;
        check(told_size == SIZE_BYTES, "range_told_as_the_whole", told_size)?;
        let read = reader.collect(SIZE_BYTES).await.or_finding("range_failed")?;
        check(read == expected, "other_bytes_in_range", format_args!("{range:?}"))?;
    }
    Ok(())
}

pub(super) async fn range_past_the_end(run: &Run<'_>) -> Verdict {
    let key = run.key("reads/past")?;
    run.create(&key, body(3, 10)).await?;
    let past = run.store.read(&key, None, Some(10..11)).await;
    check_refused(past, &[StorageErrorKind::InvalidRequest], "range_past_the_end_accepted")
}

/// Reads while an object is being written find nothing, or all of it.
pub(super) async fn never_partial_while_written(run: &Run<'_>) -> Verdict {
    let options = CreateOptions::default();
    for write in 0..WATCHED_WRITES {
        let key = run.key(&format!("reads/watched-{write}"))?;
        let expected = bytes(write, SIZE_BYTES);
        let watch = async {
            loop {
                match run.read(&key, None, SIZE_BYTES).await {
                    Ok(read) if read == expected => {}
                    Ok(read) => return found::<()>("partial_read", read.len()),
                    Err(absent) if absent.kind() == StorageErrorKind::NotFound => {}
                    Err(failed) => return found("read_failed", told(&failed)),
                }
                tokio::task::yield_now().await;
            }
        };
        let written = run.store.create(&key, body(write, SIZE_BYTES), &options);
        pin_mut!(watch);
        match select(written, watch).await {
            Either::Left((written, _)) => {
                written.or_finding("create_failed")?;
            }
            Either::Right((watched, _)) => return watched,
        }
        let read = run.read(&key, None, SIZE_BYTES).await.or_finding("not_read_after_write")?;
        check(read == expected, "other_bytes_after_write", read.len())?;
    }
    Ok(())
}
