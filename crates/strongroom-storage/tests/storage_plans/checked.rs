//! A plan against stores that are set up well, badly, and silently: the right rows, and no others.

use http::Method;
use strongroom_core::retention::LockMode;
use strongroom_core::storage_plan::clauses::ClauseVerdict;
use strongroom_core::storage_plan::settings::{Level, Setting};
use strongroom_storage::evidence::storage_plan::{ObjectStanding, Standing, StorageCheck, check};
use strongroom_storage::evidence::{Push, PushSource};
use strongroom_testkit::s3::{Right, Versioning};

use super::*;

async fn checked(desk: &Desk, store: &dyn Storage, request: &PlanRequest) -> StorageCheck {
    let plan = desk.plan(request).await.plan;
    desk.server.reset_requests();
    let checked = check(store, &plan, &Clock::system()).await.unwrap();
    let asked = desk.server.requests();
    let only_questions = |method: &Method| matches!(*method, Method::GET | Method::HEAD);
    assert!(asked.iter().all(|request| only_questions(&request.method)), "a check only asks");
    checked
}

fn verdict(checked: &StorageCheck, id: &str) -> ClauseVerdict {
    checked.clauses.iter().find(|row| row.id == id).expect(id).verdict
}

const WORM: &str = "sec_17a-4_f_2_i_b";

#[tokio::test]
async fn a_bucket_that_is_set_up_as_planned_holds_in_every_row() {
    let desk = Desk::with(good()).await;
    let checked = checked(&desk, &*desk.store().await, &strict()).await;
    assert!(checked.holds, "{checked:#?}");
    assert!(checked.settings.iter().all(|row| row.standing == Standing::Holds), "{checked:#?}");
    let standings: Vec<_> = checked.objects.iter().map(|row| row.standing).collect();
    use ObjectStanding::{DecidedAtPush, Free};
    assert_eq!(standings, [Free, Free, DecidedAtPush, Free, DecidedAtPush]);
    for id in [WORM, "finra_4511_b", "finra_4511_c", "cftc_1.31_b_3", "eu_ai_act_26_6"] {
        assert_eq!(verdict(&checked, id), ClauseVerdict::Meets, "{id}");
    }
    for id in ["sec_17a-4_f_2_i_a", "sec_17a-4_f_3_v"] {
        assert_eq!(verdict(&checked, id), ClauseVerdict::CannotShow, "{id}");
    }
}

/// How a bucket is set up, the settings that fail then, and what becomes of the clause about records that
/// cannot be erased.
type Bad = (&'static str, BucketSettings, &'static [Setting], ClauseVerdict);

fn bad() -> Vec<Bad> {
    use ClauseVerdict::{Fails, Meets};
    use Setting::{
        DefaultRetention, Encryption, ObjectLock, PublicAccessBlocked, TlsOnly,
        Versioning as Versions,
    };
    let compliance =
        |settings: BucketSettings, days| settings.default_retention(LockMode::Compliance, days);
    let bare = || compliance(BucketSettings::locked(), 30).aborts_unfinished_after(2);
    vec![
        ("no versioning", good().versioning(Versioning::Disabled), &[Versions], Fails),
        ("versioning suspended", good().versioning(Versioning::Suspended), &[Versions], Fails),
        (
            "no Object Lock, and so no default",
            dressed(BucketSettings::versioned()),
            &[ObjectLock, DefaultRetention],
            Fails,
        ),
        ("no default retention", dressed(BucketSettings::locked()), &[DefaultRetention], Meets),
        (
            "a default of GOVERNANCE where COMPLIANCE is required",
            dressed(BucketSettings::locked()).default_retention(LockMode::Governance, 30),
            &[DefaultRetention],
            Meets,
        ),
        (
            "a default that is a day too short",
            compliance(dressed(BucketSettings::locked()), 29),
            &[DefaultRetention],
            Meets,
        ),
        (
            "no encryption",
            bare().public_access_blocked(true).policy(TLS_ONLY),
            &[Encryption],
            Meets,
        ),
        (
            "public",
            bare().encryption("AES256", None).policy(TLS_ONLY).public_by_policy(true),
            &[PublicAccessBlocked],
            Meets,
        ),
        (
            "requests without TLS allowed",
            bare().encryption("AES256", None).public_access_blocked(true),
            &[TlsOnly],
            Meets,
        ),
    ]
}

#[tokio::test]
async fn what_is_set_up_badly_fails_in_its_row_and_in_no_other() {
    for (name, settings, fails, worm) in bad() {
        let desk = Desk::with(settings).await;
        let checked = checked(&desk, &*desk.store().await, &strict()).await;
        let missing: Vec<&str> = fails.iter().map(|setting| setting.id()).collect();
        assert_eq!(checked.missing, missing, "{name}: {:#?}", checked.settings);
        assert_eq!(checked.unobserved, [""; 0], "{name}");
        assert!(!checked.holds, "{name}");
        assert_eq!(verdict(&checked, WORM), worm, "{name}");
    }
}

#[tokio::test]
async fn another_encryption_than_the_one_that_is_asked_for_is_missing() {
    let desk = Desk::with(good()).await;
    let mut settings = desk.settings_of(desk.server.owner());
    settings.encryption =
        Some(strongroom_storage::open::ServerSideEncryption::Kms { key_id: None });
    let store = open(&settings, Clock::system()).await.unwrap();
    let source = PlanSource::Archive(desk.archive());
    let plan = planned(&*store, &settings, source, &strict()).await.plan;
    let checked = check(&*store, &plan, &Clock::system()).await.unwrap();
    assert_eq!(checked.missing, ["encryption"]);
}

#[tokio::test]
async fn what_is_only_suggested_is_no_failure() {
    let desk = Desk::with(
        BucketSettings::locked()
            .encryption("AES256", None)
            .public_access_blocked(true)
            .policy(TLS_ONLY),
    )
    .await;
    let checked = checked(&desk, &*desk.store().await, &plain()).await;
    assert!(checked.holds, "{checked:#?}");
    let not_set = checked.settings.iter().filter(|row| row.standing == Standing::Missing);
    let not_set: Vec<_> = not_set.map(|row| (row.id, row.level)).collect();
    assert_eq!(
        not_set,
        [
            (Setting::DefaultRetention, Level::Suggested),
            (Setting::UnfinishedUploadsRemoved, Level::Suggested)
        ]
    );
}

#[tokio::test]
async fn plain_http_is_missing_tls() {
    let desk = Desk::on(S3Server::builder().bucket("evidence", good())).await;
    let checked = checked(&desk, &*desk.store().await, &strict()).await;
    assert_eq!(checked.missing, ["https"]);
}

async fn as_user(without: Right) -> StorageCheck {
    let user = User::new("asker", "askers-secret").without(without);
    let builder = S3Server::builder().bucket("evidence", good()).user(user.clone()).tls();
    let desk = Desk::on(builder).await;
    checked(&desk, &*desk.store_of(&user).await, &strict()).await
}

#[tokio::test]
async fn who_may_not_list_sees_every_setting_and_no_key() {
    let checked = as_user(Right::List).await;
    assert_eq!(checked.missing, [""; 0]);
    // S3 does not tell absent from denied to whoever may not list.
    let keys = checked.objects.iter().filter(|row| row.standing == ObjectStanding::Unobserved);
    let keys: Vec<_> = keys.map(|row| row.key.clone()).collect();
    assert_eq!(keys.len(), 3);
    assert_eq!(checked.unobserved, keys);
}

#[tokio::test]
async fn settings_that_may_not_be_asked_for_are_unobserved_and_never_missing() {
    let checked = as_user(Right::ReadSettings).await;
    assert_eq!(checked.missing, [""; 0]);
    let unseen = ["tls_only", "versioning", "encryption", "public_access_blocked"];
    assert_eq!(checked.unobserved, unseen);
    assert_eq!(verdict(&checked, WORM), ClauseVerdict::CannotShow);
}

#[tokio::test]
async fn locks_that_may_not_be_asked_for_leave_the_clauses_unshown() {
    let checked = as_user(Right::ReadLocks).await;
    assert_eq!(checked.missing, [""; 0]);
    assert_eq!(checked.unobserved, ["object_lock", "default_retention"]);
    assert_eq!(verdict(&checked, WORM), ClauseVerdict::CannotShow);
}

#[tokio::test]
async fn a_plan_in_governance_fails_what_takes_compliance_and_meets_the_rest() {
    let desk = Desk::with(dressed(BucketSettings::locked())).await;
    let mut request = plain();
    request.push.retention_days = Some(184);
    let checked = checked(&desk, &*desk.store().await, &request).await;
    assert!(checked.holds);
    assert_eq!(verdict(&checked, WORM), ClauseVerdict::Fails);
    assert_eq!(verdict(&checked, "finra_4511_b"), ClauseVerdict::Fails);
    assert_eq!(verdict(&checked, "eu_ai_act_19_1"), ClauseVerdict::Meets);
}

#[tokio::test]
async fn the_stronger_of_plan_and_default_is_what_the_clauses_are_held_against() {
    let desk = Desk::with(good().default_retention(LockMode::Compliance, 2_555)).await;
    let checked = checked(&desk, &*desk.store().await, &plain()).await;
    assert_eq!(verdict(&checked, WORM), ClauseVerdict::Meets);
}

#[tokio::test]
async fn what_is_under_a_key_is_read_before_it_is_called_right() {
    let desk = Desk::with(dressed(BucketSettings::locked())).await;
    let (store, clock) = (desk.store().await, Clock::system());
    let source = PushSource::Archive(desk.archive());
    let push = Push::prepare(&*store, source, plain().push, &clock).await.unwrap();
    let receipt = push.execute(Arc::new(NoProgress)).await.unwrap().receipt;
    let there = checked(&desk, &*store, &plain()).await;
    assert!(there.holds, "{there:#?}");
    let known = there.objects.iter().filter(|row| row.standing != ObjectStanding::DecidedAtPush);
    assert!(known.map(|row| row.standing).all(|standing| standing == ObjectStanding::Verified));

    let bucket = desk.server.bucket("evidence");
    bucket.plant_over(&receipt.key, "garbage that claims to be the bundle");
    let planted = checked(&desk, &*store, &plain()).await;
    assert_eq!(planted.missing, [receipt.key.as_str()]);
    let reference = there.objects[0].key.clone();
    bucket.plant_over(&reference, "sha256:of-another-bundle");
    let both = checked(&desk, &*store, &plain()).await;
    assert_eq!(both.missing, [reference, receipt.key]);
}
