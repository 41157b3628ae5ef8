//! The database: opened by its URL, read, written, migrated.

use std::panic::Location;
use std::sync::Arc;

use futures::future::BoxFuture;
use sqlx::migrate::MigrateError;

use super::error::{DbError, DbErrorKind};
use super::migrations;
use super::postgres::PostgresDb;
use super::session::{Session, Tx};
use super::sqlite::SqliteDb;
use super::watch::{Use, Watch, Watched};

/// A database on one of the two engines. Clones share its connections.
#[derive(Clone)]
pub struct Db {
    pub(super) opened: Opened,
    /// Only a test has one.
    watch: Option<Arc<dyn Watch>>,
}

/// A database, by its engine.
#[derive(Clone)]
pub(super) enum Opened {
    /// The embedded one: one file, one writer.
    Sqlite(SqliteDb),
    /// The shared one, of any number of replicas.
    Postgres(PostgresDb),
}

impl Db {
    /// Opens `sqlite:PATH`, whose file is made if it is missing, or `postgres://…`. Says nothing of the schema:
    /// [`Db::migrate`] or [`Db::expect_current_schema`] comes next.
    pub async fn open(url: &str) -> Result<Self, DbError> {
        let opened = if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            SqliteDb::open(path).await.map(Opened::Sqlite)
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            PostgresDb::open(url).await.map(Opened::Postgres)
        } else {
            Err(DbError::new(DbErrorKind::Configuration, "a database URL of an unknown kind")
                .with_guidance("sqlite:PATH or postgres://USER@HOST/DATABASE"))
        };
        Ok(Self { opened: opened?, watch: None })
    }

    /// The same database, each use of which `watch` sees.
    #[cfg(feature = "test-points")]
    pub fn watched_by(self, watch: Arc<dyn Watch>) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// A connection to read with. It sees every write that was answered before.
    #[track_caller]
    pub fn read(&self) -> impl Future<Output = Result<Session, DbError>> {
        let watched = Watched::new(self.watch.clone(), Use::Read, Location::caller());
        // Boxed: to wait for a connection is a large future, and part of each that waits for this one.
        watched.pass(Box::pin(async move {
            match &self.opened {
                Opened::Sqlite(db) => db.read().await,
                Opened::Postgres(db) => db.read().await,
            }
        }))
    }

    /// Runs `work` in a transaction and answers when it is durable: all of it, or, when `work` fails, nothing.
    ///
    /// `work` may run several times (PostgreSQL lets a transaction lose against another), each time from the
    /// start on the same `input`, and once more only after all that the run before did was undone. So it must do
    /// nothing but read and write by `tx`, and wait for nothing else: on SQLite all writers wait for it.
    /// A statement that failed ends it: a `work` that goes on after one and succeeds is refused.
    ///
    /// When the caller stops waiting, the write is made wholly or not at all.
    #[track_caller]
    pub fn write<I, T, E, F>(&self, input: I, work: F) -> impl Future<Output = Result<T, E>>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: for<'t> Fn(&'t mut Tx, &'t I) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
    {
        let watched = Watched::new(self.watch.clone(), Use::Write, Location::caller());
        // Boxed: `input` is large, and would be part of each future that waits for this one.
        watched.pass(Box::pin(async move {
            match &self.opened {
                Opened::Sqlite(db) => db.write(input, work).await,
                Opened::Postgres(db) => db.write(&input, &work).await,
            }
        }))
    }

    /// The same for `work` that nothing but the database makes fail.
    #[track_caller]
    pub fn write_rows<I, T, F>(&self, input: I, work: F) -> impl Future<Output = Result<T, DbError>>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'t> Fn(&'t mut Tx, &'t I) -> BoxFuture<'t, Result<T, DbError>>
            + Send
            + Sync
            + 'static,
    {
        self.write(input, work)
    }

    /// Brings the schema up to date. Refuses a database that a newer version has migrated.
    pub async fn migrate(&self) -> Result<(), DbError> {
        if self.refuse_newer_schema().await? == Some(migrations::VERSION) {
            return Ok(());
        }
        let migrated = match &self.opened {
            Opened::Sqlite(db) => db.migrate(&migrations::sqlite()).await,
            Opened::Postgres(db) => db.migrate(&migrations::postgres()).await,
        };
        match migrated {
            Ok(()) => Ok(()),
            // Another process may have come first.
            Err(_) if self.schema_version().await? == Some(migrations::VERSION) => Ok(()),
            Err(error) => Err(failed_migration(error)),
        }
    }

    /// The number of the last migration that took place here; `None` where none did.
    pub async fn schema_version(&self) -> Result<Option<i64>, DbError> {
        let session = &mut self.read().await?;
        let answer = row!(session, (Option<i64>,), SCHEMA_VERSION);
        match answer {
            Ok(row) => Ok(row.and_then(|(version,)| version)),
            Err(error) if names_no_table(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Refuses a database whose schema is not the one that this program was made for.
    pub async fn expect_current_schema(&self) -> Result<(), DbError> {
        if self.refuse_newer_schema().await? == Some(migrations::VERSION) {
            return Ok(());
        }
        Err(DbError::new(DbErrorKind::NotMigrated, "the database's schema is not up to date")
            .with_guidance("run `strongroom migrate`"))
    }

    /// Waits for the writes that are queued, takes no more, and closes every connection.
    pub async fn close(&self) {
        match &self.opened {
            Opened::Sqlite(db) => db.close().await,
            Opened::Postgres(db) => db.close().await,
        }
    }

    async fn refuse_newer_schema(&self) -> Result<Option<i64>, DbError> {
        let version = self.schema_version().await?;
        if version.is_some_and(|version| version > migrations::VERSION) {
            return Err(newer_schema());
        }
        Ok(version)
    }
}

statements! {
    SCHEMA_VERSION = {("SELECT max(version) FROM _sqlx_migrations WHERE success")}
}

fn newer_schema() -> DbError {
    DbError::new(
        DbErrorKind::NewerSchema,
        "the database was migrated by a newer version of this program",
    )
    .with_guidance("run that version, or restore the backup that was made before it")
}

/// Whether a statement failed because a table is not there: SQLSTATE 42P01; SQLite has no code of its own.
fn names_no_table(error: &DbError) -> bool {
    let source = std::error::Error::source(error);
    let Some(sqlx::Error::Database(answer)) = source.and_then(|source| source.downcast_ref())
    else {
        return false;
    };
    answer.code().as_deref() == Some("42P01") || answer.message().starts_with("no such table")
}

fn failed_migration(error: MigrateError) -> DbError {
    match error {
        MigrateError::VersionMissing(_) => newer_schema(),
        MigrateError::VersionMismatch(_) => DbError::new(
            DbErrorKind::Configuration,
            "the database was migrated by another version of the same step",
        )
        .with_source(error),
        MigrateError::Execute(error) => DbError::of_statement("MIGRATE", error),
        error => DbError::new(DbErrorKind::Failed, "the migration failed").with_source(error),
    }
}
