//! `strongroom store analyze`

mod files;
mod human;
mod markdown;

use anyhow::Result;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use strongroom_core::observed::Observed;
use strongroom_storage::analyze::consent::{Consent, end_of};
use strongroom_storage::analyze::leftovers::Runs;
use strongroom_storage::analyze::report::{Leftover, Report};
use strongroom_storage::analyze::requirement::Requirement;
use strongroom_storage::analyze::verdict::Depth;
use strongroom_storage::analyze::{self, Options, Step, Target};

use super::Context;
use crate::cli::{AnalyzeArgs, CleanUp, RunArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Block, Console, count, styled, time};
use crate::progress::Counter;

pub use self::files::{Files, read_report};

/// The schema that a clean-up is printed under.
const CLEANUP_SCHEMA: &str = "strongroom.store-cleanup/v1";

/// Attacks the store, or cleans up behind an earlier run.
pub async fn run(args: AnalyzeArgs, context: &Context) -> Result<()> {
    if let Some(which) = args.cleanup {
        return clean_up(which, context).await;
    }
    let depth = match (args.quick, args.full) {
        (true, _) => Depth::Quick,
        (false, true) => Depth::Full,
        (false, false) => Depth::Standard,
    };
    let target = context.target().await?;
    let files = Files::begin(&args.run)?;
    let report = analysis(&args.run, depth, args.require, &target, context).await?;
    // Printed first: what is left behind must be known even where a file cannot be written.
    let printed = context.console.result(|console| human::report(&report, console), &report);
    files.finish(&report)?;
    refuse_unmet(&report)?;
    printed
}

/// Runs an analysis. Its [`Files`] are for the caller to begin and to finish.
pub async fn analysis(
    args: &RunArgs,
    depth: Depth,
    required: Vec<Requirement>,
    target: &Target,
    context: &Context,
) -> Result<Report> {
    let [.., a, b, c, d, e, f, g, h] = context.clock.new_id().into_bytes();
    let options = Options {
        depth,
        // Short enough to be typed again.
        seed: args.seed.unwrap_or(u64::from_be_bytes([a, b, c, d, e, f, g, h]) % 1_000_000),
        budget_requests: args.budget_requests,
        consent: Consent {
            max_lock_seconds: args.max_lock.as_secs(),
            accepted_until: accepted_until(args, target, context).await?,
        },
        required,
        clock: context.clock.clone(),
    };
    let counter = Counter::new(context.console.shows_progress(), "analyzing", "checks");
    let stop = context.winding_down.wanted();
    let report = analyze::analyze(target, &options, stop, &|step: Step| {
        counter.step(step.number, step.total, step.id);
    })
    .await?;
    drop(counter);
    Ok(report)
}

/// Until when COMPLIANCE locks, and what the bucket locks by itself, are accepted: by the flag, or by a
/// date that is typed.
async fn accepted_until(
    args: &RunArgs,
    target: &Target,
    context: &Context,
) -> Result<Option<Date>> {
    if args.yes_lock_until.is_some() || !context.console.can_ask() {
        return Ok(args.yes_lock_until);
    }
    let store = target.store();
    let Ok(locks) = store.bucket_locks().await else { return Ok(None) };
    if locks.takes_locks != Observed::Observed(true) {
        return Ok(None);
    }
    let now = store.now().await?;
    let own = now.checked_add(args.max_lock).unwrap_or(now);
    let default = locks.default_retention.value().copied().flatten();
    let until = default.and_then(|default| end_of(&default, now)).map_or(own, |end| end.max(own));
    let day = until.to_zoned(TimeZone::UTC).date();
    context.console.warning(match default {
        Some(default) => format!(
            "this bucket locks every write by itself ({}): what the analysis writes stays until {}",
            default.mode,
            time(until)
        ),
        None => format!(
            "to see whether COMPLIANCE locks hold, some objects of 1 KiB are locked until {}; nobody \
             can delete them before",
            time(until)
        ),
    });
    let question =
        format!("Type the date ({day}) to accept it, or nothing to leave these checks out:");
    let typed = context.console.ask(question).await?;
    if typed.is_empty() {
        return Ok(None);
    }
    match typed.parse::<Date>() {
        Ok(typed) if typed == day => Ok(Some(day)),
        _ => Err(Failure::usage("the date that was typed is another: nothing was written").into()),
    }
}

/// A store that is not seen to be good for what it is needed for is a failure, which names the checks.
fn refuse_unmet(report: &Report) -> Result<()> {
    if report.cut_short {
        return Err(Failure::new(Exit::Interrupted, "interrupted before the last check")
            .with_help("what was seen until then is reported, and what was written was removed")
            .into());
    }
    let unmet: Vec<String> = report
        .unmet()
        .map(|unmet| {
            format!("{} ({}: {})", unmet.requirement, unmet.verdict, unmet.unmet.join(", "))
        })
        .collect();
    if unmet.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        Exit::UnsafeStore,
        format!("the store was not seen to be good for {}", unmet.join("; ")),
    )
    .with_help("the report says what each check saw, and what can be done about it")
    .into())
}

#[derive(Serialize)]
struct CleanedUp<'a> {
    schema: &'static str,
    leftovers: &'a [Leftover],
}

async fn clean_up(which: CleanUp, context: &Context) -> Result<()> {
    let target = context.target().await?;
    let runs = match which {
        CleanUp::One(run) => Runs::One(run),
        CleanUp::All => Runs::All,
    };
    let leftovers = analyze::clean_up(&target, runs).await?;
    let document = CleanedUp { schema: CLEANUP_SCHEMA, leftovers: &leftovers };
    context.console.result(|console| cleaned_up(&leftovers, console), &document)
}

fn cleaned_up(leftovers: &[Leftover], console: &Console) -> String {
    let palette = console.palette();
    if leftovers.is_empty() {
        let done = styled(palette.good, "cleaned up");
        return Block::new(format!("{done}: the analysis left nothing here")).render(console);
    }
    let left = count(leftovers.len() as u64, "object stays", "objects stay");
    let headline = format!("{}: {left}", styled(palette.warning, "cleaned up"));
    human::leftovers(Block::new(headline), leftovers).render(console)
}
