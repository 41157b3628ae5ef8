//! Tokens: `srt_{id}_{secret}`. The prefix lets scanners of leaked secrets recognise them, the id finds the
//! row, and only the SHA-256 of the whole is kept. The secret is 256 random bits, so a plain digest is as good
//! as a slow one: there is nothing to guess.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use strongroom_core::Sha256Digest;

use crate::error::ServiceError;

/// What every token begins with.
pub const PREFIX: &str = "srt_";

/// Letters of an id: no two that look alike.
const ID_ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
const ID_CHARACTERS: usize = 10;
const SECRET_BYTES: usize = 32;
/// `srt_`, the id, `_`, and the secret in hexadecimal.
const TOKEN_CHARACTERS: usize = PREFIX.len() + ID_CHARACTERS + 1 + 2 * SECRET_BYTES;

/// A token in clear: shown once, to whom it was made for. Its debug form tells nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

/// Handed out: the one answer that says it, and whoever reads that answer.
impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("not of the shape of a token"))
    }
}

impl Secret {
    /// A new one, from the operating system's randomness.
    pub fn generate() -> Result<Self, ServiceError> {
        let mut random = [0_u8; ID_CHARACTERS + SECRET_BYTES];
        getrandom::fill(&mut random).map_err(ServiceError::internal)?;
        let (id, secret) = random.split_at(ID_CHARACTERS);
        let id: String =
            id.iter().map(|byte| char::from(ID_ALPHABET[usize::from(byte % 32)])).collect();
        Ok(Self(format!("{PREFIX}{id}_{}", hex::encode(secret))))
    }

    /// Takes what somebody sent, if it has the shape of a token.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(PREFIX)?;
        let (id, secret) = rest.split_once('_')?;
        let is_token = text.len() == TOKEN_CHARACTERS
            && id.len() == ID_CHARACTERS
            && id.bytes().all(|byte| ID_ALPHABET.contains(&byte))
            && secret.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        is_token.then(|| Self(text.to_owned()))
    }

    /// The part that finds the row, and that may be shown in lists.
    pub fn id(&self) -> &str {
        &self.0[PREFIX.len()..PREFIX.len() + ID_CHARACTERS]
    }

    /// What is kept of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256Digest::of(self.0.as_bytes()))
    }

    /// The whole token, to hand it out.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// What a row keeps of a token.
#[derive(Debug, Clone, Copy)]
pub struct TokenHash(pub Sha256Digest);

impl PartialEq for TokenHash {
    /// Takes the same time wherever the two differ.
    fn eq(&self, other: &Self) -> bool {
        let pairs = self.0.as_bytes().iter().zip(other.0.as_bytes());
        pairs.fold(0, |differences, (left, right)| differences | (left ^ right)) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_and_found_by_its_id() {
        let token = Secret::generate().unwrap();
        let read = Secret::parse(token.reveal()).unwrap();
        assert_eq!((read.id(), read.hash()), (token.id(), token.hash()));
        assert_eq!(token.reveal().len(), TOKEN_CHARACTERS);
    }

    #[test]
    fn what_has_not_the_shape_of_a_token_is_none() {
        let token = Secret::generate().unwrap().reveal().to_owned();
        for wrong in
            ["", "srt_", "srt_a_b", &token[1..], &format!("{token}0"), &token.to_uppercase()]
        {
            assert!(Secret::parse(wrong).is_none(), "{wrong}");
        }
        assert!(Secret::parse(&format!("srt_ä{}", &token[6..])).is_none());
    }

    #[test]
    fn another_token_has_another_digest_and_no_debug_form_shows_one() {
        let (one, other) = (Secret::generate().unwrap(), Secret::generate().unwrap());
        assert_ne!(one.hash(), other.hash());
        assert!(!format!("{one:?}").contains(one.id()));
    }
}
