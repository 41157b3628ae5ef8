//! `strongroom evidence …`: one struct for the flags of each verb.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::civil::Date;
use strongroom_core::{BundleId, Sha256Digest};
use strongroom_storage::evidence::audit::{Cursor, Sample};

use super::{
    AttestArgs, DiffArgs, HoldArgs, Length, LintArgs, Moment, ProveArgs, PushSettingArgs,
    RetentionArgs, SignArgs, SignerArgs, StoragePlanArgs, TrustArgs, VerifyArgs, When, not_empty,
};

/// What to do with evidence.
#[derive(Debug, Subcommand)]
pub enum EvidenceCommand {
    /// Make a bundle of a directory or of files.
    ///
    /// The bundle's id is the SHA-256 of its manifest, which names every file with its digest. Only
    /// what you declare enters it: the same content with the same declarations has the same id,
    /// whenever and wherever it is bundled.
    #[command(after_help = "\
Examples:
  strongroom evidence bundle results/
  strongroom evidence bundle results/ -o run-42.tar.gz --run-id 42 --subject acme/widget
  strongroom evidence bundle a.json b.log --metadata result_status=passed
  strongroom evidence bundle results/ --retention-days 2555
  strongroom evidence bundle results/ --signer platform-security --private-key signing.pem")]
    Bundle(Box<BundleArgs>),

    /// Check every byte of a bundle against its manifest.
    ///
    /// Works without a network, unless `--store` is given. Says what was checked: content, identity, and
    /// each signature that it is shown. A signature is valid only by a key of a trust root, for the time
    /// for which that key is good; without a trust root it is unchecked, and never valid.
    #[command(after_help = "\
Examples:
  strongroom evidence verify run-42.tar.gz
  cat run-42.tar.gz | strongroom evidence verify -
  strongroom evidence verify run-42.tar.gz --bundle-id sha256:6b86…
  strongroom evidence verify run-42.tar.gz --signature run-42.sigstore.json \\
      --trust-root trust.json --require-signer platform-security
  strongroom evidence verify run-42.tar.gz --store s3://evidence \\
      --trust-root trust.json --minimum-retention-days 2555
  strongroom evidence verify cavra-bundle/ --trust-root trust.json    a CAVRA directory")]
    Verify(Box<VerifyArgs>),

    /// Sign a bundle: the signature goes to a file, or beside the bundle in the store.
    ///
    /// The bundle is verified, and a statement about its manifest and its archive is signed: an in-toto
    /// Statement in a DSSE envelope in a Sigstore bundle, which other tools verify too. Any number of
    /// people can sign, at any time. In the store a signature is locked like its bundle.
    #[command(after_help = "\
Examples:
  strongroom keys generate -o signing.pem --public-key signing.pub.pem
  strongroom evidence sign run-42.tar.gz --private-key signing.pem --signer platform-security \\
      -o run-42.sigstore.json
  strongroom evidence sign run-42.tar.gz --private-key signing.pem --signer ci --store s3://evidence")]
    Sign(Box<SignArgs>),

    /// Say something else of a bundle, and sign that: a review, a scan, an approval.
    #[command(after_help = "\
Examples:
  strongroom evidence attest run-42.tar.gz --predicate review.json \\
      --type https://example.org/review/v1 --private-key signing.pem -o review.sigstore.json")]
    Attest(Box<AttestArgs>),

    /// Look for what should be mended before a bundle is kept: secrets, personal data, weak metadata.
    ///
    /// The bundle is verified in the same pass; of one that does not verify nothing is told. Looks at the
    /// manifest, at the names of files and at all text in them; what is compressed inside is not looked into. A
    /// secret's value is never shown. `--format sarif` prints SARIF 2.1.0.
    ///
    /// Exits 12 where anything is found at or above `--fail-on`.
    #[command(after_help = "\
Examples:
  strongroom evidence lint run-42.tar.gz
  strongroom evidence lint run-42.tar.gz --fail-on warning --regime eu-ai-act-19
  strongroom evidence lint run-42.tar.gz --format sarif -o findings.sarif
  strongroom evidence lint run-42.tar.gz --write-baseline known.json
  strongroom evidence lint run-43.tar.gz --baseline known.json
  strongroom evidence lint --explain secret.github-token")]
    Lint(Box<LintArgs>),

    /// Show what a bundle says of itself, without verifying it.
    #[command(after_help = "\
Examples:
  strongroom evidence show run-42.tar.gz
  strongroom evidence show run-42.tar.gz --files
  strongroom evidence show run-42.tar.gz --format json | jq .manifest.metadata")]
    Show(ShowArgs),

    /// Say what differs between two bundles: files, declarations, retention, signers.
    ///
    /// Both are verified, every byte. Changed JSON is shown by value, NDJSON by record, text by line, as
    /// far as the limits go; a secret in it is not shown. Exits 0 also where something differs, and 12
    /// where --fail-on names it.
    #[command(after_help = "\
Examples:
  strongroom evidence diff run-41.tar.gz run-42.tar.gz
  strongroom evidence diff run:41 run:42 --store s3://evidence --format json
  strongroom evidence diff results.tar.gz --baseline run:latest --store s3://evidence \\
      --fail-on removed,retention-weaker,signer-changed
  strongroom evidence diff run:41 results.tar.gz --format markdown -o summary.md")]
    Diff(Box<DiffArgs>),

    /// Store a bundle, or a directory as a bundle, and print the receipt.
    ///
    /// The bundle is verified while it is read, stored only if nothing is there, and locked as
    /// asked; the lock, the size and the digest are read back. The receipt says what was observed,
    /// and is kept in the store too. Pushing again is harmless: what is there is verified, and the
    /// answer is `already_stored`.
    #[command(after_help = "\
Examples:
  strongroom evidence push results/
  strongroom evidence push run-42.tar.gz --store s3://evidence --run-id 42
  strongroom evidence push run-42.tar.gz --retain-until 7y
  strongroom evidence push cavra-bundle/     a CAVRA directory, file by file
  strongroom evidence push run-42.tar.gz --retain-until 2033-11-21 \\
      --lock compliance --yes-lock-until 2033-11-21
  strongroom evidence push run-42.tar.gz --plan plan/storage-plan.json    what was planned, and nothing else")]
    Push(Box<PushArgs>),

    /// Say what a push would write where, under which lock, at which cost and by which rights; hold it
    /// against a store.
    ///
    /// The bundle is verified, and the code of the push says what it would do: every object with its
    /// digest, key, lock and hold, the settings that the bucket needs, the rights of three roles as
    /// policy files, and an estimate of the cost. No store is asked, unless `--check` names one; then
    /// each setting holds, is missing or was not seen, each key is free or not, and clauses of rules on
    /// keeping records are met, failed, or cannot be shown by a store. `evidence push --plan` keeps to it.
    ///
    /// With --check, exits 5 where something required is missing or was not seen.
    #[command(after_help = "\
Examples:
  strongroom evidence storage-plan run-42.tar.gz -o plan/ --retention-days 2555 \\
      --mode compliance --s3-bucket evidence --s3-prefix team
  strongroom evidence storage-plan cavra-bundle/ -o plan/ --store s3://evidence
  strongroom evidence storage-plan run-42.tar.gz -o plan/ --azure-account acct --azure-container box
  strongroom evidence storage-plan run-42.tar.gz --check s3://evidence/team
  strongroom evidence push run-42.tar.gz --store s3://evidence/team --plan plan/storage-plan.json")]
    StoragePlan(Box<StoragePlanArgs>),

    /// Get a bundle, or every bundle of a run, and prove it before it appears.
    ///
    /// The archive goes to a temporary file, is verified, bound to the id that was asked for,
    /// flushed to disk and only then renamed. Where somebody wrote something else over it, an
    /// earlier version that verifies is taken.
    #[command(after_help = "\
Examples:
  strongroom evidence pull --bundle-id sha256:6b86… --out run-42.tar.gz
  strongroom evidence pull --run-id 42 --out run-42/
  strongroom evidence pull --run-id 42 --out run-42/ --trust-root trust.json --require-signer ci")]
    Pull(Box<PullArgs>),

    /// List what is there, by run or by day.
    ///
    /// The cost follows the answer, not the size of the bucket. `present` says that an object is
    /// there under the bundle's key, not that it is the bundle: `pull` proves that. `deleted` says
    /// that a delete marker is on top, and `pending` that there is only a reference: a push is under
    /// way or was cut short, or the bundle was deleted where no versions tell of it.
    #[command(after_help = "\
Examples:
  strongroom evidence list --run-id 42
  strongroom evidence list --after 2026-11-01 --before 2026-12-01
  strongroom evidence list --format ndjson | jq -r .bundle_id")]
    List(ListArgs),

    /// Write the references anew from the bundles and records in the store.
    ///
    /// References are what `list` and `pull --run-id` read. They are not locked, and can always be
    /// rebuilt.
    #[command(after_help = "\
Examples:
  strongroom evidence reindex --store s3://evidence")]
    Reindex,

    /// Look at everything that a store holds, and say what is not as it should be.
    ///
    /// Every bundle there; its lock at least what its records promise; every reference leading to a
    /// bundle, and every bundle found by one; nothing of somebody else's in between. With
    /// `--read-data` every byte is read and verified too; with `--trust-root` every signature. Only
    /// reads.
    ///
    /// Exits 3 where bytes are not the evidence that they should be, else 5 where a lock is not what
    /// is promised or could not be seen, else 4 where signatures are not enough, else 12 where there is
    /// anything else to look into.
    #[command(after_help = "\
Examples:
  strongroom evidence audit --expiring-within 30d
  strongroom evidence audit --run-id 42 --read-data
  strongroom evidence audit --read-data --dry-run       what reading it all would cost
  strongroom evidence audit --read-data --sample 3/30   a part of it each day of a month
  strongroom evidence audit --format json --markdown audit.md")]
    Audit(Box<AuditArgs>),

    /// Gather everything that an auditor needs to check evidence offline, into one folder.
    ///
    /// Bundles, signatures with their time stamps, receipts and records, the locks as read back now, the
    /// keys that are believed, a README, and a script `check` that uses only sha256sum, openssl and
    /// Python. Without a trust root the signatures are unchecked, and the folder says so.
    #[command(after_help = "\
Examples:
  strongroom evidence prove acme/widget -o proof/ --trust-root trust.json
  strongroom evidence prove sha256:6b86… -o proof/ && proof/check")]
    Prove(Box<ProveArgs>),

    /// Show how long a bundle is locked, or lock it for longer.
    Retention(RetentionArgs),

    /// Place or release a legal hold on a bundle.
    Hold(HoldArgs),

    /// Ask the store what it is: reachable, writable, versioned, locked.
    ///
    /// Takes seconds, leaves nothing behind, and needs no right to list or delete. Whatever could
    /// not be seen is shown as unobserved, with the reason.
    #[command(after_help = "\
Examples:
  strongroom evidence store-status
  strongroom evidence store-status --format json | jq .warnings")]
    StoreStatus,
}

const DECLARATIONS: &str = "Declarations (they enter the manifest)";

/// `strongroom evidence bundle`.
#[derive(Debug, Args)]
pub struct BundleArgs {
    /// A directory (its files, by their paths inside it) or files (by their base names).
    #[arg(required = true, value_name = "DIR|FILES")]
    pub inputs: Vec<PathBuf>,

    /// Where to write the bundle. Default: the input's name with `.strongroom.tar.gz`, here.
    #[arg(long, short, value_name = "OUT", env = "STRONGROOM_BUNDLE_OUTPUT")]
    pub output: Option<PathBuf>,

    /// Replace a different file that is there.
    #[arg(long, env = "STRONGROOM_BUNDLE_FORCE", value_parser = BoolishValueParser::new())]
    pub force: bool,

    /// The run that made this evidence.
    #[arg(long, value_name = "ID", env = "STRONGROOM_BUNDLE_RUN_ID", help_heading = DECLARATIONS)]
    #[arg(value_parser = not_empty)]
    pub run_id: Option<String>,

    /// Ask for a legal hold when the bundle is pushed.
    #[arg(long, env = "STRONGROOM_BUNDLE_LEGAL_HOLD", value_parser = BoolishValueParser::new())]
    #[arg(help_heading = DECLARATIONS)]
    pub legal_hold: bool,

    #[command(flatten)]
    pub declarations: DeclarationArgs,

    #[command(flatten)]
    pub signer: SignerArgs,

    /// Push the bundle once it is made, as with `push.auto_push` in the configuration.
    #[arg(long, value_name = "BOOL", env = "STRONGROOM_PUSH_AUTO_PUSH")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(value_parser = BoolishValueParser::new())]
    pub auto_push: Option<bool>,

    /// Where it is pushed: accept a compliance lock that ends on this day (UTC) or earlier, without
    /// being asked. Nobody can undo such a lock.
    #[arg(long, value_name = "DATE", env = "STRONGROOM_PUSH_YES_LOCK_UNTIL")]
    pub yes_lock_until: Option<Date>,
}

/// What the producer declares of the evidence, besides its run.
#[derive(Debug, Args)]
pub struct DeclarationArgs {
    /// What the evidence is about.
    #[arg(long, value_name = "TEXT", env = "STRONGROOM_BUNDLE_SUBJECT")]
    #[arg(help_heading = DECLARATIONS)]
    #[arg(value_parser = not_empty)]
    pub subject: Option<String>,

    /// What made the evidence.
    #[arg(long, value_name = "NAME[@VERSION]", env = "STRONGROOM_BUNDLE_PRODUCER")]
    #[arg(help_heading = DECLARATIONS)]
    #[arg(value_parser = not_empty)]
    pub producer: Option<String>,

    /// A fact to keep with the evidence; may be repeated. In the environment: one a line.
    #[arg(long, value_name = "KEY=VALUE", env = "STRONGROOM_BUNDLE_METADATA")]
    #[arg(help_heading = DECLARATIONS)]
    pub metadata: Vec<String>,

    /// The class of retention.
    #[arg(long, value_name = "CLASS", env = "STRONGROOM_BUNDLE_RETENTION_CLASS")]
    #[arg(help_heading = DECLARATIONS)]
    #[arg(value_parser = ["transient", "raw-evidence", "summary-evidence", "release-evidence", "permanent-record"])]
    pub retention_class: Option<String>,

    /// For how many days to lock the bundle, counted from storing.
    #[arg(long, value_name = "DAYS", env = "STRONGROOM_BUNDLE_RETENTION_DAYS")]
    #[arg(help_heading = DECLARATIONS)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(strongroom_core::limits::LOCK_DAYS_MAX)))]
    pub retention_days: Option<u32>,

    /// When the evidence was made (RFC 3339). Default: SOURCE_DATE_EPOCH if set, else not declared.
    #[arg(long, value_name = "TIME", env = "STRONGROOM_BUNDLE_CREATED_AT")]
    #[arg(help_heading = DECLARATIONS)]
    pub created_at: Option<Timestamp>,

    /// Follow symbolic links that stay inside the directory, instead of refusing them.
    #[arg(long, env = "STRONGROOM_BUNDLE_FOLLOW_SYMLINKS")]
    #[arg(value_parser = BoolishValueParser::new())]
    pub follow_symlinks: bool,
}

/// `strongroom evidence show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The bundle, or `-` for standard input.
    #[arg(value_name = "BUNDLE|-")]
    pub bundle: PathBuf,

    /// Also list the files.
    #[arg(long, env = "STRONGROOM_SHOW_FILES", value_parser = BoolishValueParser::new())]
    pub files: bool,
}

/// `strongroom evidence push`.
#[derive(Debug, Args)]
pub struct PushArgs {
    /// The bundle, or a directory to bundle first.
    #[arg(value_name = "BUNDLE|DIR")]
    pub source: PathBuf,

    /// A run to find the bundle by, besides the one that its manifest declares.
    #[arg(long, value_name = "ID", env = "STRONGROOM_PUSH_RUN_ID")]
    #[arg(value_parser = not_empty)]
    pub run_id: Option<String>,

    /// Lock the bundle until then: a length counted from the store's clock (90d, 12w, 7y), a date,
    /// or RFC 3339. Default: what the manifest asks for.
    #[arg(long, value_name = "WHEN", env = "STRONGROOM_PUSH_RETAIN_UNTIL")]
    pub retain_until: Option<When>,

    /// Put a legal hold on the stored bundle.
    #[arg(long, env = "STRONGROOM_PUSH_LEGAL_HOLD", value_parser = BoolishValueParser::new())]
    pub legal_hold: bool,

    #[command(flatten)]
    pub settings: PushSettingArgs,

    /// Take a compliance lock that only Strongroom keeps (`file://`, `memory://`) for good enough.
    #[arg(long, env = "STRONGROOM_PUSH_ALLOW_ADVISORY_LOCK")]
    #[arg(value_parser = BoolishValueParser::new())]
    pub allow_advisory_lock: bool,

    /// Accept a compliance lock that ends on this day (UTC) or earlier, without being asked. Nobody
    /// can undo such a lock.
    #[arg(long, value_name = "DATE", env = "STRONGROOM_PUSH_YES_LOCK_UNTIL")]
    pub yes_lock_until: Option<Date>,

    /// Keep to this storage plan: what would be otherwise is refused before anything is written. Lock,
    /// hold and run are the plan's.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_PUSH_PLAN")]
    #[arg(conflicts_with_all = ["run_id", "retain_until", "legal_hold", "lock", "allow_unlocked"])]
    pub plan: Option<PathBuf>,

    /// The SHA-256 of the plan that was approved: another one is refused.
    #[arg(long, value_name = "DIGEST", env = "STRONGROOM_PUSH_PLAN_SHA256", requires = "plan")]
    pub plan_sha256: Option<Sha256Digest>,

    /// Say what would be stored and locked, and write nothing.
    #[arg(long, short = 'n', env = "STRONGROOM_PUSH_DRY_RUN")]
    #[arg(value_parser = BoolishValueParser::new())]
    pub dry_run: bool,

    /// Declarations, where the source is a directory.
    #[command(flatten)]
    pub declarations: DeclarationArgs,
}

/// `strongroom evidence pull`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["bundle_id", "run_id"]))]
pub struct PullArgs {
    /// The bundle to get.
    #[arg(long, value_name = "ID", env = "STRONGROOM_PULL_BUNDLE_ID")]
    pub bundle_id: Option<BundleId>,

    /// The run to get every bundle of.
    #[arg(long, value_name = "ID", env = "STRONGROOM_PULL_RUN_ID")]
    #[arg(value_parser = not_empty)]
    pub run_id: Option<String>,

    /// The file to write (one bundle) or the directory to fill (a run).
    #[arg(long, short, value_name = "PATH", env = "STRONGROOM_PULL_OUT")]
    pub out: PathBuf,

    /// Replace a file that is there.
    #[arg(long, env = "STRONGROOM_PULL_FORCE", value_parser = BoolishValueParser::new())]
    pub force: bool,

    /// Of an Assay id that several archives share, the one with this digest.
    #[arg(long, value_name = "DIGEST", env = "STRONGROOM_PULL_ARCHIVE_SHA256")]
    #[arg(requires = "bundle_id")]
    pub archive_sha256: Option<Sha256Digest>,

    /// Also get the signatures, as `OUT.DIGEST.sigstore.json`. Where a trust root is given, they must be
    /// enough before the bundle appears.
    #[arg(long, env = "STRONGROOM_PULL_WITH_SIGNATURES", value_parser = BoolishValueParser::new())]
    pub with_signatures: bool,

    #[command(flatten)]
    pub trust: TrustArgs,
}

/// `strongroom evidence list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only bundles of this run.
    #[arg(long, value_name = "ID", env = "STRONGROOM_LIST_RUN_ID")]
    #[arg(value_parser = not_empty)]
    pub run_id: Option<String>,

    /// Only bundles stored then or later: a date (its first moment, UTC) or RFC 3339.
    #[arg(long, value_name = "WHEN", env = "STRONGROOM_LIST_AFTER")]
    pub after: Option<Moment>,

    /// Only bundles stored before then.
    #[arg(long, value_name = "WHEN", env = "STRONGROOM_LIST_BEFORE")]
    pub before: Option<Moment>,

    /// At most this many bundles.
    #[arg(long, value_name = "N", env = "STRONGROOM_LIST_LIMIT")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
}

/// `strongroom evidence audit`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// Only the bundles of this run.
    #[arg(long, value_name = "ID", env = "STRONGROOM_AUDIT_RUN_ID", conflicts_with = "all")]
    #[arg(value_parser = not_empty)]
    pub run_id: Option<String>,

    /// Everything that the store holds, which is the default.
    #[arg(long, env = "STRONGROOM_AUDIT_ALL", value_parser = BoolishValueParser::new())]
    pub all: bool,

    /// Only part n of m: the parts 1 to m cover every bundle once, by the first bytes of its id.
    #[arg(long, value_name = "N/M", env = "STRONGROOM_AUDIT_SAMPLE")]
    pub sample: Option<Sample>,

    /// Also read every byte and verify it. What that costs is told first.
    #[arg(long, env = "STRONGROOM_AUDIT_READ_DATA", value_parser = BoolishValueParser::new())]
    pub read_data: bool,

    /// Also tell of locks that end within this time (30d, 12w, 1y), counted from the store's clock.
    #[arg(long, value_name = "LENGTH", env = "STRONGROOM_AUDIT_EXPIRING_WITHIN")]
    pub expiring_within: Option<Length>,

    /// Go on where an audit that was cut short had come to: what it printed as `resume_after`. Pass
    /// the same --run-id and --sample.
    #[arg(long, value_name = "CURSOR", env = "STRONGROOM_AUDIT_RESUME_AFTER")]
    pub resume_after: Option<Cursor>,

    /// Also write the report as Markdown to this file, replacing it.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_AUDIT_MARKDOWN")]
    pub markdown: Option<PathBuf>,

    /// Say what it would cost, from the listing, and look at nothing else.
    #[arg(long, short = 'n', env = "STRONGROOM_AUDIT_DRY_RUN")]
    #[arg(value_parser = BoolishValueParser::new())]
    pub dry_run: bool,

    #[command(flatten)]
    pub trust: TrustArgs,
}
