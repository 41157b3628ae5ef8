//! `strongroom package extend`

use anyhow::Result;
use strongroom_core::retention::Period;
use strongroom_registry::documents::ExtensionAsk;

use super::change::{Asked, Change};
use crate::cli::{PackageExtendArgs, When};
use crate::client::{Client, new_key};
use crate::commands::Context;
use crate::failure::Failure;

/// Moves a package's date later.
pub async fn run(args: PackageExtendArgs, client: &Client, context: &Context) -> Result<()> {
    let (expires_at, days) = match args.until {
        // Days count by the registry's clock.
        When::After(Period::Days(days)) => (None, Some(days)),
        until => {
            let at = until.at(context.clock.now());
            (Some(at.map_err(|error| Failure::usage(format!("--until: {error}")))?), None)
        }
    };
    let ask = ExtensionAsk { expires_at, days, reason: args.reason };
    let extension = client.extend(args.package_id, &ask, &new_key(&context.clock)).await?;
    let change = Change {
        extension_id: Some(extension.extension_id),
        previous_expires_at: extension.previous_expires_at,
        expires_at: Some(extension.expires_at),
        job_id: extension.job_id,
        ..Change::of(Asked::Extension, args.package_id)
    };
    change.show(context)
}
