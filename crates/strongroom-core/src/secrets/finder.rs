//! Finds every kind in one pass over a text.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, Input};
use regex::bytes::{Regex, RegexBuilder};

use super::boundary::{is_in_an_option, is_inside_a_word};
use super::given::{ARGUMENT, expanded};
use super::kind::{Before, SecretKind};
use super::kinds::KINDS;
use crate::limits::{SECRET_BYTES_MAX, SECRET_LOOKBEHIND_BYTES};

/// Bytes of memory that one expression may take, compiled, and its caches while it runs.
const EXPRESSION_BYTES_MAX: usize = 1 << 20;
const EXPRESSION_CACHE_BYTES_MAX: usize = 256 << 10;
/// How far before the name of a generic kind a more telling one may begin.
const NAME_BYTES_MAX: usize = 64;

/// A secret that was found: its kind, and where in the text it stands.
#[derive(Debug, Clone, Copy)]
pub struct SecretMatch {
    /// Its kind.
    pub kind: &'static SecretKind,
    /// Where it begins, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

/// Finds secrets of all kinds. One is shared by the whole process.
#[derive(Debug)]
pub struct SecretFinder {
    /// `None` where it could not be built, which a test excludes.
    keywords: Option<AhoCorasick>,
    /// For each keyword, which kind it is of.
    kind_of: Vec<usize>,
    kinds: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    kind: &'static SecretKind,
    /// Compiled when its keyword is first met: most never are.
    expression: OnceLock<Option<Regex>>,
}

impl SecretFinder {
    /// The one finder, built when it is first asked for.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<SecretFinder> = OnceLock::new();
        SHARED.get_or_init(Self::new)
    }

    fn new() -> Self {
        let all = KINDS.iter().flat_map(|family| family.iter());
        let kinds: Vec<Entry> =
            all.map(|kind| Entry { kind, expression: OnceLock::new() }).collect();
        let named = kinds.iter().enumerate();
        let (kind_of, keywords): (Vec<usize>, Vec<&str>) = named
            .flat_map(|(at, entry)| entry.kind.keywords.iter().map(move |keyword| (at, *keyword)))
            .unzip();
        let keywords = AhoCorasickBuilder::new()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(keywords)
            .ok();
        Self { keywords, kind_of, kinds }
    }

    /// Finds the secrets in `text` whose keywords begin in `starts`, and tells `found` of each.
    ///
    /// For a result that does not depend on where a longer text was cut, there must be
    /// [`SECRET_LOOKBEHIND_BYTES`] before `starts` and [`SECRET_BYTES_MAX`] after it, unless the text
    /// begins or ends there.
    pub fn find(&self, text: &[u8], starts: Range<usize>, mut found: impl FnMut(SecretMatch)) {
        // One value may be given by two names of a kind: `"password": {"password": …}`.
        let mut told = HashSet::new();
        self.hits(text, starts, |entry, keyword| {
            if let Some(one) = self.at(entry, text, keyword)
                && told.insert((one.kind.id, one.start))
            {
                found(one);
            }
        });
    }

    /// Whether a value that is given to this name may be a secret for that.
    pub(super) fn is_telling(&self, name: &str) -> bool {
        // In quotation marks, as some kinds are told by them.
        let name = format!("\"{name}\"");
        let mut is_telling = false;
        self.hits(name.as_bytes(), 0..name.len(), |entry, _| {
            is_telling |= entry.kind.before != Before::Boundary;
        });
        is_telling
    }

    /// Every keyword that begins in `starts`.
    fn hits(&self, text: &[u8], starts: Range<usize>, mut hit: impl FnMut(&Entry, Range<usize>)) {
        let Some(keywords) = &self.keywords else { return };
        // A keyword may end beyond the last place where one may begin.
        let end = text.len().min(starts.end + keywords.max_pattern_len().saturating_sub(1));
        let input = Input::new(text).span(starts.start.min(end)..end);
        for one in keywords.find_overlapping_iter(input) {
            if one.start() < starts.end
                && let Some(entry) = self.kinds.get(self.kind_of[one.pattern().as_usize()])
            {
                hit(entry, one.range());
            }
        }
    }

    /// The secret of this kind whose keyword this is.
    fn at(&self, entry: &Entry, text: &[u8], keyword: Range<usize>) -> Option<SecretMatch> {
        let one = entry.at(text, &keyword)?;
        if one.kind.is_specific {
            return Some(one);
        }
        // A value with a more telling kind is told of once, by that.
        let from = keyword.start.saturating_sub(NAME_BYTES_MAX);
        let mut is_told_already = false;
        self.hits(&text[..one.end], from..one.end, |other, at| {
            is_told_already |= other.kind.is_specific
                && other
                    .at(text, &at)
                    .is_some_and(|other| other.start < one.end && one.start < other.end);
        });
        (!is_told_already).then_some(one)
    }
}

impl Entry {
    fn at(&self, text: &[u8], keyword: &Range<usize>) -> Option<SecretMatch> {
        let from = match self.kind.before {
            Before::Boundary if is_inside_a_word(text, keyword.start) => return None,
            Before::Boundary | Before::Anything => keyword.start,
            Before::Lookback(bytes) => {
                keyword.start.saturating_sub(bytes.min(SECRET_LOOKBEHIND_BYTES))
            }
        };
        let to = text.len().min(keyword.start + SECRET_BYTES_MAX);
        let window = &text[from..to];
        let expression = self.expression.get_or_init(|| compiled(self.kind.pattern)).as_ref()?;
        if !expression.is_match(window) {
            return None;
        }
        let groups = expression.captures(window)?;
        if groups.name(ARGUMENT).is_some() && !is_in_an_option(text, keyword.start) {
            return None;
        }
        let mut unnamed = expression.capture_names().zip(groups.iter()).skip(1);
        let secret = unnamed.find_map(|(name, group)| group.filter(|_| name.is_none()))?;
        let (start, end) = (from + secret.start(), from + secret.end());
        if matches!(self.kind.before, Before::Lookback(_)) && is_inside_a_word(text, start) {
            return None;
        }
        // What goes on is longer than any of its kind.
        if text[..to].get(end).is_some_and(u8::is_ascii_alphanumeric)
            && text.get(end.wrapping_sub(1)).is_some_and(u8::is_ascii_alphanumeric)
        {
            return None;
        }
        let value = &text[start..end];
        let body = match keyword.start == start && keyword.len() < value.len() {
            true => &value[keyword.len()..],
            false => value,
        };
        self.kind.check.passes(value, body).then_some(SecretMatch { kind: self.kind, start, end })
    }
}

fn compiled(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(&expanded(pattern))
        .unicode(false)
        .dot_matches_new_line(true)
        .size_limit(EXPRESSION_BYTES_MAX)
        .dfa_size_limit(EXPRESSION_CACHE_BYTES_MAX)
        .build()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_automaton_and_every_expression_can_be_built() {
        let finder = SecretFinder::new();
        assert!(finder.keywords.is_some());
        for entry in &finder.kinds {
            let expression = compiled(entry.kind.pattern);
            let groups = expression.map_or(0, |expression| expression.captures_len());
            assert!(groups >= 2, "{}: the whole, and the secret", entry.kind.id);
            if let Before::Lookback(bytes) = entry.kind.before {
                assert!(bytes <= SECRET_LOOKBEHIND_BYTES, "{}", entry.kind.id);
            }
        }
    }

    #[test]
    fn text_that_is_nothing_but_keywords_comes_to_its_end() {
        let finder = SecretFinder::shared();
        for unit in [
            "eyJ.",
            "eyJaaaaaaaaaaaa.",
            "password=",
            "https://",
            "authorization: ",
            "-----BEGIN ",
            "sig=",
            "AZDO",
        ] {
            let text = unit.repeat((256 << 10) / unit.len());
            let mut count = 0_usize;
            finder.find(text.as_bytes(), 0..text.len(), |_| count += 1);
            assert!(count <= text.len() / unit.len(), "{unit}");
        }
    }
}
