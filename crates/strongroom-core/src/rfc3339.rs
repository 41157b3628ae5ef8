//! The times that are signed, read as narrowly as every other reader reads them.

use jiff::Timestamp;

/// Years that both this reader and the one in a proof's own script can hold, whatever the offset.
const YEARS: std::ops::RangeInclusive<&str> = "0002"..="9998";

/// RFC 3339 section 5.6 with capital letters, at most nine digits of a second, no leap second and an offset of
/// less than a day. Libraries read more than that, and each another more.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let (clock, rest) = text.split_at_checked(19)?;
    let has_shape = clock.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        10 => byte == b'T',
        13 | 16 => byte == b':',
        _ => byte.is_ascii_digit(),
    });
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(more) => more.split_at(more.bytes().take_while(u8::is_ascii_digit).count()),
        None => ("0", rest),
    };
    let is_in_range = YEARS.contains(&clock.get(..4)?)
        && clock.get(11..13)? <= "23"
        && clock.get(14..16)? <= "59"
        && clock.get(17..)? <= "59"
        && (1..=9).contains(&fraction.len());
    (has_shape && is_in_range && is_zone(zone)).then(|| text.parse().ok())?
}

fn is_zone(zone: &str) -> bool {
    match zone.as_bytes() {
        b"Z" => true,
        [b'+' | b'-', hours @ .., b':', _, _] if hours.len() == 2 => {
            let minutes = zone.get(4..).unwrap_or_default();
            let are_digits = hours.iter().chain(minutes.as_bytes()).all(u8::is_ascii_digit);
            are_digits && hours <= b"23".as_slice() && minutes <= "59"
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_standard_has_is_read() {
        for text in [
            "2026-11-22T10:00:00Z",
            "2026-11-22T10:00:00.5Z",
            "2026-11-22T10:00:00.123456789+01:30",
            "2026-11-22T23:59:59-23:59",
            "0002-01-01T00:00:00Z",
        ] {
            assert_eq!(parse(text), text.parse().ok(), "{text}");
            assert!(parse(text).is_some(), "{text}");
        }
    }

    /// The first ones are read by one library or another.
    #[test]
    fn what_only_some_readers_take_is_refused() {
        for text in [
            "2026-11-22T10:00:00+0000",
            "2026-11-22T10:00:00+00",
            "2026-11-22T10:00:00+00:00[UTC]",
            "2026-11-22T10:00:00,5Z",
            "2026-11-22T10:00:00.Z",
            "2026-11-22T10:00:00.1234567890Z",
            "2026-11-22 10:00:00Z",
            "2026-11-22t10:00:00z",
            "2026-11-22T10:00Z",
            "2026-11-22T10+00:00",
            "20261122T100000Z",
            "2026-11-22T100000Z",
            "2026-11-21T23:59:60Z",
            "2026-11-21T24:00:00Z",
            "2026-11-22T10:00:00",
            "2026-11-22T10:00:00+24:00",
            "2026-11-22T10:00:00+01:60",
            "2026-11-22T10:00:00+01:23:45",
            "2026-02-30T10:00:00Z",
            "-002026-11-22T10:00:00Z",
            "9999-01-01T00:00:00Z",
            "0001-01-01T00:00:00Z",
            "２026-11-22T10:00:00Z",
            "",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
