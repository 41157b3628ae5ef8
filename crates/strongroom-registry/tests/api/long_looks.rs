//! A look at a damaged object takes as long as the object takes to be read. It goes on apart from the request that
//! began it, and nobody waits for it for long.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use bytes::Bytes;
use futures::FutureExt as _;
use strongroom_registry::auth::Role;
use strongroom_testkit::SteppedStore;
use strongroom_testkit::steps::What;
use tokio::sync::Notify;
use tokio::time::{advance, pause, resume, timeout};
use uuid::Uuid;

use crate::app::{Answer, TestApp, on_each_engine};
use crate::damaged::{
    A_WHILE, breaks_off, download, is_corrupt, key_of, package_of, reads, states,
};
use crate::engines::Engine;
use crate::evidence::{stepwise, work};

/// How long a request waits for a look.
const LOOK_WAIT: Duration = Duration::from_secs(20);
/// Longer than a look may take.
const TOO_LONG: Duration = Duration::from_hours(25);
/// After this nothing comes any more.
const PATIENCE: Duration = Duration::from_secs(30);
const WHOLE: [&str; 2] = ["stored", "active"];

/// A registry whose store can be interrupted.
struct World {
    app: TestApp,
    store: Arc<SteppedStore>,
}

/// A call of the store that stands still.
#[derive(Clone, Default)]
struct Still {
    began: Arc<Notify>,
    goes_on: Arc<Notify>,
}

impl Still {
    /// So much time goes by while it does.
    fn for_at_least(&self, time: Duration) -> What {
        let still = self.clone();
        What::Meanwhile(Arc::new(move || {
            let still = still.clone();
            async move {
                if !time.is_zero() {
                    pause();
                    advance(time).await;
                    resume();
                }
                still.began.notify_one();
                still.goes_on.notified().await;
            }
            .boxed()
        }))
    }
}

impl World {
    async fn on(engine: &Engine) -> Self {
        let (app, store) = engine.start_interrupted(stepwise).await;
        Self { app, store }
    }

    /// A file that was found missing a while ago, and whose bytes are there again.
    async fn brought_back(&self) -> Uuid {
        let (id, files) = package_of(&self.app, &["a"]).await;
        let key = key_of(id, files[0]);
        self.app.store.delete(&key, None).await.unwrap();
        is_corrupt(&download(&self.app, files[0]).await, "lost");
        work(&self.app).await;
        let body = Bytes::from_static(b"content").into();
        self.app.store.create(&key, body, &Default::default()).await.unwrap();
        self.app.clock.advance(A_WHILE);
        files[0]
    }

    /// Waits until a file and its object are told to be in these states.
    async fn becomes(&self, file: Uuid, expected: [&str; 2]) {
        let becoming = async {
            while states(&self.app, file).await != expected {
                tokio::task::yield_now().await;
            }
        };
        assert_eq!(timeout(PATIENCE, becoming).await, Ok(()), "never {expected:?}");
    }
}

fn is_told_to_come_again(answer: &Answer) {
    assert_eq!(
        (answer.status, answer.problem().as_str(), answer.header("retry-after")),
        (StatusCode::SERVICE_UNAVAILABLE, "busy", "5")
    );
    let detail = answer.field("detail");
    assert!(detail.as_str().unwrap().contains("found missing"), "{detail}");
    assert!(detail.as_str().unwrap().contains("being read again"), "{detail}");
}

#[tokio::test]
async fn a_look_comes_to_its_end_where_whoever_asked_is_gone() {
    on_each_engine(async |engine| {
        let world = World::on(engine).await;
        let file = world.brought_back().await;
        let still = Still::default();
        world.store.steps().plan(1, still.for_at_least(Duration::ZERO));
        let app = world.app.clone();
        let asking = tokio::spawn(async move { download(&app, file).await });
        still.began.notified().await;
        asking.abort();
        assert!(asking.await.unwrap_err().is_cancelled());
        still.goes_on.notify_one();
        world.becomes(file, WHOLE).await;
        assert_eq!(download(&world.app, file).await.body, "content");
    })
    .await;
}

#[tokio::test]
async fn whoever_asks_for_what_takes_long_to_be_read_again_is_told_to_come_again() {
    on_each_engine(async |engine| {
        let world = World::on(engine).await;
        let file = world.brought_back().await;
        let still = Still::default();
        world.store.steps().plan(1, still.for_at_least(LOOK_WAIT));
        is_told_to_come_again(&download(&world.app, file).await);
        is_told_to_come_again(&download(&world.app, file).await);
        still.goes_on.notify_one();
        world.becomes(file, WHOLE).await;
        assert_eq!(reads(&world.store), 1, "by one alone");
        assert_eq!(download(&world.app, file).await.body, "content");
    })
    .await;
}

#[tokio::test]
async fn a_look_that_failed_is_followed_by_another_at_once() {
    on_each_engine(async |engine| {
        let world = World::on(engine).await;
        let file = world.brought_back().await;
        world.store.steps().plan(1, What::FailsBefore);
        let failed = download(&world.app, file).await;
        assert_eq!(
            (failed.status, failed.problem().as_str()),
            (StatusCode::SERVICE_UNAVAILABLE, "store-unavailable")
        );
        assert_eq!(download(&world.app, file).await.body, "content");
        assert_eq!(states(&world.app, file).await, WHOLE);
    })
    .await;
}

#[tokio::test]
async fn a_look_that_never_ends_keeps_nobody_from_looking_for_ever() {
    on_each_engine(async |engine| {
        let world = World::on(engine).await;
        let file = world.brought_back().await;
        world.store.steps().plan(1, Still::default().for_at_least(TOO_LONG));
        let refused = download(&world.app, file).await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{refused:?}");
        let found = async {
            while download(&world.app, file).await.status != StatusCode::OK {
                tokio::task::yield_now().await;
            }
        };
        assert_eq!(timeout(PATIENCE, found).await, Ok(()), "nobody may look");
    })
    .await;
}

/// A package of ten files of which two are gone that no look before a bundle asks for, and these two.
async fn package_without_two(world: &World) -> (Uuid, Vec<Uuid>) {
    let app = &world.app;
    let producer = app.as_(Role::Producer);
    let ask = serde_json::json!({ "name": "a", "retention": { "class": "transient" } });
    let made = producer.post("/packages", ask).await;
    let id: Uuid = made.field("package_id").as_str().unwrap().parse().unwrap();
    let mut small = Vec::new();
    for path in ["a", "b"] {
        small.push(producer.stores(id, path, b"small").await);
    }
    for path in ["c", "d", "e", "f", "g", "h", "i", "j"] {
        producer.stores(id, path, b"larger ones are asked for before").await;
    }
    producer.finalizes(id).await;
    work(app).await;
    for file in &small {
        app.store.delete(&key_of(id, *file), None).await.unwrap();
    }
    (id, small)
}

#[tokio::test]
async fn what_a_bundle_met_is_noted_where_whoever_asked_for_it_is_gone() {
    on_each_engine(async |engine| {
        let world = World::on(engine).await;
        // One that is waited for, to count its steps.
        let (before, small) = package_without_two(&world).await;
        world.store.steps().watch();
        breaks_off(&world.app, &format!("/packages/{before}/bundle")).await;
        let steps = world.store.steps().taken().len();
        for file in small {
            assert_eq!(states(&world.app, file).await, ["missing", "missing"]);
        }

        let (id, small) = package_without_two(&world).await;
        let still = Still::default();
        // The first of the two looks, which are the last.
        world.store.steps().plan(steps - 1, still.for_at_least(Duration::ZERO));
        let app = world.app.clone();
        let asking =
            tokio::spawn(async move { breaks_off(&app, &format!("/packages/{id}/bundle")).await });
        still.began.notified().await;
        asking.abort();
        assert!(asking.await.unwrap_err().is_cancelled());
        // What sends the archive ends first.
        tokio::task::yield_now().await;
        still.goes_on.notify_one();
        for file in small {
            world.becomes(file, ["missing", "missing"]).await;
        }
    })
    .await;
}
