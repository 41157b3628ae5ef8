//! `strongroom package list`

use anyhow::Result;

use super::human;
use crate::cli::PackageListArgs;
use crate::client::Client;
use crate::commands::Context;
use crate::output::Console;

/// Shows a page of packages, the newest first.
pub async fn run(args: PackageListArgs, client: &Client, context: &Context) -> Result<()> {
    let page = client.packages(&parameters(args)).await?;
    let console = &context.console;
    if page.packages.is_empty() {
        console.note("no package was found");
    }
    let shown = |console: &Console| {
        let blocks: Vec<String> =
            page.packages.iter().map(|package| human(package, console)).collect();
        blocks.join("\n")
    };
    console.result(shown, &page)?;
    if let Some(next) = &page.next {
        console.note(format!("there are more: --cursor {next}"));
    }
    Ok(())
}

/// The parameters of the search. Each pair of metadata is one of its own.
fn parameters(args: PackageListArgs) -> Vec<(&'static str, String)> {
    let single = [
        ("producer", args.producer),
        ("subject", args.subject),
        ("run_id", args.run_id),
        ("status", args.status),
        ("class", args.class),
        ("created_from", args.after.map(|after| after.0.to_string())),
        ("created_before", args.before.map(|before| before.0.to_string())),
        ("text", args.text),
        ("limit", Some(args.limit.to_string())),
        ("cursor", args.cursor),
    ];
    let single = single.into_iter().filter_map(|(name, value)| Some((name, value?)));
    single.chain(args.metadata.into_iter().map(|pair| ("metadata", pair))).collect()
}
