//! `strongroom evidence list`

use anyhow::Result;
use serde::Serialize;
use strongroom_storage::evidence::{BundleState, ListQuery, ListedBundle, Listing};

use super::Context;
use crate::cli::{Format, ListArgs};
use crate::failure::Failure;
use crate::output::{Console, size, styled, time};

/// The schema that a list is printed under.
const SCHEMA: &str = "strongroom.list/v1";
/// From this width on, a bundle takes one line.
const ONE_LINE_COLUMNS: usize = 120;

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    bundles: Vec<ListedBundle>,
}

/// Lists what is there, without looking into it.
pub async fn run(args: ListArgs, context: &Context) -> Result<()> {
    if let (Some(after), Some(before)) = (&args.after, &args.before)
        && after.0 >= before.0
    {
        return Err(Failure::usage("--after is not before --before: nothing can match").into());
    }
    let store = context.store_to_read().await?;
    let query = ListQuery {
        run_id: args.run_id,
        after: args.after.map(|moment| moment.0),
        before: args.before.map(|moment| moment.0),
        limit: args.limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)),
    };
    let mut listing = Listing::new(&*store, query)?;
    let console = &context.console;
    let mut document = Document { schema: SCHEMA, bundles: Vec::new() };
    let mut listed = 0_usize;
    while let Some(page) = listing.next_page().await? {
        listed += page.len();
        match console.format() {
            Format::Human | Format::Markdown => console.print(&human(&page, console))?,
            Format::Ndjson => page.iter().try_for_each(|row| console.print_line_of(row))?,
            // One document cannot be printed before its end is known.
            Format::Json | Format::Sarif => document.bundles.extend(page),
        }
    }
    if console.format() == Format::Json {
        return console.result(|_| String::new(), &document);
    }
    if listed == 0 {
        console.note("nothing is stored that matches");
    }
    Ok(())
}

fn human(page: &[ListedBundle], console: &Console) -> String {
    let palette = console.palette();
    // A pipe has no width, and one line for each bundle is what `grep` wants.
    let one_line = !console.stdout_is_terminal() || console.columns() >= ONE_LINE_COLUMNS;
    let mut text = String::new();
    for row in page {
        let (state, stored_at, rest) = match &row.state {
            BundleState::Present { size_bytes, stored_at, .. } => {
                (styled(palette.good, "present   "), *stored_at, Some(size(*size_bytes)))
            }
            BundleState::Deleted { deleted_at, versions_left } => {
                let left = Some(format!("{versions_left} left"));
                (styled(palette.bad, "deleted   "), *deleted_at, left)
            }
            BundleState::Pending => {
                (styled(palette.warning, "pending   "), row.referenced_at, None)
            }
            BundleState::Unobserved { .. } => {
                (styled(palette.bad, "unobserved"), row.referenced_at, None)
            }
        };
        let moment = stored_at.map_or_else(|| "-".to_owned(), time);
        let rest = rest.unwrap_or_else(|| "-".to_owned());
        let facts = format!("{state}  {moment:<20}  {rest:>10}");
        if one_line {
            text.push_str(&format!("{facts}  {}\n", row.bundle_id));
        } else {
            text.push_str(&format!("{}\n  {facts}\n", styled(palette.strong, row.bundle_id)));
        }
    }
    text
}
