//! `strongroom package delete`

use anyhow::Result;
use strongroom_registry::documents::{DeletionAsk, ReasonAsk};

use super::change::{Asked, Change};
use crate::cli::PackageDeleteCommand;
use crate::client::{Client, new_key};
use crate::commands::Context;

/// Asks for a deletion, agrees to it, takes it back.
pub async fn run(command: PackageDeleteCommand, client: &Client, context: &Context) -> Result<()> {
    let key = new_key(&context.clock);
    let (asked, package) = match command {
        PackageDeleteCommand::Request(args) => {
            let ask = DeletionAsk { reason: args.reason, early: args.early };
            (Asked::Deletion, client.request_deletion(args.package_id, &ask, &key).await?)
        }
        PackageDeleteCommand::Approve(args) => {
            (Asked::Deletion, client.approve_deletion(args.package_id, &key).await?)
        }
        PackageDeleteCommand::Cancel(args) => {
            let ask = ReasonAsk { reason: args.reason };
            let package = client.cancel_deletion(args.package_id, &ask, &key).await?;
            (Asked::DeletionCancellation, package)
        }
    };
    Change::of_package(asked, &package).show(context)
}
