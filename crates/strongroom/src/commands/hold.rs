//! `strongroom evidence hold`

use anyhow::Result;
use strongroom_storage::evidence::{Asker, PlaceRequest, Placement, Release, ReleaseRequest};

use super::lock_change::{Asked, Shown, show};
use super::{Context, lock_acceptance};
use crate::cli::{HoldArgs, HoldCommand, PlaceArgs, ReleaseArgs};

/// What comes under the bundle's lock when a hold is placed or released.
const RECORDS: &str = "the record of this";

/// Places or releases a hold.
pub async fn run(args: HoldArgs, context: &Context) -> Result<()> {
    match args.command {
        HoldCommand::Place(args) => place(args, context).await,
        HoldCommand::Release(args) => release(args, context).await,
    }
}

async fn place(args: PlaceArgs, context: &Context) -> Result<()> {
    let store = context.store_to_read().await?;
    let asker = Asker { by: args.common.by, reason: Some(args.reason) };
    let request = PlaceRequest { id: args.bundle_id, asker: asker.clone() };
    let placement = Placement::prepare(&*store, request, &context.clock).await?;
    let is_dry_run = args.common.dry_run;
    let shown = Shown { asked: Asked::Hold, retention: None, asker: &asker, is_dry_run };
    if is_dry_run {
        return show(placement.plan(), &shown, &*store, context);
    }
    let (lock, by) = (placement.beyond_undoing(), store.locks_enforced_by());
    let accepted = args.common.yes_lock_until;
    lock_acceptance::ask_for_change(lock, RECORDS, by, accepted, &context.console).await?;
    show(placement.execute().await?, &shown, &*store, context)
}

async fn release(args: ReleaseArgs, context: &Context) -> Result<()> {
    let store = context.store_to_read().await?;
    let asker = Asker { by: args.common.by, reason: Some(args.reason) };
    let request =
        ReleaseRequest { id: args.bundle_id, hold_id: args.hold_id, asker: asker.clone() };
    let release = Release::prepare(&*store, request, &context.clock).await?;
    let is_dry_run = args.common.dry_run;
    let shown = Shown { asked: Asked::Release, retention: None, asker: &asker, is_dry_run };
    if is_dry_run {
        return show(release.plan(), &shown, &*store, context);
    }
    let (lock, by) = (release.beyond_undoing(), store.locks_enforced_by());
    let accepted = args.common.yes_lock_until;
    lock_acceptance::ask_for_change(lock, RECORDS, by, accepted, &context.console).await?;
    show(release.execute().await?, &shown, &*store, context)
}
