//! Wherever a process ends between bytes, records and rows: what was acknowledged is there, nothing is stranded, and
//! the same again ends well. The steps are those of `docs/CRASH-POINTS.md`, which says what becomes of which of them.

mod aftermath;
mod archive;
mod bench;
mod flow;
mod hold;
mod page;
mod scene;

use strongroom_testkit::steps::{Step, What};

use self::bench::{Bench, Place};
use self::flow::Flow;
use crate::engines::Engine;

/// What becomes of steps. A process that ends before a step leaves what one leaves that ended after the last change.
const WAYS: [What; 4] = [What::FailsBefore, What::AnswerLost, What::StopsInside, What::StopsAfter];

/// Whether it is worth having this become of a step. After a step that changes nothing everything is as before it.
fn is_worth_it(bench: &Bench, what: &What, step: &Step) -> bool {
    match what {
        What::AnswerLost | What::StopsAfter => step.changes,
        // What is not written does not depend on where it would have been.
        _ if !bench.is_the_first() => false,
        What::FailsBefore => true,
        _ => step.name.starts_with("store: create"),
    }
}

/// Takes a flow again and again, each time with something else becoming of another of its steps, on each engine.
async fn at_every_step(flow: Flow) {
    Bench::on_each_engine(flow, async |bench: Bench| {
        Box::pin(every_step(flow, bench)).await;
    })
    .await;
}

/// The same on a bucket, where an object has versions, and each version a lock of its own.
async fn at_every_step_on_a_bucket(flow: Flow) {
    every_step(flow, Bench::on(flow, Place::Bucket(Engine::Sqlite)).await).await;
}

async fn every_step(flow: Flow, mut bench: Bench) {
    let listed = bench.steps().await;
    let section = page::section(flow, &listed);
    // A bucket is asked for its versions besides.
    assert!(
        !bench.is_listed() || page::written().contains(&section),
        "docs/CRASH-POINTS.md lists other steps than these, on {}; STRONGROOM_WRITE_EXPECTED=1 writes them:\n{section}",
        bench.place()
    );
    for what in WAYS {
        for (number, step) in (1..).zip(&listed) {
            if is_worth_it(&bench, &what, step) {
                bench = bench.take(number, step, &what).await;
            }
        }
    }
    bench.end().await;
}

macro_rules! at_every_step {
    ($($(#[$meta:meta])* $test:ident: $flow:ident;)+) => {
        $($(#[$meta])* #[tokio::test] async fn $test() { at_every_step(Flow::$flow).await; })+
        /// Every flow that a test takes.
        const TAKEN: &[Flow] = &[$(Flow::$flow),+];
    };
}

at_every_step! {
    making_a_package_may_end_at_any_step: Create;
    an_upload_may_end_at_any_step: Upload;
    an_upload_that_needs_a_record_may_end_at_any_step: UploadOnRecord;
    beginning_an_upload_may_end_at_any_step: BeginUpload;
    an_upload_in_parts_may_end_at_any_step: UploadInParts;
    ingesting_local_files_may_end_at_any_step: Ingest;
    giving_an_upload_up_may_end_at_any_step: GiveUp;
    finalizing_may_end_at_any_step: Finalize;
    finalizing_with_a_signature_may_end_at_any_step: FinalizeSigned;
    extending_may_end_at_any_step: Extend;
    placing_a_hold_may_end_at_any_step: PlaceHold;
    releasing_a_hold_may_end_at_any_step: ReleaseHold;
    agreeing_to_a_release_may_end_at_any_step: AgreeToRelease;
    asking_for_a_deletion_may_end_at_any_step: RequestDeletion;
    agreeing_to_a_deletion_may_end_at_any_step: AgreeToDeletion;
    taking_a_deletion_back_may_end_at_any_step: CancelDeletion;
    finding_a_package_expired_may_end_at_any_step: Expire;
    deleting_may_end_at_any_step: Delete;
    holding_what_is_being_deleted_may_end_at_any_step: HoldWhileDeleting;
    abandoning_may_end_at_any_step: Abandon;
    restoring_may_end_at_any_step: Restore;
}

#[tokio::test]
async fn an_upload_to_a_bucket_may_end_at_any_change() {
    at_every_step_on_a_bucket(Flow::Upload).await;
}

#[tokio::test]
async fn finalizing_on_a_bucket_may_end_at_any_change() {
    at_every_step_on_a_bucket(Flow::Finalize).await;
}

#[tokio::test]
async fn finalizing_with_a_signature_on_a_bucket_may_end_at_any_change() {
    at_every_step_on_a_bucket(Flow::FinalizeSigned).await;
}

#[tokio::test]
async fn deleting_from_a_bucket_may_end_at_any_change() {
    at_every_step_on_a_bucket(Flow::Delete).await;
}

#[tokio::test]
async fn a_hold_before_any_step_of_a_deletion_keeps_whatever_has_not_begun_to_go() {
    Bench::on_each_engine(Flow::Delete, async |bench: Bench| {
        Box::pin(bench.held_before_every_step()).await;
    })
    .await;
}

#[tokio::test]
async fn a_hold_before_any_step_of_a_deletion_from_a_bucket_keeps_whatever_has_not_begun_to_go() {
    Bench::on(Flow::Delete, Place::Bucket(Engine::Sqlite)).await.held_before_every_step().await;
}

#[tokio::test]
async fn the_page_about_crash_points_lists_every_step_of_every_flow() {
    assert_eq!(TAKEN, Flow::ALL, "a flow without a test");
    let mut sections = Vec::new();
    for flow in Flow::ALL {
        let mut bench = Bench::on(*flow, Place::of(*flow, Engine::Sqlite)).await;
        let listed = bench.steps().await;
        sections.push(page::section(*flow, &listed));
    }
    let page = page::page(&sections);
    if page::is_asked_to_write() {
        std::fs::write(page::path(), &page).unwrap();
    }
    assert_eq!(page::written(), page, "STRONGROOM_WRITE_EXPECTED=1 makes it again");
}
