//! `retention-policy.json`: for how long the producer asks the bundle to be kept. It counts only where
//! the manifest covers it.

use jiff::Timestamp;
use serde::Serialize;

use super::fields::{self, Fields, Limited, malformed};
use super::{RETENTION_POLICY, directory};
use crate::bundle::{BundleError, Refusal};

const SCHEMA: &str = "cavra.evidence.retention.v1";
const HOURS_OF_A_DAY: i64 = 24;

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
    /// Whole days from the later of the policy's and the manifest's `created_at` to the date.
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
        // Who may choose either date may not make the span between them longer than both say.
        let from = created_at.max(manifest_created_at);
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
