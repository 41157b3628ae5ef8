//! Does a step to a registry and to the model, and holds the answers against each other.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use strongroom_core::{Sha256Digest, layout};
use strongroom_registry::auth::Role;
use strongroom_registry::config::Settings;
use strongroom_storage::Clock;
use strongroom_storage::memory::MemoryStorage;
use strongroom_testkit::SteppedStore;
use strongroom_testkit::clock::TestClock;
use uuid::Uuid;

use super::look::Seen;
use super::reference::{ATTEMPTS_MAX, Declared, GRACE_TICKS, Model, Refused};
use super::step::{BYTES, PATHS, Step, metadata, subject, tool};
use crate::app::{Answer, Client, TestApp, token_for};
use crate::engines::{Database, Engine};
use crate::evidence::{stepwise, tick};

/// Tables whose rows are there before a sequence begins.
const KEPT: [&str; 5] = ["_sqlx_migrations", "tenants", "principals", "tokens", "retention_rules"];
/// When every sequence begins.
const START: &str = "2030-01-01T00:00:00Z";
/// How long each step takes.
const STEP: SignedDuration = SignedDuration::from_secs(1);
/// Second of their role.
const OTHER_PRODUCER: &str = "another producer";
const OTHER_MANAGER: &str = "another records-manager";
/// An empty registry that others are made like: its database is there, and everybody has a token.
pub struct Mould {
    engine: Engine,
    app: TestApp,
}

impl Mould {
    pub async fn new(engine: &Engine) -> Self {
        let mut app = engine.start().await;
        for (name, role) in
            [(OTHER_PRODUCER, Role::Producer), (OTHER_MANAGER, Role::RecordsManager)]
        {
            app.tokens.insert(name, token_for(&app.registry, role).await);
        }
        app.registry.db().close().await;
        Self { engine: engine.clone(), app }
    }

    /// The database of the next registry: on PostgreSQL, where a new one takes its time, always the same, emptied.
    async fn database(&self) -> Arc<Database> {
        match &self.engine {
            Engine::Sqlite => Arc::new(self.engine.copy_of(&self.app.database).await),
            Engine::Postgres(_) => {
                self.app.database.empty(&KEPT).await;
                Arc::clone(&self.app.database)
            }
        }
    }
}

fn settings(from: &Settings, takes_two: bool) -> Settings {
    let mut settings = from.clone();
    stepwise(&mut settings);
    settings.deletion.grace_ticks = GRACE_TICKS;
    settings.jobs.attempts_max = ATTEMPTS_MAX;
    settings.dual_control.hold_release = takes_two;
    settings.dual_control.early_deletion = takes_two;
    settings
}

/// What a step was about.
enum Touched {
    Nothing,
    One(usize),
    Everything,
}

/// A registry, its bucket, everybody, and the model beside it.
pub struct World {
    pub(super) app: TestApp,
    pub(super) memory: Arc<MemoryStorage>,
    pub(super) store: Arc<SteppedStore>,
    pub(super) producers: [Client; 2],
    pub(super) managers: [Client; 2],
    pub(super) auditor: Client,
    pub(super) admin: Client,
    pub(super) model: Model,
    /// Of the packages, and by package of the files (where they were stored) and the holds.
    pub(super) ids: Vec<Uuid>,
    pub(super) files: Vec<Vec<Option<Uuid>>>,
    pub(super) holds: Vec<Vec<Uuid>>,
    pub(super) seen: Vec<Seen>,
}

impl World {
    pub async fn new(mould: &Mould, takes_two: bool) -> Self {
        let now: Timestamp = START.parse().unwrap();
        let clock = TestClock::fixed(now);
        let turned = clock.clone();
        let memory = Arc::new(MemoryStorage::new(Clock::new(move || turned.now())));
        let store = SteppedStore::new(Arc::clone(&memory) as Arc<_>);
        let database = mould.database().await;
        let settings = settings(mould.app.registry.settings(), takes_two);
        let mut app = TestApp::open(database, Arc::clone(&store) as Arc<_>, clock, settings).await;
        app.tokens.clone_from(&mould.app.tokens);
        let model = Model::new(now, takes_two);
        let (ids, files, holds, seen) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (producers, managers, auditor, admin) = people(&app);
        Self {
            app,
            memory,
            store,
            producers,
            managers,
            auditor,
            admin,
            model,
            ids,
            files,
            holds,
            seen,
        }
    }

    pub async fn take(&mut self, step: &Step) {
        self.app.clock.advance(STEP);
        self.model.now = self.app.clock.now();
        match self.act(step).await {
            Touched::Nothing => {}
            Touched::One(package) => self.look_at(package).await,
            Touched::Everything => self.look_at_all().await,
        }
    }

    /// In the end every job is run, and the store holds what is decided.
    pub async fn end(&mut self) {
        self.work_all().await;
        self.take(&Step::Tick).await;
        self.work_all().await;
        self.look_at_all().await;
        self.expect_locks().await;
    }

    /// Does it; answers what it was about that was not looked at yet.
    async fn act(&mut self, step: &Step) -> Touched {
        match *step {
            Step::Create { owner, .. } => return self.create(owner, step).await,
            Step::List { owner, ref search, limit } => self.list(owner, search, limit).await,
            Step::Clock { minutes } => {
                self.app.clock.advance(SignedDuration::from_mins(i64::from(minutes)));
                self.model.now = self.app.clock.now();
            }
            Step::Confirm => {
                let ask = json!({ "now": self.model.now });
                let answer = self.admin.post("/sweeper/confirm-clock", ask).await;
                assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
                self.model.confirm_clock();
            }
            Step::Tick => {
                let told = tick(&self.app).await;
                let expected = self.model.tick();
                let told = (told.paused, told.requested, told.begun, told.jobs);
                let expected = (expected.paused, expected.requested, expected.begun, expected.jobs);
                assert_eq!(told, expected, "what the sweeper did");
                return Touched::Everything;
            }
            Step::Work { outage } => drop(self.work(outage).await),
            Step::WorkAll => self.work_all().await,
            Step::Retry { job } => self.retry(job).await,
            Step::Restart => {
                self.app = self.app.restarted().await;
                (self.producers, self.managers, self.auditor, self.admin) = people(&self.app);
                return Touched::Everything;
            }
            _ if self.ids.is_empty() => {}
            _ => return Touched::One(self.decide(step).await),
        }
        Touched::Nothing
    }

    async fn create(&mut self, by: usize, step: &Step) -> Touched {
        let Step::Create { owner, subject: about, kind, class, hold, key } = *step else {
            return Touched::Nothing;
        };
        let mut retention = json!({ "class": class });
        if hold {
            retention["legal_hold"] = json!(true);
        }
        let body = json!({
            "producer": { "name": tool(kind) },
            "subject": subject(about),
            "retention": retention,
            "metadata": metadata(kind),
        });
        let mut request = self.producers[by]
            .request(Method::POST, "/packages")
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", format!("key-{key}"));
        }
        let answer =
            self.producers[by].send(request.body(Body::from(body.to_string())).unwrap()).await;
        let declared = Declared { subject: about, kind, class, hold };
        let expected = self.model.create(owner, declared, key);
        agree(&answer, expected);
        let Ok(made) = expected else { return Touched::Nothing };
        let id: Uuid = answer.field("package_id").as_str().unwrap().parse().unwrap();
        if made == self.ids.len() {
            self.ids.push(id);
            self.files.push(Vec::new());
            self.holds.push(Vec::new());
            self.seen.push(Seen::default());
            self.note_holds(made).await;
        }
        assert_eq!(self.ids[made], id, "the key's own package");
        Touched::One(made)
    }

    async fn note_holds(&mut self, package: usize) {
        let page = self.auditor.get(&self.path(package, "retention/holds")).await.json();
        let holds = page["holds"].as_array().unwrap().iter();
        self.holds[package] =
            holds.map(|hold| hold["hold_id"].as_str().unwrap().parse().unwrap()).collect();
    }

    pub(super) fn path(&self, package: usize, rest: &str) -> String {
        format!("/packages/{}/{rest}", self.ids[package])
    }

    /// A step about one package: which one it is.
    async fn decide(&mut self, step: &Step) -> usize {
        let package = self.ids.len() - 1 - nth(step) % self.ids.len();
        match *step {
            Step::Upload { path, bytes, declared, .. } => {
                self.upload(package, path, bytes, declared).await;
            }
            Step::Read { what, .. } => self.read(package, what).await,
            Step::Under { how, ref change } => self.ask_under(package, change, how).await,
            _ => self.ask(package, step).await,
        }
        package
    }

    async fn upload(&mut self, package: usize, path: usize, bytes: usize, declared: Option<usize>) {
        let owner = &self.producers[self.model.packages[package].owner];
        let (path, bytes) = (PATHS[path], BYTES[bytes]);
        let encoded = layout::encode_segment(path).replace("%2F", "/");
        let path_in = self.path(package, &format!("files/{encoded}"));
        let mut request = owner.request(Method::PUT, &path_in);
        if let Some(declared) = declared {
            request =
                request.header("x-content-sha256", Sha256Digest::of(BYTES[declared]).to_hex());
        }
        let answer = owner.send(request.body(Body::from(bytes)).unwrap()).await;
        let declared = declared.map(|declared| BYTES[declared]);
        let expected = self.model.upload(package, path, bytes, declared);
        agree(&answer, expected);
        if let Ok(is_new) = expected {
            assert_eq!(answer.status == StatusCode::CREATED, is_new, "{answer:?}");
        }
        if self.files[package].len() < self.model.packages[package].files.len() {
            let id = expected.is_ok().then(|| answer.field("file_id").as_str().unwrap().parse());
            self.files[package].push(id.map(Result::unwrap));
        }
    }
}

fn people(app: &TestApp) -> ([Client; 2], [Client; 2], Client, Client) {
    let other = |name: &str| app.with_token(&app.tokens[name]);
    (
        [app.as_(Role::Producer), other(OTHER_PRODUCER)],
        [app.as_(Role::RecordsManager), other(OTHER_MANAGER)],
        app.as_(Role::Auditor),
        app.as_(Role::Admin),
    )
}

/// Which package a step is about, counted from the newest.
fn nth(step: &Step) -> usize {
    match *step {
        Step::Under { ref change, .. } => nth(change),
        Step::Upload { package, .. }
        | Step::Finalize { package }
        | Step::Abandon { package }
        | Step::Extend { package, .. }
        | Step::Hold { package, .. }
        | Step::Release { package, .. }
        | Step::ApproveRelease { package, .. }
        | Step::Delete { package, .. }
        | Step::ApproveDelete { package, .. }
        | Step::Cancel { package }
        | Step::Read { package, .. } => package,
        _ => 0,
    }
}

/// The answer is the one that the model gives.
pub(super) fn agree<T: std::fmt::Debug>(answer: &Answer, expected: Result<T, Refused>) {
    match expected {
        Ok(_) => assert!(answer.status.is_success(), "{expected:?}: {answer:?}"),
        Err(problem) => {
            assert!(!answer.status.is_success(), "{problem}: {answer:?}");
            assert_eq!(answer.problem(), problem, "{answer:?}");
        }
    }
}
