//! An upload whose bytes are all there is made a file by one at a time, whatever happens meanwhile.

use std::sync::Arc;

use axum::http::StatusCode;
use futures::FutureExt as _;
use jiff::SignedDuration;
use serde_json::Value;
use strongroom_registry::auth::Role;
use strongroom_registry::config::Settings;
use strongroom_registry::db::UploadState;
use strongroom_storage::memory::MemoryStorage;
use strongroom_storage::{Clock, ObjectKey, Storage};
use strongroom_testkit::SteppedStore;
use strongroom_testkit::steps::{Meanwhile, Steps, What};
use uuid::Uuid;

use crate::app::{Answer, Client, TestApp, on_each_engine};
use crate::engines::Engine;
use crate::evidence::{stepwise, work};
use crate::stepped_db::SteppedDb;

const BYTES: &[u8] = b"all is well that ends well";
const FILE_IS_WRITTEN: &str = "store: create packages/";
const PART_IS_READ: &str = "store: read uploads/";
const FILE_IS_READ_BACK: &str = "store: read packages/";
/// The lease of whoever makes a file of it is over.
const LEASE_IS_OVER: &str = "UPDATE resumable_uploads SET storing_until = 0";

/// A registry whose store can be interrupted, a producer, and an open package.
struct World {
    app: TestApp,
    store: Arc<SteppedStore>,
    producer: Client,
    package: Uuid,
}

impl World {
    async fn on(engine: &Engine) -> Self {
        Self::with(engine, |_| {}).await
    }

    async fn with(engine: &Engine, change: impl Fn(&mut Settings)) -> Self {
        let store = SteppedStore::new(Arc::new(MemoryStorage::new(Clock::system())));
        let settings = |settings: &mut Settings| {
            stepwise(settings);
            change(settings);
        };
        let app = engine.start_on(Arc::clone(&store) as Arc<dyn Storage>, settings).await;
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        Self { app, store, producer, package }
    }

    /// Sends a file whole; something becomes of the last step of the store that is named so.
    async fn sends(&self, upload: Uuid, step: &str, what: What) -> Answer {
        // The same as before, which went well.
        let before =
            self.producer.begins(self.package, &format!("before/{upload}"), BYTES.len()).await;
        self.store.steps().watch();
        self.producer.sends_from(before, 0, BYTES).await;
        let steps = self.store.steps().taken();
        let at = steps.iter().rposition(|taken| taken.name.starts_with(step)).unwrap();
        self.store.steps().plan(at + 1, what);
        let answer = self.producer.send_from(upload, 0, BYTES).await;
        assert!(self.store.steps().happened());
        answer
    }
}

fn meanwhile<F>(somebody: impl Fn() -> F + Send + Sync + 'static) -> What
where
    F: Future<Output = ()> + Send + 'static,
{
    let somebody: Meanwhile = Arc::new(move || somebody().boxed());
    What::Meanwhile(somebody)
}

#[tokio::test]
async fn nobody_ends_an_upload_that_is_being_made_a_file() {
    on_each_engine(async |engine| {
        let world = World::on(engine).await;
        let (app, producer, package) = (&world.app, &world.producer, world.package);
        let upload = producer.begins(package, "a", BYTES.len()).await;
        let others = (app.clone(), producer.clone());
        let somebody = meanwhile(move || {
            let (app, producer) = others.clone();
            async move {
                app.clock.advance(SignedDuration::from_hours(25));
                app.registry.end_old_uploads().await.unwrap();
                work(&app).await;
                let refused = producer.ends(upload).await;
                assert_eq!(
                    (refused.status, refused.problem().as_str(), refused.header("retry-after")),
                    (StatusCode::SERVICE_UNAVAILABLE, "being-stored", "5")
                );
                let finalize = format!("/packages/{package}/finalize");
                let early = producer.post(&finalize, Value::Null).await;
                assert_eq!(
                    (early.status, early.problem().as_str()),
                    (StatusCode::CONFLICT, "wrong-state")
                );
                assert!(early.field("guidance").as_str().unwrap().starts_with("wait"), "{early:?}");
            }
        });
        let sent = world.sends(upload, FILE_IS_WRITTEN, somebody).await;
        assert_eq!(sent.status, StatusCode::NO_CONTENT, "{sent:?}");
        let read = producer.get(&format!("/files/{}/download", sent.file())).await;
        assert_eq!(read.body, BYTES);
    })
    .await;
}

#[tokio::test]
async fn an_upload_is_waited_for_while_it_is_made_a_file() {
    on_each_engine(async |engine| {
        let world = World::on(engine).await;
        let (app, producer) = (&world.app, &world.producer);
        let upload = producer.begins(world.package, "a", BYTES.len()).await;
        let away = world.sends(upload, FILE_IS_WRITTEN, What::FailsBefore).await;
        assert_eq!(away.status, StatusCode::SERVICE_UNAVAILABLE, "{away:?}");
        app.clock.advance(SignedDuration::from_hours(23));
        let looked = producer.look_at(upload).await;
        assert_eq!(looked.status, StatusCode::OK);
        let row = app.upload_rows(upload).await.0.unwrap();
        let left = row.expires_at.duration_since(app.clock.now());
        assert!(left > SignedDuration::from_hours(23), "{left}");
    })
    .await;
}

#[tokio::test]
async fn whoever_lost_the_turn_has_no_say_in_what_becomes_of_the_upload() {
    on_each_engine(async |engine| {
        let world = World::on(engine).await;
        let (app, producer, package) = (&world.app, &world.producer, world.package);
        let upload = producer.begins(package, "a", BYTES.len()).await;
        let others = (app.clone(), producer.clone());
        let somebody = meanwhile(move || {
            let (app, producer) = others.clone();
            async move {
                app.database.run(LEASE_IS_OVER).await;
                assert_eq!(producer.look_at(upload).await.status, StatusCode::OK);
                work(&app).await;
                assert!(app.parts(package).await.is_empty());
            }
        });
        let sent = world.sends(upload, PART_IS_READ, somebody).await;
        assert_eq!(sent.status, StatusCode::NO_CONTENT, "{sent:?}");
        let looked = producer.look_at(upload).await;
        assert_eq!((looked.status, looked.file()), (StatusCode::OK, sent.file()));
        work(app).await;
        let read = producer.get(&format!("/files/{}/download", sent.file())).await;
        assert_eq!(read.body, BYTES);
        assert_eq!(app.objects(package).await.len(), 2, "and the one before it");
    })
    .await;
}

#[tokio::test]
async fn a_package_that_is_abandoned_while_a_file_is_made_keeps_nothing_of_it() {
    on_each_engine(async |engine| {
        let world = World::on(engine).await;
        let (app, producer, package) = (&world.app, &world.producer, world.package);
        let upload = producer.begins(package, "a", BYTES.len()).await;
        let others = (app.clone(), producer.clone());
        let somebody = meanwhile(move || {
            let (app, producer) = others.clone();
            async move {
                let abandon = format!("/packages/{package}/abandon");
                let abandoned = producer.post(&abandon, Value::Null).await;
                assert_eq!(abandoned.status, StatusCode::OK, "{abandoned:?}");
                work(&app).await;
            }
        });
        let sent = world.sends(upload, FILE_IS_READ_BACK, somebody).await;
        assert_eq!((sent.status, sent.problem().as_str()), (StatusCode::CONFLICT, "wrong-state"));
        work(app).await;
        assert_eq!((app.parts(package).await.len(), app.objects(package).await.len()), (0, 0));
        assert!(app.upload_rows(upload).await.0.is_none());
    })
    .await;
}

#[tokio::test]
async fn whoever_only_waits_for_a_turn_keeps_nobody_from_uploading() {
    on_each_engine(async |engine| {
        let world = World::with(engine, |settings| settings.limits.uploads_at_once = 1).await;
        let upload = world.producer.begins(world.package, "a", BYTES.len()).await;
        // Another replica, which has slots of its own.
        let steps = Steps::new();
        let replica = world.app.clone().watched_by(Arc::new(SteppedDb(Arc::clone(&steps))));
        let (producer, package) = (replica.as_(Role::Producer), world.package);
        let somebody = meanwhile(move || {
            let (producer, steps) = (producer.clone(), Arc::clone(&steps));
            async move {
                let looking = tokio::spawn({
                    let producer = producer.clone();
                    async move { producer.send_from(upload, BYTES.len() as u64, "").await }
                });
                let asks = || {
                    let steps = steps.taken().into_iter();
                    steps.filter(|step| step.name.ends_with("resumable/turn.rs")).count()
                };
                // It asks again when it was told that it is somebody else's.
                let mut asked = 0;
                while asked < 2 {
                    asked += asks();
                    tokio::task::yield_now().await;
                }
                producer.stores(package, "b", BYTES).await;
                looking.abort();
            }
        });
        let sent = world.sends(upload, FILE_IS_WRITTEN, somebody).await;
        assert_eq!(sent.status, StatusCode::NO_CONTENT, "{sent:?}");
    })
    .await;
}

#[tokio::test]
async fn a_store_that_never_ends_a_file_ends_no_upload() {
    on_each_engine(async |engine| {
        let world = World::on(engine).await;
        let (app, producer) = (&world.app, &world.producer);
        let upload = producer.begins(world.package, "a", BYTES.len()).await;
        let forever = meanwhile(|| async {
            // All bytes were handed over by now.
            tokio::time::pause();
            tokio::time::advance(std::time::Duration::from_hours(25)).await;
            tokio::time::resume();
            std::future::pending().await
        });
        let late = world.sends(upload, FILE_IS_READ_BACK, forever).await;
        assert_eq!(
            (late.status, late.problem().as_str()),
            (StatusCode::SERVICE_UNAVAILABLE, "store-unavailable")
        );
        let row = app.upload_rows(upload).await.0.unwrap();
        assert_eq!(row.status, UploadState::Receiving);
        let looked = producer.look_at(upload).await;
        let read = producer.get(&format!("/files/{}/download", looked.file())).await;
        assert_eq!(read.body, BYTES);
    })
    .await;
}

#[tokio::test]
async fn a_store_that_loses_the_new_file_ends_no_upload() {
    on_each_engine(async |engine| {
        let world = World::on(engine).await;
        let (app, producer, package) = (&world.app, &world.producer, world.package);
        let upload = producer.begins(package, "a", BYTES.len()).await;
        let other = app.clone();
        let somebody = meanwhile(move || {
            let app = other.clone();
            async move {
                for key in app.objects(package).await {
                    app.store.delete(&ObjectKey::new(key).unwrap(), None).await.unwrap();
                }
            }
        });
        let lost = world.sends(upload, FILE_IS_READ_BACK, somebody).await;
        assert_eq!(
            (lost.status, lost.problem().as_str()),
            (StatusCode::SERVICE_UNAVAILABLE, "store-unavailable")
        );
        let row = app.upload_rows(upload).await.0.unwrap();
        assert_eq!(row.status, UploadState::Receiving);
        // Its parts are right.
        let looked = producer.look_at(upload).await;
        let read = producer.get(&format!("/files/{}/download", looked.file())).await;
        assert_eq!(read.body, BYTES);
    })
    .await;
}
