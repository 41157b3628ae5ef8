//! `strongroom package push`

use anyhow::Result;
use serde::Serialize;
use strongroom_core::bundle::{BundlePlan, CollectOptions};
use strongroom_core::package::PackageStatus;
use strongroom_core::{BundleId, Sha256Digest};
use strongroom_registry::documents::{NewPackage, PackageDocument};
use uuid::Uuid;

use super::create::declared_of;
use super::finalize::finished;
use super::human;
use super::uploading::{FileToStore, store};
use crate::cli::PackagePushArgs;
use crate::client::Client;
use crate::commands::{Context, bundle};
use crate::exit::Exit;
use crate::failure::Failure;

/// The schema that a pushed package is printed under.
const SCHEMA: &str = "strongroom.package-pushed/v1";

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    package_id: Uuid,
    bundle_id: BundleId,
    status: PackageStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<Uuid>,
}

/// Keeps a directory in a registry. Run again after a cut, it goes on: the key of the request that makes the package
/// comes from the content, and what is stored already is not sent again.
pub async fn run(args: PackagePushArgs, client: &Client, context: &Context) -> Result<()> {
    let (ask, declarations) = declared_of(&args.package, context)?;
    let follow_symlinks = args.package.declarations.follow_symlinks;
    let options = CollectOptions { follow_symlinks };
    let plan = bundle::plan(vec![args.directory.clone()], options, declarations, context).await?;
    let key = key_of(&plan, &ask)?;
    let package = client.create_package(&ask, &key).await?;
    let id = package.package_id;
    if package.status == PackageStatus::Open {
        store(files(&plan), &package, args.uploads.uploads, client, context).await?;
    }
    let mut job_id = None;
    if args.finalize && matches!(package.status, PackageStatus::Open | PackageStatus::Finalizing) {
        let job = client.finalize(id).await?;
        job_id = Some(job.job_id);
        finished(job, client, context).await?;
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

fn files(plan: &BundlePlan) -> Vec<FileToStore<'_>> {
    let files = plan.manifest().files.iter().zip(plan.locations());
    let to_store = files.map(|(file, location)| FileToStore {
        path: file.path.clone(),
        location,
        sha256: file.sha256,
        size_bytes: file.size_bytes,
    });
    to_store.collect()
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
