//! What an extension, a hold, a deletion or the end of an open package came to, as it is printed.

use anyhow::Result;
use jiff::Timestamp;
use serde::Serialize;
use strongroom_core::package::PackageStatus;
use strongroom_registry::documents::PackageDocument;
use uuid::Uuid;

use super::in_words;
use crate::commands::Context;
use crate::output::{Block, styled, time};

/// The schema that a change is printed under.
const SCHEMA: &str = "strongroom.package-change/v1";

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// Keep it longer.
    Extension,
    /// Hold it.
    Hold,
    /// Give a hold up.
    HoldRelease,
    /// Delete it.
    Deletion,
    /// Do not.
    DeletionCancellation,
    /// Give it up before it is finalized.
    Abandonment,
}

/// What it came to.
#[derive(Debug, Serialize)]
pub struct Change {
    /// Always the schema of a change.
    pub schema: &'static str,
    /// What was asked.
    pub change: Asked,
    /// The package.
    pub package_id: Uuid,
    /// Whether nothing happens before a second person agrees.
    pub awaits_approval: bool,
    /// Where the package is in its life, where that may have changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<PackageStatus>,
    /// The extension.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extension_id: Option<Uuid>,
    /// The hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_id: Option<Uuid>,
    /// How far a hold has reached the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reach: Option<String>,
    /// The date before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_expires_at: Option<Timestamp>,
    /// The date from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Looks of the sweeper that a deletion waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_ticks_left: Option<u32>,
    /// The job that brings it to the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<Uuid>,
}

impl Change {
    /// Something that was asked for a package.
    pub fn of(change: Asked, package_id: Uuid) -> Self {
        Self {
            schema: SCHEMA,
            change,
            package_id,
            awaits_approval: false,
            status: None,
            extension_id: None,
            hold_id: None,
            reach: None,
            previous_expires_at: None,
            expires_at: None,
            grace_ticks_left: None,
            job_id: None,
        }
    }

    /// The same, as a package's own fields tell it.
    pub fn of_package(change: Asked, package: &PackageDocument) -> Self {
        let deletion = package.deletion.as_ref();
        Self {
            awaits_approval: deletion.is_some_and(|deletion| deletion.awaits_approval),
            status: Some(package.status),
            expires_at: package.expires_at,
            grace_ticks_left: deletion.and_then(|deletion| deletion.grace_ticks_left),
            ..Self::of(change, package.package_id)
        }
    }

    /// Prints it.
    pub fn show(&self, context: &Context) -> Result<()> {
        context.console.result(
            |console| {
                let headline = match (self.awaits_approval, self.change) {
                    (true, _) => styled(console.palette().warning, "waits for a second person"),
                    (false, Asked::Extension) => "extended".to_owned(),
                    (false, Asked::Hold) => "held".to_owned(),
                    (false, Asked::HoldRelease) => "released".to_owned(),
                    (false, Asked::Deletion) => "deletion requested".to_owned(),
                    (false, Asked::DeletionCancellation) => "deletion cancelled".to_owned(),
                    (false, Asked::Abandonment) => "abandoned".to_owned(),
                };
                Block::new(headline)
                    .row("package", self.package_id.to_string())
                    .row_if_any("status", self.status.map(|status| status.to_string()))
                    .row_if_any("hold", self.hold_id.map(|id| id.to_string()))
                    .row_if_any("in the store", self.reach.as_deref().map(in_words))
                    .row_if_any("kept until", self.expires_at.map(time))
                    .row_if_any("before", self.previous_expires_at.map(time))
                    .row_if_any(
                        "grace",
                        self.grace_ticks_left.map(|ticks| format!("{ticks} looks of the sweeper")),
                    )
                    .row_if_any("job", self.job_id.map(|id| id.to_string()))
                    .render(console)
            },
            self,
        )
    }
}
