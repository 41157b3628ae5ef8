//! JSON as Python's `json` module reads and writes it.
//!
//! A CAVRA signature is over `json.dumps(document, sort_keys=True)`: `", "` and `": "` between values,
//! names in the order of their code points, everything but printable ASCII escaped, integers of any
//! length, doubles as `repr` writes them. That is not RFC 8785, and no reader that rounds integers or
//! refuses lone surrogates can repeat it, so values are kept here as Python keeps them.

mod read;

use std::collections::BTreeMap;

use crate::canonical;

pub(super) use read::parse;

/// One JSON value, as `json.loads` has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Boolean(bool),
    /// In decimal digits; never `-0`, which Python reads as 0.
    Integer(String),
    Float(f64),
    Text(Text),
    Array(Vec<Json>),
    Object(Object),
}

/// Names in the order of `sort_keys`, each once.
pub(super) type Object = BTreeMap<Text, Json>;

/// A Python string: code points, lone surrogates among them, in UTF-8 extended to those. The order of
/// its bytes is the order of code points.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Text(Vec<u8>);

impl Text {
    fn push_plain(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    /// Appends a code point of at most 0x10FFFF.
    fn push(&mut self, code: u32) {
        if let Some(character) = char::from_u32(code) {
            self.push_plain(character.encode_utf8(&mut [0; 4]));
            return;
        }
        // A lone surrogate: the three bytes that UTF-8 would have for it.
        let bits = code.to_be_bytes();
        let (high, low) = (bits[2], bits[3]);
        self.0.extend([
            0xE0 | (high >> 4),
            0x80 | ((high & 0xF) << 2) | (low >> 6),
            0x80 | (low & 0x3F),
        ]);
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    /// The text, unless it holds a lone surrogate.
    pub(super) fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// Code points, lone surrogates among them.
    fn code_points(&self) -> impl Iterator<Item = u32> {
        let mut rest = self.0.as_slice();
        std::iter::from_fn(move || {
            let first = u32::from(*rest.first()?);
            let (length, lead) = match first {
                0..=0x7F => (1, first),
                0x80..=0xDF => (2, first & 0x1F),
                0xE0..=0xEF => (3, first & 0xF),
                _ => (4, first & 0x7),
            };
            let (whole, tail) = rest.split_at_checked(length)?;
            rest = tail;
            Some(whole[1..].iter().fold(lead, |code, byte| (code << 6) | u32::from(byte & 0x3F)))
        })
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl Json {
    /// The value under `name` of an object.
    pub(super) fn get(&self, name: &str) -> Option<&Json> {
        self.as_object()?.get(&Text::from(name))
    }

    /// The members, of an object.
    pub(super) fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The items, of an array.
    pub(super) fn as_array(&self) -> Option<&[Json]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The text, of a string without lone surrogates.
    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => text.as_str(),
            _ => None,
        }
    }

    /// The value of `true` or `false`.
    pub(super) fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// The value, of an integer in the range of `u64`.
    pub(super) fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Integer(digits) => digits.parse().ok(),
            _ => None,
        }
    }
}

/// `json.dumps(value, sort_keys=True)`.
#[cfg(test)]
fn dumps(value: &Json) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

/// `json.dumps(object, sort_keys=True)` of an object without one of its members.
pub(super) fn dumps_without(object: &Object, left_out: &str) -> String {
    let left_out = Text::from(left_out);
    let mut out = String::new();
    write_object(object.iter().filter(|(name, _)| **name != left_out), &mut out);
    out
}

fn write(value: &Json, out: &mut String) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Boolean(true) => out.push_str("true"),
        Json::Boolean(false) => out.push_str("false"),
        Json::Integer(digits) => out.push_str(digits),
        Json::Float(number) => out.push_str(&float_text(*number)),
        Json::Text(text) => write_text(text, out),
        Json::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                write(item, out);
            }
            out.push(']');
        }
        Json::Object(object) => write_object(object.iter(), out),
    }
}

fn write_object<'a>(members: impl Iterator<Item = (&'a Text, &'a Json)>, out: &mut String) {
    out.push('{');
    for (at, (name, value)) in members.enumerate() {
        out.push_str(if at == 0 { "" } else { ", " });
        write_text(name, out);
        out.push_str(": ");
        write(value, out);
    }
    out.push('}');
}

/// `ensure_ascii=True`: everything but printable ASCII as `\uXXXX` of its UTF-16 code units.
fn write_text(text: &Text, out: &mut String) {
    out.push('"');
    for code in text.code_points() {
        match code {
            0x22 => out.push_str("\\\""),
            0x5C => out.push_str("\\\\"),
            0x0A => out.push_str("\\n"),
            0x0D => out.push_str("\\r"),
            0x09 => out.push_str("\\t"),
            0x0C => out.push_str("\\f"),
            0x08 => out.push_str("\\b"),
            0x20..=0x7E => out.extend(char::from_u32(code)),
            0..=0xFFFF => out.push_str(&format!("\\u{code:04x}")),
            _ => {
                let offset = code - 0x1_0000;
                let (high, low) = (0xD800 + (offset >> 10), 0xDC00 + (offset & 0x3FF));
                out.push_str(&format!("\\u{high:04x}\\u{low:04x}"));
            }
        }
    }
    out.push('"');
}

/// `repr(float)`: the shortest digits that read back as the same double, the even one of two that are as
/// near; an exponent of two digits or more where it is below -4 or 16 and above.
fn float_text(number: f64) -> String {
    let sign = if number.is_sign_negative() { "-" } else { "" };
    let (digits, exponent) = shortest(number.abs());
    // The first digit stands before the point.
    if !(-4..16).contains(&exponent) {
        let exponent_sign = if exponent < 0 { '-' } else { '+' };
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        return format!("{sign}{first}{point}{rest}e{exponent_sign}{:02}", exponent.unsigned_abs());
    }
    // At most 16 places either way: fits.
    let places = exponent.unsigned_abs() as usize;
    if exponent < 0 {
        return format!("{sign}0.{}{digits}", "0".repeat(places - 1));
    }
    let whole_length = places + 1;
    if digits.len() > whole_length {
        let (whole, fraction) = digits.split_at(whole_length);
        return format!("{sign}{whole}.{fraction}");
    }
    format!("{sign}{digits}{}.0", "0".repeat(whole_length - digits.len()))
}

/// The significant digits of a double that is not negative, and the power of ten of the first of them.
/// ECMAScript's digits are Python's (of two that are as near both take the even one, which `{:e}` does
/// not); where the point goes is not.
fn shortest(number: f64) -> (String, i32) {
    let text = canonical::number_text(number).unwrap_or_else(|_| format!("{number:e}"));
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let written = format!("{whole}{fraction}");
    let digits = written.trim_start_matches('0');
    if digits.is_empty() {
        return ("0".to_owned(), 0);
    }
    let leading_zeros = written.len() - digits.len();
    let exponent: i32 = exponent.parse().unwrap_or(0);
    // A double has less than 400 digits: no overflow.
    let first = exponent + whole.len() as i32 - 1 - leading_zeros as i32;
    (digits.trim_end_matches('0').to_owned(), first)
}

#[cfg(test)]
mod tests;
