//! Shared Key signatures.
//! <https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key>

use std::fmt::Write as _;

use reqsign_core::hash::{base64_decode, base64_hmac_sha256};

use super::answer::{Refusal, refuse};
use super::request::Asked;

/// What is signed of the standard headers, in this order, after the method.
const SIGNED: [&str; 11] = [
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
];

/// Refuses what is not signed with the account's key.
pub(super) fn check(asked: &Asked, account: &str, key: &str) -> Result<(), Refusal> {
    let key = base64_decode(key).expect("a key in Base64");
    let signature = base64_hmac_sha256(&key, string_to_sign(asked, account).as_bytes());
    match asked.header("authorization") {
        Some(given) if given == format!("SharedKey {account}:{signature}") => Ok(()),
        Some(_) => Err(refuse(403, "AuthenticationFailed")),
        None => Err(refuse(401, "NoAuthenticationInformation")),
    }
}

fn string_to_sign(asked: &Asked, account: &str) -> String {
    let mut text = format!("{}\n", asked.method);
    for name in SIGNED {
        let value = asked.header(name).unwrap_or_default();
        // An empty body's length is signed as nothing.
        let value = if name == "content-length" && value == "0" { "" } else { value };
        let _ = writeln!(text, "{value}");
    }
    let mut names: Vec<_> = asked.headers.keys().map(http::HeaderName::as_str).collect();
    names.retain(|name| name.starts_with("x-ms-"));
    names.sort_unstable();
    for name in names {
        let _ = writeln!(text, "{name}:{}", asked.header(name).unwrap_or_default());
    }
    let _ = write!(text, "/{account}{}", asked.path);
    let mut query = asked.query.clone();
    query.sort();
    for (name, value) in query {
        let _ = write!(text, "\n{}:{value}", name.to_lowercase());
    }
    text
}
