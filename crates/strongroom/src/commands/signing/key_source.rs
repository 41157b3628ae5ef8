//! The key that the flags name, wherever it is, and the time stamps of what it signs.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use strongroom_core::limits::KEY_BYTES_MAX;
use strongroom_core::signing::key::PublicKey;
use strongroom_storage::service::ServiceSettings;
use strongroom_storage::signer::{self, COMMAND_TIMEOUT, OpenBaoSettings, Signer, SignerSettings};

use crate::cli::SigningKeyArgs;
use crate::commands::{Context, private_key};
use crate::config::SecretReference;
use crate::failure::Failure;

/// The key that the flags name, ready to sign; `None` where they name none. Two are a mistake.
pub async fn open(args: &SigningKeyArgs, context: &Context) -> Result<Option<Box<dyn Signer>>> {
    let file = private_key::read_if_named(&args.key, context).await?;
    let settings: Vec<SignerSettings> =
        [file.map(SignerSettings::Key), command(args)?, openbao(args, context)?]
            .into_iter()
            .flatten()
            .collect();
    let mut settings = settings.into_iter();
    match (settings.next(), settings.next()) {
        (None, _) => Ok(None),
        (Some(settings), None) => Ok(Some(signer::open(settings).await?)),
        (Some(_), Some(_)) => Err(Failure::usage("more than one key is named to sign with")
            .with_help("keep one of --private-key, --signer-command and --openbao-key")
            .into()),
    }
}

/// The key that the flags name. None is wrong usage.
pub async fn required(args: &SigningKeyArgs, context: &Context) -> Result<Box<dyn Signer>> {
    open(args, context).await?.ok_or_else(|| {
        Failure::usage("no key is named to sign with")
            .with_help("--private-key FILE (`strongroom keys generate` makes one), --signer-command or --openbao-key")
            .into()
    })
}

fn command(args: &SigningKeyArgs) -> Result<Option<SignerSettings>> {
    let (Some(program), Some(public_key)) = (&args.signer_command, &args.signer_public_key) else {
        return Ok(None);
    };
    let public_key = public_key_at(public_key)?;
    let argv = std::iter::once(program).chain(&args.signer_arg).cloned().collect();
    Ok(Some(SignerSettings::Command { argv, public_key, timeout: COMMAND_TIMEOUT }))
}

/// The public key in a PEM file.
pub fn public_key_at(path: &Path) -> Result<PublicKey> {
    let named = || path.display().to_string();
    let mut text = String::new();
    let file = File::open(path).with_context(named)?;
    file.take(KEY_BYTES_MAX).read_to_string(&mut text).with_context(named)?;
    PublicKey::from_pem(&text).with_context(named)
}

fn openbao(args: &SigningKeyArgs, context: &Context) -> Result<Option<SignerSettings>> {
    let (Some(key), Some(url), Some(token)) =
        (&args.openbao_key, &args.openbao_url, &args.openbao_token_ref)
    else {
        return Ok(None);
    };
    // What is no reference may be the token itself, so the error repeats nothing of it.
    let token: SecretReference = token.parse().map_err(|()| {
        Failure::usage("--openbao-token-ref is no reference to a token")
            .with_help("env:NAME, or file:PATH; never the token itself")
    })?;
    Ok(Some(SignerSettings::OpenBao(OpenBaoSettings {
        service: service(url, args),
        token: token.resolve(context.config.environment())?,
        namespace: args.openbao_namespace.clone(),
        key: key.clone(),
    })))
}

fn service(url: &str, args: &SigningKeyArgs) -> ServiceSettings {
    ServiceSettings {
        url: url.to_owned(),
        allow_http: args.service_allow_http,
        ca_file: args.service_ca.clone(),
    }
}

/// The time-stamp authorities that the flags name.
pub fn authorities(args: &SigningKeyArgs) -> Vec<ServiceSettings> {
    args.timestamp_url.iter().map(|url| service(url, args)).collect()
}
