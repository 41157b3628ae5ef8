//! The private key that the flags name.

use std::path::Path;

use anyhow::{Context as _, Result};
use strongroom_core::limits::{KEY_BYTES_MAX, PASSPHRASE_BYTES_MAX};
use strongroom_core::signing::key::{KeyError, PrivateKey};
use zeroize::Zeroizing;

use super::Context;
use super::secret_input::{Place, SecretLimit};
use crate::cli::{PassphraseArgs, PrivateKeyArgs};
use crate::failure::Failure;

/// The most that is read of a key.
pub const KEY_LIMIT: SecretLimit = SecretLimit { name: "KEY_BYTES_MAX", bytes_max: KEY_BYTES_MAX };
const PASSPHRASE_LIMIT: SecretLimit =
    SecretLimit { name: "PASSPHRASE_BYTES_MAX", bytes_max: PASSPHRASE_BYTES_MAX };

/// Reads the private key that the flags name, if they name one.
pub async fn read_if_named(args: &PrivateKeyArgs, context: &Context) -> Result<Option<PrivateKey>> {
    let named = [
        ("private_key", args.private_key.as_deref().map(Place::at)),
        ("private_key_env", args.private_key_env.clone().map(Place::Variable)),
        ("private_key_fd", args.private_key_fd.map(Place::Descriptor)),
    ];
    let Some(place) = Place::one_of("private key", named, &context.matches)? else {
        return Ok(None);
    };
    let passphrase = passphrase_place(&args.passphrase, context)?;
    read_at(&place, passphrase.as_ref(), context).await.map(Some)
}

/// Reads the private key at `place`, decrypted with the passphrase at another one.
pub async fn read_at(
    place: &Place,
    passphrase: Option<&Place>,
    context: &Context,
) -> Result<PrivateKey> {
    let secret = place.read(KEY_LIMIT, context).await?;
    let passphrase = match passphrase {
        Some(passphrase) => Some(passphrase_at(passphrase, context).await?),
        None => None,
    };
    let key = decrypt(secret.bytes, passphrase).await;
    let key = key.with_context(|| place.to_string())?;
    if secret.is_open_to_others {
        place.warn_of_others("a private key", context);
    }
    Ok(key)
}

/// The private key in a PEM text, decrypted with the passphrase that the flags name.
pub async fn parse(
    text: Zeroizing<Vec<u8>>,
    args: &PassphraseArgs,
    context: &Context,
) -> Result<PrivateKey> {
    decrypt(text, passphrase(args, context).await?).await
}

async fn decrypt(
    text: Zeroizing<Vec<u8>>,
    passphrase: Option<Zeroizing<Vec<u8>>>,
) -> Result<PrivateKey> {
    // A passphrase is made expensive to guess, and so takes a while to use.
    let parsing = tokio::task::spawn_blocking(move || {
        let text = std::str::from_utf8(&text).map_err(|_| KeyError::NotPem("private key"))?;
        PrivateKey::from_pem(text, passphrase.as_ref().map(|passphrase| passphrase.as_slice()))
    });
    Ok(parsing.await.context("the key was not read")??)
}

/// The passphrase that the flags name, if they name one.
pub async fn passphrase(
    args: &PassphraseArgs,
    context: &Context,
) -> Result<Option<Zeroizing<Vec<u8>>>> {
    match passphrase_place(args, context)? {
        Some(place) => passphrase_at(&place, context).await.map(Some),
        None => Ok(None),
    }
}

fn passphrase_place(args: &PassphraseArgs, context: &Context) -> Result<Option<Place>, Failure> {
    let at = |path: &Path| Place::File(path.to_owned());
    let named = [
        ("passphrase_file", args.passphrase_file.as_deref().map(at)),
        ("passphrase_env", args.passphrase_env.clone().map(Place::Variable)),
    ];
    Place::one_of("passphrase", named, &context.matches)
}

async fn passphrase_at(place: &Place, context: &Context) -> Result<Zeroizing<Vec<u8>>> {
    let mut secret = place.read(PASSPHRASE_LIMIT, context).await?;
    if secret.is_open_to_others {
        place.warn_of_others("a passphrase", context);
    }
    // The first line, as `openssl -passin file:` takes it.
    if let Some(end) = secret.bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
        secret.bytes.truncate(end);
    }
    if secret.bytes.is_empty() {
        return Err(Failure::usage(format!("{place} holds no passphrase: it is empty")).into());
    }
    Ok(secret.bytes)
}
