//! `strongroom package finalize`, and the wait for it.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use strongroom_core::BundleId;
use strongroom_core::package::PackageStatus;
use strongroom_registry::documents::JobDocument;
use uuid::Uuid;

use super::human;
use crate::cli::PackageFinalizeArgs;
use crate::client::Client;
use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Counter;

/// The schema that a finalized package is printed under.
const SCHEMA: &str = "strongroom.package-finalized/v1";
/// How soon it is asked how far a job is; twice as long before each further time.
const LOOK_FIRST: Duration = Duration::from_millis(25);
/// How seldom it is asked at most.
const LOOK_EVERY_MAX: Duration = Duration::from_millis(500);

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

/// Waits for a job to end.
pub async fn finished(mut job: JobDocument, client: &Client, context: &Context) -> Result<()> {
    let counter = Counter::new(context.console.shows_progress(), "finalizing", "steps");
    let mut wait = LOOK_FIRST;
    loop {
        match job.state.as_str() {
            "done" => return Ok(()),
            "failed" | "cancelled" => {
                let why = job.error.unwrap_or_else(|| "it was cancelled".to_owned());
                return Err(Failure::new(Exit::Partial, format!("the package is not finalized: {why}"))
                    .with_help("an operator can have the job tried again; `strongroom package show` tells more")
                    .into());
            }
            _ => tokio::time::sleep(wait).await,
        }
        wait = (wait * 2).min(LOOK_EVERY_MAX);
        job = client.job(job.job_id).await?;
        counter.set(job.progress.done);
    }
}
