//! `strongroom store …`: one struct for the flags of each verb.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, Subcommand};
use jiff::SignedDuration;
use jiff::civil::Date;
use strongroom_storage::analyze::requirement::Requirement;
use uuid::Uuid;

/// What to do with a store.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Attack a store, and say what it enforces.
    ///
    /// Writes, locks, overwrites and deletes objects of its own under `.strongroom-analysis/`, and
    /// reports what the store did about it: check by check, with the requests that were sent. Nothing
    /// outside that folder is touched. Locks are of at most a few minutes; what is still locked at
    /// the end is listed with the time when it may go. A COMPLIANCE lock is set only where its date
    /// was accepted, and a bucket that locks every write by itself is not written to without that
    /// either: those checks are then `unobserved`.
    #[command(after_help = "\
Examples:
  strongroom store analyze s3://evidence
  strongroom store analyze s3://evidence --yes-lock-until 2026-11-22 --require worm
  strongroom store analyze s3://evidence --quick --report analysis.json --markdown analysis.md
  strongroom store analyze s3://evidence --cleanup 019ab3c4-…")]
    Analyze(Box<AnalyzeArgs>),

    /// Repeat a quick analysis, and report what changed since another report.
    ///
    /// Exits 12 where something changed. Run it from a timer; `--report` writes the new report, to
    /// compare the next one with.
    #[command(after_help = "\
Examples:
  strongroom store watch s3://evidence --since analysis.json
  strongroom store watch s3://evidence --since last.json --report last.json")]
    Watch(Box<WatchArgs>),

    /// Print a table of what stores were seen to do, from reports.
    #[command(after_help = "\
Examples:
  strongroom store table docs/reports/*.json
  strongroom store table --into docs/STORAGE.md docs/reports/*.json")]
    Table(TableArgs),
}

/// What an analysis may do, and where it goes.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The store; `--store` names it as well.
    #[arg(value_name = "URL")]
    pub url: Option<String>,

    /// Repeat a run: bodies, names and ranges are made from this number. The report says it.
    #[arg(long, value_name = "NUMBER", env = "STRONGROOM_ANALYZE_SEED")]
    pub seed: Option<u64>,

    /// Begin no check that could send more requests than this in all.
    #[arg(long, value_name = "NUMBER", env = "STRONGROOM_ANALYZE_BUDGET_REQUESTS")]
    pub budget_requests: Option<u64>,

    /// The longest lock to set: `45s`, `3m`. A bucket whose default retention is longer is not
    /// written to.
    #[arg(long, value_name = "LENGTH", env = "STRONGROOM_ANALYZE_MAX_LOCK", default_value = "3m")]
    #[arg(value_parser = lock_length)]
    pub max_lock: SignedDuration,

    /// Accept, without being asked, COMPLIANCE locks and a default retention of the bucket that end on
    /// this day (UTC) or earlier. Nobody can undo them.
    #[arg(long, value_name = "DATE", env = "STRONGROOM_ANALYZE_YES_LOCK_UNTIL")]
    pub yes_lock_until: Option<Date>,

    /// Write the report as JSON into this file.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_ANALYZE_REPORT")]
    pub report: Option<PathBuf>,

    /// Write the report as Markdown, for a change record, into this file.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_ANALYZE_MARKDOWN")]
    pub markdown: Option<PathBuf>,

    /// Write the report as an in-toto Statement, to be signed, into this file.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_ANALYZE_STATEMENT")]
    pub statement: Option<PathBuf>,
}

/// `strongroom store analyze`.
#[derive(Debug, Args)]
pub struct AnalyzeArgs {
    #[command(flatten)]
    pub run: RunArgs,

    /// What takes a few requests only: no races.
    #[arg(long, env = "STRONGROOM_ANALYZE_QUICK", conflicts_with = "full")]
    #[arg(value_parser = BoolishValueParser::new())]
    pub quick: bool,

    /// Also what takes time: waiting until a lock runs out.
    #[arg(long, env = "STRONGROOM_ANALYZE_FULL")]
    #[arg(value_parser = BoolishValueParser::new())]
    pub full: bool,

    /// Exit 9 unless the store was seen to be good for this: `worm`, `governance`, `create-only`,
    /// `integrity`. What each needs is run whatever the depth, and what was not observed is not met.
    #[arg(long, value_name = "PURPOSE", env = "STRONGROOM_ANALYZE_REQUIRE")]
    #[arg(value_delimiter = ',')]
    pub require: Vec<Requirement>,

    /// Attack nothing; remove what a run left behind and nothing holds any more. `all` is every run.
    #[arg(long, value_name = "RUN", env = "STRONGROOM_ANALYZE_CLEANUP")]
    #[arg(conflicts_with_all = ["quick", "full", "require", "report", "markdown", "statement"])]
    pub cleanup: Option<CleanUp>,
}

/// `strongroom store watch`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    #[command(flatten)]
    pub run: RunArgs,

    /// The report to compare with.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_WATCH_SINCE")]
    pub since: PathBuf,
}

/// `strongroom store table`.
#[derive(Debug, Args)]
pub struct TableArgs {
    /// Reports of `store analyze`.
    #[arg(value_name = "REPORT", required = true)]
    pub reports: Vec<PathBuf>,

    /// Write the table into this Markdown file, between its marks.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_TABLE_INTO")]
    pub into: Option<PathBuf>,
}

/// Which runs to clean up behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CleanUp {
    /// One.
    One(Uuid),
    /// Every one.
    All,
}

impl std::str::FromStr for CleanUp {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "all" {
            return Ok(Self::All);
        }
        let run = text
            .parse()
            .map_err(|_| "expected the id of a run, as its report says it, or `all`")?;
        Ok(Self::One(run))
    }
}

/// Seconds or minutes; at most what an analysis may leave behind.
fn lock_length(text: &str) -> Result<SignedDuration, String> {
    const MINUTES_MAX: i64 = 10;
    let expected = || "expected a length: 45s, 3m".to_owned();
    let unit_at = text.len().checked_sub(1).filter(|at| text.is_char_boundary(*at));
    let (digits, unit) = text.split_at(unit_at.ok_or_else(expected)?);
    let number: u32 = digits.parse().map_err(|_| expected())?;
    let length = match unit {
        "s" => SignedDuration::from_secs(i64::from(number)),
        "m" => SignedDuration::from_mins(i64::from(number)),
        _ => return Err(expected()),
    };
    let shortest = SignedDuration::from_secs(15);
    if length < shortest || length > SignedDuration::from_mins(MINUTES_MAX) {
        return Err(format!("a lock of the analysis lasts from 15s to {MINUTES_MAX}m"));
    }
    Ok(length)
}

impl StoreCommand {
    /// The store that is named without a flag.
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::Analyze(args) => args.run.url.as_deref(),
            Self::Watch(args) => args.run.url.as_deref(),
            Self::Table(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_lasts_seconds_or_minutes() {
        assert_eq!(lock_length("45s"), Ok(SignedDuration::from_secs(45)));
        assert_eq!(lock_length("3m"), Ok(SignedDuration::from_secs(180)));
        for wrong in ["", "3", "m", "3h", "1s", "11m", "-1m", "3\u{20ac}"] {
            assert!(lock_length(wrong).is_err(), "{wrong}");
        }
    }
}
