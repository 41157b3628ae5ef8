//! A store that is larger than what is held at a time.

use std::collections::BTreeSet;

use jiff::Timestamp;
use strongroom_core::{Sha256Digest, layout};

use super::super::lock::Times;
use super::super::sample::Sample;
use super::*;
use crate::memory::MemoryStorage;
use crate::{Clock, CreateOptions, ObjectKey};

const NOON: &str = "2026-11-21T12:00:00Z";
const BUNDLES: usize = 7;

/// Bundles that nothing tells of, each with a reference beside it that leads to nothing.
async fn store() -> (MemoryStorage, Vec<BundleId>, Vec<BundleId>) {
    let now: Timestamp = NOON.parse().unwrap();
    let store = MemoryStorage::new(Clock::new(move || now));
    let id = |text: String| BundleId(Sha256Digest::of(text.as_bytes()));
    let mut bundles: Vec<_> = (0..BUNDLES).map(|number| id(format!("bundle {number}"))).collect();
    let mut dangling: Vec<_> = (0..BUNDLES).map(|number| id(format!("nothing {number}"))).collect();
    bundles.sort();
    dangling.sort();
    for (bundle, nothing) in bundles.iter().zip(&dangling) {
        put(&store, layout::bundle(*bundle)).await;
        put(&store, layout::run_reference("r", *nothing)).await;
        put(&store, format!("{}{bundle}.zip", layout::BUNDLES)).await;
    }
    put(&store, "runs/notes".to_owned()).await;
    (store, bundles, dangling)
}

async fn put(store: &MemoryStorage, key: String) {
    let body = bytes::Bytes::from_static(b"x").into();
    store.create(&ObjectKey::new(key).unwrap(), body, &CreateOptions::default()).await.unwrap();
}

struct Told {
    findings: BTreeSet<(&'static str, String)>,
    pages: u64,
}

/// What an audit in slices of so many bundles finds.
async fn audit_in_slices(
    store: &MemoryStorage,
    slice_ids_max: usize,
    resume_after: Option<Cursor>,
) -> Told {
    let request = AuditRequest {
        run_id: None,
        sample: Sample::ALL,
        read_data: false,
        expiring_within: None,
        resume_after,
        demand: None,
    };
    let now = NOON.parse().unwrap();
    let (spent, times) = (Spent::default(), Times { now, expiring_before: None });
    let checks = Checks::new(store, &spent, times, &request).await.unwrap();
    let report = AuditReport::new(String::new(), None, now);
    let (cursor, request) = (resume_after, &request);
    let mut run =
        Run { store, request, spent: &spent, checks: &checks, report, cursor, slice_ids_max };
    run.all_the_way(&mut |_, _| ()).await.unwrap();
    let named = run.report.findings.iter().map(|finding| {
        let id = finding.bundle_id.map(|id| id.to_string());
        (finding.problem.kind(), id.unwrap_or_else(|| finding.keys.concat()))
    });
    let findings: BTreeSet<_> = named.collect();
    assert_eq!(findings.len(), run.report.findings.len(), "something is told twice");
    Told { findings, pages: spent.so_far().list_pages }
}

#[tokio::test]
async fn slices_of_any_size_find_what_the_whole_does_and_list_references_each() {
    let (store, ..) = store().await;
    let whole = audit_in_slices(&store, 100, None).await;
    assert_eq!(whole.findings.len(), 4 * BUNDLES + 1);
    assert_eq!(whole.pages, 5 + 3);
    for size in 1..=BUNDLES {
        let sliced = audit_in_slices(&store, size, None).await;
        assert_eq!(sliced.findings, whole.findings, "slices of {size}");
        // The last slice is known by the end of the walk.
        let slices = (BUNDLES / size + 1) as u64;
        assert_eq!(sliced.pages, 5 + 3 * slices, "slices of {size}");
    }
}

#[tokio::test]
async fn an_audit_goes_on_after_the_slices_that_it_finished() {
    let (store, bundles, dangling) = store().await;
    let whole = audit_in_slices(&store, 100, None).await.findings;
    let cursor = Cursor { checked: bundles[3], referenced: Some(bundles[2]), worst: None };
    let rest = audit_in_slices(&store, 3, Some(cursor)).await.findings;
    let mut expected = BTreeSet::new();
    for (kind, about) in whole {
        let is_left = match kind {
            "bundle_without_record" => bundles[4..].iter().any(|id| id.to_string() == about),
            "bundle_without_reference" => bundles[3..].iter().any(|id| id.to_string() == about),
            "reference_without_bundle" => {
                dangling.iter().any(|id| *id > bundles[2] && id.to_string() == about)
            }
            // The one beside the bundle that was looked at last sorts after it.
            "foreign_object" => bundles[3..].iter().any(|id| about.contains(&id.to_string())),
            other => panic!("{other}"),
        };
        if is_left {
            expected.insert((kind, about));
        }
    }
    assert_eq!(rest, expected);
}
