//! Jobs as they are queued.

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::Registry;
use crate::db::{JobRow, JobState};
use crate::jobs::JobKind;

impl Registry {
    /// A job about a package, to be run at once.
    pub(crate) fn new_job(&self, kind: JobKind, package: Uuid, payload: Value) -> JobRow {
        JobRow {
            id: self.clock().new_id(),
            kind: kind.as_str().to_owned(),
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
            created_at: self.clock().now(),
            finished_at: None,
        }
    }
}
