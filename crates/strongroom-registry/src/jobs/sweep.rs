//! The sweeper: a look at regular times over the whole registry, for what time brings and for what stands still.
//!
//! One look is taken by one of all replicas: the sweeper's row says when the next is due, by the database's time. A
//! look is a tick, which grace periods are counted in. Each step of it is done by itself and does nothing when it is
//! done again, so a look can be cut anywhere; what it did not come to, the next one does.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::time::sleep;

use super::sweep_deletion::{begin_due, request_expired};
use super::sweep_restores::look_for_restored;
use super::sweep_stranded::{
    forget_keys, retry_clean_up, revive_deletions, revive_finalizing, revive_locks,
};
use crate::config::DeletionSettings;
use crate::db::{AuditEventRow, SweeperRow, TenantId, Tx};
use crate::error::ServiceError;
use crate::server::Stop;
use crate::service::Registry;

/// The longest wait before a replica asks whether a look is due.
const ASK_EVERY_MAX: Duration = Duration::from_secs(30);
/// The shortest.
const ASK_EVERY_MIN: Duration = Duration::from_millis(100);

/// Rows that a step of a look reads at once.
pub(super) const BATCH: u32 = 200;

/// What a look did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tick {
    /// Whether nothing may be deleted until an operator confirms the clock.
    pub paused: bool,
    /// Packages whose deletion was asked for, because their date is past and nothing holds them.
    pub requested: u64,
    /// Packages whose grace is over.
    pub begun: u64,
    /// Jobs that were queued because nobody had the work, or a lock is to be renewed.
    pub jobs: u64,
}

/// Looks again and again until told to stop.
pub(super) async fn run(registry: Arc<Registry>, mut stop: Stop) {
    let every = registry.settings().deletion.sweep_every.unsigned_abs();
    let ask_every = every.clamp(ASK_EVERY_MIN, ASK_EVERY_MAX);
    while !stop.is_told() {
        if let Err(error) = tick(&registry).await {
            tracing::warn!(%error, "the sweeper's look was cut short");
        }
        tokio::select! {
            () = sleep(ask_every) => {}
            () = stop.told() => {}
        }
    }
}

/// Takes a look, if one is due.
pub async fn tick(registry: &Registry) -> Result<Option<Tick>, ServiceError> {
    let Some(paused) = begin(registry).await? else { return Ok(None) };
    let mut tick = Tick { paused, ..Tick::default() };
    // What is to be kept comes before what may go, and what fails keeps nothing else waiting.
    tick.jobs += step("locks", revive_locks(registry)).await;
    tick.jobs += step("finalizing", revive_finalizing(registry)).await;
    if !paused {
        // What was asked for just now has its grace before it.
        tick.begun = step("graces", begin_due(registry)).await;
        if registry.settings().deletion.delete_expired {
            tick.requested = step("dates", request_expired(registry)).await;
        }
        tick.jobs += step("deletions", revive_deletions(registry)).await;
        // By the clock too, so not while it is in doubt.
        step("old uploads", async { registry.give_up_old_uploads().await.map(drop) }).await;
        step("unfinished uploads", registry.end_old_uploads()).await;
    }
    tick.jobs += step("clean-up", retry_clean_up(registry)).await;
    step("restores", look_for_restored(registry)).await;
    step("idempotency keys", forget_keys(registry)).await;
    if tick.jobs > 0 || tick.begun > 0 {
        registry.ring_for_jobs();
    }
    Ok(Some(tick))
}

/// One step of a look: what it did, or nothing where it failed.
async fn step<T: Default>(
    what: &'static str,
    work: impl Future<Output = Result<T, ServiceError>>,
) -> T {
    work.await.unwrap_or_else(|error| {
        tracing::warn!(what, %error, "a step of the sweeper's look failed; the next look takes it again");
        T::default()
    })
}

/// How far the clock is from where it should be, where that is too far: forward or back. What stood still for as long
/// cannot be told from a clock that jumped.
pub(super) fn clock_jumped(
    last_tick_at: Option<Timestamp>,
    now: Timestamp,
    settings: &DeletionSettings,
) -> Option<SignedDuration> {
    let elapsed = now.duration_since(last_tick_at?);
    // Between two looks as much time may pass as there should be between them.
    let ahead = elapsed.saturating_sub(settings.sweep_every);
    let is_too_far = ahead > settings.clock_jump_max || -elapsed > settings.clock_jump_max;
    is_too_far.then_some(elapsed)
}

struct Beginning {
    now: Timestamp,
    settings: DeletionSettings,
    event: AuditEventRow,
}

/// Takes the tick, if it is due: answers whether deletion is paused.
async fn begin(registry: &Registry) -> Result<Option<bool>, ServiceError> {
    let beginning = Beginning {
        now: registry.clock().now(),
        settings: registry.settings().deletion,
        event: registry.event("deletion_paused", None, json!({})),
    };
    registry.db().write(beginning, |tx, b| Box::pin(take(tx, b))).await
}

async fn take(tx: &mut Tx, b: &Beginning) -> Result<Option<bool>, ServiceError> {
    let mut row = tx.lock_sweeper().await?;
    let database_now = tx.database_time().await?;
    let every = b.settings.sweep_every;
    let is_due = row.due_at.is_none_or(|due_at| {
        // Also where the database's own clock went back.
        due_at <= database_now || due_at.duration_since(database_now) > every
    });
    if !is_due {
        return Ok(None);
    }
    row.due_at = Some(database_now.checked_add(every).unwrap_or(database_now));
    let jump = clock_jumped(row.last_tick_at, b.now, &b.settings);
    if !row.paused
        && let Some(jump) = jump
    {
        pause(&mut row, b.now, jump);
        let mut event = b.event.clone();
        event.details = json!({ "seconds": jump.as_secs() });
        tx.of(&TenantId::default_tenant()).insert_audit_event(&event).await?;
    }
    if !row.paused {
        row.ticks += 1;
        row.last_tick_at = Some(b.now);
    }
    tx.update_sweeper(&row).await?;
    Ok(Some(row.paused))
}

fn pause(row: &mut SweeperRow, now: Timestamp, jump: SignedDuration) {
    let (seconds, way) =
        (jump.as_secs().unsigned_abs(), if jump.is_negative() { "back" } else { "on" });
    row.paused = true;
    row.paused_at = Some(now);
    row.pause_reason = Some(format!(
        "the clock went {way} by {seconds} seconds since the last look, or the registry stood still for as long: \
         nothing is deleted until an operator confirms the clock"
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_may_be_off_by_what_is_set_and_the_time_between_looks() {
        let settings = DeletionSettings {
            sweep_every: SignedDuration::from_mins(15),
            clock_jump_max: SignedDuration::from_mins(60),
            ..DeletionSettings::default()
        };
        let last: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        let jumped = |minutes| {
            let now = last + SignedDuration::from_mins(minutes);
            clock_jumped(Some(last), now, &settings).is_some()
        };
        let found = [-61, -60, 0, 15, 75, 76].map(jumped);
        assert_eq!(found, [true, false, false, false, false, true]);
        assert!(clock_jumped(None, last, &settings).is_none(), "there was no look before");
    }
}
