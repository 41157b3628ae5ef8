//! `strongroom evidence retention …` and `strongroom evidence hold …`.

use clap::builder::BoolishValueParser;
use clap::{Args, Subcommand};
use jiff::civil::Date;
use strongroom_core::BundleId;
use strongroom_core::limits::REASON_BYTES_MAX;
use strongroom_core::retention::LockMode;
use uuid::Uuid;

use super::{When, not_empty};

/// `strongroom evidence retention`.
#[derive(Debug, Args)]
pub struct RetentionArgs {
    #[command(subcommand)]
    pub command: RetentionCommand,
}

/// What to do with the retention of stored evidence.
#[derive(Debug, Subcommand)]
pub enum RetentionCommand {
    /// Show the lock on a bundle as the store tells it, beside what its records promise.
    ///
    /// The bundle, its detached signatures and its records, each by version. Reads locks and records
    /// only; `pull` proves bytes. Where the store holds less than the records promise, it exits 5.
    #[command(after_help = "\
Examples:
  strongroom evidence retention show --bundle-id sha256:6b86…
  strongroom evidence retention show --bundle-id sha256:6b86… --format json | jq .holds")]
    Show(RetentionShowArgs),

    /// Lock a bundle for longer, with its signatures and its records.
    ///
    /// Only ever to a later date, and never to a weaker mode. Each object is locked by its version
    /// and read back; the extension is on record in the store before it is acknowledged. Running it
    /// again finishes what was cut short.
    #[command(after_help = "\
Examples:
  strongroom evidence retention extend --bundle-id sha256:6b86… --retain-until 2036-01-01
  strongroom evidence retention extend --bundle-id sha256:6b86… --retain-until 7y --dry-run
  strongroom evidence retention extend --bundle-id sha256:6b86… --retain-until 2036-01-01 \\
      --lock compliance --yes-lock-until 2036-01-01")]
    Extend(ExtendArgs),
}

/// `strongroom evidence retention show`.
#[derive(Debug, Args)]
pub struct RetentionShowArgs {
    /// The bundle.
    #[arg(long, value_name = "ID", env = "STRONGROOM_RETENTION_BUNDLE_ID")]
    pub bundle_id: BundleId,
}

/// `strongroom evidence retention extend`.
#[derive(Debug, Args)]
pub struct ExtendArgs {
    /// The bundle.
    #[arg(long, value_name = "ID", env = "STRONGROOM_RETENTION_BUNDLE_ID")]
    pub bundle_id: BundleId,

    /// Lock until then: a length counted from the store's clock (90d, 12w, 7y), a date, or RFC 3339.
    #[arg(long, value_name = "WHEN", env = "STRONGROOM_RETENTION_RETAIN_UNTIL")]
    pub retain_until: When,

    /// The mode: `governance` or `compliance`. Default: the mode of the bundle's lock; `push.lock`
    /// where it has none.
    #[arg(long = "lock", value_name = "MODE", env = "STRONGROOM_RETENTION_LOCK")]
    pub mode: Option<LockMode>,

    /// Why, for the record.
    #[arg(long, value_name = "TEXT", env = "STRONGROOM_RETENTION_REASON")]
    #[arg(value_parser = words)]
    pub reason: Option<String>,

    /// Who asks, for the record. Nobody is named without it.
    #[arg(long, value_name = "NAME", env = "STRONGROOM_RETENTION_BY", value_parser = words)]
    pub by: Option<String>,

    /// Take a compliance lock that only Strongroom keeps (`file://`, `memory://`) for good enough.
    #[arg(long, env = "STRONGROOM_RETENTION_ALLOW_ADVISORY_LOCK")]
    #[arg(value_parser = BoolishValueParser::new())]
    pub allow_advisory_lock: bool,

    /// Accept a compliance lock that ends on this day (UTC) or earlier, without being asked. Nobody
    /// can undo such a lock.
    #[arg(long, value_name = "DATE", env = "STRONGROOM_RETENTION_YES_LOCK_UNTIL")]
    pub yes_lock_until: Option<Date>,

    /// Say what would be locked, and change nothing.
    #[arg(long, short = 'n', env = "STRONGROOM_RETENTION_DRY_RUN")]
    #[arg(value_parser = BoolishValueParser::new())]
    pub dry_run: bool,
}

/// `strongroom evidence hold`.
#[derive(Debug, Args)]
pub struct HoldArgs {
    #[command(subcommand)]
    pub command: HoldCommand,
}

/// What to do with legal holds.
#[derive(Debug, Subcommand)]
pub enum HoldCommand {
    /// Put a legal hold on a bundle, with its signatures and its records.
    ///
    /// Nothing that is held can be deleted, without any date, until every hold is released. Each bit
    /// is set by version and read back; whether it was on before us is on record before it is set,
    /// since others use the same bit. The same words again are the same hold: running it again
    /// finishes what was cut short.
    #[command(after_help = "\
Examples:
  strongroom evidence hold place --bundle-id sha256:6b86… --reason 'case 17'
  strongroom evidence hold place --bundle-id sha256:6b86… --reason 'case 17' --by counsel --dry-run")]
    Place(PlaceArgs),

    /// Give up one hold, and clear its bits where they are ours.
    ///
    /// A bit stays on while another hold of ours is open, and where it was on before us: then it is
    /// somebody else's. The output says of each object which. `retention show` lists the open holds;
    /// the hold of a push has the id of the record that keeps its receipt.
    #[command(after_help = "\
Examples:
  strongroom evidence hold release --bundle-id sha256:6b86… \\
      --hold-id 019ab3f0-7c2e-7d51-9a40-1f6f0a4f3c55 --reason 'case 17 closed'")]
    Release(ReleaseArgs),
}

/// `strongroom evidence hold place`.
#[derive(Debug, Args)]
pub struct PlaceArgs {
    /// The bundle.
    #[arg(long, value_name = "ID", env = "STRONGROOM_HOLD_BUNDLE_ID")]
    pub bundle_id: BundleId,

    /// Why, for the record.
    #[arg(long, value_name = "TEXT", env = "STRONGROOM_HOLD_REASON", value_parser = words)]
    pub reason: String,

    #[command(flatten)]
    pub common: HoldCommonArgs,
}

/// `strongroom evidence hold release`.
#[derive(Debug, Args)]
pub struct ReleaseArgs {
    /// The bundle.
    #[arg(long, value_name = "ID", env = "STRONGROOM_HOLD_BUNDLE_ID")]
    pub bundle_id: BundleId,

    /// The hold to give up.
    #[arg(long, value_name = "UUID", env = "STRONGROOM_HOLD_ID")]
    pub hold_id: Uuid,

    /// Why, for the record.
    #[arg(long, value_name = "TEXT", env = "STRONGROOM_HOLD_REASON", value_parser = words)]
    pub reason: String,

    #[command(flatten)]
    pub common: HoldCommonArgs,
}

/// What placing and releasing share.
#[derive(Debug, Args)]
pub struct HoldCommonArgs {
    /// Who asks, for the record. Nobody is named without it.
    #[arg(long, value_name = "NAME", env = "STRONGROOM_HOLD_BY", value_parser = words)]
    pub by: Option<String>,

    /// Accept that the new records come under the bundle's compliance lock, which ends on this day
    /// (UTC) or earlier, without being asked.
    #[arg(long, value_name = "DATE", env = "STRONGROOM_HOLD_YES_LOCK_UNTIL")]
    pub yes_lock_until: Option<Date>,

    /// Say what would be done, and change nothing.
    #[arg(long, short = 'n', env = "STRONGROOM_HOLD_DRY_RUN")]
    #[arg(value_parser = BoolishValueParser::new())]
    pub dry_run: bool,
}

/// Words that a record keeps.
pub(super) fn words(text: &str) -> Result<String, String> {
    if text.len() > REASON_BYTES_MAX {
        return Err(format!(
            "it is longer than the limit REASON_BYTES_MAX ({REASON_BYTES_MAX} bytes)"
        ));
    }
    not_empty(text).map_err(str::to_owned)
}
