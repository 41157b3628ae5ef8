//! `retention-policy.json`: for how long the producer asks the bundle to be kept. It counts only where
//! the manifest covers it.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::fields::{self, Fields, Limited, malformed};
use super::{RETENTION_POLICY, directory};
use crate::bundle::{BundleError, Refusal};

const SCHEMA: &str = "cavra.evidence.retention.v1";
const HOURS_OF_A_DAY: i64 = 24;
/// A policy is made before the manifest that covers it, but not long before.
const MADE_BEFORE_MANIFEST_MAX: SignedDuration = SignedDuration::from_hours(HOURS_OF_A_DAY);

/// What a covered retention policy says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CavraRetention {
    /// The class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classification: Option<String>,
    /// From when it counts.
    pub created_at: Timestamp,
    /// The date that the bundle is to be kept until; `None` where the policy names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retain_until: Option<Timestamp>,
    /// Whether it is to be kept until somebody lifts the hold.
    pub legal_hold: bool,
    /// The days that the policy claims. A claim only: the date decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed_days: Option<u64>,
    /// Whole days from the policy's `created_at` to the date; counted from a day before the manifest's
    /// where the policy's is earlier than that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<u64>,
    /// What is to become of it then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disposition: Option<String>,
}

impl CavraRetention {
    /// Reads a policy, which must be of this session. `manifest_created_at` is what the manifest says.
    pub(super) fn from_bytes(
        bytes: &[u8],
        session_id: &str,
        manifest_created_at: Timestamp,
    ) -> Result<Self, BundleError> {
        let limited = Limited { name: RETENTION_POLICY, ..directory::DOCUMENT };
        let value = fields::document(bytes, limited, SCHEMA)?;
        let policy = Fields(&value);
        if policy.text("session_id")? != session_id {
            return Err(BundleError::new(
                Refusal::Integrity,
                "retention-policy.json is of another session than evidence.json",
            ));
        }
        let hold = policy.optional("legal_hold").map(|value| value.as_bool());
        let legal_hold = hold.unwrap_or(Some(false));
        let created_at = policy.timestamp("created_at")?;
        let retain_until = policy.optional_timestamp("retain_until")?;
        // Who may choose the policy's date may not make the span much longer than the manifest says.
        let earliest = manifest_created_at
            .checked_sub(MADE_BEFORE_MANIFEST_MAX)
            .unwrap_or(manifest_created_at);
        let from = created_at.max(earliest);
        let claimed_days =
            policy.optional("retention_days").map(|_| policy.unsigned("retention_days"));
        Ok(Self {
            classification: policy.optional_name("classification")?,
            created_at,
            retain_until,
            legal_hold: legal_hold.ok_or_else(|| malformed("legal_hold", "not true or false"))?,
            claimed_days: claimed_days.transpose()?,
            days: retain_until.map(|until| whole_days(from, until)),
            disposition: policy.optional_name("disposition")?,
        })
    }

    /// Whether the days that the policy claims are the days between its own dates. `None` where it has
    /// not both.
    pub fn days_agree(&self) -> Option<bool> {
        let by_date = whole_days(self.created_at, self.retain_until?);
        Some(self.claimed_days? == by_date)
    }
}

/// Days of 24 hours from `from` to `until`; none where it is past.
fn whole_days(from: Timestamp, until: Timestamp) -> u64 {
    let hours = until.duration_since(from).as_hours();
    u64::try_from(hours / HOURS_OF_A_DAY).unwrap_or(0)
}
