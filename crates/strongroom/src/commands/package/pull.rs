//! `strongroom package pull`

use std::fs::File;
use std::io::{Seek as _, Write as _};

use anyhow::{Context as _, Result};
use serde::Serialize;
use strongroom_core::BundleId;
use strongroom_core::bundle::{NoProgress, ReadLimits, UnverifiedBundle};
use strongroom_storage::new_file::NewFile;
use uuid::Uuid;

use crate::cli::PackagePullArgs;
use crate::client::{Client, broken_off};
use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Block;

/// The schema that a pulled package is printed under.
const SCHEMA: &str = "strongroom.package-pulled/v1";

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    package_id: Uuid,
    bundle_id: BundleId,
    path: String,
}

/// Gets a package back as a bundle. Nothing appears under the path before every byte was verified.
pub async fn run(args: PackagePullArgs, client: &Client, context: &Context) -> Result<()> {
    let package = client.package(args.package_id).await?;
    let Some(bundle_id) = package.bundle_id else {
        return Err(Failure::new(
            Exit::Conflict,
            "the package is not finalized: it has no bundle yet",
        )
        .with_help("`strongroom package show` tells its status")
        .into());
    };
    let cannot_write = || format!("cannot write {}", args.out.display());
    let file = NewFile::create(&args.out).with_context(cannot_write)?;
    let mut writer = file.writer().with_context(cannot_write)?;
    let mut response = client.bundle(args.package_id).await?;
    while let Some(piece) = response.chunk().await.map_err(|_| broken_off())? {
        writer.write_all(&piece).with_context(cannot_write)?;
    }
    let verified = tokio::task::spawn_blocking(move || verify(writer)).await??;
    if verified != bundle_id {
        return Err(Failure::new(
            Exit::Integrity,
            "what came is another bundle than the package's",
        )
        .into());
    }
    file.place(false).with_context(cannot_write)?;
    let document = Document {
        schema: SCHEMA,
        package_id: args.package_id,
        bundle_id,
        path: args.out.display().to_string(),
    };
    context.console.result(
        |console| {
            Block::new("pulled")
                .row("bundle id", bundle_id.to_string())
                .row("to", &document.path)
                .render(console)
        },
        &document,
    )
}

/// The id of what was written, every byte of it checked.
fn verify(mut written: File) -> Result<BundleId> {
    written.rewind()?;
    let verified = UnverifiedBundle::open(written, &ReadLimits::default())?.verify(&NoProgress)?;
    Ok(verified.id())
}
