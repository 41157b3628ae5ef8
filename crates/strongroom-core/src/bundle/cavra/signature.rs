//! The signature in a CAVRA manifest: three variants, of which one is none.
//!
//! What a document says of its algorithm decides nothing but how its value is read. Which algorithm
//! counts is for the key to say: an Ed25519 key never checks an HS256 value, and the other way round.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use zeroize::Zeroizing;

use super::fields::{Fields, malformed};
use super::json::Json;
use crate::bundle::{BundleError, Refusal};
use crate::{Sha256Digest, limits};

const ED25519_BYTES: usize = 64;
const HMAC_BYTES: usize = 32;
/// Hex digits of the digest of the public key that are its id where nobody gave another.
const DEFAULT_KEY_ID_DIGITS: usize = 16;

/// What a manifest carries as its signature. Nothing here was checked against a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CavraSignature {
    /// There is none.
    None,
    /// The SHA-256 of what would be signed, which anybody can write. It matches. No signature.
    Digest,
    /// HMAC with SHA-256: whoever can check it can make it.
    Hs256([u8; HMAC_BYTES]),
    /// Ed25519.
    Ed25519(Ed25519Claim),
}

/// An Ed25519 signature, and what its document says of the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ed25519Claim {
    /// The name of the key.
    pub key_id: String,
    /// The SHA-256 of the PEM text of the public key.
    pub public_key_sha256: Sha256Digest,
    /// The signature.
    pub value: [u8; ED25519_BYTES],
}

impl CavraSignature {
    /// The variant's stable name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Digest => "SHA256",
            Self::Hs256(_) => "HS256",
            Self::Ed25519(_) => "Ed25519",
        }
    }

    /// Whether somebody who knew a secret made it.
    pub fn is_a_signature(&self) -> bool {
        matches!(self, Self::Hs256(_) | Self::Ed25519(_))
    }
}

/// The id of a key that was given none: the first digits of the SHA-256 of its PEM text.
pub(super) fn default_key_id(public_key_sha256: Sha256Digest) -> String {
    public_key_sha256.to_hex()[..DEFAULT_KEY_ID_DIGITS].to_owned()
}

/// Reads the field `signature` of a manifest, of which `payload` is the rest.
pub(super) fn of(value: Option<&Json>, payload: &[u8]) -> Result<CavraSignature, BundleError> {
    let Some(value) = value else { return Ok(CavraSignature::None) };
    if value.as_object().is_none() {
        return Err(malformed("signature", "not an object"));
    }
    let signature = Fields(value);
    match signature.text("algorithm")? {
        "Ed25519" => {
            let public_key_sha256 = signature.sha256("public_key_sha256")?;
            let key_id = signature.optional_name("key_id")?;
            Ok(CavraSignature::Ed25519(Ed25519Claim {
                key_id: key_id.unwrap_or_else(|| default_key_id(public_key_sha256)),
                public_key_sha256,
                value: base64_value(signature)?,
            }))
        }
        "HS256" => base64_value(signature).map(CavraSignature::Hs256),
        "SHA256" if signature.sha256("value")? == Sha256Digest::of(payload) => {
            Ok(CavraSignature::Digest)
        }
        "SHA256" => Err(BundleError::new(
            Refusal::Integrity,
            "the manifest does not match the SHA-256 that it carries of itself",
        )),
        _ => Err(malformed("signature.algorithm", "none that CAVRA 1 has")),
    }
}

fn base64_value<const N: usize>(signature: Fields<'_>) -> Result<[u8; N], BundleError> {
    let text = signature.text("value")?;
    let decoded = STANDARD.decode(text).ok();
    decoded
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| malformed("signature.value", format!("not {N} bytes in base64")))
}

/// The secret of an HS256 signature. Never shown, and overwritten when it is dropped.
pub struct HmacSecret(Zeroizing<Vec<u8>>);

impl fmt::Debug for HmacSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacSecret(…)")
    }
}

/// Bytes that are no secret for HS256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretRefused {
    /// A public key, a certificate or a private key in PEM. Everybody knows the first two: who takes one
    /// for a secret takes anybody's signature for valid.
    #[error("the secret of HS256 is a PEM file: a public key is no secret")]
    Pem,
    /// Nothing.
    #[error("the secret of HS256 is empty")]
    Empty,
    /// Over the limit.
    #[error(
        "the secret of HS256 is over the limit CAVRA_SECRET_BYTES_MAX ({})",
        limits::CAVRA_SECRET_BYTES_MAX
    )]
    Limit,
}

impl HmacSecret {
    /// Takes the bytes of a secret as they are.
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Result<Self, SecretRefused> {
        if bytes.is_empty() {
            return Err(SecretRefused::Empty);
        }
        if bytes.len() as u64 > limits::CAVRA_SECRET_BYTES_MAX {
            return Err(SecretRefused::Limit);
        }
        if bytes.windows(PEM_BEGIN.len()).any(|window| window == PEM_BEGIN) {
            return Err(SecretRefused::Pem);
        }
        Ok(Self(bytes))
    }

    /// Whether `mac` is the HMAC of `message`, compared in constant time.
    pub(super) fn made(&self, mac: &[u8; HMAC_BYTES], message: &[u8]) -> bool {
        // HMAC takes a key of any length.
        Hmac::<sha2::Sha256>::new_from_slice(&self.0)
            .is_ok_and(|hmac| hmac.chain_update(message).verify_slice(mac).is_ok())
    }
}

const PEM_BEGIN: &[u8] = b"-----BEGIN ";
