//! `personal.…`: what tells of a person, in names and in fields.

use std::sync::LazyLock;

use regex::bytes::{Regex, RegexBuilder};

use crate::lint::finding::Findings;
use crate::lint::place::Place;
use crate::lint::rule::Rule;
use crate::lint::severity::Severity;

const EMAIL: &str = "personal.email";
const PHONE: &str = "personal.phone";
const NATIONAL_ID: &str = "personal.national-id";
const ACCOUNT: &str = "personal.account-number";

/// Bytes of a text that are looked at: names are shorter, and what is longer is no name.
const TEXT_BYTES_MAX: usize = 8 << 10;
/// Digits of a telephone number with its country (ITU-T E.164), and the least that is taken for one.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 9..=15;

/// The rules of this family.
pub(in crate::lint) const RULES: &[Rule] = &[
    Rule::new(
        EMAIL,
        Severity::Warning,
        "An e-mail address in a name or in a field",
        "A name or a field is listed, indexed and shown wherever the bundle is, and cannot be erased while the bundle is \
         locked: data protection law gives people a right to that. Use an id that leads to the person elsewhere.",
    ),
    Rule::new(
        PHONE,
        Severity::Warning,
        "What looks like a telephone number in a name or in a field",
        "A name or a field is listed, indexed and shown wherever the bundle is, and cannot be erased while the bundle is \
         locked. Use an id that leads to the person elsewhere.",
    ),
    Rule::new(
        NATIONAL_ID,
        Severity::Error,
        "What looks like a national identity number in a name or in a field",
        "Numbers that a state gives a person (US social security, UK national insurance, French social security) identify \
         for life, and laws restrict where they may stand at all. Use an id of your own, and bundle again.",
    ),
    Rule::new(
        ACCOUNT,
        Severity::Error,
        "What looks like a bank account or card number in a name or in a field",
        "The check digits are right, so this is most likely an IBAN or the number of a payment card. Those must not stand in \
         names and fields, which are listed and shown everywhere. Use an id of your own, and bundle again.",
    ),
];

static EMAILS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    compiled(
        r"(?:^|[^A-Za-z0-9._%+-])([A-Za-z0-9_%+-][A-Za-z0-9._%+-]{0,63})@([A-Za-z][A-Za-z0-9-]{0,62}(?:\.[A-Za-z0-9-]{1,63}){0,8}\.[A-Za-z]{2,24})(?:$|[^A-Za-z0-9-])",
    )
});
static PHONES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    compiled(
        r"(?:^|[^A-Za-z0-9+])(\+[1-9][0-9 ().-]{7,24}[0-9]|\([2-9][0-9]{2}\) ?[2-9][0-9]{2}-[0-9]{4}|[2-9][0-9]{2}-[2-9][0-9]{2}-[0-9]{4})(?:$|[^A-Za-z0-9])",
    )
});
static NATIONAL_IDS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    compiled(
        r"(?:^|[^A-Za-z0-9-]|[A-Za-z]-)([0-9]{3}-[0-9]{2}-[0-9]{4}|[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]|[12] ?[0-9]{2} ?(?:0[1-9]|1[0-2]) ?[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{2})(?:$|[^A-Za-z0-9-])",
    )
});
static ACCOUNTS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    compiled(
        r"(?:^|[^A-Za-z0-9])([A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?|[3-6][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{1,7}|3[47][0-9]{2}[ -]?[0-9]{6}[ -]?[0-9]{5})(?:$|[^A-Za-z0-9])",
    )
});

fn compiled(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(pattern).unicode(false).build().ok()
}

/// Looks for what tells of a person in a name or in a field. `path` is that of the file, if it is one's name.
pub(in crate::lint) fn check(
    text: &str,
    place: &dyn Fn() -> Place,
    path: Option<&str>,
    findings: &mut Findings,
) {
    let bytes = &text.as_bytes()[..text.len().min(TEXT_BYTES_MAX)];
    let has = |pattern: &LazyLock<Option<Regex>>, is_one: fn(&[u8], &[u8]) -> bool| {
        let Some(pattern) = pattern.as_ref() else { return false };
        pattern.captures_iter(bytes).any(|found| {
            found.get(1).is_some_and(|one| is_one(one.as_bytes(), &bytes[one.end()..]))
        })
    };
    // Most texts have neither digits enough nor an at sign: they cost one look.
    if bytes.contains(&b'@') && has(&EMAILS, is_an_address) {
        findings.add(EMAIL, place(), path, "holds an e-mail address");
    }
    if bytes.iter().filter(|byte| byte.is_ascii_digit()).count() < 6 {
        return;
    }
    if has(&PHONES, |number, _| is_a_phone_number(number)) {
        findings.add(PHONE, place(), path, "holds what looks like a telephone number");
    }
    if has(&NATIONAL_IDS, |number, _| is_a_national_id(number)) {
        findings.add(
            NATIONAL_ID,
            place(),
            path,
            "holds what looks like a national identity number",
        );
    }
    if has(&ACCOUNTS, |number, _| is_an_iban(number) || is_a_card(number)) {
        findings.add(ACCOUNT, place(), path, "holds what looks like a bank account or card number");
    }
}

/// `git@host.example:path` names a repository.
fn is_an_address(local: &[u8], rest: &[u8]) -> bool {
    let after_host = rest.iter().position(|byte| matches!(byte, b':' | b'/' | b' ' | b',' | b'>'));
    let is_a_repository = after_host.is_some_and(|at| matches!(rest[at], b':' | b'/'));
    !is_a_repository && !matches!(local, b"git" | b"noreply" | b"no-reply")
}

fn is_a_phone_number(number: &[u8]) -> bool {
    PHONE_DIGITS.contains(&digits(number).count())
}

fn is_a_national_id(number: &[u8]) -> bool {
    let all: Vec<u32> = digits(number).collect();
    let value = |part: &[u32]| part.iter().fold(0_u64, |sum, digit| sum * 10 + u64::from(*digit));
    match (number.first().is_some_and(u8::is_ascii_alphabetic), all.len()) {
        (true, 6) => true,
        // Numbers that the Social Security Administration never gives.
        (false, 9) => {
            let (area, group, serial) = (value(&all[..3]), value(&all[3..5]), value(&all[5..]));
            !matches!(area, 0 | 666 | 900..) && group != 0 && serial != 0
        }
        (false, 15) => 97 - value(&all[..13]) % 97 == value(&all[13..]),
        _ => false,
    }
}

/// ISO 13616: with the first four characters at its end, and letters as numbers from ten, the rest by 97 is one.
fn is_an_iban(text: &[u8]) -> bool {
    let compact: Vec<u8> = text.iter().copied().filter(u8::is_ascii_alphanumeric).collect();
    if !(15..=34).contains(&compact.len()) || !compact[..2].iter().all(u8::is_ascii_uppercase) {
        return false;
    }
    let turned = compact[4..].iter().chain(&compact[..4]);
    let rest = turned.fold(0_u32, |rest, byte| match char::from(*byte).to_digit(36) {
        Some(digit @ 0..=9) => (rest * 10 + digit) % 97,
        Some(letter) => (rest * 100 + letter) % 97,
        None => rest,
    });
    rest == 1
}

/// ISO/IEC 7812: the Luhn sum, and a length that cards have.
fn is_a_card(number: &[u8]) -> bool {
    let all: Vec<u32> = digits(number).collect();
    let is_all_digits =
        number.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b' ' | b'-'));
    let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let sum: u32 = all
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| if at % 2 == 1 { doubled(*digit) } else { *digit })
        .sum();
    is_all_digits
        && (14..=19).contains(&all.len())
        && sum.is_multiple_of(10)
        && all.iter().any(|digit| *digit != all[0])
}

fn digits(number: &[u8]) -> impl Iterator<Item = u32> {
    number.iter().filter_map(|byte| char::from(*byte).to_digit(10))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::lint::settings::Settings;

    fn found_in(text: &str) -> Vec<String> {
        let mut findings = Findings::new(Settings::default(), BTreeSet::new());
        check(text, &|| Place::Bundle, None, &mut findings);
        findings.list.iter().map(|finding| finding.rule.id.to_string()).collect()
    }

    #[test]
    fn what_tells_of_a_person_is_found() {
        let table = [
            ("reports/jane.doe@mail.example.org.txt", EMAIL),
            ("Jane <jane+work@example.co.uk>", EMAIL),
            ("call +49 30 901820-0", PHONE),
            ("(415) 555-2671", PHONE),
            ("415-555-2671.log", PHONE),
            ("ssn-078-05-1120.pdf", NATIONAL_ID),
            ("078-05-1120", NATIONAL_ID),
            ("QQ 12 34 56 C", ""),
            ("AB123456C", NATIONAL_ID),
            ("1 84 12 76 451 089 46", NATIONAL_ID),
            ("DE89 3704 0044 0532 0130 00", ACCOUNT),
            ("GB29NWBK60161331926819", ACCOUNT),
            ("4111 1111 1111 1111", ACCOUNT),
            ("5500-0055-5555-5559", ACCOUNT),
        ];
        for (text, id) in table {
            let expected: Vec<&str> = Some(id).filter(|id| !id.is_empty()).into_iter().collect();
            assert_eq!(found_in(text), expected, "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_not() {
        let texts = [
            "git@git.example.org:team/repository.git",
            "ssh://build@git.example.org/a.git",
            "package@1.2.3",
            "image@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "2026-11-21T12:00:00+01:00",
            "2026-11-21",
            "000-12-3456",
            "build-1-078-05-1120",
            "1234567890123456",
            "DE00 3704 0044 0532 0130 00",
            "0000000000000000",
            "build 20261121120000",
            "1.2.3-4.5.6",
            "0198a3f2-7c1e-7d2a-9b3c-4d5e6f708192",
        ];
        for text in texts {
            assert_eq!(found_in(text), Vec::<String>::new(), "{text}");
        }
    }
}
