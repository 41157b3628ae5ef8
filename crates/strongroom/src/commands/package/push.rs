//! `strongroom package push`

use anyhow::Result;
use serde::Serialize;
use strongroom_core::bundle::{BundlePlan, CollectOptions};
use strongroom_core::package::{LockState, PackageStatus};
use strongroom_core::{BundleId, Sha256Digest};
use strongroom_registry::documents::{NewPackage, PackageDocument};
use uuid::Uuid;

use super::create::declared_of;
use super::finalize::{finished, locked_as_asked};
use super::human;
use super::uploading::{FileToStore, store};
use crate::cli::PackagePushArgs;
use crate::client::Client;
use crate::commands::{Context, bundle};
use crate::exit::Exit;
use crate::failure::Failure;

/// The schema that a pushed package is printed under.
const SCHEMA: &str = "strongroom.package-pushed/v1";
/// Packages of the same content that one run tries, where the earlier ones were given up.
const PACKAGES_TRIED_MAX: u32 = 16;

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    package_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    bundle_id: Option<BundleId>,
    status: PackageStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<Uuid>,
    lock_state: LockState,
}

/// Keeps a directory in a registry. Run again after a cut, it goes on: the key of the request that makes the package
/// comes from the content, and what is stored already is not sent again.
pub async fn run(args: PackagePushArgs, client: &Client, context: &Context) -> Result<()> {
    let (ask, declarations) = declared_of(&args.package, context)?;
    let follow_symlinks = args.package.declarations.follow_symlinks;
    let options = CollectOptions { follow_symlinks };
    let plan = bundle::plan(vec![args.directory.clone()], options, declarations, context).await?;
    let package = created(&plan, &ask, client).await?;
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
    if args.finalize {
        refuse_what_is_not_kept(&package)?;
    }
    let document = Document {
        schema: SCHEMA,
        package_id: id,
        bundle_id: package.bundle_id,
        status: package.status,
        job_id,
        lock_state: package.lock_state,
    };
    context.console.result(|console| human(&package, console), &document)?;
    if args.finalize { Ok(locked_as_asked(&package, context)?) } else { Ok(()) }
}

/// The package of this content: the one that an earlier run made, or a new one where that was given up or deleted.
async fn created(plan: &BundlePlan, ask: &NewPackage, client: &Client) -> Result<PackageDocument> {
    for attempt in 0..PACKAGES_TRIED_MAX {
        let package = client.create_package(ask, &key_of(plan, ask, attempt)?).await?;
        let is_gone = matches!(
            package.status,
            PackageStatus::Abandoned | PackageStatus::Deleting | PackageStatus::Deleted
        );
        if !is_gone {
            return Ok(package);
        }
    }
    let help = "say what is new about it, such as --run-id, and push it again";
    Err(Failure::new(
        Exit::Conflict,
        format!("this content was pushed {PACKAGES_TRIED_MAX} times today, and given up or deleted each time"),
    )
    .with_help(help)
    .into())
}

/// A key that comes from the content and from what is asked, and so is the same tomorrow.
fn key_of(plan: &BundlePlan, ask: &NewPackage, attempt: u32) -> Result<String> {
    let asked = serde_json::to_vec(ask)?;
    let both = [plan.id().0.as_bytes().as_slice(), &asked].concat();
    let digest = Sha256Digest::of(&both).to_hex();
    Ok(match attempt {
        0 => format!("push-{digest}"),
        _ => format!("push-{digest}-{attempt}"),
    })
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

/// What was asked to be finalized and is not, or is on its way out, was not kept, however it came to that.
fn refuse_what_is_not_kept(package: &PackageDocument) -> Result<(), Failure> {
    match package.status {
        PackageStatus::Finalized
        | PackageStatus::DeletionRequested
        | PackageStatus::DeletionBlocked
            if package.bundle_id.is_some() =>
        {
            Ok(())
        }
        status => {
            Err(Failure::new(Exit::Partial, format!("the package is {status}: it is not kept"))
                .with_help("`strongroom package show` tells what became of it"))
        }
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
