//! What a registry does with one object, on stores that are honest, that lie, and that fail half-way.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod bundles;
mod cut_short;
mod deleting;
mod locking;
mod reading;
mod writing;

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use jiff::Timestamp;
use strongroom_core::Sha256Digest;
use strongroom_core::retention::{Lock, LockMode, Retention};
use strongroom_storage::fs::FsStorage;
use strongroom_storage::keep::{
    self, Expected, KeepError, KeepErrorKind, Kept, LockOfWrite, WriteAsk,
};
use strongroom_storage::memory::MemoryStorage;
use strongroom_storage::open::{Secret, StaticCredentials, StoreSettings, open};
use strongroom_storage::{Clock, ListRequest, ObjectKey, Storage, StorageError, StorageErrorKind};
use strongroom_testkit::S3Server;
use strongroom_testkit::s3::server::REGION;
use strongroom_testkit::s3::{BucketSettings, BucketView, Lie, User};
use tempfile::TempDir;

/// A body of this size goes up in two parts.
const BIG_BYTES: usize = 9 << 20;
const BYTES_MAX: u64 = 64 << 20;
const NOON: &str = "2026-11-21T12:00:00Z";
const LATER: &str = "2090-01-01T00:00:00Z";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn key() -> ObjectKey {
    ObjectKey::new("packages/p/files/f").unwrap()
}

fn governance(until: &str) -> Lock {
    let retention = Retention { mode: LockMode::Governance, retain_until: time(until) };
    Lock { retention: Some(retention), legal_hold: false }
}

fn held() -> Lock {
    Lock { legal_hold: true, ..governance(LATER) }
}

fn sent(lock: Lock) -> Option<LockOfWrite> {
    Some(LockOfWrite { to_send: lock, target: lock })
}

fn expected(bytes: &[u8]) -> Expected {
    Expected { size_bytes: bytes.len() as u64, sha256: Sha256Digest::of(bytes) }
}

fn ask() -> WriteAsk {
    WriteAsk::new(BYTES_MAX)
}

/// An ask that declares everything about these bytes.
fn declared(bytes: &[u8]) -> WriteAsk {
    let Expected { size_bytes, sha256 } = expected(bytes);
    WriteAsk { size_bytes: Some(size_bytes), sha256: Some(sha256), ..ask() }
}

/// A body that comes in pieces.
fn body(bytes: &[u8]) -> BoxStream<'static, Result<Bytes, StorageError>> {
    let piece_bytes = (bytes.len() / 3).clamp(1, 1 << 20);
    let pieces: Vec<_> =
        bytes.chunks(piece_bytes).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    stream::iter(pieces).boxed()
}

/// A body whose sender fails after all of it but its end.
fn broken(bytes: &[u8]) -> BoxStream<'static, Result<Bytes, StorageError>> {
    let failure = Err(StorageError::new(StorageErrorKind::BodyFailed, "the sender went away"));
    body(bytes).chain(stream::iter([failure])).boxed()
}

async fn write(store: &dyn Storage, bytes: &[u8], ask: WriteAsk) -> Result<Kept, KeepError> {
    keep::write(store, &key(), body(bytes), ask).await
}

fn kind<T: std::fmt::Debug>(result: Result<T, KeepError>) -> KeepErrorKind {
    result.unwrap_err().kind()
}

/// Every key in the store.
async fn keys(store: &dyn Storage) -> Vec<String> {
    let page = store.list(&ListRequest::default()).await.unwrap();
    page.objects.into_iter().map(|object| object.key).collect()
}

/// The stores of this crate's own, empty.
fn local_stores() -> (TempDir, [Arc<dyn Storage>; 2]) {
    let folder = TempDir::new().unwrap();
    let clock = Clock::new(|| time(NOON));
    let files = FsStorage::open(&folder.path().join("store"), clock.clone()).unwrap();
    (folder, [Arc::new(MemoryStorage::new(clock)), Arc::new(files)])
}

/// A bucket on a server that can be told to fail and to lie.
struct Shelf {
    server: S3Server,
}

impl Shelf {
    async fn new(settings: BucketSettings) -> Self {
        Self { server: S3Server::builder().bucket("shelf", settings).start().await }
    }

    async fn lying(settings: BucketSettings, lie: Lie) -> Self {
        Self { server: S3Server::builder().bucket("shelf", settings).lie(lie).start().await }
    }

    /// A connection of its own, as a new process would have: it has observed nothing yet.
    async fn store(&self) -> Arc<dyn Storage> {
        self.store_of(self.server.owner()).await
    }

    async fn store_of(&self, user: &User) -> Arc<dyn Storage> {
        let settings = StoreSettings {
            url: "s3://shelf/team".to_owned(),
            endpoint: Some(self.server.endpoint()),
            region: Some(REGION.to_owned()),
            allow_http: true,
            credentials: Some(StaticCredentials {
                access_key: user.access_key().to_owned(),
                secret_key: Secret(user.secret_key().to_owned()),
                session_token: None,
            }),
            ..StoreSettings::default()
        };
        open(&settings, Clock::system()).await.unwrap()
    }

    fn bucket(&self) -> BucketView {
        self.server.bucket("shelf")
    }

    /// The versions of the one key that tests use, delete markers included.
    fn versions(&self) -> Vec<strongroom_testkit::s3::StoredVersion> {
        self.bucket().versions(&self.whole_key())
    }

    fn whole_key(&self) -> String {
        format!("team/{}", key())
    }
}
