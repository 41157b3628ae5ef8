//! Flags of signing, and of whom to believe.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;
use strongroom_core::BundleId;

use super::{Moment, SigningKeyArgs, not_empty};

const SIGNER: &str = "Signer";
const TRUST: &str = "Signatures";

/// Who signs, and with what.
#[derive(Debug, Args)]
pub struct SignerArgs {
    #[command(flatten)]
    pub key: SigningKeyArgs,

    /// Who signs, in the statement. Whose the key is, only a trust root says.
    #[arg(long, value_name = "NAME", env = "STRONGROOM_SIGN_SIGNER", help_heading = SIGNER)]
    #[arg(value_parser = not_empty)]
    pub signer: Option<String>,
}

/// `strongroom evidence sign`.
#[derive(Debug, Args)]
pub struct SignArgs {
    /// The bundle, or a CAVRA directory. It is verified first.
    #[arg(value_name = "BUNDLE|-")]
    pub bundle: PathBuf,

    #[command(flatten)]
    pub signer: SignerArgs,

    #[command(flatten)]
    pub to: SignatureToArgs,
}

/// `strongroom evidence attest`.
#[derive(Debug, Args)]
pub struct AttestArgs {
    /// The bundle, or a CAVRA directory. It is verified first.
    #[arg(value_name = "BUNDLE|-")]
    pub bundle: PathBuf,

    /// What is said of it: a file with one JSON object.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_ATTEST_PREDICATE")]
    pub predicate: PathBuf,

    /// What kind of thing that is: a URI.
    #[arg(long = "type", value_name = "URI", env = "STRONGROOM_ATTEST_TYPE")]
    #[arg(value_parser = not_empty)]
    pub predicate_type: String,

    #[command(flatten)]
    pub key: SigningKeyArgs,

    #[command(flatten)]
    pub to: SignatureToArgs,
}

/// Where a signature goes.
#[derive(Debug, Args)]
pub struct SignatureToArgs {
    /// Write the signature to this file. Without it, the signature is kept in the store, beside the
    /// bundle.
    #[arg(long, short, value_name = "FILE", env = "STRONGROOM_SIGN_OUTPUT")]
    pub output: Option<PathBuf>,

    /// Replace a file that is there.
    #[arg(long, env = "STRONGROOM_SIGN_FORCE", value_parser = BoolishValueParser::new())]
    pub force: bool,

    /// Accept that the signature comes under its bundle's compliance lock, if that ends on this day
    /// (UTC) or earlier, without being asked. Nobody can undo such a lock.
    #[arg(long, value_name = "DATE", env = "STRONGROOM_SIGN_YES_LOCK_UNTIL")]
    pub yes_lock_until: Option<jiff::civil::Date>,
}

/// Whom to believe, and what of them is needed.
#[derive(Debug, Args)]
pub struct TrustArgs {
    /// Keys that are believed: a trust root or a collection; may be repeated. Of a key in several files
    /// the narrower counts.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_TRUST_ROOT", help_heading = TRUST)]
    pub trust_root: Vec<PathBuf>,

    /// Of these keys, the only ones that count, by their ids or by the names that CAVRA trust roots give
    /// them; may be repeated.
    #[arg(long, value_name = "ID", env = "STRONGROOM_TRUST_KEY_ID", help_heading = TRUST)]
    #[arg(requires = "trust_root", value_parser = not_empty)]
    pub key_id: Vec<String>,

    /// Valid signatures, by as many keys, that are needed. Default: one, where a trust root is given.
    #[arg(long, value_name = "N", env = "STRONGROOM_TRUST_REQUIRE_SIGNATURES")]
    #[arg(help_heading = TRUST)]
    pub require_signatures: Option<usize>,

    /// An owner of a trust root who must have signed; may be repeated.
    #[arg(long, value_name = "OWNER", env = "STRONGROOM_TRUST_REQUIRE_SIGNER")]
    #[arg(help_heading = TRUST, value_parser = not_empty)]
    pub require_signer: Vec<String>,

    /// Statements of this kind count too: a URI; may be repeated. By itself only what `evidence sign` makes
    /// counts: whoever attests something else of a bundle does not stand for it.
    #[arg(long, value_name = "URI", env = "STRONGROOM_TRUST_PREDICATE_TYPE", help_heading = TRUST)]
    #[arg(value_parser = not_empty)]
    pub predicate_type: Vec<String>,

    /// Decide as of this moment: a date, or RFC 3339. A revocation counts all the same. Default: now.
    #[arg(long, value_name = "TIME", env = "STRONGROOM_TRUST_AT", help_heading = TRUST)]
    pub at: Option<Moment>,

    /// Take the signer's own word for when a retired or expired key signed. Never of a revoked one.
    #[arg(long, env = "STRONGROOM_TRUST_ACCEPT_CLAIMED_TIME", help_heading = TRUST)]
    #[arg(value_parser = BoolishValueParser::new())]
    pub accept_claimed_time: bool,

    /// Time-stamp authorities that are believed: PEM certificates of their roots; may be repeated.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_TRUST_TSA_ROOT", help_heading = TRUST)]
    pub tsa_root: Vec<PathBuf>,
}

/// The secret of an HS256 signature, in a CAVRA directory.
#[derive(Debug, Args)]
pub struct HmacArgs {
    /// Of a CAVRA directory under HS256: the file that holds the shared secret. A line feed at its end is
    /// none of it.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_VERIFY_HMAC_KEY_FILE", help_heading = TRUST)]
    #[arg(conflicts_with_all = ["trust_root", "key_id", "require_signatures", "require_signer"])]
    pub hmac_key_file: Option<PathBuf>,

    /// The variable that holds the shared secret.
    #[arg(long, value_name = "NAME", env = "STRONGROOM_VERIFY_HMAC_KEY_ENV", help_heading = TRUST)]
    #[arg(conflicts_with_all = ["trust_root", "key_id", "require_signatures", "require_signer"])]
    #[arg(value_parser = not_empty)]
    pub hmac_key_env: Option<String>,
}

/// `strongroom evidence verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The bundle, or `-` for standard input; or a CAVRA directory.
    #[arg(value_name = "BUNDLE|-")]
    pub bundle: PathBuf,

    /// Also require this identity.
    #[arg(long, value_name = "ID", env = "STRONGROOM_VERIFY_BUNDLE_ID")]
    pub bundle_id: Option<BundleId>,

    /// Refuse archives of more bytes than this. Default: 100 GiB.
    #[arg(long, value_name = "BYTES", env = "STRONGROOM_VERIFY_MAX_ARCHIVE_BYTES")]
    pub max_archive_bytes: Option<u64>,

    /// A detached signature of the bundle; may be repeated. With `--store`, those in the store are
    /// looked at too.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_VERIFY_SIGNATURE", help_heading = TRUST)]
    pub signature: Vec<PathBuf>,

    #[command(flatten)]
    pub trust: TrustArgs,

    #[command(flatten)]
    pub hmac: HmacArgs,

    /// The days for which the bundle must at least be kept, by what it declares and, with `--store`,
    /// by its lock as read back, counted from storing.
    #[arg(long, value_name = "DAYS", env = "STRONGROOM_VERIFY_MINIMUM_RETENTION_DAYS")]
    pub minimum_retention_days: Option<u32>,
}

/// `strongroom evidence prove`.
#[derive(Debug, Args)]
pub struct ProveArgs {
    /// What to gather: a bundle's id, a run, or a subject.
    #[arg(value_name = "SUBJECT|RUN|ID", value_parser = not_empty)]
    pub of: String,

    /// The folder to make.
    #[arg(long, short, value_name = "DIR", env = "STRONGROOM_PROVE_OUTPUT")]
    pub output: PathBuf,

    #[command(flatten)]
    pub trust: TrustArgs,
}
