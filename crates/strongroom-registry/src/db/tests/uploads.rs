//! Whose turn it is with an upload, and how its parts are given up.

use jiff::SignedDuration;
use strongroom_core::Sha256Digest;
use uuid::Uuid;

use super::support::{TestDb, on_both};
use crate::db::{PartRow, PartState, UploadLease, UploadRow, UploadState};

/// An upload whose bytes are all there, in parts of a byte each.
async fn complete_upload(test: &TestDb, parts_count: u64) -> UploadRow {
    let package = test.new_package();
    test.insert(&package).await.unwrap();
    let now = test.clock.now();
    let upload = UploadRow {
        id: test.clock.new_id(),
        package_id: package.id,
        relative_path: "a".to_owned(),
        path_nfc: "a".to_owned(),
        media_type: None,
        size_bytes: parts_count,
        sha256: None,
        metadata: String::new(),
        status: UploadState::Receiving,
        offset_bytes: parts_count,
        parts_count,
        storing_until: None,
        file_id: None,
        created_by: test.actor,
        created_at: now,
        expires_at: now,
    };
    let parts: Vec<_> = (0..parts_count).map(|at| part(test, &upload, at)).collect();
    test.write((upload.clone(), parts), |tx, (tenant, (upload, parts))| {
        Box::pin(async move {
            tx.of(tenant).insert_upload(upload).await?;
            for part in parts {
                tx.of(tenant).insert_part(part).await?;
            }
            Ok(())
        })
    })
    .await
    .unwrap();
    upload
}

fn part(test: &TestDb, upload: &UploadRow, at: u64) -> PartRow {
    PartRow {
        id: test.clock.new_id(),
        package_id: upload.package_id,
        upload_id: upload.id,
        offset_bytes: at,
        size_bytes: Some(1),
        sha256: Some(Sha256Digest::of(b"x")),
        status: PartState::Stored,
        object_key: format!("part-{at}"),
        version_id: None,
        created_at: test.clock.now(),
    }
}

/// Takes the turn for a minute; answers its epoch, if it was to be had. What is `elapsed` was before.
async fn lease(test: &TestDb, upload: Uuid, elapsed: SignedDuration) -> Option<i64> {
    test.write((upload, elapsed), |tx, (tenant, (upload, elapsed))| {
        Box::pin(async move {
            let now = tx.database_time().await? + *elapsed;
            let until = now + SignedDuration::from_mins(1);
            let lease = UploadLease { now, until, expires_at: until };
            tx.of(tenant).lease_upload(*upload, lease).await
        })
    })
    .await
    .unwrap()
}

async fn give_back(test: &TestDb, upload: Uuid, epoch: i64) {
    test.write((upload, epoch), |tx, (tenant, (upload, epoch))| {
        Box::pin(async move {
            let now = tx.database_time().await?;
            let lease = UploadLease { now, until: now, expires_at: now };
            tx.of(tenant).keep_upload_lease(*upload, *epoch, lease).await
        })
    })
    .await
    .unwrap();
}

async fn end(test: &TestDb, upload: Uuid, epoch: i64) -> bool {
    test.write((upload, epoch), |tx, (tenant, (upload, epoch))| {
        Box::pin(async move { tx.of(tenant).end_leased_upload(*upload, *epoch).await })
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn a_turn_that_lapsed_is_anothers_alone() {
    const AN_HOUR: SignedDuration = SignedDuration::from_hours(1);
    on_both(|test| async move {
        let upload = complete_upload(&test, 1).await.id;
        let first = lease(&test, upload, -AN_HOUR).await.unwrap();
        let second = lease(&test, upload, SignedDuration::ZERO).await.unwrap();
        assert_ne!(first, second);
        give_back(&test, upload, first).await;
        assert_eq!(
            lease(&test, upload, SignedDuration::ZERO).await,
            None,
            "it was not its to give"
        );
        assert!(!end(&test, upload, first).await);
        give_back(&test, upload, second).await;
        let third = lease(&test, upload, SignedDuration::ZERO).await.unwrap();
        assert!(!end(&test, upload, second).await && end(&test, upload, third).await);
    })
    .await;
}

#[tokio::test]
async fn parts_are_given_up_some_at_a_time() {
    on_both(|test| async move {
        let upload = complete_upload(&test, 5).await;
        let leaving = async || {
            let mut session = test.db.read().await.unwrap();
            let found = session.of(&test.tenant).leaving_upload(upload.package_id).await.unwrap();
            found.map(|found| found.id)
        };
        assert_eq!(leaving().await, None, "it takes bytes still");
        let epoch = lease(&test, upload.id, SignedDuration::ZERO).await.unwrap();
        assert!(end(&test, upload.id, epoch).await);
        let mut given_up = Vec::new();
        for _ in 0..4 {
            assert_eq!(leaving().await, Some(upload.id));
            let some = test.write(upload.id, |tx, (tenant, upload)| {
                Box::pin(async move { tx.of(tenant).give_up_parts(*upload, 2).await })
            });
            given_up.push(some.await.unwrap());
        }
        assert_eq!(given_up, [2, 2, 1, 0]);
        test.write(upload.id, |tx, (tenant, upload)| {
            Box::pin(async move { tx.of(tenant).forget_parts_count(*upload).await })
        })
        .await
        .unwrap();
        assert_eq!(leaving().await, None);
    })
    .await;
}
