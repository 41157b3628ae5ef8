//! Keys that sign. The seam between what is signed and where the key is: in a file, behind a program that
//! talks to an HSM or a KMS, or in OpenBao.
//!
//! Whatever signs, its answer is checked with the public key before anything is made of it: a wrong key, a
//! wrong format or a broken program is told where it happens, not by whoever verifies years later.

mod command;
mod openbao;
mod statement;

use std::ffi::OsString;
use std::time::Duration;

use async_trait::async_trait;
use strongroom_core::signing::key::{PrivateKey, PublicKey};

pub use command::COMMAND_TIMEOUT;
pub use openbao::{OpenBaoKey, OpenBaoSettings};
pub use statement::{Nonces, SigningError, sign_statement, stamp};

use crate::service::{ServiceError, ServiceErrorKind};

/// A key that signs, wherever it is.
#[async_trait]
pub trait Signer: Send + Sync {
    /// The key that checks what this one signs.
    fn public_key(&self) -> &PublicKey;

    /// Where the key is, for people: `openbao:transit/NAME@VERSION`. Holds no secret.
    fn place(&self) -> String;

    /// Signs `message` itself, which for DSSE is its pre-authentication encoding. The signature is of
    /// [`PublicKey::verify`]'s form: 64 bytes for Ed25519, DER over SHA-256 for P-256, and was seen to verify.
    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError>;
}

/// Which key signs.
#[derive(Debug)]
pub enum SignerSettings {
    /// One that is in this process.
    Key(PrivateKey),
    /// A program that reads a message and writes its signature.
    Command {
        /// The program and its arguments. No shell sees them.
        argv: Vec<OsString>,
        /// The key that its signatures verify with.
        public_key: PublicKey,
        /// How long it may take for one signature.
        timeout: Duration,
    },
    /// One in OpenBao's (or HashiCorp Vault's) transit engine.
    OpenBao(OpenBaoSettings),
}

/// Makes the key in `settings` ready. OpenBao is asked for its public key here; a program is not started.
pub async fn open(settings: SignerSettings) -> Result<Box<dyn Signer>, SignerError> {
    Ok(match settings {
        SignerSettings::Key(key) => Box::new(FileKey(key)),
        SignerSettings::Command { argv, public_key, timeout } => {
            Box::new(command::CommandSigner::new(argv, public_key, timeout)?)
        }
        SignerSettings::OpenBao(settings) => Box::new(openbao::OpenBao::open(settings).await?),
    })
}

/// The meaning of a signer's failure: it decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignerErrorKind {
    /// Settings that cannot work.
    Configuration,
    /// There is no such key.
    NotFound,
    /// Whoever asks may not use the key.
    Denied,
    /// The key cannot be used now.
    Unreachable,
    /// The signer failed.
    Failed,
    /// What came back is no signature of this key over this message.
    BadSignature,
    /// Beyond a named limit.
    Limit,
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// The service that holds the key.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// A key, or a version of it, that cannot be used for this.
    #[error("{0}")]
    UnusableKey(&'static str),
    /// The token for the service is not to be had from where it is kept.
    #[error("the token for the service that holds the key could not be read")]
    TokenUnread(#[source] std::io::Error),
    /// No program is named.
    #[error("the signer command names no program")]
    NoProgram,
    /// The program did not start.
    #[error("the signer command could not be started")]
    NotStarted(#[source] std::io::Error),
    /// The program was not heard to its end.
    #[error("the signer command broke off")]
    BrokeOff(#[source] std::io::Error),
    /// The program reported a failure.
    #[error("the signer command failed with {status}{}", told(.words))]
    CommandFailed {
        /// Its exit status or signal.
        status: String,
        /// The end of what it wrote to standard error, printable and not long.
        words: String,
    },
    /// The program did not end.
    #[error("the signer command did not end within {} seconds", .0.as_secs())]
    TimedOut(Duration),
    /// The program wrote more than any signature has.
    #[error("the signer command wrote more than {0} bytes")]
    TooLong(usize),
    /// Something else than a signature of the key.
    #[error("what the signer gave is no {0} signature by the public key")]
    BadSignature(&'static str),
}

impl SignerError {
    /// The meaning.
    pub fn kind(&self) -> SignerErrorKind {
        match self {
            Self::Service(error) => match error.kind() {
                ServiceErrorKind::Configuration => SignerErrorKind::Configuration,
                ServiceErrorKind::Unreachable => SignerErrorKind::Unreachable,
                ServiceErrorKind::Denied => SignerErrorKind::Denied,
                ServiceErrorKind::NotFound => SignerErrorKind::NotFound,
                ServiceErrorKind::Failed | ServiceErrorKind::Malformed => SignerErrorKind::Failed,
                ServiceErrorKind::Limit => SignerErrorKind::Limit,
            },
            Self::UnusableKey(_) | Self::NoProgram | Self::NotStarted(_) => {
                SignerErrorKind::Configuration
            }
            Self::TokenUnread(_) => SignerErrorKind::Denied,
            Self::BrokeOff(_) | Self::CommandFailed { .. } => SignerErrorKind::Failed,
            Self::TimedOut(_) => SignerErrorKind::Unreachable,
            Self::TooLong(_) => SignerErrorKind::Limit,
            Self::BadSignature(_) => SignerErrorKind::BadSignature,
        }
    }

    /// What a person can do, if anything.
    pub fn guidance(&self) -> Option<&str> {
        match self {
            Self::Service(error) => error.guidance(),
            Self::NotStarted(_) => Some("check that the program exists and may be executed"),
            Self::TooLong(_) | Self::BadSignature(_) => Some(
                "check that the public key belongs to the key that signs, and the form: 64 bytes for \
                 Ed25519, ASN.1 DER over SHA-256 for P-256",
            ),
            _ => None,
        }
    }
}

fn told(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(" (it says: {words})") }
}

/// Lets a signature through that `public_key` verifies.
fn checked(
    public_key: &PublicKey,
    message: &[u8],
    signature: Vec<u8>,
) -> Result<Vec<u8>, SignerError> {
    match public_key.verify(message, &signature) {
        Ok(()) => Ok(signature),
        Err(_) => Err(SignerError::BadSignature(public_key.algorithm().name())),
    }
}

/// A key in this process.
struct FileKey(PrivateKey);

#[async_trait]
impl Signer for FileKey {
    fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    fn place(&self) -> String {
        "a key file".to_owned()
    }

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        checked(self.public_key(), message, self.0.sign(message))
    }
}
