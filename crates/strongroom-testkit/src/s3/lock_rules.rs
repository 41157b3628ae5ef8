//! What Object Lock allows, as AWS documents it.

use jiff::Timestamp;
use s3s::S3Result;
use strongroom_core::retention::{LockMode, Retention};

use super::refusal::access_denied;
use super::state::Version;

/// Refuses the deletion of a version that is held. `may_bypass`: the right, and the header.
pub(crate) fn check_delete(version: &Version, now: Timestamp, may_bypass: bool) -> S3Result<()> {
    if version.legal_hold {
        return Err(access_denied());
    }
    match version.retention.filter(|retention| retention.retain_until > now) {
        None => Ok(()),
        Some(Retention { mode: LockMode::Governance, .. }) if may_bypass => Ok(()),
        Some(_) => Err(access_denied()),
    }
}

/// Refuses a new retention that would weaken the one in force.
pub(crate) fn check_change(
    current: Option<Retention>,
    wanted: Option<Retention>,
    now: Timestamp,
    may_bypass: bool,
) -> S3Result<()> {
    let Some(current) = current.filter(|retention| retention.retain_until > now) else {
        return Ok(());
    };
    let is_as_strong = wanted.is_some_and(|wanted| {
        wanted.mode >= current.mode && wanted.retain_until >= current.retain_until
    });
    match current.mode {
        _ if is_as_strong => Ok(()),
        LockMode::Governance if may_bypass => Ok(()),
        _ => Err(access_denied()),
    }
}
