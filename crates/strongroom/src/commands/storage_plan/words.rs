//! What a plan says, in words that the console and the page share.

use strongroom_core::storage_plan::cost::{CostRow, in_decimals};
use strongroom_core::storage_plan::document::{
    LongerDefault, ObjectKind, PlannedLock, PlannedObject, PlannedRetention, StoragePlan,
};
use strongroom_core::storage_plan::settings::{Level, in_capitals};
use strongroom_storage::evidence::storage_plan::{ObjectStanding, SettingRow, Standing};

use crate::output::{count, size};

/// The dated part of a lock.
pub(super) fn retention(retention: PlannedRetention) -> String {
    let mode = in_capitals(retention.mode);
    match (retention.until, retention.days) {
        (Some(until), _) => format!("{mode} until {}", until.strftime("%Y-%m-%d %H:%M:%SZ")),
        (None, Some(days)) => {
            format!("{mode} for {} from storing", count(u64::from(days), "day", "days"))
        }
        (None, None) => mode.to_owned(),
    }
}

/// A whole lock.
pub(super) fn lock(lock: &PlannedLock) -> String {
    let dated = lock.retention.map(retention);
    match (dated, lock.legal_hold) {
        (Some(dated), true) => format!("{dated}, and a legal hold"),
        (Some(dated), false) => dated,
        (None, true) => "a legal hold".to_owned(),
        (None, false) => "none".to_owned(),
    }
}

/// The lock of one object.
pub(super) fn object_lock(object: &PlannedObject) -> String {
    let dated = object.retention.map(retention);
    match (dated, object.legal_hold) {
        (Some(dated), true) => format!("{dated}, held"),
        (Some(dated), false) => dated,
        (None, true) => "held".to_owned(),
        (None, false) => "the bucket's default, if any".to_owned(),
    }
}

/// What is done where the bucket locks for longer.
pub(super) fn longer_default(longer: LongerDefault) -> &'static str {
    match longer {
        LongerDefault::Refuse => "a longer or stronger default of the bucket is refused",
        LongerDefault::Accept => "a longer or stronger default of the bucket is accepted",
    }
}

/// What an object is.
pub(super) fn kind(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::RunReference => "reference by run",
        ObjectKind::SubjectReference => "reference by subject",
        ObjectKind::DayReference => "reference by day",
        ObjectKind::Bundle => "bundle",
        ObjectKind::CavraFile => "file",
        ObjectKind::CavraManifest => "manifest, last",
        ObjectKind::Record => "record",
        ObjectKind::Signature => "signature",
    }
}

/// How many bytes an object has.
pub(super) fn bytes(object: &PlannedObject) -> String {
    match (object.size_bytes, object.size_bytes_max) {
        (Some(bytes), _) => size(bytes),
        (None, Some(most)) => format!("at most {}", size(most)),
        (None, None) => "decided at the push".to_owned(),
    }
}

/// How many settings are needed, and how many would be good.
pub(super) fn settings(plan: &StoragePlan) -> String {
    let of = |level| plan.settings.iter().filter(|one| one.level == level).count();
    match (of(Level::Required), of(Level::Suggested)) {
        (0, 0) => "none: a directory has none to check".to_owned(),
        (required, suggested) => format!("{required} required, {suggested} suggested"),
    }
}

/// What one row of the prices comes to.
pub(super) fn cost(row: &CostRow, currency: &str) -> String {
    let monthly = in_decimals(row.monthly_micros);
    match row.retention_micros {
        Some(all) => {
            let all = in_decimals(all);
            format!("{monthly} {currency} a month, {all} {currency} to the end of the lock")
        }
        None => format!("{monthly} {currency} a month"),
    }
}

/// Whose price it is.
pub(super) fn priced(row: &CostRow) -> String {
    format!("{} {} in {}", row.provider, row.storage_class, row.region)
}

/// How a setting stands.
pub(super) fn standing(row: &SettingRow) -> &'static str {
    match (row.standing, row.level) {
        (Standing::Holds, _) => "holds",
        (Standing::Missing, Level::Required) => "missing",
        (Standing::Missing, Level::Suggested) => "not set",
        (Standing::Unobserved, _) => "not seen",
    }
}

/// What was seen of a setting, and what it is to be where that is not so.
pub(super) fn seen(row: &SettingRow) -> String {
    match (row.standing, &row.seen, row.reason) {
        (Standing::Holds, Some(seen), _) => seen.clone(),
        (_, Some(seen), _) => format!("{seen}; wanted: {}", row.wanted),
        (_, None, Some(reason)) => format!("{reason}; wanted: {}", row.wanted),
        (_, None, None) => row.wanted.clone(),
    }
}

/// What is under a key.
pub(super) fn object_standing(standing: ObjectStanding) -> &'static str {
    match standing {
        ObjectStanding::Free => "free",
        ObjectStanding::Verified => "there, and verified",
        ObjectStanding::SomethingElse => "something else is there",
        ObjectStanding::Unobserved => "not seen",
        ObjectStanding::DecidedAtPush => "decided at the push",
    }
}
