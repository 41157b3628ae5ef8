//! A connection that reads ([`Session`]), and one inside a write ([`Tx`]).

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, Postgres, Sqlite, SqliteConnection, Transaction};

use super::error::{Again, DbError, DbErrorKind};
use super::scope::{TenantId, TenantRead, TenantTx};

/// A connection to either engine. By itself it reads only what belongs to no tenant, or, by methods that say
/// `of_any_tenant`, what a worker looks for everywhere; [`Session::of`] is the way to a tenant's rows.
///
/// Outside of a [`Tx`] each statement sees what was committed when it began.
pub struct Session {
    connection: Connection,
    /// What the statements that failed since the write began say of another run.
    failure: Option<Again>,
}

enum Connection {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
    PostgresTransaction(Transaction<'static, Postgres>),
}

pub(super) enum Engine<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

impl Session {
    pub(super) fn sqlite(connection: PoolConnection<Sqlite>) -> Self {
        Self { connection: Connection::Sqlite(connection), failure: None }
    }

    pub(super) fn postgres(connection: PoolConnection<Postgres>) -> Self {
        Self { connection: Connection::Postgres(connection), failure: None }
    }

    pub(super) fn engine(&mut self) -> Engine<'_> {
        match &mut self.connection {
            Connection::Sqlite(connection) => Engine::Sqlite(connection),
            Connection::Postgres(connection) => Engine::Postgres(connection),
            Connection::PostgresTransaction(transaction) => Engine::Postgres(transaction),
        }
    }

    pub(super) fn failed(&mut self, statement: &'static str, error: sqlx::Error) -> DbError {
        self.failure = self.failure.max(Some(Again::after(&error)));
        DbError::of_statement(statement, error)
    }

    /// The rows of one tenant.
    pub fn of<'s>(&'s mut self, tenant: &'s TenantId) -> TenantRead<'s> {
        TenantRead::new(self, tenant)
    }
}

/// A session inside a write: all that it does takes effect together, or not at all.
///
/// On PostgreSQL transactions run at READ COMMITTED: a decision that rests on what a package *is* reads it by
/// [`TenantTx::lock_package`] (to change it) or [`TenantTx::share_package`] (to rely on it), and holds, files and
/// fences of a package are decided under that lock. SQLite has one writer, where a lock costs nothing.
pub struct Tx(Session);

impl Tx {
    pub(super) fn sqlite(connection: PoolConnection<Sqlite>) -> Self {
        Self(Session::sqlite(connection))
    }

    pub(super) fn postgres(transaction: Transaction<'static, Postgres>) -> Self {
        let connection = Connection::PostgresTransaction(transaction);
        Self(Session { connection, failure: None })
    }

    /// Whether another run may end otherwise, as far as the statements so far tell.
    pub(super) fn again(&self) -> Again {
        self.0.failure.unwrap_or(Again::No)
    }

    /// Refuses a write that went on after a statement failed. PostgreSQL would answer its COMMIT by rolling back,
    /// without an error; SQLite would keep the rest.
    pub(super) fn refuse_if_failed(&self) -> Result<(), DbError> {
        match self.0.failure {
            None => Ok(()),
            Some(_) => Err(DbError::new(
                DbErrorKind::Failed,
                "a write went on after one of its statements failed",
            )),
        }
    }

    /// Begins the next write on this connection.
    pub(super) fn forget_failures(&mut self) {
        self.0.failure = None;
    }

    /// A statement of SQLite's writer that begins, marks or ends a transaction.
    pub(super) async fn control(&mut self, statement: &'static str) -> Result<(), DbError> {
        if let Engine::Sqlite(connection) = self.0.engine() {
            let done = sqlx::query(statement).execute(connection).await;
            done.map_err(|error| DbError::of_statement(statement, error))?;
        }
        Ok(())
    }

    /// Closes a connection of SQLite's writer that failed, with whatever was open in it.
    pub(super) async fn give_up(self) {
        if let Connection::Sqlite(connection) = self.0.connection
            && let Err(error) = connection.close().await
        {
            tracing::debug!(%error, "a connection that failed was not closed in order");
        }
    }

    pub(super) async fn commit(self) -> Result<(), (DbError, Again)> {
        let Connection::PostgresTransaction(transaction) = self.0.connection else {
            return Ok(());
        };
        transaction.commit().await.map_err(|error| {
            let again = Again::after(&error);
            (DbError::of_statement("COMMIT", error), again)
        })
    }

    pub(super) async fn roll_back(self) {
        if let Connection::PostgresTransaction(transaction) = self.0.connection
            && let Err(error) = transaction.rollback().await
        {
            tracing::debug!(%error, "a transaction was not rolled back; its connection is given up");
        }
    }

    /// The rows of one tenant, to be changed too.
    pub fn of<'s>(&'s mut self, tenant: &'s TenantId) -> TenantTx<'s> {
        TenantTx::new(self, tenant)
    }
}

impl Deref for Tx {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.0
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.0
    }
}
