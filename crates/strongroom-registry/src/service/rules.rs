//! What the retention classes mean. A changed meaning is a new row: packages keep the rule that they were made under.

use strongroom_core::package::class::RuleError;
use strongroom_core::package::{RetentionClass, RetentionRule};

use super::Registry;
use super::create_package::in_force;
use crate::db::{DbError, RuleRow, TenantId};
use crate::error::ServiceError;

impl Registry {
    /// Writes down what the classes mean by the configuration, where that is not what they meant before.
    pub async fn settle_rules(&self, tenant: &TenantId) -> Result<(), ServiceError> {
        let now = self.clock().now();
        let current = self.db().read().await?.of(tenant).current_rules().await?;
        for rule in self.settings().rules.iter() {
            if current.iter().any(|row| in_force(row) == *rule) {
                continue;
            }
            let row = self.rule_row(rule, now);
            let details = serde_json::to_value(rule).map_err(ServiceError::internal)?;
            let event = self.event("retention_rule_set", None, details);
            self.db()
                .write((tenant.clone(), row, event), |tx, (tenant, row, event)| {
                    Box::pin(async move {
                        let mut rows = tx.of(tenant);
                        // Replicas start together, and one of them is first.
                        let current = rows.current_rule(row.retention_class).await?;
                        if current.is_some_and(|current| in_force(&current) == in_force(row)) {
                            return Ok(());
                        }
                        rows.replace_rule(row).await?;
                        rows.insert_audit_event(event).await
                    })
                })
                .await
                .map_err(|error: DbError| ServiceError::from(error))?;
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
        rule.ok_or_else(|| {
            ServiceError::internal(std::io::Error::other("a retention class has no rule"))
        })
    }
}
