//! The storage plan that a push keeps to.

use std::path::Path;

use anyhow::{Context as _, Result};
use strongroom_core::{Sha256Digest, limits};
use strongroom_storage::evidence::storage_plan::PlanInForce;

use crate::bounded_file;
use crate::commands::named;
use crate::exit::Exit;
use crate::failure::Failure;

/// Reads a plan, which must be the one that was approved, where that is said.
pub(super) fn read(path: &Path, approved: Option<Sha256Digest>) -> Result<PlanInForce> {
    let bytes = bounded_file::read(path, "PLAN_BYTES_MAX", limits::PLAN_BYTES_MAX)?;
    if approved.is_some_and(|approved| approved != Sha256Digest::of(&bytes)) {
        let message = format!("{}: the plan is not the one that was approved", path.display());
        return Err(Failure::new(Exit::Integrity, message)
            .with_help(
                "its SHA-256 is not that of --plan-sha256: get the plan again, or have it approved",
            )
            .into());
    }
    PlanInForce::read(&bytes).with_context(|| named(path))
}
