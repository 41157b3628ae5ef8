//! Two writers of one key, and garbage under it.

use futures::future::join_all;
use strongroom_core::receipt::{CreateOnly, Status};
use strongroom_storage::evidence::{PullRequest, pull};

use super::*;

#[tokio::test]
async fn of_many_pushes_at_once_one_stores_and_the_others_find_it() {
    for big in [false, true] {
        let vault = Vault::new(BucketSettings::versioned()).await;
        let plan = || if big { vault.big() } else { vault.small() };
        let outcomes = join_all((0..4).map(|_| vault.push(plan()))).await;
        let outcomes: Vec<_> = outcomes.into_iter().map(Result::unwrap).collect();

        let status =
            |wanted| outcomes.iter().filter(|outcome| outcome.receipt.status == wanted).count();
        assert_eq!((status(Status::Stored), status(Status::AlreadyStored)), (1, 3));
        assert_eq!(vault.versions_of(outcomes[0].receipt.bundle_id), 1);
    }
}

#[tokio::test]
async fn a_push_that_comes_second_to_the_commit_says_already_stored() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    let held = vault.server.faults().on(Op::PutObject).key_contains("bundles/").nth(1);
    let held = held.hold_before();
    let (slow, fast) = tokio::join!(vault.push(vault.small()), async {
        held.arrived(1).await;
        let fast = vault.push(vault.small()).await;
        held.open();
        fast
    });
    let (slow, fast) = (slow.unwrap().receipt, fast.unwrap().receipt);
    assert_eq!((slow.status, fast.status), (Status::AlreadyStored, Status::Stored));
    assert_eq!(slow.version_id, fast.version_id);
    assert_eq!(vault.versions_of(fast.bundle_id), 1);
}

#[tokio::test]
async fn where_the_store_ignores_the_condition_the_receipt_counts_the_others() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    vault.server.faults().on(Op::PutObject).ignore_conditions();
    let held = vault.server.faults().on(Op::PutObject).key_contains("bundles/").nth(1);
    let held = held.hold_before();
    let (slow, fast) = tokio::join!(vault.push(vault.small()), async {
        held.arrived(1).await;
        let fast = vault.push(vault.small()).await;
        held.open();
        fast
    });
    let (slow, fast) = (slow.unwrap(), fast.unwrap().receipt);

    // Both stored, and neither calls it enforced.
    assert_eq!((slow.receipt.status, fast.status), (Status::Stored, Status::Stored));
    assert_eq!(slow.receipt.create_only, CreateOnly::Checked);
    assert_eq!(fast.create_only, CreateOnly::Checked);
    assert_eq!((slow.receipt.other_versions, fast.other_versions), (Some(1), Some(0)));
    assert_ne!(slow.receipt.version_id, fast.version_id);
    assert!(slow.warnings.iter().any(|warning| warning.contains("other versions are")));
    assert_eq!(vault.versions_of(fast.bundle_id), 2);
}

#[tokio::test]
async fn a_store_that_refuses_the_second_write_is_called_enforcing() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    let receipt = vault.push(vault.small()).await.unwrap().receipt;
    assert_eq!(receipt.create_only, CreateOnly::Enforced);
    // To see that took no second version of anything.
    for key in vault.bucket().keys() {
        assert_eq!(vault.bucket().versions(&key).len(), 1, "{key}");
    }
}

#[tokio::test]
async fn garbage_on_top_is_a_conflict_that_names_the_version_and_pull_goes_below_it() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    let first = vault.push(vault.small()).await.unwrap().receipt;
    let key = bundle_key(first.bundle_id);
    let bundle = vault.bucket().object(&key).unwrap();
    vault.bucket().plant_over(&key, b"garbage".as_slice());

    let refused = vault.push(vault.small()).await.unwrap_err();
    assert_eq!(refused.kind(), EvidenceErrorKind::Conflict);
    let version = first.version_id.unwrap();
    assert!(refused.to_string().contains(&version), "{refused}");

    let out = vault.folder.path().join("out.tar.gz");
    let request = PullRequest {
        id: first.bundle_id,
        archive_sha256: None,
        out: out.clone(),
        overwrite: false,
        demand: None,
    };
    let pulled = pull::pull(&*vault.store().await, &request, &no_progress()).await.unwrap();
    assert_eq!(pulled.version_id, Some(version));
    assert!(pulled.current_version_is_something_else);
    assert!(fs::read(out).unwrap() == bundle);
}

#[tokio::test]
async fn garbage_that_nothing_lies_below_is_a_conflict_that_says_so() {
    let vault = Vault::new(BucketSettings::plain()).await;
    let first = vault.push(vault.small()).await.unwrap().receipt;
    vault.bucket().plant_over(&bundle_key(first.bundle_id), b"garbage".as_slice());
    let refused = vault.push(vault.small()).await.unwrap_err();
    assert_eq!(refused.kind(), EvidenceErrorKind::Conflict);
    assert!(refused.to_string().contains("something else is under"), "{refused}");
}

#[tokio::test]
async fn a_bundle_below_a_delete_marker_is_still_pulled() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    let first = vault.push(vault.small()).await.unwrap().receipt;
    vault.bucket().delete(&bundle_key(first.bundle_id));
    let out = vault.folder.path().join("out.tar.gz");
    let request = PullRequest {
        id: first.bundle_id,
        archive_sha256: None,
        out,
        overwrite: false,
        demand: None,
    };
    let pulled = pull::pull(&*vault.store().await, &request, &no_progress()).await.unwrap();
    assert_eq!(pulled.version_id, first.version_id);
}

#[tokio::test]
async fn a_push_over_a_delete_marker_names_the_version_that_lies_below() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    let first = vault.push(vault.small()).await.unwrap();
    assert!(first.warnings.is_empty(), "{:?}", first.warnings);
    vault.bucket().delete(&bundle_key(first.receipt.bundle_id));

    let again = vault.push(vault.small()).await.unwrap();

    assert_eq!((again.receipt.status, again.receipt.other_versions), (Status::Stored, Some(1)));
    assert_ne!(again.receipt.version_id, first.receipt.version_id);
    let [warning] = again.warnings.as_slice() else { panic!("{:?}", again.warnings) };
    assert!(warning.contains("delete marker"), "{warning}");
    assert!(warning.contains(&first.receipt.version_id.unwrap()), "{warning}");
}
