//! Sizes, times and untrusted text, in words.

use jiff::Timestamp;

/// A size in binary units: `12.3 MiB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1_024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1_024.0;
    let mut unit = 0;
    // 1,023.95 and more would be shown as 1024.0 of the smaller unit.
    while value >= 1_023.95 && unit + 1 < UNITS.len() {
        value /= 1_024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A size in binary units and to the byte: `12.3 MiB (12,897,484 bytes)`.
pub fn size_and_bytes(bytes: u64) -> String {
    if bytes < 1_024 {
        return count(bytes, "byte", "bytes");
    }
    format!("{} ({} bytes)", size(bytes), grouped(bytes))
}

/// A number with the right noun: `1 file`, `10,000 files`.
pub fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time to the second, in UTC: `2026-11-21 12:00:00Z`.
pub fn time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A short length of time: `120 ms`, `2.5 s`.
pub fn duration_ms(milliseconds: u64) -> String {
    if milliseconds < 1_000 {
        return format!("{milliseconds} ms");
    }
    format!("{:.1} s", milliseconds as f64 / 1_000.0)
}

/// Text that somebody else wrote, harmless on a terminal: control characters (which could move the
/// cursor or hide text), those that turn the direction of writing and those that nobody sees are shown as
/// escapes.
pub fn safe(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character.is_control() || turns_direction(character) || is_invisible(character) {
            true => shown.extend(character.escape_default()),
            false => shown.push(character),
        }
    }
    shown
}

/// As [`safe`], of lines that are held beside each other: a tab is four spaces.
pub fn visible(text: &str) -> String {
    safe(&text.replace('\t', "    "))
}

fn turns_direction(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200d}' | '\u{2028}' | '\u{2029}'
            | '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_at_a_glance() {
        let table = [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1.0 KiB"),
            (1_048_575, "1.0 MiB"),
            (5 << 40, "5.0 TiB"),
        ];
        for (bytes, shown) in table {
            assert_eq!(size(bytes), shown);
        }
        assert_eq!(size_and_bytes(1), "1 byte");
        assert_eq!(size_and_bytes(12_897_484), "12.3 MiB (12,897,484 bytes)");
    }

    #[test]
    fn text_of_others_cannot_drive_the_terminal() {
        assert_eq!(safe("a\u{1b}[2Jb\n\u{202e}c"), "a\\u{1b}[2Jb\\n\\u{202e}c");
        assert_eq!(safe("a\u{200b}b\u{2028}c\u{feff}"), "a\\u{200b}b\\u{2028}c\\u{feff}");
        assert_eq!(safe("Übersicht é 日本"), "Übersicht é 日本");
    }

    #[test]
    fn what_nobody_would_see_is_shown_beside_what_looks_the_same() {
        assert_eq!(visible("a\u{200b}b\u{feff}\u{e0041}"), "a\\u{200b}b\\u{feff}\\u{e0041}");
        assert_eq!(visible("\tx\r\u{202e}"), "    x\\r\\u{202e}");
        assert_eq!(visible("é 日本 👍"), "é 日本 👍");
    }

    #[test]
    fn times_are_utc_to_the_second() {
        let moment: Timestamp = "2026-11-21T12:00:00.5Z".parse().expect("a time");
        assert_eq!(time(moment), "2026-11-21 12:00:00Z");
    }
}
