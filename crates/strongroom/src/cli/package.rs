//! The flags of the commands that talk to a registry.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, Subcommand};

use super::evidence::DeclarationArgs;
use super::not_empty;
use super::package_keeping::{PackageDeleteArgs, PackageExtendArgs, PackageHoldArgs};
use super::when::Moment;

/// `strongroom package`.
#[derive(Debug, Args)]
pub struct PackageArgs {
    /// Where the registry answers: `https://HOST` or `http://HOST:PORT`. Default: where `strongroom login` went.
    /// Its token is that of the login, or comes from STRONGROOM_TOKEN.
    #[arg(long, global = true, value_name = "URL", env = "STRONGROOM_URL", value_parser = not_empty)]
    #[arg(help_heading = "Registry options")]
    pub url: Option<String>,

    #[command(subcommand)]
    pub command: PackageCommand,
}

/// What to do with packages.
#[derive(Debug, Subcommand)]
pub enum PackageCommand {
    /// Keep a directory in a registry.
    ///
    /// Makes a package, uploads every file by its digest, and with `--finalize` waits until each object was verified,
    /// locked and read back. The id is the one that `evidence bundle` gives the directory with the same
    /// declarations. Run again, it goes on where it was cut off.
    #[command(after_help = "\
Examples:
  strongroom package push results/ --finalize
  strongroom package push results/ --finalize --subject shop/cart --run-id 42 --retention-class release-evidence")]
    Push(Box<PackagePushArgs>),
    /// Make an empty package, to be filled with `upload` and closed with `finalize`.
    ///
    /// What is declared here is in the manifest, and so in the id; it is refused where it holds a secret.
    #[command(after_help = "\
Examples:
  strongroom package create --subject shop/cart --run-id 42 --retention-class release-evidence
  ID=$(strongroom package create --subject shop/cart --format json | jq -r .package_id)")]
    Create(Box<PackageCreateArgs>),
    /// Upload files into a package that is open.
    ///
    /// Each goes with its digest, and is looked at before it counts as stored. What is stored already is not sent
    /// again; other bytes under a path that is taken are a conflict, since nothing is overwritten.
    #[command(after_help = "\
Examples:
  strongroom package upload 0199a1b2-0000-7000-8000-000000000000 results/
  strongroom package upload 0199a1b2-0000-7000-8000-000000000000 build/sbom.json --path reports/sbom.json")]
    Upload(PackageUploadArgs),
    /// Have a registry store files of a folder of its own server, for those who keep it running.
    ///
    /// Off, unless whoever runs the registry names such folders. Its job follows no link and reads nothing outside of
    /// them; what is stored already stays, and other bytes under a path that is taken are a conflict.
    #[command(after_help = "\
Examples:
  strongroom package ingest 0199a1b2-0000-7000-8000-000000000000 nightly run-42
  strongroom package ingest 0199a1b2-0000-7000-8000-000000000000 nightly run-42/sbom.json --to reports")]
    Ingest(PackageIngestArgs),
    /// Say that a package is complete: it is verified, locked, sealed, and takes no more files.
    #[command(after_help = "\
Examples:
  strongroom package finalize 0199a1b2-0000-7000-8000-000000000000
  strongroom package finalize 0199a1b2-0000-7000-8000-000000000000 --no-wait --format json")]
    Finalize(PackageFinalizeArgs),
    /// Give up a package that is open still: its bytes go, and its row and records stay.
    ///
    /// One that is held is kept, and so is one that is being finalized. What is finalized is deleted, by `delete request`.
    #[command(after_help = "\
Example:
  strongroom package abandon 0199a1b2-0000-7000-8000-000000000000")]
    Abandon(PackageAbandonArgs),
    /// Print what a registry keeps of a finalized package: every file, digest and place, with the manifest in it.
    ///
    /// The very bytes of `package.json` in the bucket. They outlive the package's own.
    #[command(after_help = "\
Examples:
  strongroom package manifest 0199a1b2-0000-7000-8000-000000000000 | jq .manifest.files
  strongroom package manifest 0199a1b2-0000-7000-8000-000000000000 --signature > manifest.sigstore.json")]
    Manifest(PackageManifestArgs),
    /// Get a finalized package back as a bundle, verified before it appears.
    ///
    /// Where the registry signed the manifest, the signature is written beside it, as `OUT.sigstore.json`: whether its
    /// key is believed is for `evidence verify --trust-root`.
    #[command(after_help = "\
Examples:
  strongroom package pull 0199a1b2-0000-7000-8000-000000000000 --out run.tar.gz
  strongroom evidence verify run.tar.gz --signature run.tar.gz.sigstore.json --trust-root registry.json")]
    Pull(PackagePullArgs),
    /// Show a package.
    #[command(after_help = "\
Example:
  strongroom package show 0199a1b2-0000-7000-8000-000000000000")]
    Show(PackageShowArgs),
    /// List packages, the newest first.
    #[command(after_help = "\
Examples:
  strongroom package list --subject shop/cart --limit 5
  strongroom package list --after 2026-11-01 --metadata branch=main --metadata suite=nightly
  strongroom package list --text nightly --format json")]
    List(Box<PackageListArgs>),
    /// Ask for a package whose bytes the store's owner had moved into an archive.
    ///
    /// `pull` says so of such a package. The registry asks the store for every object of it; that takes the store
    /// minutes to days. On S3 a copy is there for the days that are asked for, on Azure the blobs leave the archive.
    /// Asked again, it asks for what is missing then, and keeps what is there for longer.
    #[command(after_help = "\
Examples:
  strongroom package restore 0199a1b2-0000-7000-8000-000000000000 --days 14
  strongroom package restore 0199a1b2-0000-7000-8000-000000000000 --wait &&
      strongroom package pull 0199a1b2-0000-7000-8000-000000000000 --out run.tar.gz")]
    Restore(PackageRestoreArgs),
    /// Keep a package for longer. Never for less.
    ///
    /// The extension is on record in the bucket before this ends; a job brings it to each object, and `show` tells
    /// when the locks are held.
    #[command(after_help = "\
Examples:
  strongroom package extend 0199a1b2-0000-7000-8000-000000000000 --until 2036-01-01 --reason 'warranty'
  strongroom package extend 0199a1b2-0000-7000-8000-000000000000 --until 90d --reason 'still under review'")]
    Extend(PackageExtendArgs),
    /// Place, list and release legal holds: what is held is not deleted, whatever its date.
    Hold(PackageHoldArgs),
    /// Ask for a package's deletion, and take that back.
    Delete(PackageDeleteArgs),
}

/// What a package is, besides what is in it.
#[derive(Debug, Args)]
pub struct PackageDeclarationArgs {
    /// What people call the package; its subject, unless it is named.
    #[arg(long, value_name = "TEXT", env = "STRONGROOM_PACKAGE_NAME", value_parser = not_empty)]
    pub name: Option<String>,

    /// The run that made it.
    #[arg(long, value_name = "RUN", env = "STRONGROOM_PACKAGE_RUN_ID", value_parser = not_empty)]
    pub run_id: Option<String>,

    /// Ask for a legal hold on it.
    #[arg(long, env = "STRONGROOM_PACKAGE_LEGAL_HOLD", value_parser = BoolishValueParser::new())]
    pub legal_hold: bool,

    #[command(flatten)]
    pub declarations: DeclarationArgs,
}

/// How files are uploaded.
#[derive(Debug, Args)]
pub struct UploadsArgs {
    /// Files that are uploaded at the same time.
    #[arg(long, value_name = "N", env = "STRONGROOM_PACKAGE_UPLOADS", default_value_t = 8)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=64))]
    pub uploads: u16,
}

/// `strongroom package push`.
#[derive(Debug, Args)]
pub struct PackagePushArgs {
    /// The directory.
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,

    /// Finalize it, and wait until that is done.
    #[arg(long, env = "STRONGROOM_PACKAGE_FINALIZE", value_parser = BoolishValueParser::new())]
    pub finalize: bool,

    #[command(flatten)]
    pub uploads: UploadsArgs,

    #[command(flatten)]
    pub package: PackageDeclarationArgs,
}

/// `strongroom package create`.
#[derive(Debug, Args)]
pub struct PackageCreateArgs {
    /// Make it once, however often this is run with the same key and the same declarations within a day.
    #[arg(long, value_name = "KEY", env = "STRONGROOM_PACKAGE_IDEMPOTENCY_KEY", value_parser = not_empty)]
    pub idempotency_key: Option<String>,

    #[command(flatten)]
    pub package: PackageDeclarationArgs,
}

/// `strongroom package upload`.
#[derive(Debug, Args)]
pub struct PackageUploadArgs {
    /// The package, which is still open.
    #[arg(value_name = "PACKAGE_ID")]
    pub package_id: uuid::Uuid,

    /// Files, under their own names; of a directory every file in it, by its path inside.
    #[arg(value_name = "DIR|FILE", required = true)]
    pub inputs: Vec<PathBuf>,

    /// The path in the package: of one file, its own; of a directory, the folder that its files go into.
    #[arg(long, value_name = "PATH", env = "STRONGROOM_PACKAGE_UPLOAD_PATH", value_parser = not_empty)]
    pub path: Option<String>,

    /// Follow symbolic links that stay inside the directory, instead of refusing them.
    #[arg(long, env = "STRONGROOM_BUNDLE_FOLLOW_SYMLINKS", value_parser = BoolishValueParser::new())]
    pub follow_symlinks: bool,

    #[command(flatten)]
    pub uploads: UploadsArgs,
}

/// `strongroom package ingest`.
#[derive(Debug, Args)]
pub struct PackageIngestArgs {
    /// The package, which is still open.
    #[arg(value_name = "PACKAGE_ID")]
    pub package_id: uuid::Uuid,

    /// The folder of the server, by the name that whoever runs the registry gave it.
    #[arg(value_name = "ROOT", value_parser = not_empty)]
    pub root: String,

    /// A file or a folder in it, as a relative path; all of it, unless it is named.
    #[arg(value_name = "PATH", value_parser = not_empty)]
    pub path: Option<String>,

    /// The folder of the package that they go into.
    #[arg(long, value_name = "FOLDER", env = "STRONGROOM_PACKAGE_INGEST_TO", value_parser = not_empty)]
    pub to: Option<String>,

    /// Do not wait until it is done.
    #[arg(long, env = "STRONGROOM_PACKAGE_NO_WAIT", value_parser = BoolishValueParser::new())]
    pub no_wait: bool,
}

/// `strongroom package finalize`.
#[derive(Debug, Args)]
pub struct PackageFinalizeArgs {
    /// The package.
    #[arg(value_name = "PACKAGE_ID")]
    pub package_id: uuid::Uuid,

    /// Do not wait until it is done.
    #[arg(long, env = "STRONGROOM_PACKAGE_NO_WAIT", value_parser = BoolishValueParser::new())]
    pub no_wait: bool,
}

/// `strongroom package abandon`.
#[derive(Debug, Args)]
pub struct PackageAbandonArgs {
    /// The package, which is still open.
    #[arg(value_name = "PACKAGE_ID")]
    pub package_id: uuid::Uuid,
}

/// `strongroom package manifest`.
#[derive(Debug, Args)]
pub struct PackageManifestArgs {
    /// The package.
    #[arg(value_name = "PACKAGE_ID")]
    pub package_id: uuid::Uuid,

    /// The registry's signature of the manifest instead: a Sigstore bundle.
    #[arg(long, env = "STRONGROOM_PACKAGE_MANIFEST_SIGNATURE", value_parser = BoolishValueParser::new())]
    pub signature: bool,
}

/// `strongroom package pull`.
#[derive(Debug, Args)]
pub struct PackagePullArgs {
    /// The package.
    #[arg(value_name = "PACKAGE_ID")]
    pub package_id: uuid::Uuid,

    /// Where the bundle shall be.
    #[arg(long, value_name = "PATH", env = "STRONGROOM_PACKAGE_OUT")]
    pub out: PathBuf,
}

/// `strongroom package show`.
#[derive(Debug, Args)]
pub struct PackageShowArgs {
    /// The package.
    #[arg(value_name = "PACKAGE_ID")]
    pub package_id: uuid::Uuid,
}

/// `strongroom package restore`.
#[derive(Debug, Args)]
pub struct PackageRestoreArgs {
    /// The package.
    #[arg(value_name = "PACKAGE_ID")]
    pub package_id: uuid::Uuid,

    /// For how many days a copy is to be there, where the store makes one; 7, unless it is said.
    #[arg(long, value_name = "N", env = "STRONGROOM_PACKAGE_RESTORE_DAYS")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=365))]
    pub days: Option<u32>,

    /// Wait until the package can be pulled, however long the store takes. Ctrl-C ends the wait, and not the restore.
    #[arg(long, env = "STRONGROOM_PACKAGE_RESTORE_WAIT", value_parser = BoolishValueParser::new())]
    pub wait: bool,
}

/// `strongroom package list`.
#[derive(Debug, Args)]
pub struct PackageListArgs {
    /// Only packages of this producer.
    #[arg(long, value_name = "NAME", env = "STRONGROOM_PACKAGE_LIST_PRODUCER", value_parser = not_empty)]
    pub producer: Option<String>,

    /// Only packages about this.
    #[arg(long, value_name = "TEXT", env = "STRONGROOM_PACKAGE_LIST_SUBJECT", value_parser = not_empty)]
    pub subject: Option<String>,

    /// Only packages of this run.
    #[arg(long, value_name = "RUN", env = "STRONGROOM_PACKAGE_LIST_RUN_ID", value_parser = not_empty)]
    pub run_id: Option<String>,

    /// Only packages in this state.
    #[arg(long, value_name = "STATE", env = "STRONGROOM_PACKAGE_LIST_STATUS", value_parser = not_empty)]
    pub status: Option<String>,

    /// Only packages of this retention class.
    #[arg(long, value_name = "CLASS", env = "STRONGROOM_PACKAGE_LIST_CLASS", value_parser = not_empty)]
    pub class: Option<String>,

    /// Only packages made then or later: a date (its first moment, UTC) or RFC 3339.
    #[arg(long, value_name = "WHEN", env = "STRONGROOM_PACKAGE_LIST_AFTER")]
    pub after: Option<Moment>,

    /// Only packages made before then.
    #[arg(long, value_name = "WHEN", env = "STRONGROOM_PACKAGE_LIST_BEFORE")]
    pub before: Option<Moment>,

    /// Only packages whose metadata says this; may be repeated, up to three times.
    #[arg(long, value_name = "KEY=VALUE", env = "STRONGROOM_PACKAGE_LIST_METADATA", value_parser = not_empty)]
    pub metadata: Vec<String>,

    /// Only packages with all of these words.
    #[arg(long, value_name = "WORDS", env = "STRONGROOM_PACKAGE_LIST_TEXT", value_parser = not_empty)]
    pub text: Option<String>,

    /// At most so many.
    #[arg(long, value_name = "N", env = "STRONGROOM_PACKAGE_LIST_LIMIT", default_value_t = 50)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=200))]
    pub limit: u32,

    /// Go on after the page before: its `next`.
    #[arg(long, value_name = "CURSOR", env = "STRONGROOM_PACKAGE_LIST_CURSOR", value_parser = not_empty)]
    pub cursor: Option<String>,
}
