//! "Only if nothing is there": a second write must not take the place of the first.

use bytes::Bytes;
use futures::FutureExt as _;
use strongroom_core::observed::Unobserved;

use super::Check;
use crate::analyze::lab::{Lab, SMALL_BYTES, unexpected, written};
use crate::analyze::upload::Upload;
use crate::analyze::verdict::{Depth, Outcome, Severity, Stop, enforced, not_enforced, stop};
use crate::s3::raw::Reply;
use crate::status::Versioning;
use crate::{CreateOptions, ObjectKey, StorageErrorKind, VersionId};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "create_only.put",
        attack: "a second PUT with If-None-Match: * to a key that holds an object",
        expected: "412, and the first object stays",
        holds: "a second write under the same key is refused",
        fails: "a second write under the same key is accepted although it was to be refused",
        remedy: "Strongroom looks first and pins the version it wrote; let only one writer have s3:PutObject \
                 on this prefix, or use a store that honours If-None-Match on versioned buckets",
        severity: Severity::High,
        depth: Depth::Quick,
        requests_max: 4,
        run: |lab| put(lab).boxed(),
    },
    Check {
        id: "create_only.completion",
        attack: "completing a multipart upload with If-None-Match: * over an object",
        expected: "412, and the first object stays",
        holds: "a large object cannot take the place of another",
        fails: "a large upload takes the place of an object although it was to be refused",
        remedy: "Strongroom looks first and pins the version it wrote; let only one writer have s3:PutObject \
                 on this prefix",
        severity: Severity::High,
        depth: Depth::Quick,
        requests_max: 8,
        run: |lab| completion(lab).boxed(),
    },
    Check {
        id: "create_only.delete_marker",
        attack: "a PUT with If-None-Match: * over a delete marker",
        expected: "whatever it is answered, the version below the marker stays readable",
        holds: "what was written before a deletion stays readable by its version id",
        fails: "a version below a delete marker is lost when the key is written again",
        remedy: "do not keep evidence in this bucket: its versions are not kept",
        severity: Severity::High,
        depth: Depth::Quick,
        requests_max: 6,
        run: |lab| over_delete_marker(lab).boxed(),
    },
    Check {
        id: "create_only.after_deletion",
        attack: "a PUT with If-None-Match: * where nothing but a delete marker is",
        expected: "accepted: nothing is there",
        holds: "what was deleted can be stored again",
        fails: "what was deleted cannot be stored again under its key",
        remedy: "remove the delete marker (by its version id), and push again",
        severity: Severity::Info,
        depth: Depth::Quick,
        requests_max: 6,
        run: |lab| after_deletion(lab).boxed(),
    },
    Check {
        id: "create_only.repeated",
        attack: "the same PUT with If-None-Match: * again, as after an answer that was lost",
        expected: "412: one object, one version",
        holds: "a write that is repeated after a lost answer does not become two",
        fails: "a write that is repeated after a lost answer makes a second version",
        remedy: "Strongroom looks before it repeats a write; other clients of this bucket may leave doubles",
        severity: Severity::Low,
        depth: Depth::Quick,
        requests_max: 4,
        run: |lab| repeated(lab).boxed(),
    },
];

/// A conditional PUT.
pub(super) async fn put_if_absent(lab: &Lab, key: &ObjectKey, body: &Bytes) -> Result<Reply, Stop> {
    let request = lab.put_request(key, body)?.fixed_header("if-none-match", "*");
    Ok(lab.raw()?.send(&request).await?)
}

async fn put(lab: &Lab) -> Outcome {
    let key = lab.key("create-only/put")?;
    let (first, second) = (lab.bytes(SMALL_BYTES), lab.bytes(SMALL_BYTES));
    if lab.raw.is_none() {
        return put_through_backend(lab, &key, first, second).await;
    }
    written(&put_if_absent(lab, &key, &first).await?)?;
    let reply = put_if_absent(lab, &key, &second).await?;
    judge_second(lab, &key, &first, &reply).await
}

/// The same, on a store that is no S3: its own create, which never overwrites.
async fn put_through_backend(lab: &Lab, key: &ObjectKey, first: Bytes, second: Bytes) -> Outcome {
    let options = CreateOptions::default();
    lab.store.create(key, first.clone().into(), &options).await?;
    let refused = match lab.store.create(key, second.into(), &options).await {
        Err(error) if error.kind() == StorageErrorKind::AlreadyExists => true,
        Err(error) => return Err(error.into()),
        Ok(_) => false,
    };
    let kept = lab.store.read(key, None, None).await?.collect(SMALL_BYTES as u64).await? == first;
    match (refused, kept) {
        (true, true) => enforced("the second create was refused, the first object is there"),
        (_, false) => not_enforced("the first object is gone"),
        (false, true) => not_enforced("the second create was accepted"),
    }
}

async fn judge_second(lab: &Lab, key: &ObjectKey, first: &Bytes, second: &Reply) -> Outcome {
    if second.is_not_implemented() {
        return not_enforced(format!("the condition is not known here: {}", second.words()));
    }
    let kept = lab.get(key, None).await?.as_ref() == Some(first);
    match (second.is_success(), kept) {
        (false, true) if second.is_refusal() && !second.is_denied() => {
            enforced(format!("{}, and the first object is there", second.words()))
        }
        (false, true) => unexpected("the second write", second),
        (true, true) => not_enforced(format!("{}, although the first stays", second.words())),
        (_, false) => not_enforced(format!(
            "{}, and the first object is no longer the current one",
            second.words()
        )),
    }
}

async fn completion(lab: &Lab) -> Outcome {
    let key = lab.key("create-only/completion")?;
    let (first, second) = (lab.bytes(SMALL_BYTES), lab.bytes(SMALL_BYTES));
    lab.put(&key, &first).await?;
    let upload = Upload::begin(lab, &key).await?;
    let part = upload.send(1, &second).await?;
    let reply = upload.complete(&[part], true).await?;
    let outcome = judge_second(lab, &key, &first, &reply).await;
    if !reply.is_success() {
        upload.abort().await?;
    }
    outcome
}

/// A key whose only version is below a delete marker, that version, and its bytes.
async fn deleted(lab: &Lab) -> Result<(ObjectKey, VersionId, Bytes), Stop> {
    let (key, body) = (lab.key("create-only/marker")?, lab.bytes(SMALL_BYTES));
    let keeps_none = || stop(Unobserved::UnsupportedBackend, "the bucket keeps no versions");
    // Some stores name a version where they keep none.
    if lab.status.versioning.value().is_some_and(|versioning| *versioning != Versioning::Enabled) {
        return keeps_none();
    }
    let Some(version) = lab.put(&key, &body).await? else { return keeps_none() };
    let deleted = lab.delete(&key, None, false).await?;
    if !deleted.is_success() {
        return unexpected("a delete without a version", &deleted);
    }
    Ok((key, version, body))
}

async fn over_delete_marker(lab: &Lab) -> Outcome {
    let (key, version, first) = deleted(lab).await?;
    let reply = put_if_absent(lab, &key, &lab.bytes(SMALL_BYTES)).await?;
    let words = if reply.is_success() { "accepted" } else { "refused" };
    match lab.get(&key, Some(&version)).await?.as_ref() == Some(&first) {
        true => enforced(format!("the write was {words}, the version below is readable")),
        false => not_enforced(format!("the write was {words}, the version below is gone")),
    }
}

async fn after_deletion(lab: &Lab) -> Outcome {
    let (key, ..) = deleted(lab).await?;
    let reply = put_if_absent(lab, &key, &lab.bytes(SMALL_BYTES)).await?;
    match (reply.is_success(), reply.is_refusal()) {
        (true, _) => enforced(reply.words()),
        (false, true) => not_enforced(reply.words()),
        (false, false) => unexpected("a write over a delete marker", &reply),
    }
}

async fn repeated(lab: &Lab) -> Outcome {
    let key = lab.key("create-only/repeated")?;
    let body = lab.bytes(SMALL_BYTES);
    let first = put_if_absent(lab, &key, &body).await?;
    written(&first)?;
    let again = put_if_absent(lab, &key, &body).await?;
    if !lab.keeps_versions() {
        // Without versions the same bytes again are the same object again.
        return match lab.get(&key, None).await?.as_ref() == Some(&body) {
            true => enforced("one object, with the bytes that were sent"),
            false => not_enforced("the object has other bytes than were sent twice"),
        };
    }
    match (again.is_success(), again.version() == first.version()) {
        (false, _) if again.is_refusal() => enforced(format!("{}: one version", again.words())),
        (true, true) => enforced("the same version again"),
        (true, false) => not_enforced("a second version"),
        (false, _) => unexpected("the second write", &again),
    }
}
