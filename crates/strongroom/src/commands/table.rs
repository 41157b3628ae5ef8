//! `strongroom store table`: what stores were seen to do, side by side, made from their reports.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use strongroom_core::observed::Observed;
use strongroom_storage::analyze::report::Report;
use strongroom_storage::analyze::verdict::Verdict;

use super::Context;
use super::analyze::read_report;
use super::report_file::ReportFile;
use crate::cli::TableArgs;
use crate::failure::Failure;
use crate::output::safe;

/// Where the table goes in a page.
const BEGIN: &str = "<!-- begin: strongroom store table -->";
const END: &str = "<!-- end: strongroom store table -->";

struct Column {
    name: String,
    report: Report,
}

/// Prints the table, or writes it into a page.
pub fn run(args: &TableArgs, context: &Context) -> Result<()> {
    let mut columns = Vec::new();
    for path in &args.reports {
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or("?");
        columns.push(Column { name: safe(name), report: read_report(path)? });
    }
    let table = table(&columns);
    match &args.into {
        None => context.console.print(&table),
        Some(page) => write_into(page, &table),
    }
}

fn write_into(page: &Path, table: &str) -> Result<()> {
    let named = || page.display().to_string();
    let text = fs::read_to_string(page).with_context(named)?;
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    let Some((before, after)) = parts else {
        return Err(Failure::usage(format!("{} has no place for a table", named()))
            .with_help(format!("put {BEGIN} and {END} into it, each on a line of its own"))
            .into());
    };
    ReportFile::begin(page)?.finish(format!("{before}{BEGIN}\n{table}{END}{after}").as_bytes())
}

fn table(columns: &[Column]) -> String {
    let mut text = String::new();
    write_table(&mut text, columns).unwrap_or_default(); // writing to a String does not fail
    text
}

fn write_table(text: &mut String, columns: &[Column]) -> std::fmt::Result {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    writeln!(text, "| | {} |", names.join(" | "))?;
    writeln!(text, "|---|{}", "---|".repeat(columns.len()))?;
    row(text, "Object Lock", columns, |report| {
        match report.bucket.object_lock {
            Observed::Observed(true) => "on",
            Observed::Observed(false) => "off",
            Observed::Unobserved(_) => "?",
        }
        .to_owned()
    })?;
    for number in 0..columns.first().map_or(0, |column| column.report.requirements.len()) {
        let requirement = columns[0].report.requirements[number].requirement;
        row(text, &format!("**{requirement}**"), columns, |report| {
            let judged = report.requirement(requirement);
            judged.map_or_else(|| "?".to_owned(), |judged| format!("**{}**", short(judged.verdict)))
        })?;
    }
    let mut ids: Vec<&str> = Vec::new();
    for check in columns.iter().flat_map(|column| &column.report.checks) {
        if !ids.contains(&check.id.as_str()) {
            ids.push(&check.id);
        }
    }
    for id in ids {
        row(text, &format!("`{id}`"), columns, |report| {
            let check = report.checks.iter().find(|check| check.id == id);
            check.map_or("not run", |check| short(check.verdict)).to_owned()
        })?;
    }
    Ok(())
}

fn row(
    text: &mut String,
    name: &str,
    columns: &[Column],
    cell: impl Fn(&Report) -> String,
) -> std::fmt::Result {
    let cells: Vec<String> = columns.iter().map(|column| cell(&column.report)).collect();
    writeln!(text, "| {name} | {} |", cells.join(" | "))
}

fn short(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Enforced => "yes",
        Verdict::GovernanceOnly => "bypass",
        Verdict::NotEnforced => "no",
        Verdict::Unobserved => "-",
    }
}
