//! Who says what of a bundle, and whether they are believed.
//!
//! A signature is detached: an in-toto Statement v1 about a bundle, in a DSSE envelope, in a Sigstore
//! bundle v0.3, so that tools which know nothing of Strongroom can check it. Checking a signature says
//! *who* signed *what*; whether that is enough is decided apart.
//!
//! | module | what |
//! |---|---|
//! | [`key`] | Ed25519 and P-256 keys; the key id |
//! | [`dsse`] | what exactly is signed |
//! | [`statement`] | what is said of which bytes |
//! | [`sigstore`] | the file that a signature is kept in |
//! | [`timestamp`] | RFC 3161: asking for trusted time, and checking it offline |
//! | [`trust`] | which keys are believed, whose they are, and for which time |
//! | [`check`] | a signature file held against a bundle and the trust roots |
//! | [`policy`] | whether signatures are enough: pure decisions |
//! | [`demand`] | all that is asked of the signatures under one bundle, and what came of it |

pub mod check;
pub mod demand;
pub mod dsse;
pub mod key;
pub mod policy;
pub mod sigstore;
pub mod statement;
pub mod timestamp;
pub mod trust;

use crate::canonical::JsonError;

/// A detached signature, as its file holds it. Nothing of it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureFile {
    /// What the file calls its key.
    pub key_hint: String,
    /// The statement's bytes, as they were signed.
    pub payload: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
    /// Answers of time-stamp authorities (RFC 3161 `TimeStampResp`) about the signature.
    pub timestamps: Vec<Vec<u8>>,
}

/// Why a signature file or a statement was refused. Holds no text of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No Sigstore bundle v0.3.
    #[error("not a signature file (Sigstore bundle v0.3)")]
    NotASignatureFile,
    /// Signed with a certificate instead of a key.
    #[error("signed with a certificate (keyless), which this version does not check")]
    Certificate,
    /// A signature over a blob instead of a statement.
    #[error("a signature file without a DSSE envelope")]
    NotADsseEnvelope,
    /// Several signers are several files.
    #[error("a DSSE envelope with none or several signatures, where there must be one")]
    NotOneSignature,
    /// The payload is no in-toto Statement v1.
    #[error("not an in-toto Statement v1")]
    NotAStatement,
    /// Beyond a limit: not looked at.
    #[error("over the limit {0}")]
    Limit(&'static str),
}

impl SignatureError {
    fn of_json(error: &JsonError, otherwise: Self) -> Self {
        match error {
            JsonError::Limit { what, .. } => Self::Limit(what),
            _ => otherwise,
        }
    }
}
