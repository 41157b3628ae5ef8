//! How a package is held, by what was read back of its objects' locks.

use super::named::named;
use crate::receipt::EnforcedBy;

named! {
    /// How far a package's locks have reached the store.
    pub enum LockState: "the state of a package's locks" {
        /// Nothing is asked of the store: the package is not finalized, or its class asks for no lock.
        None = "none",
        /// A job is bringing the locks to the objects.
        Applying = "applying",
        /// Each object was read back under the lock that it should have, which is the store's to keep.
        Held = "held",
        /// Each object was read back under it, and only Strongroom itself keeps it: whoever reaches the store by
        /// another way can delete.
        Advisory = "advisory",
        /// The store cannot hold some of them, and says so, or they are missing; their rows tell which.
        Partial = "partial",
        /// The store should hold them and does not, yet: tried again, and shown.
        Failed = "failed",
    }
}

/// How far an object was brought to what it should be under, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// It was read back under it, and the store keeps it so.
    Held,
    /// It was read back under it, and only Strongroom keeps it so.
    Advisory,
    /// The store cannot hold it so, and says so.
    Partial,
    /// The store could, and does not.
    Failed,
}

/// How many objects were brought how far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reached {
    /// See [`Reach::Held`].
    pub held: u64,
    /// See [`Reach::Advisory`].
    pub advisory: u64,
    /// See [`Reach::Partial`].
    pub partial: u64,
    /// See [`Reach::Failed`].
    pub failed: u64,
}

impl Reach {
    /// That of an object which was read back: under what it should be or not, in a store that says that it cannot hold it so,
    /// or does not say that, and whose locks are kept by these.
    pub fn of(covers: bool, cannot: bool, enforced_by: EnforcedBy) -> Self {
        match (covers, enforced_by) {
            (true, EnforcedBy::Strongroom) => Self::Advisory,
            (true, EnforcedBy::Store | EnforcedBy::None) => Self::Held,
            (false, _) if cannot => Self::Partial,
            (false, _) => Self::Failed,
        }
    }
}

impl Reached {
    /// Counts an object.
    pub fn add(&mut self, reach: Reach) {
        let count = match reach {
            Reach::Held => &mut self.held,
            Reach::Advisory => &mut self.advisory,
            Reach::Partial => &mut self.partial,
            Reach::Failed => &mut self.failed,
        };
        *count += 1;
    }

    /// That of the weakest object, which is all that can be said of the whole.
    pub fn weakest(&self) -> Reach {
        match self {
            Self { failed: 1.., .. } => Reach::Failed,
            Self { partial: 1.., .. } => Reach::Partial,
            Self { advisory: 1.., .. } => Reach::Advisory,
            _ => Reach::Held,
        }
    }
}

impl LockState {
    /// What a look at every object of a package came to. What fails shows also where nothing is asked any more: a bit
    /// that is to be off, and is not.
    pub fn of(asks: bool, weakest: Reach) -> Self {
        match (asks, weakest) {
            (_, Reach::Failed) => Self::Failed,
            (false, _) => Self::None,
            (true, Reach::Partial) => Self::Partial,
            (true, Reach::Advisory) => Self::Advisory,
            (true, Reach::Held) => Self::Held,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The strongest first.
    const REACHES: [Reach; 4] = [Reach::Held, Reach::Advisory, Reach::Partial, Reach::Failed];

    #[test]
    fn the_weakest_object_speaks_for_the_package() {
        let table = [
            ("held", "none"),
            ("advisory", "none"),
            ("partial", "none"),
            // What could not be undone shows all the same.
            ("failed", "failed"),
        ];
        for (weakest, (asked, unasked)) in (0..).zip(table) {
            // Each stronger one besides, or not, and the weakest first or last.
            for others in 0..1 << weakest {
                let stronger = (0..weakest).filter(|nth| others & (1 << nth) != 0);
                let mut seen: Vec<Reach> = stronger.map(|nth| REACHES[nth]).collect();
                seen.push(REACHES[weakest]);
                for _ in 0..seen.len() {
                    seen.rotate_left(1);
                    let mut reached = Reached::default();
                    seen.iter().for_each(|reach| reached.add(*reach));
                    let told = |asks| LockState::of(asks, reached.weakest()).as_str();
                    assert_eq!((told(true), told(false)), (asked, unasked), "{seen:?}");
                    assert_eq!(seen.iter().max(), Some(&reached.weakest()));
                }
            }
        }
    }

    #[test]
    fn what_was_read_back_says_how_far_an_object_was_brought() {
        for (covers, cannot, by_the_store, by_us) in [
            (true, false, Reach::Held, Reach::Advisory),
            // It covers what was asked, whatever else the store cannot.
            (true, true, Reach::Held, Reach::Advisory),
            (false, true, Reach::Partial, Reach::Partial),
            (false, false, Reach::Failed, Reach::Failed),
        ] {
            assert_eq!(Reach::of(covers, cannot, EnforcedBy::Store), by_the_store);
            assert_eq!(Reach::of(covers, cannot, EnforcedBy::Strongroom), by_us);
        }
    }

    #[test]
    fn a_lock_that_only_strongroom_keeps_is_never_told_as_held() {
        let mut reached = Reached { held: 1_000, ..Reached::default() };
        reached.add(Reach::of(true, false, EnforcedBy::Strongroom));
        assert_eq!(LockState::of(true, reached.weakest()), LockState::Advisory);
    }
}
