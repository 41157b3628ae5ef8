//! Points in time, as people write them.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use strongroom_core::retention::{Period, RetentionError};

/// A point in time: RFC 3339 (`2033-11-21T12:00:00Z`), or a date, which is its first moment in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub Timestamp);

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(timestamp) = text.parse::<Timestamp>() {
            return Ok(Self(timestamp));
        }
        // `Date` also reads the date in front of a time without a zone, which says too little.
        let date = text.parse::<Date>().ok().filter(|_| text.len() == "2033-11-21".len());
        let start = date.and_then(|date| date.to_zoned(TimeZone::UTC).ok());
        start
            .map(|start| Self(start.timestamp()))
            .ok_or_else(|| "expected a date (2033-11-21) or RFC 3339 (2033-11-21T12:00:00Z)".into())
    }
}

/// A length of time: `90d`, `12w`, `7y`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length(pub Period);

impl FromStr for Length {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        period(text).map(Self).ok_or("expected a length: 30d, 12w, 1y")
    }
}

/// The end of a lock: a [`Moment`], or a length counted from the store's present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Then.
    At(Timestamp),
    /// After this long.
    After(Period),
}

impl When {
    /// The point in time, where the store's clock shows `store_now`.
    pub fn at(self, store_now: Timestamp) -> Result<Timestamp, RetentionError> {
        match self {
            Self::At(timestamp) => Ok(timestamp),
            Self::After(period) => period.after(store_now),
        }
    }
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(period) = period(text) {
            return Ok(Self::After(period));
        }
        text.parse::<Moment>().map(|moment| Self::At(moment.0)).map_err(|_| {
            "expected a length (90d, 12w, 7y), a date (2033-11-21) or RFC 3339 \
             (2033-11-21T12:00:00Z)"
                .into()
        })
    }
}

fn period(text: &str) -> Option<Period> {
    let unit_at = text.len().checked_sub(1).filter(|at| text.is_char_boundary(*at))?;
    let (digits, unit) = text.split_at(unit_at);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u32 = digits.parse().ok()?;
    match unit {
        "d" => Some(Period::Days(number)),
        "w" => Some(Period::Days(number.checked_mul(7)?)),
        "y" => Some(Period::Years(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    #[test]
    fn lengths_count_from_the_stores_present() {
        let now = time("2026-11-21T12:00:00Z");
        let end = |text: &str| text.parse::<When>().expect("when").at(now).expect("a date");
        assert_eq!(end("90d"), time("2027-02-19T12:00:00Z"));
        assert_eq!(end("2w"), time("2026-12-05T12:00:00Z"));
        assert_eq!(end("7y"), time("2033-11-21T12:00:00Z"));
    }

    #[test]
    fn a_date_is_its_first_moment_in_utc() {
        assert_eq!("2033-11-21".parse(), Ok(Moment(time("2033-11-21T00:00:00Z"))));
        assert_eq!("2033-11-21".parse(), Ok(When::At(time("2033-11-21T00:00:00Z"))));
        assert_eq!("2033-11-21T01:00:00+01:00".parse(), Ok(Moment(time("2033-11-21T00:00:00Z"))));
    }

    #[test]
    fn what_says_too_little_is_refused() {
        for text in
            ["", "d", "-1d", "+1d", "7", "7m", "2033-11-21T12:00:00", "soon", "99999999999d"]
        {
            assert!(text.parse::<When>().is_err(), "{text}");
        }
    }
}
