//! How far a secret goes. What finds one may have seen enough before its end; whoever shows the text around
//! it has to know where that is.

use std::ops::Range;

use super::{SecretMatch, find_in};

/// Bytes in which the end of a key of several lines is looked for; a key without one goes so far.
const KEY_BYTES_MAX: usize = 64 << 10;
/// Keys of several lines, by the kind that tells their beginning; and what their last line begins with.
const KEYS: [(&str, &[u8]); 2] =
    [("private-key", b"-----END "), ("putty-private-key", b"Private-MAC:")];

/// Where the secrets of a text are, to their ends, by the order of their starts. They may overlap, none lies in
/// the one before it, and they may end between the bytes of a character.
pub fn whole_in(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for secret in find_in(text) {
        let is_told = found.last().is_some_and(|last| secret.end <= last.end);
        if !is_told {
            found.push(secret.start..end_of(text.as_bytes(), &secret));
        }
    }
    found
}

/// Where a secret ends.
fn end_of(text: &[u8], secret: &SecretMatch) -> usize {
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
