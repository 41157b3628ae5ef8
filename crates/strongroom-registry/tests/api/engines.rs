//! The databases that every test here runs on: SQLite, and PostgreSQL where the test scripts started one.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use sqlx::Connection as _;
use strongroom_registry::config::Settings;
use strongroom_registry::db::Db;
use strongroom_storage::memory::MemoryStorage;
use strongroom_storage::{Clock, Storage};
use strongroom_testkit::SteppedStore;
use strongroom_testkit::client::endpoint_of;
use tokio::sync::OnceCell;

use crate::app::TestApp;

/// Where files cost no disk, on machines that have such a place.
const QUICK_FOLDER: &str = "/dev/shm";

/// Where registries keep their rows.
#[derive(Debug, Clone)]
pub enum Engine {
    Sqlite,
    Postgres(Arc<Server>),
}

/// A PostgreSQL server, and the databases that were made on it.
#[derive(Debug)]
pub struct Server {
    url: String,
    /// One with the present schema, which others are made like.
    template: OnceCell<String>,
    made: Mutex<Vec<String>>,
    /// Those that nobody uses any more.
    left: Mutex<Vec<String>>,
}

/// The database of one registry. It goes after the last that uses it.
#[derive(Debug)]
pub struct Database {
    pub url: String,
    pub folder: tempfile::TempDir,
    on: Option<(Arc<Server>, String)>,
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some((server, name)) = &self.on {
            server.left.lock().unwrap().push(name.clone());
        }
    }
}

/// Empties each table but some, which the triggers that keep the log from it are not asked about.
const EMPTY: &str = "DO $$ DECLARE emptied TEXT; BEGIN
    SET LOCAL session_replication_role = replica;
    SELECT string_agg(quote_ident(tablename), ', ') INTO emptied FROM pg_tables
        WHERE schemaname = 'public' AND tablename NOT IN ({kept}, 'sweeper');
    EXECUTE 'TRUNCATE ' || emptied;
    UPDATE sweeper SET ticks = 0, last_tick_at = NULL, paused = FALSE, paused_at = NULL, pause_reason = NULL,
        confirmed_by = NULL, confirmed_at = NULL, due_at = NULL;
END $$";

impl Database {
    /// Takes every row away but those of the tables that are named. On PostgreSQL only.
    pub async fn empty(&self, but: &[&str]) {
        let kept: Vec<_> = but.iter().map(|table| format!("'{table}'")).collect();
        run(&self.url, &EMPTY.replace("{kept}", &kept.join(", "))).await;
    }
}

impl Database {
    /// Tells it what no registry does.
    pub async fn run(&self, statement: &str) {
        if !self.url.starts_with("sqlite:") {
            return run(&self.url, statement).await;
        }
        let mut connection = sqlx::SqliteConnection::connect(&self.url).await.unwrap();
        let statement = sqlx::AssertSqlSafe(statement.to_owned());
        sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

async fn run(url: &str, statement: &str) {
    let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
    let statement = sqlx::AssertSqlSafe(statement.to_owned());
    sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

impl Engine {
    /// Every engine that is there.
    pub fn all() -> Vec<Self> {
        [Some(Self::Sqlite), Self::postgres()].into_iter().flatten().collect()
    }

    /// PostgreSQL, if the test scripts started one.
    pub fn postgres() -> Option<Self> {
        endpoint_of("STRONGROOM_TEST_POSTGRES").map(|url| {
            let (template, made, left) = (OnceCell::new(), Mutex::default(), Mutex::default());
            Self::Postgres(Arc::new(Server { url, template, made, left }))
        })
    }

    /// A registry with a store in memory.
    pub async fn start(&self) -> TestApp {
        self.start_with(|_| {}).await
    }

    /// The same with other settings.
    pub async fn start_with(&self, change: impl FnOnce(&mut Settings)) -> TestApp {
        TestApp::new(self.new_database().await, None, change).await
    }

    /// The same with another store.
    pub async fn start_on(
        &self,
        store: Arc<dyn Storage>,
        change: impl FnOnce(&mut Settings),
    ) -> TestApp {
        TestApp::new(self.new_database().await, Some(store), change).await
    }

    /// The same with a store whose calls can be interrupted, kept in memory.
    pub async fn start_interrupted(
        &self,
        change: impl FnOnce(&mut Settings),
    ) -> (TestApp, Arc<SteppedStore>) {
        let store = SteppedStore::new(Arc::new(MemoryStorage::new(Clock::system())));
        (self.start_on(Arc::clone(&store) as Arc<dyn Storage>, change).await, store)
    }

    async fn new_database(&self) -> Database {
        match self {
            Self::Sqlite => in_folder(None),
            Self::Postgres(server) => {
                let template = server.template.get_or_init(|| server.make_template()).await;
                server.make(Some(template)).await
            }
        }
    }

    /// A database with the same rows as another, which is closed.
    pub async fn copy_of(&self, other: &Database) -> Database {
        match (self, &other.on) {
            (Self::Postgres(server), Some((_, name))) => server.make(Some(name)).await,
            _ => in_folder(Some(&file_in(other.folder.path()))),
        }
    }

    /// Takes away every database that was made.
    pub async fn end(&self) {
        if let Self::Postgres(server) = self {
            let made = std::mem::take(&mut *server.made.lock().unwrap());
            server.drop_all(made).await;
        }
    }
}

fn file_in(folder: &Path) -> PathBuf {
    folder.join("registry.db")
}

fn in_folder(like: Option<&Path>) -> Database {
    let folder = folder();
    let file = file_in(folder.path());
    if let Some(like) = like {
        std::fs::copy(like, &file).unwrap();
    }
    Database { url: format!("sqlite:{}", file.display()), folder, on: None }
}

fn folder() -> tempfile::TempDir {
    match Path::new(QUICK_FOLDER).is_dir() {
        true => tempfile::tempdir_in(QUICK_FOLDER).unwrap(),
        false => tempfile::tempdir().unwrap(),
    }
}

impl Server {
    async fn make_template(self: &Arc<Self>) -> String {
        let made = self.make(None).await;
        let db = Db::open(&made.url).await.unwrap();
        db.migrate().await.unwrap();
        db.close().await;
        let (_, name) = made.on.clone().unwrap();
        // It stays until the end.
        std::mem::forget(made);
        name
    }

    async fn make(self: &Arc<Self>, like: Option<&str>) -> Database {
        let left = std::mem::take(&mut *self.left.lock().unwrap());
        self.made.lock().unwrap().retain(|name| !left.contains(name));
        self.drop_all(left).await;
        let name = format!("api_{}", Clock::system().new_id().simple());
        let like = like.map(|like| format!(" TEMPLATE {like}")).unwrap_or_default();
        run(&self.url, &format!("CREATE DATABASE {name}{like}")).await;
        self.made.lock().unwrap().push(name.clone());
        let (base, _) = self.url.rsplit_once('/').unwrap();
        let url = format!("{base}/{name}");
        Database { url, folder: folder(), on: Some((Arc::clone(self), name)) }
    }

    async fn drop_all(&self, names: Vec<String>) {
        for name in names {
            run(&self.url, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
        }
    }
}
