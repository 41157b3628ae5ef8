//! What the analysis leaves behind, and what it must never touch.

use bytes::Bytes;
use jiff::SignedDuration;
use strongroom_core::retention::{Lock, LockMode, Retention};
use strongroom_storage::analyze::leftovers::Runs;
use strongroom_storage::analyze::verdict::Depth;
use strongroom_storage::analyze::{Step, Target, analyze, clean_up};
use strongroom_storage::open::open;
use strongroom_storage::{Clock, CreateOptions, ObjectKey, Storage};

use super::{BUCKET, WRITER, analyzed, honest, settings};

async fn put(store: &dyn Storage, key: &str, lock: Lock) {
    let options = CreateOptions { lock, ..CreateOptions::default() };
    let key = ObjectKey::new(key).unwrap();
    store.create(&key, Bytes::from_static(b"foreign").into(), &options).await.unwrap();
}

fn locked() -> Lock {
    let retain_until = Clock::system().now().checked_add(SignedDuration::from_hours(1)).unwrap();
    let retention = Retention { mode: LockMode::Governance, retain_until };
    Lock { retention: Some(retention), legal_hold: true }
}

/// What is there, apart from the analysis's own folder.
fn foreign(server: &strongroom_testkit::S3Server) -> Vec<String> {
    let keys = server.bucket(BUCKET).keys();
    keys.into_iter().filter(|key| !key.contains("/.strongroom-analysis/01")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_objects_are_untouched_and_only_locked_ones_of_the_run_stay() {
    let server = honest().start().await;
    let settings = settings(&server, WRITER, "writersecret");
    let store = open(&settings, Clock::system()).await.unwrap();
    put(&*store, "bundles/evidence", locked()).await;
    put(&*store, "notes.txt", Lock::NONE).await;
    put(&*store, ".strongroom-analysis/readme.txt", Lock::NONE).await;
    let before = foreign(&server);
    let report = analyzed(&server, Depth::Standard, 1).await;
    assert_eq!(foreign(&server), before);
    assert!(!report.leftovers.is_empty());
    for leftover in &report.leftovers {
        assert!(leftover.locked_until.is_some(), "{leftover:?}");
        assert!(leftover.key.contains(&report.run), "{leftover:?}");
    }
    let held = ObjectKey::new("bundles/evidence").unwrap();
    assert!(store.lock(&held, None).await.unwrap().certain().covers(&locked_at_least()));
}

fn locked_at_least() -> Lock {
    Lock { retention: None, legal_hold: true }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_run_left_is_cleaned_up_by_the_next_one_or_when_asked() {
    let server = honest().start().await;
    let settings = settings(&server, WRITER, "writersecret");
    let store = open(&settings, Clock::system()).await.unwrap();
    let hour_ago = Clock::system().now().checked_sub(SignedDuration::from_hours(1)).unwrap();
    let dead = Clock::new(move || hour_ago).new_id();
    let living = Clock::system().new_id();
    let hold = Lock { retention: None, legal_hold: true };
    put(&*store, &format!(".strongroom-analysis/{dead}/hold/left"), hold).await;
    put(&*store, &format!(".strongroom-analysis/{dead}/put/left"), Lock::NONE).await;
    put(&*store, &format!(".strongroom-analysis/{living}/put/left"), Lock::NONE).await;
    // A key that no `ObjectKey` has, which a check writes.
    let bucket = server.bucket(BUCKET);
    let prefix = bucket
        .keys()
        .iter()
        .find_map(|key| key.split_once(".strongroom-analysis/"))
        .map(|(prefix, _)| prefix.to_owned())
        .unwrap();
    bucket.put(&format!("{prefix}.strongroom-analysis/{dead}/keys//b"), "x");
    let of = |report: &[strongroom_storage::analyze::report::Leftover], run: uuid::Uuid| {
        report.iter().filter(|leftover| leftover.run == run.to_string()).count()
    };
    let report = analyzed(&server, Depth::Quick, 1).await;
    assert_eq!(of(&report.leftovers, dead), 0, "{:?}", report.leftovers);
    assert_eq!(of(&report.leftovers, living), 1, "its run may be going on: it is listed");

    let target = Target::open(&settings, Clock::system()).await.unwrap();
    let left = clean_up(&target, Runs::One(living)).await.unwrap();
    assert_eq!(of(&left, living), 0);
    assert_eq!(of(&left, report.run.parse().unwrap()), report.leftovers.len() - 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_reports_what_it_saw_and_cleans_up() {
    let server = honest().start().await;
    let settings = settings(&server, WRITER, "writersecret");
    let target = Target::open(&settings, Clock::system()).await.unwrap();
    let options = super::options(Depth::Quick, 1);
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let sender = std::sync::Mutex::new(Some(sender));
    let stop = async move {
        let _ = receiver.await;
    };
    let progress = |step: Step| {
        if step.id == "create_only.put" {
            let _ = sender.lock().unwrap().take().map(|sender| sender.send(()));
        }
    };
    let report = Box::pin(analyze(&target, &options, stop, &progress)).await.unwrap();
    assert!(report.cut_short);
    let last = report.checks.last().unwrap();
    assert_eq!(last.observed, "the analysis was interrupted");
    assert!(report.leftovers.iter().all(|leftover| leftover.locked_until.is_some()));
    assert!(
        report.checks.iter().any(|check| check.id == "lock.in_put" && check.unobserved.is_none())
    );
}
