//! What the retention classes mean. A changed meaning is a new row: packages keep the rule that they were made under.

use strongroom_core::package::class::RuleError;
use strongroom_core::package::{RetentionClass, RetentionRule};

use super::Registry;
use crate::db::{RuleRow, TenantId};
use crate::error::ServiceError;

/// A rule as core decides by it.
impl From<&RuleRow> for RetentionRule {
    fn from(row: &RuleRow) -> Self {
        Self {
            class: row.retention_class,
            days: row.retention_days,
            mode: row.lock_mode,
            lock: row.lock_time,
            lock_required: row.lock_required,
        }
    }
}

impl Registry {
    /// Writes down what the classes mean by the configuration, where that is not what they meant before.
    pub async fn settle_rules(&self, tenant: &TenantId) -> Result<(), ServiceError> {
        let now = self.clock().now();
        let current = self.db().read().await?.of(tenant).current_rules().await?;
        for rule in self.settings().rules.iter() {
            if current.iter().any(|row| RetentionRule::from(row) == *rule) {
                continue;
            }
            let row = self.rule_row(rule, now);
            let details = serde_json::to_value(rule).map_err(ServiceError::internal)?;
            let event = self.event("retention_rule_set", None, details);
            self.db()
                .write_rows((tenant.clone(), row, event), |tx, (tenant, row, event)| {
                    Box::pin(async move {
                        let mut rows = tx.of(tenant);
                        // Replicas start together, and one of them is first.
                        let current = rows.current_rule(row.retention_class).await?;
                        if current.as_ref().map(RetentionRule::from) == Some(row.into()) {
                            return Ok(());
                        }
                        rows.replace_rule(row).await?;
                        rows.insert_audit_event(event).await
                    })
                })
                .await?;
        }
        Ok(())
    }

    /// Refuses to start where a class asks for compliance locks and a store leaves locks to Strongroom, unless that is
    /// accepted.
    pub fn check_locks(&self) -> Result<(), RuleError> {
        let settings = self.settings();
        for backend in self.backends().all() {
            let enforced_by = backend.store.locks_enforced_by();
            for rule in settings.rules.iter() {
                rule.check_enforced_by(enforced_by, settings.allow_advisory_lock)?;
            }
        }
        Ok(())
    }

    fn rule_row(&self, rule: &RetentionRule, now: jiff::Timestamp) -> RuleRow {
        RuleRow {
            id: self.clock().new_id(),
            retention_class: rule.class,
            retention_days: rule.days,
            lock_mode: rule.mode,
            lock_time: rule.lock,
            lock_required: rule.lock_required,
            created_at: now,
            retired_at: None,
        }
    }

    /// What a class means now.
    pub(crate) async fn rule_of(
        &self,
        tenant: &TenantId,
        class: RetentionClass,
    ) -> Result<RuleRow, ServiceError> {
        let rule = self.db().read().await?.of(tenant).current_rule(class).await?;
        rule.ok_or_else(|| ServiceError::internal("a retention class has no rule"))
    }
}
