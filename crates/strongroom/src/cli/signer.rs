//! Flags of the key that signs: in a file, behind a program, or in OpenBao; and of the time stamps that go
//! with its signatures.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;
use strongroom_storage::signer::OpenBaoKey;

use super::{PrivateKeyArgs, not_empty};

const OUTSIDE: &str = "Keys that stay outside";
const TIME: &str = "Trusted time";

/// The key that signs, in one of three places.
#[derive(Debug, Clone, Args)]
pub struct SigningKeyArgs {
    #[command(flatten)]
    pub key: PrivateKeyArgs,

    /// A program that signs: it reads the message on standard input and writes the signature to standard
    /// output (64 bytes for Ed25519, DER for P-256). Not a shell command.
    #[arg(long, value_name = "PROGRAM", env = "STRONGROOM_SIGNER_COMMAND", help_heading = OUTSIDE)]
    #[arg(requires = "signer_public_key")]
    pub signer_command: Option<OsString>,

    /// An argument of that program; may be repeated.
    #[arg(long, value_name = "ARG", env = "STRONGROOM_SIGNER_ARG", help_heading = OUTSIDE)]
    #[arg(requires = "signer_command", allow_hyphen_values = true)]
    pub signer_arg: Vec<OsString>,

    /// The public key that the program's signatures verify with.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_SIGNER_PUBLIC_KEY", help_heading = OUTSIDE)]
    pub signer_public_key: Option<PathBuf>,

    /// A key in OpenBao's transit engine: `openbao:transit/NAME`, or `…@VERSION`.
    #[arg(long, value_name = "KEY", env = "STRONGROOM_OPENBAO_KEY", help_heading = OUTSIDE)]
    #[arg(value_parser = openbao_key, requires = "openbao_url", requires = "openbao_token_ref")]
    pub openbao_key: Option<OpenBaoKey>,

    /// Where OpenBao is: `https://bao.example.org:8200`.
    #[arg(long, value_name = "URL", env = "STRONGROOM_OPENBAO_URL", help_heading = OUTSIDE)]
    #[arg(value_parser = not_empty)]
    pub openbao_url: Option<String>,

    /// Where the token for OpenBao is: `env:NAME` or `file:PATH`. Never the token itself.
    #[arg(long, value_name = "REF", env = "STRONGROOM_OPENBAO_TOKEN_REF", help_heading = OUTSIDE)]
    pub openbao_token_ref: Option<String>,

    /// The namespace in OpenBao.
    #[arg(long, value_name = "NAME", env = "STRONGROOM_OPENBAO_NAMESPACE", help_heading = OUTSIDE)]
    #[arg(value_parser = not_empty)]
    pub openbao_namespace: Option<String>,

    /// A file of PEM certificates to trust for OpenBao and time-stamp authorities, besides the system's.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_SERVICE_CA", help_heading = OUTSIDE)]
    pub service_ca: Option<PathBuf>,

    /// Accept `http://` to OpenBao or a time-stamp authority on another machine.
    #[arg(long, env = "STRONGROOM_SERVICE_ALLOW_HTTP", help_heading = OUTSIDE)]
    #[arg(value_parser = BoolishValueParser::new())]
    pub service_allow_http: bool,

    /// Have the signature stamped by this time-stamp authority (RFC 3161); may be repeated. Only a
    /// digest of the signature is sent.
    #[arg(long, value_name = "URL", env = "STRONGROOM_TIMESTAMP_URL", help_heading = TIME)]
    #[arg(value_parser = not_empty)]
    pub timestamp_url: Vec<String>,
}

fn openbao_key(text: &str) -> Result<OpenBaoKey, &'static str> {
    text.parse().map_err(|()| "expected openbao:MOUNT/NAME or openbao:MOUNT/NAME@VERSION")
}
