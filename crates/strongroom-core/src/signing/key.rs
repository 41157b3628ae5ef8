//! Ed25519 (RFC 8032) and ECDSA P-256 (FIPS 186-5) keys. Private keys are PKCS#8 (RFC 5958), public ones
//! SubjectPublicKeyInfo (RFC 5280), both as PEM. The algorithm is always that of the key, never what a
//! document says.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::Signer as _;
use p256::ecdsa::signature::Verifier as _;
use pkcs8::der::pem;
use pkcs8::spki::{DecodePublicKey as _, EncodePublicKey as _};
use pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, LineEnding};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::Sha256Digest;
use crate::digest::InvalidDigest;

/// What a key signs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// Ed25519 (RFC 8032): the signature is 64 bytes over the message itself.
    Ed25519,
    /// ECDSA on P-256 with SHA-256: the signature is DER (RFC 3279 section 2.2.3).
    #[serde(rename = "ECDSA-P256-SHA256")]
    EcdsaP256,
}

impl Algorithm {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "Ed25519",
            Self::EcdsaP256 => "ECDSA-P256-SHA256",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Names a key: the SHA-256 of its SubjectPublicKeyInfo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub Sha256Digest);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for KeyId {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        text.parse().map(Self)
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Sha256Digest::deserialize(deserializer).map(Self)
    }
}

/// Why a key was refused. Holds no text of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No PEM, or of something else.
    #[error("not a {0} in PEM form")]
    NotPem(&'static str),
    /// A private key where a public one is needed, or the other way round.
    #[error("a {found} where a {wanted} is needed")]
    OtherKind {
        /// What the file holds.
        found: &'static str,
        /// What is needed.
        wanted: &'static str,
    },
    /// `EC PRIVATE KEY` and its kin.
    #[error("an older form of a private key")]
    NotPkcs8,
    /// A key of another algorithm or curve, or one that breaks its rules.
    #[error("not an Ed25519 or P-256 key")]
    Unsupported,
    /// It is encrypted, and no passphrase was given.
    #[error("the private key is encrypted, and no passphrase was given")]
    PassphraseMissing,
    /// It is encrypted with another passphrase, or in a way that is not read.
    #[error("the private key could not be decrypted: another passphrase, or another cipher")]
    NotDecrypted,
    /// No random numbers, or no memory.
    #[error("the key could not be made")]
    NotMade,
}

impl KeyError {
    /// What a person can do, if anything.
    pub fn guidance(self) -> Option<&'static str> {
        match self {
            Self::NotPkcs8 => Some("`openssl pkcs8 -topk8 -in OLD -out NEW` writes it as PKCS#8"),
            Self::Unsupported => Some("`strongroom keys generate` makes one"),
            Self::OtherKind { found: PRIVATE, .. } => Some(
                "`strongroom keys show FILE --format json | jq -r .public_key` gives its public key",
            ),
            Self::PassphraseMissing => Some("give it with --passphrase-file or --passphrase-env"),
            _ => None,
        }
    }
}

/// A signature that the key did not make of these bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature is not this key's of these bytes")]
pub struct BadSignature;

/// A key that checks signatures.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    form: PublicForm,
    spki: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq)]
enum PublicForm {
    Ed25519(ed25519_dalek::VerifyingKey),
    P256(p256::ecdsa::VerifyingKey),
}

const PUBLIC: &str = "public key";
const PRIVATE: &str = "private key";
const PUBLIC_LABEL: &str = "PUBLIC KEY";
const PRIVATE_LABEL: &str = "PRIVATE KEY";
const ENCRYPTED_LABEL: &str = "ENCRYPTED PRIVATE KEY";

impl PublicKey {
    /// Reads a PEM `PUBLIC KEY`.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let (label, der) = decode_pem(text, PUBLIC)?;
        match label.as_str() {
            PUBLIC_LABEL => Self::from_spki_der(&der),
            PRIVATE_LABEL | ENCRYPTED_LABEL => {
                Err(KeyError::OtherKind { found: PRIVATE, wanted: PUBLIC })
            }
            _ => Err(KeyError::NotPem(PUBLIC)),
        }
    }

    /// Reads a DER SubjectPublicKeyInfo.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        let ed25519 =
            ed25519_dalek::VerifyingKey::from_public_key_der(der).map(PublicForm::Ed25519);
        let form = ed25519
            .or_else(|_| p256::ecdsa::VerifyingKey::from_public_key_der(der).map(PublicForm::P256))
            .map_err(|_| KeyError::Unsupported)?;
        if matches!(&form, PublicForm::Ed25519(key) if key.is_weak()) {
            return Err(KeyError::Unsupported);
        }
        Self::of(form)
    }

    /// The key id covers one encoding only, whatever the file had.
    fn of(form: PublicForm) -> Result<Self, KeyError> {
        let spki = match &form {
            PublicForm::Ed25519(key) => key.to_public_key_der(),
            PublicForm::P256(key) => key.to_public_key_der(),
        };
        let spki = spki.map_err(|_| KeyError::NotMade)?.into_vec();
        Ok(Self { form, spki })
    }

    /// PEM `PUBLIC KEY`.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        pem::encode_string(PUBLIC_LABEL, LineEnding::LF, &self.spki).map_err(|_| KeyError::NotMade)
    }

    /// DER SubjectPublicKeyInfo.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// What it checks.
    pub fn algorithm(&self) -> Algorithm {
        match self.form {
            PublicForm::Ed25519(_) => Algorithm::Ed25519,
            PublicForm::P256(_) => Algorithm::EcdsaP256,
        }
    }

    /// Its name.
    pub fn id(&self) -> KeyId {
        KeyId(Sha256Digest::of(&self.spki))
    }

    /// Whether this key's holder signed `message`.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        match &self.form {
            PublicForm::Ed25519(key) => {
                let signature = ed25519_dalek::Signature::from_slice(signature);
                // Strict: no two implementations disagree about what it lets through.
                key.verify_strict(message, &signature.map_err(|_| BadSignature)?)
                    .map_err(|_| BadSignature)
            }
            PublicForm::P256(key) => {
                let signature = p256::ecdsa::Signature::from_der(signature);
                key.verify(message, &signature.map_err(|_| BadSignature)?).map_err(|_| BadSignature)
            }
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} {})", self.algorithm(), self.id())
    }
}

/// A key that signs. Its bytes are overwritten when it is dropped, and never printed.
pub struct PrivateKey {
    form: PrivateForm,
    public: PublicKey,
}

enum PrivateForm {
    Ed25519(Box<ed25519_dalek::SigningKey>),
    P256(Box<p256::ecdsa::SigningKey>),
}

impl PrivateKey {
    /// A new key, from the system's random numbers.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        loop {
            let mut seed = Zeroizing::new([0; 32]);
            getrandom::fill(seed.as_mut()).map_err(|_| KeyError::NotMade)?;
            match algorithm {
                Algorithm::Ed25519 => {
                    let key = ed25519_dalek::SigningKey::from_bytes(&seed);
                    return Self::of(PrivateForm::Ed25519(Box::new(key)));
                }
                // Less than one number in 2^32 is none of the group's.
                Algorithm::EcdsaP256 => {
                    if let Ok(key) = p256::ecdsa::SigningKey::from_slice(seed.as_ref()) {
                        return Self::of(PrivateForm::P256(Box::new(key)));
                    }
                }
            }
        }
    }

    /// Reads a PEM `PRIVATE KEY` or, with its passphrase, `ENCRYPTED PRIVATE KEY`.
    pub fn from_pem(text: &str, passphrase: Option<&[u8]>) -> Result<Self, KeyError> {
        let (label, der) = decode_pem(text, PRIVATE)?;
        match (label.as_str(), passphrase) {
            (PRIVATE_LABEL, _) => Self::from_pkcs8_der(&der),
            (ENCRYPTED_LABEL, None) => Err(KeyError::PassphraseMissing),
            (ENCRYPTED_LABEL, Some(passphrase)) => {
                let encrypted = pkcs8::EncryptedPrivateKeyInfoRef::try_from(der.as_slice())
                    .map_err(|_| KeyError::NotPem(PRIVATE))?;
                let decrypted =
                    encrypted.decrypt(passphrase).map_err(|_| KeyError::NotDecrypted)?;
                Self::from_pkcs8_der(decrypted.as_bytes())
            }
            (PUBLIC_LABEL, _) => Err(KeyError::OtherKind { found: PUBLIC, wanted: PRIVATE }),
            (label, _) if label.ends_with(PRIVATE_LABEL) => Err(KeyError::NotPkcs8),
            _ => Err(KeyError::NotPem(PRIVATE)),
        }
    }

    fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        let ed25519 = ed25519_dalek::SigningKey::from_pkcs8_der(der)
            .map(|key| PrivateForm::Ed25519(Box::new(key)));
        let form = ed25519.or_else(|_| {
            p256::ecdsa::SigningKey::from_pkcs8_der(der).map(|key| PrivateForm::P256(Box::new(key)))
        });
        Self::of(form.map_err(|_| KeyError::Unsupported)?)
    }

    fn of(form: PrivateForm) -> Result<Self, KeyError> {
        let public = PublicKey::of(match &form {
            PrivateForm::Ed25519(key) => PublicForm::Ed25519(key.verifying_key()),
            PrivateForm::P256(key) => PublicForm::P256(*key.verifying_key()),
        })?;
        Ok(Self { form, public })
    }

    /// PEM `PRIVATE KEY`, or `ENCRYPTED PRIVATE KEY` under a passphrase.
    pub fn to_pem(&self, passphrase: Option<&[u8]>) -> Result<Zeroizing<String>, KeyError> {
        let der = match &self.form {
            // Without the public key in it (PKCS#8 v2), which OpenSSL before 3.2 does not read.
            PrivateForm::Ed25519(key) => {
                let secret_key = key.to_bytes();
                ed25519_dalek::pkcs8::KeypairBytes { secret_key, public_key: None }.to_pkcs8_der()
            }
            PrivateForm::P256(key) => key.to_pkcs8_der(),
        };
        let der = der.map_err(|_| KeyError::NotMade)?;
        let pem = match passphrase {
            None => der.to_pem(PRIVATE_LABEL, LineEnding::LF),
            Some(passphrase) => pkcs8::PrivateKeyInfoRef::try_from(der.as_bytes())
                .and_then(|info| info.encrypt(passphrase))
                .map_err(|_| KeyError::NotMade)?
                .to_pem(ENCRYPTED_LABEL, LineEnding::LF),
        };
        pem.map_err(|_| KeyError::NotMade)
    }

    /// The key that checks what this one signs.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Signs `message`.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.form {
            PrivateForm::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
            PrivateForm::P256(key) => {
                let signature: p256::ecdsa::DerSignature = key.sign(message);
                signature.as_bytes().to_vec()
            }
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey(of {})", self.public.id())
    }
}

/// The label and the bytes of a PEM text, which may have other text before it.
fn decode_pem(text: &str, wanted: &'static str) -> Result<(String, Zeroizing<Vec<u8>>), KeyError> {
    let begins = text.find("-----BEGIN ").ok_or(KeyError::NotPem(wanted))?;
    let text = text[begins..].trim_end();
    let (label, der) = pem::decode_vec(text.as_bytes()).map_err(|_| match older_form(text) {
        true => KeyError::NotPkcs8,
        false => KeyError::NotPem(wanted),
    })?;
    Ok((label.to_owned(), Zeroizing::new(der)))
}

/// Traditional OpenSSL keys have headers that PEM (RFC 7468) has not.
fn older_form(text: &str) -> bool {
    let label = text.lines().next().unwrap_or_default();
    label.ends_with(" PRIVATE KEY-----") && !label.contains("ENCRYPTED")
}

#[cfg(test)]
mod tests;
