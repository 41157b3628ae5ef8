//! What is shown of somebody's text: bounded, and without the secrets in it.

use std::ops::Range;

use serde::Serialize;
use serde_json::Value;

use crate::limits::DIFF_CHARACTERS_MAX;
use crate::secrets::{Names, REDACTED, places_in, value_without_secrets};

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

    /// A JSON value, as JSON. What makes a value a secret may be any of the `names` that lead to it.
    pub fn of_value<'a>(names: &mut Names<'a>, value: &'a Value) -> Self {
        let redacted = value_without_secrets(names, value);
        let mut shown = Self::of_text(&redacted.as_ref().unwrap_or(value).to_string());
        shown.is_redacted |= redacted.is_some();
        shown
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
        Self(places_in(text))
    }

    /// Whether a secret that began before this place goes on there.
    pub fn goes_on_at(&self, at: usize) -> bool {
        self.0.iter().any(|secret| secret.start < at && at < secret.end)
    }

    /// The part of `text` that is `range`, without what of it belongs to a secret.
    pub fn shown(&self, text: &str, range: Range<usize>) -> Shown {
        let mut shown = Shown { text: String::new(), is_cut: false, is_redacted: false };
        let mut room = DIFF_CHARACTERS_MAX;
        let mut at = range.start;
        // They are in order and apart; those that end before the range say nothing of it.
        let here = self.0.iter().filter(|secret| secret.end > range.start);
        for secret in here.take_while(|secret| secret.start < range.end) {
            shown.add(&text[at..secret.start.max(at)], &mut room);
            shown.add(REDACTED, &mut room);
            shown.is_redacted = true;
            at = secret.end.min(range.end);
        }
        shown.add(&text[at..range.end], &mut room);
        shown
    }
}
