//! Whose turn it is to look at an object that was found damaged. A look reads every byte of it, however many ask for the
//! file: so there is one at a time, and none again right after it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use strongroom_storage::Clock;
use uuid::Uuid;

/// After a look at an object ended, this process does not look at it for as long.
const LOOK_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(60);
/// Objects that are looked at, or were a moment ago, and so are known here. Further ones wait until some are forgotten.
const LOOKS_KNOWN_MAX: usize = 4_096;
/// Objects that are looked at at once.
const LOOKS_AT_ONCE_MAX: usize = 8;

/// The looks of this process, by the location of the object.
#[derive(Debug, Default)]
pub(super) struct Looks(Mutex<HashMap<Uuid, Look>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    UnderWay,
    Ended(Timestamp),
}

/// Whoever has it looks. The look ends with it, also where nobody waits for it any more.
#[derive(Debug)]
pub(super) struct Turn<'l> {
    looks: &'l Looks,
    clock: &'l Clock,
    location: Uuid,
}

impl Looks {
    /// The turn to look at an object; `None` where it is looked at, or was a moment ago, or where as many others are
    /// as there may be.
    pub(super) fn turn<'l>(&'l self, location: Uuid, clock: &'l Clock) -> Option<Turn<'l>> {
        let now = clock.now();
        let mut looks = self.inner();
        looks.retain(|_, look| look.is_known_at(now));
        let under_way = looks.values().filter(|look| **look == Look::UnderWay).count();
        let is_known = looks.contains_key(&location);
        if is_known || under_way >= LOOKS_AT_ONCE_MAX || looks.len() >= LOOKS_KNOWN_MAX {
            return None;
        }
        looks.insert(location, Look::UnderWay);
        Some(Turn { looks: self, clock, location })
    }

    fn inner(&self) -> MutexGuard<'_, HashMap<Uuid, Look>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Look {
    /// Whether it keeps others from looking. By a clock that went back it would for ever.
    fn is_known_at(self, now: Timestamp) -> bool {
        match self {
            Self::UnderWay => true,
            Self::Ended(at) => now.duration_since(at).abs() < LOOK_AGAIN_AFTER,
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.looks.inner().insert(self.location, Look::Ended(self.clock.now()));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    /// A clock that shows a second, and what turns it.
    fn clock() -> (Clock, Arc<AtomicI64>) {
        let second = Arc::new(AtomicI64::new(0));
        let shown = Arc::clone(&second);
        let now = move || Timestamp::from_second(shown.load(Ordering::SeqCst)).unwrap();
        (Clock::new(now), second)
    }

    fn id(number: usize) -> Uuid {
        Uuid::from_u128(number as u128)
    }

    #[test]
    fn an_object_is_looked_at_by_one_and_again_after_a_while() {
        let (clock, second) = clock();
        let looks = Looks::default();
        let turn = looks.turn(id(1), &clock).expect("the first");
        assert!(looks.turn(id(1), &clock).is_none(), "somebody looks");
        assert!(looks.turn(id(2), &clock).is_some(), "another object");
        second.store(3_600, Ordering::SeqCst);
        assert!(looks.turn(id(1), &clock).is_none(), "however long it takes");
        drop(turn);
        second.fetch_add(59, Ordering::SeqCst);
        assert!(looks.turn(id(1), &clock).is_none(), "a moment ago");
        second.fetch_add(1, Ordering::SeqCst);
        assert!(looks.turn(id(1), &clock).is_some());
        second.store(0, Ordering::SeqCst);
        assert!(looks.turn(id(1), &clock).is_some(), "the clock went back by an hour");
    }

    #[test]
    fn so_many_are_looked_at_at_once_and_so_many_are_known() {
        let (clock, second) = clock();
        let looks = Looks::default();
        let turns: Vec<_> =
            (0..LOOKS_AT_ONCE_MAX).map(|nth| looks.turn(id(nth), &clock).unwrap()).collect();
        assert!(looks.turn(id(LOOKS_AT_ONCE_MAX), &clock).is_none());
        drop(turns);
        for nth in LOOKS_AT_ONCE_MAX..LOOKS_KNOWN_MAX {
            drop(looks.turn(id(nth), &clock).unwrap());
        }
        assert!(looks.turn(id(LOOKS_KNOWN_MAX), &clock).is_none());
        second.fetch_add(60, Ordering::SeqCst);
        assert!(looks.turn(id(LOOKS_KNOWN_MAX), &clock).is_some());
        assert_eq!(looks.inner().len(), 1, "those that are over are forgotten");
    }
}
