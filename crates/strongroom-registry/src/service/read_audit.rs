//! Who did what, when: read by those who audit.

use uuid::Uuid;

use super::{Registry, cursor};
use crate::auth::{Action, Principal, Resource, authorize};
use crate::db::{AuditEventRow, AuditFilter};
use crate::documents::{AuditEventDocument, AuditPage, AuditQuery};
use crate::error::ServiceError;

impl Registry {
    /// Events, the newest first: of one package for whoever may see it, of all for those who audit.
    pub async fn audit_events(
        &self,
        who: &Principal,
        package: Option<Uuid>,
        query: AuditQuery,
    ) -> Result<AuditPage, ServiceError> {
        match package {
            Some(package) => drop(self.package_for(who, Action::ReadPackage, package).await?),
            None => authorize(who, Action::ReadAudit, Resource::Registry)?,
        }
        let limit = self.page_entries(query.limit)?;
        let after = query.cursor.as_deref().map(cursor::from_text).transpose()?;
        let filter = AuditFilter {
            package_id: package,
            principal_id: query.principal_id,
            event_type: query.kind,
            from: query.from,
            before: query.before,
        };
        let mut session = self.db().read().await?;
        let page = session.of(&who.tenant).audit_events(&filter, after, limit).await?;
        let events = page.rows.into_iter().map(document).collect();
        Ok(AuditPage { events, next: page.next.map(cursor::to_text) })
    }
}

fn document(row: AuditEventRow) -> AuditEventDocument {
    AuditEventDocument {
        event_id: row.id,
        kind: row.event_type,
        at: row.at,
        principal_id: row.principal_id,
        package_id: row.package_id,
        file_id: row.file_id,
        record_sha256: row.record_sha256,
        details: row.details,
    }
}
