//! Compliance locks in a store that leaves locks to Strongroom: refused before anything is promised, with the exit
//! code of `evidence push`.

use strongroom_core::package::class::RuleError;
use strongroom_core::receipt::EnforcedBy;
use strongroom_registry::config::Settings;
use strongroom_registry::service::Registry;
use strongroom_storage::open::Location;

use crate::exit::Exit;
use crate::failure::Failure;

/// Refuses to start a registry whose stores cannot do what its classes promise.
pub fn refuse(registry: &Registry) -> Result<(), Failure> {
    registry.check_locks().map_err(refused)
}

/// What a start will refuse, by the store's URL alone; without one, the embedded store serves, which is a directory.
pub fn refusals(settings: &Settings, store: Option<&str>) -> Vec<Failure> {
    let enforced_by = match store.map(Location::parse) {
        None => EnforcedBy::Strongroom,
        Some(Ok(location)) => location.locks_enforced_by(),
        // Refused as what it is.
        Some(Err(_)) => return Vec::new(),
    };
    let accepts = settings.allow_advisory_lock;
    let checked = settings.rules.iter().map(|rule| rule.check_enforced_by(enforced_by, accepts));
    checked.filter_map(Result::err).map(refused).collect()
}

fn refused(error: RuleError) -> Failure {
    Failure::new(Exit::Policy, format!("registry.retention.{error}")).with_help(
        "name a bucket that was made with Object Lock (store.url), or set `mode: governance`; or accept that: \
         registry.retention.allow_advisory_lock: true",
    )
}
