//! PostgreSQL: a transaction a write, run again when it lost against another.

use std::str::FromStr;
use std::time::Duration;

use futures::future::BoxFuture;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use super::error::{Again, DbError};
use super::limits;
use super::session::{Session, Tx};

/// What every connection is set to. A plan is made for the values at hand: a search with many optional filters
/// has no plan that is right for all. A commit that is acknowledged is on the disk, whatever the server's default.
const SETTINGS: &str = "SET plan_cache_mode = force_custom_plan; \
    SET default_transaction_isolation = 'read committed'; \
    SET lock_timeout = '10s'; \
    SET statement_timeout = '60s'; \
    SET idle_in_transaction_session_timeout = '60s'; \
    SELECT set_config('synchronous_commit', 'on', false) \
        WHERE current_setting('synchronous_commit') = 'off'";

/// The shared engine.
#[derive(Clone)]
pub(super) struct PostgresDb {
    pool: PgPool,
}

impl PostgresDb {
    pub(super) async fn open(url: &str) -> Result<Self, DbError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(DbError::of_connection)?
            .application_name("strongroom");
        let pool = PgPoolOptions::new()
            .max_connections(limits::POSTGRES_CONNECTIONS_MAX)
            .acquire_timeout(Duration::from_millis(limits::CONNECTION_WAIT_MS_MAX))
            .after_connect(|connection, _| {
                Box::pin(async move { sqlx::raw_sql(SETTINGS).execute(connection).await.map(drop) })
            })
            .connect_with(options)
            .await
            .map_err(DbError::of_connection)?;
        Ok(Self { pool })
    }

    pub(super) async fn read(&self) -> Result<Session, DbError> {
        self.pool.acquire().await.map(Session::postgres).map_err(DbError::of_connection)
    }

    /// A caller that stops waiting drops the transaction, which rolls it back.
    pub(super) async fn write<I, T, E, F>(&self, input: &I, work: &F) -> Result<T, E>
    where
        E: From<DbError>,
        F: for<'t> Fn(&'t mut Tx, &'t I) -> BoxFuture<'t, Result<T, E>>,
    {
        let mut runs = 0;
        loop {
            runs += 1;
            let (answer, again) = self.run(input, work).await;
            let runs_max = match again {
                Again::No => 1,
                Again::Conflict => limits::WRITE_CONFLICT_ATTEMPTS_MAX,
                Again::Lost => limits::WRITE_ATTEMPTS_MAX,
            };
            if answer.is_ok() || runs >= runs_max {
                return answer;
            }
            tokio::time::sleep(pause_after(runs)).await;
        }
    }

    async fn run<I, T, E, F>(&self, input: &I, work: &F) -> (Result<T, E>, Again)
    where
        E: From<DbError>,
        F: for<'t> Fn(&'t mut Tx, &'t I) -> BoxFuture<'t, Result<T, E>>,
    {
        let mut tx = match self.pool.begin().await {
            Ok(transaction) => Tx::postgres(transaction),
            Err(error) => return (Err(DbError::of_connection(error).into()), Again::No),
        };
        let answer = work(&mut tx, input).await.and_then(|value| {
            tx.refuse_if_failed()?;
            Ok(value)
        });
        let again = tx.again();
        match answer {
            Err(error) => {
                tx.roll_back().await;
                (Err(error), again)
            }
            Ok(value) => match tx.commit().await {
                Ok(()) => (Ok(value), Again::No),
                Err((error, again)) => (Err(error.into()), again),
            },
        }
    }

    pub(super) async fn migrate(&self, migrator: &Migrator) -> Result<(), MigrateError> {
        migrator.run(&self.pool).await
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

/// Doubles with each run, and by chance, so that those who met do not meet again.
fn pause_after(runs: u32) -> Duration {
    let longest_ms = (2_u64 << runs.min(16)).min(limits::WRITE_PAUSE_MS_MAX);
    let chance = u64::from(getrandom::u32().unwrap_or_default());
    Duration::from_millis(chance % longest_ms)
}
