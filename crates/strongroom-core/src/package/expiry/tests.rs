use proptest::prelude::*;

use super::*;
use crate::limits::LOCK_DAYS_MAX;
use crate::package::class::{RetentionClass, RuleSet};

const DAY: i64 = 24 * 3600;
/// 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600;

fn time(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a timestamp")
}

fn rule(class: RetentionClass) -> RetentionRule {
    RuleSet::default().of(class)
}

#[test]
fn a_package_is_kept_for_the_days_of_its_class_unless_more_are_asked_for() {
    let start = time("2026-01-01T00:00:00Z");
    let raw = rule(RetentionClass::RawEvidence);
    let class_date = Some(time("2026-07-03T00:00:00Z"));
    assert_eq!(expiry(&raw, None, start), Ok(class_date));
    assert_eq!(expiry(&raw, Some(1), start), Ok(class_date), "never less than the class keeps");
    assert_eq!(expiry(&raw, Some(365), start), Ok(Some(time("2027-01-01T00:00:00Z"))));
}

#[test]
fn a_permanent_record_has_no_date_whatever_is_asked() {
    let permanent = rule(RetentionClass::PermanentRecord);
    for asked in [None, Some(1), Some(LOCK_DAYS_MAX), Some(u32::MAX)] {
        assert_eq!(expiry(&permanent, asked, second(NOW)), Ok(None));
    }
}

#[test]
fn more_days_than_any_store_takes_are_refused() {
    let raw = rule(RetentionClass::RawEvidence);
    assert!(expiry(&raw, Some(LOCK_DAYS_MAX), second(NOW)).is_ok());
    for days in [LOCK_DAYS_MAX + 1, u32::MAX] {
        assert_eq!(expiry(&raw, Some(days), second(NOW)), Err(RetentionError::TooLong), "{days}");
    }
}

#[test]
fn an_object_is_under_what_its_package_promises() {
    let now = time("2026-01-01T00:00:00Z");
    let date = time("2026-06-01T00:00:00Z");
    let mode = Some(LockMode::Compliance);
    let until = |mode, expires_at, held_until| {
        let lock = target(mode, expires_at, false, held_until, now).unwrap();
        assert!(!lock.legal_hold);
        lock.retention.map(|retention| (retention.mode, retention.retain_until))
    };
    let locked = |until| Some((LockMode::Compliance, until));
    assert_eq!(until(mode, Some(date), None), locked(date));
    assert_eq!(until(mode, Some(now), None), None, "nothing is left to promise");
    assert_eq!(until(None, Some(date), None), None, "no lock is asked for");
    // Without a date it rolls, and is moved only when half of it is over.
    let rolled = now + SignedDuration::from_hours(24 * i64::from(ROLLING_LOCK_DAYS));
    assert_eq!(until(mode, None, None), locked(rolled));
    let (fresh, due) =
        (rolled - SignedDuration::from_hours(1), now + SignedDuration::from_hours(1));
    assert_eq!(until(mode, None, Some(fresh)), locked(fresh));
    assert_eq!(until(mode, None, Some(due)), locked(rolled));
    // A hold needs no class that locks.
    let held = target(None, Some(date), true, None, now).unwrap();
    assert_eq!((held.retention, held.legal_hold), (None, true));
}

#[test]
fn an_extension_only_moves_a_date_later() {
    let now = time("2026-01-01T00:00:00Z");
    let current = time("2026-06-01T00:00:00Z");
    let later = time("2026-06-01T00:00:01Z");
    assert_eq!(extend(Some(current), later, now), Ok(later));
    assert_eq!(extend(Some(current), current, now), Err(ExtensionRefused::NotLater));
    assert_eq!(extend(Some(later), current, now), Err(ExtensionRefused::NotLater));
    assert_eq!(extend(None, later, now), Err(ExtensionRefused::NoDate));
    let past = time("2025-12-31T00:00:00Z");
    let lapsed = time("2025-01-01T00:00:00Z");
    let refused = ExtensionRefused::Date(RetentionError::NotInFuture);
    assert_eq!(extend(Some(lapsed), past, now), Err(refused));
    let far = time("2200-01-01T00:00:00Z");
    assert_eq!(
        extend(Some(current), far, now),
        Err(ExtensionRefused::Date(RetentionError::TooLong))
    );
}

#[test]
fn a_package_may_go_from_its_date_on_unless_it_is_held() {
    let date = second(NOW);
    let just_before = second(NOW - 1);
    let at = |holds, now| eligibility(PackageStatus::Finalized, Some(date), holds, now);
    assert_eq!(at(0, just_before), Eligibility::NotYet { until: date });
    assert_eq!(at(0, date), Eligibility::Eligible);
    for holds in [1, 2, u32::MAX] {
        assert_eq!(at(holds, date), Eligibility::Held { holds });
        assert!(!at(holds, date).allows(true), "no right overrides a hold");
    }
    let permanent = eligibility(PackageStatus::Finalized, None, 0, date);
    assert_eq!(permanent, Eligibility::NoDate);
    assert!(permanent.allows(true) && !permanent.allows(false));
    assert!(at(0, just_before).allows(true) && !at(0, just_before).allows(false));
}

#[test]
fn only_evidence_can_become_eligible() {
    let eligible: Vec<&str> = PackageStatus::ALL
        .iter()
        .filter(|status| {
            eligibility(**status, Some(second(NOW)), 0, second(NOW)) == Eligibility::Eligible
        })
        .map(|status| status.as_str())
        .collect();
    assert_eq!(eligible, ["finalized", "deletion_requested", "deleting", "deletion_blocked"]);
}

#[test]
fn a_rolling_lock_is_renewed_when_half_of_it_is_over() {
    let now = time("2026-01-01T00:00:00Z");
    let held = lock_until(None, now).unwrap().unwrap();
    assert_eq!(held, time("2027-01-01T00:00:00Z"));
    let half = now + half_of_rolling();
    let before = half - SignedDuration::from_secs(1);
    assert_eq!(renewal(Some(held), None, before), Ok(None));
    let renewed = renewal(Some(held), None, half).unwrap().unwrap();
    assert_eq!(renewed, half + SignedDuration::from_hours(i64::from(ROLLING_LOCK_DAYS) * 24));
}

#[test]
fn a_lock_that_ends_before_the_packages_date_is_moved_there() {
    let (now, date) = (second(NOW), second(NOW + 100 * DAY));
    assert_eq!(renewal(Some(second(NOW + DAY)), Some(date), now), Ok(Some(date)));
    assert_eq!(renewal(None, Some(date), now), Ok(Some(date)));
    assert_eq!(renewal(Some(date), Some(date), now), Ok(None));
    let finer = date + SignedDuration::from_millis(300);
    assert_eq!(renewal(Some(date), Some(finer), now), Ok(None), "stores answer in seconds");
    assert_eq!(renewal(None, Some(now), now), Ok(None), "nothing is left to promise");
}

fn any_class() -> impl Strategy<Value = RetentionClass> {
    proptest::sample::select(RetentionClass::ALL)
}

fn any_status() -> impl Strategy<Value = PackageStatus> {
    proptest::sample::select(PackageStatus::ALL)
}

fn any_time() -> impl Strategy<Value = Timestamp> {
    (NOW..NOW + 40_000 * DAY).prop_map(second)
}

proptest! {
    #[test]
    fn no_date_is_earlier_than_the_classs_own(
        class in any_class(),
        asked in proptest::option::of(0..=LOCK_DAYS_MAX),
        start in any_time(),
    ) {
        let default = expiry(&rule(class), None, start).unwrap();
        let dated = expiry(&rule(class), asked, start).unwrap();
        prop_assert_eq!(dated.is_none(), default.is_none());
        prop_assert!(dated >= default);
    }

    #[test]
    fn no_extension_shortens(
        current in any_time(),
        asked in any_time(),
        now in any_time(),
    ) {
        if let Ok(extended) = extend(Some(current), asked, now) {
            prop_assert!(extended > current && extended > now && extended == asked);
        }
    }

    #[test]
    fn nothing_that_is_held_may_go(
        status in any_status(),
        expires_at in proptest::option::of(any_time()),
        holds in 1_u32..4,
        now in any_time(),
        early: bool,
    ) {
        prop_assert!(!eligibility(status, expires_at, holds, now).allows(early));
    }

    #[test]
    fn nothing_goes_before_its_date_unless_somebody_says_so(
        status in any_status(),
        expires_at in proptest::option::of(any_time()),
        holds in 0_u32..3,
        now in any_time(),
    ) {
        let allowed = eligibility(status, expires_at, holds, now).allows(false);
        prop_assert!(!allowed || expires_at.is_some_and(|date| date <= now));
    }

    #[test]
    fn no_renewal_shortens_a_lock(
        held in proptest::option::of(any_time()),
        expires_at in proptest::option::of(any_time()),
        now in any_time(),
    ) {
        if let Some(renewed) = renewal(held, expires_at, now).unwrap() {
            prop_assert!(held.is_none_or(|held| renewed > held));
            prop_assert!(renewed > now);
        }
    }

    /// The job runs again and again, each time less than half a rolling period after the last.
    #[test]
    fn no_lock_lapses_before_the_packages_date_if_it_is_renewed_on_time(
        expires_in in proptest::option::of(1..4_000 * DAY),
        extended_by in 0..2_000 * DAY,
        steps in proptest::collection::vec(1..i64::from(ROLLING_LOCK_DAYS) * DAY / 2, 1..40),
    ) {
        let mut now = NOW;
        let mut date = expires_in.map(|after| second(NOW + after));
        let mut held = lock_until(date, second(now)).unwrap().unwrap();
        for (at, step) in steps.iter().enumerate() {
            if at == 1 && date.is_some_and(|date| date > second(now)) {
                date = date.map(|date| date + SignedDuration::from_secs(extended_by));
            }
            held = renewal(Some(held), date, second(now)).unwrap().unwrap_or(held);
            now += step;
            // Until the job runs again the lock is there, or the promise is over.
            prop_assert!(held > second(now) || date.is_some_and(|date| date <= second(now)));
        }
    }
}
