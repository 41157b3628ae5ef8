//! A listing is complete right after a write, in order, page by page.

use futures::FutureExt as _;

use strongroom_core::observed::{Observed, Unobserved};

use super::Check;
use crate::analyze::lab::{Lab, SMALL_BYTES, unexpected};
use crate::analyze::verdict::{Depth, Outcome, Severity, Stop, enforced, not_enforced, stop};
use crate::{CreateOptions, ListRequest, ObjectKey};

/// Objects that are listed.
const OBJECTS: usize = 12;
/// Entries of a page: several pages.
const PAGE: usize = 5;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "listing.after_write",
        attack: "listing a folder after each of 12 writes, in pages of 5",
        expected: "every object that was written is listed, once, in the order of the keys",
        holds: "what was written is listed at once",
        fails: "a listing leaves out what was written, or tells it twice",
        remedy: "`evidence list` may miss what is new; `evidence pull --bundle-id` does not depend on listings",
        severity: Severity::Medium,
        depth: Depth::Quick,
        requests_max: 80,
        run: |lab| after_write(lab).boxed(),
    },
    Check {
        id: "listing.versions",
        attack: "listing the versions of a key that was written twice and deleted",
        expected: "both versions and the delete marker, the newest first",
        holds: "every version of a key is listed",
        fails: "a version that is there is not listed",
        remedy: "`evidence push` cannot tell of other versions here; receipts name the version that they are of",
        severity: Severity::Medium,
        depth: Depth::Quick,
        requests_max: 6,
        run: |lab| versions(lab).boxed(),
    },
];

async fn after_write(lab: &Lab) -> Outcome {
    let folder = format!("{}/", lab.key("listing/folder")?);
    let mut written: Vec<String> = Vec::new();
    for number in 0..OBJECTS {
        let name = format!("{folder}{:04x}-{number}", lab.number(0xffff));
        let key = ObjectKey::new(name.clone())?;
        lab.store.create(&key, lab.bytes(SMALL_BYTES).into(), &CreateOptions::default()).await?;
        written.push(name);
        written.sort_unstable();
        if list(lab, &folder).await? != written {
            return not_enforced("a listing right after a write is not what was written");
        }
    }
    enforced("each listing held every object that was written, once and in order")
}

async fn versions(lab: &Lab) -> Outcome {
    let key = lab.key("listing/versions")?;
    let first = lab.put(&key, &lab.bytes(SMALL_BYTES)).await?;
    let second = lab.put(&key, &lab.bytes(SMALL_BYTES)).await?;
    let (Some(first), Some(second)) = (first, second) else {
        return stop(Unobserved::UnsupportedBackend, "the bucket keeps no versions");
    };
    let deleted = lab.delete(&key, None, false).await?;
    if !deleted.is_success() {
        return unexpected("a delete without a version", &deleted);
    }
    let listed = match lab.store.versions(&key).await? {
        Observed::Observed(listed) => listed,
        Observed::Unobserved(reason) => return stop(reason, "versions are not listed"),
    };
    let names: Vec<_> = listed.iter().filter(|one| !one.is_delete_marker).collect();
    let has = |version| names.iter().any(|listed| listed.version == version);
    let marker_is_newest = listed.first().is_some_and(|newest| newest.is_delete_marker);
    match (has(first), has(second), marker_is_newest) {
        (true, true, true) => enforced("both versions, and the delete marker first"),
        (true, true, false) => {
            not_enforced("both versions, and the delete marker is not the newest")
        }
        _ => not_enforced("a version is not listed"),
    }
}

async fn list(lab: &Lab, folder: &str) -> Result<Vec<String>, Stop> {
    let mut listed = Vec::new();
    let mut page = None;
    loop {
        let request = ListRequest {
            prefix: folder.to_owned(),
            limit: Some(PAGE),
            page,
            ..ListRequest::default()
        };
        let answer = lab.store.list(&request).await?;
        listed.extend(answer.objects.into_iter().map(|object| object.key));
        // A store that pages for ever is stopped by what it repeats.
        if answer.next.is_none() || listed.len() > 2 * OBJECTS {
            return Ok(listed);
        }
        page = answer.next;
    }
}
