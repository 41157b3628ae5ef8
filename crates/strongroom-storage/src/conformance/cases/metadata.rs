//! Metadata that goes with an object.

use std::collections::BTreeMap;

use crate::conformance::body::body;
use crate::conformance::run::{OrFinding as _, Run, Verdict, check};
use crate::{CreateOptions, SINGLE_WRITE_BYTES_MAX};

pub(super) async fn round_trip(run: &Run<'_>) -> Verdict {
    of_a_body(run, "metadata/small", 10).await
}

pub(super) async fn round_trip_in_parts(run: &Run<'_>) -> Verdict {
    of_a_body(run, "metadata/large", SINGLE_WRITE_BYTES_MAX + 1).await
}

async fn of_a_body(run: &Run<'_>, name: &str, size_bytes: u64) -> Verdict {
    let key = run.key(name)?;
    let given = BTreeMap::from([
        ("strongroom-bundle-id".to_owned(), format!("sha256:{}", "0".repeat(64))),
        ("strongroom-index-day".to_owned(), "2026-11-21".to_owned()),
    ]);
    let options = CreateOptions { metadata: given.clone(), ..CreateOptions::default() };
    run.store.create(&key, body(1, size_bytes), &options).await.or_finding("create_failed")?;
    let info = run.store.head(&key, None).await.or_finding("head_failed")?;
    for (name, value) in &given {
        let held = info.metadata.get(name) == Some(value);
        check(held, "metadata_changed", format_args!("{name} is {:?}", info.metadata.get(name)))?;
    }
    Ok(())
}
