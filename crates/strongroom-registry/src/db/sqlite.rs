//! SQLite: one writer that commits many writes at once, and readers beside it.
//!
//! A commit costs one `fsync`, whatever it holds. So writes queue up while one is under way, and the next
//! transaction takes them all. Where one of them fails, all is undone and they run again, each under a savepoint of its
//! own, to which that one alone goes back. Nobody is answered before the commit.

mod group;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use sqlx::ConnectOptions;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use tokio::sync::{mpsc, oneshot};

use self::group::{Message, QueuedWrite};
use super::error::{DbError, DbErrorKind};
use super::limits;
use super::session::{Session, Tx};

/// The embedded engine.
#[derive(Clone)]
pub(super) struct SqliteDb {
    readers: SqlitePool,
    writer: mpsc::Sender<Message>,
    options: Arc<SqliteConnectOptions>,
}

impl SqliteDb {
    /// Opens the file and starts its writer, which ends with the last clone.
    pub(super) async fn open(path: &str) -> Result<Self, DbError> {
        if path.is_empty() || path.starts_with(":memory:") {
            return Err(DbError::new(
                DbErrorKind::Configuration,
                "a SQLite database without a file",
            )
            .with_guidance("name its file: sqlite:PATH"));
        }
        create_private(Path::new(path)).map_err(|error| {
            DbError::new(DbErrorKind::Configuration, "the database's file cannot be made")
                .with_source(error)
        })?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(Duration::from_millis(limits::SQLITE_BUSY_MS_MAX))
            .foreign_keys(true)
            .synchronous(SqliteSynchronous::Full)
            .pragma("temp_store", "MEMORY");
        let writing = options
            .clone()
            .journal_mode(SqliteJournalMode::Wal)
            .pragma("cache_size", format!("-{}", limits::SQLITE_WRITER_CACHE_KIB))
            .pragma("journal_size_limit", limits::SQLITE_WAL_BYTES_KEPT.to_string());
        let wait = Duration::from_millis(limits::CONNECTION_WAIT_MS_MAX);
        let writers = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(wait)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_with(writing.clone())
            .await
            .map_err(DbError::of_connection)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(limits::SQLITE_READERS_MAX)
            .acquire_timeout(wait)
            .test_before_acquire(false)
            .connect_lazy_with(options.pragma("query_only", "ON"));
        let (writer, queue) = mpsc::channel(limits::WRITES_QUEUED_MAX);
        tokio::spawn(group::commit_groups(writers, queue));
        Ok(Self { readers, writer, options: Arc::new(writing) })
    }

    pub(super) async fn read(&self) -> Result<Session, DbError> {
        self.readers.acquire().await.map(Session::sqlite).map_err(DbError::of_connection)
    }

    pub(super) async fn write<I, T, E, F>(&self, input: I, work: F) -> Result<T, E>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: for<'t> Fn(&'t mut Tx, &'t I) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let write = Box::new(QueuedWrite::new(input, work, answer));
        let wait = Duration::from_millis(limits::WRITE_QUEUE_WAIT_MS_MAX);
        self.writer.send_timeout(Message::Write(write), wait).await.map_err(
            |error| match error {
                mpsc::error::SendTimeoutError::Timeout(_) => {
                    DbError::new(DbErrorKind::Busy, "too many writes wait for the database")
                }
                mpsc::error::SendTimeoutError::Closed(_) => closed(),
            },
        )?;
        answered.await.unwrap_or_else(|_| Err(closed().into()))
    }

    /// On a connection of its own, since the writer's belongs to its task.
    pub(super) async fn migrate(&self, migrator: &Migrator) -> Result<(), MigrateError> {
        let mut connection = self.options.connect().await?;
        migrator.run_direct(None, &mut connection, false).await?;
        Ok(sqlx::Connection::close(connection).await?)
    }

    pub(super) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.writer.send(Message::Close(done)).await.is_ok() {
            // An error says that the writer is gone already.
            let _ = closed.await;
        }
        self.readers.close().await;
    }
}

fn closed() -> DbError {
    DbError::new(DbErrorKind::Closed, "the database is closing")
}

/// Makes the file for its owner only; SQLite gives the files beside it the same mode.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
