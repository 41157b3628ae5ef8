//! What a value looks like: drawn at random, chosen by a person, or standing for something else.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::kind::Check;

/// Distinct bytes in a value that was drawn at random, for short and for long ones.
const DISTINCT_MIN: usize = 6;
/// Shannon entropy of a key of sixteen or more characters, in bits a character. English text has about
/// the same, so digits are asked for too.
const KEY_ENTROPY_BITS_MIN: f64 = 3.4;
/// Likewise of a password. `password` itself has 2.75, and so have most words of its length.
const PASSWORD_ENTROPY_BITS_MIN: f64 = 2.6;
/// Bytes of a password that is looked at: a name of one asks for eight, curl and netrc for less.
const PASSWORD_BYTES_MIN: usize = 6;
/// Letters and capitals of a phrase that may be a password.
const PHRASE_BYTES_MIN: usize = 12;
const PHRASE_CAPITALS_MIN: usize = 3;
/// Bytes of an encoded key that are decoded to see what key it is.
const ENCODED_BYTES: usize = 64;
/// Bytes of a token's first part that are decoded.
const HEADER_BYTES_MAX: usize = 1_024;

/// Parts of values that stand for something else, in lower case.
const PLACEHOLDERS: [&str; 20] = [
    "example",
    "xxxx",
    "redacted",
    "changeme",
    "change_me",
    "change-me",
    "placeholder",
    "dummy",
    "your_",
    "your-",
    "yourpass",
    "yoursecret",
    "yourtoken",
    "****",
    "....",
    "insert",
    "replace",
    "sample",
    "undefined",
    "notreal",
];

/// Where a reference says that the value is.
const SCHEMES: [&str; 7] =
    ["env:", "file:", "vault:", "bao:", "op://", "arn:aws", "secretsmanager:"];

/// Parts of names in programs and of their messages, in lower case.
const WORDS_OF_PROGRAMS: [&str; 32] = [
    "pass",
    "pwd",
    "secret",
    "token",
    "credential",
    "auth",
    "user",
    "login",
    "string",
    "text",
    "null",
    "none",
    "true",
    "false",
    "value",
    "type",
    "param",
    "field",
    "input",
    "config",
    "default",
    "required",
    "hidden",
    "prompt",
    "policy",
    "error",
    "exception",
    "fail",
    "invalid",
    "service",
    "provider",
    "encoder",
];

impl Check {
    /// Whether `value`, of the right shape, passes. `body` is what of it is not the same in all values.
    pub(super) fn passes(self, value: &[u8], body: &[u8]) -> bool {
        match self {
            Self::Shape => true,
            Self::Varied => is_varied(body),
            Self::Password => is_a_password(value),
            Self::Random => {
                is_varied(value)
                    && has_digits_and_letters(value)
                    && entropy_bits(value) >= KEY_ENTROPY_BITS_MIN
            }
            Self::BasicCredentials => is_basic_credentials(value),
            Self::JsonWebToken => is_json_web_token(value),
            Self::EncodedPrivateKey => is_encoded_private_key(value),
        }
    }
}

/// Whether a value can have been drawn at random.
fn is_varied(value: &[u8]) -> bool {
    distinct(value) >= DISTINCT_MIN.min(value.len()) && !is_placeholder(value)
}

fn is_a_password(value: &[u8]) -> bool {
    let value = without_other_parameters(value);
    value.len() >= PASSWORD_BYTES_MIN
        && !is_reference(value)
        && !is_word(value)
        && !is_path(value)
        // Where a line ends with the name, the next one may be another name.
        && !value.ends_with(b":")
        && !is_placeholder(value)
        && entropy_bits(value) >= PASSWORD_ENTROPY_BITS_MIN
}

/// In an address another parameter may follow: `password=…&user=…`.
fn without_other_parameters(value: &[u8]) -> &[u8] {
    let begins_a_parameter = |at: &usize| {
        let rest = &value[at + 1..];
        let name = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_');
        value[*at] == b'&' && rest.get(name.count()) == Some(&b'=')
    };
    &value[..(0..value.len()).find(begins_a_parameter).unwrap_or(value.len())]
}

/// What stands for a value that is elsewhere: `$NAME`, `${…}`, `$(…)`, `%NAME%`, `{{…}}`, `<…>`, `env:NAME`.
fn is_reference(value: &[u8]) -> bool {
    let is_of_a_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.:-{}()%".contains(byte);
    let is_name = |rest: &[u8]| rest.iter().all(is_of_a_name);
    match value {
        [b'$', b'{' | b'(', ..] => true,
        [b'$', first, rest @ ..] => {
            (first.is_ascii_alphabetic() || *first == b'_') && is_name(rest)
        }
        [b'%', rest @ ..] => is_name(rest),
        [b'<', .., b'>'] | [b'{', .., b'}'] | [b'[', .., b']'] | [b'(', .., b')'] => true,
        _ => SCHEMES.iter().any(|scheme| value.starts_with(scheme.as_bytes())),
    }
}

/// A word, or words joined as programs join them: `required`, `not-set`, `self.password`.
fn is_word(value: &[u8]) -> bool {
    let letters = value.iter().all(u8::is_ascii_alphabetic);
    let joined = value.iter().all(|byte| byte.is_ascii_alphabetic() || b"_.-".contains(byte));
    joined && !(letters && is_phrase(value))
}

/// `CorrectHorseBatteryStaple`: capitals within, and none of the words that names in programs are made of.
fn is_phrase(value: &[u8]) -> bool {
    let capitals = value.iter().filter(|byte| byte.is_ascii_uppercase()).count();
    let lower = value.to_ascii_lowercase();
    let holds = |word: &str| lower.windows(word.len()).any(|window| window == word.as_bytes());
    value.len() >= PHRASE_BYTES_MIN
        && capitals >= PHRASE_CAPITALS_MIN
        && value.len() - capitals >= PHRASE_CAPITALS_MIN
        && !WORDS_OF_PROGRAMS.iter().any(|word| holds(word))
}

/// A path without a sign that paths seldom have.
fn is_path(value: &[u8]) -> bool {
    let is_rooted = matches!(value, [b'/', ..] | [b'~' | b'.', b'/', ..] | [b'.', b'.', b'/', ..])
        || matches!(value, [drive, b':', b'/', ..] if drive.is_ascii_alphabetic());
    is_rooted
        && value.iter().skip(2).all(|byte| byte.is_ascii_alphanumeric() || b"/_.-".contains(byte))
}

fn is_placeholder(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    let holds = |part: &str| lower.windows(part.len()).any(|window| window == part.as_bytes());
    PLACEHOLDERS.iter().any(|part| holds(part)) || counts_up(&lower)
}

/// `12345678`, `abcdefgh`: most of it goes up by one.
fn counts_up(value: &[u8]) -> bool {
    let steps = value.windows(2).filter(|pair| pair[0].checked_add(1) == Some(pair[1])).count();
    value.len() > 4 && steps * 4 >= (value.len() - 1) * 3
}

fn has_digits_and_letters(value: &[u8]) -> bool {
    value.iter().filter(|byte| byte.is_ascii_digit()).count() >= 2
        && value.iter().any(u8::is_ascii_alphabetic)
}

fn counts(value: &[u8]) -> [u32; 256] {
    let mut counts = [0; 256];
    value.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    counts
}

fn distinct(value: &[u8]) -> usize {
    counts(value).iter().filter(|count| **count > 0).count()
}

/// Shannon entropy, in bits a byte.
fn entropy_bits(value: &[u8]) -> f64 {
    let length = value.len() as f64;
    let share = |count: &u32| f64::from(*count) / length;
    counts(value)
        .iter()
        .filter(|count| **count > 0)
        .map(|count| -share(count) * share(count).log2())
        .sum()
}

fn is_basic_credentials(value: &[u8]) -> bool {
    let decoded = STANDARD.decode(value).or_else(|_| STANDARD_NO_PAD.decode(value));
    let Ok(decoded) = decoded else { return false };
    let printable = decoded.iter().all(|byte| (0x20..0x7f).contains(byte));
    let colon = decoded.iter().position(|byte| *byte == b':');
    printable
        && colon.is_some_and(|colon| {
            let password = &decoded[colon + 1..];
            password.len() >= 4 && !is_placeholder(password)
        })
}

fn is_encoded_private_key(value: &[u8]) -> bool {
    let start = &value[..value.len().min(ENCODED_BYTES) / 4 * 4];
    let decoded = STANDARD.decode(start).unwrap_or_default();
    decoded.windows(b"PRIVATE KEY".len()).any(|part| part == b"PRIVATE KEY")
}

fn is_json_web_token(value: &[u8]) -> bool {
    let Some(header) = value.split(|byte| *byte == b'.').next() else { return false };
    if header.len() > HEADER_BYTES_MAX {
        return false;
    }
    let decoded = URL_SAFE_NO_PAD.decode(header).unwrap_or_default();
    serde_json::from_slice::<serde_json::Value>(&decoded)
        .is_ok_and(|header| header.get("alg").is_some_and(serde_json::Value::is_string))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_something_else_is_no_value() {
        for text in [
            "xxxxxxxxxxxxxxxx",
            "AKIAIOSFODNN7EXAMPLE",
            "0123456789abcdef",
            "your-token-here",
            "aaaaaaaaaaaa",
        ] {
            assert!(!Check::Varied.passes(text.as_bytes(), text.as_bytes()), "{text}");
        }
        assert!(Check::Varied.passes(b"q7Zr2Lk9Wd4X", b"q7Zr2Lk9Wd4X"));
    }

    #[test]
    fn a_word_is_no_password() {
        for text in [
            "required",
            "REQUIRED",
            "not-set-here",
            "${PASSWORD}",
            "<password>",
            "%PASSWORD%",
            "12345678",
            "$PASSWORD",
            "$(pass show db1)",
            "{{vault_db1}}",
            "[FILTERED-1]",
            "env:DB_PASSWORD_1",
            "/run/secrets/db-1",
            "C:/Users/build-1",
            "username1:",
            "&user=build12345",
            "$PASSWORD&user=1",
            "PasswordEncoderFactories",
            "AuthenticationFailedException",
        ] {
            assert!(!Check::Password.passes(text.as_bytes(), b""), "{text}");
        }
        for text in [
            "hunter2hunter2!",
            "Tr0ub4dor&3",
            "correct-h0rse",
            "$uP3rS3cret!9",
            "CorrectHorseBatteryStaple",
            "KvkmGQfIdwwQyS",
            "/x+9vQ2=kLm8",
        ] {
            assert!(Check::Password.passes(text.as_bytes(), b""), "{text}");
        }
    }

    #[test]
    fn basic_credentials_hold_a_colon() {
        assert!(Check::BasicCredentials.passes(STANDARD.encode("build:w7tZ-92kq").as_bytes(), b""));
        assert!(
            !Check::BasicCredentials.passes(STANDARD.encode("no colon in here").as_bytes(), b"")
        );
        assert!(!Check::BasicCredentials.passes(b"not base64!", b""));
    }
}
