//! What is looked for.

use std::borrow::Cow;
use std::sync::OnceLock;

use super::rules;
use super::severity::Severity;

/// One thing that is looked for: what it is called, how much it weighs, why it matters and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its stable id: `family.what`.
    pub id: Cow<'static, str>,
    /// How much a finding weighs where no configuration says otherwise.
    pub severity: Severity,
    /// What it finds, in a few words.
    pub summary: Cow<'static, str>,
    /// Why that matters, and what to do about it.
    pub explanation: Cow<'static, str>,
}

impl Rule {
    pub(super) const fn new(
        id: &'static str,
        severity: Severity,
        summary: &'static str,
        explanation: &'static str,
    ) -> Self {
        Self {
            id: Cow::Borrowed(id),
            severity,
            summary: Cow::Borrowed(summary),
            explanation: Cow::Borrowed(explanation),
        }
    }

    /// The first part of its id.
    pub fn family(&self) -> &str {
        self.id.split('.').next().unwrap_or_default()
    }
}

/// Every rule, sorted by id.
pub fn all() -> &'static [Rule] {
    static ALL: OnceLock<Vec<Rule>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all = rules::all();
        all.sort_by(|left, right| left.id.cmp(&right.id));
        all
    })
}

/// The rule with this id.
pub fn rule(id: &str) -> Option<&'static Rule> {
    let all = all();
    all.binary_search_by(|rule| (*rule.id).cmp(id)).ok().map(|at| &all[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_found_by_its_id_and_says_what_to_do() {
        assert!(all().windows(2).all(|pair| pair[0].id < pair[1].id), "an id twice");
        for each in all() {
            let id = &each.id;
            assert_eq!(rule(id), Some(each));
            assert!(id.contains('.') && !each.family().is_empty(), "{id}");
            assert!(each.explanation.len() > 80 && each.explanation.ends_with('.'), "{id}");
            assert!(!each.summary.ends_with('.') && each.summary.len() < 90, "{id}");
        }
        assert_eq!(rule("secret.nothing"), None);
    }
}
