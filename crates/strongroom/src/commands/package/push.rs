//! `strongroom package push`

use std::time::Duration;

use anyhow::Result;
use futures::StreamExt as _;
use serde::Serialize;
use strongroom_core::bundle::{BundlePlan, CollectOptions, Declarations};
use strongroom_core::package::PackageStatus;
use strongroom_core::{BundleId, Sha256Digest};
use strongroom_registry::documents::{
    JobDocument, NewPackage, PackageDocument, ProducerDocument, RetentionAsk,
};
use uuid::Uuid;

use super::human;
use crate::cli::PackagePushArgs;
use crate::client::Client;
use crate::commands::declarations::{OfTheBundle, declared};
use crate::commands::{Context, bundle};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Bar;

/// The schema that a pushed package is printed under.
const SCHEMA: &str = "strongroom.package-pushed/v1";
/// How often it is asked how far a job is.
const LOOK_EVERY: Duration = Duration::from_millis(200);

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    package_id: Uuid,
    bundle_id: BundleId,
    status: PackageStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<Uuid>,
}

/// Keeps a directory in a registry.
pub async fn run(args: PackagePushArgs, client: &Client, context: &Context) -> Result<()> {
    let of_the_bundle = OfTheBundle { run_id: args.run_id.clone(), legal_hold: args.legal_hold };
    let declarations = declared(&args.declarations, of_the_bundle, context)?;
    let options = CollectOptions { follow_symlinks: args.declarations.follow_symlinks };
    let ask = new_package(args.name.clone(), &declarations)?;
    let plan = bundle::plan(vec![args.directory.clone()], options, declarations, context).await?;
    // The key is the content's: pushed again after a cut, it is the same package.
    let key = key_of(&plan, &ask)?;
    let package = client.create_package(&ask, &key).await?;
    let id = package.package_id;
    if package.status == PackageStatus::Open {
        upload(&plan, id, usize::from(args.uploads), client, context).await?;
    }
    let mut job_id = None;
    if args.finalize && matches!(package.status, PackageStatus::Open | PackageStatus::Finalizing) {
        let job = client.finalize(id).await?;
        job_id = Some(job.job_id);
        finished(job, client).await?;
    }
    let package = client.package(id).await?;
    refuse_other_content(&package, &plan)?;
    let document = Document {
        schema: SCHEMA,
        package_id: id,
        bundle_id: plan.id(),
        status: package.status,
        job_id,
    };
    context.console.result(|console| human(&package, console), &document)
}

/// A key that comes from the content and from what is asked, and so is the same tomorrow.
fn key_of(plan: &BundlePlan, ask: &NewPackage) -> Result<String> {
    let asked = serde_json::to_vec(ask)?;
    let both = [plan.id().0.as_bytes().as_slice(), &asked].concat();
    Ok(format!("push-{}", Sha256Digest::of(&both).to_hex()))
}

/// What was declared, as the registry takes it.
fn new_package(name: Option<String>, declared: &Declarations) -> Result<NewPackage, Failure> {
    let retention = match &declared.retention {
        None => None,
        Some(retention) => {
            let class = retention.class.as_deref().ok_or_else(|| {
                Failure::usage("a package that is to be kept in a way of its own names its class")
                    .with_help("add --retention-class, such as raw-evidence")
            })?;
            let class =
                class.parse().map_err(|_| Failure::usage("there is no such retention class"))?;
            let legal_hold = retention.legal_hold.unwrap_or(false);
            Some(RetentionAsk { class, days: retention.days, legal_hold })
        }
    };
    Ok(NewPackage {
        name,
        producer: declared.producer.as_ref().map(|producer| ProducerDocument {
            name: producer.name.clone(),
            version: producer.version.clone(),
        }),
        subject: declared.subject.clone(),
        run_id: declared.run_id.clone(),
        created_at: declared.created_at,
        retention,
        metadata: declared.metadata.clone().unwrap_or_default(),
    })
}

async fn upload(
    plan: &BundlePlan,
    package: Uuid,
    at_once: usize,
    client: &Client,
    context: &Context,
) -> Result<()> {
    let shown = context.console.shows_progress();
    let bar = Bar::new(shown, "uploading", Some(plan.content_size_bytes()));
    let progress = bar.progress();
    let files = plan.manifest().files.iter().zip(plan.locations());
    let mut uploads = futures::stream::iter(files)
        .map(|(file, location)| async move {
            client.upload(package, &file.path, location, file.sha256, file.size_bytes).await?;
            Ok::<u64, anyhow::Error>(file.size_bytes)
        })
        .buffer_unordered(at_once);
    while let Some(uploaded) = uploads.next().await {
        progress.add_bytes(uploaded?);
    }
    Ok(())
}

/// Waits for a job to end.
async fn finished(mut job: JobDocument, client: &Client) -> Result<()> {
    loop {
        match job.state.as_str() {
            "done" => return Ok(()),
            "failed" | "cancelled" => {
                let why = job.error.unwrap_or_else(|| "it was cancelled".to_owned());
                return Err(Failure::new(Exit::Partial, format!("the package is not finalized: {why}"))
                    .with_help("an operator can have the job tried again; `strongroom package show` tells more")
                    .into());
            }
            _ => tokio::time::sleep(LOOK_EVERY).await,
        }
        job = client.job(job.job_id).await?;
    }
}

/// The id covers every byte and every declaration: another one is another content.
fn refuse_other_content(package: &PackageDocument, plan: &BundlePlan) -> Result<(), Failure> {
    match package.bundle_id {
        Some(id) if id != plan.id() => Err(Failure::new(
            Exit::Integrity,
            "the registry's package has another id than the directory: their content differs",
        )),
        _ => Ok(()),
    }
}
