//! Archived bytes are asked for. The registry notes who asked, and looks again and again whether they can be read; a
//! package is the same package all the while. The store itself is told by whoever runs it.

use jiff::Timestamp;
use serde_json::json;
use strongroom_core::package::retrieval::RestoreEvent;
use strongroom_core::package::{LocationStatus, RestoreStatus};
use uuid::Uuid;

use super::Registry;
use super::change::{Asked, Conditions, Done, wrong_state};
use crate::auth::{Action, Principal};
use crate::db::{AuditEventRow, LocationRow, Tx};
use crate::documents::RestoreDocument;
use crate::error::ServiceError;

/// Rows of one page.
const PAGE_ROWS: u32 = 500;

/// Everything that is written at once.
struct Asking {
    asked: Asked,
    archived: Vec<LocationRow>,
    now: Timestamp,
    event: AuditEventRow,
}

impl Registry {
    /// Asks for every object of a package that cannot be read now.
    pub async fn restore(
        &self,
        who: &Principal,
        package: Uuid,
        on: Conditions,
    ) -> Result<RestoreDocument, ServiceError> {
        let row = self.package_for(who, Action::Restore, package).await?;
        if self.done_before(who, &on).await?.is_none() {
            on.check(&row)?;
            let mut after = Uuid::nil();
            let mut is_last = false;
            while !is_last {
                let page = self.objects_of(who, package, after).await?;
                is_last = page.len() < PAGE_ROWS as usize;
                after = page.last().map_or(after, |location| location.id);
                let archived = page.into_iter().filter(|location| {
                    location.status == LocationStatus::Active
                        && location.restore_status == RestoreStatus::Expired
                });
                self.ask_for(who, package, archived.collect(), (is_last, on.clone())).await?;
            }
        }
        self.nearness(who, package).await
    }

    async fn objects_of(
        &self,
        who: &Principal,
        package: Uuid,
        after: Uuid,
    ) -> Result<Vec<LocationRow>, ServiceError> {
        let mut session = self.db().read().await?;
        let mut rows = session.of(&who.tenant);
        Ok(rows.locations_of_package(package, after, PAGE_ROWS).await?)
    }

    async fn ask_for(
        &self,
        who: &Principal,
        package: Uuid,
        archived: Vec<LocationRow>,
        (is_last, on): (bool, Conditions),
    ) -> Result<(), ServiceError> {
        if archived.is_empty() && !is_last {
            return Ok(());
        }
        // The key stands for all of it, once all of it is asked for.
        let on = if is_last { on } else { Conditions::default() };
        let details = json!({ "objects": archived.len() });
        let event = self.package_event("restore_requested", package, Some(who.id), details);
        let asked = self.asked(who, Action::Restore, package, on, package);
        let asking = Asking { asked, archived, now: self.clock().now(), event };
        self.db().write(asking, |tx, a| Box::pin(ask(tx, a))).await.map(drop)
    }

    async fn nearness(
        &self,
        who: &Principal,
        package: Uuid,
    ) -> Result<RestoreDocument, ServiceError> {
        let mut near = RestoreDocument { package_id: package, available: 0, awaited: 0 };
        let mut after = Uuid::nil();
        loop {
            let page = self.objects_of(who, package, after).await?;
            let Some(last) = page.last() else { return Ok(near) };
            after = last.id;
            for location in page.iter().filter(|one| one.status == LocationStatus::Active) {
                match location.restore_status.is_readable() {
                    true => near.available += 1,
                    false => near.awaited += 1,
                }
            }
        }
    }
}

async fn ask(tx: &mut Tx, a: &Asking) -> Result<Done<()>, ServiceError> {
    if let Some(made) = a.asked.use_key(tx).await? {
        return Ok(Done::Before(made));
    }
    a.asked.lock(tx).await?;
    let mut rows = tx.of(a.asked.tenant());
    for location in &a.archived {
        let mut location = location.clone();
        let asked_for = location.restore_status.after(RestoreEvent::Requested);
        location.restore_status = asked_for.map_err(wrong_state)?;
        location.restore_requested_at = Some(a.now);
        rows.update_location(&location, LocationStatus::Active).await?;
    }
    if !a.archived.is_empty() {
        rows.insert_audit_event(&a.event).await?;
    }
    Ok(Done::Now(()))
}
