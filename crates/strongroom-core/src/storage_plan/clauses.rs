//! Rules on keeping records, clause by clause, and what a configuration meets, fails, or cannot show. One
//! table of what the rules say, in our words, and one function a kind of demand.
//!
//! No row says that anybody complies with anything: rules bind firms, and a store is one part of what a
//! firm does. Whether a clause applies is for them to say.

mod table;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use self::table::{Clause, Demand, TABLE};
use super::settings::{Setting, in_capitals};
use crate::observed::{Observed, Unobserved};
use crate::receipt::EnforcedBy;
use crate::record_period::RecordPeriod;
use crate::retention::{Lock, LockMode, Period};

/// What a configuration is seen to do about a clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClauseVerdict {
    /// It does what the clause asks of a store.
    Meets,
    /// It does not.
    Fails,
    /// No configuration of a store can show it, or this one was not seen.
    CannotShow,
}

/// A clause, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClauseRow {
    /// Its stable name.
    pub id: String,
    /// Where it stands.
    pub citation: String,
    /// What it asks, in our words.
    pub asks: String,
    /// A page with its text.
    pub source: String,
    /// What was seen.
    pub verdict: ClauseVerdict,
    /// Why.
    pub reason: String,
    /// The settings that it rests on.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub rests_on: Vec<Setting>,
}

/// What is known of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The store's clock.
    pub now: Timestamp,
    /// Whose business it is to refuse a deletion.
    pub enforced_by: EnforcedBy,
    /// Whether versions can be locked.
    pub object_lock: Observed<bool>,
    /// Whether each write makes a version.
    pub versioning: Observed<bool>,
    /// The lock that the evidence would get: what is asked for and the bucket's default, joined.
    pub lock: Observed<Lock>,
    /// The storage class that is asked for.
    pub storage_class: Option<String>,
}

/// What a configuration is seen to do about each clause.
pub fn judge(facts: &Facts) -> Vec<ClauseRow> {
    let row = |clause: &Clause| {
        let (verdict, reason, rests_on) = match &clause.demand {
            Demand::Unerasable => facts.unerasable(),
            Demand::For(length) => facts.kept_for(length),
            Demand::AtHand => facts.at_hand(),
            Demand::Beyond(reason) => (ClauseVerdict::CannotShow, (*reason).to_owned(), Vec::new()),
        };
        ClauseRow {
            id: clause.id.to_owned(),
            citation: clause.citation.to_owned(),
            asks: clause.asks.to_owned(),
            source: clause.source.to_owned(),
            verdict,
            reason,
            rests_on,
        }
    };
    TABLE.iter().map(row).collect()
}

type Judgement = (ClauseVerdict, String, Vec<Setting>);

impl Facts {
    fn unerasable(&self) -> Judgement {
        let rests_on = vec![Setting::ObjectLock, Setting::Versioning];
        let (verdict, reason) = match self.locked() {
            Err((verdict, reason)) => (verdict, reason),
            Ok(lock) => match lock.retention {
                Some(retention) if retention.mode == LockMode::Compliance => (
                    ClauseVerdict::Meets,
                    format!(
                        "{} until {}, Object Lock and versions are on; that the store refuses is for \
                         `store analyze --require worm` to see",
                        in_capitals(retention.mode),
                        day(retention.retain_until)
                    ),
                ),
                Some(retention) => (
                    ClauseVerdict::Fails,
                    format!(
                        "{}: whoever holds the right to bypass it can erase before the date",
                        in_capitals(retention.mode)
                    ),
                ),
                None => (ClauseVerdict::Fails, undated(&lock).to_owned()),
            },
        };
        (verdict, reason, rests_on)
    }

    fn kept_for(&self, length: &RecordPeriod) -> Judgement {
        let rests_on = vec![Setting::ObjectLock, Setting::Versioning];
        let end = Period::Days(length.days).after(self.now);
        let (verdict, reason) = match self.locked() {
            Err((verdict, reason)) => (verdict, reason),
            Ok(lock) => match (lock.retention, end) {
                (Some(retention), Ok(end)) if retention.retain_until >= end => (
                    ClauseVerdict::Meets,
                    format!(
                        "locked until {}, {} or more from storing",
                        day(retention.retain_until),
                        length.words
                    ),
                ),
                (Some(retention), _) => (
                    ClauseVerdict::Fails,
                    format!(
                        "the lock ends on {}, less than {} ({} days) from storing",
                        day(retention.retain_until),
                        length.words,
                        length.days
                    ),
                ),
                (None, _) => (ClauseVerdict::Fails, undated(&lock).to_owned()),
            },
        };
        (verdict, reason, rests_on)
    }

    fn at_hand(&self) -> Judgement {
        let archived = ["GLACIER", "DEEP_ARCHIVE", "Archive"];
        match self.storage_class.as_deref().filter(|class| archived.contains(class)) {
            Some(class) => (
                ClauseVerdict::Fails,
                format!("what is written in the class {class} must be restored before it is read"),
                Vec::new(),
            ),
            None => (
                ClauseVerdict::CannotShow,
                "a rule of the bucket can move objects to an archive later".to_owned(),
                Vec::new(),
            ),
        }
    }

    /// The lock that the evidence would get, or why there is none, or why that is not known.
    fn locked(&self) -> Result<Lock, (ClauseVerdict, String)> {
        let fails = |reason: &str| Err((ClauseVerdict::Fails, reason.to_owned()));
        if self.enforced_by != EnforcedBy::Store {
            return fails("no store refuses a deletion here: locks are kept by Strongroom at most");
        }
        if self.object_lock == Observed::Observed(false) {
            return fails("Object Lock is off: nothing can be locked");
        }
        if self.versioning == Observed::Observed(false) {
            return fails("versioning is not on: a write over a record replaces it");
        }
        let unseen = |what: &str, reason: Unobserved| {
            Err((ClauseVerdict::CannotShow, format!("{what} was not observed ({reason})")))
        };
        // What is seen to be missing says more than what was not seen.
        if let Observed::Observed(lock) = &self.lock
            && lock.retention.is_none()
        {
            return Ok(*lock);
        }
        if let Some(reason) = self.object_lock.reason() {
            return unseen("Object Lock", reason);
        }
        if let Some(reason) = self.versioning.reason() {
            return unseen("versioning", reason);
        }
        match &self.lock {
            Observed::Observed(lock) => Ok(*lock),
            Observed::Unobserved(reason) => unseen("the bucket's default retention", *reason),
        }
    }
}

fn undated(lock: &Lock) -> &'static str {
    match lock.legal_hold {
        true => "a legal hold has no date, and can be released",
        false => "nothing is locked",
    }
}

fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::Retention;

    const NOW: &str = "2026-01-01T00:00:00Z";

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn facts(mode: LockMode, until: &str) -> Facts {
        let retention = Some(Retention { mode, retain_until: time(until) });
        Facts {
            now: time(NOW),
            enforced_by: EnforcedBy::Store,
            object_lock: Observed::Observed(true),
            versioning: Observed::Observed(true),
            lock: Observed::Observed(Lock { retention, legal_hold: false }),
            storage_class: None,
        }
    }

    fn verdict(facts: &Facts, id: &str) -> ClauseVerdict {
        judge(facts).into_iter().find(|row| row.id == id).expect(id).verdict
    }

    const WORM: &str = "sec_17a-4_f_2_i_b";

    #[test]
    fn what_cannot_be_erased_before_its_date_meets_the_clause_and_governance_fails_it() {
        let compliance = facts(LockMode::Compliance, "2040-01-01T00:00:00Z");
        assert_eq!(verdict(&compliance, WORM), ClauseVerdict::Meets);
        assert_eq!(verdict(&compliance, "finra_4511_c"), ClauseVerdict::Meets);
        let governance = facts(LockMode::Governance, "2040-01-01T00:00:00Z");
        assert_eq!(verdict(&governance, WORM), ClauseVerdict::Fails);
        // To be kept for six months does not take the strongest mode.
        assert_eq!(verdict(&governance, "eu_ai_act_26_6"), ClauseVerdict::Meets);
    }

    #[test]
    fn each_length_is_met_on_its_last_day_and_not_a_day_before() {
        let table = [
            ("sec_17a-4_a", 2_192),
            ("sec_17a-4_b", 1_096),
            ("finra_4511_b", 2_192),
            ("cftc_1.31_b_3", 1_827),
            ("eu_ai_act_19_1", 184),
            ("eu_ai_act_26_6", 184),
        ];
        for (id, days) in table {
            let until = |days| Period::Days(days).after(time(NOW)).unwrap().to_string();
            let met = facts(LockMode::Compliance, &until(days));
            assert_eq!(verdict(&met, id), ClauseVerdict::Meets, "{id}");
            let short = facts(LockMode::Compliance, &until(days - 1));
            assert_eq!(verdict(&short, id), ClauseVerdict::Fails, "{id}");
        }
    }

    #[test]
    fn what_was_not_seen_is_neither_met_nor_failed() {
        let mut unseen = facts(LockMode::Compliance, "2040-01-01T00:00:00Z");
        unseen.object_lock = Observed::Unobserved(Unobserved::PermissionDenied);
        assert_eq!(verdict(&unseen, WORM), ClauseVerdict::CannotShow);
        unseen.versioning = Observed::Observed(false);
        assert_eq!(verdict(&unseen, WORM), ClauseVerdict::Fails);
    }

    #[test]
    fn a_plan_without_a_date_fails_whatever_was_not_seen() {
        let mut undated = facts(LockMode::Compliance, "2040-01-01T00:00:00Z");
        undated.object_lock = Observed::Unobserved(Unobserved::PermissionDenied);
        undated.lock = Observed::Observed(Lock { retention: None, legal_hold: true });
        assert_eq!(verdict(&undated, WORM), ClauseVerdict::Fails);
    }

    #[test]
    fn locks_that_no_store_keeps_fail() {
        let mut advisory = facts(LockMode::Compliance, "2040-01-01T00:00:00Z");
        advisory.enforced_by = EnforcedBy::Strongroom;
        assert_eq!(verdict(&advisory, WORM), ClauseVerdict::Fails);
    }

    #[test]
    fn an_archive_class_is_not_at_hand() {
        let mut archived = facts(LockMode::Compliance, "2040-01-01T00:00:00Z");
        assert_eq!(verdict(&archived, "cftc_1.31_b_4"), ClauseVerdict::CannotShow);
        archived.storage_class = Some("DEEP_ARCHIVE".to_owned());
        assert_eq!(verdict(&archived, "cftc_1.31_b_4"), ClauseVerdict::Fails);
    }

    #[test]
    fn undertakings_and_the_audit_trail_are_beyond_every_configuration() {
        let best = facts(LockMode::Compliance, "2099-01-01T00:00:00Z");
        for id in ["sec_17a-4_f_2_i_a", "sec_17a-4_f_3_v", "sec_17a-4_i", "cftc_1.31_c_2_iii"] {
            assert_eq!(verdict(&best, id), ClauseVerdict::CannotShow, "{id}");
        }
    }

    /// COMPLIANCE is the name of a lock mode. Nothing else here is called so, whatever is judged.
    #[test]
    fn nobody_is_called_compliant() {
        let mut all = Vec::new();
        for mode in [LockMode::Governance, LockMode::Compliance] {
            for until in ["2026-02-01T00:00:00Z", "2099-01-01T00:00:00Z"] {
                let mut facts = facts(mode, until);
                all.extend(judge(&facts));
                facts.object_lock = Observed::Unobserved(Unobserved::PermissionDenied);
                all.extend(judge(&facts));
                facts.enforced_by = EnforcedBy::None;
                all.extend(judge(&facts));
            }
        }
        for row in all {
            let text = serde_json::to_string(&row).unwrap().replace("COMPLIANCE", "");
            let text = text.to_ascii_lowercase();
            assert!(!text.contains("complian") && !text.contains("complies"), "{text}");
        }
    }
}
