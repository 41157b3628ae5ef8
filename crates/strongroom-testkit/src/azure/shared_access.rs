//! Shared access signatures of the service, for one blob or one version of it.
//! <https://learn.microsoft.com/rest/api/storageservices/create-service-sas>

use http::Method;
use jiff::Timestamp;
use reqsign_core::hash::{base64_decode, base64_hmac_sha256};

use super::answer::{Answer, Refusal, refuse};
use super::request::Asked;

/// What of a link becomes a header of the answer.
const RESPONSE_HEADERS: [(&str, &str); 5] = [
    ("rscc", "cache-control"),
    ("rscd", "content-disposition"),
    ("rsce", "content-encoding"),
    ("rscl", "content-language"),
    ("rsct", "content-type"),
];

/// Whether a request was signed in its query.
pub(super) fn is_signed(asked: &Asked) -> bool {
    asked.query("sig").is_some()
}

/// Refuses what is not signed with the account's key, is over, or is not what was signed. Links that write, or that
/// hang on a stored policy, are not known here.
pub(super) fn check(
    asked: &Asked,
    account: &str,
    key: &str,
    now: Timestamp,
) -> Result<(), Refusal> {
    let failed = || refuse(403, "AuthenticationFailed");
    let field = |name| asked.query(name).unwrap_or_default();
    let key = base64_decode(key).expect("a key in Base64");
    if base64_hmac_sha256(&key, string_to_sign(asked, account).as_bytes()) != field("sig") {
        return Err(failed());
    }
    let ends_at: Timestamp = field("se").parse().map_err(|_| failed())?;
    if now >= ends_at {
        return Err(failed());
    }
    if field("spr") == "https" {
        return Err(refuse(403, "AuthorizationProtocolMismatch"));
    }
    // "bv" is good for the version that is named, "b" for the blob as it is.
    let is_of_version = asked.query("versionid").is_some();
    let is_of_resource = matches!((field("sr"), is_of_version), ("bv", true) | ("b", false));
    if !is_of_resource || field("sp") != "r" || !matches!(asked.method, Method::GET | Method::HEAD)
    {
        return Err(refuse(403, "AuthorizationPermissionMismatch"));
    }
    Ok(())
}

/// "Version 2020-12-06 and later", for a resource of the blob service.
fn string_to_sign(asked: &Asked, account: &str) -> String {
    let field = |name| asked.query(name).unwrap_or_default();
    let resource = format!("/blob/{account}/{}/{}", asked.container, asked.key);
    let [cache, disposition, encoding, language, media_type] =
        RESPONSE_HEADERS.map(|(name, _)| field(name));
    [
        field("sp"),
        field("st"),
        field("se"),
        &resource,
        field("si"),
        field("sip"),
        field("spr"),
        field("sv"),
        field("sr"),
        field("versionid"),
        field("ses"),
        cache,
        disposition,
        encoding,
        language,
        media_type,
    ]
    .join("\n")
}

/// Puts the headers of the link in the place of the blob's own.
pub(super) fn with_response_headers(asked: &Asked, answer: Answer) -> Answer {
    RESPONSE_HEADERS
        .iter()
        .fold(answer, |answer, (name, header)| answer.header_if(header, asked.query(name)))
}
