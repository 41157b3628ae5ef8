//! Which rules count, how much, and where something is allowed.

use std::collections::HashMap;

use super::pattern::Pattern;
use super::rule::Rule;
use super::severity::Severity;

/// What a team decided about the rules.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Rules of another severity, by id; none for those that are off.
    pub severities: HashMap<&'static str, Option<Severity>>,
    /// What is allowed where.
    pub allowed: Vec<Allowed>,
}

/// Findings that are allowed in some files.
#[derive(Debug, Clone)]
pub struct Allowed {
    /// Of which rules, by id; of all where there is none.
    pub rules: Vec<&'static str>,
    /// In which files.
    pub paths: Vec<Pattern>,
}

impl Settings {
    /// How much a finding of this rule weighs; `None` where nobody wants to know.
    pub(super) fn severity_of(&self, rule: &'static Rule) -> Option<Severity> {
        self.severities.get(&*rule.id).copied().unwrap_or(Some(rule.severity))
    }

    /// Whether this is allowed in this file.
    pub(super) fn allows(&self, rule: &Rule, path: &str) -> bool {
        self.allowed.iter().any(|allowed| {
            (allowed.rules.is_empty() || allowed.rules.contains(&&*rule.id))
                && allowed.paths.iter().any(|pattern| pattern.matches(path))
        })
    }
}
