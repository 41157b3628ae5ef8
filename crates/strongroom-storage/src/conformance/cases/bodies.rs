//! Bodies that are large, that fail, and whose writer goes away.

use std::time::Duration;

use futures::StreamExt as _;
use futures::future::{Either, select};
use strongroom_core::Sha256Digest;
use strongroom_core::digest::Sha256Hasher;

use crate::conformance::body::{LARGE_BYTES, body, body_that_fails, digest, endless};
use crate::conformance::run::{
    Departure, OrFinding as _, Run, Verdict, check, check_refused, found,
};
use crate::{Body, CreateOptions, ObjectKey, SINGLE_WRITE_BYTES_MAX, StorageErrorKind};

const SMALL_BYTES: u64 = 300_000;
/// Enough for at least one part to be on its way.
const IN_PARTS_BYTES: u64 = SINGLE_WRITE_BYTES_MAX + (4 << 20);
/// How long a write goes on before its writer goes away.
const DROP_AFTER: Duration = Duration::from_millis(300);

pub(super) async fn large(run: &Run<'_>) -> Verdict {
    let key = run.key("bodies/large")?;
    let created = run.create(&key, body(1, LARGE_BYTES)).await?;
    check(created.size_bytes == LARGE_BYTES, "wrong_size", created.size_bytes)?;
    let expected = digest(1, LARGE_BYTES);
    let read = read_digest(run, &key).await?;
    check(read == expected, "other_bytes", read)
}

async fn read_digest(run: &Run<'_>, key: &ObjectKey) -> Result<Sha256Digest, Departure> {
    let mut reader = run.store.read(key, None, None).await.or_finding("read_failed")?;
    let mut hasher = Sha256Hasher::new();
    while let Some(piece) = reader.stream.next().await {
        hasher.update(&piece.or_finding("read_failed")?);
    }
    Ok(hasher.finish())
}

pub(super) async fn failing(run: &Run<'_>) -> Verdict {
    a_failing_body(run, "bodies/failing", SMALL_BYTES).await
}

pub(super) async fn failing_in_parts(run: &Run<'_>) -> Verdict {
    a_failing_body(run, "bodies/failing-in-parts", IN_PARTS_BYTES).await
}

async fn a_failing_body(run: &Run<'_>, name: &str, size_bytes: u64) -> Verdict {
    let key = run.key(name)?;
    let options = CreateOptions::default();
    let created = run.store.create(&key, body_that_fails(2, size_bytes), &options).await;
    check_refused(created, &[StorageErrorKind::BodyFailed], "failure_not_told")?;
    leaves_the_key_free(run, &key).await
}

pub(super) async fn dropped(run: &Run<'_>) -> Verdict {
    a_dropped_write(run, "bodies/dropped", SMALL_BYTES).await
}

pub(super) async fn dropped_in_parts(run: &Run<'_>) -> Verdict {
    a_dropped_write(run, "bodies/dropped-in-parts", IN_PARTS_BYTES).await
}

async fn a_dropped_write(run: &Run<'_>, name: &str, size_bytes: u64) -> Verdict {
    let key = run.key(name)?;
    let options = CreateOptions::default();
    let create = run.store.create(&key, endless(3, size_bytes), &options);
    match select(create, Box::pin(tokio::time::sleep(DROP_AFTER))).await {
        Either::Left((ended, _)) => {
            ended.or_finding("create_failed")?;
            return found("ended_before_its_body", "it was stored");
        }
        Either::Right((_, create)) => drop(create),
    }
    leaves_the_key_free(run, &key).await
}

async fn leaves_the_key_free(run: &Run<'_>, key: &ObjectKey) -> Verdict {
    check(run.is_absent(key).await?, "object_without_its_body", "something is there")?;
    run.create(key, body(4, SMALL_BYTES)).await?;
    let read = read_digest(run, key).await?;
    check(read == digest(4, SMALL_BYTES), "other_bytes", read)
}

pub(super) async fn longer_than_announced(run: &Run<'_>) -> Verdict {
    let key = run.key("bodies/longer")?;
    let longer = Body { size_bytes_max: SMALL_BYTES - 1, ..body(5, SMALL_BYTES) };
    let created = run.store.create(&key, longer, &CreateOptions::default()).await;
    check_refused(created, &[StorageErrorKind::Limit], "longer_body_accepted")?;
    leaves_the_key_free(run, &key).await
}
