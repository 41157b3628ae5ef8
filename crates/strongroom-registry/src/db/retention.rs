//! What classes mean, and what was done to a package's date.

use jiff::Timestamp;
use strongroom_core::package::{RetentionClass, RuleLock};
use strongroom_core::retention::LockMode;
use uuid::Uuid;

use super::columns::{maybe_micros, micros, named_state, text};
use super::error::{DbError, DbErrorKind};
use super::locations::mode_name;
use super::packages::PackageRow;
use super::scope::{TenantRead, TenantTx};

/// What a class means, from some moment on.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct RuleRow {
    /// Its id: packages keep the rule that they were made under.
    pub id: Uuid,
    /// The class.
    #[sqlx(try_from = "super::columns::Name")]
    pub retention_class: RetentionClass,
    /// Days that its packages are kept; `None`: without a date.
    #[sqlx(try_from = "super::columns::MaybeCount")]
    pub retention_days: Option<u32>,
    /// How strongly a store is asked to hold.
    #[sqlx(try_from = "super::columns::Name")]
    pub lock_mode: LockMode,
    /// When objects get their lock.
    #[sqlx(try_from = "super::columns::Name")]
    pub lock_time: RuleLock,
    /// Whether nothing is finalized that the store does not hold.
    pub lock_required: bool,
    /// When the rule began.
    #[sqlx(try_from = "super::columns::Micros")]
    pub created_at: Timestamp,
    /// When another took its place.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub retired_at: Option<Timestamp>,
}

named_state! {
    /// What happened to a package's retention.
    pub enum RetentionEventType: "a type of retention event" {
        /// Its class gave it a date, or none.
        DefaultRuleApplied = "default_rule_applied",
        /// Its date moved later.
        Extended = "extended",
        /// A hold was placed.
        HoldApplied = "hold_applied",
        /// A hold was released.
        HoldReleased = "hold_released",
        /// Its date came, and nothing holds it.
        DeletionEligible = "deletion_eligible",
        /// Its bytes are gone.
        Deleted = "deleted",
    }
}

/// Something that happened to a package's retention.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct RetentionEventRow {
    /// Its id.
    pub id: Uuid,
    /// The package.
    pub package_id: Uuid,
    /// What.
    #[sqlx(try_from = "super::columns::Name")]
    pub event_type: RetentionEventType,
    /// Why.
    pub reason: String,
    /// By whom; `None`: the registry itself.
    pub created_by: Option<Uuid>,
    /// When.
    #[sqlx(try_from = "super::columns::Micros")]
    pub created_at: Timestamp,
    /// The date before.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub previous_expires_at: Option<Timestamp>,
    /// The date since.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub new_expires_at: Option<Timestamp>,
}

macro_rules! rule_columns {
    () => {
        "id, retention_class, retention_days, lock_mode, lock_time, lock_required, created_at, retired_at"
    };
}

macro_rules! event_columns {
    () => {
        "id, package_id, event_type, reason, created_by, created_at, previous_expires_at, new_expires_at"
    };
}

statements! {
    RULE = {("SELECT ", rule_columns!(), " FROM retention_rules WHERE tenant_id = $1 AND id = $2")}
    CURRENT_RULE = {(
        "SELECT ", rule_columns!(), " FROM retention_rules \
         WHERE tenant_id = $1 AND retention_class = $2 AND retired_at IS NULL"
    )}
    CURRENT_RULES = {(
        "SELECT ", rule_columns!(), " FROM retention_rules \
         WHERE tenant_id = $1 AND retired_at IS NULL ORDER BY retention_class"
    )}
    RETIRE_RULE = {(
        "UPDATE retention_rules SET retired_at = $3 \
         WHERE tenant_id = $1 AND retention_class = $2 AND retired_at IS NULL"
    )}
    INSERT_RULE = {(
        "INSERT INTO retention_rules (tenant_id, id, retention_class, retention_days, lock_mode, lock_time, \
         lock_required, created_at, retired_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    )}
    INSERT_RETENTION_EVENT = {(
        "INSERT INTO retention_events (tenant_id, id, package_id, event_type, reason, created_by, created_at, \
         previous_expires_at, new_expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    )}
    RETENTION_EVENT = {(
        "SELECT ", event_columns!(), " FROM retention_events WHERE tenant_id = $1 AND package_id = $2 AND id = $3"
    )}
    RETENTION_EVENTS = {(
        "SELECT ", event_columns!(), " FROM retention_events WHERE tenant_id = $1 AND package_id = $2 \
         AND (created_at, id) > ($3, $4) ORDER BY created_at, id LIMIT $5"
    )}
}

impl TenantRead<'_> {
    /// A rule, in force or retired.
    pub async fn rule(&mut self, id: Uuid) -> Result<Option<RuleRow>, DbError> {
        let (session, tenant) = self.parts();
        row!(session, RuleRow, RULE, tenant, id)
    }

    /// The rule that a package was made under.
    pub async fn rule_of(&mut self, package: &PackageRow) -> Result<RuleRow, DbError> {
        let rule = self.rule(package.rule_id).await?;
        rule.ok_or_else(|| DbError::new(DbErrorKind::Malformed, "a package's rule is gone"))
    }

    /// What a class means now.
    pub async fn current_rule(
        &mut self,
        class: RetentionClass,
    ) -> Result<Option<RuleRow>, DbError> {
        let (session, tenant) = self.parts();
        row!(session, RuleRow, CURRENT_RULE, tenant, class.as_str())
    }

    /// What all classes mean now.
    pub async fn current_rules(&mut self) -> Result<Vec<RuleRow>, DbError> {
        let (session, tenant) = self.parts();
        rows!(session, RuleRow, CURRENT_RULES, tenant)
    }

    /// Something that happened to a package's retention.
    pub async fn retention_event(
        &mut self,
        package: Uuid,
        id: Uuid,
    ) -> Result<Option<RetentionEventRow>, DbError> {
        let (session, tenant) = self.parts();
        row!(session, RetentionEventRow, RETENTION_EVENT, tenant, package, id)
    }

    /// What happened to a package's retention, in order, from after `after` on.
    pub async fn retention_events(
        &mut self,
        package: Uuid,
        after: Option<(Timestamp, Uuid)>,
        limit: u32,
    ) -> Result<Vec<RetentionEventRow>, DbError> {
        let (at, id) = after.map_or((i64::MIN, Uuid::nil()), |(at, id)| (micros(at), id));
        let (session, tenant) = self.parts();
        rows!(
            session,
            RetentionEventRow,
            RETENTION_EVENTS,
            tenant,
            package,
            at,
            id,
            i64::from(limit)
        )
    }
}

impl TenantTx<'_> {
    /// Gives a class a new meaning; the one before, if any, is retired at the moment that this one begins.
    pub async fn replace_rule(&mut self, rule: &RuleRow) -> Result<(), DbError> {
        let (session, tenant) = self.parts();
        let class = rule.retention_class.as_str();
        changed!(session, RETIRE_RULE, tenant, class, micros(rule.created_at))?;
        changed!(
            session,
            INSERT_RULE,
            tenant,
            rule.id,
            class,
            rule.retention_days.map(i64::from),
            mode_name(rule.lock_mode),
            rule.lock_time.as_str(),
            rule.lock_required,
            micros(rule.created_at),
            maybe_micros(rule.retired_at),
        )
        .map(drop)
    }

    /// Adds what happened to a package's retention.
    pub async fn insert_retention_event(
        &mut self,
        event: &RetentionEventRow,
    ) -> Result<(), DbError> {
        let (session, tenant) = self.parts();
        changed!(
            session,
            INSERT_RETENTION_EVENT,
            tenant,
            event.id,
            event.package_id,
            event.event_type.as_str(),
            text(&event.reason)?,
            event.created_by,
            micros(event.created_at),
            maybe_micros(event.previous_expires_at),
            maybe_micros(event.new_expires_at),
        )
        .map(drop)
    }
}
