//! What went wrong with the database. The kind alone decides status, exit code and retry.

use std::borrow::Cow;
use std::error::Error;

/// The meaning of a database's failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DbErrorKind {
    /// The URL, or what it names, cannot be a database of ours.
    Configuration,
    /// No connection to be had.
    Unreachable,
    /// Too many wait already, or others held the rows for too long: worth trying again.
    Busy,
    /// The row is there already.
    Conflict,
    /// The row was changed since it was read.
    Stale,
    /// A value that a constraint refuses: a state that is none, a reference to nothing, a text that both
    /// engines cannot hold.
    Refused,
    /// A later version of this program has been here.
    NewerSchema,
    /// The schema is not there, or not up to date: `migrate` brings it.
    NotMigrated,
    /// A value in the database that cannot be read.
    Malformed,
    /// No space left.
    NoSpace,
    /// The registry is closing.
    Closed,
    /// Anything else. The source, in the log, tells more.
    Failed,
}

/// A database's failure: its meaning, a sentence without anybody's data, and the cause for logs.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct DbError {
    kind: DbErrorKind,
    message: Cow<'static, str>,
    guidance: Option<&'static str>,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl DbError {
    /// A failure. `message` is lower case, without full stop, and holds nothing of any row.
    pub fn new(kind: DbErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), guidance: None, source: None }
    }

    pub(super) fn with_guidance(mut self, guidance: &'static str) -> Self {
        self.guidance = Some(guidance);
        self
    }

    pub(super) fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The meaning.
    pub fn kind(&self) -> DbErrorKind {
        self.kind
    }

    /// What a person can do, if anything.
    pub fn guidance(&self) -> Option<&str> {
        self.guidance
    }

    /// The same failure once more, for another who waited for the same commit. Without its cause.
    pub(super) fn again(&self) -> Self {
        Self {
            kind: self.kind,
            message: self.message.clone(),
            guidance: self.guidance,
            source: None,
        }
    }

    /// What `error` means when it comes out of the statement called `statement`.
    pub(super) fn of_statement(statement: &'static str, error: sqlx::Error) -> Self {
        let kind = kind_of(&error);
        Self::new(kind, format!("{} ({statement})", sentence(kind))).with_source(error)
    }

    /// What `error` means outside of any statement.
    pub(super) fn of_connection(error: sqlx::Error) -> Self {
        let kind = kind_of(&error);
        Self::new(kind, sentence(kind)).with_source(error)
    }
}

fn sentence(kind: DbErrorKind) -> &'static str {
    match kind {
        DbErrorKind::Configuration => "the database cannot be used as it is configured",
        DbErrorKind::Unreachable => "the database does not answer",
        DbErrorKind::Busy => "the database is busy",
        DbErrorKind::Conflict => "a row with the same key is there already",
        DbErrorKind::Stale => "the row was changed by another",
        DbErrorKind::Refused => "the database refuses a value",
        DbErrorKind::NewerSchema => "the database was made by a newer version",
        DbErrorKind::NotMigrated => "the database's schema is not up to date",
        DbErrorKind::Malformed => "a value in the database cannot be read",
        DbErrorKind::NoSpace => "the database has no space left",
        DbErrorKind::Closed => "the database is closing",
        DbErrorKind::Failed => "the database failed",
    }
}

fn kind_of(error: &sqlx::Error) -> DbErrorKind {
    match error {
        sqlx::Error::Database(error) => kind_of_answer(&**error),
        sqlx::Error::Configuration(_) | sqlx::Error::Tls(_) => DbErrorKind::Configuration,
        sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => DbErrorKind::Unreachable,
        sqlx::Error::PoolTimedOut => DbErrorKind::Busy,
        sqlx::Error::PoolClosed => DbErrorKind::Closed,
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => DbErrorKind::Malformed,
        sqlx::Error::Encode(_) => DbErrorKind::Refused,
        _ => DbErrorKind::Failed,
    }
}

/// By SQLSTATE (PostgreSQL, appendix A) or by SQLite's result code, of which the lowest byte is the primary one.
fn kind_of_answer(error: &dyn sqlx::error::DatabaseError) -> DbErrorKind {
    use sqlx::error::ErrorKind;
    match error.kind() {
        ErrorKind::UniqueViolation => return DbErrorKind::Conflict,
        ErrorKind::ForeignKeyViolation
        | ErrorKind::NotNullViolation
        | ErrorKind::CheckViolation
        | ErrorKind::ExclusionViolation => return DbErrorKind::Refused,
        _ => {}
    }
    let code = error.code().unwrap_or_default();
    if code.len() == 5 {
        return kind_of_sqlstate(&code);
    }
    match code.parse::<u32>().map(|code| code & 0xff) {
        Ok(5 | 6) => DbErrorKind::Busy,
        Ok(13) => DbErrorKind::NoSpace,
        Ok(11 | 26) => DbErrorKind::Malformed,
        Ok(14) => DbErrorKind::Unreachable,
        Ok(18 | 19) => DbErrorKind::Refused,
        _ => DbErrorKind::Failed,
    }
}

fn kind_of_sqlstate(code: &str) -> DbErrorKind {
    match code.get(..2) {
        Some("08" | "57") => DbErrorKind::Unreachable,
        Some("22" | "23") => DbErrorKind::Refused,
        Some("28" | "3D") => DbErrorKind::Configuration,
        Some("40" | "55") => DbErrorKind::Busy,
        Some("53") => DbErrorKind::NoSpace,
        _ => DbErrorKind::Failed,
    }
}

/// Whether the write that met `error` may come out otherwise when it is run again from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Again {
    /// It would meet the same.
    No,
    /// Another made the row meanwhile; the next run sees it.
    Conflict,
    /// It lost against another (serialization failure, deadlock).
    Lost,
}

impl Again {
    pub(super) fn after(error: &sqlx::Error) -> Self {
        let sqlx::Error::Database(error) = error else { return Self::No };
        if error.is_unique_violation() {
            return Self::Conflict;
        }
        match error.code().as_deref() {
            Some("40001" | "40P01") => Self::Lost,
            _ => Self::No,
        }
    }
}
