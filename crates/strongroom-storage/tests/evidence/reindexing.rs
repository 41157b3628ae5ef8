use strongroom_core::limits::{NAME_BYTES_MAX, RECEIPT_RUN_IDS_MAX, RECORDS_READ_MAX};
use strongroom_storage::evidence::reindex::reindex;

use super::*;

#[tokio::test]
async fn lost_references_come_back_from_bundles_and_records() {
    let desk = Desk::new();
    let request = PushRequest { run_id: Some("nightly".to_owned()), ..request() };
    let declarations = Declarations { subject: Some("svc".to_owned()), ..of_run("ci") };
    let source = plan_source(desk.plan("a", declarations));
    desk.push_with(source, request).await.unwrap();
    let before = desk.keys().await;
    for key in before.iter().filter(|key| key.ends_with(".ref")) {
        desk.store.delete(&ObjectKey::new(key.as_str()).unwrap(), None).await.unwrap();
    }

    let report = reindex(&desk.store, |_| ()).await.unwrap();

    assert_eq!(desk.keys().await, before);
    assert_eq!((report.bundles, report.references_added, report.unreadable), (1, 4, 0));
    let again = reindex(&desk.store, |_| ()).await.unwrap();
    assert_eq!(again.references_added, 0);
}

#[tokio::test]
async fn garbage_under_a_bundles_key_is_named_and_still_listed_by_day() {
    let desk = Desk::new();
    let id = desk.plan("a", of_run("r")).id();
    desk.put(&format!("bundles/{id}.tar.gz"), b"garbage").await;
    desk.put("bundles/readme.txt", b"hello").await;

    let report = reindex(&desk.store, |_| ()).await.unwrap();

    assert_eq!((report.bundles, report.other_objects, report.unreadable), (1, 1, 1));
    assert_eq!(report.unreadable_bundles[0].bundle_id, id);
    assert_eq!(desk.list(ListQuery::default()).await.len(), 1);
}

#[tokio::test]
async fn a_record_planted_too_long_stops_nothing() {
    let desk = Desk::new();
    let id = desk.push_seed("a", "r").await;
    desk.put(&format!("records/{id}/planted.json"), &vec![b' '; (1 << 20) + 1]).await;
    let reference = ObjectKey::new(format!("runs/r/{id}.ref")).unwrap();
    desk.store.delete(&reference, None).await.unwrap();

    let report = reindex(&desk.store, |_| ()).await.unwrap();

    assert_eq!((report.references_added, report.unreadable_records), (1, 1));
}

#[tokio::test]
async fn receipts_planted_with_runs_that_cannot_be_add_nothing() {
    let desk = Desk::new();
    let id = desk.push_seed("a", "r").await;
    let records = format!("records/{id}/");
    let keys = desk.keys().await;
    let record = keys.iter().find(|key| key.starts_with(&records)).unwrap();
    let mut receipt: serde_json::Value =
        serde_json::from_slice(&desk.bytes_of(record).await).unwrap();
    let too_many: Vec<_> = (0..=RECEIPT_RUN_IDS_MAX).map(|run| run.to_string()).collect();
    let too_long = vec!["r".repeat(NAME_BYTES_MAX + 1)];
    for (name, run_ids) in [("many", too_many), ("long", too_long)] {
        receipt["run_ids"] = run_ids.into();
        let planted = serde_json::to_vec(&receipt).unwrap();
        desk.put(&format!("{records}{name}.json"), &planted).await;
    }

    let report = reindex(&desk.store, |_| ()).await.unwrap();

    assert_eq!((report.references_added, report.unreadable_records), (0, 2));
}

#[tokio::test]
async fn a_bundle_of_too_many_records_is_cut_short_and_counted() {
    let desk = Desk::new();
    let id = desk.push_seed("a", "r").await;
    for number in 1..RECORDS_READ_MAX {
        desk.put(&format!("records/{id}/{number}.json"), b"{}").await;
    }
    assert_eq!(reindex(&desk.store, |_| ()).await.unwrap().records_cut_short, 0);
    desk.put(&format!("records/{id}/one-more.json"), b"{}").await;
    assert_eq!(reindex(&desk.store, |_| ()).await.unwrap().records_cut_short, 1);
}
