//! The shapes in which stores write a time.

use jiff::Timestamp;
use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};

/// Reads `Sat, 21 Nov 2026 12:00:00 GMT` (HTTP) and `2026-11-21T12:00:00.000000000Z` (XML), with
/// any number of decimals.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    text.parse().ok().or_else(|| DateTimeParser::new().parse_timestamp(text).ok())
}

/// Writes a lock's date: RFC 3339 in whole seconds, rounded *up*, since a store may cut decimals
/// off and a lock must not end earlier than asked.
pub(crate) fn lock_date(time: Timestamp) -> String {
    rounded_up(time).to_string()
}

/// The same in the shape of HTTP's own dates, which is Azure's. `None` beyond the year 9999.
pub(crate) fn lock_date_in_a_header(time: Timestamp) -> Option<String> {
    DateTimePrinter::new().timestamp_to_rfc9110_string(&rounded_up(time)).ok()
}

fn rounded_up(time: Timestamp) -> Timestamp {
    let seconds = time.as_second() + i64::from(time.subsec_nanosecond() > 0);
    Timestamp::from_second(seconds).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_shape_that_stores_write() {
        let noon: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        for text in [
            "Sat, 21 Nov 2026 12:00:00 GMT",
            "2026-11-21T12:00:00Z",
            "2026-11-21T12:00:00.000Z",
            "2026-11-21T12:00:00.000000000Z",
            "2026-11-21T12:00:00+00:00",
            " 2026-11-21T12:00:00.000Z\n",
        ] {
            assert_eq!(parse(text), Some(noon), "{text}");
        }
        for text in ["", "yesterday", "2026-11-21", "1700000000"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_lock_never_ends_earlier_than_asked() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(lock_date(time("2026-11-21T12:00:00Z")), "2026-11-21T12:00:00Z");
        assert_eq!(lock_date(time("2026-11-21T12:00:00.001Z")), "2026-11-21T12:00:01Z");
        let in_a_header = lock_date_in_a_header(time("2026-11-21T11:59:59.001Z"));
        assert_eq!(in_a_header.as_deref(), Some("Sat, 21 Nov 2026 12:00:00 GMT"));
    }
}
