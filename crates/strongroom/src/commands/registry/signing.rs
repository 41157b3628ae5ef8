//! The key that a registry signs manifests with, made ready out of what is configured.

use std::io;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use strongroom_core::signing::key::KeyError;
use strongroom_registry::signing::{ManifestSigner, SigningKey, TokenSource};
use strongroom_storage::open::Secret;
use strongroom_storage::signer::{self, COMMAND_TIMEOUT, OpenBaoSettings, SignerSettings};

use crate::commands::secret_input::Place;
use crate::commands::signing::public_key_at;
use crate::commands::{Context, private_key};
use crate::config::SecretReference;
use crate::config::registry::{KeyPlace, SigningChoice};
use crate::environment::Environment;
use crate::failure::Failure;

/// Reads the key, or the public half of one that stays outside. OpenBao is not asked: a registry starts without it,
/// too.
pub async fn ready(choice: SigningChoice, context: &Context) -> Result<ManifestSigner> {
    let SigningChoice { signer, key, authorities } = choice;
    let key = match key {
        KeyPlace::Private { key, passphrase } => {
            let passphrase = passphrase.map(place);
            let key = private_key::read_at(&place(key), passphrase.as_ref(), context).await;
            let settings = SignerSettings::Key(key.map_err(naming_the_passphrase)?);
            SigningKey::Ready(signer::open(settings).await?)
        }
        KeyPlace::Command { argv, public_key } => {
            let public_key = public_key_at(&public_key)?;
            let settings = SignerSettings::Command { argv, public_key, timeout: COMMAND_TIMEOUT };
            SigningKey::Ready(signer::open(settings).await?)
        }
        KeyPlace::OpenBao { key, service, token, namespace } => {
            let environment = context.config.environment();
            // What cannot be had now is a mistake in the configuration, most likely.
            let now = token.resolve(environment).context("registry.signing.openbao_token_ref")?;
            let settings = OpenBaoSettings { service, token: now, namespace, key };
            let token = source(token, environment.clone());
            SigningKey::OpenBao { settings: Box::new(settings), token }
        }
    };
    Ok(ManifestSigner::new(signer, key, authorities))
}

/// The place of a secret that is named in a configuration.
fn place(reference: SecretReference) -> Place {
    match reference {
        SecretReference::Environment(name) => Place::Variable(name),
        SecretReference::File(path) => Place::File(path),
        SecretReference::OpenBao { .. } => Place::Referred(reference),
    }
}

/// Fetches the token whenever it is needed: an agent may have renewed it in its file.
fn source(reference: SecretReference, environment: Environment) -> TokenSource {
    Arc::new(move || -> io::Result<Secret> {
        reference.resolve(&environment).map_err(|failure| io::Error::other(failure.to_string()))
    })
}

/// Says how a registry is told of a passphrase, which is not by flags.
fn naming_the_passphrase(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<KeyError>() {
        Some(KeyError::PassphraseMissing) => {
            Failure::usage("the private key that signs manifests is encrypted")
                .with_help("name its passphrase: registry.signing.passphrase_ref")
                .into()
        }
        _ => error.context("registry.signing.key"),
    }
}
