//! Which part of a body a request asks for (RFC 9110 section 14). One range is answered; of several, as the standard
//! allows, the whole is sent.

use std::ops::Range;

use axum::http::{HeaderMap, header};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// All of it.
    Whole,
    /// These bytes, of which there is at least one.
    Part(Range<u64>),
    /// Bytes that there are none of.
    Nowhere,
}

/// The part of `size_bytes` bytes that is asked for. With `If-Range` (section 13.1.5) a part only of what has `tag`.
pub fn asked(headers: &HeaderMap, size_bytes: u64, tag: &str) -> Asked {
    let is_other = headers
        .get(header::IF_RANGE)
        .is_some_and(|value| value.to_str().unwrap_or_default().trim() != tag);
    let range = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    match range.and_then(|range| range.trim().strip_prefix("bytes=")) {
        Some(range) if !is_other => part(range.trim(), size_bytes),
        _ => Asked::Whole,
    }
}

fn part(range: &str, size_bytes: u64) -> Asked {
    let Some((first, last)) = range.split_once('-') else { return Asked::Whole };
    if first.is_empty() {
        return match number(last) {
            Some(0) => Asked::Nowhere,
            Some(_) if size_bytes == 0 => Asked::Whole,
            Some(count) => Asked::Part(size_bytes.saturating_sub(count)..size_bytes),
            None => Asked::Whole,
        };
    }
    let Some(first) = number(first) else { return Asked::Whole };
    let end = match number(last) {
        Some(last) if last < first => return Asked::Whole,
        Some(last) => last.saturating_add(1).min(size_bytes),
        None if last.is_empty() => size_bytes,
        None => return Asked::Whole,
    };
    if first >= size_bytes { Asked::Nowhere } else { Asked::Part(first..end) }
}

fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // More digits than a number has are further away than any byte.
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn asked_by(range: &str, size_bytes: u64) -> Asked {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_str(range).unwrap());
        asked(&headers, size_bytes, "\"tag\"")
    }

    #[test]
    fn every_form_of_a_single_range_is_understood() {
        assert_eq!(asked_by("bytes=0-0", 10), Asked::Part(0..1));
        assert_eq!(asked_by("bytes=3-", 10), Asked::Part(3..10));
        assert_eq!(asked_by("bytes=3-99999999999999999999999", 10), Asked::Part(3..10));
        assert_eq!(asked_by("bytes=-4", 10), Asked::Part(6..10));
        assert_eq!(asked_by("bytes=-40", 10), Asked::Part(0..10));
        for nowhere in ["bytes=10-", "bytes=99999999999999999999999-", "bytes=-0"] {
            assert_eq!(asked_by(nowhere, 10), Asked::Nowhere, "{nowhere}");
        }
        assert_eq!(asked_by("bytes=0-", 0), Asked::Nowhere);
    }

    #[test]
    fn what_is_no_single_range_gets_the_whole() {
        for other in [
            "bytes=0-1,3-4",
            "bytes=5-3",
            "bytes=a-b",
            "bytes=+1-2",
            "lines=1-2",
            "bytes=",
            "bytes=-",
        ] {
            assert_eq!(asked_by(other, 10), Asked::Whole, "{other}");
        }
        assert_eq!(asked_by("bytes=-4", 0), Asked::Whole);
    }

    #[test]
    fn a_part_of_something_else_is_not_sent() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_static("bytes=0-1"));
        headers.insert(header::IF_RANGE, HeaderValue::from_static("\"tag\""));
        assert_eq!(asked(&headers, 10, "\"tag\""), Asked::Part(0..2));
        for other in ["\"other\"", "W/\"tag\"", "Sun, 22 Nov 2026 12:00:00 GMT"] {
            headers.insert(header::IF_RANGE, HeaderValue::from_static(other));
            assert_eq!(asked(&headers, 10, "\"tag\""), Asked::Whole, "{other}");
        }
    }
}
