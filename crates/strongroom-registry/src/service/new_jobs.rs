//! Jobs as they are queued.

use serde_json::Value;
use uuid::Uuid;

use super::Registry;
use crate::db::JobRow;
use crate::jobs::JobKind;

impl Registry {
    /// A job about a package, to be run at once.
    pub(crate) fn new_job(&self, kind: JobKind, package: Uuid, payload: Value) -> JobRow {
        let (id, now) = (self.clock().new_id(), self.clock().now());
        JobRow::queued(id, kind.as_str(), package, payload, now)
    }
}
