//! `strongroom keys`

pub mod generate;
pub mod show;

use serde::Serialize;
use strongroom_core::signing::key::{Algorithm, KeyError, KeyId, PublicKey};

/// The schema that a key is printed under.
const SCHEMA: &str = "strongroom.key/v1";

/// What everybody may know of a key.
#[derive(Debug, Serialize)]
struct Document {
    schema: &'static str,
    key_id: KeyId,
    algorithm: Algorithm,
    /// The public key, in PEM form.
    public_key: String,
    /// What was made or looked at.
    holds: Holds,
    /// Where a new private key is.
    #[serde(skip_serializing_if = "Option::is_none")]
    private_key_path: Option<String>,
    /// Where a new public key is.
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key_path: Option<String>,
}

/// What there is of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
enum Holds {
    #[serde(rename = "public_key")]
    Public,
    #[serde(rename = "private_key")]
    Private,
    #[serde(rename = "encrypted_private_key")]
    EncryptedPrivate,
}

impl Holds {
    fn in_words(self) -> &'static str {
        match self {
            Self::Public => "a public key",
            Self::Private => "a private key, not encrypted",
            Self::EncryptedPrivate => "a private key, encrypted",
        }
    }
}

impl Document {
    fn of(key: &PublicKey, holds: Holds) -> Result<Self, KeyError> {
        Ok(Self {
            schema: SCHEMA,
            key_id: key.id(),
            algorithm: key.algorithm(),
            public_key: key.to_pem()?,
            holds,
            private_key_path: None,
            public_key_path: None,
        })
    }
}
