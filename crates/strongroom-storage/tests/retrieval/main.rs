//! Ways to a version's bytes besides reading them: links that others use, and archives that bytes are brought back
//! from. On real servers (`scripts/servers/with`) where there are any, and on those of the testkit.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod azure;
mod links;
mod restores;
mod s3;

use std::time::Duration;

use bytes::Bytes;
use strongroom_storage::{CreateOptions, LinkAsk, ObjectKey, Storage, VersionId};

/// How long an end is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

fn key(text: &str) -> ObjectKey {
    ObjectKey::new(text).unwrap()
}

/// A link that is good for this long, under a name with everything in it that has to be encoded.
fn ask(seconds: u32) -> LinkAsk {
    LinkAsk {
        seconds,
        content_type: "application/octet-stream",
        content_disposition: "attachment; filename*=UTF-8''a%20b%2Bc%26d.txt".to_owned(),
        cache_control: "private, no-cache",
    }
}

/// Stores an object that claims to be a page for a browser.
async fn store_page(store: &dyn Storage, name: &str, bytes: &'static str) -> Option<VersionId> {
    let options = CreateOptions { content_type: Some("text/html"), ..CreateOptions::default() };
    store
        .create(&key(name), Bytes::from_static(bytes.as_bytes()).into(), &options)
        .await
        .unwrap()
        .version
}
