//! The rules, one family a file: each has its table and its checks.

pub(super) mod assay;
pub(super) mod cavra;
pub(super) mod clock;
pub(super) mod content;
pub(super) mod metadata;
pub(super) mod names;
pub(super) mod personal;
pub(super) mod retention;
pub(super) mod secrets;
pub(super) mod signature;

use super::rule::Rule;

/// Every rule of every family.
pub(super) fn all() -> Vec<Rule> {
    let mut all = secrets::rules();
    all.extend_from_slice(assay::RULES);
    all.extend_from_slice(cavra::RULES);
    all.extend_from_slice(clock::RULES);
    all.extend_from_slice(content::RULES);
    all.extend_from_slice(metadata::RULES);
    all.extend_from_slice(names::RULES);
    all.extend_from_slice(personal::RULES);
    all.extend_from_slice(retention::RULES);
    all.extend_from_slice(signature::RULES);
    all
}
