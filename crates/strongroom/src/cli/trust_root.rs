//! `strongroom trust-root …`.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, Subcommand};
use strongroom_core::Sha256Digest;
use strongroom_core::signing::key::KeyId;

use super::lock::words;
use super::{Moment, SignerArgs, StoreArgs, not_empty};

/// `strongroom trust-root`.
#[derive(Debug, Args)]
pub struct TrustRootArgs {
    #[command(subcommand)]
    pub command: TrustRootCommand,
}

/// What to do with trust roots.
#[derive(Debug, Subcommand)]
pub enum TrustRootCommand {
    /// Say whose a public key is, and for which time it is good.
    ///
    /// The owner is who a signature is by, whatever the signature itself says.
    #[command(after_help = "\
Examples:
  strongroom trust-root create --public-key signing.pub.pem --owner platform-security -o ps.json
  strongroom trust-root create --public-key ci.pub.pem --owner ci --purpose 'nightly runs' \\
      --valid-from 2026-01-01 --valid-until 2027-01-01 -o ci.json")]
    Create(CreateArgs),

    /// Add trust roots to a collection.
    ///
    /// In place, and whole or not at all. A key that is there already is refused.
    #[command(after_help = "\
Examples:
  strongroom trust-root add trust.json ci.json release.json")]
    Add(AddArgs),

    /// Say that a key signs no more. What it signed in its time stands.
    ///
    /// In place, in a trust root or a collection, and whole or not at all. A signature by a retired
    /// key needs a trusted time from within the key's time: a time-stamp, or a COMPLIANCE lock.
    #[command(after_help = "\
Examples:
  strongroom trust-root retire trust.json --key-id sha256:6b86… --reason rotated
  strongroom trust-root retire ci.json --at 2026-11-01")]
    Retire(RetireArgs),

    /// Say that somebody else may have a key. Cannot be taken back.
    ///
    /// In place, in a trust root or a collection, and whole or not at all. Only what a trusted time
    /// puts before `--at` stands; without `--at` nothing does, whatever time it shows. An earlier
    /// time than before counts, a later one does not.
    #[command(after_help = "\
Examples:
  strongroom trust-root revoke trust.json --key-id sha256:6b86… --reason 'laptop stolen'
  strongroom trust-root revoke trust.json --key-id sha256:6b86… --at 2026-11-20T18:00:00Z")]
    Revoke(RevokeArgs),

    /// List the keys of a trust root or a collection, and what each is good for now.
    #[command(after_help = "\
Examples:
  strongroom trust-root list trust.json
  strongroom trust-root list trust.json --format json | jq -r '.trust_roots[].key_id'")]
    List(TrustRootListArgs),

    /// Make a collection of trust roots and collections.
    ///
    /// Of a key that is in several, the narrower of each counts: an older copy of a file takes no
    /// revocation back.
    #[command(after_help = "\
Examples:
  strongroom trust-root bundle ps.json ci.json -o trust.json
  strongroom trust-root bundle theirs.json mine.json -o trust.json --force")]
    Bundle(CollectArgs),

    /// Hand a file of trust roots out: through a store, or as files, signed where a key is named.
    ///
    /// Kept as `trust-roots/DIGEST.json`, create-only, and read back; a signature lies beside it.
    /// Whoever takes it compares the digest that this prints with what they hear of you by another
    /// way: whoever may write to the store could have put another file there.
    #[command(after_help = "\
Examples:
  strongroom trust-root distribute trust.json --store s3://evidence
  strongroom trust-root distribute trust.json -o handout/ --private-key signing.pem --signer security")]
    Distribute(Box<DistributeArgs>),

    /// Check a file of trust roots: its form, its key ids, and who vouches for it.
    ///
    /// Without `--sha256` or `--signature` nobody vouches for it, and it says so.
    #[command(after_help = "\
Examples:
  strongroom trust-root verify trust.json --sha256 sha256:9f86…
  strongroom trust-root verify trust.json --signature trust.sigstore.json --public-key security.pub.pem")]
    Verify(TrustRootVerifyArgs),
}

/// `strongroom trust-root create`.
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// The public key, in PEM form.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_TRUST_ROOT_PUBLIC_KEY")]
    pub public_key: PathBuf,

    /// Whose it is.
    #[arg(long, value_name = "NAME", env = "STRONGROOM_TRUST_ROOT_OWNER", value_parser = not_empty)]
    pub owner: String,

    /// What they sign with it, in words.
    #[arg(long, value_name = "TEXT", env = "STRONGROOM_TRUST_ROOT_PURPOSE")]
    #[arg(value_parser = not_empty)]
    pub purpose: Option<String>,

    /// From when it is good: a date (its first moment, UTC) or RFC 3339. Default: always.
    #[arg(long, value_name = "TIME", env = "STRONGROOM_TRUST_ROOT_VALID_FROM")]
    pub valid_from: Option<Moment>,

    /// Until when it is good: a date (its first moment, UTC) or RFC 3339. Default: for ever.
    #[arg(long, value_name = "TIME", env = "STRONGROOM_TRUST_ROOT_VALID_UNTIL")]
    pub valid_until: Option<Moment>,

    #[command(flatten)]
    pub output: TrustOutputArgs,
}

/// Where a new file goes.
#[derive(Debug, Args)]
pub struct TrustOutputArgs {
    /// The file to write.
    #[arg(long, short, value_name = "FILE", env = "STRONGROOM_TRUST_ROOT_OUTPUT")]
    pub output: PathBuf,

    /// Replace a file that is there.
    #[arg(long, env = "STRONGROOM_TRUST_ROOT_FORCE", value_parser = BoolishValueParser::new())]
    pub force: bool,
}

/// `strongroom trust-root add`.
#[derive(Debug, Args)]
pub struct AddArgs {
    /// The collection.
    pub collection: PathBuf,

    /// Trust roots, or collections of them.
    #[arg(required = true, value_name = "ROOT")]
    pub roots: Vec<PathBuf>,
}

/// `strongroom trust-root retire`.
#[derive(Debug, Args)]
pub struct RetireArgs {
    /// The trust root, or a collection.
    pub file: PathBuf,

    /// The key. Not needed where the file holds one.
    #[arg(long, value_name = "ID", env = "STRONGROOM_TRUST_ROOT_KEY_ID")]
    pub key_id: Option<KeyId>,

    /// Until when it was good: a date (its first moment, UTC) or RFC 3339. Default: now.
    #[arg(long, value_name = "TIME", env = "STRONGROOM_TRUST_ROOT_AT")]
    pub at: Option<Moment>,

    /// Why, for whoever reads it.
    #[arg(long, value_name = "TEXT", env = "STRONGROOM_TRUST_ROOT_REASON", value_parser = words)]
    pub reason: Option<String>,
}

/// `strongroom trust-root revoke`.
#[derive(Debug, Args)]
pub struct RevokeArgs {
    /// The trust root, or a collection.
    pub file: PathBuf,

    /// The key. Not needed where the file holds one.
    #[arg(long, value_name = "ID", env = "STRONGROOM_TRUST_ROOT_KEY_ID")]
    pub key_id: Option<KeyId>,

    /// Since when somebody else may have it: a date (its first moment, UTC) or RFC 3339. Default:
    /// since ever.
    #[arg(long, value_name = "TIME", env = "STRONGROOM_TRUST_ROOT_AT")]
    pub at: Option<Moment>,

    /// Why, for whoever reads it.
    #[arg(long, value_name = "TEXT", env = "STRONGROOM_TRUST_ROOT_REASON", value_parser = words)]
    pub reason: Option<String>,
}

/// `strongroom trust-root list`.
#[derive(Debug, Args)]
pub struct TrustRootListArgs {
    /// The trust root, or a collection.
    pub file: PathBuf,
}

/// `strongroom trust-root bundle`.
#[derive(Debug, Args)]
pub struct CollectArgs {
    /// Trust roots, or collections of them.
    #[arg(required = true, value_name = "ROOT")]
    pub roots: Vec<PathBuf>,

    #[command(flatten)]
    pub output: TrustOutputArgs,
}

/// `strongroom trust-root distribute`.
#[derive(Debug, Args)]
pub struct DistributeArgs {
    /// The collection, or one trust root.
    pub file: PathBuf,

    /// A directory for the file and its signature. Without `--store` beside it, nothing goes to a
    /// store.
    #[arg(long, short, value_name = "DIR", env = "STRONGROOM_TRUST_ROOT_OUTPUT_DIR")]
    pub output: Option<PathBuf>,

    #[command(flatten)]
    pub signer: SignerArgs,

    #[command(flatten)]
    pub store: StoreArgs,
}

/// `strongroom trust-root verify`.
#[derive(Debug, Args)]
pub struct TrustRootVerifyArgs {
    /// The trust root, or a collection.
    pub file: PathBuf,

    /// Require that its bytes have this digest, heard of by another way.
    #[arg(long, value_name = "DIGEST", env = "STRONGROOM_TRUST_ROOT_SHA256")]
    pub sha256: Option<Sha256Digest>,

    /// Require that this signature file hands it out.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_TRUST_ROOT_SIGNATURE")]
    #[arg(requires = "public_key")]
    pub signature: Option<PathBuf>,

    /// The public key that must have made the signature, in PEM form.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_TRUST_ROOT_PUBLIC_KEY")]
    #[arg(requires = "signature")]
    pub public_key: Option<PathBuf>,
}
