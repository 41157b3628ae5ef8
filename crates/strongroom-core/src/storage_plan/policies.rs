//! Who needs which right for a plan: the least that three roles need, as policy files. Uploading,
//! administering retention and auditing are kept apart.

mod azure;
mod s3;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde_json::Value;

use super::document::{PlannedLock, StoreKind, Target};

/// A policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its path beside the plan.
    pub path: &'static str,
    /// Whom it is for, and what for.
    pub purpose: Cow<'static, str>,
    /// What it says.
    pub content: Value,
}

/// The policies for a target; none where there are no rights to give.
pub fn policies(target: &Target, lock: &PlannedLock) -> Vec<Policy> {
    match target.kind {
        StoreKind::S3 => s3::policies(target, lock),
        StoreKind::Azure => azure::policies(target, lock),
        StoreKind::File | StoreKind::Memory => Vec::new(),
    }
}
