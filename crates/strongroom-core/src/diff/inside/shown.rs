//! What is shown of somebody's text: bounded, and without the secrets in it.

use std::ops::Range;

use serde::Serialize;
use serde_json::Value;

use crate::limits::DIFF_CHARACTERS_MAX;
use crate::secrets::{REDACTED, whole_in};

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
        Self(whole_in(text))
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

/// The last place at or before `at` that is between two characters.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// The first place at or after `at` that is between two characters.
fn ceiling(text: &str, at: usize) -> usize {
    (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}
