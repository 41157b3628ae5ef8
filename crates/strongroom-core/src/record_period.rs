//! How long a record is to be kept, as a rule says it: in words, and in days of which no calendar has more.

/// A span of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordPeriod {
    /// In words.
    pub words: &'static str,
    /// No such span has more days, wherever it begins.
    pub days: u32,
}

/// Six months.
pub const SIX_MONTHS: RecordPeriod = RecordPeriod { words: "six months", days: 184 };
/// Twelve months.
pub const TWELVE_MONTHS: RecordPeriod = RecordPeriod { words: "twelve months", days: 366 };
/// Three years.
pub const THREE_YEARS: RecordPeriod = RecordPeriod { words: "three years", days: 1_096 };
/// Five years.
pub const FIVE_YEARS: RecordPeriod = RecordPeriod { words: "five years", days: 1_827 };
/// Six years.
pub const SIX_YEARS: RecordPeriod = RecordPeriod { words: "six years", days: 2_192 };
/// Seven years.
pub const SEVEN_YEARS: RecordPeriod = RecordPeriod { words: "seven years", days: 2_557 };
/// Ten years.
pub const TEN_YEARS: RecordPeriod = RecordPeriod { words: "ten years", days: 3_653 };

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, ToSpan as _, tz::TimeZone};

    use super::*;

    #[test]
    fn the_days_of_a_period_are_the_most_that_the_calendar_has() {
        let table = [
            (SIX_MONTHS, 6.months()),
            (TWELVE_MONTHS, 12.months()),
            (THREE_YEARS, 3.years()),
            (FIVE_YEARS, 5.years()),
            (SIX_YEARS, 6.years()),
            (SEVEN_YEARS, 7.years()),
            (TEN_YEARS, 10.years()),
        ];
        let first: Timestamp = "2023-01-01T00:00:00Z".parse().unwrap();
        for (period, span) in table {
            // Four years have a leap day, wherever they begin.
            let longest = (0..1_461).map(|day| {
                let start = first.to_zoned(TimeZone::UTC).checked_add(day.days()).unwrap();
                let end = start.checked_add(span).unwrap();
                end.duration_since(&start).as_hours() / 24
            });
            assert_eq!(i64::from(period.days), longest.max().unwrap(), "{}", period.words);
        }
    }
}
