//! Where secrets are as a whole. What finds one may have seen enough before its end.

use std::ops::Range;

use super::{REDACTED, SecretMatch, find_in};

/// Bytes in which the end of a key of several lines is looked for; a key without one is hidden so far.
const KEY_BYTES_MAX: usize = 64 << 10;
/// Keys of several lines, by the kind that tells their beginning; and what their last line begins with.
const KEYS: [(&str, &[u8]); 2] =
    [("private-key", b"-----END "), ("putty-private-key", b"Private-MAC:")];
/// A key that is encoded as a whole, and may be broken into lines.
const ENCODED_KEY: &str = "encoded-private-key";
/// Bytes of its second line at least: a shorter one may be a word.
const ENCODED_LINE_BYTES_MIN: usize = 16;
/// Kinds that hold whatever a person chose: they end where a space or their quotation does.
const CHOSEN: [&str; 3] = ["password", "netrc-password", "curl-credentials"];
/// Bytes of one of those that are hidden beyond what was found.
const CHOSEN_BYTES_MAX: usize = 512;

/// The places of all secrets of a text, whole, in their order; none overlaps the next, and each begins and
/// ends between two characters.
pub fn places_in(text: &str) -> Vec<Range<usize>> {
    whole_places(text, &find_in(text))
}

/// The same of secrets that were found in it, which are in the order of their places.
pub(super) fn whole_places(text: &str, found: &[SecretMatch]) -> Vec<Range<usize>> {
    let mut places: Vec<Range<usize>> = Vec::new();
    for one in found {
        if places.last().is_some_and(|last| one.end <= last.end) {
            continue;
        }
        let start = text.floor_char_boundary(one.start);
        let end = text.ceil_char_boundary(whole(text.as_bytes(), one));
        match places.last_mut() {
            Some(last) if start <= last.end => last.end = last.end.max(end),
            _ => places.push(start..end),
        }
    }
    places
}

/// A text with every secret in it replaced by [`REDACTED`]; `None` where it holds none.
pub fn redacted(text: &str) -> Option<String> {
    without(text, &places_in(text))
}

/// A text without what is in these places; `None` where there are none.
pub(super) fn without(text: &str, places: &[Range<usize>]) -> Option<String> {
    let mut shown = String::new();
    let mut at = 0;
    for place in places {
        shown.push_str(&text[at..place.start]);
        shown.push_str(REDACTED);
        at = place.end;
    }
    shown.push_str(&text[at..]);
    (!places.is_empty()).then_some(shown)
}

/// Where a secret ends.
fn whole(text: &[u8], secret: &SecretMatch) -> usize {
    let id = secret.kind.id;
    if let Some((_, last_line)) = KEYS.iter().find(|(kind, _)| *kind == id) {
        return end_of_a_key(text, secret.end, last_line);
    }
    let token = |at: usize| at + count_while(&text[at..], is_of_a_token);
    match () {
        () if id == ENCODED_KEY => end_of_lines(text, token(secret.end)),
        () if CHOSEN.contains(&id) => token(end_of_what_was_chosen(text, secret)),
        () => token(secret.end),
    }
}

fn end_of_a_key(text: &[u8], from: usize, last_line: &[u8]) -> usize {
    let end = text.len().min(from.saturating_add(KEY_BYTES_MAX));
    let rest = &text[from..end];
    let Some(last) = rest.windows(last_line.len()).position(|part| part == last_line) else {
        return end;
    };
    // Of a key in a string of JSON the line ends with the string, at the latest.
    from + last + count_while(&rest[last..], |byte| !matches!(byte, b'\n' | b'"'))
}

/// Lines of base64 belong to what is before them, until one is shorter than the first of them.
fn end_of_lines(text: &[u8], from: usize) -> usize {
    let max = text.len().min(from.saturating_add(KEY_BYTES_MAX));
    let mut end = from;
    let mut first_bytes = 0;
    loop {
        let gap = gap_between_lines(&text[end..max]);
        let line = count_while(&text[end + gap..max], is_of_base64);
        let after = end + gap + line;
        let ends_a_line =
            text.get(after).is_none_or(|byte| matches!(byte, b'\r' | b'\n' | b'\\' | b'"'));
        let is_one =
            line >= ENCODED_LINE_BYTES_MIN || text[..after].ends_with(b"=") || first_bytes > 0;
        if gap == 0 || line == 0 || !ends_a_line || !is_one {
            return end;
        }
        end = after;
        if line < first_bytes {
            return end;
        }
        first_bytes = line;
    }
}

/// Bytes of the end of a line, plain or as a string has it, and of the blanks after it.
fn gap_between_lines(text: &[u8]) -> usize {
    let mut at = 0;
    let mut has_ended = false;
    loop {
        match &text[at..] {
            [b'\\', b'r' | b'n', ..] => (at, has_ended) = (at + 2, true),
            [b'\n', ..] => (at, has_ended) = (at + 1, true),
            [b'\\' | b'\r' | b' ' | b'\t', ..] => at += 1,
            _ => return if has_ended { at } else { 0 },
        }
    }
}

/// In quotation marks it ends with them, and else where a space is.
fn end_of_what_was_chosen(text: &[u8], secret: &SecretMatch) -> usize {
    let rest = &text[secret.end..text.len().min(secret.end + CHOSEN_BYTES_MAX)];
    let mark = secret.start.checked_sub(1).map(|at| text[at]);
    let is_end = |byte: u8| match mark {
        Some(mark @ (b'"' | b'\'')) => byte == mark || matches!(byte, b'\n' | 0),
        _ => byte.is_ascii_whitespace() || matches!(byte, b'"' | b'<' | 0),
    };
    secret.end + count_while(rest, |byte| !is_end(byte))
}

fn count_while(text: &[u8], is_one: impl Fn(u8) -> bool) -> usize {
    text.iter().take_while(|byte| is_one(**byte)).count()
}

fn is_of_a_token(byte: u8) -> bool {
    is_of_base64(byte) || matches!(byte, b'_' | b'-' | b'~')
}

fn is_of_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_with_secrets_is_shown_without_them() {
        let token = ["ghp", "_", "q7Zr2Lk9Wd4Xs8Bn3Vc6Mf1Hj5Tg0PyAuEoR"].concat();
        let text = format!("é {token} and {token}.log");
        assert_eq!(redacted(&text).as_deref(), Some("é [redacted] and [redacted].log"));
        assert_eq!(redacted("nothing here"), None);
    }

    #[test]
    fn the_whole_of_a_key_is_hidden_and_nothing_after_it() {
        let line = "MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50MC4CAQAwBQYDK2VwBCIEIJ+DYvh6";
        let (begin, end) = ("-----BEGIN", "-----END");
        let pem = format!("{begin} PRIVATE KEY-----\n{line}\n{line}\nAB==\n{end} PRIVATE KEY-----");
        let putty = ["PuTTY-User", "-Key-File-3: ssh-ed25519\nComment: a\nPrivate-Lines: 1\n"]
            .concat()
            + &format!("{line}\nPrivate-MAC: 0123");
        let encoded = ["LS0tLS1CRUdJTiBQUklWQVRF", "IEtFWS0tLS0t"].concat()
            + &format!("{line}\n  {line}\n  AB==");
        let stamped = pem.replace('\n', "\n2026-11-22T15:00:00Z worker | ");
        for key in [&pem, &putty, &encoded, &stamped, &pem.replace('\n', "\\\\n")] {
            let shown = redacted(&format!("before {key}\npublic words\n"));
            assert_eq!(shown.as_deref(), Some("before [redacted]\npublic words\n"), "{key}");
        }
    }

    #[test]
    fn what_a_person_chose_is_hidden_to_its_end() {
        let table = [
            ("DB_PASSWORD=Tr0ub4dor&3x9;(z public", "DB_PASSWORD=[redacted] public"),
            ("password: \"Tr0ub4dor 3x\", a", "password: \"[redacted]\", a"),
            ("password: 'Tr0ub4dor&\"3x' a", "password: '[redacted]' a"),
        ];
        for (text, shown) in table {
            assert_eq!(redacted(text).as_deref(), Some(shown));
        }
    }
}
