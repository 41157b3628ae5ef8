//! `strongroom evidence reindex`

use anyhow::Result;
use serde::Serialize;
use strongroom_storage::evidence::ReindexReport;
use strongroom_storage::evidence::reindex::reindex;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Block, Console, count, styled};
use crate::progress::Counter;

/// The schema that a reindex is printed under.
const SCHEMA: &str = "strongroom.reindex/v1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    #[serde(flatten)]
    report: &'a ReindexReport,
}

/// Writes references anew.
pub async fn run(context: &Context) -> Result<()> {
    let store = context.store_to_read().await?;
    let counter = Counter::new(context.console.shows_progress(), "reindexing", "bundles");
    let report = reindex(&*store, |report| counter.set(report.bundles)).await?;
    drop(counter);
    let document = Document { schema: SCHEMA, report: &report };
    let printed = context.console.result(|console| human(&report, console), &document);
    let mut undone = Vec::new();
    if report.unreadable > 0 {
        undone.push(format!(
            "{} could not be read, and have no references of their run and subject",
            count(report.unreadable, "bundle", "bundles")
        ));
    }
    if report.records_cut_short > 0 {
        undone.push(format!(
            "{} have more records than the limit RECORDS_READ_MAX, and may lack references of runs",
            count(report.records_cut_short, "bundle", "bundles")
        ));
    }
    if undone.is_empty() {
        return printed;
    }
    let failure = Failure::new(Exit::Partial, undone.join("; "));
    Err(match report.unreadable {
        0 => failure,
        _ => failure.with_help(
            "the output says which; `evidence pull --bundle-id` may find an earlier version",
        ),
    }
    .into())
}

fn human(report: &ReindexReport, console: &Console) -> String {
    let palette = console.palette();
    let bundles = count(report.bundles, "bundle", "bundles");
    let added = match report.references_added {
        0 => "nothing: no reference was missing".to_owned(),
        added => count(added, "reference that was missing", "references that were missing"),
    };
    let headline = format!("{} {bundles}", styled(palette.good, "reindexed"));
    let mut block = Block::new(headline).row("added", added);
    if report.other_objects > 0 {
        let others = count(report.other_objects, "object", "objects");
        block = block.row("passed over", format!("{others} that are no bundles"));
    }
    let mut label = "unreadable";
    for unreadable in &report.unreadable_bundles {
        block = block.styled_row(palette.bad, label, unreadable.bundle_id.to_string());
        block = block.row("", &unreadable.reason);
        label = "";
    }
    block.render(console)
}
