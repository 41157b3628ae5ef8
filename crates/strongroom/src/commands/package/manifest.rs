//! `strongroom package manifest`

use anyhow::Result;

use crate::cli::PackageManifestArgs;
use crate::client::Client;
use crate::commands::Context;

/// Prints the bytes of `package.json` as they are in the bucket: a document with a schema of its own.
pub async fn run(args: &PackageManifestArgs, client: &Client, context: &Context) -> Result<()> {
    context.console.print_bytes(&client.manifest(args.package_id).await?)
}
