//! `strongroom evidence lint`.

use std::path::PathBuf;

use clap::builder::{BoolishValueParser, PossibleValuesParser};
use clap::{Args, ValueEnum};
use strongroom_core::lint::{REGIMES, Severity};

use super::TrustArgs;

const RULES: &str = "Rules";

/// `strongroom evidence lint`.
#[derive(Debug, Args)]
pub struct LintArgs {
    /// The bundle, or `-` for standard input; or a CAVRA directory.
    #[arg(value_name = "BUNDLE|-", required_unless_present_any = ["explain", "rules"])]
    pub bundle: Option<PathBuf>,

    /// Exit 12 where anything is found of this severity or above. Default: what --lint-config says, else
    /// error.
    #[arg(long, value_name = "SEVERITY", env = "STRONGROOM_LINT_FAIL_ON")]
    pub fail_on: Option<FailOn>,

    /// Write the report, in the format that `--format` names, to this file, replacing it; standard output
    /// then shows it for people.
    #[arg(long, short, value_name = "FILE", env = "STRONGROOM_LINT_OUTPUT")]
    pub output: Option<PathBuf>,

    /// Hold the retention that the bundle declares against the period of a regime.
    #[arg(long, value_name = "REGIME", env = "STRONGROOM_LINT_REGIME", help_heading = RULES)]
    #[arg(value_parser = PossibleValuesParser::new(REGIMES.map(|regime| regime.name)))]
    pub regime: Option<String>,

    /// A file that says which rules are off, which weigh more or less, and what is allowed in which files.
    /// Only the file that is named is read: one in the working directory may be anybody's.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_LINT_CONFIG", help_heading = RULES)]
    pub lint_config: Option<PathBuf>,

    /// A file of findings that are known, which are counted and not told.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_LINT_BASELINE", help_heading = RULES)]
    pub baseline: Option<PathBuf>,

    /// Write the findings of this run, those in --baseline not among them, to a file that `--baseline` takes,
    /// replacing it.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_LINT_WRITE_BASELINE", help_heading = RULES)]
    pub write_baseline: Option<PathBuf>,

    /// Say why a rule matters and what to do about it, and look at nothing. Without an id: of all rules.
    #[arg(long, value_name = "ID", env = "STRONGROOM_LINT_EXPLAIN", help_heading = RULES)]
    #[arg(num_args = 0..=1, default_missing_value = "", conflicts_with = "rules")]
    pub explain: Option<String>,

    /// List the rules, and look at nothing.
    #[arg(long, env = "STRONGROOM_LINT_RULES", value_parser = BoolishValueParser::new())]
    #[arg(help_heading = RULES)]
    pub rules: bool,

    /// Refuse archives of more bytes than this. Default: 100 GiB.
    #[arg(long, value_name = "BYTES", env = "STRONGROOM_LINT_MAX_ARCHIVE_BYTES")]
    pub max_archive_bytes: Option<u64>,

    /// A detached signature of the bundle; may be repeated. What is in a store is not looked at.
    #[arg(
        long,
        value_name = "FILE",
        env = "STRONGROOM_LINT_SIGNATURE",
        help_heading = "Signatures"
    )]
    pub signature: Vec<PathBuf>,

    #[command(flatten)]
    pub trust: TrustArgs,
}

/// From which severity on findings fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Errors.
    Error,
    /// Errors and warnings.
    Warning,
    /// Everything.
    Note,
    /// Nothing.
    Never,
}

impl FailOn {
    /// The severity, if any.
    pub fn severity(self) -> Option<Severity> {
        match self {
            Self::Error => Some(Severity::Error),
            Self::Warning => Some(Severity::Warning),
            Self::Note => Some(Severity::Note),
            Self::Never => None,
        }
    }

    /// The stable name.
    pub fn name(self) -> &'static str {
        self.severity().map_or("never", Severity::name)
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Error, Self::Warning, Self::Note, Self::Never]
            .into_iter()
            .find(|each| each.name() == name)
    }
}
