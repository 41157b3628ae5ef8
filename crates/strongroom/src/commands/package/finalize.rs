//! `strongroom package finalize`, and the wait for it.

use anyhow::Result;
use serde::Serialize;
use strongroom_core::BundleId;
use strongroom_core::package::{LockState, PackageStatus};
use strongroom_registry::documents::{JobDocument, PackageDocument};
use uuid::Uuid;

use super::human;
use super::waiting::{self, Awaited};
use crate::cli::PackageFinalizeArgs;
use crate::client::Client;
use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// The schema that a finalized package is printed under.
const SCHEMA: &str = "strongroom.package-finalized/v1";
/// What is waited for.
const AWAITED: Awaited = Awaited {
    verb: "finalizing",
    steps: "steps",
    failed: "the package is not finalized",
    help: "an operator can have the job tried again; `strongroom package show` tells more",
};

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    package_id: Uuid,
    status: PackageStatus,
    job_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    bundle_id: Option<BundleId>,
    lock_state: LockState,
}

/// Says that a package is complete.
pub async fn run(args: PackageFinalizeArgs, client: &Client, context: &Context) -> Result<()> {
    let job = client.finalize(args.package_id).await?;
    let job_id = job.job_id;
    if !args.no_wait {
        finished(job, client, context).await?;
    }
    let package = client.package(args.package_id).await?;
    let document = Document {
        schema: SCHEMA,
        package_id: args.package_id,
        status: package.status,
        job_id,
        bundle_id: package.bundle_id,
        lock_state: package.lock_state,
    };
    context.console.result(|console| human(&package, console), &document)?;
    Ok(locked_as_asked(&package, context)?)
}

/// A package is finalized also where the store does not do what was asked of it: whoever waited for it hears that too.
pub fn locked_as_asked(package: &PackageDocument, context: &Context) -> Result<(), Failure> {
    match package.lock_state {
        LockState::Failed => Err(Failure::new(
            Exit::Policy,
            "the package is finalized, and the store does not hold all of it under the lock that its class asks for",
        )
        .with_help("the registry tries again: `package show` tells; its job `apply-retention` says what the store answered")),
        LockState::Partial => {
            context.console.note(
                "the store cannot hold all of it under the lock that its class asks for, and its class does not require that",
            );
            Ok(())
        }
        // What only Strongroom keeps is what a store without locks of its own has to give, and shows as that. Where it
        // would not do, for compliance or where a lock is required, nothing is finalized.
        LockState::None | LockState::Applying | LockState::Held | LockState::Advisory => Ok(()),
    }
}

/// Waits for the job that finalizes a package.
pub async fn finished(job: JobDocument, client: &Client, context: &Context) -> Result<()> {
    waiting::done(job, &AWAITED, client, context).await.map(drop)
}
