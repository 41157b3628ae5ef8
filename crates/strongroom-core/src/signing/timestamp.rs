//! Trusted time (RFC 3161, RFC 5816): what to ask a time-stamp authority, what to make of its answer, and
//! what a token proves offline.
//!
//! A token says that its authority saw a digest at a time. It is believed when all of this holds: the digest
//! is that of the bytes in question; one signer signed it (CMS, RFC 5652) and names its own certificate among
//! what it signed (RFC 5035); that certificate is for time stamps and nothing else; and it led, *at that
//! time*, to an authority that the caller trusts. SHA-1 carries none of this.
//!
//! Whether a certificate was revoked is not asked: that would need a network, and an answer as of today.

mod algorithms;
mod asn1;
mod authorities;
mod chain;
mod general_time;
mod request;
mod token;

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

pub use authorities::Authorities;
pub use request::{NONCE_BYTES, Request, system_nonce};

/// What a time-stamp token proves: the bytes existed at this time, says this authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrustedTime {
    /// When the authority saw the digest.
    pub time: Timestamp,
    /// How far off `time` may be, in microseconds, if the authority says so.
    pub accuracy_micros: Option<u64>,
    /// The subject of the certificate that signed (RFC 4514, which escapes what a terminal would act upon).
    pub authority: String,
    /// The token's serial number, unique to the authority, in hexadecimal digits.
    pub serial: String,
    /// The object identifier of the policy that the authority follows.
    pub policy: String,
}

impl TrustedTime {
    /// The latest moment that the token may mean: the bytes existed by then.
    pub fn latest(&self) -> Timestamp {
        let accuracy = Duration::from_micros(self.accuracy_micros.unwrap_or_default());
        self.time.saturating_add(accuracy).unwrap_or(Timestamp::MAX)
    }
}

/// Why a token, an answer or a file of authorities was refused. Only [`TimestampError::Refused`] holds text of
/// its sender's, bounded and printable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    /// Not what RFC 3161 demands.
    #[error("not an RFC 3161 time stamp: {0}")]
    Malformed(&'static str),
    /// Beyond a named limit: not looked at.
    #[error("over the limit {0}")]
    Limit(&'static str),
    /// The authority will not stamp this.
    #[error("the time-stamp authority refuses: {reason}{}", shown(.words))]
    Refused {
        /// The reason that RFC 3161 has for it.
        reason: &'static str,
        /// What the authority says, at most a few hundred printable characters.
        words: String,
    },
    /// A token over other bytes.
    #[error("the time stamp is not over these bytes")]
    WrongImprint,
    /// An answer to another request, or an old one.
    #[error("the time stamp answers another request")]
    WrongNonce,
    /// A digest, a signature or a key that is too weak to be believed, or unknown.
    #[error("the time stamp rests on {0}")]
    Weak(&'static str),
    /// Altered, or not made by the key that it names.
    #[error("the time stamp was altered: {0}")]
    Altered(&'static str),
    /// Signed by a certificate that may not sign time stamps.
    #[error("the certificate behind the time stamp {0}")]
    NotForTimestamps(&'static str),
    /// Nothing leads from the signer to an authority that is trusted.
    #[error("the time stamp is of no authority that is trusted")]
    UntrustedAuthority,
    /// A certificate was not valid at the time that the token states.
    #[error("a certificate behind the time stamp was not valid at the time it states")]
    Expired,
    /// The file of trusted authorities cannot be used.
    #[error("the file of time-stamp authorities {0}")]
    Authorities(&'static str),
}

impl TimestampError {
    /// What a person can do, if anything.
    pub fn guidance(&self) -> Option<&'static str> {
        match self {
            Self::UntrustedAuthority => Some(
                "give the root certificate of the time-stamp authority, and its intermediate \
                 certificates where the token has none",
            ),
            Self::Authorities(_) => {
                Some("name a PEM file with the root (CA) certificates of time-stamp authorities")
            }
            Self::Weak(_) => Some("ask another time-stamp authority"),
            _ => None,
        }
    }
}

fn shown(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(" (it says: {words})") }
}

#[cfg(test)]
mod tests;
