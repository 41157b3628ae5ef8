//! A registry in the test's process: a database of its own, a store, a clock that the test turns, and somebody of each
//! role.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use jiff::SignedDuration;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use strongroom_registry::api::router::{API, router};
use strongroom_registry::auth::Role;
use strongroom_registry::backends::Backends;
use strongroom_registry::config::Settings;
use strongroom_registry::db::{Db, TenantId, TenantRow, Watch};
use strongroom_registry::documents::NewToken;
use strongroom_registry::error::ServiceError;
use strongroom_registry::local_files::KeptApart;
use strongroom_registry::service::Registry;
use strongroom_storage::memory::MemoryStorage;
use strongroom_storage::{Clock, Storage};
use strongroom_testkit::clock::TestClock;
use tower::ServiceExt as _;

use crate::engines::{Database, Engine};

/// A registry, and whatever a test needs around it.
#[derive(Clone)]
pub struct TestApp {
    pub registry: Arc<Registry>,
    pub store: Arc<dyn Storage>,
    pub clock: TestClock,
    pub database: Arc<Database>,
    pub tokens: BTreeMap<&'static str, String>,
    /// What sees each use of the database.
    watch: Option<Arc<dyn Watch>>,
    router: Router,
}

/// Runs a test on a registry on each engine: on PostgreSQL where the test scripts started one.
pub async fn on_both<F, T>(test: F)
where
    F: Fn(TestApp) -> T,
    T: Future<Output = ()>,
{
    on_both_with(|_| {}, test).await;
}

/// The same with other settings.
pub async fn on_both_with<F, T>(change: fn(&mut Settings), test: F)
where
    F: Fn(TestApp) -> T,
    T: Future<Output = ()>,
{
    on_each_engine(async |engine| test(engine.start_with(change).await).await).await;
}

/// Runs a test that starts registries of its own, on each engine.
pub async fn on_each_engine(test: impl AsyncFn(&Engine)) {
    for engine in Engine::all() {
        test(&engine).await;
        engine.end().await;
    }
}

impl TestApp {
    /// A registry on an empty database, or on one that others used before.
    pub async fn new(
        database: Database,
        store: Option<Arc<dyn Storage>>,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let clock = TestClock::system();
        let turned = clock.clone();
        let registry_clock = Clock::new(move || turned.now());
        let store = store.unwrap_or_else(|| Arc::new(MemoryStorage::new(registry_clock)));
        let data_dir: PathBuf = database.folder.path().to_owned();
        let mut settings = Settings::embedded(data_dir, "127.0.0.1:0".parse().unwrap());
        settings.jobs.poll_every = SignedDuration::from_millis(10);
        change(&mut settings);
        let mut app = Self::open(Arc::new(database), store, clock, settings).await;
        for role in Role::ALL {
            app.tokens.insert(role.as_str(), token_for(&app.registry, role).await);
        }
        app
    }

    /// A registry as it starts: nobody has a token that the test knows of.
    pub async fn open(
        database: Arc<Database>,
        store: Arc<dyn Storage>,
        clock: TestClock,
        settings: Settings,
    ) -> Self {
        let db = Db::open(&database.url).await.unwrap();
        db.migrate().await.unwrap();
        let turned = clock.clone();
        let registry_clock = Clock::new(move || turned.now());
        let backends = Backends::single(Arc::clone(&store));
        let registry = Registry::new(db, backends, registry_clock, settings);
        registry.settle_rules(&TenantId::default_tenant()).await.unwrap();
        open_what_is_there(&registry);
        let router = router(&registry);
        let tokens = BTreeMap::new();
        Self { registry, store, clock, database, tokens, watch: None, router }
    }

    /// The same registry, each use of whose database `watch` sees.
    pub fn watched_by(self, watch: Arc<dyn Watch>) -> Self {
        let (backends, clock) = (self.registry.backends().clone(), self.registry.clock().clone());
        let db = self.registry.db().clone().watched_by(Arc::clone(&watch));
        let registry = Registry::new(db, backends, clock, self.registry.settings().clone());
        open_what_is_there(&registry);
        Self { router: router(&registry), registry, watch: Some(watch), ..self }
    }

    /// The same registry after it was stopped and started again.
    pub async fn restarted(&self) -> Self {
        self.restarted_with(|_| {}).await
    }

    /// The same under another configuration.
    pub async fn restarted_with(&self, change: impl FnOnce(&mut Settings)) -> Self {
        self.registry.db().close().await;
        let again = self.beside(change).await;
        match &self.watch {
            Some(watch) => again.watched_by(Arc::clone(watch)),
            None => again,
        }
    }

    /// Another process on the same database and store, under another configuration.
    pub async fn beside(&self, change: impl FnOnce(&mut Settings)) -> Self {
        self.beside_on(Arc::clone(&self.store), change).await
    }

    /// The same, which comes to the objects by another way.
    pub async fn beside_on(
        &self,
        store: Arc<dyn Storage>,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let mut settings = self.registry.settings().clone();
        change(&mut settings);
        let database = Arc::clone(&self.database);
        let other = Self::open(database, store, self.clock.clone(), settings).await;
        Self { tokens: self.tokens.clone(), ..other }
    }

    /// Somebody of a role.
    pub fn as_(&self, role: Role) -> Client {
        self.with_token(&self.tokens[role.as_str()])
    }

    /// Somebody else of the same role.
    pub async fn another(&self, role: Role) -> Client {
        let token = token_for(&self.registry, role).await;
        self.with_token(&token)
    }

    /// Whoever bears this.
    pub fn with_token(&self, token: &str) -> Client {
        Client { router: self.router.clone(), authorization: Some(format!("Bearer {token}")) }
    }

    /// The token of a role.
    pub fn token(&self, role: Role) -> String {
        self.tokens[role.as_str()].clone()
    }

    /// Somebody without a token.
    pub fn stranger(&self) -> Client {
        Client { router: self.router.clone(), authorization: None }
    }
}

/// Opens folders for ingestion as whoever works on jobs does, but for those that a test only names.
fn open_what_is_there(registry: &Registry) {
    if registry.settings().local_roots.values().all(|root| root.exists()) {
        let data_dir = KeptApart::new("data_dir", &registry.settings().data_dir);
        registry.open_local_roots(&[data_dir]).unwrap();
    }
}

/// A token of somebody new.
pub async fn token_for(registry: &Registry, role: Role) -> String {
    let ask = NewToken { name: role.to_string(), role, producer: None, days: None };
    let tenant = TenantId::default_tenant();
    let made = registry.create_operator_token(&tenant, ask).await.unwrap();
    made.secret.reveal().to_owned()
}

/// A token of somebody of a tenant that there was none of.
pub async fn token_for_tenant(registry: &Registry, tenant: &str, role: Role) -> String {
    let id: TenantId = tenant.parse().unwrap();
    let created_at = registry.clock().now();
    let row = TenantRow { id: id.clone(), name: tenant.to_owned(), created_at, disabled_at: None };
    let added = registry.db().write(row, |tx, row| {
        Box::pin(async move { tx.insert_tenant(row).await.map_err(ServiceError::from) })
    });
    added.await.unwrap();
    registry.settle_rules(&id).await.unwrap();
    let ask = NewToken { name: role.to_string(), role, producer: None, days: None };
    registry.create_operator_token(&id, ask).await.unwrap().secret.reveal().to_owned()
}

/// Somebody who sends requests, straight into the router.
#[derive(Clone)]
pub struct Client {
    router: Router,
    authorization: Option<String>,
}

/// What came back, whole.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: axum::http::HeaderMap,
    pub body: Bytes,
}

impl Client {
    /// A request under `/api/v1`, to be added to.
    pub fn request(&self, method: Method, path: &str) -> axum::http::request::Builder {
        let mut request = Request::builder().method(method).uri(format!("{API}{path}"));
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        request
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path).body(Body::empty()).unwrap()).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path).body(Body::empty()).unwrap()).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.with_json(Method::POST, path, body).await
    }

    /// Posts what is taken.
    pub async fn posts(&self, path: &str, body: Value) -> Value {
        let answer = self.post(path, body).await;
        assert!(answer.status.is_success(), "{path}: {answer:?}");
        answer.json()
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.with_json(Method::PUT, path, body).await
    }

    pub async fn with_json(&self, method: Method, path: &str, body: Value) -> Answer {
        let request = self
            .request(method, path)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()));
        self.send(request.unwrap()).await
    }

    /// Makes a package about nothing in particular.
    pub async fn new_package(&self) -> uuid::Uuid {
        let answer = self.post("/packages", json!({ "name": "a package" })).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.field("package_id").as_str().unwrap().parse().unwrap()
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn document<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn field(&self, name: &str) -> Value {
        self.json()[name].clone()
    }

    /// The end of a problem's type, which is all that programs go by.
    pub fn problem(&self) -> String {
        let kind = self.field("type");
        let kind = kind.as_str().unwrap_or_else(|| panic!("no problem: {self:?}"));
        kind.strip_prefix("urn:strongroom:problem:").unwrap().to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}
