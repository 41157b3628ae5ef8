//! Patterns of paths: `*` and `?` within a segment, `**` for any number of segments.

use crate::limits::LINT_PATTERN_CHARACTERS_MAX;

/// A pattern of paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Vec<String>);

/// A text that is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// Nothing, or not relative.
    #[error("a pattern of paths is relative, like `fixtures/**` or `*.pem`")]
    NotRelative,
    /// Over the limit.
    #[error(
        "a pattern of paths is over the limit LINT_PATTERN_CHARACTERS_MAX: {LINT_PATTERN_CHARACTERS_MAX}"
    )]
    Limit,
}

impl Pattern {
    /// Reads a pattern.
    pub fn new(text: &str) -> Result<Self, InvalidPattern> {
        if text.chars().count() > LINT_PATTERN_CHARACTERS_MAX {
            return Err(InvalidPattern::Limit);
        }
        let segments: Vec<String> = text.split('/').map(str::to_owned).collect();
        match segments.iter().any(|segment| segment.is_empty() || segment == "." || segment == "..")
        {
            true => Err(InvalidPattern::NotRelative),
            false => Ok(Self(segments)),
        }
    }

    /// Whether a whole path is of this pattern.
    pub fn matches(&self, path: &str) -> bool {
        let segments: Vec<&str> = path.split('/').collect();
        like(
            &self.0,
            &segments,
            |pattern| pattern == "**",
            |pattern, segment| {
                let pattern: Vec<char> = pattern.chars().collect();
                let segment: Vec<char> = segment.chars().collect();
                like(
                    &pattern,
                    &segment,
                    |one| *one == '*',
                    |one, other| *one == '?' || one == other,
                )
            },
        )
    }
}

/// Whether `items` are like `pattern`, of which some parts stand for any number of items. Takes the
/// product of both lengths at most.
fn like<P, I>(
    pattern: &[P],
    items: &[I],
    is_any: impl Fn(&P) -> bool,
    is_one: impl Fn(&P, &I) -> bool,
) -> bool {
    let (mut at, mut item) = (0, 0);
    // Where the last part for any number stood, and how many items it took so far.
    let mut any: Option<(usize, usize)> = None;
    while item < items.len() {
        if at < pattern.len() && is_any(&pattern[at]) {
            any = Some((at, item));
            at += 1;
        } else if at < pattern.len() && is_one(&pattern[at], &items[item]) {
            at += 1;
            item += 1;
        } else if let Some((stood, taken)) = any {
            any = Some((stood, taken + 1));
            at = stood + 1;
            item = taken + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(is_any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stay_in_a_segment_and_two_of_them_do_not() {
        let table = [
            ("a.pem", "a.pem", true),
            ("*.pem", "a.pem", true),
            ("*.pem", "b/a.pem", false),
            ("**/*.pem", "a.pem", true),
            ("**/*.pem", "b/c/a.pem", true),
            ("fixtures/**", "fixtures/a/b", true),
            ("fixtures/**", "fixtures", true),
            ("fixtures/**", "other/fixtures/a", false),
            ("**", "a/b", true),
            ("a/**/z", "a/z", true),
            ("a/**/z", "a/b/c/z", true),
            ("a/?.log", "a/1.log", true),
            ("a/?.log", "a/12.log", false),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXcXb", false),
            ("é*", "éa", true),
        ];
        for (pattern, path, is_matched) in table {
            let parsed = Pattern::new(pattern).expect(pattern);
            assert_eq!(parsed.matches(path), is_matched, "{pattern} {path}");
        }
        for pattern in ["", "/a", "a//b", "../a", "a/"] {
            assert_eq!(Pattern::new(pattern), Err(InvalidPattern::NotRelative), "{pattern}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_comes_to_its_end() {
        let pattern = Pattern::new(&format!("{}b", "a*".repeat(400))).expect("a pattern");
        assert!(!pattern.matches(&"a".repeat(1_000)));
    }
}
