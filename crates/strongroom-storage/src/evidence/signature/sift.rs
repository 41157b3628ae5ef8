//! Which of the files under a bundle's signatures are kept while they are read: whoever may write can plant
//! any number, and none of them may take a valid one's place.

use std::collections::BTreeMap;

use jiff::Timestamp;
use strongroom_core::Sha256Digest;
use strongroom_core::signing::SignatureFile;
use strongroom_core::signing::check::CheckedSignature;
use strongroom_core::signing::demand::SourcedSignature;
use strongroom_core::signing::policy::SignatureState;
use strongroom_core::signing::statement::SignedBundle;

use super::read::StoredSignature;

/// Signatures of one bundle that are kept: valid ones, or where nobody said whom to believe those that may be.
const SIGNATURES_KEPT_MAX: usize = 1_000;
/// Bytes of them.
const SIGNATURES_KEPT_BYTES_MAX: usize = 64 << 20;
/// Files that are no such signatures, and are told and kept all the same.
const OTHER_SIGNATURES_MAX: usize = 1_000;
/// Bytes of them.
const OTHER_SIGNATURES_BYTES_MAX: usize = 64 << 20;

/// A signature, and what it is worth.
#[derive(Debug, Clone)]
pub struct LookedAt {
    /// As the store gave it.
    pub stored: StoredSignature,
    /// What it is worth for each bundle that was asked about, in their order.
    pub checked: Vec<CheckedSignature>,
}

impl LookedAt {
    /// What it is worth for the bundle that was asked about at this place.
    pub fn sourced(&self, at: usize) -> Option<SourcedSignature> {
        self.checked.get(at).map(|checked| SourcedSignature {
            source: self.stored.key.clone(),
            version_id: self.stored.version_id.clone(),
            checked: checked.clone(),
        })
    }

    /// Whether it counts, or may count for somebody who believes its key.
    fn may_count(&self, bundles: &[SignedBundle]) -> bool {
        let statement = || {
            let file = SignatureFile::read(self.stored.bytes.as_ref().ok()?).ok()?;
            file.unchecked_statement().ok()
        };
        self.checked.iter().zip(bundles).any(|(checked, bundle)| match checked.state {
            SignatureState::Unchecked => statement().is_some_and(|said| said.covers(bundle)),
            ref state => state.is_valid(),
        })
    }

    /// Whether it is a signature at all, by whomever.
    pub fn is_signature(&self) -> bool {
        self.checked.iter().any(|checked| checked.state != SignatureState::Invalid)
    }

    fn size_bytes(&self) -> usize {
        self.stored.bytes.as_ref().map_or(0, bytes::Bytes::len)
    }

    /// The earliest moment that is trusted: a signature that has one is worth more than the same without.
    fn trusted_since(&self) -> Option<Timestamp> {
        let times = self.checked.iter().flat_map(|checked| &checked.trusted_times);
        times.map(|trusted| trusted.time).min()
    }

    /// What is signed, and the signature: the same in every file that anybody makes of them.
    fn signature(&self) -> Option<(Sha256Digest, Vec<u8>)> {
        let file = SignatureFile::read(self.stored.bytes.as_ref().ok()?).ok()?;
        Some((Sha256Digest::of(&file.payload), file.signature))
    }
}

/// The signatures of one bundle.
#[derive(Debug, Clone, Default)]
pub struct StoredSignatures {
    /// Those that are kept, in the order of their digests.
    pub signatures: Vec<LookedAt>,
    /// Files beyond a limit that would change nothing: worth nothing for this bundle, or a kept signature
    /// once more.
    pub passed_over: u64,
    /// The limit that kept some from being looked at, or kept.
    pub cut_short: Option<&'static str>,
}

/// What is kept so far.
#[derive(Debug, Default)]
pub(super) struct Sift {
    kept: Vec<Kept>,
    signatures: Room,
    others: Room,
    passed_over: u64,
    cut_short: Option<&'static str>,
}

#[derive(Debug)]
struct Kept {
    looked_at: LookedAt,
    /// Of one that counts, or may.
    signature: Option<(Sha256Digest, Vec<u8>)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Room {
    count: usize,
    bytes: usize,
}

impl Room {
    fn with(self, bytes: usize) -> Self {
        Self { count: self.count + 1, bytes: self.bytes + bytes }
    }

    fn is_within(self, count_max: usize, bytes_max: usize) -> bool {
        self.count <= count_max && self.bytes <= bytes_max
    }
}

impl Sift {
    pub(super) fn take(&mut self, looked_at: LookedAt, bundles: &[SignedBundle]) {
        let size = looked_at.size_bytes();
        if !looked_at.may_count(bundles) {
            let room = self.others.with(size);
            if !room.is_within(OTHER_SIGNATURES_MAX, OTHER_SIGNATURES_BYTES_MAX) {
                self.passed_over += 1;
                return;
            }
            self.others = room;
            self.kept.push(Kept { looked_at, signature: None });
            return;
        }
        let signature = looked_at.signature();
        self.signatures = self.signatures.with(size);
        self.kept.push(Kept { looked_at, signature });
        if self.is_too_much() {
            self.drop_copies();
        }
        if self.is_too_much() {
            self.cut_short = Some("SIGNATURES_KEPT_MAX");
            self.kept.pop();
            self.count();
        }
    }

    pub(super) fn cut_short(&mut self, limit: &'static str) {
        self.cut_short = Some(limit);
    }

    pub(super) fn finish(self) -> StoredSignatures {
        StoredSignatures {
            signatures: self.kept.into_iter().map(|kept| kept.looked_at).collect(),
            passed_over: self.passed_over,
            cut_short: self.cut_short,
        }
    }

    fn is_too_much(&self) -> bool {
        !self.signatures.is_within(SIGNATURES_KEPT_MAX, SIGNATURES_KEPT_BYTES_MAX)
    }

    /// One signature can be written into any number of files. Of each the file with the earliest trusted
    /// time stays; of those that are alike in that, the smallest.
    fn drop_copies(&mut self) {
        let worth = |kept: &Kept| {
            let since = kept.looked_at.trusted_since();
            (since.is_none(), since, kept.looked_at.size_bytes())
        };
        let mut best: BTreeMap<(Sha256Digest, Vec<u8>), usize> = BTreeMap::new();
        for (at, kept) in self.kept.iter().enumerate() {
            let Some(signature) = kept.signature.clone() else { continue };
            let held = best.entry(signature).or_insert(at);
            if let Some(other) = self.kept.get(*held)
                && worth(kept) < worth(other)
            {
                *held = at;
            }
        }
        let before = self.kept.len();
        let mut at = 0;
        self.kept.retain(|kept| {
            let stays =
                kept.signature.as_ref().is_none_or(|signature| best.get(signature) == Some(&at));
            at += 1;
            stays
        });
        self.passed_over += (before - self.kept.len()) as u64;
        self.count();
    }

    fn count(&mut self) {
        let signatures = self.kept.iter().filter(|kept| kept.signature.is_some());
        self.signatures =
            signatures.fold(Room::default(), |room, kept| room.with(kept.looked_at.size_bytes()));
    }
}
