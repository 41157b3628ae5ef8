//! What is right before a place: whether a word goes on there, or another one begins.

/// Bytes of an escape that are looked at: of a colour code, which is the longest.
const ESCAPE_BYTES_MAX: usize = 16;
/// Bytes of the name of an option.
const OPTION_BYTES_MAX: usize = 64;

/// Whether a word goes on at `at`: a letter or a digit is right before it, and none that ends an escape.
pub(super) fn is_inside_a_word(text: &[u8], at: usize) -> bool {
    let before = &text[at.saturating_sub(ESCAPE_BYTES_MAX)..at];
    before.last().is_some_and(u8::is_ascii_alphanumeric) && !ends_an_escape(before)
}

/// `\n` and the like, `\x1b`, `\033`, `\u00e9`, `%20`, and the `[32m` of a colour code.
fn ends_an_escape(before: &[u8]) -> bool {
    let ends_in = |lead: &[u8], digits: usize, is_digit: fn(&u8) -> bool| {
        before.len().checked_sub(digits).is_some_and(|start| {
            before[..start].ends_with(lead) && before[start..].iter().all(is_digit)
        })
    };
    matches!(before, [.., b'\\', b'n' | b'r' | b't' | b'b' | b'f' | b'v' | b'a' | b'e' | b'0'])
        || ends_in(b"\\x", 2, u8::is_ascii_hexdigit)
        || ends_in(b"\\0", 2, u8::is_ascii_digit)
        || ends_in(b"\\u", 4, u8::is_ascii_hexdigit)
        || ends_in(b"%", 2, u8::is_ascii_hexdigit)
        || ends_a_colour(before)
}

fn ends_a_colour(before: &[u8]) -> bool {
    let Some((last, rest)) = before.split_last() else { return false };
    let is_a_parameter = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b';' | b'?');
    let start = rest.iter().rposition(|byte| !is_a_parameter(byte));
    last.is_ascii_alphabetic() && start.is_some_and(|start| rest[start] == b'[')
}

/// Whether the word around `at` is an option of a command line: begins with a hyphen.
pub(super) fn is_in_an_option(text: &[u8], at: usize) -> bool {
    let is_of_a_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let before = &text[at.saturating_sub(OPTION_BYTES_MAX)..(at + 1).min(text.len())];
    let name = before.iter().rev().take_while(|byte| is_of_a_name(byte)).count();
    name < OPTION_BYTES_MAX && before[before.len() - name..].starts_with(b"-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_begins_after_an_escape_and_not_after_a_letter() {
        let inside = ["x", "1", "\\q", "\\u00e", "%2", "%zz", "[32", "\\xg1", "a;m", "n"];
        for before in inside {
            assert!(is_inside_a_word(before.as_bytes(), before.len()), "{before}");
        }
        let outside = [
            "",
            " ",
            "_",
            "\\n",
            "\\\\n",
            "\\u00e9",
            "\\u001b",
            "%20",
            "%3D",
            "\u{1b}[32m",
            "\\u001b[0;32m",
            "\\033[1m",
            "\\x1b",
            "é",
        ];
        for before in outside {
            assert!(!is_inside_a_word(before.as_bytes(), before.len()), "{before}");
        }
    }

    #[test]
    fn an_option_begins_with_a_hyphen() {
        let table = [
            ("--password", true),
            ("-p --db-password", true),
            ("[\"--password", true),
            ("a password", false),
            ("one-password", false),
            ("-", true),
        ];
        for (text, is_one) in table {
            assert_eq!(is_in_an_option(text.as_bytes(), text.len() - 1), is_one, "{text}");
        }
        assert!(!is_in_an_option(b"", 0));
    }
}
