//! Archived bytes are asked for: a job asks the store for each object, and the sweeper looks until they are there. A
//! package is the same package all the while.

use jiff::Timestamp;
use serde_json::json;
use strongroom_core::package::{LocationStatus, RestoreStatus};
use uuid::Uuid;

use super::Registry;
use super::change::{Asked, Conditions, Done, changed_meanwhile};
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
    /// Asks for every object of a package that cannot be read now. Asked again when that job has ended, it asks for
    /// what is missing then, and for more days of what is there; while it lives, the same job is answered, and other
    /// days are refused.
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
        let details = json!({ "days": days });
        let event = self.package_event("restore_requested", package, Some(who.id), details);
        let asked = self.asked(who, Action::Restore, package, on, job.id);
        let asking = Asking { asked, job, event };
        let job = match self.db().write(asking, |tx, a| Box::pin(enqueue(tx, a))).await? {
            Done::Now(job) | Done::Before(job) => job,
        };
        self.ring_for_jobs();
        self.nearness(who, package, job).await
    }

    /// What the rows know: the store is not asked, the job does that.
    async fn nearness(
        &self,
        who: &Principal,
        package: Uuid,
        job_id: Uuid,
    ) -> Result<RestoreDocument, ServiceError> {
        let now = self.clock().now();
        let mut near = RestoreDocument {
            package_id: package,
            job_id,
            available: 0,
            awaited: 0,
            unobserved: 0,
        };
        let mut after = Uuid::nil();
        loop {
            let page = self.locations_after(who, package, after).await?;
            let Some(last) = page.last() else { return Ok(near) };
            after = last.id;
            for location in page.iter().filter(|one| one.status == LocationStatus::Active) {
                *count_of(&mut near, location, now) += 1;
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

/// What a file counts as. An object can be archived at any time, but a copy of it stays until its date.
fn count_of<'n>(
    near: &'n mut RestoreDocument,
    location: &LocationRow,
    now: Timestamp,
) -> &'n mut u64 {
    match location.restore_status {
        RestoreStatus::Restored if location.restore_expires_at.is_some_and(|until| until > now) => {
            &mut near.available
        }
        RestoreStatus::Available | RestoreStatus::Restored => &mut near.unobserved,
        RestoreStatus::RestoreRequested | RestoreStatus::Restoring | RestoreStatus::Expired => {
            &mut near.awaited
        }
    }
}

/// Queues the job, or finds the one that is under way.
async fn enqueue(tx: &mut Tx, a: &Asking) -> Result<Done<Uuid>, ServiceError> {
    let (tenant, package) = (a.asked.tenant(), a.asked.package);
    // Whoever else asks for a restore of it waits from here on: the key is used for the job that is found now.
    tx.of(tenant).lock_package(package).await?.ok_or_else(ServiceError::not_found)?;
    let live = tx.of(tenant).live_job(&a.job.kind, package).await?;
    let job = live.as_ref().map_or(a.job.id, |live| live.id);
    let asked = a.asked.clone().answered_by(job);
    if let Some(made) = asked.use_key(tx).await? {
        return Ok(Done::Before(made));
    }
    asked.lock(tx).await?;
    let mut rows = tx.of(tenant);
    match live {
        Some(live) if live.payload != a.job.payload => return Err(other_days(&live)),
        Some(_) => {}
        // One that was retried by hand came in between.
        None if rows.enqueue_job(&a.job).await? != job => return Err(changed_meanwhile()),
        None => {}
    }
    let mut event = a.event.clone();
    event.details["job_id"] = json!(job);
    rows.insert_audit_event(&event).await?;
    Ok(Done::Now(job))
}

fn other_days(live: &JobRow) -> ServiceError {
    ServiceError::new(
        ErrorKind::Conflict,
        "a restore for another number of days is being asked for just now",
    )
    .with_guidance(format!("ask again when the job {} has ended", live.id))
}
