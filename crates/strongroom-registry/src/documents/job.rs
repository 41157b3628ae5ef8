//! Work that goes on after the answer.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::words;

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobDocument {
    /// Its id.
    pub job_id: Uuid,
    /// What it does: `finalize`, `apply-retention`, `delete-package`, `clean-up`, …
    pub kind: String,
    /// The package that it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub package_id: Option<Uuid>,
    /// Where it is in its life. A failed one waits for a person: it can be tried again.
    #[schema(value_type = words::JobState)]
    pub state: String,
    /// How far it is.
    pub progress: JobProgress,
    /// Attempts so far.
    pub attempts: u32,
    /// What went wrong last.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
    /// When it was queued.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobProgress {
    /// Steps that are done.
    pub done: u64,
    /// Steps in all, once that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub total: Option<u64>,
}

/// One page of jobs, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobPage {
    /// The jobs.
    pub jobs: Vec<JobDocument>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<String>,
}

/// Which jobs.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct JobQuery {
    /// Only jobs in this state.
    #[serde(default)]
    #[param(value_type = Option<words::JobState>)]
    pub state: Option<String>,
    /// Only jobs of this kind.
    #[serde(default)]
    pub kind: Option<String>,
    /// Jobs of the page.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next` of the page before.
    #[serde(default)]
    #[param(pattern = "^[0-9a-fA-F]{48}$")]
    pub cursor: Option<String>,
}
