//! A package is made: declared, checked, written down in its bucket, and only then acknowledged.

use jiff::Timestamp;
use strongroom_core::bundle::{Declarations, Producer, RetentionRequest};
use strongroom_core::package::expiry::expiry;
use strongroom_core::package::record::{Created, Decision, StorageFacts};
use strongroom_core::package::{LockState, PackageStatus, RetentionClass, RetentionRule, metadata};
use strongroom_storage::clock::to_the_microsecond;
use strongroom_storage::keep;
use uuid::Uuid;

use super::Registry;
use super::frozen::declared;
use super::once::{Once, UsedBefore};
use super::records::Decided;
use crate::auth::{Action, Principal, Resource, authorize};
use crate::backends::Backend;
use crate::db::{
    AuditEventRow, DbError, HoldReach, HoldRow, IdempotencyRow, PackageRow, RetentionEventRow,
    RetentionEventType, RuleRow, TenantId, Tx,
};
use crate::documents::{NewPackage, PackageDocument};
use crate::error::{ErrorKind, ServiceError};

/// The class of a package whose producer names none.
const CLASS_DEFAULT: RetentionClass = RetentionClass::RawEvidence;
/// Why a hold is on a package whose producer asked for one.
const HOLD_ASKED: &str = "asked for by the producer when the package was made";
/// Why a hold is on a package without a date.
const HOLD_OF_CLASS: &str =
    "the registry's own: what is kept without a date is held, also where nobody renews its locks";

/// Everything that is written at once.
struct Made {
    tenant: TenantId,
    package: PackageRow,
    retention: Vec<RetentionEventRow>,
    holds: Vec<HoldRow>,
    events: Vec<AuditEventRow>,
    once: Option<IdempotencyRow>,
}

impl Registry {
    /// Makes a package. Under an idempotency key that was used for the same request before, answers what that one
    /// made.
    pub async fn create_package(
        &self,
        who: &Principal,
        ask: NewPackage,
        once: Option<Once>,
    ) -> Result<PackageDocument, ServiceError> {
        authorize(who, Action::CreatePackage, Resource::Registry)?;
        if let Some(once) = &once
            && let Some(made) = self.made_before(who, once).await?
        {
            return self.package(who, made).await;
        }
        let name = name_of(&ask);
        metadata::check(&name, &declarations(&ask))?;
        check_producer(who, &ask)?;
        self.check_schema(&who.tenant, &ask).await?;
        let made = self.decide(who, name, &ask, once.as_ref()).await?;
        let id = made.package.id;
        let before = self.db().write(made, |tx, made| Box::pin(insert(tx, made))).await?;
        let id = match before {
            None => id,
            // The same request came twice at the same time, and the other one was first.
            Some(before) => before.resource_for(once.as_ref())?,
        };
        self.package(who, id).await
    }

    /// Decides everything about the package, and writes the decision down.
    async fn decide(
        &self,
        who: &Principal,
        name: String,
        ask: &NewPackage,
        once: Option<&Once>,
    ) -> Result<Made, ServiceError> {
        let backend = self.backends().for_new_packages();
        let class = ask.retention.as_ref().map_or(CLASS_DEFAULT, |retention| retention.class);
        let rule = self.rule_of(&who.tenant, class).await?;
        // Lock dates will count from the store's clock: a package starts only where the two agree.
        let store_now = keep::clock_check(&*backend.store, self.clock().now()).await?;
        // Kept in microseconds: the record must not promise more than the row.
        let now = to_the_microsecond(store_now);
        let asked_days = ask.retention.as_ref().and_then(|retention| retention.days);
        let terms = RetentionRule::from(&rule);
        let expires_at = expiry(&terms, asked_days, now)
            .map_err(|error| ServiceError::new(ErrorKind::Unprocessable, error.to_string()))?;
        let package =
            Self::row(who, self.clock().new_id(), name, ask, &rule, now, expires_at, backend);
        let created = Created {
            name: package.name.clone(),
            declared: declared(&package)?,
            rule: terms,
            expires_at,
            storage: StorageFacts {
                backend: backend.id.clone(),
                store: backend.store.url().to_owned(),
                endpoint: backend.store.endpoint().map(str::to_owned),
            },
        };
        let record = self.clock().new_id();
        let decided = Decided {
            id: record,
            tenant: &who.tenant,
            package: package.id,
            by: Some(who.id),
            reason: None,
            decision: Decision::PackageCreated(Box::new(created)),
        };
        let kept = self.write_down(backend, &package.storage_prefix, decided).await?;
        let mut event = self.package_event(
            "package_created",
            package.id,
            Some(who.id),
            serde_json::json!({ "record_id": record }),
        );
        event.record_sha256 = Some(kept.sha256);
        let mut retention = vec![RetentionEventRow {
            id: self.clock().new_id(),
            package_id: package.id,
            event_type: RetentionEventType::DefaultRuleApplied,
            reason: format!("the rule of the class {class}"),
            created_by: Some(who.id),
            created_at: now,
            previous_expires_at: None,
            new_expires_at: expires_at,
        }];
        let (mut holds, mut events) = (Vec::new(), vec![event]);
        // Nobody asked for that of the class: the registry places it.
        let of_class = terms.places_hold().then_some((HOLD_OF_CLASS, None));
        let asked_for = package.legal_hold_asked.then_some((HOLD_ASKED, Some(who.id)));
        for (reason, by) in of_class.into_iter().chain(asked_for) {
            let placed = self.hold_from_the_start(&who.tenant, backend, &package, reason, by);
            let (hold, event) = placed.await?;
            retention.push(RetentionEventRow {
                id: hold.id,
                event_type: RetentionEventType::HoldApplied,
                reason: hold.reason.clone(),
                created_by: by,
                previous_expires_at: expires_at,
                ..retention[0].clone()
            });
            holds.push(hold);
            events.push(event);
        }
        let once = once.map(|once| self.idempotency_row(who, once, package.id));
        Ok(Made { tenant: who.tenant.clone(), package, retention, holds, events, once })
    }

    /// Puts a hold on record that the package is made under: somebody's, or the registry's own.
    async fn hold_from_the_start(
        &self,
        tenant: &TenantId,
        backend: &Backend,
        package: &PackageRow,
        reason: &str,
        by: Option<Uuid>,
    ) -> Result<(HoldRow, AuditEventRow), ServiceError> {
        let id = self.clock().new_id();
        let decided = Decided {
            id,
            tenant,
            package: package.id,
            by,
            reason: Some(reason.to_owned()),
            decision: Decision::HoldPlaced { hold_id: id },
        };
        let kept = self.write_down(backend, &package.storage_prefix, decided).await?;
        let details = serde_json::json!({ "hold_id": id });
        let mut event = self.package_event("hold_placed", package.id, by, details);
        event.record_sha256 = Some(kept.sha256);
        let hold = HoldRow {
            id,
            package_id: package.id,
            reason: reason.to_owned(),
            placed_by: by,
            placed_at: package.created_at,
            released_by: None,
            released_at: None,
            release_reason: None,
            reach: HoldReach::Applying,
        };
        Ok((hold, event))
    }

    #[allow(clippy::too_many_arguments)] // each is one column's worth
    fn row(
        who: &Principal,
        id: Uuid,
        name: String,
        ask: &NewPackage,
        rule: &RuleRow,
        now: Timestamp,
        expires_at: Option<Timestamp>,
        backend: &Backend,
    ) -> PackageRow {
        let producer = ask.producer.as_ref();
        PackageRow {
            id,
            name,
            // A bundle need not say who made it; then the id must not say so either.
            producer: producer.map(|producer| producer.name.clone()).unwrap_or_default(),
            producer_version: producer.and_then(|producer| producer.version.clone()),
            subject: ask.subject.clone(),
            run_id: ask.run_id.clone(),
            retention_class: rule.retention_class,
            retention_declared: ask.retention.is_some(),
            rule_id: rule.id,
            retention_days: ask
                .retention
                .as_ref()
                .and_then(|retention| retention.days)
                .map(u64::from),
            legal_hold_asked: ask.retention.as_ref().is_some_and(|retention| retention.legal_hold),
            status: PackageStatus::Open,
            lock_state: LockState::None,
            created_at: now,
            created_by: who.id,
            declared_created_at: ask.created_at,
            finalized_at: None,
            expires_at,
            metadata: ask.metadata.clone().into(),
            bundle_id: None,
            manifest_sha256: None,
            files_count: 0,
            size_bytes: 0,
            backend_id: backend.id.clone(),
            storage_prefix: String::new(),
            deletion_requested_at: None,
            deletion_requested_by: None,
            deletion_reason: None,
            deletion_early: false,
            grace_ticks_left: None,
            deletion_cancelled_at: None,
            signature_sha256: None,
            signature_key_id: None,
            version: 1,
        }
    }
}

/// Writes all of it; or nothing, and answers who was first under the same idempotency key.
async fn insert(tx: &mut Tx, made: &Made) -> Result<Option<UsedBefore>, DbError> {
    let mut rows = tx.of(&made.tenant);
    if let Some(once) = &made.once
        && let Some(before) = rows.use_idempotency_key(once).await?
    {
        return Ok(Some(UsedBefore(before)));
    }
    rows.insert_package(&made.package).await?;
    for event in &made.retention {
        rows.insert_retention_event(event).await?;
    }
    for hold in &made.holds {
        rows.insert_hold(hold).await?;
    }
    for event in &made.events {
        rows.insert_audit_event(event).await?;
    }
    Ok(None)
}

fn name_of(ask: &NewPackage) -> String {
    let producer = ask.producer.as_ref().map(|producer| &producer.name);
    let name = ask.name.as_ref().or(ask.subject.as_ref()).or(ask.run_id.as_ref()).or(producer);
    name.cloned().unwrap_or_else(|| "package".to_owned())
}

/// What is declared, to be checked before anything is made of it.
fn declarations(ask: &NewPackage) -> Declarations {
    Declarations {
        producer: ask.producer.as_ref().map(|producer| Producer {
            name: producer.name.clone(),
            version: producer.version.clone(),
        }),
        subject: ask.subject.clone(),
        run_id: ask.run_id.clone(),
        created_at: ask.created_at,
        retention: ask.retention.as_ref().map(|retention| RetentionRequest {
            class: Some(retention.class.to_string()),
            days: retention.days,
            legal_hold: retention.legal_hold.then_some(true),
        }),
        metadata: (!ask.metadata.is_empty()).then(|| ask.metadata.clone()),
    }
}

/// A token for one producer makes packages of that one only.
fn check_producer(who: &Principal, ask: &NewPackage) -> Result<(), ServiceError> {
    let declared = ask.producer.as_ref().map(|producer| producer.name.as_str());
    match who.producer.as_deref() {
        Some(narrowed) if declared != Some(narrowed) => Err(ServiceError::new(
            ErrorKind::Forbidden,
            "this token is for the packages of one producer, and the package names another, or none",
        )),
        _ => Ok(()),
    }
}
