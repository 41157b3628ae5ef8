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
use sqlx::Connection as _;
use strongroom_registry::api::router::{API, router};
use strongroom_registry::auth::Role;
use strongroom_registry::backends::Backends;
use strongroom_registry::config::Settings;
use strongroom_registry::db::{Db, TenantId};
use strongroom_registry::documents::NewToken;
use strongroom_registry::service::Registry;
use strongroom_storage::memory::MemoryStorage;
use strongroom_storage::{Clock, Storage};
use strongroom_testkit::clock::TestClock;
use tower::ServiceExt as _;

/// A registry, and whatever a test needs around it.
#[derive(Clone)]
pub struct TestApp {
    pub registry: Arc<Registry>,
    pub store: Arc<dyn Storage>,
    pub clock: TestClock,
    router: Router,
    tokens: BTreeMap<&'static str, String>,
    _directory: Arc<tempfile::TempDir>,
}

/// Which database.
#[derive(Debug, Clone)]
enum Engine {
    Sqlite,
    Postgres(String),
}

/// Runs a test on a registry with each engine: on PostgreSQL where the test scripts started one.
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
    test(TestApp::start_with(change).await).await;
    if let Some(server) = strongroom_testkit::client::endpoint_of("STRONGROOM_TEST_POSTGRES") {
        let name = format!("api_{}", Clock::system().new_id().simple());
        on_server(&server, &format!("CREATE DATABASE {name}")).await;
        let (base, _) = server.rsplit_once('/').unwrap();
        let app = TestApp::build(Engine::Postgres(format!("{base}/{name}")), change, None).await;
        let db = app.registry.db().clone();
        test(app).await;
        db.close().await;
        on_server(&server, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    }
}

async fn on_server(server: &str, statement: &str) {
    let mut connection = sqlx::PgConnection::connect(server).await.unwrap();
    let statement = sqlx::AssertSqlSafe(statement.to_owned());
    sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
}

impl TestApp {
    /// On SQLite, with a store in memory.
    pub async fn start() -> Self {
        Self::build(Engine::Sqlite, |_| {}, None).await
    }

    /// The same with other settings.
    pub async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::build(Engine::Sqlite, change, None).await
    }

    /// The same with another store.
    pub async fn start_on(store: Arc<dyn Storage>, change: impl FnOnce(&mut Settings)) -> Self {
        Self::build(Engine::Sqlite, change, Some(store)).await
    }

    async fn build(
        engine: Engine,
        change: impl FnOnce(&mut Settings),
        store: Option<Arc<dyn Storage>>,
    ) -> Self {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        let clock = TestClock::system();
        let turned = clock.clone();
        let registry_clock = Clock::new(move || turned.now());
        let store = store.unwrap_or_else(|| Arc::new(MemoryStorage::new(registry_clock.clone())));
        let data_dir: PathBuf = directory.path().to_owned();
        let url = match engine {
            Engine::Sqlite => format!("sqlite:{}", data_dir.join("registry.db").display()),
            Engine::Postgres(url) => url,
        };
        let db = Db::open(&url).await.unwrap();
        db.migrate().await.unwrap();
        let mut settings = Settings::embedded(data_dir, "127.0.0.1:0".parse().unwrap());
        settings.jobs.poll_every = SignedDuration::from_millis(10);
        change(&mut settings);
        let backends = Backends::single(Arc::clone(&store));
        let registry = Registry::new(db, backends, registry_clock, settings);
        let tenant = TenantId::default_tenant();
        registry.settle_rules(&tenant).await.unwrap();
        let mut tokens = BTreeMap::new();
        for role in Role::ALL {
            tokens.insert(role.as_str(), token_for(&registry, role).await);
        }
        let router = router(&registry);
        Self { registry, store, clock, router, tokens, _directory: directory }
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

    /// Somebody without a token.
    pub fn stranger(&self) -> Client {
        Client { router: self.router.clone(), authorization: None }
    }
}

async fn token_for(registry: &Registry, role: Role) -> String {
    let ask = NewToken { name: role.to_string(), role, producer: None, days: None };
    let tenant = TenantId::default_tenant();
    registry.create_operator_token(&tenant, ask).await.unwrap().secret
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
