//! `strongroom keys …`, and the flags of every command that needs a private key.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, Subcommand, ValueEnum};

use super::not_empty;

const HEADING: &str = "Private key";

/// `strongroom keys`.
#[derive(Debug, Args)]
pub struct KeysArgs {
    #[command(subcommand)]
    pub command: KeysCommand,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make a private key to sign with.
    ///
    /// Written as PKCS#8 in PEM form, readable by its owner only from its first moment on, and
    /// encrypted where a passphrase is given. Any tool that reads PKCS#8 reads it; keys that
    /// `openssl genpkey` makes are just as good here.
    #[command(after_help = "\
Examples:
  strongroom keys generate -o signing.pem --public-key signing.pub.pem
  strongroom keys generate --algorithm p256 -o signing.pem --passphrase-env SIGNING_PASSPHRASE")]
    Generate(GenerateArgs),

    /// Show the key id, the algorithm and the public key of a private or a public key.
    ///
    /// The key id is the SHA-256 of the public key (SubjectPublicKeyInfo). Nothing of a private key
    /// is ever shown.
    #[command(after_help = "\
Examples:
  strongroom keys show signing.pem
  strongroom keys show signing.pem --format json | jq -r .public_key > signing.pub.pem
  openssl pkey -in signing.pem | strongroom keys show -
  strongroom keys show --private-key-env SIGNING_KEY")]
    Show(KeysShowArgs),
}

/// What a new key signs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KeyAlgorithm {
    /// Ed25519 (RFC 8032).
    Ed25519,
    /// ECDSA on P-256 with SHA-256 (FIPS 186-5).
    P256,
}

/// `strongroom keys generate`.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// What the key signs with.
    #[arg(long, value_enum, env = "STRONGROOM_KEYS_ALGORITHM", default_value = "ed25519")]
    pub algorithm: KeyAlgorithm,

    /// The file for the private key.
    #[arg(long, short, value_name = "FILE", env = "STRONGROOM_KEYS_OUTPUT")]
    pub output: PathBuf,

    /// A file for the public key too.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_KEYS_PUBLIC_KEY")]
    pub public_key: Option<PathBuf>,

    /// Replace files that are there. A key that is replaced is gone.
    #[arg(long, env = "STRONGROOM_KEYS_FORCE", value_parser = BoolishValueParser::new())]
    pub force: bool,

    #[command(flatten)]
    pub passphrase: PassphraseArgs,
}

/// `strongroom keys show`.
#[derive(Debug, Args)]
pub struct KeysShowArgs {
    /// A private or a public key in PEM form; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// The variable that holds the key.
    #[arg(long = "private-key-env", value_name = "NAME", env = "STRONGROOM_PRIVATE_KEY_ENV")]
    #[arg(value_parser = not_empty)]
    pub private_key_env: Option<String>,

    /// The file descriptor that the key is read from.
    #[arg(long = "private-key-fd", value_name = "N", env = "STRONGROOM_PRIVATE_KEY_FD")]
    pub private_key_fd: Option<u16>,

    #[command(flatten)]
    pub passphrase: PassphraseArgs,
}

/// Where a private key is: in one of three places. Never the key itself: arguments are seen by everybody
/// on the machine.
#[derive(Debug, Clone, Args)]
pub struct PrivateKeyArgs {
    /// The private key: PKCS#8 in PEM form.
    #[arg(long = "private-key", value_name = "FILE", env = "STRONGROOM_PRIVATE_KEY_FILE")]
    #[arg(help_heading = HEADING)]
    pub private_key: Option<PathBuf>,

    /// The variable that holds the private key.
    #[arg(long = "private-key-env", value_name = "NAME", env = "STRONGROOM_PRIVATE_KEY_ENV")]
    #[arg(value_parser = not_empty, help_heading = HEADING)]
    pub private_key_env: Option<String>,

    /// The file descriptor that the private key is read from.
    #[arg(long = "private-key-fd", value_name = "N", env = "STRONGROOM_PRIVATE_KEY_FD")]
    #[arg(help_heading = HEADING)]
    pub private_key_fd: Option<u16>,

    #[command(flatten)]
    pub passphrase: PassphraseArgs,
}

/// Where the passphrase of a private key is.
#[derive(Debug, Clone, Default, Args)]
pub struct PassphraseArgs {
    /// The file that holds the private key's passphrase, on its first line.
    #[arg(long = "passphrase-file", value_name = "FILE", env = "STRONGROOM_PASSPHRASE_FILE")]
    #[arg(help_heading = HEADING)]
    pub passphrase_file: Option<PathBuf>,

    /// The variable that holds the private key's passphrase.
    #[arg(long = "passphrase-env", value_name = "NAME", env = "STRONGROOM_PASSPHRASE_ENV")]
    #[arg(value_parser = not_empty, help_heading = HEADING)]
    pub passphrase_env: Option<String>,
}
