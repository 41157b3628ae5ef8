//! The rules themselves: listed, and explained.

use anyhow::Result;
use serde::Serialize;
use strongroom_core::lint::{REGIMES, Rule, Severity, rule};

use crate::failure::Failure;
use crate::output::{Block, Console, styled};

/// The schema that rules are printed under.
const SCHEMA: &str = "strongroom.lint-rules/v1";
/// How different an id may be from the one that was meant.
const MISTYPED_LETTERS_MAX: usize = 4;

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    rules: Vec<RuleShown>,
}

#[derive(Serialize)]
struct RuleShown {
    id: &'static str,
    severity: Severity,
    summary: &'static str,
    explanation: &'static str,
}

/// Lists every rule.
pub fn list(console: &Console) -> Result<()> {
    console.result(listed, &document(rule::all()))
}

/// Explains one rule, or all of them where the id is empty.
pub fn explain(id: &str, console: &Console) -> Result<()> {
    let rules = match id {
        "" => rule::all(),
        id => std::slice::from_ref(rule::rule(id).ok_or_else(|| unknown(id))?),
    };
    console.result(|console| explained(rules, console), &document(rules))
}

/// There is no such rule; the text is the caller's own, and is repeated only where a rule is near.
pub fn unknown(id: &str) -> Failure {
    let distance = |rule: &&Rule| strsim::damerau_levenshtein(id, &rule.id);
    let nearest = rule::all().iter().min_by_key(distance);
    let nearest = nearest.filter(|rule| distance(rule) <= MISTYPED_LETTERS_MAX);
    let failure = Failure::usage("there is no rule of this id");
    match nearest {
        Some(rule) => failure.with_help(format!("did you mean `{}`?", rule.id)),
        None => failure.with_help("`strongroom evidence lint --rules` lists them"),
    }
}

fn document(rules: &'static [Rule]) -> Document {
    let shown = |rule: &'static Rule| RuleShown {
        id: &rule.id,
        severity: rule.severity,
        summary: &rule.summary,
        explanation: &rule.explanation,
    };
    Document { schema: SCHEMA, rules: rules.iter().map(shown).collect() }
}

fn listed(console: &Console) -> String {
    let palette = console.palette();
    let all = rule::all();
    let widest = all.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    let mut text = String::new();
    for family in all.chunk_by(|one, other| one.family() == other.family()) {
        for rule in family {
            let severity = styled(palette.faint, format!("{:<7}", rule.severity.name()));
            text.push_str(&format!("{:<widest$}  {severity}  {}\n", rule.id, rule.summary));
        }
        text.push('\n');
    }
    text.push_str("Regimes, for --regime:\n");
    for regime in &REGIMES {
        text.push_str(&format!(
            "{:<14} {:>5} days  {}: {}\n",
            regime.name, regime.days, regime.clause, regime.period
        ));
    }
    text
}

fn explained(rules: &'static [Rule], console: &Console) -> String {
    let one = |rule: &'static Rule| {
        Block::new(styled(console.palette().strong, &rule.id))
            .row("severity", rule.severity.name())
            .row("finds", &rule.summary)
            .row("why", &rule.explanation)
            .render(console)
    };
    rules.iter().map(one).collect::<Vec<_>>().join("\n")
}
