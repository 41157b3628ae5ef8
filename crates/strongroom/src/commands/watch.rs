//! `strongroom store watch`

use anyhow::Result;
use strongroom_storage::analyze::drift::{Direction, Drift, drift};
use strongroom_storage::analyze::verdict::Depth;

use super::Context;
use super::analyze::{Files, analysis, read_report};
use crate::cli::WatchArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Block, Console, count, styled};

/// Repeats a quick analysis, and says what changed.
pub async fn run(args: WatchArgs, context: &Context) -> Result<()> {
    let before = read_report(&args.since)?;
    let target = context.target().await?;
    let store = target.store();
    if (before.store.as_str(), before.endpoint.as_deref()) != (store.url(), store.endpoint()) {
        return Err(Failure::usage("the report to compare with is of another store")
            .with_help(
                "compare reports of one store; `store analyze --report FILE` makes the first",
            )
            .into());
    }
    let files = Files::begin(&args.run)?;
    let after = analysis(&args.run, Depth::Quick, Vec::new(), &target, context).await?;
    if after.cut_short {
        return Err(Failure::new(Exit::Interrupted, "interrupted: nothing was compared")
            .with_help("what was written was removed; run it again")
            .into());
    }
    let drift = drift(&before, &after);
    let printed = context.console.result(|console| human(&drift, console), &drift);
    files.finish(&after)?;
    match drift.changes.len() {
        0 => printed,
        number => Err(Failure::new(
            Exit::Findings,
            format!(
                "{} since {}",
                count(number as u64, "thing changed", "things changed"),
                before.run
            ),
        )
        .with_help("a provider's upgrade, another configuration, other rights: find out which")
        .into()),
    }
}

fn human(drift: &Drift, console: &Console) -> String {
    let palette = console.palette();
    if drift.changes.is_empty() {
        return format!("{} since {}\n", styled(palette.good, "nothing changed"), drift.before);
    }
    let changed = count(drift.changes.len() as u64, "thing changed", "things changed");
    let mut block =
        Block::new(format!("{} since {}", styled(palette.warning, changed), drift.before));
    for change in &drift.changes {
        let style = match change.direction {
            Direction::Worse => palette.bad,
            Direction::Better => palette.good,
            Direction::Changed => palette.warning,
        };
        let words = format!("{}: {} -> {}", change.what, change.before, change.after);
        block = block.styled_row(style, word_of(change.direction), words);
    }
    block.render(console)
}

fn word_of(direction: Direction) -> &'static str {
    match direction {
        Direction::Worse => "worse",
        Direction::Better => "better",
        Direction::Changed => "changed",
    }
}
