//! What is shown of somebody's text: bounded, and without the secrets in it.

use std::ops::Range;

use serde::Serialize;
use serde_json::Value;

use crate::limits::DIFF_CHARACTERS_MAX;
use crate::secrets::{REDACTED, SecretMatch, find_in};

/// A line, a value or a name, as far as it is shown. It is somebody else's: control characters are still
/// in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// At most [`DIFF_CHARACTERS_MAX`] characters of it, [`REDACTED`] where there is a secret in it.
    pub text: String,
    /// Whether there is more of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_cut: bool,
    /// Whether a secret in it is not shown.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_redacted: bool,
}

impl Shown {
    /// A text by itself.
    pub fn of_text(text: &str) -> Self {
        Secrets::of(text).shown(text, 0..text.len())
    }

    /// A JSON value, as JSON. What makes a value a secret may be the `name` that it is given to.
    pub fn of_value(name: Option<&str>, value: &Value) -> Self {
        let name = name.map(|name| format!("{}:", Value::from(name))).unwrap_or_default();
        let text = format!("{name}{value}");
        Secrets::of(&text).shown(&text, name.len()..text.len())
    }

    fn add(&mut self, text: &str, room: &mut usize) {
        let end = text.char_indices().nth(*room).map(|(at, _)| at);
        self.is_cut |= end.is_some();
        let text = &text[..end.unwrap_or(text.len())];
        *room -= text.chars().count();
        self.text.push_str(text);
    }
}

/// Where the secrets of a text are.
#[derive(Debug, Clone, Default)]
pub struct Secrets(Vec<Range<usize>>);

impl Secrets {
    /// Finds them. A secret may be longer than a line, so lines are not looked at by themselves.
    pub fn of(text: &str) -> Self {
        let mut found: Vec<Range<usize>> = Vec::new();
        for secret in find_in(text) {
            let is_told = found.last().is_some_and(|last| secret.end <= last.end);
            if !is_told {
                found.push(secret.start..whole(text.as_bytes(), &secret));
            }
        }
        Self(found)
    }

    /// The part of `text` that is `range`, without what of it belongs to a secret.
    pub fn shown(&self, text: &str, range: Range<usize>) -> Shown {
        let mut shown = Shown { text: String::new(), is_cut: false, is_redacted: false };
        let mut room = DIFF_CHARACTERS_MAX;
        let mut at = range.start;
        // They are in the order of their starts; those that end before the range say nothing of it.
        let here = self.0.iter().filter(|secret| secret.end > range.start);
        for secret in here.take_while(|secret| secret.start < range.end) {
            let (start, end) = (floor(text, secret.start), ceiling(text, secret.end));
            if end <= at {
                continue;
            }
            // One that overlaps the one before is told with it.
            if start > at || !shown.is_redacted {
                shown.add(&text[at..start.clamp(at, range.end)], &mut room);
                shown.add(REDACTED, &mut room);
            }
            shown.is_redacted = true;
            at = end.min(range.end);
        }
        shown.add(&text[at..range.end], &mut room);
        shown
    }
}

/// Bytes in which the end of a key of several lines is looked for; a key without one is hidden so far.
const KEY_BYTES_MAX: usize = 64 << 10;
/// Keys of several lines, by the kind that tells their beginning; and what their last line begins with.
const KEYS: [(&str, &[u8]); 2] =
    [("private-key", b"-----END "), ("putty-private-key", b"Private-MAC:")];

/// Where a secret ends. What finds it may have seen enough before that.
fn whole(text: &[u8], secret: &SecretMatch) -> usize {
    let key = KEYS.iter().find(|(kind, _)| *kind == secret.kind.id);
    if let Some((_, last_line)) = key {
        let end = text.len().min(secret.end.saturating_add(KEY_BYTES_MAX));
        let rest = &text[secret.end..end];
        let Some(last) = rest.windows(last_line.len()).position(|part| part == *last_line) else {
            return end;
        };
        // Of a key in a string of JSON the line ends with the string, at the latest.
        let rest = &rest[last..];
        let length = rest.iter().position(|byte| matches!(byte, b'\n' | b'"'));
        return secret.end + last + length.unwrap_or(rest.len());
    }
    let is_of_a_token = |byte: &&u8| {
        byte.is_ascii_alphanumeric() || matches!(**byte, b'+' | b'/' | b'=' | b'_' | b'-' | b'~')
    };
    secret.end + text[secret.end..].iter().take_while(is_of_a_token).count()
}

/// The last place at or before `at` that is between two characters.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// The first place at or after `at` that is between two characters.
fn ceiling(text: &str, at: usize) -> usize {
    (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}
