//! `strongroom package manifest`

use anyhow::Result;

use crate::cli::PackageManifestArgs;
use crate::client::Client;
use crate::commands::Context;

/// Prints the bytes of `package.json` as they are in the bucket, a document with a schema of its own; or those of the
/// manifest's signature.
pub async fn run(args: &PackageManifestArgs, client: &Client, context: &Context) -> Result<()> {
    let bytes = match args.signature {
        false => client.manifest(args.package_id).await?,
        true => client.manifest_signature(args.package_id).await?,
    };
    context.console.print_bytes(&bytes)
}
