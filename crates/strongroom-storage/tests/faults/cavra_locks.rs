//! Extensions and holds on a CAVRA directory: on every object of it, or told of.

use strongroom_core::record::LeftOn;
use strongroom_storage::VersionId;
use strongroom_storage::evidence::{LockChange, ObjectRole, ObjectState, Standing, show_retention};

use super::cavra::OBJECTS;
use super::extensions::{asked, extend};
use super::holds::{place, release};
use super::*;

pub(crate) const LATER: &str = "2095-01-01T00:00:00Z";

/// The versions of every file of the directory, as another client sees the newest of each.
pub(crate) fn held_files(vault: &Vault) -> usize {
    let bucket = vault.bucket();
    let keys = bucket.keys_under("team/bundles/cavra/");
    keys.iter().filter(|key| bucket.versions(key).iter().any(|version| version.legal_hold)).count()
}

pub(crate) fn files_of(change: &LockChange) -> usize {
    change.objects.iter().filter(|object| object.role == ObjectRole::Bundle).count()
}

#[tokio::test]
async fn a_hold_is_on_every_file_until_its_last_release() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let (store, id) = (vault.store().await, vault.pushed().await.bundle_id);
    // The policy asked for one itself.
    let of_the_push = show_retention(&*store, id).await.unwrap().holds[0].hold_id;
    let placed = place(&*store, id, "case 17").await.unwrap();
    assert!(placed.shortfall.is_none() && placed.warnings.is_empty(), "{:?}", placed.shortfall);
    assert_eq!((files_of(&placed), held_files(&vault)), (OBJECTS, OBJECTS));

    let released = release(&*store, id, of_the_push).await.unwrap();
    let files = released.objects.iter().filter(|object| object.role == ObjectRole::Bundle);
    assert!(files.clone().all(|file| file.object.left_on == Some(LeftOn::HeldByUs)));
    assert_eq!((files.count(), held_files(&vault)), (OBJECTS, OBJECTS));
    release(&*store, id, placed.hold_id.unwrap()).await.unwrap();
    assert_eq!(held_files(&vault), 0);
}

#[tokio::test]
async fn every_file_is_locked_for_longer_and_that_is_on_record() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let (store, upload) = (vault.store().await, vault.pushed().await);
    let until = LATER.parse().unwrap();
    let extended = extend(&*store, asked(upload.bundle_id, until)).await.unwrap();
    assert!(extended.shortfall.is_none(), "{:?}", extended.shortfall);
    assert_eq!(files_of(&extended), OBJECTS);
    for object in &upload.objects {
        let retention = vault.bucket().versions(&object.key)[0].retention.unwrap();
        assert_eq!(retention.retain_until, until, "{}", object.path);
    }
    let report = show_retention(&*store, upload.bundle_id).await.unwrap();
    let files = report.objects.iter().filter(|object| object.role == ObjectRole::Bundle);
    let kept = files.filter(|file| file.standing == Standing::Kept);
    assert_eq!(kept.filter(|file| file.promised_retention == file.retention).count(), OBJECTS);
}

/// No record pins a version, and something else is on top: each file is read to tell which it is.
#[tokio::test]
async fn without_a_record_every_file_is_found_by_its_bytes() {
    let vault = Vault::new(BucketSettings::locked()).await;
    vault.server.faults().on(Op::PutObject).key_contains("records/").answer(403);
    let outcome = vault.push_directory().await.unwrap();
    assert!(outcome.shortfall.is_some() && vault.records().is_empty());
    vault.server.faults().clear();
    let (store, id) = (vault.store().await, outcome.upload.bundle_id);
    for path in ["manifest.json", "logs/big.bin"] {
        vault.bucket().plant_over(&vault.object_key(path), "garbage");
    }
    let extended = extend(&*store, asked(id, LATER.parse().unwrap())).await.unwrap();
    assert!(extended.warnings.is_empty(), "{:?}", extended.warnings);
    assert_eq!(files_of(&extended), OBJECTS);
    for object in &outcome.upload.objects {
        let mut outcomes = extended.objects.iter();
        let file = outcomes.find(|one| one.object.key == object.key).unwrap();
        assert_eq!(file.object.version_id, object.version_id, "{}", object.path);
        assert_eq!(file.state, ObjectState::Changed, "{}", object.path);
    }
}

#[tokio::test]
async fn of_a_directory_that_is_there_in_part_that_part_is_held_and_the_rest_is_told() {
    let vault = Vault::new(BucketSettings::locked()).await;
    vault.server.faults().on(Op::PutObject).key_contains("retention-policy.json").answer(403);
    let id = vault.push_directory().await.unwrap().upload.bundle_id;
    vault.server.faults().clear();
    let store = vault.store().await;
    let placed = place(&*store, id, "case 17").await.unwrap();
    assert_eq!((files_of(&placed), held_files(&vault)), (2, 2));
    assert!(
        placed.warnings[0].contains("only the 2 that records name are locked"),
        "{:?}",
        placed.warnings
    );

    vault.pushed().await;
    let whole = place(&*store, id, "case 18").await.unwrap();
    assert!(whole.warnings.is_empty(), "{:?}", whole.warnings);
    assert_eq!((files_of(&whole), held_files(&vault)), (OBJECTS, OBJECTS));
}

/// Somebody who may bypass GOVERNANCE deleted the version that the record pins, and the file is there again.
#[tokio::test]
async fn a_file_whose_recorded_version_is_gone_is_guarded_in_the_version_that_holds_it() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    let unlocked = PushRequest { allow_unlocked: true, ..request() };
    let upload = vault.push_directory_with(unlocked).await.unwrap().upload;
    let file = &upload.objects[0];
    let bytes = vault.bucket().object(&file.key).unwrap();
    let owner = vault.server.owner();
    let client = strongroom_testkit::S3Client::new(
        vault.server.endpoint(),
        owner.access_key(),
        owner.secret_key(),
    );
    let version = file.version_id.clone().unwrap();
    let gone = client.delete_version("vault", &file.key, &version).await;
    assert!(gone.status.is_success(), "{gone:?}");
    vault.bucket().put(&file.key, bytes);
    let report = vault.locked_files().await;
    assert_eq!(report.len(), OBJECTS);
    assert!(!report.contains(&Some(VersionId(version))));
}

/// A directory that asks for no lock by itself, of which only one file is there.
async fn vault_with_a_first_file() -> (Vault, BundleId) {
    let vault = Vault::new(BucketSettings::locked()).await;
    let root = vault.directory();
    let manifest = fs::read(root.join("manifest.json")).unwrap();
    let mut manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let policy = |file: &serde_json::Value| file["path"] == "retention-policy.json";
    manifest["files"].as_array_mut().unwrap().retain(|file| !policy(file));
    fs::write(root.join("manifest.json"), manifest.to_string()).unwrap();
    fs::remove_file(root.join("retention-policy.json")).unwrap();
    vault.server.faults().on(Op::PutObject).key_contains("big.bin").answer(403);
    vault.server.faults().on(Op::CreateMultipartUpload).key_contains("big.bin").answer(403);
    let outcome = vault.push_directory().await.unwrap();
    assert_eq!(outcome.upload.objects.len(), 1);
    vault.server.faults().clear();
    (vault, outcome.upload.bundle_id)
}

/// The rest of a directory comes after its hold, or after its extension.
#[tokio::test]
async fn what_a_later_push_adds_is_locked_like_what_is_there() {
    let (vault, id) = vault_with_a_first_file().await;
    let store = vault.store().await;
    let placed = place(&*store, id, "case 17").await.unwrap();
    assert!(placed.warnings[0].contains("manifest is not there"), "{:?}", placed.warnings);
    extend(&*store, asked(id, LATER.parse().unwrap())).await.unwrap();

    let outcome = vault.push_directory().await.unwrap();
    assert!(outcome.shortfall.is_none(), "{:?}", outcome.shortfall);
    let told = |words: &str| outcome.warnings.iter().any(|warning| warning.contains(words));
    assert!(told("records promise more") && told("a legal hold is open"), "{:?}", outcome.warnings);
    assert_eq!(held_files(&vault), OBJECTS - 1);
    for object in &outcome.upload.objects {
        let retention = vault.bucket().versions(&object.key)[0].retention.unwrap();
        assert_eq!(retention.retain_until, LATER.parse().unwrap(), "{}", object.path);
    }
    let records = vault.bucket().keys_under("team/records/").len();
    let again = vault.push_directory().await.unwrap();
    assert!(again.shortfall.is_none() && again.warnings.is_empty(), "{:?}", again.warnings);
    assert_eq!(
        vault.bucket().keys_under("team/records/").len(),
        records,
        "nothing new is to be told"
    );

    // Both holds are given up before any bit goes.
    let holds = show_retention(&*store, id).await.unwrap().holds;
    assert_eq!(holds.len(), 2);
    for hold in holds {
        assert_eq!(held_files(&vault), OBJECTS - 1);
        release(&*store, id, hold.hold_id).await.unwrap();
    }
    assert_eq!(held_files(&vault), 0);
}

/// Records alone may promise anything: what the store is seen not to keep asks for nothing.
#[tokio::test]
async fn a_promise_that_is_not_kept_asks_nothing_of_a_later_push() {
    let (vault, id) = vault_with_a_first_file().await;
    let store = vault.store().await;
    place(&*store, id, "case 17").await.unwrap();
    let key =
        strongroom_storage::ObjectKey::new(layout::cavra_object(id, "evidence.json")).unwrap();
    store.set_legal_hold(&key, None, false).await.unwrap();
    let outcome = vault.push_directory().await.unwrap();
    assert!(outcome.shortfall.is_none() && outcome.warnings.is_empty(), "{:?}", outcome.warnings);
    assert_eq!(held_files(&vault), 0);
}
