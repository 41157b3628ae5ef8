//! Immutability policies and legal holds on `az://`, on a server that follows the REST reference.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::receipt::EnforcedBy;
use strongroom_core::retention::{Lock, LockMode, Retention};
use strongroom_storage::azure::AzureStorage;
use strongroom_storage::open::{Secret, StaticCredentials, StoreSettings};
use strongroom_storage::status::Versioning;
use strongroom_storage::{
    Clock, CreateOptions, Created, ObjectKey, SINGLE_WRITE_BYTES_MAX, SeenLock, Storage,
    StorageError, StorageErrorKind,
};
use strongroom_testkit::azure::{
    ACCOUNT, ACCOUNT_KEY, AzureServer, ContainerSettings, Policy, PolicyMode,
};

mod rules;

const KEY: &str = "prefix/a";

fn start(settings: ContainerSettings) -> AzureServer {
    AzureServer::start("box", settings)
}

async fn store_on(server: &AzureServer) -> AzureStorage {
    store_with_key(server, ACCOUNT_KEY).await
}

async fn store_with_key(server: &AzureServer, account_key: &str) -> AzureStorage {
    let settings = StoreSettings {
        url: "az://box/prefix".to_owned(),
        endpoint: Some(server.endpoint()),
        allow_http: true,
        credentials: Some(StaticCredentials {
            access_key: ACCOUNT.to_owned(),
            secret_key: Secret(account_key.to_owned()),
            session_token: None,
        }),
        ..StoreSettings::default()
    };
    AzureStorage::connect(&settings, Clock::system()).await.expect("a store")
}

fn key() -> ObjectKey {
    ObjectKey::new("a").expect("a key")
}

/// A moment of the server's clock, in whole seconds as it keeps them.
fn in_hours(server: &AzureServer, hours: i64) -> Timestamp {
    let now = Timestamp::from_second(server.clock().now().as_second()).expect("a second");
    now + SignedDuration::from_hours(hours)
}

fn until(mode: LockMode, retain_until: Timestamp) -> Retention {
    Retention { mode, retain_until }
}

fn dated(retention: Retention) -> Lock {
    Lock { retention: Some(retention), legal_hold: false }
}

const HOLD: Lock = Lock { retention: None, legal_hold: true };

async fn create(
    store: &AzureStorage,
    lock: Lock,
    body: impl Into<Bytes>,
) -> Result<Created, StorageError> {
    let options = CreateOptions { lock, ..CreateOptions::default() };
    store.create(&key(), body.into().into(), &options).await
}

async fn lock_of(store: &AzureStorage, created: &Created) -> SeenLock {
    store.lock(&key(), created.version.as_ref()).await.expect("an answer")
}

fn kind<T>(result: Result<T, StorageError>) -> Option<StorageErrorKind> {
    result.err().map(|refused| refused.kind())
}

#[tokio::test]
async fn a_governance_lock_is_an_unlocked_policy_in_the_write() {
    let server = start(ContainerSettings::immutable());
    let store = store_on(&server).await;
    let large = vec![7; SINGLE_WRITE_BYTES_MAX as usize + 1];
    for body in [b"small".to_vec(), large] {
        let asked = dated(until(LockMode::Governance, in_hours(&server, 1)));
        let created = create(&store, asked, body).await.expect("created");
        assert!(created.lock_in_write);
        let seen = lock_of(&store, &created).await;
        assert_eq!((seen.certain(), seen.legal_hold), (asked, Observed::Observed(false)));
        assert!(seen.read_at.is_some());
        assert_eq!(server.asked("comp=immutabilityPolicies").len(), 0);
        // Hidden, so that the next one can be created.
        store.delete(&key(), None).await.expect("hidden");
    }
}

#[tokio::test]
async fn a_compliance_lock_goes_out_unlocked_and_is_locked_by_version() {
    let server = start(ContainerSettings::immutable());
    let store = store_on(&server).await;
    let asked = until(LockMode::Compliance, in_hours(&server, 1));
    let created = create(&store, dated(asked), "x").await.expect("created");
    let weaker = until(LockMode::Governance, asked.retain_until);
    assert_eq!(lock_of(&store, &created).await.certain(), dated(weaker));

    let version = created.version.as_ref();
    store.set_retention(&key(), version, asked).await.expect("locked");
    assert_eq!(lock_of(&store, &created).await.certain(), dated(asked));
    let set = &server.asked("comp=immutabilityPolicies")[0];
    assert!(set.called().contains("versionid="), "{}", set.called());
    // Neither call changes the entity tag.
    let info = store.head(&key(), version).await.expect("a blob");
    assert_eq!(info.etag, created.etag);
}

#[tokio::test]
async fn a_locked_policy_is_made_longer_and_neither_shorter_nor_unlocked() {
    let server = start(ContainerSettings::immutable());
    let store = store_on(&server).await;
    let created = create(&store, Lock::NONE, "x").await.expect("created");
    let version = created.version.as_ref();
    let set = async |mode, hours| {
        let retention = until(mode, in_hours(&server, hours));
        kind(store.set_retention(&key(), version, retention).await)
    };
    assert_eq!(set(LockMode::Compliance, 2).await, None);
    assert_eq!(set(LockMode::Compliance, 1).await, Some(StorageErrorKind::Locked));
    assert_eq!(set(LockMode::Governance, 3).await, Some(StorageErrorKind::Locked));
    assert_eq!(set(LockMode::Compliance, 3).await, None);
    let seen = lock_of(&store, &created).await.certain().retention.expect("a policy");
    assert_eq!(seen.mode, LockMode::Compliance);
    assert!(seen.retain_until > in_hours(&server, 2));
}

#[tokio::test]
async fn a_locked_version_is_not_deleted_before_its_time() {
    let server = start(ContainerSettings::immutable());
    let store = store_on(&server).await;
    for mode in [LockMode::Governance, LockMode::Compliance] {
        let asked = until(mode, in_hours(&server, 1));
        let created = create(&store, Lock::NONE, "x").await.expect("created");
        let version = created.version.as_ref();
        store.set_retention(&key(), version, asked).await.expect("locked");
        let refused = store.delete(&key(), version).await.expect_err("locked");
        assert_eq!(refused.kind(), StorageErrorKind::Locked, "{mode}");
        assert!(refused.to_string().contains("BlobImmutableDueToPolicy"), "{refused}");
        // It is an earlier version now, and all there.
        let read = store.read(&key(), version, None).await.expect("a reader");
        assert_eq!(read.collect(10).await.expect("bytes"), "x");

        server.clock().advance(SignedDuration::from_hours(2));
        store.delete(&key(), version).await.expect("its time is over");
        assert_eq!(server.versions(KEY).len(), 0);
    }
}

#[tokio::test]
async fn a_hold_keeps_a_version_until_it_is_lifted() {
    let server = start(ContainerSettings::immutable());
    let store = store_on(&server).await;
    let created = create(&store, HOLD, "x").await.expect("created");
    assert!(created.lock_in_write);
    assert_eq!(lock_of(&store, &created).await.certain(), HOLD);
    let version = created.version.as_ref();
    let refused = store.delete(&key(), version).await.expect_err("held");
    assert_eq!(refused.kind(), StorageErrorKind::Locked);
    assert!(refused.to_string().contains("BlobImmutableDueToLegalHold"), "{refused}");

    store.set_legal_hold(&key(), version, false).await.expect("lifted");
    assert_eq!(lock_of(&store, &created).await.certain(), Lock::NONE);
    store.delete(&key(), version).await.expect("deleted");
    assert_eq!(server.versions(KEY).len(), 0);
}

#[tokio::test]
async fn a_newer_version_stays_on_top_when_an_earlier_one_is_deleted() {
    let server = start(ContainerSettings::immutable());
    let store = store_on(&server).await;
    let first = create(&store, Lock::NONE, "first").await.expect("created");
    store.delete(&key(), None).await.expect("hidden");
    let second = create(&store, Lock::NONE, "second").await.expect("created");
    store.delete(&key(), first.version.as_ref()).await.expect("deleted");
    let left = server.versions(KEY);
    assert_eq!(left.len(), 1);
    assert!(left[0].is_current && left[0].id == second.version.map(|version| version.0));
}

#[tokio::test]
async fn what_the_container_gives_by_itself_is_not_replaced_by_something_weaker() {
    let strong = ContainerSettings::immutable().default_policy(PolicyMode::Locked, 30);
    let server = start(strong);
    let store = store_on(&server).await;
    let locks = store.bucket_locks().await.expect("an answer");
    assert_eq!(locks.takes_locks, Observed::Observed(true));
    assert_eq!(locks.default_retention, Observed::Unobserved(Unobserved::NotProbed));
    let asked = dated(until(LockMode::Governance, in_hours(&server, 1)));
    let created = create(&store, asked, "x").await.expect("created");
    assert!(!created.lock_in_write);
    let seen = lock_of(&store, &created).await.certain();
    assert!(seen.covers(&asked));
    assert_eq!(seen.retention.expect("a policy").mode, LockMode::Compliance);
}

#[tokio::test]
async fn a_container_without_version_level_immutability_takes_no_lock() {
    for settings in [ContainerSettings::plain(), ContainerSettings::versioned()] {
        let server = start(settings);
        let store = store_on(&server).await;
        let takes_locks = store.bucket_locks().await.expect("an answer").takes_locks;
        assert_eq!(takes_locks, Observed::Observed(false));
        let refused = create(&store, HOLD, "x").await.expect_err("no locks");
        assert_eq!(refused.kind(), StorageErrorKind::Unsupported);
        assert!(refused.guidance().expect("guidance").contains("version-level immutability"));
        assert_eq!(server.keys(), [""; 0], "nothing is stored without its lock");
        let created = create(&store, Lock::NONE, "x").await.expect("created");
        let seen = lock_of(&store, &created).await;
        assert_eq!(seen, SeenLock::unobserved(Unobserved::UnsupportedBackend));
    }
}

#[tokio::test]
async fn what_protects_a_whole_container_is_not_told_of_one_blob() {
    let protected = ContainerSettings::plain().default_policy(PolicyMode::Locked, 30);
    let server = start(protected);
    let store = store_on(&server).await;
    let created = create(&store, Lock::NONE, "x").await.expect("created");
    let seen = lock_of(&store, &created).await;
    assert_eq!(seen, SeenLock::unobserved(Unobserved::NotProbed));
}

#[tokio::test]
async fn without_the_right_to_look_at_the_container_only_what_a_blob_tells_is_certain() {
    let server = start(ContainerSettings::immutable());
    let store = store_on(&server).await;
    server.refuse("restype=container", 403, "AuthorizationPermissionMismatch");
    let denied = Unobserved::PermissionDenied;
    let takes_locks = store.bucket_locks().await.expect("an answer").takes_locks;
    assert_eq!(takes_locks, Observed::Unobserved(denied));

    let bare = create(&store, Lock::NONE, "x").await.expect("created");
    let seen = lock_of(&store, &bare).await;
    assert_eq!((seen.retention.reason(), seen.legal_hold.reason()), (Some(denied), Some(denied)));
    store.delete(&key(), None).await.expect("hidden");
    let asked = dated(until(LockMode::Governance, in_hours(&server, 1)));
    let locked = create(&store, asked, "x").await.expect("created");
    let seen = lock_of(&store, &locked).await;
    assert_eq!((seen.certain(), seen.legal_hold), (asked, Observed::Observed(false)));
}

#[tokio::test]
async fn without_the_right_to_read_a_lock_is_unobserved() {
    let server = start(ContainerSettings::immutable());
    let store = store_on(&server).await;
    let created = create(&store, HOLD, "x").await.expect("created");
    server.refuse("HEAD /testaccount/box/prefix/a", 403, "AuthorizationPermissionMismatch");
    let seen = lock_of(&store, &created).await;
    assert_eq!(seen, SeenLock::unobserved(Unobserved::PermissionDenied));
}

#[tokio::test]
async fn versions_are_listed_without_those_of_longer_names() {
    let server = start(ContainerSettings::immutable());
    let store = store_on(&server).await;
    let first = create(&store, Lock::NONE, "1").await.expect("created");
    store.delete(&key(), None).await.expect("hidden");
    let second = create(&store, Lock::NONE, "22").await.expect("created");
    let longer = ObjectKey::new("a2").expect("a key");
    store.create(&longer, Bytes::from("x").into(), &CreateOptions::default()).await.expect("made");
    let versions = store.versions(&key()).await.expect("an answer");
    let versions = versions.value().expect("versions").clone();
    let seen: Vec<_> = versions.iter().map(|one| (Some(&one.version), one.size_bytes)).collect();
    assert_eq!(seen, [(second.version.as_ref(), 2), (first.version.as_ref(), 1)]);
    assert!(versions[0].is_latest && !versions[1].is_latest);
}

#[tokio::test]
async fn a_blob_in_an_account_without_versions_has_none() {
    let server = start(ContainerSettings::plain());
    let store = store_on(&server).await;
    create(&store, Lock::NONE, "1").await.expect("created");
    let versions = store.versions(&key()).await.expect("an answer");
    assert_eq!(versions.reason(), Some(Unobserved::UnsupportedBackend));
}

#[tokio::test]
async fn status_tells_what_the_container_does_about_locks() {
    let server = start(ContainerSettings::immutable());
    let store = store_on(&server).await;
    let status = store.status().await;
    assert_eq!(status.object_lock, Observed::Observed(true));
    assert_eq!(status.versioning, Observed::Observed(Versioning::Enabled));
    assert_eq!(status.locks_enforced_by, EnforcedBy::Store);
    let unsupported = Observed::Unobserved(Unobserved::UnsupportedBackend);
    assert_eq!(status.default_retention, unsupported);
    assert_eq!((status.problems, server.keys()), (Vec::new(), Vec::new()));

    server.set_up(ContainerSettings::immutable().default_policy(PolicyMode::Unlocked, 1));
    let status = store.status().await;
    assert_eq!(status.default_retention, Observed::Unobserved(Unobserved::NotProbed));
    assert!(status.problems[0].contains("new blobs get by themselves"), "{:?}", status.problems);

    server.set_up(ContainerSettings::plain());
    assert_eq!(store.status().await.object_lock, Observed::Observed(false));
    server.refuse("HEAD /testaccount/box?", 403, "AuthorizationPermissionMismatch");
    let denied = store.status().await.object_lock;
    assert_eq!(denied, Observed::Unobserved(Unobserved::PermissionDenied));
}

#[tokio::test]
async fn a_wrong_account_key_is_told_from_a_right_that_is_missing() {
    let server = start(ContainerSettings::immutable());
    let store = store_with_key(&server, "d3JvbmcgYWNjb3VudCBrZXk=").await;
    let refused = create(&store, HOLD, "x").await;
    assert_eq!(kind(refused), Some(StorageErrorKind::Unauthenticated));
}

#[tokio::test]
async fn a_lock_in_the_past_is_refused_and_nothing_is_stored() {
    let server = start(ContainerSettings::immutable());
    let store = store_on(&server).await;
    let past = dated(until(LockMode::Governance, in_hours(&server, -1)));
    let refused = create(&store, past, "x").await;
    assert_eq!(kind(refused), Some(StorageErrorKind::InvalidRequest));
    assert_eq!(server.keys(), [""; 0]);
}

#[tokio::test]
async fn a_container_that_was_seen_to_take_locks_is_not_asked_again_for_each_blob() {
    let server = start(ContainerSettings::immutable());
    let store = store_on(&server).await;
    let created = create(&store, Lock::NONE, "x").await.expect("created");
    for _ in 0..3 {
        assert_eq!(lock_of(&store, &created).await.certain(), Lock::NONE);
    }
    assert_eq!(server.asked("restype=container").len(), 1);
}
