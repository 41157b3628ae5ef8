//! `strongroom package upload`

use anyhow::Result;
use serde::Serialize;
use strongroom_core::Sha256Digest;
use strongroom_core::bundle::{BundlePlan, CollectOptions, Declarations};
use strongroom_core::package::PackageStatus;
use strongroom_registry::documents::UploadStatus;
use uuid::Uuid;

use super::uploading::{FileToStore, StoredFile, store};
use crate::cli::PackageUploadArgs;
use crate::client::Client;
use crate::commands::{Context, bundle};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Block, count, size};

/// The schema that an upload is printed under.
const SCHEMA: &str = "strongroom.package-uploaded/v1";

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    package_id: Uuid,
    stored: u64,
    already_stored: u64,
    size_bytes: u64,
    files: Vec<File>,
}

#[derive(Serialize)]
struct File {
    file_id: Uuid,
    path: String,
    sha256: Sha256Digest,
    size_bytes: u64,
    upload: UploadStatus,
}

/// Stores files in a package that is open.
pub async fn run(args: PackageUploadArgs, client: &Client, context: &Context) -> Result<()> {
    let package = client.package(args.package_id).await?;
    if package.status != PackageStatus::Open {
        let message = format!("the package is {}: it takes no more files", package.status);
        return Err(Failure::new(Exit::Conflict, message)
            .with_help("make another one: `strongroom package create`")
            .into());
    }
    let options = CollectOptions { follow_symlinks: args.follow_symlinks };
    let inputs = args.inputs.clone();
    let plan = bundle::plan(inputs, options, Declarations::default(), context).await?;
    let stored =
        store(files(&plan, &args)?, &package, args.uploads.uploads, client, context).await?;
    let document = document(args.package_id, stored);
    context.console.result(
        |console| {
            Block::new(count(document.stored, "file was stored", "files were stored"))
                .row_if_any(
                    "there before",
                    (document.already_stored > 0).then(|| document.already_stored.to_string()),
                )
                .row("size", size(document.size_bytes))
                .row("package", document.package_id.to_string())
                .render(console)
        },
        &document,
    )
}

/// The files with the paths that they shall have.
fn files<'a>(
    plan: &'a BundlePlan,
    args: &PackageUploadArgs,
) -> Result<Vec<FileToStore<'a>>, Failure> {
    let is_one_file = matches!(args.inputs.as_slice(), [one] if !one.is_dir());
    let files = plan.manifest().files.iter().zip(plan.locations());
    if files.len() == 0 {
        return Err(Failure::usage("there is no file to upload"));
    }
    let to_store = files.map(|(file, location)| FileToStore {
        path: match &args.path {
            None => file.path.clone(),
            Some(path) if is_one_file => path.clone(),
            Some(folder) => format!("{}/{}", folder.trim_end_matches('/'), file.path),
        },
        location,
        sha256: file.sha256,
        size_bytes: file.size_bytes,
    });
    Ok(to_store.collect())
}

fn document(package_id: Uuid, stored: Vec<StoredFile>) -> Document {
    let is_new = |file: &&StoredFile| file.upload == UploadStatus::Stored;
    let new = stored.iter().filter(is_new).count() as u64;
    Document {
        schema: SCHEMA,
        package_id,
        stored: new,
        already_stored: stored.len() as u64 - new,
        size_bytes: stored.iter().map(|file| file.size_bytes).sum(),
        files: stored
            .into_iter()
            .map(|StoredFile { file_id, path, sha256, size_bytes, upload }| File {
                file_id,
                path,
                sha256,
                size_bytes,
                upload,
            })
            .collect(),
    }
}
