//! What is written down of each change, in the change's own transaction.

use serde_json::Value;
use uuid::Uuid;

use super::Registry;
use crate::db::AuditEventRow;

impl Registry {
    /// An event that is about no package.
    pub(crate) fn event(&self, kind: &str, by: Option<Uuid>, details: Value) -> AuditEventRow {
        AuditEventRow {
            id: self.clock().new_id(),
            log_index: None,
            event_type: kind.to_owned(),
            package_id: None,
            file_id: None,
            principal_id: by,
            at: self.clock().now(),
            record_sha256: None,
            details,
        }
    }

    /// An event about a package.
    pub(crate) fn package_event(
        &self,
        kind: &str,
        package: Uuid,
        by: Option<Uuid>,
        details: Value,
    ) -> AuditEventRow {
        AuditEventRow { package_id: Some(package), ..self.event(kind, by, details) }
    }
}
