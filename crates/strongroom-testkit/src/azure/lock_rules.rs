//! What immutability policies and legal holds allow.
//!
//! * <https://learn.microsoft.com/rest/api/storageservices/set-blob-immutability-policy>
//! * <https://learn.microsoft.com/rest/api/storageservices/delete-blob-immutability-policy>
//! * <https://learn.microsoft.com/rest/api/storageservices/set-blob-legal-hold>
//! * <https://learn.microsoft.com/azure/storage/blobs/immutable-version-level-worm-policies>
//!
//! The reference names no code for a locked policy that is to be shortened or unlocked: it is answered
//! with the code that it has for whatever a policy forbids.

use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};
use jiff::{SignedDuration, Timestamp};

use super::answer::{Answer, Refusal, refuse};
use super::request::Asked;

const UNTIL: &str = "x-ms-immutability-policy-until-date";
const MODE: &str = "x-ms-immutability-policy-mode";
const HOLD: &str = "x-ms-legal-hold";

/// Whether a policy can be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyMode {
    /// It may be shortened and deleted.
    Unlocked,
    /// It may only be made longer.
    Locked,
}

/// An immutability policy of one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Whether it can be taken back.
    pub mode: PolicyMode,
    /// When it ends.
    pub until: Timestamp,
}

/// What a container gives to each new blob.
#[derive(Debug, Clone, Copy)]
pub(super) struct DefaultPolicy {
    pub(super) mode: PolicyMode,
    pub(super) days: i64,
}

impl DefaultPolicy {
    pub(super) fn of_a_blob_made(self, now: Timestamp) -> Policy {
        Policy { mode: self.mode, until: now + SignedDuration::from_hours(24 * self.days) }
    }
}

/// The policy that a request asks for. "Past times are not valid"; without a mode it is unlocked.
pub(super) fn asked_policy(asked: &Asked, now: Timestamp) -> Result<Option<Policy>, Refusal> {
    let Some(until) = asked.header(UNTIL) else {
        return match asked.header(MODE) {
            None => Ok(None),
            Some(_) => Err(refuse(400, "MissingRequiredHeader")),
        };
    };
    let invalid = || refuse(400, "InvalidHeaderValue");
    let until = DateTimeParser::new().parse_timestamp(until).map_err(|_| invalid())?;
    let mode = match asked.header(MODE).map(str::to_ascii_lowercase).as_deref() {
        None | Some("unlocked") => PolicyMode::Unlocked,
        Some("locked") => PolicyMode::Locked,
        Some(_) => return Err(invalid()),
    };
    if until <= now {
        return Err(invalid());
    }
    Ok(Some(Policy { mode, until }))
}

/// The hold that a request asks for.
pub(super) fn asked_hold(asked: &Asked) -> Result<Option<bool>, Refusal> {
    match asked.header(HOLD) {
        None => Ok(None),
        Some(hold) => hold.parse().map(Some).map_err(|_| refuse(400, "InvalidHeaderValue")),
    }
}

/// "When the policy is in locked mode, users can only extend the retention until date. The mode can
/// be updated from unlocked to locked, but not from locked to unlocked."
pub(super) fn check_change(held: Option<Policy>, asked: Policy) -> Result<(), Refusal> {
    match held {
        Some(Policy { mode: PolicyMode::Locked, until })
            if asked.mode == PolicyMode::Unlocked || asked.until < until =>
        {
            Err(refuse(409, "BlobImmutableDueToPolicy"))
        }
        _ => Ok(()),
    }
}

/// An unlocked policy can be deleted, a locked one cannot.
pub(super) fn check_removal(held: Option<Policy>) -> Result<(), Refusal> {
    match held {
        Some(Policy { mode: PolicyMode::Locked, .. }) => {
            Err(refuse(409, "ImmutabilityPolicyDeleteOnLockedPolicy"))
        }
        _ => Ok(()),
    }
}

/// "Both locked and unlocked policies protect against deletes."
pub(super) fn check_delete(
    policy: Option<Policy>,
    is_held: bool,
    now: Timestamp,
) -> Result<(), Refusal> {
    if is_held {
        return Err(refuse(409, "BlobImmutableDueToLegalHold"));
    }
    match policy {
        Some(policy) if policy.until > now => Err(refuse(409, "BlobImmutableDueToPolicy")),
        _ => Ok(()),
    }
}

/// Tells a version's locks, as Get Blob Properties does: in lower case, and nothing where there is
/// nothing.
pub(super) fn tell(answer: Answer, policy: Option<Policy>, is_held: Option<bool>) -> Answer {
    let answer = match policy {
        Some(policy) => answer
            .header(UNTIL, http_date(policy.until))
            .header(MODE, if policy.mode == PolicyMode::Locked { "locked" } else { "unlocked" }),
        None => answer,
    };
    answer.header_if(HOLD, is_held.map(|is_held| is_held.to_string()))
}

pub(super) fn http_date(time: Timestamp) -> String {
    DateTimePrinter::new().timestamp_to_rfc9110_string(&time).expect("a year that HTTP can write")
}
