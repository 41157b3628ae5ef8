//! A lock held against what is promised. Pure; the caller reads the lock.

use jiff::Timestamp;
use strongroom_core::observed::Observed;
use strongroom_core::retention::Lock;

use super::finding::Problem;
use crate::SeenLock;

/// The times that a lock is held against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// The store's present.
    pub(super) now: Timestamp,
    /// Locks that end before this are told.
    pub(super) expiring_before: Option<Timestamp>,
}

/// What is wrong with the lock of an object of which `promised` is promised; the worst thing, if
/// anything is. What was not seen counts neither as held nor as missing.
pub(super) fn judge(promised: &Lock, seen: &SeenLock, times: Times) -> Option<Problem> {
    let Times { now, expiring_before } = times;
    let promise_ended = promised.retention.filter(|retention| retention.retain_until <= now);
    let still_promised =
        Lock { retention: promised.retention.filter(|_| promise_ended.is_none()), ..*promised };
    if lacks_for_certain(&still_promised, seen) {
        return Some(Problem::LockWeaker { promised: still_promised, seen: seen.certain() });
    }
    let unseen = match (promised.retention, promised.legal_hold) {
        (Some(_), _) if seen.retention.reason().is_some() => seen.retention.reason(),
        // Whatever its date, a hold that is seen to be on holds the object.
        (_, true) => seen.legal_hold.reason(),
        _ => None,
    };
    if let Some(reason) = unseen {
        return Some(Problem::LockUnobserved { promised: *promised, reason });
    }
    let held = seen.certain();
    let ends = held.retention.map(|retention| retention.retain_until);
    if held.legal_hold {
        return None;
    }
    if let Some(ended) = promise_ended
        && ends.is_none_or(|ends| ends <= now)
    {
        // With the hold unseen, it is not known that nothing holds it.
        return Some(match seen.legal_hold.reason() {
            Some(reason) => Problem::LockUnobserved { promised: *promised, reason },
            None => Problem::LockLapsed { retain_until: ended.retain_until },
        });
    }
    let ends_soon = ends.filter(|ends| expiring_before.is_some_and(|before| *ends < before));
    ends_soon.map(|retain_until| Problem::LockExpiring { retain_until })
}

/// Whether what was seen already shows that part of what is promised is missing.
fn lacks_for_certain(promised: &Lock, seen: &SeenLock) -> bool {
    let retention = match (&seen.retention, promised.retention) {
        (Observed::Observed(held), Some(promised)) => {
            !held.is_some_and(|held| held.covers(promised))
        }
        _ => false,
    };
    retention || (promised.legal_hold && seen.legal_hold == Observed::Observed(false))
}

#[cfg(test)]
mod tests {
    use strongroom_core::observed::Unobserved::PermissionDenied;
    use strongroom_core::retention::LockMode::{self, Compliance, Governance};
    use strongroom_core::retention::Retention;

    use super::*;

    const PAST: &str = "2026-11-20T12:00:00Z";
    const NOW: &str = "2026-11-21T12:00:00Z";
    const SOON: &str = "2026-12-01T12:00:00Z";
    const LATER: &str = "2033-11-21T12:00:00Z";

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    fn until(mode: LockMode, time: &str) -> Option<Retention> {
        Some(Retention { mode, retain_until: at(time) })
    }

    fn seen(retention: Option<Retention>, legal_hold: bool) -> SeenLock {
        SeenLock {
            retention: Observed::Observed(retention),
            legal_hold: Observed::Observed(legal_hold),
            read_at: None,
        }
    }

    /// The kind of what is found, for a lock that is promised and one that is seen.
    fn found(promised: (Option<Retention>, bool), seen: &SeenLock) -> &'static str {
        let promised = Lock { retention: promised.0, legal_hold: promised.1 };
        let month = at("2026-12-21T12:00:00Z");
        let times = Times { now: at(NOW), expiring_before: Some(month) };
        judge(&promised, seen, times).map_or("nothing", |problem| problem.kind())
    }

    #[test]
    fn a_lock_is_held_against_what_is_promised() {
        let governed = until(Governance, LATER);
        let table = [
            // promised, seen, found
            ((governed, false), seen(governed, false), "nothing"),
            ((governed, false), seen(until(Compliance, LATER), false), "nothing"),
            ((until(Governance, SOON), false), seen(governed, false), "nothing"),
            ((governed, false), seen(None, false), "lock_weaker"),
            ((governed, false), seen(until(Governance, SOON), false), "lock_weaker"),
            ((governed, false), seen(until(Governance, PAST), false), "lock_weaker"),
            ((governed, false), seen(None, true), "lock_weaker"),
            ((until(Compliance, SOON), false), seen(governed, false), "lock_weaker"),
            ((None, true), seen(None, true), "nothing"),
            ((None, true), seen(governed, false), "lock_weaker"),
            ((governed, true), seen(governed, false), "lock_weaker"),
        ];
        for (promised, seen, expected) in table {
            assert_eq!(found(promised, &seen), expected, "{promised:?} {seen:?}");
        }
    }

    #[test]
    fn a_lock_lapses_when_its_promise_has_ended_and_nothing_else_holds() {
        let ended = until(Governance, PAST);
        let table = [
            ((ended, false), seen(ended, false), "lock_lapsed"),
            ((ended, false), seen(None, false), "lock_lapsed"),
            // Somebody made it longer, and no record of ours says so.
            ((ended, false), seen(until(Governance, LATER), false), "nothing"),
            ((ended, false), seen(until(Governance, SOON), false), "lock_expiring"),
            ((ended, false), seen(ended, true), "nothing"),
            ((ended, true), seen(ended, true), "nothing"),
            ((ended, true), seen(ended, false), "lock_weaker"),
            ((until(Governance, NOW), false), seen(until(Governance, NOW), false), "lock_lapsed"),
        ];
        for (promised, seen, expected) in table {
            assert_eq!(found(promised, &seen), expected, "{promised:?} {seen:?}");
        }
    }

    #[test]
    fn a_lock_that_ends_soon_is_told_unless_a_hold_outlasts_it() {
        let soon = until(Compliance, SOON);
        assert_eq!(found((soon, false), &seen(soon, false)), "lock_expiring");
        assert_eq!(found((soon, true), &seen(soon, true)), "nothing");
        let promised = Lock { retention: soon, legal_hold: false };
        let times = Times { now: at(NOW), expiring_before: None };
        assert_eq!(judge(&promised, &seen(soon, false), times), None);
    }

    #[test]
    fn what_was_not_seen_is_neither_held_nor_missing() {
        let governed = until(Governance, LATER);
        let hidden = SeenLock::unobserved(PermissionDenied);
        let hold_hidden = SeenLock {
            legal_hold: Observed::Unobserved(PermissionDenied),
            ..seen(governed, false)
        };
        let retention_hidden =
            SeenLock { retention: Observed::Unobserved(PermissionDenied), ..seen(None, true) };
        let ended = until(Governance, PAST);
        let lapsed_hold_hidden =
            SeenLock { legal_hold: Observed::Unobserved(PermissionDenied), ..seen(ended, false) };
        let table = [
            ((governed, false), &hidden, "lock_unobserved"),
            ((None, true), &hidden, "lock_unobserved"),
            // Nobody promised the hold that is not seen.
            ((governed, false), &hold_hidden, "nothing"),
            ((governed, true), &hold_hidden, "lock_unobserved"),
            ((governed, true), &retention_hidden, "lock_unobserved"),
            ((None, true), &retention_hidden, "nothing"),
            // The hold that is missing for certain says more than the date that was not seen.
            (
                (governed, true),
                &SeenLock { legal_hold: Observed::Observed(false), ..hidden.clone() },
                "lock_weaker",
            ),
            ((ended, false), &lapsed_hold_hidden, "lock_unobserved"),
        ];
        for (promised, seen, expected) in table {
            assert_eq!(found(promised, seen), expected, "{promised:?} {seen:?}");
        }
    }
}
