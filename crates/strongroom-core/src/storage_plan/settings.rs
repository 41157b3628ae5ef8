//! What a bucket must be set to for a plan, and what it had better be: one table.

use serde::{Deserialize, Serialize};

use super::document::{PlannedLock, StoreKind, Target};
use crate::retention::LockMode;

/// A setting of a bucket, or of the way to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// The store is asked over https.
    Https,
    /// The bucket refuses requests that come another way.
    TlsOnly,
    /// Each write makes a version.
    Versioning,
    /// Versions can be locked.
    ObjectLock,
    /// New versions are locked by themselves.
    DefaultRetention,
    /// New objects are encrypted at rest.
    Encryption,
    /// Strangers are kept out, whatever a policy says.
    PublicAccessBlocked,
    /// Parts of uploads that nobody finished are removed.
    UnfinishedUploadsRemoved,
}

impl Setting {
    /// Its stable name.
    pub fn id(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::TlsOnly => "tls_only",
            Self::Versioning => "versioning",
            Self::ObjectLock => "object_lock",
            Self::DefaultRetention => "default_retention",
            Self::Encryption => "encryption",
            Self::PublicAccessBlocked => "public_access_blocked",
            Self::UnfinishedUploadsRemoved => "unfinished_uploads_removed",
        }
    }

    /// Its name for people.
    pub fn title(self) -> &'static str {
        self.row().title
    }

    fn row(self) -> &'static Row {
        // Every setting has its row: see the test.
        TABLE.iter().find(|row| row.setting == self).unwrap_or(&TABLE[0])
    }
}

/// How much a plan needs a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Without it the plan is not what it says.
    Required,
    /// It saves money or trouble.
    Suggested,
}

/// A setting that a plan asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedSetting {
    /// Which.
    pub id: Setting,
    /// How much it is needed.
    pub level: Level,
    /// What it is to be, in words.
    pub wanted: String,
    /// Why.
    pub why: String,
    /// Of a default retention: at least so strong.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mode: Option<LockMode>,
    /// Of a default retention: at least so many days.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub days_min: Option<u32>,
    /// Of encryption: just this.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub algorithm: Option<String>,
}

/// What is asked of a bucket besides what the lock takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Demands {
    /// A default retention of at least so many days, in the mode of the plan's lock.
    pub default_retention_days: Option<u32>,
}

struct Row {
    setting: Setting,
    title: &'static str,
    at_s3: Option<Level>,
    at_azure: Option<Level>,
    wanted: &'static str,
    why: &'static str,
}

const REQUIRED: Option<Level> = Some(Level::Required);
const SUGGESTED: Option<Level> = Some(Level::Suggested);

const TABLE: &[Row] = &[
    Row {
        setting: Setting::Https,
        title: "https",
        at_s3: REQUIRED,
        at_azure: REQUIRED,
        wanted: "an https endpoint",
        why: "what goes in plain http can be read, and changed, on its way",
    },
    Row {
        setting: Setting::TlsOnly,
        title: "TLS only",
        at_s3: REQUIRED,
        at_azure: REQUIRED,
        wanted: "requests without TLS are denied to everybody",
        why: "other clients of the bucket must not send evidence in the clear either",
    },
    Row {
        setting: Setting::Versioning,
        title: "versioning",
        at_s3: REQUIRED,
        at_azure: REQUIRED,
        wanted: "on",
        why: "without versions a write over a bundle loses it, and a lock has nothing to hold on to",
    },
    Row {
        setting: Setting::ObjectLock,
        title: "Object Lock",
        at_s3: SUGGESTED,
        at_azure: SUGGESTED,
        wanted: "on",
        why: "most stores take it only when a bucket is made",
    },
    Row {
        setting: Setting::DefaultRetention,
        title: "default retention",
        at_s3: SUGGESTED,
        at_azure: None,
        wanted: "short, in the mode of the plan",
        why: "it covers what other clients write, and an upload in parts from its first moment",
    },
    Row {
        setting: Setting::Encryption,
        title: "encryption at rest",
        at_s3: REQUIRED,
        at_azure: REQUIRED,
        wanted: "on for new objects",
        why: "what is read from a disk that was taken away must say nothing",
    },
    Row {
        setting: Setting::PublicAccessBlocked,
        title: "public access",
        at_s3: REQUIRED,
        at_azure: REQUIRED,
        wanted: "blocked",
        why: "a policy that is written by mistake must not open the bucket",
    },
    Row {
        setting: Setting::UnfinishedUploadsRemoved,
        title: "unfinished uploads",
        at_s3: SUGGESTED,
        at_azure: None,
        wanted: "removed after two days",
        why: "parts of an upload that was killed are in no listing, and cost money",
    },
];

/// What `target` must be set to for a lock like this.
pub fn planned(target: &Target, lock: &PlannedLock, demands: Demands) -> Vec<PlannedSetting> {
    let takes_a_lock = lock.retention.is_some() || lock.legal_hold;
    let of_row = |row: &Row| {
        let level = match target.kind {
            StoreKind::S3 => row.at_s3,
            StoreKind::Azure => row.at_azure,
            StoreKind::File | StoreKind::Memory => None,
        }?;
        let mut planned = PlannedSetting {
            id: row.setting,
            level,
            wanted: row.wanted.to_owned(),
            why: row.why.to_owned(),
            mode: None,
            days_min: None,
            algorithm: None,
        };
        match row.setting {
            Setting::ObjectLock if takes_a_lock => {
                planned.level = Level::Required;
                planned.why = format!("the plan asks for a lock, and {}", row.why);
            }
            Setting::DefaultRetention => demand_default(&mut planned, lock, demands),
            Setting::Encryption => {
                if let Some(algorithm) = &target.encryption {
                    planned.wanted = format!("{algorithm} for new objects");
                    planned.algorithm = Some(algorithm.clone());
                }
            }
            _ => {}
        }
        Some(planned)
    };
    TABLE.iter().filter_map(of_row).collect()
}

fn demand_default(planned: &mut PlannedSetting, lock: &PlannedLock, demands: Demands) {
    let Some(days) = demands.default_retention_days else { return };
    let mode = lock.retention.map_or(LockMode::Governance, |retention| retention.mode);
    planned.level = Level::Required;
    planned.wanted = format!("at least {} for {days} days", in_capitals(mode));
    planned.mode = Some(mode);
    planned.days_min = Some(days);
}

/// A mode by the name that S3 gives it.
pub fn in_capitals(mode: LockMode) -> &'static str {
    match mode {
        LockMode::Governance => "GOVERNANCE",
        LockMode::Compliance => "COMPLIANCE",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage_plan::document::{LongerDefault, PlannedRetention};

    const ALL: [Setting; 8] = [
        Setting::Https,
        Setting::TlsOnly,
        Setting::Versioning,
        Setting::ObjectLock,
        Setting::DefaultRetention,
        Setting::Encryption,
        Setting::PublicAccessBlocked,
        Setting::UnfinishedUploadsRemoved,
    ];

    fn target(kind: StoreKind) -> Target {
        Target {
            kind,
            store: "s3://evidence".to_owned(),
            endpoint: None,
            bucket: Some("evidence".to_owned()),
            prefix: String::new(),
            account: None,
            storage_class: None,
            encryption: None,
            kms_key_id: None,
        }
    }

    fn lock(retention: Option<PlannedRetention>) -> PlannedLock {
        let longer_default = LongerDefault::Refuse;
        PlannedLock { retention, legal_hold: false, longer_default, if_stored_now: None }
    }

    #[test]
    fn every_setting_has_its_own_row_and_name() {
        for setting in ALL {
            assert_eq!(setting.row().setting, setting);
            assert_eq!(serde_json::to_value(setting).unwrap(), setting.id());
        }
    }

    #[test]
    fn a_lock_makes_object_lock_required_and_no_lock_suggests_it() {
        let compliance =
            PlannedRetention { mode: LockMode::Compliance, days: Some(30), until: None };
        let level = |retention| {
            let planned = planned(&target(StoreKind::S3), &lock(retention), Demands::default());
            planned.iter().find(|one| one.id == Setting::ObjectLock).unwrap().level
        };
        assert_eq!(level(Some(compliance)), Level::Required);
        assert_eq!(level(None), Level::Suggested);
    }

    #[test]
    fn a_default_retention_that_is_demanded_has_the_mode_of_the_lock() {
        let compliance =
            PlannedRetention { mode: LockMode::Compliance, days: Some(30), until: None };
        let demands = Demands { default_retention_days: Some(7) };
        let planned = planned(&target(StoreKind::S3), &lock(Some(compliance)), demands);
        let default = planned.iter().find(|one| one.id == Setting::DefaultRetention).unwrap();
        assert_eq!((default.mode, default.days_min), (Some(LockMode::Compliance), Some(7)));
        assert_eq!(default.wanted, "at least COMPLIANCE for 7 days");
    }

    #[test]
    fn a_directory_has_no_settings() {
        assert_eq!(planned(&target(StoreKind::File), &lock(None), Demands::default()), []);
    }
}
