//! Twelve clients at once: "only if nothing is there" must let one of them through.

use futures::FutureExt as _;
use futures::future::join_all;
use strongroom_core::observed::Unobserved;

use super::Check;
use super::create_only::put_if_absent;
use crate::analyze::lab::{Lab, SMALL_BYTES, unexpected};
use crate::analyze::upload::Upload;
use crate::analyze::verdict::{Depth, Outcome, Severity, Stop, enforced, not_enforced, stop};
use crate::s3::raw::Reply;
use crate::{CreateOptions, ObjectKey, StorageErrorKind};

/// Clients that write the same key at once.
const RACERS: usize = 12;
/// Races: one alone may be won by luck.
const RACES: usize = 3;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "create_only.put_raced",
        attack: "12 clients PUT the same key with If-None-Match: * at once, three times",
        expected: "one is let through, the others are answered 409 or 412",
        holds: "of many writers at once exactly one wins",
        fails: "several writers at once each believe that they created the object",
        remedy: "Strongroom pins the version it wrote and counts the others; let only one writer have \
                 s3:PutObject on this prefix",
        severity: Severity::Medium,
        depth: Depth::Standard,
        requests_max: 150,
        run: |lab| raced(lab, Way::Put).boxed(),
    },
    Check {
        id: "create_only.completion_raced",
        attack: "12 clients complete their uploads of one key with If-None-Match: * at once, three times",
        expected: "one is let through, the others are answered 409 or 412",
        holds: "of many large uploads at once exactly one wins",
        fails: "several large uploads at once each believe that they created the object",
        remedy: "Strongroom pins the version it wrote and counts the others; let only one writer have \
                 s3:PutObject on this prefix",
        severity: Severity::Medium,
        depth: Depth::Standard,
        requests_max: 300,
        run: |lab| raced(lab, Way::Completion).boxed(),
    },
];

#[derive(Clone, Copy)]
enum Way {
    Put,
    Completion,
}

async fn raced(lab: &Lab, way: Way) -> Outcome {
    let mut most = 0;
    for _ in 0..RACES {
        let key = lab.key("create-only/raced")?;
        let results = match way {
            Way::Put if lab.raw.is_none() => race_backend(lab, &key).await,
            Way::Put => race_puts(lab, &key).await,
            Way::Completion => race_completions(lab, &key).await?,
        };
        let mut winners = 0;
        for result in results {
            winners += usize::from(result?);
        }
        if winners == 0 {
            return stop(Unobserved::Error, "none of the 12 was let through");
        }
        most = most.max(winners);
    }
    match most {
        1 => enforced("one of 12 was let through in each race"),
        // How many is a matter of luck.
        _ => not_enforced("more than one of 12 were let through"),
    }
}

async fn race_puts(lab: &Lab, key: &ObjectKey) -> Vec<Result<bool, Stop>> {
    let racers = (0..RACERS).map(|_| async {
        let body = lab.bytes(SMALL_BYTES);
        won(&put_if_absent(lab, key, &body).await?)
    });
    join_all(racers).await
}

/// Through the backend's own create, on a store that is no S3.
async fn race_backend(lab: &Lab, key: &ObjectKey) -> Vec<Result<bool, Stop>> {
    let options = CreateOptions::default();
    let racers = (0..RACERS).map(|_| async {
        match lab.store.create(key, lab.bytes(SMALL_BYTES).into(), &options).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == StorageErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error.into()),
        }
    });
    join_all(racers).await
}

async fn race_completions(lab: &Lab, key: &ObjectKey) -> Result<Vec<Result<bool, Stop>>, Stop> {
    let mut ready = Vec::new();
    for _ in 0..RACERS {
        let upload = Upload::begin(lab, key).await?;
        let part = upload.send(1, &lab.bytes(SMALL_BYTES)).await?;
        ready.push((upload, part));
    }
    let racers = ready.iter().map(|(upload, part)| async move {
        let reply = upload.complete(std::slice::from_ref(part), true).await?;
        if !reply.is_success() {
            upload.abort().await?;
        }
        won(&reply)
    });
    Ok(join_all(racers).await)
}

/// Whether a racer was let through. Who was not is told so by 409 or 412 (or, of an upload that another
/// took the place of, 404): anything else is no answer to the question.
fn won(reply: &Reply) -> Result<bool, Stop> {
    match reply.status.as_u16() {
        _ if reply.is_success() => Ok(true),
        404 | 409 | 412 => Ok(false),
        _ => unexpected("a racer", reply),
    }
}
