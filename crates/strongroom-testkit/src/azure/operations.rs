//! What can be asked of the container and of a blob.

use http::Method;
use jiff::Timestamp;

use super::answer::{Answer, Refusal, refuse};
use super::lock_rules::{self, http_date};
use super::request::Asked;
use super::state::{Container, StoredVersion};
use super::{list, write};

pub(super) fn perform(
    container: &mut Container,
    asked: &Asked,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let what = (asked.method.as_str(), asked.query("comp"));
    if asked.key.is_empty() {
        return match what {
            ("GET" | "HEAD", None) => Ok(container_properties(container)),
            ("GET", Some("list")) => list::list(container, asked),
            _ => Err(refuse(405, "UnsupportedHttpVerb")),
        };
    }
    match what {
        ("GET" | "HEAD", None) => read(container, asked),
        ("PUT", None) => write::put_blob(container, asked, now),
        ("PUT", Some("block")) => write::put_block(container, asked),
        ("PUT", Some("blocklist")) => write::put_block_list(container, asked, now),
        ("PUT", Some("immutabilityPolicies")) => set_policy(container, asked, now),
        ("DELETE", Some("immutabilityPolicies")) => delete_policy(container, asked),
        ("PUT", Some("legalhold")) => set_hold(container, asked),
        ("DELETE", None) => delete(container, asked, now),
        _ => Err(refuse(405, "UnsupportedHttpVerb")),
    }
}

/// <https://learn.microsoft.com/rest/api/storageservices/get-container-properties>
fn container_properties(container: &Container) -> Answer {
    let settings = &container.settings;
    Answer::new(200)
        .header("etag", "\"0x8D0\"")
        .header("x-ms-has-immutability-policy", settings.default_policy.is_some().to_string())
        .header("x-ms-has-legal-hold", "false")
        .header("x-ms-immutable-storage-with-versioning-enabled", settings.is_immutable.to_string())
        .header("x-ms-default-encryption-scope", "$account-encryption-key")
        .header("x-ms-deny-encryption-scope-override", "false")
}

/// * <https://learn.microsoft.com/rest/api/storageservices/get-blob>
/// * <https://learn.microsoft.com/rest/api/storageservices/get-blob-properties>
fn read(container: &Container, asked: &Asked) -> Result<Answer, Refusal> {
    let version = container.find(&asked.key, asked.query("versionid"))?;
    check_if_match(asked, version)?;
    let range = match asked.header("range") {
        Some(range) if asked.method == Method::GET => {
            Some(range_in(range, version).ok_or_else(|| refuse(416, "InvalidRange"))?)
        }
        _ => None,
    };
    let mut answer = Answer::new(if range.is_some() { 206 } else { 200 })
        .header("etag", format!("\"{}\"", version.etag))
        .header("last-modified", http_date(version.modified))
        .header("x-ms-blob-type", "BlockBlob")
        .header("x-ms-server-encrypted", "true")
        .header_if("x-ms-version-id", version.id.as_ref())
        .header_if("x-ms-is-current-version", version.is_current.then_some("true"));
    for (name, value) in &version.headers {
        answer = answer.header(name, value);
    }
    answer = lock_rules::tell(answer, version.policy, version.legal_hold);
    let size = version.bytes.len();
    Ok(match range {
        Some((start, end)) => answer
            .header("content-range", format!("bytes {start}-{}/{size}", end - 1))
            .body(version.bytes.slice(start..end)),
        None => answer.body(version.bytes.clone()),
    })
}

/// The bytes that a range means, of which the first must be there.
fn range_in(range: &str, version: &StoredVersion) -> Option<(usize, usize)> {
    let size = version.bytes.len();
    let (start, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let start: usize = start.parse().ok()?;
    let end = if last.is_empty() { size } else { last.parse::<usize>().ok()? + 1 };
    (start < size).then(|| (start, end.min(size)))
}

/// <https://learn.microsoft.com/rest/api/storageservices/specifying-conditional-headers-for-blob-service-operations>
fn check_if_match(asked: &Asked, version: &StoredVersion) -> Result<(), Refusal> {
    match asked.header("if-match") {
        Some(etag) if etag != "*" && etag.trim_matches('"') != version.etag => {
            Err(refuse(412, "ConditionNotMet"))
        }
        _ => Ok(()),
    }
}

/// <https://learn.microsoft.com/rest/api/storageservices/set-blob-immutability-policy>
fn set_policy(container: &mut Container, asked: &Asked, now: Timestamp) -> Result<Answer, Refusal> {
    check_immutable(container)?;
    let policy = lock_rules::asked_policy(asked, now)?;
    let policy = policy.ok_or_else(|| refuse(400, "MissingRequiredHeader"))?;
    let version = container.find_mut(&asked.key, asked.query("versionid"))?;
    check_if_match(asked, version)?;
    lock_rules::check_change(version.policy, policy)?;
    version.policy = Some(policy);
    Ok(lock_rules::tell(Answer::new(200), version.policy, None))
}

/// <https://learn.microsoft.com/rest/api/storageservices/delete-blob-immutability-policy>
fn delete_policy(container: &mut Container, asked: &Asked) -> Result<Answer, Refusal> {
    let version = container.find_mut(&asked.key, asked.query("versionid"))?;
    lock_rules::check_removal(version.policy)?;
    version.policy = None;
    Ok(Answer::new(200))
}

/// <https://learn.microsoft.com/rest/api/storageservices/set-blob-legal-hold>
fn set_hold(container: &mut Container, asked: &Asked) -> Result<Answer, Refusal> {
    check_immutable(container)?;
    let hold = lock_rules::asked_hold(asked)?;
    let version = container.find_mut(&asked.key, asked.query("versionid"))?;
    check_if_match(asked, version)?;
    version.legal_hold = hold.or(version.legal_hold);
    Ok(lock_rules::tell(Answer::new(200), None, version.legal_hold))
}

/// "To set a policy at the blob level, you must enable version-level WORM on either the account or
/// container."
/// <https://learn.microsoft.com/azure/storage/blobs/immutable-version-level-worm-policies>
pub(super) fn check_immutable(container: &Container) -> Result<(), Refusal> {
    match container.settings.is_immutable {
        true => Ok(()),
        false => Err(refuse(409, "BlobOperationNotSupported")),
    }
}

/// Without a version's name the current version, locked or not, becomes an earlier one. By name only
/// earlier ones are deleted, and no locked one.
///
/// * <https://learn.microsoft.com/rest/api/storageservices/delete-blob>
/// * <https://learn.microsoft.com/azure/storage/blobs/versioning-overview#versioning-on-delete-operations>
fn delete(container: &mut Container, asked: &Asked, now: Timestamp) -> Result<Answer, Refusal> {
    let id = asked.query("versionid");
    let version = container.find(&asked.key, id)?;
    check_if_match(asked, version)?;
    if id.is_some() && version.is_current {
        return Err(refuse(403, "OperationNotAllowedOnRootBlob"));
    }
    match id {
        Some(id) => {
            lock_rules::check_delete(version.policy, version.legal_hold == Some(true), now)?;
            container.remove(&asked.key, id);
        }
        None => container.delete_current(&asked.key),
    }
    Ok(Answer::new(202))
}
