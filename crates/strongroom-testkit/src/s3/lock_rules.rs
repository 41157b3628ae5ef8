//! What Object Lock allows, as AWS documents it.

use s3s::S3Result;
use strongroom_core::retention::{LockMode, Retention};

use super::lie::Lie;
use super::refusal::access_denied;
use super::state::{Shared, Version};

/// Refuses the deletion of a version that is held. `bypasses`: the header, and the right to it.
pub(crate) fn check_delete(version: &Version, bypasses: bool, shared: &Shared) -> S3Result<()> {
    let hold_yields =
        shared.lies(Lie::DeletesUnderHold) || bypasses && shared.lies(Lie::BypassesHolds);
    if version.legal_hold && !hold_yields {
        return Err(access_denied());
    }
    let Some(retention) = in_force(version.retention, shared) else { return Ok(()) };
    let yields = match retention.mode {
        _ if shared.lies(Lie::DeletesLockedVersions) => true,
        LockMode::Governance => bypasses || shared.lies(Lie::DeletesGovernanceWithoutBypass),
        LockMode::Compliance => bypasses && shared.lies(Lie::BypassesCompliance),
    };
    if yields { Ok(()) } else { Err(access_denied()) }
}

/// Refuses a new retention that would weaken the one in force.
pub(crate) fn check_change(
    current: Option<Retention>,
    wanted: Option<Retention>,
    bypasses: bool,
    shared: &Shared,
) -> S3Result<()> {
    let Some(current) = in_force(current, shared) else { return Ok(()) };
    let is_upgrade = wanted.is_some_and(|wanted| wanted.mode > current.mode);
    if is_upgrade && shared.upgrades_need_bypass && !bypasses {
        return Err(access_denied());
    }
    let (lie_about_dates, yields) = match current.mode {
        LockMode::Governance => (Lie::ShortensGovernanceWithoutBypass, bypasses),
        LockMode::Compliance => {
            (Lie::ShortensCompliance, bypasses && shared.lies(Lie::BypassWeakensCompliance))
        }
    };
    let is_as_strong = wanted.is_some_and(|wanted| {
        let mode = wanted.mode >= current.mode || shared.lies(Lie::DowngradesCompliance);
        let date = wanted.retain_until >= current.retain_until || shared.lies(lie_about_dates);
        mode && date
    });
    if is_as_strong || yields { Ok(()) } else { Err(access_denied()) }
}

/// The retention, until its date.
fn in_force(retention: Option<Retention>, shared: &Shared) -> Option<Retention> {
    let now = shared.clock.now();
    retention.filter(|retention| retention.retain_until > now || shared.lies(Lie::LocksNeverEnd))
}
