//! The report for a person: what the store is good for, what is wrong with it, what was not seen.

use std::collections::BTreeMap;

use anstyle::Style;
use strongroom_core::observed::Unobserved;
use strongroom_storage::analyze::report::{CheckReport, Leftover, Report};
use strongroom_storage::analyze::requirement::{Requirement, RequirementReport};
use strongroom_storage::analyze::verdict::Verdict;

use crate::commands::receipt::store_at;
use crate::commands::store_status::{default_retention, in_words};
use crate::output::{Block, Console, Palette, count, styled, time};

/// The whole report.
pub fn report(report: &Report, console: &Console) -> String {
    let palette = console.palette();
    let verdict = styled(style_of(report.verdict, palette), report.verdict);
    let store = store_at(&report.store, report.endpoint.as_deref());
    let mut block = Block::new(format!("analyzed {store}: {verdict}"))
        .row(
            "object lock",
            in_words(&report.bucket.object_lock, |on| if *on { "on" } else { "off" }.to_owned()),
        )
        .row("default lock", in_words(&report.bucket.default_retention, default_retention))
        .row("run", format!("{} (seed {})", report.run, report.seed))
        .row("requests", count(report.requests, "request", "requests"));
    for requirement in &report.requirements {
        let style = style_of(requirement.verdict, palette);
        block = block.styled_row(style, label_of(requirement.requirement), in_short(requirement));
    }
    let mut text = block.render(console);
    text.push_str(&weaknesses(report, console));
    text.push_str(&unobserved(report, console));
    text.push_str(&held(report, console));
    if !report.leftovers.is_empty() {
        let left = count(report.leftovers.len() as u64, "object is left", "objects are left");
        let headline = format!("\n{left} behind");
        text.push_str(&leftovers(Block::new(headline), &report.leftovers).render(console));
    }
    let mut block = Block::new("\nnot shown by this");
    for (number, line) in report.not_proven.iter().enumerate() {
        block = block.styled_row(palette.faint, if number == 0 { "mind" } else { "" }, line);
    }
    text.push_str(&block.render(console));
    text
}

fn style_of(verdict: Verdict, palette: &Palette) -> Style {
    match verdict {
        Verdict::Enforced => palette.good,
        Verdict::GovernanceOnly => palette.warning,
        Verdict::NotEnforced => palette.bad,
        Verdict::Unobserved => palette.faint,
    }
}

fn label_of(requirement: Requirement) -> &'static str {
    match requirement {
        Requirement::Worm => "worm",
        Requirement::Governance => "governance",
        Requirement::CreateOnly => "create-only",
        Requirement::Integrity => "integrity",
    }
}

fn in_short(report: &RequirementReport) -> String {
    match report.unmet.is_empty() {
        true => report.verdict.to_string(),
        false => format!("{}: {}", report.verdict, report.unmet.join(", ")),
    }
}

fn weaknesses(report: &Report, console: &Console) -> String {
    let weak = report.weaknesses();
    if weak.is_empty() {
        return String::new();
    }
    let palette = console.palette();
    let mut text = format!("\n{}\n", count(weak.len() as u64, "weakness", "weaknesses"));
    for check in weak {
        let headline = format!(
            "{} {}",
            styled(style_of(check.verdict, palette), &check.id),
            styled(palette.faint, format!("({})", check.severity))
        );
        let mut block = Block::new(headline)
            .row("means", &check.sentence)
            .row("attack", &check.attack)
            .row("observed", &check.observed);
        if let Some(remedy) = &check.remedy {
            block = block.row("do", remedy);
        }
        text.push_str(&block.render(console));
    }
    text
}

/// What was not seen, by reason: many checks may have one.
fn unobserved(report: &Report, console: &Console) -> String {
    let mut by_reason: BTreeMap<(String, &str), Vec<&str>> = BTreeMap::new();
    for check in &report.checks {
        if let Some(reason) = check.unobserved {
            by_reason
                .entry((word_of(reason), check.observed.as_str()))
                .or_default()
                .push(&check.id);
        }
    }
    if by_reason.is_empty() {
        return String::new();
    }
    let number: usize = by_reason.values().map(Vec::len).sum();
    let unobserved = count(number as u64, "check", "checks");
    let mut text = format!("\n{unobserved} unobserved\n");
    for ((word, words), ids) in by_reason {
        let block = Block::new(word).row("because", words).row("checks", ids.join(", "));
        text.push_str(&block.render(console));
    }
    text
}

fn word_of(reason: Unobserved) -> String {
    match serde_json::to_value(reason) {
        Ok(serde_json::Value::String(word)) => word,
        _ => reason.to_string(),
    }
}

/// What held, in one line each.
fn held(report: &Report, console: &Console) -> String {
    let held: Vec<&CheckReport> =
        report.checks.iter().filter(|check| check.verdict == Verdict::Enforced).collect();
    if held.is_empty() {
        return String::new();
    }
    let widest = held.iter().map(|check| check.id.len()).max().unwrap_or(0);
    let palette = console.palette();
    let mut text = format!("\n{} enforced\n", count(held.len() as u64, "check", "checks"));
    for check in held {
        let id = styled(palette.good, format!("{:widest$}", check.id));
        text.push_str(&format!("  {id}  {}\n", check.sentence));
    }
    text
}

/// What is left behind, and until when.
pub fn leftovers(mut block: Block, leftovers: &[Leftover]) -> Block {
    const SHOWN_MAX: usize = 40;
    for leftover in leftovers.iter().take(SHOWN_MAX) {
        let name = leftover.key.rsplit_once(&format!("{}/", leftover.run));
        let name = name.map_or(leftover.key.as_str(), |(_, name)| name);
        block = block.row(
            "object",
            match leftover.locked_until {
                Some(until) => format!("{name} until {}", time(until)),
                None => format!("{name}: {}", leftover.reason),
            },
        );
    }
    if leftovers.len() > SHOWN_MAX {
        let more = (leftovers.len() - SHOWN_MAX) as u64;
        block = block
            .row("", format!("and {} (--format json lists them)", count(more, "more", "more")));
    }
    if let Some(last) = leftovers.iter().filter_map(|leftover| leftover.locked_until).max() {
        block = block.row("all", format!("may go after {}", time(last)));
    }
    if let Some(run) = leftovers.first().map(|leftover| &leftover.run) {
        block = block.row("then", format!("strongroom store analyze --cleanup {run}"));
    }
    block
}
