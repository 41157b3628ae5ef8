//! One run of a job.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use uuid::Uuid;

use crate::db::{JobEnd, JobLease, JobRow, JobState, TenantId};
use crate::error::{ErrorKind, ServiceError};
use crate::service::Registry;

/// A total that is not known yet.
const UNKNOWN: u64 = u64::MAX;

/// One run of a job, by a worker that has its lease.
#[derive(Debug)]
pub(crate) struct Attempt {
    registry: Arc<Registry>,
    lease: JobLease,
    /// When the lease was asked for first.
    asked_at: Instant,
    /// Microseconds after that for which it is nobody else's for certain.
    sure_for_us: AtomicU64,
    done: AtomicU64,
    total: AtomicU64,
    /// Whether the job was ended in a write of its own.
    has_ended: AtomicBool,
}

impl Attempt {
    /// `asked_at` is before the lease began, by whichever clock.
    pub(super) fn new(registry: Arc<Registry>, lease: JobLease, asked_at: Instant) -> Self {
        let (done, total) = (AtomicU64::new(0), AtomicU64::new(UNKNOWN));
        let sure_for_us = AtomicU64::new(0);
        let has_ended = AtomicBool::new(false);
        let attempt = Self { registry, lease, asked_at, sure_for_us, done, total, has_ended };
        attempt.leased(asked_at);
        attempt
    }

    /// The lease was granted, or renewed, to whoever asked at this moment.
    pub(super) fn leased(&self, asked_at: Instant) {
        let lease = self.registry.settings().jobs.lease.unsigned_abs();
        let sure_for = (asked_at + lease).duration_since(self.asked_at);
        let sure_for_us = u64::try_from(sure_for.as_micros()).unwrap_or(u64::MAX);
        self.sure_for_us.fetch_max(sure_for_us, Ordering::SeqCst);
    }

    /// Whether nobody else can have the job by now. To be asked directly before whatever cannot be undone: a process
    /// that stood still finds out only so.
    pub(super) fn is_sure(&self) -> bool {
        let sure_for = Duration::from_micros(self.sure_for_us.load(Ordering::SeqCst));
        Instant::now() < self.asked_at + sure_for
    }

    /// The registry that the job belongs to.
    pub(crate) fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Whose job it is.
    pub(crate) fn tenant(&self) -> &TenantId {
        &self.lease.tenant_id
    }

    /// Its row. In a write that relies on the lease, ask [`TenantTx::has_job`](crate::db::TenantTx) of it first.
    pub(crate) fn job(&self) -> &JobRow {
        &self.lease.job
    }

    /// The package that it is about.
    pub(crate) fn package_id(&self) -> Result<Uuid, ServiceError> {
        self.lease
            .job
            .package_id
            .ok_or_else(|| ServiceError::internal("a job about packages names none"))
    }

    /// Says how many steps there are.
    pub(crate) fn expect(&self, steps: u64) {
        self.total.store(steps, Ordering::Relaxed);
    }

    /// Says that a step is done. The next renewal of the lease writes it down.
    pub(crate) fn step(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// The job's end, done, for a write of its own.
    pub(super) fn end_done(&self, outcome: Value) -> JobEnd {
        self.end(JobState::Done, Some(outcome), None)
    }

    /// The job's end, failed, for a write of its own.
    pub(super) fn end_failed(&self, outcome: Option<Value>, error: String) -> JobEnd {
        self.end(JobState::Failed, outcome, Some(error))
    }

    fn end(&self, state: JobState, outcome: Option<Value>, error: Option<String>) -> JobEnd {
        let (progress_done, progress_total) = self.progress();
        let (job, at) = (self.job().clone(), self.registry.clock().now());
        JobEnd { job, state, progress_done, progress_total, outcome, error, at }
    }

    /// A job that is more than its outcome ends in the write that its deed is part of. Then nothing is left to be
    /// written down, whatever its run answers.
    pub(super) fn note_ended(&self) {
        self.has_ended.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Relaxed)
    }

    pub(super) fn progress(&self) -> (u64, Option<u64>) {
        let total = self.total.load(Ordering::Relaxed);
        (self.done.load(Ordering::Relaxed), (total != UNKNOWN).then_some(total))
    }

    /// Whether the job waits for a person after this failure: it was tried as often as it may be, or the same again
    /// would fail again.
    pub(crate) fn gives_up(&self, error: &ServiceError) -> bool {
        let attempts_max = u64::from(self.registry.settings().jobs.attempts_max);
        self.lease.job.attempts >= attempts_max || !error.kind().is_transient()
    }

    /// What a write ends with whose worker has lost its lease: another one has the job now.
    pub(crate) fn lost() -> ServiceError {
        ServiceError::new(ErrorKind::Busy, "another worker has this job now")
    }
}
