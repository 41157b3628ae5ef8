//! Uploads in parts: a wrong part is refused, and the order is that of the numbers.

use futures::FutureExt as _;
use strongroom_core::observed::Unobserved;

use super::Check;
use super::wrong_bytes::refused_for_its_bytes;
use crate::analyze::lab::{Lab, PART_BYTES, SMALL_BYTES, unexpected, written};
use crate::analyze::upload::{Part, Upload};
use crate::analyze::verdict::{Depth, Outcome, Severity, enforced, judge, not_enforced, stop};
use crate::s3::raw::payload;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "parts.wrong_sha256",
        attack: "a part whose x-amz-checksum-sha256 is that of other bytes",
        expected: "refused",
        holds: "the store compares the SHA-256 of each part",
        fails: "the store takes a part that does not match the SHA-256 sent with it",
        remedy: "Strongroom hashes what it sends and reads it back where the store does not check",
        severity: Severity::Medium,
        depth: Depth::Quick,
        requests_max: 5,
        run: |lab| wrong_part(lab, Wrong::Sha256).boxed(),
    },
    Check {
        id: "parts.payload_hash",
        attack: "a part whose signed x-amz-content-sha256 is that of other bytes",
        expected: "refused",
        holds: "the store compares the digest that is signed with each part",
        fails: "the store takes a part that does not match the digest signed with it",
        remedy: "Strongroom hashes what it sends and reads it back where the store does not check",
        severity: Severity::Medium,
        depth: Depth::Quick,
        requests_max: 5,
        run: |lab| wrong_part(lab, Wrong::Payload).boxed(),
    },
    Check {
        id: "parts.foreign_etag",
        attack: "completing an upload with an entity tag that its part does not have",
        expected: "refused (400 InvalidPart), and nothing is there",
        holds: "an upload is completed of its own parts only",
        fails: "an upload is completed although its parts are not those that are named",
        remedy: "do not use this store for large objects",
        severity: Severity::High,
        depth: Depth::Quick,
        requests_max: 6,
        run: |lab| foreign_etag(lab).boxed(),
    },
    Check {
        id: "parts.whole",
        attack: "an upload of two parts that were sent in reverse",
        expected: "the object is both, in the order of their numbers",
        holds: "parts are joined in the order of their numbers",
        fails: "an object that was uploaded in parts is not what was sent",
        remedy: "do not use this store for large objects",
        severity: Severity::Critical,
        depth: Depth::Quick,
        requests_max: 8,
        run: |lab| whole(lab).boxed(),
    },
];

#[derive(Clone, Copy)]
enum Wrong {
    Sha256,
    Payload,
}

async fn wrong_part(lab: &Lab, wrong: Wrong) -> Outcome {
    let key = lab.key("parts/wrong")?;
    let upload = match wrong {
        Wrong::Sha256 => Upload::begin(lab, &key).await?,
        // Where each part must have a checksum, its absence would be refused, and not the wrong digest.
        Wrong::Payload => Upload::begin_without_checksums(lab, &key).await?,
    };
    let (right, body, other) =
        (lab.bytes(SMALL_BYTES), lab.bytes(SMALL_BYTES), lab.bytes(SMALL_BYTES));
    let (twin, request) = (upload.part_request(1, &right)?, upload.part_request(2, &body)?);
    let (twin, request) = match wrong {
        Wrong::Sha256 => {
            let other = payload(other).sha256_base64();
            (twin, request.header("x-amz-checksum-sha256", &other)?)
        }
        Wrong::Payload => (
            twin.without_header("x-amz-checksum-sha256"),
            request
                .without_header("x-amz-checksum-sha256")
                .with_payload(payload(body).with_wrong_sha256()),
        ),
    };
    let twin = lab.raw()?.send(&twin).await?;
    let reply = lab.raw()?.send(&request).await?;
    upload.abort().await?;
    match (reply.is_success(), reply.is_refusal()) {
        (true, _) => not_enforced(format!("{}: accepted", reply.words())),
        (false, true) => refused_for_its_bytes(&twin, &reply),
        (false, false) => stop(Unobserved::Error, reply.words()),
    }
}

async fn foreign_etag(lab: &Lab) -> Outcome {
    let key = lab.key("parts/foreign")?;
    let upload = Upload::begin(lab, &key).await?;
    let part = upload.send(1, &lab.bytes(SMALL_BYTES)).await?;
    let etag = "\"00000000000000000000000000000000\"".to_owned();
    let reply = upload.complete(&[Part { etag, ..part }], false).await?;
    let there = lab.get(&key, None).await?.is_some();
    if !reply.is_success() {
        upload.abort().await?;
    }
    match (reply.is_success() || there, reply.is_refusal()) {
        (true, _) => not_enforced(format!("{}: an object is there", reply.words())),
        (false, true) => enforced(reply.words()),
        (false, false) => stop(Unobserved::Error, reply.words()),
    }
}

async fn whole(lab: &Lab) -> Outcome {
    let key = lab.key("parts/whole")?;
    let (first, second) = (lab.bytes(PART_BYTES), lab.bytes(SMALL_BYTES));
    let upload = Upload::begin(lab, &key).await?;
    let last = upload.send(2, &second).await?;
    let parts = [upload.send(1, &first).await?, last];
    let reply = upload.complete(&parts, false).await?;
    let version = written(&reply)?;
    let Some(read) = lab.get(&key, version.as_ref()).await? else {
        return unexpected("an object of two parts", &reply);
    };
    let is_whole = read.len() == first.len() + second.len()
        && read[..first.len()] == first
        && read[first.len()..] == second;
    judge(is_whole, if is_whole { "what was sent is read" } else { "other bytes are read" })
}
