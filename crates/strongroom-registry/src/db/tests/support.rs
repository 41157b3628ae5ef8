//! A database of its own for each test, on SQLite and, where the test scripts started one, on PostgreSQL.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use serde_json::json;
use sqlx::Connection as _;
use strongroom_core::package::{LockState, PackageStatus, RetentionClass, RuleLock};
use strongroom_core::retention::LockMode;
use strongroom_storage::Clock;
use uuid::Uuid;

use crate::db::{Db, DbError, PackageRow, PrincipalKind, PrincipalRow, RuleRow, TenantId};

/// An empty database with the present schema, and what tests need around it.
#[derive(Clone)]
pub(super) struct TestDb {
    pub(super) db: Db,
    pub(super) url: String,
    pub(super) clock: Clock,
    pub(super) tenant: TenantId,
    pub(super) actor: Uuid,
    pub(super) rule: Uuid,
}

/// Runs `test` on a new database of each engine.
pub(super) async fn on_both<F, T>(test: F)
where
    F: Fn(TestDb) -> T,
    T: Future<Output = ()>,
{
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("registry.db");
    run(format!("sqlite:{}", path.display()), &test).await;
    if let Some(server) = strongroom_testkit::client::endpoint_of("STRONGROOM_TEST_POSTGRES") {
        let database = NewDatabase::on(&server).await;
        run(database.url.clone(), &test).await;
        database.drop().await;
    }
}

async fn run<F, T>(url: String, test: &F)
where
    F: Fn(TestDb) -> T,
    T: Future<Output = ()>,
{
    let test_db = TestDb::at(url).await;
    let db = test_db.db.clone();
    test(test_db).await;
    db.close().await;
}

/// A database on the server that the test scripts started.
pub(super) struct NewDatabase {
    server: String,
    name: String,
    pub(super) url: String,
}

impl NewDatabase {
    pub(super) async fn on(server: &str) -> Self {
        let name = format!("test_{}", Clock::system().new_id().simple());
        let mut connection = sqlx::PgConnection::connect(server).await.unwrap();
        let create = format!("CREATE DATABASE {name}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(create)).execute(&mut connection).await.unwrap();
        let (base, _) = server.rsplit_once('/').unwrap();
        Self { url: format!("{base}/{name}"), server: server.to_owned(), name }
    }

    pub(super) async fn drop(self) {
        let mut connection = sqlx::PgConnection::connect(&self.server).await.unwrap();
        let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        sqlx::raw_sql(sqlx::AssertSqlSafe(drop)).execute(&mut connection).await.unwrap();
    }
}

/// A clock that moves a second with each look, from a fixed day.
pub(super) fn ticking_clock() -> Clock {
    let seconds = Arc::new(AtomicI64::new(1_800_000_000));
    Clock::new(move || Timestamp::from_second(seconds.fetch_add(1, Ordering::Relaxed)).unwrap())
}

impl TestDb {
    pub(super) async fn at(url: String) -> Self {
        let db = Db::open(&url).await.unwrap();
        db.migrate().await.unwrap();
        let clock = ticking_clock();
        let tenant = TenantId::default_tenant();
        let (actor, rule) = (clock.new_id(), clock.new_id());
        let test_db = Self { db, url, clock, tenant, actor, rule };
        test_db.insert_actor_and_rule().await;
        test_db
    }

    pub(super) async fn insert_actor_and_rule(&self) {
        let actor = PrincipalRow {
            id: self.actor,
            kind: PrincipalKind::Person,
            name: "somebody".to_owned(),
            created_at: self.clock.now(),
            disabled_at: None,
        };
        let rule = RuleRow {
            id: self.rule,
            retention_class: RetentionClass::RawEvidence,
            retention_days: Some(183),
            lock_mode: LockMode::Governance,
            lock_time: RuleLock::AtFinalize,
            lock_required: true,
            created_at: self.clock.now(),
            retired_at: None,
        };
        self.write((actor, rule), |tx, (tenant, (actor, rule))| {
            Box::pin(async move {
                tx.of(tenant).insert_principal(actor).await?;
                tx.of(tenant).replace_rule(rule).await
            })
        })
        .await
        .unwrap();
    }

    /// [`Db::write`] with the tenant beside the input.
    pub(super) async fn write<I, T, F>(&self, input: I, work: F) -> Result<T, DbError>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'t> Fn(
                &'t mut crate::db::Tx,
                &'t (TenantId, I),
            ) -> futures::future::BoxFuture<'t, Result<T, DbError>>
            + Send
            + Sync
            + 'static,
    {
        self.db.write((self.tenant.clone(), input), work).await
    }

    /// A package as it is when it is made.
    pub(super) fn new_package(&self) -> PackageRow {
        PackageRow {
            id: self.clock.new_id(),
            name: "nightly".to_owned(),
            producer: "assay".to_owned(),
            producer_version: Some("1.4.0".to_owned()),
            subject: Some("shop/cart".to_owned()),
            run_id: Some("run-7".to_owned()),
            retention_class: RetentionClass::RawEvidence,
            rule_id: self.rule,
            retention_days: Some(30),
            legal_hold_asked: false,
            retention_declared: true,
            status: PackageStatus::Open,
            lock_state: LockState::None,
            created_at: self.clock.now(),
            created_by: self.actor,
            declared_created_at: None,
            finalized_at: None,
            expires_at: None,
            metadata: json!({"repo_slug": "shop/cart", "attempt": 3, "tools": ["ruff", "mypy"]}),
            bundle_id: None,
            manifest_sha256: None,
            files_count: 0,
            size_bytes: 0,
            backend_id: "local".to_owned(),
            storage_prefix: "evidence".to_owned(),
            deletion_requested_at: None,
            deletion_requested_by: None,
            deletion_reason: None,
            deletion_early: false,
            grace_ticks_left: None,
            deletion_cancelled_at: None,
            signature_sha256: None,
            signature_key_id: None,
            version: 1,
        }
    }

    /// Adds a package.
    pub(super) async fn insert(&self, package: &PackageRow) -> Result<(), DbError> {
        self.write(package.clone(), |tx, (tenant, package)| {
            Box::pin(async move { tx.of(tenant).insert_package(package).await })
        })
        .await
    }
}
