//! A registry whose process ends wherever a test says, and starts again on the same database and the same store.

use std::fmt;
use std::sync::Arc;

use strongroom_registry::db::Watch;
use strongroom_storage::memory::MemoryStorage;
use strongroom_storage::{Clock, Storage};
use strongroom_testkit::SteppedStore;
use strongroom_testkit::s3::BucketSettings;
use strongroom_testkit::steps::{Step, Steps, What};

use super::aftermath::{Before, settle};
use super::flow::{Flow, Subject};
use crate::app::{TestApp, on_each_engine};
use crate::engines::Engine;
use crate::files::Bucket;
use crate::stepped_db::SteppedDb;

/// What a registry stands on.
#[derive(Debug, Clone)]
pub enum Place {
    /// A database, and a store in memory.
    Memory(Engine),
    /// A database, and a bucket with locks and versions.
    Bucket(Engine),
}

impl Place {
    /// Where the steps of a flow are listed: in memory, unless it needs a bucket.
    pub fn of(flow: Flow, engine: Engine) -> Self {
        if flow.is_of_a_bucket() { Self::Bucket(engine) } else { Self::Memory(engine) }
    }

    fn engine(&self) -> &Engine {
        match self {
            Self::Memory(engine) | Self::Bucket(engine) => engine,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.engine() {
            Engine::Sqlite => "SQLite",
            Engine::Postgres(_) => "PostgreSQL",
        })?;
        f.write_str(match self {
            Self::Memory(_) => "",
            Self::Bucket(_) => " and a bucket",
        })
    }
}

/// One registry, on which one flow is taken again and again.
pub struct Bench {
    pub(super) flow: Flow,
    place: Place,
    /// Where the bucket is.
    bucket: Option<Bucket>,
    pub(super) app: TestApp,
    pub(super) steps: Arc<Steps>,
    /// How often the flow was taken.
    taken: u32,
}

impl Bench {
    /// Runs a test with each engine.
    pub async fn on_each_engine<F>(flow: Flow, test: F)
    where
        F: AsyncFn(Self),
    {
        on_each_engine(async |engine| {
            test(Self::on(flow, Place::of(flow, engine.clone())).await).await;
        })
        .await;
    }

    pub async fn on(flow: Flow, place: Place) -> Self {
        let steps = Steps::new();
        let bucket = match &place {
            Place::Memory(_) => None,
            Place::Bucket(_) => Some(Bucket::new(BucketSettings::locked(), None).await),
        };
        let inner: Arc<dyn Storage> = match &bucket {
            None => Arc::new(MemoryStorage::new(Clock::system())),
            Some(bucket) => Arc::clone(&bucket.store),
        };
        let store: Arc<dyn Storage> = SteppedStore::counted_by(inner, Arc::clone(&steps));
        let watch: Arc<dyn Watch> = Arc::new(SteppedDb(Arc::clone(&steps)));
        let settings = |settings: &mut _| flow.set(settings);
        let app = place.engine().start_on(store, settings).await.watched_by(watch);
        Self { flow, place, bucket, app, steps, taken: 0 }
    }

    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Whether the page lists the steps that are taken here.
    pub fn is_listed(&self) -> bool {
        matches!(self.place, Place::Bucket(_)) == self.flow.is_of_a_bucket()
    }

    /// Whether it is the first of those, on which everything is tried.
    pub fn is_the_first(&self) -> bool {
        self.is_listed() && matches!(self.place.engine(), Engine::Sqlite)
    }

    /// The steps of the flow, nothing of which goes wrong.
    pub async fn steps(&mut self) -> Vec<Step> {
        let subject = self.prepare().await;
        self.steps.watch();
        self.flow.act(&self.app, &subject).await;
        let steps = self.steps.taken();
        assert!(subject.is_acknowledged(), "{:?}: not acknowledged", self.flow);
        settle(&self.app, self.flow).await;
        self.flow.expect(&self.app, &subject, true).await;
        steps
    }

    pub(super) async fn prepare(&mut self) -> Subject {
        self.taken += 1;
        let bucket = self.bucket.as_ref().map(|bucket| bucket.server.bucket("shelf"));
        self.flow.prepare(&self.app, self.taken, bucket).await
    }

    /// Takes the flow with something becoming of one of its steps; then starts the registry again, and looks.
    pub async fn take(mut self, number: usize, step: &Step, what: &What) -> Self {
        let subject = self.prepare().await;
        let before = Before::of(&self.app, &subject).await;
        self.steps.plan(number, what.clone());
        tokio::select! {
            () = self.flow.act(&self.app, &subject) => {}
            // Dropped, as when its process ends.
            () = self.steps.stopped() => {}
        }
        let case = format!("{:?} on {}, step {number}, {what:?}: {step:?}", self.flow, self.place);
        assert!(self.steps.happened(), "it did not come so far: {case}");
        assert_eq!(self.steps.taken().get(number - 1), Some(step), "another step: {case}");
        let app = self.app.restarted().await;
        // What a panic tells of, where something is not as it should be.
        eprintln!("{case}");
        settle(&app, self.flow).await;
        let is_acknowledged = subject.is_acknowledged();
        self.flow.expect(&app, &subject, is_acknowledged).await;
        before.hold_against(&app, &subject).await;
        if !is_acknowledged {
            self.flow.again(&app, &subject).await;
            settle(&app, self.flow).await;
            self.flow.expect(&app, &subject, true).await;
            before.hold_against(&app, &subject).await;
        }
        Self { app, ..self }
    }

    pub async fn end(self) {
        self.app.registry.db().close().await;
        let Some(bucket) = &self.bucket else { return };
        let bucket = bucket.server.bucket("shelf");
        for key in bucket.keys() {
            assert_eq!(bucket.versions(&key).len(), 1, "{key} was written once");
        }
    }
}
