//! Whose turn it is to look at an object that was found damaged. A look reads every byte of it, however many ask for the
//! file: so there is one at a time, and none again right after it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use strongroom_storage::Clock;
use uuid::Uuid;

/// After a look at an object came to its end, this process does not look at it for as long.
const LOOK_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(60);
/// Objects that are looked at, or were a moment ago, and so are known here. Further ones wait until some are forgotten.
const LOOKS_KNOWN_MAX: usize = 4_096;
/// Objects that are looked at at once.
const LOOKS_AT_ONCE_MAX: usize = 8;

/// The looks of this process, by the location of the object. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Looks(Arc<Mutex<HashMap<Uuid, State>>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    UnderWay,
    Ended(Timestamp),
}

/// Whether an object is looked at now.
#[derive(Debug)]
pub(super) enum Turn {
    /// By whoever asked.
    Ours(OurTurn),
    /// By somebody else.
    Theirs,
    /// By nobody: it was a moment ago, or as many others are as there may be.
    NotNow,
}

/// Whoever has it looks. The look ends with it: where it found nothing out, the next may look at once.
#[derive(Debug)]
pub(super) struct OurTurn {
    looks: Looks,
    clock: Clock,
    location: Uuid,
    has_found: bool,
}

impl Looks {
    /// The turn to look at an object.
    pub(super) fn turn(&self, location: Uuid, clock: &Clock) -> Turn {
        let now = clock.now();
        let mut looks = self.inner();
        looks.retain(|_, look| look.is_known_at(now));
        let under_way = looks.values().filter(|look| **look == State::UnderWay).count();
        match looks.get(&location) {
            Some(State::UnderWay) => return Turn::Theirs,
            Some(State::Ended(_)) => return Turn::NotNow,
            None if under_way >= LOOKS_AT_ONCE_MAX || looks.len() >= LOOKS_KNOWN_MAX => {
                return Turn::NotNow;
            }
            None => looks.insert(location, State::UnderWay),
        };
        let (looks, clock) = (self.clone(), clock.clone());
        Turn::Ours(OurTurn { looks, clock, location, has_found: false })
    }

    fn inner(&self) -> MutexGuard<'_, HashMap<Uuid, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether it keeps others from looking. By a clock that went back it would for ever.
    fn is_known_at(self, now: Timestamp) -> bool {
        match self {
            Self::UnderWay => true,
            Self::Ended(at) => now.duration_since(at).abs() < LOOK_AGAIN_AFTER,
        }
    }
}

impl OurTurn {
    /// The look came to its end and found something out.
    pub(super) fn found(mut self) {
        self.has_found = true;
    }
}

impl Drop for OurTurn {
    fn drop(&mut self) {
        let mut looks = self.looks.inner();
        match self.has_found {
            true => looks.insert(self.location, State::Ended(self.clock.now())),
            false => looks.remove(&self.location),
        };
    }
}

#[cfg(test)]
mod tests {
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

    fn ours(turn: Turn) -> OurTurn {
        let Turn::Ours(ours) = turn else { panic!("{turn:?}") };
        ours
    }

    #[test]
    fn an_object_is_looked_at_by_one_and_again_after_a_while() {
        let (clock, second) = clock();
        let looks = Looks::default();
        let first = ours(looks.turn(id(1), &clock));
        assert!(matches!(looks.turn(id(1), &clock), Turn::Theirs));
        drop(ours(looks.turn(id(2), &clock)));
        second.store(3_600, Ordering::SeqCst);
        assert!(matches!(looks.turn(id(1), &clock), Turn::Theirs), "however long it takes");
        first.found();
        second.fetch_add(59, Ordering::SeqCst);
        assert!(matches!(looks.turn(id(1), &clock), Turn::NotNow), "a moment ago");
        second.fetch_add(1, Ordering::SeqCst);
        ours(looks.turn(id(1), &clock)).found();
        second.store(0, Ordering::SeqCst);
        // The clock went back by an hour.
        ours(looks.turn(id(1), &clock)).found();
    }

    #[test]
    fn a_look_that_found_nothing_out_keeps_nobody_from_looking() {
        let (clock, _) = clock();
        let looks = Looks::default();
        drop(ours(looks.turn(id(1), &clock)));
        ours(looks.turn(id(1), &clock)).found();
        assert!(matches!(looks.turn(id(1), &clock), Turn::NotNow));
    }

    #[test]
    fn so_many_are_looked_at_at_once_and_so_many_are_known() {
        let (clock, second) = clock();
        let looks = Looks::default();
        let turns: Vec<_> =
            (0..LOOKS_AT_ONCE_MAX).map(|nth| ours(looks.turn(id(nth), &clock))).collect();
        assert!(matches!(looks.turn(id(LOOKS_AT_ONCE_MAX), &clock), Turn::NotNow));
        turns.into_iter().for_each(OurTurn::found);
        for nth in LOOKS_AT_ONCE_MAX..LOOKS_KNOWN_MAX {
            ours(looks.turn(id(nth), &clock)).found();
        }
        assert!(matches!(looks.turn(id(LOOKS_KNOWN_MAX), &clock), Turn::NotNow));
        second.fetch_add(60, Ordering::SeqCst);
        ours(looks.turn(id(LOOKS_KNOWN_MAX), &clock)).found();
        assert_eq!(looks.inner().len(), 1, "those that are over are forgotten");
    }
}
