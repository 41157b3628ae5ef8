//! Which lock to send with a write: never weaker than what is asked, never weaker than what the
//! bucket would give by itself.

use jiff::Timestamp;
use serde::Serialize;
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::receipt::EnforcedBy;
use strongroom_core::retention::{
    DefaultRetention, Lock, LockMode, Period, Retention, check_clocks, check_date,
};

use super::{EvidenceError, EvidenceErrorKind};
use crate::protect;

pub(super) use crate::protect::DEFAULT_MARGIN;

/// What a person or a manifest asks for.
#[derive(Debug, Clone, Default)]
pub struct LockAsk {
    /// How strongly, when a date is asked for.
    pub mode: Option<LockMode>,
    /// An outright date.
    pub retain_until: Option<Timestamp>,
    /// Days from storing, where no date is given (the manifest's own retention).
    pub retention_days: Option<u32>,
    /// A legal hold.
    pub legal_hold: bool,
}

/// The lock that a push will send, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LockPlan {
    /// What is asked for; what the read-back is held against.
    pub asked: Lock,
    /// What the bucket gives every version by itself.
    pub bucket_default: Observed<Option<DefaultRetention>>,
    /// What goes out with the write. Nothing, where the bucket's default covers what is asked.
    pub to_send: Lock,
    /// What a new object ends up with: what is sent, or else what the bucket gives by itself.
    pub effective: Observed<Lock>,
    /// Who would refuse a deletion.
    pub enforced_by: EnforcedBy,
}

/// Decides what to send. `store_now` is the store's clock, `local_now` this machine's.
pub(super) fn plan(
    ask: &LockAsk,
    bucket_default: Observed<Option<DefaultRetention>>,
    enforced_by: EnforcedBy,
    store_now: Timestamp,
    local_now: Timestamp,
) -> Result<LockPlan, EvidenceError> {
    let asked = Lock { retention: asked_retention(ask, store_now)?, legal_hold: ask.legal_hold };
    if asked.retention.is_some() {
        check_clocks(local_now, store_now).map_err(refused)?;
    }
    let default = bucket_default.value().copied().flatten();
    let (to_send, by_itself) = protect::to_send(asked, default, store_now).map_err(refused)?;
    let effective = match bucket_default.reason() {
        // A date that is sent beats the default, whatever that is.
        Some(reason) if to_send.retention.is_none() => Observed::Unobserved(reason),
        // What is sent holds the default already.
        _ => Observed::Observed(if to_send.is_none() { by_itself } else { to_send }),
    };
    Ok(LockPlan { asked, bucket_default, to_send, effective, enforced_by })
}

fn asked_retention(
    ask: &LockAsk,
    store_now: Timestamp,
) -> Result<Option<Retention>, EvidenceError> {
    let retain_until = match (ask.retain_until, ask.retention_days) {
        (Some(date), _) => date,
        (None, Some(days)) => Period::Days(days).after(store_now).map_err(refused)?,
        (None, None) => return Ok(None),
    };
    check_date(retain_until, store_now).map_err(refused)?;
    let mode = ask.mode.unwrap_or(LockMode::Governance);
    // Stores keep whole seconds; a fraction would come back shorter than it was asked for.
    let whole = Timestamp::from_second(retain_until.as_second()).unwrap_or(retain_until);
    Ok(Some(Retention { mode, retain_until: whole }))
}

/// The end of so many days from `now`.
pub(super) fn end_of_days(days: u32, now: Timestamp) -> Result<Timestamp, EvidenceError> {
    Period::Days(days).after(now).map_err(refused)
}

pub(super) fn refused(error: strongroom_core::retention::RetentionError) -> EvidenceError {
    use strongroom_core::retention::RetentionError;
    let guidance = match error {
        RetentionError::ClockSkew { .. } => {
            "set this machine's clock: lock dates count from the store's"
        }
        RetentionError::NotInFuture => "give a date in the future, such as `90d` or 2033-01-01",
        RetentionError::TooLong => "give a shorter retention",
    };
    EvidenceError::new(EvidenceErrorKind::RetentionNotMet, error.to_string())
        .with_guidance(guidance)
}

/// Whether the store was seen to take no lock.
pub(super) fn takes_none(takes_locks: &Observed<bool>) -> bool {
    matches!(
        takes_locks,
        Observed::Observed(false) | Observed::Unobserved(Unobserved::UnsupportedBackend)
    )
}

impl LockPlan {
    /// The plan for a store that was seen to take no lock, once that was accepted: nothing is sent.
    pub(super) fn without_what_the_store_does_not_take(
        mut self,
        takes_locks: &Observed<bool>,
    ) -> Self {
        if takes_none(takes_locks) {
            self.to_send = Lock::NONE;
            self.effective = takes_locks.clone().map(|_| Lock::NONE);
        }
        self
    }

    /// Refuses, before anything is written, what certainly cannot be kept.
    pub(super) fn check_possible(
        &self,
        takes_locks: Observed<bool>,
        allow_unlocked: bool,
        allow_advisory: bool,
    ) -> Result<(), EvidenceError> {
        if self.asked.is_none() || allow_unlocked {
            return Ok(());
        }
        if takes_none(&takes_locks) || self.enforced_by == EnforcedBy::None {
            return Err(EvidenceError::new(
                EvidenceErrorKind::RetentionNotMet,
                "a lock is asked for, and this store cannot lock: nothing was written",
            )
            .with_guidance(
                "use a bucket that was made with Object Lock (at Azure, a container with \
                 version-level immutability), or pass --allow-unlocked to store without a lock",
            ));
        }
        let compliance =
            self.asked.retention.is_some_and(|asked| asked.mode == LockMode::Compliance);
        if compliance && self.enforced_by == EnforcedBy::Strongroom && !allow_advisory {
            return Err(EvidenceError::new(
                EvidenceErrorKind::RetentionNotMet,
                "a compliance lock is asked for, and locks in this store are Strongroom's own: \
                 anyone with access to the files can delete them",
            )
            .with_guidance(
                "use a bucket with Object Lock, or pass --allow-advisory-lock to accept that",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-01-01T00:00:00Z";

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn plan_with(
        ask: &LockAsk,
        default: Option<(LockMode, u32)>,
    ) -> Result<LockPlan, EvidenceError> {
        let default =
            default.map(|(mode, days)| DefaultRetention { mode, period: Period::Days(days) });
        plan(ask, Observed::Observed(default), EnforcedBy::Store, time(NOW), time(NOW))
    }

    fn governance_days(days: u32) -> LockAsk {
        LockAsk { retention_days: Some(days), ..LockAsk::default() }
    }

    #[test]
    fn a_stronger_default_is_left_to_the_store() {
        let plan = plan_with(&governance_days(1), Some((LockMode::Compliance, 30))).unwrap();
        assert_eq!(plan.to_send, Lock::NONE);
    }

    #[test]
    fn a_weaker_mode_with_a_later_date_is_sent_in_the_defaults_mode() {
        let plan = plan_with(&governance_days(90), Some((LockMode::Compliance, 30))).unwrap();
        let sent = plan.to_send.retention.unwrap();
        assert_eq!(sent.mode, LockMode::Compliance);
        assert_eq!(sent.retain_until, time("2026-04-01T00:00:00Z"));
    }

    #[test]
    fn a_stronger_mode_with_an_earlier_date_is_sent_past_the_defaults_date() {
        let ask = LockAsk { mode: Some(LockMode::Compliance), ..governance_days(1) };
        let plan = plan_with(&ask, Some((LockMode::Governance, 30))).unwrap();
        let sent = plan.to_send.retention.unwrap();
        assert_eq!(sent.mode, LockMode::Compliance);
        assert!(sent.retain_until > time("2026-01-31T00:00:00Z"));
    }

    #[test]
    fn a_hold_alone_spells_the_default_out() {
        // MinIO: any legal-hold header suppresses the default retention.
        let ask = LockAsk { legal_hold: true, ..LockAsk::default() };
        let plan = plan_with(&ask, Some((LockMode::Governance, 30))).unwrap();
        assert!(plan.to_send.legal_hold);
        assert_eq!(plan.to_send.retention.unwrap().mode, LockMode::Governance);
    }

    #[test]
    fn nothing_asked_sends_nothing() {
        let plan = plan_with(&LockAsk::default(), None).unwrap();
        assert_eq!((plan.asked, plan.to_send), (Lock::NONE, Lock::NONE));
        assert_eq!(plan.effective, Observed::Observed(Lock::NONE));
    }

    #[test]
    fn a_default_that_nothing_is_sent_over_is_the_lock_in_effect() {
        let plan = plan_with(&LockAsk::default(), Some((LockMode::Compliance, 30))).unwrap();
        assert_eq!(plan.to_send, Lock::NONE);
        let effective = plan.effective.value().copied().unwrap();
        let retain_until = time("2026-01-31T00:00:00Z");
        let mode = LockMode::Compliance;
        assert_eq!(effective.retention, Some(Retention { mode, retain_until }));
    }

    #[test]
    fn a_default_that_was_not_seen_leaves_only_a_date_that_is_sent_certain() {
        let plan_for = |ask: &LockAsk| {
            let denied = Observed::Unobserved(Unobserved::PermissionDenied);
            plan(ask, denied, EnforcedBy::Store, time(NOW), time(NOW)).unwrap()
        };
        let dated = plan_for(&governance_days(1));
        assert_eq!(dated.effective, Observed::Observed(dated.to_send));
        let hold = plan_for(&LockAsk { legal_hold: true, ..LockAsk::default() });
        assert_eq!(hold.effective, Observed::Unobserved(Unobserved::PermissionDenied));
    }

    #[test]
    fn nothing_is_sent_to_a_store_that_takes_no_lock() {
        let asked = plan_with(&governance_days(1), None).unwrap();
        let takes = asked.clone().without_what_the_store_does_not_take(&Observed::Observed(true));
        assert_eq!(takes, asked);
        let cannot = asked.without_what_the_store_does_not_take(&Observed::Observed(false));
        assert!(cannot.to_send.is_none() && !cannot.asked.is_none());
        assert_eq!(cannot.effective, Observed::Observed(Lock::NONE));
    }

    #[test]
    fn a_wrong_local_clock_refuses_a_dated_lock_only() {
        let skewed = time("2026-01-01T00:06:00Z");
        let with_clock = |ask: &LockAsk| {
            plan(ask, Observed::Observed(None), EnforcedBy::Store, time(NOW), skewed)
        };
        let error = with_clock(&governance_days(1)).unwrap_err();
        assert_eq!(error.kind(), EvidenceErrorKind::RetentionNotMet);
        assert!(with_clock(&LockAsk { legal_hold: true, ..LockAsk::default() }).is_ok());
    }

    #[test]
    fn a_store_that_cannot_lock_is_refused_before_anything_is_written() {
        let plan = plan_with(&governance_days(1), None).unwrap();
        let cannot = Observed::Observed(false);
        assert!(plan.check_possible(cannot.clone(), false, false).is_err());
        assert!(plan.check_possible(cannot, true, false).is_ok());
        assert!(plan.check_possible(Observed::Observed(true), false, false).is_ok());
    }

    #[test]
    fn an_advisory_compliance_lock_must_be_accepted() {
        let ask = LockAsk { mode: Some(LockMode::Compliance), ..governance_days(1) };
        let mut plan = plan_with(&ask, None).unwrap();
        plan.enforced_by = EnforcedBy::Strongroom;
        let takes = || Observed::Observed(true);
        assert!(plan.check_possible(takes(), false, false).is_err());
        assert!(plan.check_possible(takes(), false, true).is_ok());
    }
}
