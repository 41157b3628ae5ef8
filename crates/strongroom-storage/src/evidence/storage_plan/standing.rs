//! How a bucket stands to the settings that a plan asks for. Pure: what was told goes in, rows come out.

use jiff::Timestamp;
use serde::Serialize;
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::receipt::Encryption;
use strongroom_core::retention::{DefaultRetention, Period};
use strongroom_core::storage_plan::settings::{Level, PlannedSetting, Setting, in_capitals};

use crate::status::{BucketSettings, PublicAccess, Versioning};

/// Whether a setting is as the plan asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is.
    Holds,
    /// It is not.
    Missing,
    /// The store does not tell.
    Unobserved,
}

/// A setting, and how the bucket stands to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SettingRow {
    /// Which.
    pub id: Setting,
    /// How much it is needed.
    pub level: Level,
    /// What it is to be.
    pub wanted: String,
    /// How it is.
    pub standing: Standing,
    /// What was seen, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// Why nothing was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Unobserved>,
}

/// What was seen of one setting: whether it will do, and in words.
type Seen = Observed<(bool, String)>;

/// A row for each setting of the plan.
pub(super) fn rows(
    planned: &[PlannedSetting],
    endpoint: Option<&str>,
    bucket: &BucketSettings,
    now: Timestamp,
) -> Vec<SettingRow> {
    let row = |wanted: &PlannedSetting| {
        let (standing, seen, reason) = match seen(wanted, endpoint, bucket, now) {
            Observed::Observed((true, words)) => (Standing::Holds, Some(words), None),
            Observed::Observed((false, words)) => (Standing::Missing, Some(words), None),
            Observed::Unobserved(reason) => (Standing::Unobserved, None, Some(reason)),
        };
        let (id, level) = (wanted.id, wanted.level);
        SettingRow { id, level, wanted: wanted.wanted.clone(), standing, seen, reason }
    };
    planned.iter().map(row).collect()
}

fn seen(
    wanted: &PlannedSetting,
    endpoint: Option<&str>,
    bucket: &BucketSettings,
    now: Timestamp,
) -> Seen {
    let yes_no =
        |holds: bool, yes: &str, no: &str| (holds, if holds { yes } else { no }.to_owned());
    match wanted.id {
        Setting::Https => match endpoint {
            Some(endpoint) => {
                let https = endpoint.starts_with("https://");
                Observed::Observed(yes_no(https, "https", "plain http"))
            }
            None => Observed::Unobserved(Unobserved::UnsupportedBackend),
        },
        Setting::TlsOnly => {
            let no = "no policy denies requests without TLS to everybody";
            bucket.tls_only.clone().map(|denied| yes_no(denied, "denied by policy", no))
        }
        Setting::Versioning => bucket.versioning.clone().map(|versioning| match versioning {
            Versioning::Enabled => (true, "on".to_owned()),
            Versioning::Suspended => (false, "suspended".to_owned()),
            Versioning::Disabled => (false, "off".to_owned()),
        }),
        Setting::ObjectLock => bucket.object_lock.clone().map(|on| yes_no(on, "on", "off")),
        Setting::DefaultRetention => {
            bucket.default_retention.clone().map(|default| default_retention(default, wanted, now))
        }
        Setting::Encryption => bucket.encryption.clone().map(|seen| encryption(seen, wanted)),
        Setting::PublicAccessBlocked => bucket.public_access.clone().map(|access| match access {
            PublicAccess::Blocked => (true, "blocked".to_owned()),
            PublicAccess::NotPublic => (false, "not public, and nothing blocks it".to_owned()),
            PublicAccess::Public => (false, "public".to_owned()),
        }),
        Setting::UnfinishedUploadsRemoved => {
            bucket.unfinished_uploads_days.clone().map(|days| match days {
                Some(1) => (true, "after a day".to_owned()),
                Some(days) => (true, format!("after {days} days")),
                None => (false, "no rule removes them".to_owned()),
            })
        }
    }
}

fn default_retention(
    seen: Option<DefaultRetention>,
    wanted: &PlannedSetting,
    now: Timestamp,
) -> (bool, String) {
    let Some(seen) = seen else { return (false, "none".to_owned()) };
    let words = match seen.period {
        Period::Days(days) => format!("{} for {days} days", in_capitals(seen.mode)),
        Period::Years(years) => format!("{} for {years} years", in_capitals(seen.mode)),
    };
    let strong = wanted.mode.is_none_or(|mode| seen.mode >= mode);
    let end = |period: Period| period.after(now).ok();
    let long = wanted.days_min.is_none_or(|days| {
        end(seen.period).is_some_and(|seen| end(Period::Days(days)).is_some_and(|end| seen >= end))
    });
    (strong && long, words)
}

fn encryption(seen: Option<Encryption>, wanted: &PlannedSetting) -> (bool, String) {
    let Some(seen) = seen else { return (false, "none by default".to_owned()) };
    let holds = wanted.algorithm.as_ref().is_none_or(|algorithm| *algorithm == seen.algorithm);
    // The store's own word, of which only a known shape is repeated.
    let words = match seen.algorithm.as_str() {
        known @ ("AES256" | "aws:kms" | "aws:kms:dsse") => known.to_owned(),
        _ => "by an algorithm of the store's own".to_owned(),
    };
    (holds, words)
}

#[cfg(test)]
mod tests {
    use strongroom_core::retention::LockMode;

    use super::*;

    const NOW: &str = "2026-01-01T00:00:00Z";

    fn wanted(id: Setting) -> PlannedSetting {
        PlannedSetting {
            id,
            level: Level::Required,
            wanted: "it".to_owned(),
            why: "so".to_owned(),
            mode: None,
            days_min: None,
            algorithm: None,
        }
    }

    fn standing(wanted: PlannedSetting, bucket: &BucketSettings) -> Standing {
        let rows = rows(&[wanted], None, bucket, NOW.parse().unwrap());
        rows[0].standing
    }

    fn untold() -> BucketSettings {
        BucketSettings::unobserved(Unobserved::PermissionDenied)
    }

    #[test]
    fn what_is_not_public_and_not_blocked_is_missing() {
        for (access, expected) in [
            (PublicAccess::Blocked, Standing::Holds),
            (PublicAccess::NotPublic, Standing::Missing),
            (PublicAccess::Public, Standing::Missing),
        ] {
            let bucket = BucketSettings { public_access: Observed::Observed(access), ..untold() };
            assert_eq!(standing(wanted(Setting::PublicAccessBlocked), &bucket), expected);
        }
    }

    #[test]
    fn a_default_is_held_against_the_mode_and_the_days_that_are_wanted() {
        let table = [
            (LockMode::Compliance, Period::Days(30), Standing::Holds),
            (LockMode::Compliance, Period::Years(1), Standing::Holds),
            (LockMode::Compliance, Period::Days(29), Standing::Missing),
            (LockMode::Governance, Period::Days(30), Standing::Missing),
        ];
        for (mode, period, expected) in table {
            let default = Observed::Observed(Some(DefaultRetention { mode, period }));
            let bucket = BucketSettings { default_retention: default, ..untold() };
            let wanted = PlannedSetting {
                mode: Some(LockMode::Compliance),
                days_min: Some(30),
                ..wanted(Setting::DefaultRetention)
            };
            assert_eq!(standing(wanted, &bucket), expected, "{mode} {period:?}");
        }
    }

    #[test]
    fn what_is_not_told_is_never_missing() {
        for id in [Setting::Https, Setting::TlsOnly, Setting::Versioning, Setting::Encryption] {
            assert_eq!(standing(wanted(id), &untold()), Standing::Unobserved);
        }
    }
}
