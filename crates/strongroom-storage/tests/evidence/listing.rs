use strongroom_storage::evidence::BundleState;

use super::*;

fn ids(rows: &[ListedBundle]) -> Vec<BundleId> {
    rows.iter().map(|row| row.bundle_id).collect()
}

#[tokio::test]
async fn a_run_lists_its_own_bundles_only() {
    let desk = Desk::new();
    let mine = desk.push_seed("a", "mine").await;
    desk.push_seed("b", "other").await;
    let query = ListQuery { run_id: Some("mine".to_owned()), ..ListQuery::default() };
    let rows = desk.list(query).await;
    assert_eq!(ids(&rows), [mine]);
    assert!(matches!(rows[0].state, BundleState::Present { .. }));
}

#[tokio::test]
async fn a_run_whose_name_starts_like_another_is_another() {
    let desk = Desk::new();
    desk.push_seed("a", "run-10").await;
    let query = ListQuery { run_id: Some("run-1".to_owned()), ..ListQuery::default() };
    assert_eq!(desk.list(query).await, []);
}

#[tokio::test]
async fn a_reference_without_its_bundle_is_pending() {
    let desk = Desk::new();
    let id = desk.plan("a", of_run("r")).id();
    desk.put(&format!("index/2026-11-21/{id}.ref"), id.to_string().as_bytes()).await;
    let rows = desk.list(ListQuery::default()).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].state, BundleState::Pending);
}

#[tokio::test]
async fn days_come_newest_first_and_the_limit_counts_rows() {
    let desk = Desk::new();
    let mut ids_of_days = Vec::new();
    for (seed, day) in [("a", "2026-01-01"), ("b", "2026-03-01"), ("c", "2026-02-01")] {
        let id = desk.plan(seed, of_run("r")).id();
        desk.put(&format!("index/{day}/{id}.ref"), b"").await;
        ids_of_days.push(id);
    }
    let newest_first = [ids_of_days[1], ids_of_days[2], ids_of_days[0]];
    assert_eq!(ids(&desk.list(ListQuery::default()).await), newest_first);
    let two = ListQuery { limit: Some(2), ..ListQuery::default() };
    assert_eq!(ids(&desk.list(two).await), newest_first[..2]);
}

#[tokio::test]
async fn after_is_inclusive_and_before_is_not() {
    let desk = Desk::new();
    let id = desk.push_seed("a", "r").await;
    let noon: Timestamp = NOON.parse().unwrap();
    let second = jiff::SignedDuration::from_secs(1);
    let query = |after: Option<Timestamp>, before: Option<Timestamp>| ListQuery {
        after,
        before,
        ..ListQuery::default()
    };
    assert_eq!(ids(&desk.list(query(Some(noon), None)).await), [id]);
    assert_eq!(ids(&desk.list(query(Some(noon + second), None)).await), []);
    assert_eq!(ids(&desk.list(query(None, Some(noon))).await), []);
    assert_eq!(ids(&desk.list(query(None, Some(noon + second))).await), [id]);
}

#[tokio::test]
async fn what_is_no_reference_is_passed_over() {
    let desk = Desk::new();
    desk.put("index/2026-11-21/readme.txt", b"hello").await;
    desk.put("index/not-a-day/x.ref", b"hello").await;
    assert_eq!(desk.list(ListQuery::default()).await, []);
}

#[tokio::test]
async fn an_assay_stores_plain_run_folder_is_listed_too() {
    let desk = Desk::new();
    let id = desk.push_seed("a", "x").await;
    desk.put(&format!("runs/run:1/{id}.ref"), id.to_string().as_bytes()).await;
    let query = ListQuery { run_id: Some("run:1".to_owned()), ..ListQuery::default() };
    assert_eq!(ids(&desk.list(query).await), [id]);
}

#[tokio::test]
async fn a_day_planted_on_a_bundle_hides_nothing() {
    let desk = Desk::new();
    let id = desk.plan("a", of_run("r")).id();
    desk.put(&format!("index/2026-11-21/{id}.ref"), b"").await;
    let planted = std::collections::BTreeMap::from([(
        "strongroom-index-day".to_owned(),
        "1999-01-01".to_owned(),
    )]);
    let key = ObjectKey::new(format!("bundles/{id}.tar.gz")).unwrap();
    let options = CreateOptions { metadata: planted, ..CreateOptions::default() };
    let body = bytes::Bytes::from_static(b"garbage").into();
    desk.store.create(&key, body, &options).await.unwrap();

    assert_eq!(ids(&desk.list(ListQuery::default()).await), [id]);
}
