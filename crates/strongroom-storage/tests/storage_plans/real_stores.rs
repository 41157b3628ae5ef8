//! A plan against real servers, set up well and badly. Ceph RGW and SeaweedFS are asked over plain http, and
//! know no policy of ours here: what is looked at are the rows that each of them can tell.
//!
//! The servers are named by `STRONGROOM_TEST_CEPH` and `STRONGROOM_TEST_SEAWEEDFS`, which `scripts/test`
//! sets.

use strongroom_core::storage_plan::clauses::ClauseVerdict;
use strongroom_core::storage_plan::settings::Setting;
use strongroom_storage::evidence::storage_plan::{ObjectStanding, Standing, StorageCheck, check};
use strongroom_testkit::S3Client;

use super::*;

/// How the bucket of a test is made.
#[derive(Clone, Copy)]
enum Made {
    Well,
    WithoutLocks,
}

async fn checked(server: &str, made: Made) -> Option<StorageCheck> {
    let client = S3Client::of_server(server)?;
    let name = format!("plan-{}", Clock::system().new_id());
    match made {
        Made::Well => {
            client.create_lock_bucket(&name).await;
            client.set_default_retention(&name, "GOVERNANCE", 1).await;
        }
        Made::WithoutLocks => client.create_bucket(&name).await,
    }
    let settings = StoreSettings {
        url: format!("s3://{name}/team"),
        endpoint: Some(client.endpoint().to_owned()),
        allow_http: true,
        credentials: Some(StaticCredentials {
            access_key: client.access_key().to_owned(),
            secret_key: Secret(client.secret_key().to_owned()),
            session_token: None,
        }),
        ..StoreSettings::default()
    };
    let store = open(&settings, Clock::system()).await.unwrap();
    let folder = TempDir::new().unwrap();
    let mut request = plain();
    request.demands = Demands { default_retention_days: Some(1) };
    request.push.lock_mode = Some(LockMode::Governance);
    let source = PlanSource::Files(Box::new(files(&folder, retention(184))));
    request.push.retention_days = None;
    let plan = planned(&*store, &settings, source, &request).await.plan;
    Some(check(&*store, &plan, &Clock::system()).await.unwrap())
}

fn standing(checked: &StorageCheck, setting: Setting) -> Standing {
    checked.settings.iter().find(|row| row.id == setting).unwrap().standing
}

async fn a_good_bucket_holds_and_a_bad_one_does_not(server: &str) {
    let rows = [Setting::Versioning, Setting::ObjectLock, Setting::DefaultRetention];
    let Some(well) = checked(server, Made::Well).await else { return };
    for setting in rows {
        assert_eq!(standing(&well, setting), Standing::Holds, "{well:#?}");
    }
    let free = [ObjectStanding::Free, ObjectStanding::DecidedAtPush];
    assert!(well.objects.iter().all(|row| free.contains(&row.standing)), "{:#?}", well.objects);
    let meets = |checked: &StorageCheck| {
        let row = checked.clauses.iter().find(|row| row.id == "eu_ai_act_26_6").unwrap();
        row.verdict == ClauseVerdict::Meets
    };
    assert!(meets(&well));

    let Some(badly) = checked(server, Made::WithoutLocks).await else { return };
    for setting in rows {
        assert_eq!(standing(&badly, setting), Standing::Missing, "{badly:#?}");
        assert!(badly.missing.contains(&setting.id().to_owned()));
    }
    assert!(!meets(&badly));
    // Both are asked in the clear, and say so.
    for checked in [&well, &badly] {
        assert_eq!(standing(checked, Setting::Https), Standing::Missing);
        assert_ne!(standing(checked, Setting::TlsOnly), Standing::Holds);
    }
}

#[tokio::test]
async fn on_ceph_a_good_bucket_holds_and_a_bad_one_does_not() {
    a_good_bucket_holds_and_a_bad_one_does_not("STRONGROOM_TEST_CEPH").await;
}

#[tokio::test]
async fn on_seaweedfs_a_good_bucket_holds_and_a_bad_one_does_not() {
    a_good_bucket_holds_and_a_bad_one_does_not("STRONGROOM_TEST_SEAWEEDFS").await;
}
