//! What to ask a time-stamp authority (RFC 3161 section 2.4.1), and reading its answer (section 2.4.2).

use der::asn1::{AnyRef, BitStringRef, OctetStringRef, UintRef};
use der::{Decode as _, Encode as _};
use x509_cert::spki::AlgorithmIdentifierRef;

use super::asn1::{MessageImprint, PkiStatusInfo, TimeStampReq, TimeStampResp, VERSION};
use super::{TimestampError, algorithms, token};
use crate::Sha256Digest;
use crate::limits::{TIMESTAMP_ANSWER_BYTES_MAX, TIMESTAMP_REFUSAL_CHARACTERS_MAX};

/// Bytes of the random number that ties an answer to its request.
pub const NONCE_BYTES: usize = 8;

/// A nonce of the system's; `None`: it gave no random numbers.
pub fn system_nonce() -> Option<[u8; NONCE_BYTES]> {
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).ok()?;
    Some(nonce)
}

/// `granted` and `grantedWithMods`.
const GRANTED: [u32; 2] = [0, 1];

/// The bits of `PKIFailureInfo`.
const FAILURES: [(usize, &str); 8] = [
    (0, "it does not know the digest algorithm"),
    (2, "the request is not permitted or supported"),
    (5, "it cannot read the request"),
    (14, "its clock is not available"),
    (15, "it does not follow the policy asked for"),
    (16, "it does not support an extension"),
    (17, "it has not the information asked for"),
    (25, "it failed"),
];

/// A question for the time at which some bytes existed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    imprint: Sha256Digest,
    nonce: [u8; NONCE_BYTES],
}

impl Request {
    /// Asks about `message`. The `nonce` is random and used once.
    pub fn new(message: &[u8], nonce: [u8; NONCE_BYTES]) -> Self {
        Self { imprint: Sha256Digest::of(message), nonce }
    }

    /// The body of an `application/timestamp-query`: a SHA-256 digest, the nonce, and the wish for the
    /// authority's certificate, without which the token could not be checked later.
    pub fn to_der(&self) -> Result<Vec<u8>, TimestampError> {
        let broken = |_| TimestampError::Malformed("the request cannot be encoded");
        let hash_algorithm = AlgorithmIdentifierRef {
            oid: algorithms::SHA_256,
            // Some authorities insist on it, and none minds.
            parameters: Some(AnyRef::NULL),
        };
        let hashed_message = OctetStringRef::new(self.imprint.as_bytes()).map_err(broken)?;
        let request = TimeStampReq {
            version: VERSION,
            message_imprint: MessageImprint { hash_algorithm, hashed_message },
            nonce: UintRef::new(&self.nonce).map_err(broken)?,
            cert_req: true,
        };
        request.to_der().map_err(broken)
    }

    /// Checks that an answer has a token over the same digest, with the same nonce. Who signed it is not
    /// looked at, which is for [`super::Authorities::verify`].
    pub fn check_answer(&self, answer: &[u8]) -> Result<(), TimestampError> {
        let token = granted_token(answer)?;
        let signed = token::Signed::read(&token)?;
        let info = signed.info()?;
        let imprint = &info.message_imprint;
        let is_ours = imprint.hash_algorithm.oid == algorithms::SHA_256
            && imprint.hashed_message.as_bytes() == self.imprint.as_bytes();
        if !is_ours {
            return Err(TimestampError::WrongImprint);
        }
        let ours = UintRef::new(&self.nonce).ok();
        if info.nonce.is_none() || info.nonce != ours {
            return Err(TimestampError::WrongNonce);
        }
        Ok(())
    }
}

/// The token in an answer, of which nothing is checked but that the authority grants it.
pub(super) fn granted_token(answer: &[u8]) -> Result<Vec<u8>, TimestampError> {
    if answer.len() > TIMESTAMP_ANSWER_BYTES_MAX {
        return Err(TimestampError::Limit("TIMESTAMP_ANSWER_BYTES_MAX"));
    }
    let read = TimeStampResp::from_der(answer)
        .map_err(|_| TimestampError::Malformed("the answer is no TimeStampResp"))?;
    if !GRANTED.contains(&read.status.status) {
        return Err(refusal(&read.status));
    }
    let no_token = TimestampError::Malformed("a granted answer without a token");
    let token = read.token.ok_or(no_token)?;
    token.to_der().map_err(|_| TimestampError::Malformed("the token cannot be encoded"))
}

fn refusal(status: &PkiStatusInfo<'_>) -> TimestampError {
    let reason = status.fail_info.as_ref().and_then(failure).unwrap_or("it gives no reason");
    let words = status.status_string.iter().flatten().map(|line| line.as_str());
    let words = words.collect::<Vec<_>>().join(" ");
    TimestampError::Refused { reason, words: printable(&words) }
}

fn failure(info: &BitStringRef<'_>) -> Option<&'static str> {
    let is_set = |bit| info.bits().nth(bit) == Some(true);
    FAILURES.iter().find(|(bit, _)| is_set(*bit)).map(|(_, reason)| *reason)
}

/// A stranger's words without what a terminal would act upon, and not many of them.
fn printable(words: &str) -> String {
    let kept = words.chars().filter(|character| character.is_ascii_graphic() || *character == ' ');
    kept.take(TIMESTAMP_REFUSAL_CHARACTERS_MAX).collect()
}
