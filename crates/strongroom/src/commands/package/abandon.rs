//! `strongroom package abandon`

use anyhow::Result;

use super::change::{Asked, Change};
use crate::cli::PackageAbandonArgs;
use crate::client::{Client, new_key};
use crate::commands::Context;

/// Gives an open package up.
pub async fn run(args: PackageAbandonArgs, client: &Client, context: &Context) -> Result<()> {
    let package = client.abandon(args.package_id, &new_key(&context.clock)).await?;
    // Nothing of it is kept, whatever its class says.
    let change = Change { expires_at: None, ..Change::of_package(Asked::Abandonment, &package) };
    change.show(context)
}
