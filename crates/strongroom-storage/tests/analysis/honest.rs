//! With no lie no check fails, whatever the seed.

use futures::{StreamExt as _, stream};
use strongroom_core::retention::LockMode;
use strongroom_storage::analyze::requirement::Requirement;
use strongroom_storage::analyze::verdict::{Depth, Verdict};
use strongroom_testkit::s3::BucketSettings;

use super::{
    BUCKET, analyzed, failed, good_bucket, honest, requirement, settings, verdicts, words_of,
};

/// What says nothing of the store, and is so on every server of these tests.
const OF_THE_SETTING: [&str; 3] =
    ["posture.tls", "posture.default_retention", "rights.delete_version"];

#[tokio::test(flavor = "multi_thread")]
async fn on_an_honest_store_no_check_fails() {
    let server = honest().start().await;
    let report = analyzed(&server, Depth::Full, 1).await;
    let failed: Vec<&str> =
        failed(&report).into_iter().filter(|id| !OF_THE_SETTING.contains(id)).collect();
    let words: Vec<String> = failed.iter().map(|id| words_of(&report, id)).collect();
    assert!(failed.is_empty(), "{}", words.join("\n"));
    let unobserved: Vec<String> = report
        .checks
        .iter()
        .filter(|check| check.verdict == Verdict::Unobserved && !check.id.starts_with("default."))
        .map(|check| words_of(&report, &check.id))
        .collect();
    assert!(unobserved.is_empty(), "{}", unobserved.join("\n"));
    for asked in Requirement::ALL {
        assert_eq!(requirement(&report, asked), Verdict::Enforced, "{asked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_default_retention_is_seen_to_be_applied() {
    let bucket = good_bucket().default_retention(LockMode::Governance, 1);
    let server = honest().bucket(BUCKET, bucket).start().await;
    let report = analyzed(&server, Depth::Standard, 1).await;
    for id in ["default.put", "default.multipart", "default.with_hold", "posture.default_retention"]
    {
        assert_eq!(verdicts(&report)[id], Verdict::Enforced, "{}", words_of(&report, id));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_seeds_come_to_the_same_verdicts() {
    const AT_ONCE: usize = 6;
    let reports = stream::iter(0..20)
        .map(|seed| async move {
            let server = honest().start().await;
            analyzed(&server, Depth::Standard, seed).await
        })
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    for report in &reports {
        assert_eq!(verdicts(report), verdicts(&reports[0]), "seed {}", report.seed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_sends_the_same_requests() {
    let server = honest().start().await;
    let (first, second) =
        (analyzed(&server, Depth::Quick, 7).await, analyzed(&server, Depth::Quick, 7).await);
    for (first, second) in first.checks.iter().zip(&second.checks) {
        // What goes out at once may come back in any order.
        let sorted = |lines: &[String]| {
            let mut lines = lines.to_vec();
            lines.sort_unstable();
            lines
        };
        assert_eq!(sorted(&first.requests), sorted(&second.requests), "{}", first.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_check_sends_more_requests_than_it_says() {
    let server = honest().start().await;
    let settings = settings(&server, super::WRITER, "writersecret");
    let mut options = super::options(Depth::Standard, 3);
    let whole = super::run(&settings, &options).await;
    options.budget_requests = Some(200);
    let part = super::run(&settings, &options).await;
    let ran = part.checks.iter().filter(|check| !check.requests.is_empty()).count();
    assert!(ran > 10 && ran < whole.checks.len(), "{ran}");
    let counted: u64 = part
        .checks
        .iter()
        .flat_map(|check| &check.requests)
        .map(|line| match line.rsplit_once(" (x") {
            Some((_, count)) => count.trim_end_matches(')').parse().unwrap_or(1),
            None => 1,
        })
        .sum();
    assert!(counted <= 200, "{counted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_without_object_lock_is_not_worm() {
    for bucket in [BucketSettings::plain(), BucketSettings::versioned()] {
        let server = honest().bucket(BUCKET, bucket).start().await;
        let report = analyzed(&server, Depth::Standard, 1).await;
        assert_eq!(requirement(&report, Requirement::Worm), Verdict::NotEnforced);
        assert_eq!(requirement(&report, Requirement::Governance), Verdict::NotEnforced);
        assert_eq!(requirement(&report, Requirement::Integrity), Verdict::Enforced);
    }
}
