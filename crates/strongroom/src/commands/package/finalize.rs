//! `strongroom package finalize`, and the wait for it.

use anyhow::Result;
use serde::Serialize;
use strongroom_core::BundleId;
use strongroom_core::package::PackageStatus;
use strongroom_registry::documents::JobDocument;
use uuid::Uuid;

use super::human;
use super::waiting::{self, Awaited};
use crate::cli::PackageFinalizeArgs;
use crate::client::Client;
use crate::commands::Context;

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
    };
    context.console.result(|console| human(&package, console), &document)
}

/// Waits for the job that finalizes a package.
pub async fn finished(job: JobDocument, client: &Client, context: &Context) -> Result<()> {
    waiting::done(job, &AWAITED, client, context).await.map(drop)
}
