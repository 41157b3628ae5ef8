//! `strongroom package pull`

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Serialize;
use strongroom_core::bundle::{NoProgress, ReadLimits, UnverifiedBundle};
use strongroom_core::limits::ATTESTATION_BYTES_MAX;
use strongroom_core::package::signature::claims_to_be_about;
use strongroom_core::signing::key::KeyId;
use strongroom_core::{BundleId, Sha256Digest};
use strongroom_registry::documents::PackageDocument;
use strongroom_storage::new_file::NewFile;
use uuid::Uuid;

use crate::bounded_file;
use crate::cli::PackagePullArgs;
use crate::client::{Client, broken_off};
use crate::commands::Context;
use crate::commands::bundle::SIGNATURE_SUFFIX;
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
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<Signature>,
}

/// The registry's signature, beside the bundle. Nothing is said of whether its key is believed.
#[derive(Serialize)]
struct Signature {
    path: String,
    key_id: KeyId,
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
    let signature = match &package.signature {
        Some(signature) => Some((signature, signature_of(&package, client).await?)),
        None => None,
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
    let signature = match signature {
        // First: who finds the bundle finds its signature too.
        Some((told, bytes)) => {
            Some(Signature { path: place_beside(&args.out, &bytes)?, key_id: told.key_id })
        }
        None => None,
    };
    file.place(false).with_context(cannot_write)?;
    let document = Document {
        schema: SCHEMA,
        package_id: args.package_id,
        bundle_id,
        path: args.out.display().to_string(),
        signature,
    };
    context.console.result(
        |console| {
            Block::new("pulled")
                .row("bundle id", bundle_id.to_string())
                .row("to", &document.path)
                .row_if_any("signature", document.signature.as_ref().map(|one| one.path.as_str()))
                .render(console)
        },
        &document,
    )
}

/// The registry's signature of the manifest: that of which the package tells, and about its bundle.
async fn signature_of(package: &PackageDocument, client: &Client) -> Result<Vec<u8>> {
    let bytes = client.manifest_signature(package.package_id).await?;
    let is_told_of = package.signature.is_some_and(|told| told.sha256 == Sha256Digest::of(&bytes));
    let is_about_it = package.bundle_id.is_some_and(|id| claims_to_be_about(id, &bytes));
    if !is_told_of || !is_about_it {
        return Err(Failure::new(
            Exit::Integrity,
            "what came is not the signature of the package's manifest",
        )
        .into());
    }
    Ok(bytes)
}

/// Writes the signature under the bundle's name and its own ending; the same may be there.
fn place_beside(bundle: &Path, bytes: &[u8]) -> Result<String> {
    let mut path = bundle.as_os_str().to_owned();
    path.push(SIGNATURE_SUFFIX);
    let path = PathBuf::from(path);
    let named = path.display().to_string();
    let there = bounded_file::read_up_to(&path, ATTESTATION_BYTES_MAX);
    if there.is_ok_and(|there| there.as_deref() == Some(bytes)) {
        return Ok(named);
    }
    let cannot_write = || format!("cannot write {named}");
    let file = NewFile::create(&path).with_context(cannot_write)?;
    file.writer().and_then(|mut writer| writer.write_all(bytes)).with_context(cannot_write)?;
    file.place(false).with_context(cannot_write)?;
    Ok(named)
}

/// The id of what was written, every byte of it checked.
fn verify(mut written: File) -> Result<BundleId> {
    written.rewind()?;
    let verified = UnverifiedBundle::open(written, &ReadLimits::default())?.verify(&NoProgress)?;
    Ok(verified.id())
}
