//! The flags of `strongroom package extend`, `hold` and `delete`.

use clap::builder::BoolishValueParser;
use clap::{Args, Subcommand};
use uuid::Uuid;

use super::When;
use super::lock::words;

/// `strongroom package extend`.
#[derive(Debug, Args)]
pub struct PackageExtendArgs {
    /// The package.
    #[arg(value_name = "PACKAGE_ID")]
    pub package_id: Uuid,

    /// Until then: a length from now (90d, 12w, 7y), a date, or RFC 3339.
    #[arg(long, value_name = "WHEN", env = "STRONGROOM_PACKAGE_UNTIL")]
    pub until: When,

    /// Why, for the record.
    #[arg(long, value_name = "TEXT", env = "STRONGROOM_PACKAGE_REASON", value_parser = words)]
    pub reason: String,
}

/// `strongroom package hold`.
#[derive(Debug, Args)]
pub struct PackageHoldArgs {
    #[command(subcommand)]
    pub command: PackageHoldCommand,
}

/// What to do with the legal holds of a package.
#[derive(Debug, Subcommand)]
pub enum PackageHoldCommand {
    /// Place a legal hold.
    #[command(after_help = "\
Example:
  strongroom package hold place 0199a1b2-0000-7000-8000-000000000000 --reason 'case 17'")]
    Place(PackageReasonArgs),
    /// List the holds that a package is or was under.
    #[command(after_help = "\
Example:
  strongroom package hold list 0199a1b2-0000-7000-8000-000000000000")]
    List(PackageHoldListArgs),
    /// Release a legal hold. Where that takes two people, it waits for the second.
    #[command(after_help = "\
Example:
  strongroom package hold release 0199a1b2-0000-7000-8000-000000000000 \\
      0199a1b2-0000-7000-8000-0000000000aa --reason 'case 17 closed'")]
    Release(PackageHoldReleaseArgs),
    /// Agree, as the second person, to a release that somebody else asked for.
    #[command(after_help = "\
Example:
  strongroom package hold approve 0199a1b2-0000-7000-8000-000000000000 \\
      0199a1b2-0000-7000-8000-0000000000aa")]
    Approve(PackageHoldApproveArgs),
}

/// A package, and why something is done with it.
#[derive(Debug, Args)]
pub struct PackageReasonArgs {
    /// The package.
    #[arg(value_name = "PACKAGE_ID")]
    pub package_id: Uuid,

    /// Why, for the record.
    #[arg(long, value_name = "TEXT", env = "STRONGROOM_PACKAGE_REASON", value_parser = words)]
    pub reason: String,
}

/// `strongroom package hold list`.
#[derive(Debug, Args)]
pub struct PackageHoldListArgs {
    /// The package.
    #[arg(value_name = "PACKAGE_ID")]
    pub package_id: Uuid,
}

/// `strongroom package hold release`.
#[derive(Debug, Args)]
pub struct PackageHoldReleaseArgs {
    /// The package.
    #[arg(value_name = "PACKAGE_ID")]
    pub package_id: Uuid,

    /// The hold, as `list` shows it.
    #[arg(value_name = "HOLD_ID")]
    pub hold_id: Uuid,

    /// Why, for the record.
    #[arg(long, value_name = "TEXT", env = "STRONGROOM_PACKAGE_REASON", value_parser = words)]
    pub reason: String,
}

/// `strongroom package hold approve`.
#[derive(Debug, Args)]
pub struct PackageHoldApproveArgs {
    /// The package.
    #[arg(value_name = "PACKAGE_ID")]
    pub package_id: Uuid,

    /// The hold, as `list` shows it.
    #[arg(value_name = "HOLD_ID")]
    pub hold_id: Uuid,
}

/// `strongroom package delete`.
#[derive(Debug, Args)]
pub struct PackageDeleteArgs {
    #[command(subcommand)]
    pub command: PackageDeleteCommand,
}

/// What to do with the deletion of a package.
#[derive(Debug, Subcommand)]
pub enum PackageDeleteCommand {
    /// Ask for a package's deletion, which waits for its grace. Of a blocked deletion: have it go on.
    #[command(after_help = "\
Examples:
  strongroom package delete request 0199a1b2-0000-7000-8000-000000000000 --reason 'pushed by mistake' --early
  strongroom package delete request 0199a1b2-0000-7000-8000-000000000000 --reason 'past its date'")]
    Request(PackageDeleteRequestArgs),
    /// Agree, as the second person, to an early deletion that somebody else asked for.
    #[command(after_help = "\
Example:
  strongroom package delete approve 0199a1b2-0000-7000-8000-000000000000")]
    Approve(PackageDeleteApproveArgs),
    /// Take a request for deletion back; of a blocked one, keep what is left.
    #[command(after_help = "\
Example:
  strongroom package delete cancel 0199a1b2-0000-7000-8000-000000000000 --reason 'still needed'")]
    Cancel(PackageReasonArgs),
}

/// `strongroom package delete request`.
#[derive(Debug, Args)]
pub struct PackageDeleteRequestArgs {
    /// The package.
    #[arg(value_name = "PACKAGE_ID")]
    pub package_id: Uuid,

    /// Why, for the record.
    #[arg(long, value_name = "TEXT", env = "STRONGROOM_PACKAGE_REASON", value_parser = words)]
    pub reason: String,

    /// Before its date. What a lock in the store holds stays all the same.
    #[arg(long, env = "STRONGROOM_PACKAGE_EARLY", value_parser = BoolishValueParser::new())]
    pub early: bool,
}

/// `strongroom package delete approve`.
#[derive(Debug, Args)]
pub struct PackageDeleteApproveArgs {
    /// The package.
    #[arg(value_name = "PACKAGE_ID")]
    pub package_id: Uuid,
}
