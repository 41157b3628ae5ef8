//! `strongroom trust-root`: one verb a file.

pub mod add;
pub mod bundle;
pub mod create;
pub mod distribute;
mod document;
mod file;
pub mod list;
pub mod retire;
pub mod revoke;
pub mod verify;

use strongroom_core::signing::trust::TrustError;

use crate::failure::Failure;

/// A root that cannot be, because of how it was asked for.
fn asked_wrongly(error: TrustError) -> anyhow::Error {
    match error {
        TrustError::Field("valid_until") => {
            Failure::usage("--valid-until is before --valid-from: the key would never be good")
                .into()
        }
        TrustError::Field(name) => Failure::usage(format!(
            "--{name} is longer than the limit NAME_BYTES_MAX, or holds control characters"
        ))
        .into(),
        error => error.into(),
    }
}
