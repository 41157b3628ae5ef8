//! Digests as S3 sends and checks them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use s3s::S3Result;
use sha2::{Digest as _, Sha256};

use super::fault::{Behaviour, Behaviours};
use super::refusal::{bad_digest, refuse};
use super::state::{KeptSha256, Part};

pub(crate) fn md5_hex(bytes: &[u8]) -> String {
    hex::encode(Md5::digest(bytes))
}

pub(crate) fn sha256_base64(bytes: &[u8]) -> String {
    STANDARD.encode(Sha256::digest(bytes))
}

pub(crate) fn whole_sha256(bytes: &[u8]) -> KeptSha256 {
    KeptSha256 { text: sha256_base64(bytes), is_composite: false }
}

/// Which digests the store compares.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compares {
    pub(crate) md5: bool,
    pub(crate) sha256: bool,
}

/// What a writer said of the bytes that it sent.
pub(crate) struct Claimed<'a> {
    pub(crate) md5: Option<&'a str>,
    pub(crate) sha256: Option<&'a str>,
}

impl Claimed<'_> {
    /// Refuses bytes that are not what the writer said.
    pub(crate) fn check(&self, bytes: &[u8], compares: Compares) -> S3Result<()> {
        if let Some(claimed) = self.md5.filter(|_| compares.md5) {
            let decoded = STANDARD.decode(claimed).ok().filter(|digest| digest.len() == 16);
            let Some(decoded) = decoded else {
                return Err(refuse(
                    400,
                    "InvalidDigest",
                    "The Content-MD5 you specified is not valid",
                ));
            };
            if decoded != Md5::digest(bytes).as_slice() {
                return Err(bad_digest());
            }
        }
        match self.sha256.filter(|_| compares.sha256) {
            Some(claimed) if claimed != sha256_base64(bytes) => Err(bad_digest()),
            _ => Ok(()),
        }
    }
}

/// The SHA-256 to answer: the one that was kept, unless the store lies or says nothing.
pub(crate) fn told<'a>(
    kept: Option<&'a KeptSha256>,
    behaviours: &Behaviours,
) -> Option<std::borrow::Cow<'a, KeptSha256>> {
    let kept = kept?;
    if behaviours.has(Behaviour::TellsNoChecksum) {
        return None;
    }
    if behaviours.has(Behaviour::EchoesWrongChecksum) {
        let parts = kept.text.split_once('-').map(|(_, parts)| format!("-{parts}"));
        let text = sha256_base64(b"something else") + &parts.unwrap_or_default();
        return Some(std::borrow::Cow::Owned(KeptSha256 { text, ..kept.clone() }));
    }
    Some(std::borrow::Cow::Borrowed(kept))
}

/// The entity tag of a multipart object: MD5 of the parts' MD5s, and their number.
pub(crate) fn composite_etag(parts: &[Part]) -> String {
    let mut whole = Md5::new();
    for part in parts {
        whole.update(hex::decode(&part.etag).unwrap_or_default());
    }
    format!("{}-{}", hex::encode(whole.finalize()), parts.len())
}

/// The composite SHA-256 of a multipart object, where every part has its own.
pub(crate) fn composite_sha256(parts: &[Part]) -> Option<KeptSha256> {
    let mut whole = Sha256::new();
    for part in parts {
        whole.update(STANDARD.decode(part.sha256.as_ref()?).ok()?);
    }
    let text = format!("{}-{}", STANDARD.encode(whole.finalize()), parts.len());
    Some(KeptSha256 { text, is_composite: true })
}
