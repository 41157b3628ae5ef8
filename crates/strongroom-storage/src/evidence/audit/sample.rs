//! Which part of a store an audit looks at: every m-th bundle, by its id.

use std::fmt;
use std::str::FromStr;

use strongroom_core::digest::Sha256Hasher;
use strongroom_core::{BundleId, Sha256Digest};

/// Parts that a store may be divided into.
const PARTS_MAX: u32 = 1_000_000;

/// One part of `parts` equal ones. A bundle belongs to the part `1 + N mod parts`, where `N` is the
/// number in the first eight bytes of its id, the most significant first. What has no id belongs to
/// a part by the SHA-256 of its key, likewise. So the parts 1 to `parts` cover everything once, and
/// the same part is the same bundles each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    part: u32,
    parts: u32,
}

impl Sample {
    /// The whole store.
    pub const ALL: Self = Self { part: 1, parts: 1 };

    /// Whether this is less than the whole store.
    pub fn is_partial(self) -> bool {
        self.parts > 1
    }

    /// Whether a bundle belongs to this part.
    pub(super) fn admits(self, id: BundleId) -> bool {
        self.admits_digest(id.0)
    }

    /// Whether something without an id belongs to this part.
    pub(super) fn admits_key(self, key: &str) -> bool {
        if self.parts == 1 {
            return true;
        }
        let mut hasher = Sha256Hasher::new();
        hasher.update(key.as_bytes());
        self.admits_digest(hasher.finish())
    }

    fn admits_digest(self, digest: Sha256Digest) -> bool {
        leading_number(digest) % u64::from(self.parts) == u64::from(self.part - 1)
    }
}

/// The number in the first eight bytes of a digest, the most significant first.
pub(super) fn leading_number(digest: Sha256Digest) -> u64 {
    digest.as_bytes()[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.parts)
    }
}

impl FromStr for Sample {
    type Err = InvalidSample;

    fn from_str(text: &str) -> Result<Self, InvalidSample> {
        let (part, parts) = text.split_once('/').ok_or(InvalidSample)?;
        let number = |digits: &str| match digits.bytes().all(|byte| byte.is_ascii_digit()) {
            true => digits.parse::<u32>().map_err(|_| InvalidSample),
            false => Err(InvalidSample),
        };
        let sample = Self { part: number(part)?, parts: number(parts)? };
        let is_one =
            (1..=PARTS_MAX).contains(&sample.parts) && (1..=sample.parts).contains(&sample.part);
        is_one.then_some(sample).ok_or(InvalidSample)
    }
}

/// A text that names no part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected n/m, such as 1/7, with n from 1 to m and m up to {PARTS_MAX}")]
pub struct InvalidSample;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_cover_every_bundle_and_key_exactly_once() {
        for parts in [1_u32, 2, 7, 1_000] {
            for number in 0..200_u32 {
                let digest = Sha256Digest::of(&number.to_be_bytes());
                let key = format!("runs/{number}/readme");
                let samples = (1..=parts).map(|part| Sample { part, parts });
                let takers = samples.clone().filter(|sample| sample.admits(BundleId(digest)));
                assert_eq!(takers.count(), 1);
                assert_eq!(samples.filter(|sample| sample.admits_key(&key)).count(), 1);
            }
        }
    }

    #[test]
    fn a_bundles_part_follows_from_the_first_bytes_of_its_id() {
        let mut bytes = [0; 32];
        bytes[7] = 9;
        let id = BundleId(Sha256Digest::from_bytes(bytes));
        assert!("3/7".parse::<Sample>().is_ok_and(|third| third.admits(id)));
        assert!("2/7".parse::<Sample>().is_ok_and(|second| !second.admits(id)));
    }

    #[test]
    fn what_names_no_part_is_refused() {
        for text in ["", "1", "0/7", "8/7", "1/0", "+1/7", "1/1000001", "1/2/3", "a/b"] {
            assert_eq!(text.parse::<Sample>(), Err(InvalidSample), "{text}");
        }
        assert_eq!("1/7".parse::<Sample>().map(|sample| sample.to_string()), Ok("1/7".to_owned()));
    }
}
