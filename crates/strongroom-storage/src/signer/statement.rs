//! A statement becomes a signature file: signed, stamped where that is asked, and checked before it is given away.

use strongroom_core::signing::key::KeyId;
use strongroom_core::signing::statement::Statement;
use strongroom_core::signing::timestamp::NONCE_BYTES;
use strongroom_core::signing::{SignatureError, SignatureFile};

use super::{Signer, SignerError};
use crate::service::ServiceSettings;
use crate::tsa::{TimestampAuthority, TsaError};

/// Where the random numbers come from that a request for a time stamp is told from others by; `None`: there are none.
pub type Nonces = fn() -> Option<[u8; NONCE_BYTES]>;

/// Why there is no signature file.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// The key did not sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// A time-stamp authority gave no token.
    #[error(transparent)]
    Timestamp(#[from] TsaError),
    /// What was to be said cannot be said in a statement.
    #[error(transparent)]
    Statement(#[from] SignatureError),
    /// The system gave no random numbers.
    #[error("the system gave no random numbers")]
    NoRandomness,
    /// The file, read again, is no signature of this statement.
    #[error("the signature does not verify: nothing was kept")]
    NotVerified,
}

/// A signature file's bytes over `statement`, with a token of each of `authorities` (RFC 3161), and the key that made
/// it.
pub async fn sign_statement(
    key: &dyn Signer,
    statement: &Statement,
    authorities: &[ServiceSettings],
    nonces: Nonces,
) -> Result<(Vec<u8>, KeyId), SigningError> {
    let message = SignatureFile::to_sign(statement)?;
    let (public_key, key_id) = (key.public_key(), key.public_key().id());
    let signature = key.sign(&message).await?;
    let mut timestamps = Vec::with_capacity(authorities.len());
    for authority in authorities {
        timestamps.push(stamp(authority, &signature, nonces).await?);
    }
    let file = SignatureFile::new(statement, key_id, signature)?;
    let bytes = SignatureFile { timestamps, ..file }.to_bytes()?;
    match SignatureFile::read(&bytes).map(|read| read.verify(public_key)) {
        Ok(Ok(Ok(read))) if read == *statement => Ok((bytes, key_id)),
        _ => Err(SigningError::NotVerified),
    }
}

/// An authority's token over `message`, of which only a digest is sent.
pub async fn stamp(
    authority: &ServiceSettings,
    message: &[u8],
    nonces: Nonces,
) -> Result<Vec<u8>, SigningError> {
    let nonce = nonces().ok_or(SigningError::NoRandomness)?;
    let authority = TimestampAuthority::connect(authority).await?;
    Ok(authority.stamp(message, nonce).await?)
}
