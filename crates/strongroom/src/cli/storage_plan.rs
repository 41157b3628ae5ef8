//! `strongroom evidence storage-plan`: its flags.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;
use strongroom_core::limits;
use strongroom_core::retention::LockMode;

use super::{DeclarationArgs, When, not_empty};

const PLACE: &str = "Where (or --store and its options)";

/// `strongroom evidence storage-plan`.
#[derive(Debug, Args)]
pub struct StoragePlanArgs {
    /// The bundle, a directory that a push would bundle, or a CAVRA directory.
    #[arg(value_name = "BUNDLE|DIR")]
    pub source: PathBuf,

    /// The folder to write the plan and its policy files into: a new one, or an empty one.
    #[arg(long, short, value_name = "DIR", env = "STRONGROOM_STORAGE_PLAN_OUTPUT")]
    #[arg(required_unless_present = "check")]
    pub output: Option<PathBuf>,

    /// Hold the plan against this store: its settings, its keys, and what rules on keeping records make
    /// of it. Only reads.
    #[arg(long, value_name = "STORE", env = "STRONGROOM_STORAGE_PLAN_CHECK")]
    #[arg(value_parser = not_empty)]
    pub check: Option<String>,

    /// With --check: take what is required and was not seen for good enough.
    #[arg(long, env = "STRONGROOM_STORAGE_PLAN_ALLOW_UNOBSERVED", requires = "check")]
    #[arg(value_parser = BoolishValueParser::new())]
    pub allow_unobserved: bool,

    /// A run to file the bundle under, besides the one that its manifest declares.
    #[arg(long, value_name = "ID", env = "STRONGROOM_STORAGE_PLAN_RUN_ID")]
    #[arg(value_parser = not_empty)]
    pub run_id: Option<String>,

    /// Lock until then: days and weeks (90d, 12w) count from storing, years (7y) from now; or a date.
    /// Default: what the manifest asks for.
    #[arg(long, value_name = "WHEN", env = "STRONGROOM_STORAGE_PLAN_RETAIN_UNTIL")]
    pub retain_until: Option<When>,

    /// Put a legal hold on it.
    #[arg(long, env = "STRONGROOM_STORAGE_PLAN_LEGAL_HOLD")]
    #[arg(value_parser = BoolishValueParser::new())]
    pub legal_hold: bool,

    /// The mode of a dated lock: `governance` or `compliance`. Default: `push.lock`.
    #[arg(long, value_name = "MODE", env = "STRONGROOM_STORAGE_PLAN_MODE")]
    pub mode: Option<LockMode>,

    /// Require that the bucket locks every new version by itself for at least so many days, in this mode.
    #[arg(long, value_name = "DAYS", env = "STRONGROOM_STORAGE_PLAN_DEFAULT_RETENTION_DAYS")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(limits::LOCK_DAYS_MAX)))]
    pub default_retention_days: Option<u32>,

    /// Let the push go on where the bucket locks for longer, or stronger, than the plan does.
    #[arg(long, env = "STRONGROOM_STORAGE_PLAN_ACCEPT_LONGER_DEFAULT")]
    #[arg(value_parser = BoolishValueParser::new())]
    pub accept_longer_default: bool,

    /// A detached signature that will be put beside the bundle; may be repeated.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_STORAGE_PLAN_SIGNATURE")]
    pub signature: Vec<PathBuf>,

    /// A table of prices (JSON or YAML), instead of the one that comes with this program.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_STORAGE_PLAN_PRICES")]
    pub prices: Option<PathBuf>,

    /// The S3 bucket.
    #[arg(long, value_name = "NAME", env = "STRONGROOM_STORAGE_PLAN_S3_BUCKET", help_heading = PLACE)]
    #[arg(value_parser = not_empty, conflicts_with = "azure_container")]
    pub s3_bucket: Option<String>,

    /// What every key in that bucket starts with.
    #[arg(long, value_name = "PREFIX", env = "STRONGROOM_STORAGE_PLAN_S3_PREFIX", help_heading = PLACE)]
    #[arg(requires = "s3_bucket")]
    pub s3_prefix: Option<String>,

    /// The Azure storage account.
    #[arg(long, value_name = "NAME", env = "STRONGROOM_STORAGE_PLAN_AZURE_ACCOUNT")]
    #[arg(help_heading = PLACE, value_parser = not_empty, requires = "azure_container")]
    pub azure_account: Option<String>,

    /// The Azure container.
    #[arg(long, value_name = "NAME", env = "STRONGROOM_STORAGE_PLAN_AZURE_CONTAINER")]
    #[arg(help_heading = PLACE, value_parser = not_empty, requires = "azure_account")]
    pub azure_container: Option<String>,

    /// Declarations, where the source is a directory. Of a bundle, `--retention-days` says how long it is
    /// to be locked.
    #[command(flatten)]
    pub declarations: DeclarationArgs,
}

impl StoragePlanArgs {
    /// The URL of the store that these flags name, if they do.
    pub fn url(&self) -> Option<String> {
        let container = self.azure_container.as_ref().map(|name| format!("az://{name}"));
        let bucket = self.s3_bucket.as_ref().map(|name| {
            let prefix = self.s3_prefix.as_deref().unwrap_or_default().trim_matches('/');
            format!("s3://{name}/{prefix}").trim_end_matches('/').to_owned()
        });
        bucket.or(container)
    }

    /// The endpoint of the account that they name.
    pub fn endpoint(&self) -> Option<String> {
        let account = self.azure_account.as_ref()?;
        Some(format!("https://{account}.blob.core.windows.net"))
    }
}
