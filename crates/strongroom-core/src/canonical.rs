//! RFC 8785 canonical JSON and a strict I-JSON (RFC 7493) parser.
//!
//! Writing is `serde_json_canonicalizer`; everything written is read back strictly, so that
//! nothing leaves here that the parser would refuse. Reading refuses what JSON readers disagree
//! about: names that appear twice (after unescaping), integers that not every reader keeps,
//! lone surrogates, a byte order mark, trailing bytes; and each size has a bound.

mod parser;

use serde::Serialize;
use serde_json::Value;

use crate::limits;

pub(crate) use parser::{Parser, Step, Text};

/// What a parser lets through. Every bound is inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonLimits {
    /// Nesting of arrays and objects.
    pub depth_max: usize,
    /// Bytes of one string or name, after unescaping.
    pub string_bytes_max: usize,
    /// Names in one object.
    pub names_max: usize,
    /// Values that are kept as a tree; what is only skipped does not count.
    pub values_max: usize,
}

impl JsonLimits {
    /// The limits of native formats.
    pub const NATIVE: Self = Self {
        depth_max: limits::JSON_DEPTH_MAX,
        string_bytes_max: limits::JSON_STRING_BYTES_MAX,
        names_max: limits::JSON_NAMES_MAX,
        values_max: limits::JSON_VALUES_MAX,
    };
}

impl Default for JsonLimits {
    fn default() -> Self {
        Self::NATIVE
    }
}

/// Why a text was refused. Offsets are bytes from the start of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not JSON, or not I-JSON: lone surrogates, bytes that are not UTF-8, a byte order mark.
    #[error("not valid JSON at byte {0}")]
    Syntax(usize),
    /// Bytes after the one value.
    #[error("bytes after the JSON value, at byte {0}")]
    Trailing(usize),
    /// One name twice in one object.
    #[error("a name appears twice in one JSON object, at byte {0}")]
    DuplicateName(usize),
    /// An integer beyond ±(2^53 - 1), or a number that no double holds.
    #[error("a JSON number that not every reader keeps exactly, at byte {0}")]
    Number(usize),
    /// A value of another type than the format demands, null included.
    #[error("a JSON value of the wrong type at byte {0}")]
    Type(usize),
    /// JSON, but not in its RFC 8785 form.
    #[error("not canonical JSON (RFC 8785) at byte {0}")]
    NotCanonical(usize),
    /// Beyond a limit: not looked at further.
    #[error("over the limit for {what}: {max}")]
    Limit {
        /// What is bounded.
        what: &'static str,
        /// Its bound.
        max: usize,
    },
    /// A value that JSON cannot express, such as an infinite number or a name that is no string.
    #[error("a value that JSON cannot express")]
    Unwritable,
}

/// The RFC 8785 bytes of `value`, without trailing newline.
///
/// Refuses what [`parse`] would refuse under [`JsonLimits::NATIVE`] (integers beyond ±(2^53 - 1),
/// too deep, too long), because its bytes would be evidence that nobody can read.
pub fn to_vec<T: Serialize>(value: &T) -> Result<Vec<u8>, JsonError> {
    let bytes = serde_json_canonicalizer::to_vec(value).map_err(|_| JsonError::Unwritable)?;
    let mut parser = Parser::canonical(&bytes, JsonLimits::NATIVE)?;
    parser.skip()?;
    parser.end()?;
    Ok(bytes)
}

/// Reads one JSON value strictly; white space and the order of names are free.
pub fn parse(bytes: &[u8], limits: JsonLimits) -> Result<Value, JsonError> {
    value_of(Parser::new(bytes, limits)?)
}

/// Reads one JSON value that must be in its RFC 8785 form, byte for byte.
pub fn parse_canonical(bytes: &[u8], limits: JsonLimits) -> Result<Value, JsonError> {
    value_of(Parser::canonical(bytes, limits)?)
}

fn value_of(mut parser: Parser<'_>) -> Result<Value, JsonError> {
    let value = parser.value()?;
    parser.end()?;
    Ok(value)
}

/// The ECMAScript text of a double (RFC 8785 section 3.2.2.3).
pub(crate) fn number_text(number: f64) -> Result<String, JsonError> {
    serde_json_canonicalizer::to_string(&number).map_err(|_| JsonError::Unwritable)
}

#[cfg(test)]
mod tests;
