//! Retention classes, and what a registry does for each of them.

use serde::{Deserialize, Serialize};

use super::named::named;
use crate::limits;
use crate::receipt::EnforcedBy;
use crate::retention::LockMode;

named! {
    /// What kind of evidence a package is, and so for how long it is kept.
    pub enum RetentionClass: "a retention class" {
        /// Scratch: days.
        Transient = "transient",
        /// Logs and output of runs: half a year.
        RawEvidence = "raw-evidence",
        /// Reports and summaries: two years.
        SummaryEvidence = "summary-evidence",
        /// What a release or a customer was given: seven years.
        ReleaseEvidence = "release-evidence",
        /// Kept until a person says otherwise: it has no date.
        PermanentRecord = "permanent-record",
    }
}

named! {
    /// When the objects of a class get their lock.
    pub enum RuleLock: "a time of locking" {
        /// Never: the registry's own rules are all that keeps them.
        None = "none",
        /// When the package is finalized: an upload that was a mistake can be taken back until then.
        AtFinalize = "at_finalize",
        /// In the request that writes each object: from the first moment, mistakes included.
        InWrite = "in_write",
    }
}

/// What is done for the packages of one class. The rule that held at its creation is kept with each package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionRule {
    /// The class.
    pub class: RetentionClass,
    /// Days that its packages are kept at least; absent for a class without a date.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub days: Option<u32>,
    /// How strongly a store is asked to hold their objects.
    pub mode: LockMode,
    /// When.
    pub lock: RuleLock,
    /// Whether a package is not finalized where the store does not hold its objects so, as read back.
    pub lock_required: bool,
}

impl RetentionRule {
    /// How strongly objects are locked; `None` where no lock is asked for, but for a hold's.
    pub fn lock_mode(&self) -> Option<LockMode> {
        (self.lock != RuleLock::None).then_some(self.mode)
    }
}

impl RetentionClass {
    /// Days that a class keeps unless a configuration says otherwise; `None` where it has no date.
    pub const fn default_days(self) -> Option<u32> {
        match self {
            Self::Transient => Some(7),
            Self::RawEvidence => Some(183),
            Self::SummaryEvidence => Some(730),
            Self::ReleaseEvidence => Some(2_555),
            Self::PermanentRecord => None,
        }
    }

    /// What is done for a class unless a configuration says otherwise: everything but scratch is locked when
    /// it is finalized, in governance mode, so that a mistake can be undone by those with a special right.
    /// No lock is required: a registry starts on a local directory, which enforces none and says so in
    /// every location. Whoever keeps evidence under a duty requires it.
    pub const fn default_rule(self) -> RetentionRule {
        let lock = match self {
            Self::Transient => RuleLock::None,
            _ => RuleLock::AtFinalize,
        };
        let (days, mode) = (self.default_days(), LockMode::Governance);
        RetentionRule { class: self, days, mode, lock, lock_required: false }
    }
}

/// What a configuration says about one class; what it does not say stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleOverride {
    /// See [`RetentionRule::days`]; 1 to [`limits::LOCK_DAYS_MAX`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub days: Option<u32>,
    /// See [`RetentionRule::mode`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mode: Option<LockMode>,
    /// See [`RetentionRule::lock`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lock: Option<RuleLock>,
    /// See [`RetentionRule::lock_required`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lock_required: Option<bool>,
}

/// A rule that makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// No days at all.
    #[error("{0}: days must be at least one")]
    NoDays(RetentionClass),
    /// More days than any store takes.
    #[error("{0}: days are over the limit LOCK_DAYS_MAX: {max}", max = limits::LOCK_DAYS_MAX)]
    TooLong(RetentionClass),
    /// Days of a class that has no date.
    #[error("{0}: a class without a date takes no days")]
    HasNoDate(RetentionClass),
    /// A lock that is required and never asked for.
    #[error("{0}: a lock cannot be required where `lock` is `none`")]
    RequiredButNone(RetentionClass),
    /// Locks that nobody is to lift, where nobody but Strongroom keeps them.
    #[error(
        "{0}: `mode` is `compliance`, and locks in this store are Strongroom's own: whoever reaches the files can \
         delete them"
    )]
    ComplianceNotEnforced(RetentionClass),
}

/// The rules of all five classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleSet([RetentionRule; 5]);

impl Default for RuleSet {
    fn default() -> Self {
        Self([
            RetentionClass::Transient.default_rule(),
            RetentionClass::RawEvidence.default_rule(),
            RetentionClass::SummaryEvidence.default_rule(),
            RetentionClass::ReleaseEvidence.default_rule(),
            RetentionClass::PermanentRecord.default_rule(),
        ])
    }
}

impl RuleSet {
    /// The defaults with what a configuration says instead. Of one class that is said twice, the later wins.
    pub fn with(
        overrides: impl IntoIterator<Item = (RetentionClass, RuleOverride)>,
    ) -> Result<Self, RuleError> {
        let mut rules = Self::default();
        for (class, said) in overrides {
            let rule = &mut rules.0[class as usize];
            rule.days = said.days.or(rule.days);
            rule.mode = said.mode.unwrap_or(rule.mode);
            rule.lock = said.lock.unwrap_or(rule.lock);
            rule.lock_required = said.lock_required.unwrap_or(rule.lock_required);
            rule.check()?;
        }
        Ok(rules)
    }

    /// The rule of a class.
    pub fn of(&self, class: RetentionClass) -> RetentionRule {
        self.0[class as usize]
    }

    /// Every rule, in the order of [`RetentionClass::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = &RetentionRule> {
        self.0.iter()
    }
}

impl RetentionRule {
    /// Refuses a rule that makes no sense.
    pub fn check(&self) -> Result<(), RuleError> {
        match self.days {
            Some(0) => return Err(RuleError::NoDays(self.class)),
            Some(days) if days > limits::LOCK_DAYS_MAX => {
                return Err(RuleError::TooLong(self.class));
            }
            Some(_) if self.class.default_days().is_none() => {
                return Err(RuleError::HasNoDate(self.class));
            }
            _ => {}
        }
        if self.lock_required && self.lock == RuleLock::None {
            return Err(RuleError::RequiredButNone(self.class));
        }
        Ok(())
    }

    /// Whether its packages are under a hold from the start. What has no date is kept until a person says otherwise, and
    /// a lock that only rolls would end by itself where nobody renews it; the bit of a hold does not.
    pub fn places_hold(&self) -> bool {
        self.days.is_none()
    }

    /// Refuses compliance locks in a store that leaves them to Strongroom, unless somebody accepts just that.
    pub fn check_enforced_by(
        &self,
        enforced_by: EnforcedBy,
        accepts_advisory: bool,
    ) -> Result<(), RuleError> {
        let is_compliance = self.lock != RuleLock::None && self.mode == LockMode::Compliance;
        let is_advisory = is_compliance && enforced_by == EnforcedBy::Strongroom;
        match is_advisory && !accepts_advisory {
            true => Err(RuleError::ComplianceNotEnforced(self.class)),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_the_rule_that_is_documented() {
        let rules = RuleSet::default();
        let told: Vec<String> = rules
            .iter()
            .map(|rule| {
                let days = rule.days.map_or("no date".to_owned(), |days| days.to_string());
                format!("{}: {days}, {} {}", rule.class, rule.mode, rule.lock)
            })
            .collect();
        assert_eq!(
            told,
            [
                "transient: 7, governance none",
                "raw-evidence: 183, governance at_finalize",
                "summary-evidence: 730, governance at_finalize",
                "release-evidence: 2555, governance at_finalize",
                "permanent-record: no date, governance at_finalize",
            ]
        );
        assert!(rules.iter().all(|rule| !rule.lock_required && rule.check().is_ok()));
        let held = rules.iter().filter(|rule| rule.places_hold()).map(|rule| rule.class);
        assert!(held.eq([RetentionClass::PermanentRecord]), "what has no date, and nothing else");
    }

    #[test]
    fn each_class_is_found_under_itself() {
        for class in RetentionClass::ALL {
            assert_eq!(RuleSet::default().of(*class).class, *class);
            let said = RuleOverride { lock: Some(RuleLock::InWrite), ..RuleOverride::default() };
            let rules = RuleSet::with([(*class, said)]).unwrap();
            for rule in rules.iter() {
                assert_eq!(rule.lock == RuleLock::InWrite, rule.class == *class, "{class}");
            }
        }
    }

    #[test]
    fn a_configuration_changes_what_it_names_and_nothing_else() {
        let said = RuleOverride {
            days: Some(3_650),
            mode: Some(LockMode::Compliance),
            lock: Some(RuleLock::InWrite),
            lock_required: Some(true),
        };
        let rule = RuleSet::with([(RetentionClass::ReleaseEvidence, said)])
            .unwrap()
            .of(RetentionClass::ReleaseEvidence);
        assert_eq!(rule.days, Some(3_650));
        assert_eq!((rule.mode, rule.lock), (LockMode::Compliance, RuleLock::InWrite));
        assert!(rule.lock_required);
        let days = RuleOverride { days: Some(30), ..RuleOverride::default() };
        let rule = RuleSet::with([(RetentionClass::RawEvidence, days)])
            .unwrap()
            .of(RetentionClass::RawEvidence);
        let default = RetentionClass::RawEvidence.default_rule();
        assert_eq!(rule, RetentionRule { days: Some(30), ..default });
    }

    #[test]
    fn rules_that_make_no_sense_are_refused_by_the_class_and_the_limit() {
        let days = |days| RuleOverride { days: Some(days), ..RuleOverride::default() };
        let required = RuleOverride { lock_required: Some(true), ..RuleOverride::default() };
        let refused = |class, said| RuleSet::with([(class, said)]).unwrap_err().to_string();
        let raw = RetentionClass::RawEvidence;
        assert_eq!(refused(raw, days(0)), "raw-evidence: days must be at least one");
        assert_eq!(
            refused(raw, days(36_501)),
            "raw-evidence: days are over the limit LOCK_DAYS_MAX: 36500"
        );
        assert_eq!(
            refused(RetentionClass::PermanentRecord, days(1)),
            "permanent-record: a class without a date takes no days"
        );
        assert_eq!(
            refused(RetentionClass::Transient, required),
            "transient: a lock cannot be required where `lock` is `none`"
        );
    }

    #[test]
    fn compliance_is_refused_only_where_nobody_but_strongroom_would_keep_it() {
        let raw = RetentionClass::RawEvidence.default_rule();
        let strict = RetentionRule { mode: LockMode::Compliance, ..raw };
        let unlocked = RetentionRule { lock: RuleLock::None, ..strict };
        let (store, ours) = (EnforcedBy::Store, EnforcedBy::Strongroom);
        let refused = strict.check_enforced_by(ours, false).unwrap_err().to_string();
        assert!(refused.starts_with("raw-evidence: `mode` is `compliance`"), "{refused}");
        assert!(refused.contains("whoever reaches the files"), "{refused}");
        for (rule, enforced_by, accepts) in [
            (strict, store, false),
            (strict, ours, true),
            (raw, ours, false),
            (unlocked, ours, false),
        ] {
            assert_eq!(rule.check_enforced_by(enforced_by, accepts), Ok(()), "{rule:?}");
        }
    }
}
