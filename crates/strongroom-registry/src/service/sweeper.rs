//! How deletion fares, and the confirmation of a clock that jumped.

use jiff::SignedDuration;

use super::Registry;
use crate::auth::{Action, Principal, Resource, authorize};
use crate::db::SweeperRow;
use crate::documents::{ClockConfirmation, SweeperDocument};
use crate::error::{ErrorKind, ServiceError};

/// How far the present that an operator names may be from the registry's clock.
const CONFIRMATION_SKEW_MAX: SignedDuration = SignedDuration::from_mins(5);

impl Registry {
    /// How deletion fares.
    pub async fn sweeper(&self, who: &Principal) -> Result<SweeperDocument, ServiceError> {
        authorize(who, Action::ReadBackends, Resource::Registry)?;
        Ok(document(self.db().read().await?.sweeper().await?))
    }

    /// Lets deletion go on after the clock jumped, because an operator knows the time and the clock agrees.
    pub async fn confirm_clock(
        &self,
        who: &Principal,
        confirmation: ClockConfirmation,
    ) -> Result<SweeperDocument, ServiceError> {
        authorize(who, Action::ConfirmClock, Resource::Registry)?;
        let now = self.clock().now();
        if now.duration_since(confirmation.now).abs() > CONFIRMATION_SKEW_MAX {
            return Err(ServiceError::new(
                ErrorKind::Conflict,
                "the registry's clock is more than five minutes from the present that you name",
            )
            .with_guidance("set the clock of the registry's machine first"));
        }
        let event = self.event("clock_confirmed", Some(who.id), serde_json::json!({}));
        let input = (who.tenant.clone(), who.id, now, event);
        self.db()
            .write_rows(input, |tx, (tenant, by, now, event)| {
                Box::pin(async move {
                    let mut row = tx.lock_sweeper().await?;
                    row.paused = false;
                    row.paused_at = None;
                    row.pause_reason = None;
                    row.confirmed_by = Some(*by);
                    row.confirmed_at = Some(*now);
                    row.last_tick_at = Some(*now);
                    tx.update_sweeper(&row).await?;
                    tx.of(tenant).insert_audit_event(event).await
                })
            })
            .await?;
        self.sweeper(who).await
    }
}

fn document(row: SweeperRow) -> SweeperDocument {
    SweeperDocument {
        ticks: row.ticks,
        last_tick_at: row.last_tick_at,
        paused: row.paused,
        pause_reason: row.pause_reason,
    }
}
