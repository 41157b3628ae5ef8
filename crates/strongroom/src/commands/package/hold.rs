//! `strongroom package hold`

use anyhow::Result;
use serde::Serialize;
use strongroom_registry::documents::{HoldAsk, HoldDocument, ReasonAsk};
use uuid::Uuid;

use super::change::{Asked, Change};
use super::in_words;
use crate::cli::PackageHoldCommand;
use crate::client::{Client, new_key};
use crate::commands::Context;
use crate::output::{Block, Console, time};

/// The schema that a list of holds is printed under.
const SCHEMA: &str = "strongroom.package-holds/v1";

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    package_id: Uuid,
    holds: Vec<HoldDocument>,
}

/// Places, lists, releases, approves.
pub async fn run(command: PackageHoldCommand, client: &Client, context: &Context) -> Result<()> {
    let key = new_key(&context.clock);
    match command {
        PackageHoldCommand::Place(args) => {
            let ask = HoldAsk { reason: args.reason };
            let hold = client.place_hold(args.package_id, &ask, &key).await?;
            change(Asked::Hold, hold).show(context)
        }
        PackageHoldCommand::Release(args) => {
            let ask = ReasonAsk { reason: args.reason };
            let hold = client.release_hold(args.package_id, args.hold_id, &ask, &key).await?;
            change(Asked::HoldRelease, hold).show(context)
        }
        PackageHoldCommand::Approve(args) => {
            let hold = client.approve_release(args.package_id, args.hold_id, &key).await?;
            change(Asked::HoldRelease, hold).show(context)
        }
        PackageHoldCommand::List(args) => list(args.package_id, client, context).await,
    }
}

fn change(asked: Asked, hold: HoldDocument) -> Change {
    Change {
        hold_id: Some(hold.hold_id),
        awaits_approval: hold.release_awaits_approval,
        reach: Some(hold.reach),
        ..Change::of(asked, hold.package_id)
    }
}

async fn list(package_id: Uuid, client: &Client, context: &Context) -> Result<()> {
    let holds = client.holds(package_id).await?.holds;
    if holds.is_empty() {
        context.console.note("the package is under no hold, and never was");
    }
    let document = Document { schema: SCHEMA, package_id, holds };
    let shown = |console: &Console| {
        let blocks: Vec<String> = document.holds.iter().map(|hold| human(hold, console)).collect();
        blocks.join("\n")
    };
    context.console.result(shown, &document)
}

fn human(hold: &HoldDocument, console: &Console) -> String {
    Block::new(hold.hold_id.to_string())
        .row("reason", &hold.reason)
        .row("placed", time(hold.placed_at))
        .row_if_any("released", hold.released_at.map(time))
        .row_if_any("because", hold.release_reason.as_ref())
        .row_if_any("release", hold.release_awaits_approval.then_some("waits for a second person"))
        .row("in the store", in_words(&hold.reach))
        .render(console)
}
