//! A plan held against a store: its settings, its keys, and what rules on keeping records make of it.
//! Only questions are asked and objects read: nothing is written, not even in vain.

use futures::TryStreamExt as _;
use jiff::Timestamp;
use serde::Serialize;
use strongroom_core::digest::Sha256Hasher;
use strongroom_core::observed::Unobserved;
use strongroom_core::storage_plan::StoragePlan;
use strongroom_core::storage_plan::clauses::{self, ClauseRow, Facts};
use strongroom_core::storage_plan::document::{ObjectKind, PlannedObject};
use strongroom_core::storage_plan::settings::Level;
use strongroom_core::{BundleId, Sha256Digest};

use super::super::lock_plan::{self, LockAsk};
use super::super::stored::{Wanted, says_something_of_content, verify_in_place};
use super::super::{EvidenceError, EvidenceErrorKind};
use super::standing::{self, SettingRow, Standing};
use crate::status::Versioning;
use crate::{Clock, ObjectKey, Storage, StorageErrorKind};

/// The schema that [`StorageCheck`] is written under.
pub const STORAGE_CHECK_SCHEMA: &str = "strongroom.storage-check/v1";

/// A plan, held against a store.
#[derive(Debug, Clone, Serialize)]
pub struct StorageCheck {
    /// Always [`STORAGE_CHECK_SCHEMA`].
    pub schema: &'static str,
    /// The bundle of the plan.
    pub bundle_id: BundleId,
    /// The plan's own digest.
    pub plan_content_sha256: Sha256Digest,
    /// The store's URL, without credentials.
    pub store: String,
    /// Where it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The store's clock.
    pub checked_at: Timestamp,
    /// Whether everything that is required was seen to hold.
    pub holds: bool,
    /// What is required and is not so.
    pub missing: Vec<String>,
    /// What is required and was not seen.
    pub unobserved: Vec<String>,
    /// The settings.
    pub settings: Vec<SettingRow>,
    /// The keys.
    pub objects: Vec<ObjectRow>,
    /// What the configuration meets, fails, or cannot show.
    pub clauses: Vec<ClauseRow>,
}

/// A key of a plan, and what is under it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ObjectRow {
    /// What goes there.
    pub kind: ObjectKind,
    /// The whole key.
    pub key: String,
    /// What is there.
    pub standing: ObjectStanding,
    /// Why nothing was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Unobserved>,
}

/// What is under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectStanding {
    /// Nothing.
    Free,
    /// Just what is planned: it was read and verified.
    Verified,
    /// Something else.
    SomethingElse,
    /// The store does not tell.
    Unobserved,
    /// The push decides the key.
    DecidedAtPush,
}

/// Holds a plan against the store that it is for.
pub async fn check(
    store: &dyn Storage,
    plan: &StoragePlan,
    clock: &Clock,
) -> Result<StorageCheck, EvidenceError> {
    let now = store.now().await?;
    let bucket = store.bucket_settings().await;
    let settings = standing::rows(&plan.settings, store.endpoint(), &bucket, now);
    let retention = plan.lock.retention;
    let ask = LockAsk {
        mode: retention.map(|retention| retention.mode),
        retain_until: retention.and_then(|retention| retention.until),
        retention_days: retention.and_then(|retention| retention.days),
        legal_hold: plan.lock.legal_hold,
    };
    // The lock that a push would come to now, by the code that would.
    let default = bucket.default_retention.clone();
    let lock = lock_plan::plan(&ask, default, store.locks_enforced_by(), now, clock.now())?;
    let facts = Facts {
        now,
        enforced_by: store.locks_enforced_by(),
        object_lock: bucket.object_lock,
        versioning: bucket.versioning.map(|versioning| versioning == Versioning::Enabled),
        lock: lock.effective,
        storage_class: plan.target.storage_class.clone(),
    };
    let mut objects = Vec::with_capacity(plan.objects.len());
    for object in &plan.objects {
        objects.push(look_at(store, plan, object).await?);
    }
    let missing = failing(&settings, &objects, Standing::Missing, ObjectStanding::SomethingElse);
    let unobserved = failing(&settings, &objects, Standing::Unobserved, ObjectStanding::Unobserved);
    Ok(StorageCheck {
        schema: STORAGE_CHECK_SCHEMA,
        bundle_id: plan.bundle.bundle_id,
        plan_content_sha256: plan.content_sha256,
        store: store.url().to_owned(),
        endpoint: store.endpoint().map(str::to_owned),
        checked_at: now,
        holds: missing.is_empty() && unobserved.is_empty(),
        missing,
        unobserved,
        settings,
        objects,
        clauses: clauses::judge(&facts),
    })
}

/// The names of what is required and stands so.
fn failing(
    settings: &[SettingRow],
    objects: &[ObjectRow],
    standing: Standing,
    object: ObjectStanding,
) -> Vec<String> {
    let settings = settings
        .iter()
        .filter(|row| row.level == Level::Required && row.standing == standing)
        .map(|row| row.id.id().to_owned());
    let objects = objects.iter().filter(|row| row.standing == object).map(|row| row.key.clone());
    settings.chain(objects).collect()
}

async fn look_at(
    store: &dyn Storage,
    plan: &StoragePlan,
    object: &PlannedObject,
) -> Result<ObjectRow, EvidenceError> {
    let row = |standing, reason| ObjectRow {
        kind: object.kind,
        key: object.key.clone(),
        standing,
        reason,
    };
    if !object.has_key() {
        return Ok(row(ObjectStanding::DecidedAtPush, None));
    }
    let relative = object.key.strip_prefix(plan.target.prefix.as_str());
    let key = ObjectKey::new(relative.unwrap_or(&object.key))?;
    match store.head(&key, None).await {
        Ok(_) => {}
        Err(error) if error.kind() == StorageErrorKind::NotFound => {
            return Ok(row(ObjectStanding::Free, None));
        }
        Err(error) if error.kind() == StorageErrorKind::PermissionDenied => {
            return Ok(row(ObjectStanding::Unobserved, Some(Unobserved::PermissionDenied)));
        }
        Err(error) => return Err(error.into()),
    }
    match is_what_is_planned(store, &key, plan, object).await {
        Ok(true) => Ok(row(ObjectStanding::Verified, None)),
        Ok(false) => Ok(row(ObjectStanding::SomethingElse, None)),
        Err(error)
            if error.kind() == EvidenceErrorKind::Store(StorageErrorKind::PermissionDenied) =>
        {
            Ok(row(ObjectStanding::Unobserved, Some(Unobserved::PermissionDenied)))
        }
        Err(error) => Err(error),
    }
}

/// Reads what is there. A bundle is known by its id, everything else by its bytes.
async fn is_what_is_planned(
    store: &dyn Storage,
    key: &ObjectKey,
    plan: &StoragePlan,
    object: &PlannedObject,
) -> Result<bool, EvidenceError> {
    if object.kind == ObjectKind::Bundle {
        // The id of an Assay bundle does not cover its bytes: its key names them.
        let covers = plan.bundle.format != strongroom_core::bundle::BundleFormat::Assay.name();
        let archive_sha256 = object.sha256.filter(|_| !covers);
        let wanted = Wanted { id: plan.bundle.bundle_id, archive_sha256 };
        return match verify_in_place(store, key, None, wanted).await {
            Ok(_) => Ok(true),
            Err(error) if says_something_of_content(&error) => Ok(false),
            Err(error) => Err(error),
        };
    }
    let mut found = store.read(key, None, None).await?;
    if object.size_bytes.is_some_and(|size_bytes| size_bytes != found.info.size_bytes) {
        return Ok(false);
    }
    let mut hasher = Sha256Hasher::new();
    while let Some(piece) = found.stream.try_next().await? {
        hasher.update(&piece);
    }
    Ok(object.sha256.is_some_and(|sha256| sha256 == hasher.finish()))
}
