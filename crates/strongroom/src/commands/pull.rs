//! `strongroom evidence pull`

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;
use strongroom_core::BundleId;
use strongroom_core::signing::demand::Demand;
use strongroom_storage::Storage;
use strongroom_storage::evidence::pull::{pull, pull_run};
use strongroom_storage::evidence::{PullRequest, Pulled, RunPull};

use super::Context;
use super::signing::{self, Trusting};
use crate::cli::PullArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Block, Console, count, size_and_bytes, styled};
use crate::progress::Bar;

/// The schema that a pull is printed under.
const SCHEMA: &str = "strongroom.pull/v1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    #[serde(flatten)]
    pulled: &'a RunPull,
}

#[derive(Serialize)]
struct OneDocument<'a> {
    schema: &'static str,
    pulled: [&'a Pulled; 1],
    missing: [(); 0],
}

/// Gets a bundle, or every bundle of a run.
pub async fn run(args: PullArgs, context: &Context) -> Result<()> {
    let trusting = Trusting::read(&args.trust, context)?;
    let demand = (args.with_signatures || trusting.asks()).then(|| trusting.demand().clone());
    let store = context.store_to_read().await?;
    match (args.bundle_id, &args.run_id) {
        (Some(id), _) => one(&*store, id, args, demand, context).await,
        (None, Some(run_id)) => of_a_run(&*store, run_id, &args.out, demand, context).await,
        (None, None) => Err(Failure::usage("name a --bundle-id or a --run-id").into()),
    }
}

async fn one(
    store: &dyn Storage,
    id: BundleId,
    args: PullArgs,
    demand: Option<Demand>,
    context: &Context,
) -> Result<()> {
    if args.out.is_dir() {
        return Err(Failure::usage("--out is a directory: name the file in it")
            .with_help(format!("--out {}/NAME.strongroom.tar.gz", args.out.display()))
            .into());
    }
    let request = PullRequest {
        id,
        archive_sha256: args.archive_sha256,
        out: args.out,
        overwrite: args.force,
        demand,
    };
    let bar = Bar::new(context.console.shows_progress(), "pulling", None);
    let pulled = pull(store, &request, &bar.progress()).await;
    drop(bar);
    let pulled = pulled?;
    warn_of_what_is_on_top(&pulled, context);
    let document = OneDocument { schema: SCHEMA, pulled: [&pulled], missing: [] };
    context.console.result(|console| human(&pulled, console), &document)
}

async fn of_a_run(
    store: &dyn Storage,
    run_id: &str,
    out: &Path,
    demand: Option<Demand>,
    context: &Context,
) -> Result<()> {
    let was_there = out.exists();
    fs::create_dir_all(out)
        .with_context(|| format!("the directory {} could not be made", out.display()))?;
    let bar = Bar::new(context.console.shows_progress(), "pulling", None);
    let run = pull_run(store, run_id, out, demand.as_ref(), &bar.progress()).await;
    drop(bar);
    let run = run.inspect_err(|_| {
        if !was_there {
            // Only an empty directory goes; what stays, stays to be looked at.
            let _ = fs::remove_dir(out);
        }
    })?;
    for pulled in &run.pulled {
        warn_of_what_is_on_top(pulled, context);
    }
    let document = Document { schema: SCHEMA, pulled: &run };
    let printed = context.console.result(|console| human_run(&run, console), &document);
    if run.is_complete() {
        return printed;
    }
    Err(shortfall(&run).into())
}

fn shortfall(run: &RunPull) -> Failure {
    let named = count((run.pulled.len() + run.missing.len()) as u64, "bundle", "bundles");
    let missing = run.missing.len();
    if let Some(reason) = &run.cut_short {
        let message = format!("the run was not listed to its end, after {named}: {reason}");
        return Failure::new(Exit::Partial, message)
            .with_help("run it again: what the folder holds is verified, not fetched");
    }
    Failure::new(Exit::Partial, format!("{missing} of {named} could not be had"))
        .with_help("the output says which, and why; the others are complete")
}

/// Says so where the bundle was found below something else.
pub fn warn_of_what_is_on_top(pulled: &Pulled, context: &Context) {
    if pulled.current_version_is_something_else {
        context.console.warning(format!(
            "the current version of {} is something else: an earlier one that verifies was taken",
            pulled.bundle_id
        ));
    }
    if pulled.current_version_is_a_delete_marker {
        context.console.warning(format!(
            "{} was deleted (a delete marker is on top): a version below it that verifies was taken",
            pulled.bundle_id
        ));
    }
}

fn human(pulled: &Pulled, console: &Console) -> String {
    // Nothing was fetched where the folder held it already.
    let (verb, verified) = match pulled.key {
        Some(_) => ("pulled", "every byte, before the file appeared"),
        None => ("already there", "every byte of the file that was there"),
    };
    let verb = styled(console.palette().good, verb);
    let label = if pulled.archive_sha256.is_some() { "file" } else { "directory" };
    let block = Block::new(format!("{verb} {}", pulled.bundle_id))
        .row(label, pulled.path.to_string_lossy())
        .row("size", size_and_bytes(pulled.size_bytes))
        .row_if_any("archive", pulled.archive_sha256.map(|sha256| sha256.to_string()))
        .row_if_any("key", pulled.key.as_deref())
        .row_if_any("version", pulled.version_id.as_deref())
        .row("verified", verified);
    match &pulled.signatures {
        Some(report) => signing::rows(block, report, console).render(console),
        None => block.render(console),
    }
}

fn human_run(run: &RunPull, console: &Console) -> String {
    let palette = console.palette();
    let mut blocks: Vec<String> = run.pulled.iter().map(|pulled| human(pulled, console)).collect();
    blocks.extend(run.missing.iter().map(|missing| {
        let verb = styled(palette.bad, "missing");
        Block::new(format!("{verb} {}", missing.bundle_id))
            .row("reason", &missing.reason)
            .render(console)
    }));
    blocks.join("\n")
}
