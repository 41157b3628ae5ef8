//! Keys and metadata come back as they went.

use std::collections::BTreeMap;

use futures::FutureExt as _;
use http::Method;
use strongroom_core::observed::Unobserved;

use super::Check;
use crate::analyze::lab::{Lab, SMALL_BYTES};
use crate::analyze::verdict::{Depth, Outcome, Severity, enforced, not_enforced, stop};
use crate::s3::raw::payload;
use crate::s3::request::Request;
use crate::{CreateOptions, ListRequest, ObjectKey};

/// Names that stores and proxies have been seen to change.
const ODD_NAMES: [&str; 8] =
    ["a b", "a+b", "a%2Bb", "a&b=c#d", "sha256:0", "A", "a", "\u{e4}\u{20ac}\u{1f5dd}"];

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "keys.odd",
        attack: "keys with blanks, `+`, `%2B`, `&`, `:`, letters of both cases and other scripts",
        expected: "each is an object of its own, and is listed under its own name",
        holds: "keys are kept as they are given",
        fails: "keys are changed on their way: two of them may be one object",
        remedy: "Strongroom encodes run ids and subjects; mind the keys of other clients",
        severity: Severity::Medium,
        depth: Depth::Quick,
        requests_max: 40,
        run: |lab| odd(lab).boxed(),
    },
    Check {
        id: "keys.empty_segment",
        attack: "a key with `//` in it",
        expected: "an object of its own, apart from the key with `/`",
        holds: "`//` in a key is kept",
        fails: "`//` in a key is refused or becomes `/`",
        remedy: "Strongroom writes no such key; mind other clients",
        severity: Severity::Info,
        depth: Depth::Quick,
        requests_max: 5,
        run: |lab| empty_segment(lab).boxed(),
    },
    Check {
        id: "keys.metadata",
        attack: "metadata and a media type with an object",
        expected: "they are read back as they were sent",
        holds: "metadata is kept",
        fails: "metadata is changed or lost",
        remedy: "nothing of Strongroom's rests on metadata; mind other clients",
        severity: Severity::Low,
        depth: Depth::Quick,
        requests_max: 4,
        run: |lab| metadata(lab).boxed(),
    },
];

async fn odd(lab: &Lab) -> Outcome {
    let folder = lab.key("keys/odd")?;
    let mut stored = Vec::new();
    for name in ODD_NAMES {
        let key = ObjectKey::new(format!("{folder}/{name}"))?;
        let body = lab.bytes(SMALL_BYTES);
        if let Err(refused) =
            lab.store.create(&key, body.clone().into(), &CreateOptions::default()).await
        {
            return not_enforced(format!("a key is refused: {refused}"));
        }
        stored.push((key, body));
    }
    for (key, body) in &stored {
        let read = lab.store.read(key, None, None).await?.collect(SMALL_BYTES as u64).await?;
        if read != *body {
            return not_enforced("two keys are one object");
        }
    }
    let request = ListRequest { prefix: format!("{folder}/"), ..ListRequest::default() };
    let page = lab.store.list(&request).await?;
    let mut listed: Vec<String> = page.objects.into_iter().map(|object| object.key).collect();
    let mut given: Vec<String> = stored.iter().map(|(key, _)| key.to_string()).collect();
    listed.sort_unstable();
    given.sort_unstable();
    match listed == given {
        true => enforced("each is read and listed under its own name"),
        false => not_enforced("they are listed under other names"),
    }
}

/// No [`ObjectKey`] has an empty segment, so the request is made by hand.
async fn empty_segment(lab: &Lab) -> Outcome {
    let raw = lab.raw()?;
    let folder = lab.store.whole_key(&lab.key("keys/empty")?);
    let body = payload(lab.bytes(SMALL_BYTES));
    let odd = format!("{folder}//b");
    let put = Request::object(Method::PUT, &odd)
        .header("content-md5", &body.md5_base64())?
        .with_payload(body);
    let written = raw.send(&put).await?;
    if !written.is_success() {
        return not_enforced(format!("refused: {}", written.words()));
    }
    let plain = raw.send(&Request::object(Method::GET, &format!("{folder}/b"))).await?;
    let same = raw.send(&Request::object(Method::GET, &odd)).await?;
    let delete = Request::object(Method::DELETE, &odd).query_if("versionId", written.version());
    raw.send(&delete).await?;
    match (plain.is_absent(), same.is_success()) {
        (true, true) => enforced("kept apart"),
        _ => not_enforced("the key with `/` is the same object, or the one with `//` is not found"),
    }
}

async fn metadata(lab: &Lab) -> Outcome {
    let key = lab.key("keys/metadata")?;
    let metadata = BTreeMap::from([
        ("strongroom-bundle-id".to_owned(), format!("sha256:{:064x}", lab.number(u32::MAX))),
        ("strongroom-note".to_owned(), "With Capitals, blanks and = signs".to_owned()),
    ]);
    let options = CreateOptions {
        content_type: Some("application/gzip"),
        metadata: metadata.clone(),
        ..CreateOptions::default()
    };
    lab.store.create(&key, lab.bytes(SMALL_BYTES).into(), &options).await?;
    let info = lab.store.head(&key, None).await?;
    if info.metadata.is_empty() {
        return stop(Unobserved::UnsupportedBackend, "the store keeps no metadata");
    }
    let kept = metadata.iter().all(|(name, value)| info.metadata.get(name) == Some(value));
    match kept {
        true => enforced("read back as it was sent"),
        false => not_enforced("read back is something else"),
    }
}
