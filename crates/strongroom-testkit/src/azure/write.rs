//! Put Blob, Put Block and Put Block List.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use md5::{Digest as _, Md5};

use super::answer::{Answer, Refusal, refuse};
use super::lock_rules::{self, PolicyMode, http_date};
use super::operations::check_immutable;
use super::request::Asked;
use super::state::{Container, StoredVersion};

/// <https://learn.microsoft.com/rest/api/storageservices/put-blob>
pub(super) fn put_blob(
    container: &mut Container,
    asked: &Asked,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    if asked.header("x-ms-blob-type") != Some("BlockBlob") {
        return Err(refuse(400, "InvalidHeaderValue"));
    }
    check_conditions(container, asked)?;
    check_md5(asked)?;
    store(container, asked, asked.body.clone(), now)
}

/// <https://learn.microsoft.com/rest/api/storageservices/put-block>
pub(super) fn put_block(container: &mut Container, asked: &Asked) -> Result<Answer, Refusal> {
    check_md5(asked)?;
    let id = asked.query("blockid").ok_or_else(|| refuse(400, "InvalidQueryParameterValue"))?;
    let blocks = container.blocks.entry(asked.key.clone()).or_default();
    if blocks.keys().any(|other| other.len() != id.len()) {
        return Err(refuse(400, "InvalidBlobOrBlock"));
    }
    blocks.insert(id.to_owned(), asked.body.clone());
    Ok(Answer::new(201))
}

/// <https://learn.microsoft.com/rest/api/storageservices/put-block-list>
pub(super) fn put_block_list(
    container: &mut Container,
    asked: &Asked,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    check_conditions(container, asked)?;
    check_md5(asked)?;
    let list = std::str::from_utf8(&asked.body).map_err(|_| refuse(400, "InvalidXmlDocument"))?;
    let blocks = container.blocks.get(&asked.key);
    let mut bytes = BytesMut::new();
    for id in ids_in(list) {
        let block = blocks.and_then(|blocks| blocks.get(id));
        bytes.extend_from_slice(block.ok_or_else(|| refuse(400, "InvalidBlockList"))?);
    }
    store(container, asked, bytes.freeze(), now)
}

/// The names in a list of blocks; Base64 needs no unescaping.
fn ids_in(list: &str) -> impl Iterator<Item = &str> {
    list.split("<Uncommitted>").skip(1).filter_map(|rest| Some(rest.split_once('<')?.0))
}

/// Stores what a request asks for, and throws away every block that waited for a list.
fn store(
    container: &mut Container,
    asked: &Asked,
    bytes: Bytes,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    // "If you override the default policy when you upload a blob by setting a policy only for that
    // blob, then that blob's policy remains unlocked until you explicitly lock it."
    // https://learn.microsoft.com/azure/storage/blobs/immutable-version-level-worm-policies
    let asked_policy = lock_rules::asked_policy(asked, now)?;
    let unlocked =
        asked_policy.map(|policy| lock_rules::Policy { mode: PolicyMode::Unlocked, ..policy });
    let legal_hold = lock_rules::asked_hold(asked)?;
    if unlocked.is_some() || legal_hold.is_some() {
        check_immutable(container)?;
    }
    let default = container.settings.default_policy.map(|default| default.of_a_blob_made(now));
    container.blocks.remove(&asked.key);
    let stored = container.insert(
        &asked.key,
        StoredVersion {
            id: None,
            is_current: true,
            bytes,
            etag: String::new(),
            modified: now,
            headers: kept_headers(asked),
            policy: unlocked.or(default),
            legal_hold,
        },
    );
    Ok(Answer::new(201)
        .header("etag", format!("\"{}\"", stored.etag))
        .header("last-modified", http_date(stored.modified))
        .header("x-ms-request-server-encrypted", "true")
        .header_if("x-ms-version-id", stored.id.as_ref()))
}

fn kept_headers(asked: &Asked) -> BTreeMap<String, String> {
    let headers = asked.headers.keys().filter_map(|name| {
        let kept = match name.as_str() {
            "x-ms-blob-content-type" => "content-type",
            "x-ms-access-tier" | "x-ms-encryption-scope" => name.as_str(),
            name if name.starts_with("x-ms-meta-") => name,
            _ => return None,
        };
        Some((kept.to_owned(), asked.header(name.as_str())?.to_owned()))
    });
    headers.collect()
}

/// A write that must be the first is refused with a code of its own.
/// <https://learn.microsoft.com/rest/api/storageservices/specifying-conditional-headers-for-blob-service-operations>
fn check_conditions(container: &Container, asked: &Asked) -> Result<(), Refusal> {
    let current = container.current(&asked.key);
    if current.is_some() && asked.header("if-none-match") == Some("*") {
        return Err(refuse(409, "BlobAlreadyExists"));
    }
    match (asked.header("if-match"), current) {
        (None, _) => Ok(()),
        (Some(etag), Some(current)) if etag.trim_matches('"') == current.etag => Ok(()),
        (Some(_), _) => Err(refuse(412, "ConditionNotMet")),
    }
}

/// "If the two hashes don't match, the operation fails with error code 400."
fn check_md5(asked: &Asked) -> Result<(), Refusal> {
    let Some(given) = asked.header("content-md5") else { return Ok(()) };
    match given == BASE64.encode(Md5::digest(&asked.body)) {
        true => Ok(()),
        false => Err(refuse(400, "Md5Mismatch")),
    }
}
