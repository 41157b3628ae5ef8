//! The S3 backend against real servers. Each test runs on the server that the environment names and
//! is skipped, in plain words, where it names none:
//! `STRONGROOM_TEST_CEPH`, `STRONGROOM_TEST_SEAWEEDFS`, `STRONGROOM_TEST_MOTO` are endpoints;
//! `STRONGROOM_TEST_S3_ACCESS_KEY` and `_SECRET_KEY` are the credentials of all of them.

#![allow(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

mod s3_bucket;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use s3_bucket::{Bucket, Kind, Server, key};
use strongroom_core::Sha256Digest;
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::receipt::{CreateOnly, Integrity};
use strongroom_core::retention::{Lock, LockMode, Retention};
use strongroom_storage::status::Versioning;
use strongroom_storage::{
    Body, Clock, CreateOptions, ListRequest, Storage as _, StorageError, StorageErrorKind,
    StoredChecksum,
};

const MIB: usize = 1 << 20;

/// Bytes that do not repeat within a part.
fn noise(size_bytes: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(size_bytes + 8);
    while bytes.len() < size_bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size_bytes);
    bytes.into()
}

/// A body in pieces of 100,000 bytes.
fn body(bytes: &Bytes) -> Body {
    let pieces: Vec<_> = (0..bytes.len())
        .step_by(100_000)
        .map(|at| Ok(bytes.slice(at..bytes.len().min(at + 100_000))))
        .collect();
    Body::new(stream::iter(pieces).boxed(), bytes.len() as u64)
}

fn now() -> Timestamp {
    Clock::system().now()
}

fn locked_for(seconds: i64) -> CreateOptions {
    let retain_until = now() + SignedDuration::from_secs(seconds);
    let retention = Retention { mode: LockMode::Governance, retain_until };
    CreateOptions {
        lock: Lock { retention: Some(retention), legal_hold: false },
        ..CreateOptions::default()
    }
}

/// One test on each server that is there.
macro_rules! on_servers {
    ($($name:ident($bucket:ident, $kind:expr) $test:block)+) => {$(
        mod $name {
            use super::*;

            async fn run(server: Server) {
                let Some($bucket) = Bucket::create(server, stringify!($name), $kind).await else {
                    return;
                };
                $test
                $bucket.empty().await;
            }

            #[tokio::test]
            async fn on_ceph() {
                run(Server::Ceph).await;
            }

            #[tokio::test]
            async fn on_seaweedfs() {
                run(Server::SeaweedFs).await;
            }

            #[tokio::test]
            async fn on_moto() {
                run(Server::Moto).await;
            }
        }
    )+};
}

on_servers! {
    a_small_object_comes_back_as_it_went(bucket, Kind::Plain) {
        let store = bucket.store();
        let key = key("bundles/sha256:00.tar.gz");
        let options = CreateOptions {
            content_type: Some("application/gzip"),
            metadata: [("strongroom-bundle-id".to_owned(), "sha256:00".to_owned())].into(),
            lock: Lock::NONE,
        };
        let bytes = Bytes::from_static(b"hello, store");
        let created = store.create(&key, bytes.clone().into(), &options).await.unwrap();
        assert_eq!(created.size_bytes, 12);
        assert_eq!(created.version, None);
        assert!(created.etag.is_some());
        let skew = created.stored_at.unwrap().duration_since(now()).as_secs();
        assert!(skew.abs() < 60, "{skew}");

        let info = store.head(&key, None).await.unwrap();
        assert_eq!(info.size_bytes, 12);
        assert_eq!(info.etag, created.etag);
        assert_eq!(info.metadata["strongroom-bundle-id"], "sha256:00");
        let read = store.read(&key, None, None).await.unwrap().collect(100).await.unwrap();
        assert_eq!(read, bytes);
        let part = store.read(&key, None, Some(7..12)).await.unwrap().collect(100).await.unwrap();
        assert_eq!(part, &b"store"[..]);

        store.delete(&key, None).await.unwrap();
        let error = store.head(&key, None).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::NotFound);
        let error = store.read(&key, None, None).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::NotFound);
        store.delete(&key, None).await.unwrap();
    }

    an_empty_object_is_an_object(bucket, Kind::Plain) {
        let store = bucket.store();
        let created =
            store.create(&key("empty"), Bytes::new().into(), &CreateOptions::default()).await;
        assert_eq!(created.unwrap().size_bytes, 0);
        let read = store.read(&key("empty"), None, None).await.unwrap();
        assert_eq!(read.info.size_bytes, 0);
        assert_eq!(read.collect(1).await.unwrap(), Bytes::new());
    }

    a_second_create_is_refused_on_a_plain_bucket(bucket, Kind::Plain) {
        let store = bucket.store();
        let write = async || {
            store.create(&key("k"), Bytes::from_static(b"1").into(), &CreateOptions::default()).await
        };
        assert_eq!(write().await.unwrap().create_only, CreateOnly::Checked);
        let error = write().await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::AlreadyExists);
        let probed = store.probe_create_only(&key("k"), &Bytes::from_static(b"1")).await.unwrap();
        assert_eq!(probed, Observed::Observed(true));
        let other = Bytes::from_static(b"2");
        let next = store.create(&key("k2"), other.into(), &CreateOptions::default()).await;
        assert_eq!(next.unwrap().create_only, CreateOnly::Enforced);
        let info = store.head(&key("k"), None).await.unwrap();
        assert!(info.metadata.contains_key("strongroom-write-id"), "the probe left it as it was");
    }

    create_only_on_a_versioned_bucket_is_as_the_store_is(bucket, Kind::Locked) {
        let store = bucket.store();
        let bytes = Bytes::from_static(b"1");
        store.create(&key("k"), bytes.clone().into(), &CreateOptions::default()).await.unwrap();
        let error =
            store.create(&key("k"), bytes.clone().into(), &CreateOptions::default()).await;
        assert_eq!(error.unwrap_err().kind(), StorageErrorKind::AlreadyExists);
        let probed = store.probe_create_only(&key("k"), &bytes).await.unwrap();
        match bucket.server {
            Server::Ceph => assert_eq!(probed, Observed::Unobserved(Unobserved::NotProbed)),
            Server::SeaweedFs | Server::Moto => assert_eq!(probed, Observed::Observed(true)),
        }
        let versions = store.versions(&key("k")).await.unwrap();
        assert_eq!(versions.value().unwrap().len(), 1, "a probe leaves no version");
    }

    a_large_object_goes_in_parts(bucket, Kind::Locked) {
        let store = bucket.store();
        let bytes = noise(20 * MIB + 12_345);
        let created =
            store.create(&key("large"), body(&bytes), &CreateOptions::default()).await.unwrap();
        assert_eq!(created.size_bytes, bytes.len() as u64);
        assert!(created.version.is_some());
        assert!(created.etag.as_deref().is_some_and(|etag| etag.ends_with("-3")), "{created:?}");
        let info = store.head(&key("large"), None).await.unwrap();
        assert_eq!(info.size_bytes, bytes.len() as u64);
        match bucket.server {
            Server::Ceph => assert_eq!(created.integrity, Integrity::PayloadSigned),
            Server::SeaweedFs => {
                assert_eq!(created.integrity, Integrity::Composite);
                assert!(matches!(
                    info.checksum,
                    Some(StoredChecksum::CompositeSha256 { parts: 3, .. })
                ));
            }
            Server::Moto => assert_eq!(created.integrity, Integrity::Unobserved),
        }
        let read = store.read(&key("large"), created.version.as_ref(), None).await.unwrap();
        let read = read.collect(1 << 30).await.unwrap();
        assert_eq!(Sha256Digest::of(&read), Sha256Digest::of(&bytes));
        let middle = 7 * MIB as u64..17 * MIB as u64 + 1;
        let part = store.read(&key("large"), None, Some(middle)).await.unwrap();
        let part = part.collect(1 << 30).await.unwrap();
        assert_eq!(part, bytes.slice(7 * MIB..17 * MIB + 1));
        // The probes of the upload are remembered, and a PUT profits from them.
        let small = Bytes::from_static(b"small");
        let small = store.create(&key("small"), small.into(), &CreateOptions::default()).await;
        assert_eq!(small.unwrap().integrity, match bucket.server {
            Server::Ceph => Integrity::PayloadSigned,
            Server::SeaweedFs => Integrity::StoreSha256,
            Server::Moto => Integrity::Unobserved,
        });
        let again = store.create(&key("large"), body(&bytes), &CreateOptions::default()).await;
        assert_eq!(again.unwrap_err().kind(), StorageErrorKind::AlreadyExists);
        assert_eq!(bucket.uploads_open().await, 0);
    }

    a_body_that_fails_leaves_nothing(bucket, Kind::Plain) {
        let store = bucket.store();
        for size_bytes in [1_000, 20 * MIB] {
            let failing = body(&noise(size_bytes)).stream.chain(stream::once(async {
                Err(StorageError::new(StorageErrorKind::BodyFailed, "verification failed"))
            }));
            let body = Body::new(failing.boxed(), 1 << 30);
            let error = store.create(&key("k"), body, &CreateOptions::default()).await.unwrap_err();
            assert_eq!(error.kind(), StorageErrorKind::BodyFailed);
            let error = store.head(&key("k"), None).await.unwrap_err();
            assert_eq!(error.kind(), StorageErrorKind::NotFound);
            assert_eq!(bucket.uploads_open().await, 0);
        }
    }

    dropping_a_create_aborts_its_upload(bucket, Kind::Plain) {
        let store = bucket.store();
        let stuck = body(&noise(20 * MIB)).stream.chain(stream::pending());
        let body = Body::new(stuck.boxed(), 1 << 30);
        let (create_key, options) = (key("k"), CreateOptions::default());
        let mut create = Box::pin(store.create(&create_key, body, &options));
        loop {
            tokio::select! {
                _ = &mut create => panic!("the body never ends"),
                open = bucket.uploads_open() => if open == 1 { break },
            }
        }
        drop(create);
        while bucket.uploads_open().await > 0 {}
        assert_eq!(
            store.head(&key("k"), None).await.unwrap_err().kind(),
            StorageErrorKind::NotFound
        );
    }

    a_lock_in_a_put_is_kept_and_refuses_deletion(bucket, Kind::Locked) {
        let store = bucket.store();
        let bytes = Bytes::from_static(b"evidence");
        let mut options = locked_for(60);
        options.lock.legal_hold = true;
        let created = store.create(&key("k"), bytes.into(), &options).await.unwrap();
        assert!(created.lock_in_write);
        let version = created.version.as_ref();
        let seen = store.lock(&key("k"), version).await.unwrap();
        let error = store.delete(&key("k"), version).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::PermissionDenied);
        if bucket.server == Server::Moto {
            // It answers `?retention` with the object itself: no lock was seen.
            assert_eq!(seen.retention, Observed::Unobserved(Unobserved::Error));
            assert_eq!(seen.legal_hold, Observed::Observed(true));
            return;
        }
        assert!(seen.certain().covers(&options.lock), "{seen:?}");

        store.set_legal_hold(&key("k"), version, false).await.unwrap();
        let seen = store.lock(&key("k"), version).await.unwrap();
        assert_eq!(seen.legal_hold, Observed::Observed(false));
        let longer = locked_for(120).lock.retention.unwrap();
        store.set_retention(&key("k"), version, longer).await.unwrap();
        let seen = store.lock(&key("k"), version).await.unwrap().certain();
        assert!(seen.retention.unwrap().covers(longer), "{seen:?}");
    }

    a_lock_on_a_multipart_upload_is_as_the_store_is(bucket, Kind::Locked) {
        let store = bucket.store();
        let options = locked_for(60);
        let created = store.create(&key("k"), body(&noise(9 * MIB)), &options).await.unwrap();
        let version = created.version.as_ref();
        let seen = store.lock(&key("k"), version).await.unwrap();
        match bucket.server {
            Server::SeaweedFs => assert!(seen.certain().covers(&options.lock), "{seen:?}"),
            Server::Moto => {
                assert_eq!(seen.retention, Observed::Unobserved(Unobserved::Error));
                return;
            }
            Server::Ceph => {
                assert_eq!(seen.retention, Observed::Observed(None));
                let retention = options.lock.retention.unwrap();
                store.set_retention(&key("k"), version, retention).await.unwrap();
                let seen = store.lock(&key("k"), version).await.unwrap();
                assert!(seen.certain().covers(&options.lock), "{seen:?}");
            }
        }
        assert_eq!(seen.legal_hold, Observed::Observed(false));
    }

    a_lock_on_a_bucket_without_locks_is_unsupported(bucket, Kind::Plain) {
        let store = bucket.store();
        let bytes = Bytes::from_static(b"evidence");
        let error = store.create(&key("k"), bytes.clone().into(), &locked_for(60)).await;
        assert_eq!(error.unwrap_err().kind(), StorageErrorKind::Unsupported);
        store.create(&key("k"), bytes.into(), &CreateOptions::default()).await.unwrap();
        let seen = store.lock(&key("k"), None).await.unwrap();
        assert_eq!(seen.certain(), Lock::NONE);
        assert_eq!(store.bucket_locks().await.unwrap().default_retention, Observed::Observed(None));
    }

    versions_are_those_of_the_key_alone(bucket, Kind::Locked) {
        let store = bucket.store();
        let write = async |name: &str| {
            let bytes = Bytes::from(name.to_owned());
            store.create(&key(name), bytes.into(), &CreateOptions::default()).await.unwrap()
        };
        write("k.longer").await;
        let first = write("k").await.version.unwrap();
        store.delete(&key("k"), None).await.unwrap();
        let gone = store.head(&key("k"), None).await.unwrap_err();
        assert_eq!(gone.kind(), StorageErrorKind::NotFound);
        let second = write("k").await.version.unwrap();
        let versions = store.versions(&key("k")).await.unwrap();
        let versions = versions.value().unwrap();
        assert_eq!(versions.len(), 3, "{versions:?}");
        assert!(versions[0].is_latest && versions[0].version == second);
        assert!(versions[1..].iter().any(|version| version.is_delete_marker));
        let old = store.read(&key("k"), Some(&first), None).await.unwrap();
        assert_eq!(old.info.version, Some(first));
        assert_eq!(old.collect(10).await.unwrap(), &b"k"[..]);
    }

    a_listing_is_in_pages_and_in_order(bucket, Kind::Plain) {
        let store = bucket.store();
        let names = [
            "index/2026-11-20/sha256:aa.ref",
            "index/2026-11-21/sha256:bb.ref",
            "runs/a%2Fb/sha256:aa.ref",
            "runs/a b+c&d=é?#/sha256:cc.ref",
        ];
        for name in names {
            let bytes = Bytes::from(name);
            store.create(&key(name), bytes.clone().into(), &CreateOptions::default()).await.unwrap();
            let read = store.read(&key(name), None, None).await.unwrap().collect(99).await.unwrap();
            assert_eq!(read, bytes);
        }
        let mut request = ListRequest { limit: Some(1), ..ListRequest::default() };
        let mut listed = Vec::new();
        loop {
            let page = store.list(&request).await.unwrap();
            listed.extend(page.objects.into_iter().map(|object| object.key));
            request.page = page.next;
            if request.page.is_none() {
                break;
            }
        }
        let mut sorted = names.map(str::to_owned);
        sorted.sort();
        assert_eq!(listed, sorted);

        let folders = ListRequest {
            prefix: "index/".to_owned(),
            by_folder: true,
            start_after: Some("index/2026-11-20/~".to_owned()),
            ..ListRequest::default()
        };
        assert_eq!(store.list(&folders).await.unwrap().folders, ["index/2026-11-21/"]);
        let after = ListRequest {
            start_after: Some("runs/a b+c&d=é?#/sha256:cc.ref".to_owned()),
            ..ListRequest::default()
        };
        let page = store.list(&after).await.unwrap();
        assert_eq!(page.objects.len(), 1);
        assert_eq!(page.objects[0].key, "runs/a%2Fb/sha256:aa.ref");
    }

    a_status_tells_what_was_seen_and_leaves_nothing(bucket, Kind::Locked) {
        let store = bucket.store();
        let status = store.status().await;
        assert_eq!(status.reachable, Observed::Observed(true));
        assert_eq!(status.readable, Observed::Observed(true));
        assert_eq!(status.writable, Observed::Observed(true));
        assert_eq!(status.versioning, Observed::Observed(Versioning::Enabled));
        assert_eq!(status.object_lock, Observed::Observed(true));
        assert_eq!(status.default_retention, Observed::Observed(None));
        assert!(status.clock_skew_seconds.value().unwrap().abs() < 60);
        let left = store.list(&ListRequest::default()).await.unwrap().objects;
        match bucket.server {
            // It takes a wrong digest: the status says so, and names what is left.
            Server::Moto => assert!(status.problems[0].contains(&left[0].key)),
            Server::Ceph | Server::SeaweedFs => {
                assert_eq!(status.problems, [] as [&str; 0]);
                assert!(left.is_empty());
            }
        }
    }

    wrong_settings_have_their_own_words(bucket, Kind::Plain) {
        let mut settings = bucket.settings();
        settings.url = settings.url.replace("/prefix", "-x");
        let store = bucket.connect(&settings).await;
        let error = store.head(&key("k"), None).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::StoreNotFound);
        // SeaweedFS makes the bucket when an administrator writes to it.
        if bucket.server != Server::SeaweedFs {
            let bytes = Bytes::from_static(b"x");
            let error = store.create(&key("k"), bytes.into(), &CreateOptions::default()).await;
            assert_eq!(error.unwrap_err().kind(), StorageErrorKind::StoreNotFound);
        }

        if bucket.server != Server::Moto {
            let mut settings = bucket.settings();
            settings.credentials.as_mut().unwrap().secret_key.0.push('x');
            let store = bucket.connect(&settings).await;
            let error = store.head(&key("k"), None).await.unwrap_err();
            assert_eq!(error.kind(), StorageErrorKind::Unauthenticated);
            assert!(error.guidance().is_some());
        }
    }
}
