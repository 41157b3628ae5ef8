//! `GeneralizedTime` as RFC 3161 section 2.4.2 has it: to the second or finer, always UTC.

use der::Tagged as _;
use der::asn1::AnyRef;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::TimestampError;

/// `YYYYMMDDhhmmss`.
const WHOLE_BYTES: usize = 14;
/// Digits of a fraction that are kept; authorities give three or six.
const FRACTION_DIGITS_MAX: usize = 9;

/// The time in `YYYYMMDDhhmmss[.s…]Z`. A fraction has at least a digit and does not end in zero.
pub(super) fn read(value: AnyRef<'_>) -> Result<Timestamp, TimestampError> {
    if value.tag() != der::Tag::GeneralizedTime {
        return Err(TimestampError::Malformed("its time is no GeneralizedTime"));
    }
    parse(value.value()).ok_or(TimestampError::Malformed("its time is not to be read"))
}

fn parse(text: &[u8]) -> Option<Timestamp> {
    let (whole, rest) = text.split_at_checked(WHOLE_BYTES)?;
    let number = |from: usize, digits: usize| -> Option<i16> {
        let digits = &whole[from..from + digits];
        digits.iter().try_fold(0, |sum, digit| {
            digit.is_ascii_digit().then(|| sum * 10 + i16::from(digit - b'0'))
        })
    };
    let two = |from| i8::try_from(number(from, 2)?).ok();
    let nanoseconds = fraction(rest.strip_suffix(b"Z")?)?;
    // A leap second is none of POSIX's seconds; it is taken for the one before.
    let second = two(12)?;
    let second = if second == 60 { 59 } else { second };
    let civil =
        DateTime::new(number(0, 4)?, two(4)?, two(6)?, two(8)?, two(10)?, second, nanoseconds);
    TimeZone::UTC.to_timestamp(civil.ok()?).ok()
}

/// Nanoseconds of what stands between the seconds and the `Z`.
fn fraction(text: &[u8]) -> Option<i32> {
    if text.is_empty() {
        return Some(0);
    }
    let digits = text.strip_prefix(b".")?;
    let is_canonical = (1..=FRACTION_DIGITS_MAX).contains(&digits.len())
        && digits.iter().all(u8::is_ascii_digit)
        && digits.last() != Some(&b'0');
    is_canonical.then(|| {
        let padded = digits.iter().map(|digit| i32::from(digit - b'0')).chain(std::iter::repeat(0));
        padded.take(FRACTION_DIGITS_MAX).fold(0, |sum, digit| sum * 10 + digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_to_the_fraction() {
        for (text, time) in [
            ("19990609001326Z", "1999-06-09T00:13:26Z"),
            ("19990609001326.34352Z", "1999-06-09T00:13:26.34352Z"),
            ("20261231235960Z", "2026-12-31T23:59:59Z"),
        ] {
            assert_eq!(parse(text.as_bytes()).map(|time| time.to_string()).as_deref(), Some(time));
        }
    }

    #[test]
    fn what_der_forbids_of_times_is_refused() {
        for text in [
            "",
            "Z",
            "199906090013Z",
            "19990609001326",
            "19990609001326.Z",
            "19990609001326.10Z",
            "19990609001326,5Z",
            "19990609001326.1234567891Z",
            "19990609001326+0000",
            "19991309001326Z",
            "19990230001326Z",
            "1999060900132éZ",
            "-9990609001326Z",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }
}
