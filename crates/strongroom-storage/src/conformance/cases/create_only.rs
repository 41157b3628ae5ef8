//! Only if nothing is there: one after the other, and all at once.

use bytes::Bytes;
use futures::future::join_all;
use strongroom_core::observed::{Observed, Unobserved};

use crate::conformance::body::{body, bytes};
use crate::conformance::run::{
    Departure, OrFinding as _, Run, Verdict, check, check_refused, found, told,
};
use crate::{CreateOptions, Created, ObjectKey, SINGLE_WRITE_BYTES_MAX, StorageErrorKind};

const SMALL_BYTES: u64 = 1_000;
const IN_PARTS_BYTES: u64 = SINGLE_WRITE_BYTES_MAX + 1;
const RACERS: u8 = 12;
/// Each of these sends more than [`SINGLE_WRITE_BYTES_MAX`].
const RACERS_IN_PARTS: u8 = 4;

pub(super) async fn second_create(run: &Run<'_>) -> Verdict {
    a_second_create(run, "create-only/second", SMALL_BYTES).await
}

pub(super) async fn second_create_in_parts(run: &Run<'_>) -> Verdict {
    a_second_create(run, "create-only/second-in-parts", IN_PARTS_BYTES).await
}

async fn a_second_create(run: &Run<'_>, name: &str, size_bytes: u64) -> Verdict {
    let key = run.key(name)?;
    let first = run.create(&key, body(1, size_bytes)).await?;
    let second = run.store.create(&key, body(2, size_bytes), &CreateOptions::default()).await;
    check_refused(second, &[StorageErrorKind::AlreadyExists], "second_create_accepted")?;
    is_kept(run, &key, &first, 1, size_bytes).await
}

/// The bytes of one create are still there, under its version where there are versions.
async fn is_kept(
    run: &Run<'_>,
    key: &ObjectKey,
    created: &Created,
    seed: u8,
    size_bytes: u64,
) -> Verdict {
    let read = run.read(key, created.version.as_ref(), size_bytes).await;
    let read = read.or_finding("stored_bytes_lost")?;
    check(read == bytes(seed, size_bytes), "stored_bytes_lost", "other bytes are there")
}

pub(super) async fn race(run: &Run<'_>) -> Verdict {
    a_race(run, "create-only/race", RACERS, SMALL_BYTES).await
}

pub(super) async fn race_in_parts(run: &Run<'_>) -> Verdict {
    a_race(run, "create-only/race-in-parts", RACERS_IN_PARTS, IN_PARTS_BYTES).await
}

async fn a_race(run: &Run<'_>, name: &str, racers: u8, size_bytes: u64) -> Verdict {
    let key = run.key(name)?;
    let options = CreateOptions::default();
    let creates =
        (0..racers).map(|racer| run.store.create(&key, body(racer, size_bytes), &options));
    let mut winners = Vec::new();
    for (racer, result) in (0..racers).zip(join_all(creates).await) {
        match result {
            Ok(created) => winners.push((racer, created)),
            Err(refused) if refused.kind() == StorageErrorKind::AlreadyExists => {}
            Err(failed) => return found("race_failed", told(&failed)),
        }
    }
    check(!winners.is_empty(), "race_without_winner", "every create was refused")?;
    // Several winners are versions where there are versions: none may have lost its bytes.
    for (racer, created) in &winners {
        is_kept(run, &key, created, *racer, size_bytes).await?;
    }
    check(winners.len() == 1, "several_winners", format_args!("{} of {racers}", winners.len()))
}

pub(super) async fn probe(run: &Run<'_>) -> Verdict {
    let key = run.key("create-only/probe")?;
    let stored = Bytes::from_static(b"a small body");
    run.create(&key, stored.clone()).await?;
    match run.store.probe_create_only(&key, &stored).await.or_finding("probe_failed")? {
        Observed::Observed(true) => {}
        Observed::Observed(false) => return found("not_enforced", "a second create is accepted"),
        Observed::Unobserved(Unobserved::UnsupportedBackend) => {
            return Err(Departure::Skipped("the store cannot be asked"));
        }
        Observed::Unobserved(reason) => return found("enforcement_unobserved", reason),
    }
    let read = run.read(&key, None, 100).await.or_finding("read_failed")?;
    check(read == stored, "probe_changed_the_object", read.len())
}
