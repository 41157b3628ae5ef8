//! The checks, a family a file.

mod compliance;
mod copies;
mod create_only;
mod create_only_raced;
mod credentials;
mod defaults;
mod encryption;
mod expiry;
mod governance;
mod holds;
mod keys;
mod links;
mod listing;
mod lock_rules;
mod lock_taking;
mod overwriting;
mod parts;
mod posture;
mod reads;
mod rights;
mod uploads;
mod wrong_bytes;

use futures::future::BoxFuture;

use super::lab::Lab;
use super::verdict::{Depth, Outcome, Severity};

/// One attack, or one question.
pub(super) struct Check {
    /// `family.check`, the same in each version.
    pub(super) id: &'static str,
    /// What is attacked, or asked.
    pub(super) attack: &'static str,
    /// What a store does that keeps evidence.
    pub(super) expected: &'static str,
    /// What it means for a person that it does.
    pub(super) holds: &'static str,
    /// What it means that it does not.
    pub(super) fails: &'static str,
    /// What can be done about it.
    pub(super) remedy: &'static str,
    pub(super) severity: Severity,
    pub(super) depth: Depth,
    /// Requests that it sends, at most, to a store that answers each.
    pub(super) requests_max: u64,
    pub(super) run: for<'l> fn(&'l Lab) -> BoxFuture<'l, Outcome>,
}

/// Every check, in the order in which they run: what says most first, what takes time last.
pub(super) fn all() -> impl Iterator<Item = &'static Check> {
    [
        posture::CHECKS,
        lock_taking::CHECKS,
        compliance::CHECKS,
        overwriting::CHECKS,
        governance::CHECKS,
        holds::CHECKS,
        lock_rules::CHECKS,
        copies::CHECKS,
        defaults::CHECKS,
        encryption::CHECKS,
        create_only::CHECKS,
        wrong_bytes::CHECKS,
        parts::CHECKS,
        uploads::CHECKS,
        reads::CHECKS,
        keys::CHECKS,
        listing::CHECKS,
        credentials::CHECKS,
        links::CHECKS,
        rights::CHECKS,
        create_only_raced::CHECKS,
        expiry::CHECKS,
    ]
    .into_iter()
    .flatten()
}
