//! The processes of a registry, and what they stand on.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use sqlx::{Connection as _, PgConnection};
use strongroom_storage::Clock;
use strongroom_testkit::S3Client;
use strongroom_testkit::client::endpoint_of;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::load::until_answered;
use super::round_robin::{self, Addresses};

/// Processes that answer requests; those that come after them work on jobs.
const REPLICAS: usize = 3;
const WORKERS: usize = 2;
/// Longer than a process takes to start.
const STARTS_WITHIN: Duration = Duration::from_secs(60);
/// Longer than a lease, and what the jobs of the dead take after it.
const SETTLES_WITHIN: Duration = Duration::from_secs(180);
const ASKS_EVERY: Duration = Duration::from_millis(250);

/// A registry of several processes.
pub(super) struct Cluster {
    folder: TempDir,
    server: String,
    pub(super) database: String,
    pub(super) bucket: String,
    pub(super) s3: S3Client,
    environment: Vec<(String, String)>,
    processes: Mutex<Vec<Option<Child>>>,
    addresses: Addresses,
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Cluster {
    /// On a database and a bucket of its own; `None` where the servers were not started.
    pub(super) async fn start() -> Option<Self> {
        let server = endpoint_of("STRONGROOM_TEST_POSTGRES")?;
        let s3 = S3Client::of_server("STRONGROOM_TEST_CEPH")?;
        let folder = TempDir::new().unwrap();
        let name = format!("cluster{}", Clock::system().new_id().simple());
        s3.create_lock_bucket(&name).await;
        run(&server, &format!("CREATE DATABASE {name}")).await;
        let (base, _) = server.rsplit_once('/').unwrap();
        let database = format!("{base}/{name}");
        let environment = environment(&folder, &s3, &name, &database);
        let addresses: Addresses = Arc::new(Mutex::new(vec![None; REPLICAS]));
        let address = round_robin::start(Arc::clone(&addresses)).await;
        // A connection a request: each may meet another process.
        let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
        let mut cluster = Self {
            folder,
            server,
            database,
            bucket: name,
            s3,
            environment,
            processes: Mutex::new((0..REPLICAS + WORKERS).map(|_| None).collect()),
            addresses,
            http,
            base: format!("http://{address}"),
            token: String::new(),
        };
        told(&cluster.strongroom(&["migrate"]).await);
        // All at once, as an orchestrator does.
        let starting = (0..REPLICAS + WORKERS).map(|number| cluster.start_process(number));
        futures::future::join_all(starting).await;
        let token = ["admin", "token", "create", "--name", "test", "--role", "admin"];
        cluster.token = token_of(&cluster.strongroom(&token).await);
        cluster.environment.extend([
            ("STRONGROOM_URL".to_owned(), cluster.base.clone()),
            ("STRONGROOM_TOKEN".to_owned(), cluster.token.clone()),
        ]);
        Some(cluster)
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs the program to its end.
    pub(super) async fn strongroom(&self, arguments: &[&str]) -> Output {
        self.command().args(["--format", "json"]).args(arguments).output().await.unwrap()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom"));
        command.env_clear().envs(self.environment.iter().cloned()).stdin(Stdio::null());
        command
    }

    /// Starts one, and waits until it answers or works.
    async fn start_process(&self, number: usize) {
        let mut command = self.command();
        let is_replica = number < REPLICAS;
        match is_replica {
            true => command.args(["serve", "--api-only", "--listen", "127.0.0.1:0"]),
            false => command.arg("worker"),
        };
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let started = async {
            let mut said = Vec::new();
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some((_, address)) = line.split_once("answers at http://") {
                    return Some(address.trim().parse::<SocketAddr>().unwrap());
                }
                if !is_replica && line.contains("working on the registry's jobs") {
                    return None;
                }
                said.push(line);
            }
            panic!("process {number} ended before it began: {said:#?}")
        };
        let address = timeout(STARTS_WITHIN, started).await.expect("it does not start");
        // What it says from now on is read, so that it never waits for a reader.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        if is_replica {
            self.addresses.lock().unwrap()[number] = address;
        }
        self.processes.lock().unwrap()[number] = Some(child);
    }

    /// SIGKILL, and another in its place.
    async fn kill(&self, number: usize) {
        let child = self.processes.lock().unwrap()[number].take();
        let mut child = child.expect("it was started");
        child.kill().await.unwrap();
        self.start_process(number).await;
    }

    /// Kills one after each `every` acknowledgements, until there are no more; answers how many died.
    pub(super) async fn kill_every(
        &self,
        every: usize,
        seed: u64,
        mut seen: watch::Receiver<usize>,
    ) -> usize {
        let (mut deaths, mut next, mut state) = (0, every, seed);
        while seen.wait_for(|count| *count >= next).await.is_ok() {
            next += every;
            state = scrambled(state);
            self.kill(usize::try_from(state % (REPLICAS + WORKERS) as u64).unwrap()).await;
            deaths += 1;
        }
        deaths
    }

    /// Waits until every package is evidence; then lets the uploads of the dead be too old, and waits until nothing
    /// is left to do.
    pub(super) async fn settle(&self, packages: usize) {
        let finalized = "SELECT count(*) FROM artifact_packages WHERE status = 'finalized'";
        self.wait_until(finalized, packages).await;
        for statement in [
            "UPDATE artifact_files SET created_at = created_at - 604800000000 WHERE status = 'receiving'",
            "UPDATE sweeper SET due_at = NULL",
        ] {
            run(&self.database, statement).await;
        }
        // A worker that starts looks at once.
        self.kill(REPLICAS).await;
        let left = "SELECT (SELECT count(*) FROM artifact_files WHERE status IN ('receiving', 'deleting')) \
                    + (SELECT count(*) FROM jobs WHERE state IN ('queued', 'running'))";
        self.wait_until(left, 0).await;
    }

    async fn wait_until(&self, count: &str, expected: usize) {
        let deadline = Instant::now() + SETTLES_WITHIN;
        loop {
            let found = self.count(count).await;
            if found == expected {
                return;
            }
            assert!(Instant::now() < deadline, "{found}, not {expected}: {count}");
            tokio::time::sleep(ASKS_EVERY).await;
        }
    }

    pub(super) async fn count(&self, statement: &str) -> usize {
        let mut connection = self.connection().await;
        let statement = sqlx::AssertSqlSafe(statement.to_owned());
        let count: i64 = sqlx::query_scalar(statement).fetch_one(&mut connection).await.unwrap();
        usize::try_from(count).unwrap()
    }

    pub(super) async fn connection(&self) -> PgConnection {
        PgConnection::connect(&self.database).await.unwrap()
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/api/v1{path}", self.base)).bearer_auth(&self.token)
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        until_answered(|| self.request(Method::GET, path)).await
    }

    pub(super) async fn download(&self, path: &str) -> Bytes {
        let answer = self.request(Method::GET, path).send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
        answer.bytes().await.unwrap()
    }

    /// Ends every process, and forgets the database. The bucket keeps what it has under lock.
    pub(super) async fn end(self) {
        self.processes.lock().unwrap().clear();
        let (_, name) = self.database.rsplit_once('/').unwrap();
        run(&self.server, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    }
}

async fn run(server: &str, statement: &str) {
    let mut connection = PgConnection::connect(server).await.unwrap();
    let statement = sqlx::AssertSqlSafe(statement.to_owned());
    sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
}

fn environment(
    folder: &TempDir,
    s3: &S3Client,
    bucket: &str,
    database: &str,
) -> Vec<(String, String)> {
    let home = folder.path().to_str().unwrap().to_owned();
    [
        ("HOME", home.clone()),
        ("STRONGROOM_DATA_DIR", home),
        ("STRONGROOM_DATABASE_URL", database.to_owned()),
        ("STRONGROOM_STORE_URL", format!("s3://{bucket}/team")),
        ("STRONGROOM_STORE_ENDPOINT", s3.endpoint().to_owned()),
        ("STRONGROOM_STORE_REGION", "us-east-1".to_owned()),
        ("STRONGROOM_STORE_PATH_STYLE", "true".to_owned()),
        ("STRONGROOM_STORE_ALLOW_HTTP", "true".to_owned()),
        ("STRONGROOM_STORE_ACCESS_KEY", s3.access_key().to_owned()),
        ("STRONGROOM_STORE_SECRET_KEY", s3.secret_key().to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn told(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn token_of(output: &Output) -> String {
    let made: Value = serde_json::from_str(&told(output)).unwrap();
    made["secret"].as_str().unwrap().to_owned()
}

/// The next of a row of numbers that looks like chance (SplitMix64).
fn scrambled(state: u64) -> u64 {
    let mut mixed = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
