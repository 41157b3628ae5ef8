//! The bundles of a part of the store, and which of them references lead to. Bundles are walked by
//! id, references lie under days, runs and subjects, so one of them has to be held: it is the ids,
//! since there are fewer of them and they are all alike.

use strongroom_core::BundleId;

/// Ids that are held at a time: 33 bytes each. A store with more bundles is audited in slices, each
/// of which costs a listing of all references.
pub(super) const IDS_HELD_MAX: usize = 1 << 20;

/// What is known of one bundle, as bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Known(u8);

impl Known {
    /// An archive is there.
    pub(super) const PRESENT: Self = Self(1);
    /// A record is there: it was pushed.
    pub(super) const RECORDED: Self = Self(2);
    /// A reference of some kind leads to it.
    pub(super) const REFERENCED: Self = Self(4);
    /// A day lists it.
    pub(super) const INDEXED: Self = Self(8);
    /// It is a CAVRA directory.
    pub(super) const DIRECTORY: Self = Self(16);

    /// Both, where `condition` holds.
    pub(super) fn and(self, other: Self, condition: bool) -> Self {
        if condition { Self(self.0 | other.0) } else { self }
    }

    /// Whether all bits of `other` are set.
    pub(super) fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Ids in ascending order, and what is known of each.
#[derive(Debug, Default)]
pub(super) struct Held {
    ids: Vec<BundleId>,
    known: Vec<Known>,
}

impl Held {
    /// Adds an id that is greater than all before.
    pub(super) fn push(&mut self, id: BundleId, known: Known) {
        debug_assert!(self.ids.last().is_none_or(|last| *last < id), "a walk is in order");
        self.ids.push(id);
        self.known.push(known);
    }

    /// Adds an id of which something is there.
    pub(super) fn push_known(&mut self, id: BundleId, known: Option<Known>) {
        if let Some(known) = known {
            self.push(id, known);
        }
    }

    /// The greatest id.
    pub(super) fn last(&self) -> Option<BundleId> {
        self.ids.last().copied()
    }

    /// Adds to what is known of an id; answers whether it is held.
    pub(super) fn mark(&mut self, id: BundleId, known: Known) -> bool {
        let Ok(at) = self.ids.binary_search(&id) else { return false };
        self.known[at] = self.known[at].and(known, true);
        true
    }

    /// Every id with what is known of it.
    pub(super) fn iter(&self) -> impl Iterator<Item = (BundleId, Known)> {
        self.ids.iter().copied().zip(self.known.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use strongroom_core::Sha256Digest;

    use super::*;

    #[test]
    fn what_is_known_of_an_id_adds_up_and_others_are_not_held() {
        let mut ids = [b"a", b"b", b"c"].map(|text| BundleId(Sha256Digest::of(text)));
        ids.sort();
        let mut held = Held::default();
        held.push(ids[0], Known::PRESENT);
        held.push(ids[2], Known::default());
        assert!(held.mark(ids[0], Known::REFERENCED) && !held.mark(ids[1], Known::REFERENCED));
        let (_, known) = held.iter().next().unwrap();
        assert!(known.has(Known::PRESENT) && known.has(Known::REFERENCED));
        assert!(!known.has(Known::INDEXED));
        assert_eq!(held.last(), Some(ids[2]));
    }
}
