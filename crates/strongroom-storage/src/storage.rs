//! The trait [`Storage`] and the types that cross it.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use jiff::Timestamp;
use strongroom_core::Sha256Digest;
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::receipt::{CreateOnly, Encryption, EnforcedBy, Integrity};
use strongroom_core::retention::{DefaultRetention, Lock, Retention};

use crate::link::{self, Link, LinkAsk};
use crate::status::{BucketSettings, StoreStatus};
use crate::{ObjectKey, RestoreAsk, Retrieval, StorageError, StorageErrorKind, VersionId};

/// Bodies of at most this many bytes are written by one request, larger ones in parts of this size or
/// more: some stores want parts of equal size.
pub const SINGLE_WRITE_BYTES_MAX: u64 = 7 << 20;

/// A body whose length nobody knows beforehand has at most as many bytes as 10,000 parts of that size, all that S3
/// takes of one object (about 68 GiB). Parts are held in memory while they travel: parts for the largest object that
/// may be would be hundreds of MiB each, whatever came of it.
pub const UNSIZED_BYTES_MAX: u64 = 10_000 * SINGLE_WRITE_BYTES_MAX;

/// A place where objects are kept. Every backend passes the `conformance`
/// suite.
///
/// Contract, for every implementation:
/// * **Nothing partial is ever visible.** A reader finds an object whole or not at all, whatever
///   happens to the writer.
/// * **Nothing is overwritten.** [`create`](Self::create) is the only way to write. Where the store
///   does not enforce that, a second version may come to be, and the first one stays readable by
///   its version id.
/// * **Bounded memory.** Bodies stream both ways; a slow peer slows the producer down.
/// * **Bounded time.** Transient failures are retried a few times within seconds; then the error
///   says so. No operation retries for minutes.
/// * **No claim without an observation.** What was not seen is `Unobserved`, with a reason; a
///   refusal to answer is never read as "no".
/// * Dropping a future aborts what it began; the store keeps no object of it.
#[async_trait]
pub trait Storage: fmt::Debug + Send + Sync {
    /// Where this is, for people and receipts: `s3://bucket/prefix`. Holds no credentials.
    fn url(&self) -> &str;

    /// Where the store answers: scheme, host and port, and what of the path is not the bucket. Holds no
    /// credentials and no query. `None` where there is no server.
    fn endpoint(&self) -> Option<&str>;

    /// The whole key of an object as the store knows it, prefix included.
    fn whole_key(&self, key: &ObjectKey) -> String;

    /// Whose business it is to refuse the deletion of a locked version: the store's, or only
    /// Strongroom's. Follows from the kind of store; that it does refuse was not observed.
    fn locks_enforced_by(&self) -> EnforcedBy;

    /// What each write asks for besides its lock. Nothing, where the store knows no such things.
    fn asked_of_writes(&self) -> AskedOfWrites {
        AskedOfWrites::default()
    }

    /// The store's own clock, from a fresh answer where it is remote. Errors as any read.
    async fn now(&self) -> Result<Timestamp, StorageError>;

    /// Stores `body` under `key` if nothing is there.
    ///
    /// * `AlreadyExists` says only that something is there: the caller verifies what. (Exception:
    ///   when the thing there is this very write, whose first answer was lost, it is `Ok`.)
    /// * `BodyFailed` when the body's stream ends with an error: nothing was stored.
    /// * The lock in `options` is sent in the same request where the store has such a request;
    ///   [`Created::lock_in_write`] says so. It is not proof that the store kept it: read it back.
    async fn create(
        &self,
        key: &ObjectKey,
        body: Body,
        options: &CreateOptions,
    ) -> Result<Created, StorageError>;

    /// Whether the store refuses a second create of `key`, which must hold exactly `body`. Leaves
    /// no new object or version behind on a store that checks digests.
    async fn probe_create_only(
        &self,
        key: &ObjectKey,
        body: &Bytes,
    ) -> Result<Observed<bool>, StorageError>;

    /// What the store says of one object (its current version, unless `version` names one).
    async fn head(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<ObjectInfo, StorageError>;

    /// Reads one object, or the bytes in `range`, as a stream. The bytes all come from one version:
    /// the one in the answer's `info`. A connection that breaks half-way is resumed or is an error,
    /// never a short body.
    async fn read(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        range: Option<Range<u64>>,
    ) -> Result<ObjectReader, StorageError>;

    /// One page of the keys under a prefix, in the order of their bytes. The cost follows the page,
    /// not the bucket.
    async fn list(&self, request: &ListRequest) -> Result<ListPage, StorageError>;

    /// One page as [`list`](Self::list) gives it, not by folder, with the keys under a delete marker
    /// among them. A page may be empty though there is a next one. `Unobserved` where the store has no
    /// versions or does not tell these credentials.
    async fn list_with_deleted(
        &self,
        _request: &ListRequest,
    ) -> Result<Observed<ListPage>, StorageError> {
        Ok(Observed::Unobserved(Unobserved::UnsupportedBackend))
    }

    /// Every version of one key, newest first, delete markers included. `Unobserved` where the
    /// store has no versions or does not tell these credentials.
    async fn versions(&self, key: &ObjectKey)
    -> Result<Observed<Vec<ObjectVersion>>, StorageError>;

    /// The lock on one version, read from the store's own lock calls, never from HEAD alone.
    async fn lock(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<SeenLock, StorageError>;

    /// Sets the retention of one version. The caller has joined it with what is there: it never
    /// lowers. `PermissionDenied` or `Locked` where the store refuses (also to shorten).
    async fn set_retention(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        retention: Retention,
    ) -> Result<(), StorageError>;

    /// Sets or clears the legal hold of one version.
    async fn set_legal_hold(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        on: bool,
    ) -> Result<(), StorageError>;

    /// What this bucket does about locks.
    async fn bucket_locks(&self) -> Result<BucketLocks, StorageError>;

    /// How the bucket is set up, by questions alone. What is not told is `Unobserved`, never an error.
    async fn bucket_settings(&self) -> BucketSettings {
        BucketSettings::unobserved(Unobserved::UnsupportedBackend)
    }

    /// What the store says of itself, in seconds, leaving nothing behind.
    async fn status(&self) -> StoreStatus;

    /// Asks for an archived version to be made readable, which takes the store minutes to days: [`head`](Self::head)
    /// tells how far it is. Asked again while the store works on it, it is no error. `Unsupported` where nothing is
    /// ever archived, or the store has no such operation.
    async fn restore(
        &self,
        _key: &ObjectKey,
        _version: Option<&VersionId>,
        _ask: &RestoreAsk,
    ) -> Result<(), StorageError> {
        Err(StorageError::new(
            StorageErrorKind::Unsupported,
            "this kind of store keeps nothing in an archive",
        ))
    }

    /// A link by which whoever has it reads one version (the current one when it is used, unless `version` names
    /// one), and nothing else. Nothing is asked of the store: whether the version is there and can be read is seen
    /// by whoever uses it. `Unsupported` where there is no server, or the credentials sign no links.
    async fn link(
        &self,
        _key: &ObjectKey,
        _version: Option<&VersionId>,
        _ask: &LinkAsk,
    ) -> Result<Link, StorageError> {
        Err(link::unsupported())
    }

    /// Deletes one version for good, or, without a version on a store that has versions, puts a
    /// delete marker on top. `PermissionDenied` or `Locked` where a lock refuses. An absent object
    /// is no error.
    async fn delete(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<(), StorageError>;
}

/// The bytes to store.
pub struct Body {
    /// The bytes, in pieces of any size. An error ends the upload, and nothing is stored.
    pub stream: BoxStream<'static, Result<Bytes, StorageError>>,
    /// At most this many bytes will come. Decides the size of the parts of a multipart upload; a
    /// stream that is longer is refused (`Limit`).
    pub size_bytes_max: u64,
    /// The digest of all of them, where whoever makes the stream hashes it: set by the time it has ended. A store that
    /// can compare what it wrote with what came needs none of its own.
    pub digest: Option<Arc<OnceLock<Sha256Digest>>>,
}

impl Body {
    /// Bytes that nobody has hashed.
    pub fn new(
        stream: BoxStream<'static, Result<Bytes, StorageError>>,
        size_bytes_max: u64,
    ) -> Self {
        Self { stream, size_bytes_max, digest: None }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        let size_bytes_max = bytes.len() as u64;
        Self::new(stream::once(async { Ok(bytes) }).boxed(), size_bytes_max)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("size_bytes_max", &self.size_bytes_max).finish_non_exhaustive()
    }
}

/// What goes with a create. Encryption and storage class are settings of the store.
#[derive(Debug, Clone, Default)]
pub struct CreateOptions {
    /// The media type that the store hands out with the object.
    pub content_type: Option<&'static str>,
    /// Small ASCII values under lower-case names of letters, digits and `-`. A hint for readers,
    /// never proof.
    pub metadata: BTreeMap<String, String>,
    /// The lock to ask for in the write. Its date is in the store's future.
    pub lock: Lock,
}

/// A finished create, as far as its own answers go.
#[derive(Debug, Clone)]
pub struct Created {
    /// The new version, where the store has versions.
    pub version: Option<VersionId>,
    /// The store's entity tag.
    pub etag: Option<String>,
    /// Bytes sent.
    pub size_bytes: u64,
    /// What the store itself was seen to check; never `ReadBack`.
    pub integrity: Integrity,
    /// The digest of every byte as it was read back from the object, where the backend does that while it writes:
    /// the caller holds it against what it sent.
    pub read_back: Option<Sha256Digest>,
    /// Whether the store was seen to enforce create-only for this kind of write.
    pub create_only: CreateOnly,
    /// Whether the lock went out in the write; at Azure a compliance lock as one of governance.
    pub lock_in_write: bool,
    /// Just before the request was sent that made the object visible.
    pub visible_from: Instant,
    /// The store's clock when it wrote; `None` where its answers hold no date. Never this machine's.
    pub stored_at: Option<Timestamp>,
    /// What the store said of this version when it was asked after the write; `None` where nobody
    /// asked.
    pub info: Option<ObjectInfo>,
}

impl Created {
    /// What vouches for the stored bytes to be those of this digest that were sent; `None` where they were read back
    /// and are others.
    pub fn vouched(&self, sent: Sha256Digest) -> Option<Integrity> {
        match self.read_back {
            Some(read_back) => (read_back == sent).then_some(Integrity::ReadBack),
            None => Some(self.integrity),
        }
    }
}

/// What a store says of one object.
#[derive(Debug, Clone)]
pub struct ObjectInfo {
    /// Bytes of the object.
    pub size_bytes: u64,
    /// The version that was looked at, where the store has versions.
    pub version: Option<VersionId>,
    /// The store's entity tag.
    pub etag: Option<String>,
    /// When the version was written, by the store's clock.
    pub last_modified: Option<Timestamp>,
    /// The store's own checksum, if it keeps one and tells it.
    pub checksum: Option<StoredChecksum>,
    /// What was given in [`CreateOptions::metadata`], or by somebody else.
    pub metadata: BTreeMap<String, String>,
    /// Encryption at rest, as reported.
    pub encryption: Option<Encryption>,
    /// Storage class, as reported.
    pub storage_class: Option<String>,
    /// How soon its bytes can be read.
    pub retrieval: Retrieval,
}

/// What every write of a store asks for: decided when it was opened, the same for each object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AskedOfWrites {
    /// The storage class, or Azure's access tier. The store's own default where there is none.
    pub storage_class: Option<String>,
    /// The algorithm of encryption at rest, as S3 names it. The store's own default where there is none.
    pub encryption: Option<String>,
    /// The key of that encryption: a KMS key, or Azure's encryption scope.
    pub kms_key_id: Option<String>,
}

/// A checksum that the store reports for an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredChecksum {
    /// SHA-256 of the whole object.
    Sha256(Sha256Digest),
    /// SHA-256 of the concatenated SHA-256 digests of the object's parts.
    CompositeSha256 {
        /// The digest of digests.
        digest: Sha256Digest,
        /// The number of parts.
        parts: u32,
    },
}

/// An object being read.
pub struct ObjectReader {
    /// What the store says of the whole object (of which a range may be read).
    pub info: ObjectInfo,
    /// The bytes, in order.
    pub stream: BoxStream<'static, Result<Bytes, StorageError>>,
}

impl fmt::Debug for ObjectReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectReader").field("info", &self.info).finish_non_exhaustive()
    }
}

impl ObjectReader {
    /// The whole body, refused (`Limit`) once it is longer than `bytes_max`.
    pub async fn collect(mut self, bytes_max: u64) -> Result<Bytes, StorageError> {
        let mut collected = Vec::new();
        while let Some(piece) = self.stream.next().await {
            let piece = piece?;
            if (collected.len() + piece.len()) as u64 > bytes_max {
                return Err(StorageError::new(
                    StorageErrorKind::Limit,
                    format!("the object is longer than the limit of {bytes_max} bytes"),
                ));
            }
            collected.extend_from_slice(&piece);
        }
        Ok(collected.into())
    }
}

/// Which keys to list.
#[derive(Debug, Clone, Default)]
pub struct ListRequest {
    /// Only keys that start with this (relative to the store's prefix; need not end with `/`).
    pub prefix: String,
    /// Only keys after this one, in byte order (relative to the store's prefix).
    pub start_after: Option<String>,
    /// Whether to fold what follows the next `/` after the prefix into `folders`.
    pub by_folder: bool,
    /// At most this many entries in a page; stores give 1,000 at most.
    pub limit: Option<usize>,
    /// [`ListPage::next`] of the page before.
    pub page: Option<String>,
}

/// One page of a listing.
#[derive(Debug, Clone, Default)]
pub struct ListPage {
    /// Objects, in the byte order of their keys.
    pub objects: Vec<ListedObject>,
    /// Folders (each ends with `/`), in byte order, when listed by folder.
    pub folders: Vec<String>,
    /// Where the next page starts; `None` on the last one.
    pub next: Option<String>,
}

/// One listed object.
#[derive(Debug, Clone)]
pub struct ListedObject {
    /// The key, relative to the store's prefix. As the store told it: it may be anything.
    pub key: String,
    /// Bytes of the object.
    pub size_bytes: u64,
    /// When it was written, by the store's clock.
    pub last_modified: Option<Timestamp>,
    /// The store's entity tag, where its listings tell it.
    pub etag: Option<String>,
    /// Whether a delete marker is on top, so that a read without a version finds nothing. Only
    /// [`Storage::list_with_deleted`] gives such.
    pub is_deleted: bool,
}

/// One version of an object.
#[derive(Debug, Clone)]
pub struct ObjectVersion {
    /// Its name.
    pub version: VersionId,
    /// Whether it is the one that a read without a version gives.
    pub is_latest: bool,
    /// Whether it is a delete marker, which has no bytes.
    pub is_delete_marker: bool,
    /// Bytes of the version.
    pub size_bytes: u64,
    /// When it was written, by the store's clock.
    pub last_modified: Option<Timestamp>,
}

/// What a bucket does about locks, as far as the store told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketLocks {
    /// Whether its versions can be locked at all.
    pub takes_locks: Observed<bool>,
    /// The retention that every new version gets by itself.
    pub default_retention: Observed<Option<DefaultRetention>>,
}

/// The lock on a version, as far as the store told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenLock {
    /// The dated part.
    pub retention: Observed<Option<Retention>>,
    /// The hold.
    pub legal_hold: Observed<bool>,
    /// The store's clock when it told, where its answers hold a date.
    pub read_at: Option<Timestamp>,
}

impl SeenLock {
    /// A store that has no locks, or does not tell.
    pub fn unobserved(reason: Unobserved) -> Self {
        Self {
            retention: Observed::Unobserved(reason),
            legal_hold: Observed::Unobserved(reason),
            read_at: None,
        }
    }

    /// The lock that was certainly seen: what is unobserved counts as absent.
    pub fn certain(&self) -> Lock {
        Lock {
            retention: self.retention.value().copied().flatten(),
            legal_hold: self.legal_hold.value().copied().unwrap_or(false),
        }
    }
}
