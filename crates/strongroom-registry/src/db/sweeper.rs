//! The sweeper's one row: it counts the ticks that grace periods are measured in, and pauses deletion.

use jiff::Timestamp;
use uuid::Uuid;

use super::columns::{count, maybe_micros, maybe_text};
use super::error::{DbError, DbErrorKind};
use super::session::{Session, Tx};

/// What the sweeper knows.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SweeperRow {
    /// Ticks so far.
    #[sqlx(try_from = "i64")]
    pub ticks: u64,
    /// The clock at the last of them.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub last_tick_at: Option<Timestamp>,
    /// Whether nothing may be deleted until an operator confirms.
    pub paused: bool,
    /// Since when.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub paused_at: Option<Timestamp>,
    /// Why.
    pub pause_reason: Option<String>,
    /// Who last confirmed.
    pub confirmed_by: Option<Uuid>,
    /// When.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub confirmed_at: Option<Timestamp>,
    /// When the next one is due, by the database's time; `None`: now.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub due_at: Option<Timestamp>,
}

statements! {
    SWEEPER = {(
        "SELECT ticks, last_tick_at, paused, paused_at, pause_reason, confirmed_by, confirmed_at, due_at \
         FROM sweeper WHERE id = 1"
    )}
    LOCK_SWEEPER = {(
        "SELECT ticks, last_tick_at, paused, paused_at, pause_reason, confirmed_by, confirmed_at, due_at \
         FROM sweeper WHERE id = 1"
    ), postgres adds " FOR UPDATE"}
    UPDATE_SWEEPER = {(
        "UPDATE sweeper SET ticks = $1, last_tick_at = $2, paused = $3, paused_at = $4, pause_reason = $5, \
         confirmed_by = $6, confirmed_at = $7, due_at = $8 WHERE id = 1"
    )}
}

fn missing() -> DbError {
    DbError::new(DbErrorKind::Malformed, "the sweeper's row is missing")
}

impl Session {
    /// The sweeper's row.
    pub async fn sweeper(&mut self) -> Result<SweeperRow, DbError> {
        row!(self, SweeperRow, SWEEPER)?.ok_or_else(missing)
    }
}

impl Tx {
    /// The sweeper's row, which no other write changes until this one ends.
    pub async fn lock_sweeper(&mut self) -> Result<SweeperRow, DbError> {
        row!(self, SweeperRow, LOCK_SWEEPER)?.ok_or_else(missing)
    }

    /// Writes the sweeper's row.
    pub async fn update_sweeper(&mut self, sweeper: &SweeperRow) -> Result<(), DbError> {
        changed!(
            self,
            UPDATE_SWEEPER,
            count(sweeper.ticks)?,
            maybe_micros(sweeper.last_tick_at),
            sweeper.paused,
            maybe_micros(sweeper.paused_at),
            maybe_text(sweeper.pause_reason.as_deref())?,
            sweeper.confirmed_by,
            maybe_micros(sweeper.confirmed_at),
            maybe_micros(sweeper.due_at),
        )
        .map(drop)
    }
}
