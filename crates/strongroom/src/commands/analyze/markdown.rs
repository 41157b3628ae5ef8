//! The report for a change record.

use std::fmt::Write as _;

use strongroom_storage::analyze::report::Report;

use crate::commands::receipt::store_at;
use crate::output::{safe, time};

/// The report as Markdown.
pub fn report(report: &Report) -> String {
    let mut text = String::new();
    write(&mut text, report).unwrap_or_default(); // writing to a String does not fail
    text
}

fn write(text: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(text, "# Analysis of {}\n", store_at(&report.store, report.endpoint.as_deref()))?;
    writeln!(
        text,
        "* run {} from {} to {}",
        report.run,
        time(report.started_at),
        time(report.finished_at)
    )?;
    writeln!(text, "* {}, seed {}, {} requests", report.tool, report.seed, report.requests)?;
    writeln!(text, "* verdict: **{}**\n", report.verdict)?;
    writeln!(text, "| purpose | verdict | not met by |\n|---|---|---|")?;
    for requirement in &report.requirements {
        let unmet = requirement.unmet.join(", ");
        writeln!(text, "| {} | {} | {unmet} |", requirement.requirement, requirement.verdict)?;
    }
    writeln!(text, "\n| check | verdict | severity | observed |\n|---|---|---|---|")?;
    for check in &report.checks {
        let observed = cell(&check.observed);
        writeln!(text, "| `{}` | {} | {} | {observed} |", check.id, check.verdict, check.severity)?;
    }
    let weak = report.weaknesses();
    if !weak.is_empty() {
        writeln!(text, "\n## What to do")?;
    }
    for check in weak {
        writeln!(
            text,
            "\n* **{}** (`{}`): {}",
            cell(&check.sentence),
            check.id,
            cell(&check.attack)
        )?;
        if let Some(remedy) = &check.remedy {
            writeln!(text, "  {}", cell(remedy))?;
        }
    }
    if !report.leftovers.is_empty() {
        writeln!(text, "\n## Left behind\n\n| object | version | may go after |\n|---|---|---|")?;
    }
    for leftover in &report.leftovers {
        let until = leftover.locked_until.map_or_else(|| leftover.reason.clone(), time);
        let version = leftover.version_id.as_deref().unwrap_or_default();
        writeln!(text, "| `{}` | `{}` | {} |", cell(&leftover.key), cell(version), cell(&until))?;
    }
    writeln!(text, "\n## Not shown by this\n")?;
    for line in &report.not_proven {
        writeln!(text, "* {line}")?;
    }
    Ok(())
}

/// Text that breaks out of no cell.
fn cell(text: &str) -> String {
    safe(text).replace('|', "\\|")
}
