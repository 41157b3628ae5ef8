//! Archived bytes are asked for: a job asks the store for each object, and the sweeper looks until they are there. A
//! package is the same package all the while.

use serde_json::json;
use strongroom_core::package::LocationStatus;
use uuid::Uuid;

use super::Registry;
use super::change::{Asked, Conditions, Done};
use crate::auth::{Action, Principal};
use crate::db::{AuditEventRow, JobRow, LocationRow, Tx};
use crate::documents::{RestoreAsk, RestoreDocument};
use crate::error::{ErrorKind, ServiceError};
use crate::jobs::JobKind;

/// Rows of one page.
const PAGE_ROWS: u32 = 500;
/// For how many days a copy is to be there, unless it is said.
const RESTORE_DAYS_DEFAULT: u32 = 7;
/// The most days that may be asked for.
pub(crate) const RESTORE_DAYS_MAX: u32 = 365;

/// Everything that is written at once.
struct Asking {
    asked: Asked,
    job: JobRow,
    event: AuditEventRow,
}

impl Registry {
    /// Asks for every object of a package that cannot be read now. Asked again, it asks for what is missing then, and
    /// for more days of what is there.
    pub async fn restore(
        &self,
        who: &Principal,
        package: Uuid,
        ask: RestoreAsk,
        on: Conditions,
    ) -> Result<RestoreDocument, ServiceError> {
        let days = ask.days.unwrap_or(RESTORE_DAYS_DEFAULT);
        if !(1..=RESTORE_DAYS_MAX).contains(&days) {
            return Err(ServiceError::new(
                ErrorKind::Unprocessable,
                format!("a restored copy can be there for 1 to {RESTORE_DAYS_MAX} days"),
            ));
        }
        self.package_for(who, Action::Restore, package).await?;
        let job = self.new_job(JobKind::Restore, package, json!({ "days": days }));
        let details = json!({ "days": days, "job_id": job.id });
        let event = self.package_event("restore_requested", package, Some(who.id), details);
        let asked = self.asked(who, Action::Restore, package, on, job.id);
        let asking = Asking { asked, job, event };
        let job = match self.db().write(asking, |tx, a| Box::pin(enqueue(tx, a))).await? {
            Done::Now(job) | Done::Before(job) => job,
        };
        self.ring_for_jobs();
        self.nearness(who, package, job).await
    }

    async fn nearness(
        &self,
        who: &Principal,
        package: Uuid,
        job_id: Uuid,
    ) -> Result<RestoreDocument, ServiceError> {
        let mut near = RestoreDocument { package_id: package, job_id, available: 0, awaited: 0 };
        let mut after = Uuid::nil();
        loop {
            let page = self.locations_after(who, package, after).await?;
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

    async fn locations_after(
        &self,
        who: &Principal,
        package: Uuid,
        after: Uuid,
    ) -> Result<Vec<LocationRow>, ServiceError> {
        let mut session = self.db().read().await?;
        let mut rows = session.of(&who.tenant);
        Ok(rows.locations_of_package(package, after, PAGE_ROWS).await?)
    }
}

/// Queues the job, or finds the one that is under way.
async fn enqueue(tx: &mut Tx, a: &Asking) -> Result<Done<Uuid>, ServiceError> {
    if let Some(made) = a.asked.use_key(tx).await? {
        return Ok(Done::Before(made));
    }
    a.asked.lock(tx).await?;
    let mut rows = tx.of(a.asked.tenant());
    let job = rows.enqueue_job(&a.job).await?;
    rows.insert_audit_event(&a.event).await?;
    Ok(Done::Now(job))
}
