//! What is still to be done, under leases.
//!
//! A claim raises the job's epoch, and every later word of a worker names the epoch that it was given: one whose
//! lease was over and taken by another writes nothing. Leases are measured by the database's time.

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::TenantId;
use super::columns::{count, json, maybe_count, maybe_text, micros, named_state, text};
use super::error::{DbError, DbErrorKind};
use super::limits;
use super::scope::{TenantRead, TenantTx};
use super::search::{Cursor, Page};
use super::session::{Session, Tx};

named_state! {
    /// Where a job is in its life.
    pub enum JobState: "the state of a job" {
        /// It waits for a worker, or for its time.
        Queued = "queued",
        /// A worker has it, for as long as its lease.
        Running = "running",
        /// It is done.
        Done = "done",
        /// It was tried as often as it may. A person can queue it again.
        Failed = "failed",
    }
}

/// A job.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct JobRow {
    /// Its id.
    pub id: Uuid,
    /// What is to be done.
    pub kind: String,
    /// To which package.
    pub package_id: Option<Uuid>,
    /// Where it is in its life.
    #[sqlx(try_from = "super::columns::Name")]
    pub state: JobState,
    /// Steps that are done.
    #[sqlx(try_from = "i64")]
    pub progress_done: u64,
    /// Steps that there are, once they are counted.
    #[sqlx(try_from = "super::columns::MaybeCount")]
    pub progress_total: Option<u64>,
    /// How often it was claimed since it was queued.
    #[sqlx(try_from = "i64")]
    pub attempts: u64,
    /// The first moment at which it may be claimed, by the database's time.
    #[sqlx(try_from = "super::columns::Micros")]
    pub run_after: Timestamp,
    /// The worker that has it.
    pub lease_owner: Option<String>,
    /// The moment at which another may take it.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub lease_until: Option<Timestamp>,
    /// Raised by each claim.
    pub epoch: i64,
    /// What its worker needs to know.
    #[sqlx(json)]
    pub payload: Value,
    /// What came of it.
    #[sqlx(json(nullable))]
    pub outcome: Option<Value>,
    /// Why the last attempt failed, in words for everybody.
    pub error: Option<String>,
    /// When it was made.
    #[sqlx(try_from = "super::columns::Micros")]
    pub created_at: Timestamp,
    /// When it came to an end.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub finished_at: Option<Timestamp>,
}

impl JobRow {
    /// A job about a package, to be run at once.
    pub fn queued(
        id: Uuid,
        kind: &str,
        package: Uuid,
        payload: Value,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id,
            kind: kind.to_owned(),
            package_id: Some(package),
            state: JobState::Queued,
            progress_done: 0,
            progress_total: None,
            attempts: 0,
            // Measured by the database's time, which is not ours: at once is long ago.
            run_after: Timestamp::UNIX_EPOCH,
            lease_owner: None,
            lease_until: None,
            epoch: 0,
            payload,
            outcome: None,
            error: None,
            created_at,
            finished_at: None,
        }
    }
}

/// A job that a worker claimed, of whichever tenant.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct JobLease {
    /// Whose it is.
    #[sqlx(try_from = "String")]
    pub tenant_id: TenantId,
    /// The job.
    #[sqlx(flatten)]
    pub job: JobRow,
}

/// A job that gave up, of whichever tenant.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct FailedJob {
    /// Whose it is.
    #[sqlx(try_from = "String")]
    pub tenant_id: TenantId,
    /// Its id.
    pub id: Uuid,
    /// When it gave up.
    #[sqlx(try_from = "super::columns::Micros")]
    pub finished_at: Timestamp,
}

/// How a job came to its end, as a worker that has it says.
#[derive(Debug, Clone)]
pub struct JobEnd {
    /// The job, as it was claimed.
    pub job: JobRow,
    /// [`Done`](JobState::Done) or [`Failed`](JobState::Failed).
    pub state: JobState,
    /// Steps that were done.
    pub progress_done: u64,
    /// Steps that there were, where they were counted.
    pub progress_total: Option<u64>,
    /// What came of it.
    pub outcome: Option<Value>,
    /// Why it failed, in words for everybody.
    pub error: Option<String>,
    /// When.
    pub at: Timestamp,
}

macro_rules! job_columns {
    () => {
        "id, kind, package_id, state, progress_done, progress_total, attempts, run_after, lease_owner, \
         lease_until, epoch, payload, outcome, error, created_at, finished_at"
    };
}

/// What a claim takes: a job whose time has come, or one whose worker is dead. `$1` now. The choice is compared by `=`,
/// which is made once: PostgreSQL may make that of an `IN` for each row, and then takes more jobs than one.
macro_rules! claim {
    ($skip:literal) => {
        concat!(
            "UPDATE jobs SET state = 'running', lease_owner = $2, lease_until = $3, epoch = epoch + 1, \
             attempts = attempts + 1 WHERE (tenant_id, id) = (SELECT j.tenant_id, j.id FROM jobs j \
             WHERE j.state = 'queued' AND j.run_after <= $1 ORDER BY j.run_after, j.id LIMIT 1",
            $skip,
            ") RETURNING tenant_id, ",
            job_columns!()
        )
    };
}

/// A page of jobs. A filter is led by an index that has the jobs in the order of a page.
macro_rules! jobs {
    ($lead:literal) => {
        concat!(
            "SELECT ",
            job_columns!(),
            " FROM jobs WHERE tenant_id = $1 AND (created_at, id) < ($2, $3)",
            $lead,
            " ORDER BY created_at DESC, id DESC LIMIT $4"
        )
    };
}

macro_rules! claim_lapsed {
    ($skip:literal) => {
        concat!(
            "UPDATE jobs SET state = 'running', lease_owner = $2, lease_until = $3, epoch = epoch + 1, \
             attempts = attempts + 1 WHERE (tenant_id, id) = (SELECT j.tenant_id, j.id FROM jobs j \
             WHERE j.state = 'running' AND j.lease_until <= $1 ORDER BY j.lease_until, j.id LIMIT 1",
            $skip,
            ") RETURNING tenant_id, ",
            job_columns!()
        )
    };
}

statements! {
    NOW = {
        sqlite "SELECT CAST(unixepoch('now', 'subsec') * 1000000 AS INTEGER) AS now",
        postgres "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) AS now"
    }
    CLAIM = {sqlite claim!(""), postgres claim!(" FOR UPDATE SKIP LOCKED")}
    CLAIM_LAPSED = {sqlite claim_lapsed!(""), postgres claim_lapsed!(" FOR UPDATE SKIP LOCKED")}
    JOB = {("SELECT ", job_columns!(), " FROM jobs WHERE tenant_id = $1 AND id = $2")}
    LIVE_JOB = {(
        "SELECT ", job_columns!(), " FROM jobs WHERE tenant_id = $1 AND kind = $2 AND package_id = $3 \
         AND state IN ('queued', 'running')"
    )}
    JOBS = {(jobs!(""))}
    JOBS_OF_STATE = {(jobs!(" AND state = $5"))}
    JOBS_OF_KIND = {(jobs!(" AND kind = $5"))}
    JOBS_OF_STATE_AND_KIND = {(jobs!(" AND state = $5 AND kind = $6"))}
    LAST_JOB = {(
        "SELECT ", job_columns!(), " FROM jobs WHERE tenant_id = $1 AND package_id = $2 AND kind = $3 \
         ORDER BY created_at DESC, id DESC LIMIT 1"
    )}
    JOBS_OF_PACKAGE = {(
        "SELECT ", job_columns!(), " FROM jobs WHERE tenant_id = $1 AND package_id = $2 \
         ORDER BY created_at DESC, id DESC LIMIT $3"
    )}
    ENQUEUE = {(
        "INSERT INTO jobs (tenant_id, id, kind, package_id, state, progress_done, progress_total, attempts, \
         run_after, lease_owner, lease_until, epoch, payload, outcome, error, created_at, finished_at) \
         VALUES ($1, $2, $3, $4, 'queued', 0, $5, 0, $6, NULL, NULL, 0, $7, NULL, NULL, $8, NULL) \
         ON CONFLICT (tenant_id, kind, package_id) WHERE state IN ('queued', 'running') DO NOTHING"
    )}
    RENEW = {(
        "UPDATE jobs SET lease_until = $4, progress_done = $5, progress_total = $6 \
         WHERE tenant_id = $1 AND id = $2 AND epoch = $3 AND state = 'running'"
    )}
    FENCE = {(
        "SELECT id FROM jobs WHERE tenant_id = $1 AND id = $2 AND epoch = $3 AND state = 'running'"
    ), postgres adds " FOR SHARE"}
    FINISH = {(
        "UPDATE jobs SET state = $4, outcome = $5, error = $6, finished_at = $7, progress_done = $8, \
         progress_total = $9, lease_owner = NULL, lease_until = NULL WHERE tenant_id = $1 AND id = $2 AND epoch = $3 AND state = 'running'"
    )}
    RETRY = {(
        "UPDATE jobs SET state = 'queued', run_after = $4, error = $5, lease_owner = NULL, lease_until = NULL \
         WHERE tenant_id = $1 AND id = $2 AND epoch = $3 AND state = 'running'"
    )}
    POSTPONE = {(
        "UPDATE jobs SET state = 'queued', run_after = $4, attempts = attempts - 1, lease_owner = NULL, \
         lease_until = NULL WHERE tenant_id = $1 AND id = $2 AND epoch = $3 AND state = 'running'"
    )}
    FAILED_JOBS = {(
        "SELECT tenant_id, id, finished_at FROM jobs WHERE state = 'failed' AND kind = $1 AND finished_at <= $2 \
         AND (finished_at, id) > ($3, $4) ORDER BY finished_at, id LIMIT $5"
    )}
    REQUEUE = {(
        "UPDATE jobs SET state = 'queued', run_after = $3, attempts = 0, finished_at = NULL \
         WHERE tenant_id = $1 AND id = $2 AND state = 'failed'"
    )}
}

impl Session {
    /// The database's time, which leases are measured by.
    pub async fn database_time(&mut self) -> Result<Timestamp, DbError> {
        let micros = self.database_micros().await?;
        Timestamp::from_microsecond(micros).map_err(|error| {
            DbError::new(DbErrorKind::Malformed, "the database's time cannot be").with_source(error)
        })
    }

    async fn database_micros(&mut self) -> Result<i64, DbError> {
        let now = row!(self, (i64,), NOW)?;
        now.map(|(now,)| now)
            .ok_or_else(|| DbError::new(DbErrorKind::Malformed, "the database tells no time"))
    }
}

fn end_of_lease(now: i64, lease_ms: u64) -> i64 {
    now.saturating_add(i64::try_from(lease_ms).unwrap_or(i64::MAX).saturating_mul(1_000))
}

impl Tx {
    /// Claims one job of any tenant for `owner`: first one whose worker is dead, then the one that waits longest
    /// for its time. `None`: there is nothing to do now.
    pub async fn claim_job_of_any_tenant(
        &mut self,
        owner: &str,
        lease_ms: u64,
    ) -> Result<Option<JobLease>, DbError> {
        let now = self.database_micros().await?;
        let until = end_of_lease(now, lease_ms);
        let lapsed = row!(self, JobLease, CLAIM_LAPSED, now, text(owner)?, until)?;
        if lapsed.is_some() {
            return Ok(lapsed);
        }
        row!(self, JobLease, CLAIM, now, text(owner)?, until)
    }
}

impl TenantRead<'_> {
    /// A job.
    pub async fn job(&mut self, id: Uuid) -> Result<Option<JobRow>, DbError> {
        let (session, tenant) = self.parts();
        row!(session, JobRow, JOB, tenant, id)
    }

    /// Jobs, the newest first, at most `limit` (itself at most [`limits::PAGE_ROWS_MAX`]).
    pub async fn jobs(
        &mut self,
        state: Option<JobState>,
        kind: Option<&str>,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<JobRow>, DbError> {
        let limit = limit.clamp(1, limits::PAGE_ROWS_MAX);
        let cursor = Cursor::before(after, None);
        let rows = i64::from(limit) + 1;
        let (session, tenant) = self.parts();
        macro_rules! page {
            ($statement:expr $(, $filter:expr)*) => {
                rows!(session, JobRow, $statement, tenant, cursor.at, cursor.id, rows $(, $filter)*)
            };
        }
        let found = match (state.map(JobState::as_str), kind) {
            (Some(state), Some(kind)) => page!(JOBS_OF_STATE_AND_KIND, state, kind),
            (Some(state), None) => page!(JOBS_OF_STATE, state),
            (None, Some(kind)) => page!(JOBS_OF_KIND, kind),
            (None, None) => page!(JOBS),
        }?;
        Ok(Page::cut(found, limit, |job| Cursor { at: micros(job.created_at), id: job.id }))
    }

    /// The newest job of a kind for a package, in whatever state.
    pub async fn last_job(&mut self, kind: &str, package: Uuid) -> Result<Option<JobRow>, DbError> {
        let (session, tenant) = self.parts();
        row!(session, JobRow, LAST_JOB, tenant, package, kind)
    }

    /// A package's jobs, the newest first.
    pub async fn jobs_of_package(
        &mut self,
        package: Uuid,
        limit: u32,
    ) -> Result<Vec<JobRow>, DbError> {
        let (session, tenant) = self.parts();
        rows!(session, JobRow, JOBS_OF_PACKAGE, tenant, package, i64::from(limit))
    }
}

impl TenantTx<'_> {
    /// Queues a job and answers its id. Where the package has a live one of the same kind already, that one's id
    /// is answered instead. Of `job` counts what it is, its package, payload, total and times.
    pub async fn enqueue_job(&mut self, job: &JobRow) -> Result<Uuid, DbError> {
        let (session, tenant) = self.parts();
        let added = changed!(
            session,
            ENQUEUE,
            tenant,
            job.id,
            text(&job.kind)?,
            job.package_id,
            maybe_count(job.progress_total)?,
            micros(job.run_after),
            json(&job.payload)?,
            micros(job.created_at),
        )?;
        if added == 1 {
            return Ok(job.id);
        }
        let live = row!(session, JobRow, LIVE_JOB, tenant, job.kind.as_str(), job.package_id)?;
        // It may have ended since: then the caller's next run finds none.
        live.map(|live| live.id).ok_or_else(|| {
            DbError::new(DbErrorKind::Conflict, "a job of the package ended just now")
        })
    }

    /// Counts progress and holds the lease for longer; tells whether the worker still has it.
    pub async fn renew_job(
        &mut self,
        job: &JobRow,
        lease_ms: u64,
        done: u64,
        total: Option<u64>,
    ) -> Result<bool, DbError> {
        let (session, tenant) = self.parts();
        let until = end_of_lease(session.database_micros().await?, lease_ms);
        let (done, total) = (count(done)?, maybe_count(total)?);
        Ok(changed!(session, RENEW, tenant, job.id, job.epoch, until, done, total)? == 1)
    }

    /// Whether the worker still has the job: asked within the write that relies on it.
    pub async fn has_job(&mut self, job: &JobRow) -> Result<bool, DbError> {
        let (session, tenant) = self.parts();
        Ok(row!(session, (Uuid,), FENCE, tenant, job.id, job.epoch)?.is_some())
    }

    /// Ends a job; tells whether the worker still had it.
    pub async fn finish_job(&mut self, end: &JobEnd) -> Result<bool, DbError> {
        let (session, tenant) = self.parts();
        let finished = changed!(
            session,
            FINISH,
            tenant,
            end.job.id,
            end.job.epoch,
            end.state.as_str(),
            &end.outcome.as_ref().map(json).transpose()?,
            maybe_text(end.error.as_deref())?,
            micros(end.at),
            count(end.progress_done)?,
            maybe_count(end.progress_total)?,
        )?;
        Ok(finished == 1)
    }

    /// Gives a job back, to be tried again `after_ms` from now; tells whether the worker still had it.
    pub async fn retry_job(
        &mut self,
        job: &JobRow,
        after_ms: u64,
        error: &str,
    ) -> Result<bool, DbError> {
        let (session, tenant) = self.parts();
        let run_after = end_of_lease(session.database_micros().await?, after_ms);
        Ok(changed!(session, RETRY, tenant, job.id, job.epoch, run_after, text(error)?)? == 1)
    }

    /// The job of a kind that is queued or running for a package.
    pub async fn live_job(&mut self, kind: &str, package: Uuid) -> Result<Option<JobRow>, DbError> {
        let (session, tenant) = self.parts();
        row!(session, JobRow, LIVE_JOB, tenant, kind, package)
    }

    /// Queues a job again that was claimed and not begun; tells whether the worker still had it.
    pub async fn postpone_job(&mut self, job: &JobRow, after_ms: u64) -> Result<bool, DbError> {
        let (session, tenant) = self.parts();
        let run_after = end_of_lease(session.database_micros().await?, after_ms);
        Ok(changed!(session, POSTPONE, tenant, job.id, job.epoch, run_after)? == 1)
    }

    /// Queues a job again that had failed for good; tells whether it had. A live one of the same kind for its
    /// package is a conflict.
    pub async fn requeue_job(&mut self, id: Uuid) -> Result<bool, DbError> {
        let (session, tenant) = self.parts();
        let now = session.database_micros().await?;
        Ok(changed!(session, REQUEUE, tenant, id, now)? == 1)
    }
}

impl Session {
    /// Jobs of a kind that gave up at a moment or before, the first first, from after `after` on.
    pub async fn failed_jobs_of_any_tenant(
        &mut self,
        kind: &str,
        by: Timestamp,
        after: Option<&FailedJob>,
        limit: u32,
    ) -> Result<Vec<FailedJob>, DbError> {
        let (at, id) =
            after.map_or((i64::MIN, Uuid::nil()), |last| (micros(last.finished_at), last.id));
        rows!(self, FailedJob, FAILED_JOBS, kind, micros(by), at, id, i64::from(limit))
    }
}
