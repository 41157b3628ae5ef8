//! What a store is set up to do, and what was agreed to, is respected and judged.

use jiff::civil::date;
use strongroom_core::observed::Unobserved;
use strongroom_core::retention::LockMode;
use strongroom_storage::analyze::consent::Consent;
use strongroom_storage::analyze::requirement::Requirement;
use strongroom_storage::analyze::verdict::{Depth, Verdict};
use strongroom_testkit::s3::server::{ACCESS_KEY, SECRET_KEY};
use strongroom_testkit::s3::{BucketSettings, Lie, Right, User};

use super::{
    BUCKET, WRITER, analyzed, good_bucket, honest, options, requirement, run, settings, verdicts,
    words_of,
};

#[tokio::test(flavor = "multi_thread")]
async fn without_consent_no_compliance_lock_is_set_and_worm_is_not_met() {
    let server = honest().start().await;
    let mut options = options(Depth::Quick, 1);
    options.consent.accepted_until = None;
    options.required = vec![Requirement::Worm];
    let report = run(&settings(&server, WRITER, "writersecret"), &options).await;
    let check = report.checks.iter().find(|check| check.id == "compliance.delete_version").unwrap();
    assert_eq!(check.unobserved, Some(Unobserved::WouldLock));
    assert_eq!(requirement(&report, Requirement::Worm), Verdict::Unobserved);
    assert_eq!(requirement(&report, Requirement::Governance), Verdict::Enforced);
    assert_eq!(report.unmet().count(), 1);
    assert!(server.requests().iter().all(|request| {
        !request.headers.values().any(|value| value.as_bytes() == b"COMPLIANCE")
    }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_locks_by_itself_for_long_is_not_written_to() {
    for mode in [LockMode::Governance, LockMode::Compliance] {
        let server =
            honest().bucket(BUCKET, good_bucket().default_retention(mode, 1)).start().await;
        for accepted_until in [None, Some(date(2020, 1, 1))] {
            let mut options = options(Depth::Full, 1);
            options.consent = Consent { max_lock_seconds: 60, accepted_until };
            let report = run(&settings(&server, WRITER, "writersecret"), &options).await;
            assert!(report.leftovers.is_empty(), "{:?}", report.leftovers);
            let writing = report.checks.iter().filter(|check| !check.id.starts_with("posture."));
            for check in writing {
                assert_eq!(check.unobserved, Some(Unobserved::WouldLock), "{}", check.id);
                assert!(check.requests.is_empty(), "{}", check.id);
            }
        }
        assert!(server.bucket(BUCKET).keys().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_default_retention_that_cannot_be_read_is_not_risked() {
    let user = User::new("blind", "blindsecret").without(Right::ReadLocks);
    let server = honest().user(user).start().await;
    let mut options = options(Depth::Quick, 1);
    options.consent.accepted_until = None;
    let report = run(&settings(&server, "blind", "blindsecret"), &options).await;
    let check = report.checks.iter().find(|check| check.id == "create_only.put").unwrap();
    assert_eq!(check.unobserved, Some(Unobserved::WouldLock), "{}", check.observed);
    assert!(server.bucket(BUCKET).keys().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_a_writer_should_not_have_are_told() {
    let server = honest().start().await;
    let owner = run(&settings(&server, ACCESS_KEY, SECRET_KEY), &options(Depth::Quick, 1)).await;
    let seen = verdicts(&owner);
    assert_eq!(
        seen["governance.bypass"],
        Verdict::GovernanceOnly,
        "{}",
        words_of(&owner, "governance.bypass")
    );
    assert_eq!(seen["rights.lock_configuration"], Verdict::NotEnforced);
    assert_eq!(seen["rights.delete_version"], Verdict::NotEnforced);
    assert_eq!(requirement(&owner, Requirement::Worm), Verdict::Enforced);

    let careful = User::new("careful", "carefulsecret")
        .without(Right::DeleteVersions)
        .without(Right::ConfigureLocks)
        .without(Right::BypassGovernance);
    let server = honest().user(careful).start().await;
    let report =
        run(&settings(&server, "careful", "carefulsecret"), &options(Depth::Quick, 1)).await;
    let seen = verdicts(&report);
    for id in ["governance.bypass", "rights.lock_configuration", "rights.delete_version"] {
        assert_eq!(seen[id], Verdict::Enforced, "{}", words_of(&report, id));
    }
    assert!(!report.leftovers.is_empty(), "nothing could be deleted, and it is said");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_not_there_is_an_error_and_no_report() {
    let server = honest().start().await;
    let mut settings = settings(&server, WRITER, "writersecret");
    settings.endpoint = Some("http://127.0.0.1:1".to_owned());
    let target =
        strongroom_storage::analyze::Target::open(&settings, strongroom_storage::Clock::system())
            .await
            .unwrap();
    let options = options(Depth::Quick, 1);
    let stop = std::future::pending();
    let refused = strongroom_storage::analyze::analyze(&target, &options, stop, &|_| {}).await;
    assert_eq!(refused.unwrap_err().kind(), strongroom_storage::StorageErrorKind::Unreachable);
}

#[tokio::test(flavor = "multi_thread")]
async fn posture_is_judged_by_what_the_bucket_says() {
    let server = honest().bucket(BUCKET, BucketSettings::plain()).start().await;
    let report = analyzed(&server, Depth::Quick, 1).await;
    let seen = verdicts(&report);
    for id in ["posture.versioning", "posture.object_lock", "posture.encryption"] {
        assert_eq!(seen[id], Verdict::NotEnforced, "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_lock_is_shortened_to_a_date_that_is_still_to_come() {
    let server = honest().lie(Lie::ShortensCompliance).start().await;
    let mut options = options(Depth::Quick, 1);
    options.consent.max_lock_seconds = 15;
    let report = run(&settings(&server, WRITER, "writersecret"), &options).await;
    assert_eq!(verdicts(&report)["compliance.shorten"], Verdict::NotEnforced);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_right_is_no_finding() {
    let rights = [Right::WriteLocks, Right::DeleteVersions];
    let user = rights.into_iter().fold(User::new("few", "fewsecret"), User::without);
    let server = honest().user(user).start().await;
    let report = run(&settings(&server, "few", "fewsecret"), &options(Depth::Quick, 1)).await;
    let seen = verdicts(&report);
    for id in ["lock.in_put", "lock.after_the_fact", "lock_rules.past_date", "hold.release"] {
        assert_eq!(seen[id], Verdict::Unobserved, "{}", words_of(&report, id));
    }
}
