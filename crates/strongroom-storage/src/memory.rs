//! `memory://`: a store that lives in the process and goes with its handle. For trying things out,
//! and as the plainest reading of the contract of [`Storage`].

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::{Bound, Range};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use strongroom_core::Sha256Digest;
use strongroom_core::digest::Sha256Hasher;
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::receipt::{CreateOnly, EnforcedBy, Integrity};
use strongroom_core::retention::{Lock, Retention};

use crate::counted::CountedBody;
use crate::listing::{PageBuilder, Room, Start, folder_of, just_after};
use crate::status::{STATUS_SCHEMA, StoreStatus, Versioning};
use crate::{
    Body, BucketLocks, Clock, CreateOptions, Created, ListPage, ListRequest, ListedObject,
    ObjectInfo, ObjectKey, ObjectReader, ObjectVersion, Retrieval, SeenLock, Storage, StorageError,
    StorageErrorKind, VersionId, advisory, ranges,
};

/// Objects in memory: one version a key, create-only, with locks that only Strongroom keeps.
#[derive(Debug)]
pub struct MemoryStorage {
    clock: Clock,
    objects: Mutex<BTreeMap<String, StoredObject>>,
}

#[derive(Debug)]
struct StoredObject {
    pieces: Vec<Bytes>,
    size_bytes: u64,
    sha256: Sha256Digest,
    stored_at: Timestamp,
    metadata: BTreeMap<String, String>,
    lock: Lock,
}

impl StoredObject {
    fn info(&self) -> ObjectInfo {
        ObjectInfo {
            size_bytes: self.size_bytes,
            version: None,
            etag: Some(self.etag()),
            last_modified: Some(self.stored_at),
            checksum: None,
            metadata: self.metadata.clone(),
            encryption: None,
            storage_class: None,
            retrieval: Retrieval::Online,
        }
    }

    fn etag(&self) -> String {
        self.sha256.to_hex()
    }

    /// The pieces of `range`, which lies inside the object. Nothing is copied.
    fn slice(&self, range: Range<u64>) -> Vec<Bytes> {
        let mut sliced = Vec::new();
        let mut piece_start = 0;
        for piece in &self.pieces {
            let piece_end = piece_start + piece.len() as u64;
            let start = range.start.clamp(piece_start, piece_end) - piece_start;
            let end = range.end.clamp(piece_start, piece_end) - piece_start;
            if start < end {
                sliced.push(piece.slice(start as usize..end as usize));
            }
            piece_start = piece_end;
        }
        sliced
    }
}

impl MemoryStorage {
    /// An empty store.
    pub fn new(clock: Clock) -> Self {
        Self { clock, objects: Mutex::default() }
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, StoredObject>> {
        // No change below stops half-way, so what a panicking thread left behind is whole.
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `act` on one object. There are no versions here, so none has the name asked for.
    fn on<T>(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        act: impl FnOnce(&mut StoredObject) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        match self.objects().get_mut(key.as_str()) {
            Some(object) if version.is_none() => act(object),
            _ => Err(StorageError::new(StorageErrorKind::NotFound, "no such object")),
        }
    }
}

fn already_exists() -> StorageError {
    StorageError::new(StorageErrorKind::AlreadyExists, "something is there under this key")
}

#[async_trait]
impl Storage for MemoryStorage {
    fn url(&self) -> &str {
        "memory://"
    }

    fn endpoint(&self) -> Option<&str> {
        None
    }

    fn whole_key(&self, key: &ObjectKey) -> String {
        key.as_str().to_owned()
    }

    fn locks_enforced_by(&self) -> EnforcedBy {
        EnforcedBy::Strongroom
    }

    async fn now(&self) -> Result<Timestamp, StorageError> {
        Ok(self.clock.now())
    }

    async fn create(
        &self,
        key: &ObjectKey,
        body: Body,
        options: &CreateOptions,
    ) -> Result<Created, StorageError> {
        advisory::check_new_lock(&options.lock, self.clock.now())?;
        if self.objects().contains_key(key.as_str()) {
            return Err(already_exists());
        }
        let mut body = CountedBody::new(body);
        let mut pieces = Vec::new();
        let mut hasher = Sha256Hasher::new();
        while let Some(piece) = body.next().await? {
            hasher.update(&piece);
            pieces.push(piece);
        }
        let object = StoredObject {
            pieces,
            size_bytes: body.size_bytes(),
            sha256: hasher.finish(),
            stored_at: self.clock.now(),
            metadata: options.metadata.clone(),
            lock: options.lock,
        };
        let created = Created {
            version: None,
            etag: Some(object.etag()),
            size_bytes: object.size_bytes,
            // What came back out was not looked at.
            integrity: Integrity::Unobserved,
            read_back: None,
            create_only: CreateOnly::Enforced,
            lock_in_write: !options.lock.is_none(),
            visible_from: std::time::Instant::now(),
            stored_at: Some(object.stored_at),
            info: None,
        };
        match self.objects().entry(key.as_str().to_owned()) {
            Entry::Occupied(_) => Err(already_exists()),
            Entry::Vacant(vacant) => {
                vacant.insert(object);
                Ok(created)
            }
        }
    }

    async fn probe_create_only(
        &self,
        key: &ObjectKey,
        body: &Bytes,
    ) -> Result<Observed<bool>, StorageError> {
        self.head(key, None).await?;
        match self.create(key, body.clone().into(), &CreateOptions::default()).await {
            Err(refused) if refused.kind() == StorageErrorKind::AlreadyExists => {
                Ok(Observed::Observed(true))
            }
            Err(failed) => Err(failed),
            Ok(_) => Ok(Observed::Observed(false)),
        }
    }

    async fn head(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<ObjectInfo, StorageError> {
        self.on(key, version, |object| Ok(object.info()))
    }

    async fn read(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        range: Option<Range<u64>>,
    ) -> Result<ObjectReader, StorageError> {
        self.on(key, version, |object| {
            let range = ranges::inside(range, object.size_bytes)?;
            let pieces = object.slice(range);
            let stream = stream::iter(pieces.into_iter().map(Ok)).boxed();
            Ok(ObjectReader { info: object.info(), stream })
        })
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage, StorageError> {
        let objects = self.objects();
        let mut page = PageBuilder::new(request);
        let mut from = request.prefix.clone().max(Start::of(request).as_str().to_owned());
        loop {
            let bounds = (Bound::Included(from.as_str()), Bound::Unbounded);
            let Some((key, object)) = objects.range::<str, _>(bounds).next() else { break };
            if !key.starts_with(&request.prefix) {
                break;
            }
            let folder = folder_of(key, &request.prefix).filter(|_| request.by_folder);
            let room = match folder {
                Some(folder) => page.push_folder(folder.to_owned()),
                None => page.push_object(ListedObject {
                    key: key.clone(),
                    size_bytes: object.size_bytes,
                    last_modified: Some(object.stored_at),
                    etag: Some(object.etag()),
                    is_deleted: false,
                }),
            };
            if room == Room::Full {
                break;
            }
            from = just_after(folder.unwrap_or(key));
        }
        Ok(page.finish())
    }

    async fn versions(
        &self,
        _key: &ObjectKey,
    ) -> Result<Observed<Vec<ObjectVersion>>, StorageError> {
        Ok(Observed::Unobserved(Unobserved::UnsupportedBackend))
    }

    async fn lock(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<SeenLock, StorageError> {
        self.on(key, version, |object| {
            Ok(SeenLock {
                retention: Observed::Observed(object.lock.retention),
                legal_hold: Observed::Observed(object.lock.legal_hold),
                read_at: Some(self.clock.now()),
            })
        })
    }

    async fn set_retention(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        retention: Retention,
    ) -> Result<(), StorageError> {
        let now = self.clock.now();
        self.on(key, version, |object| {
            advisory::check_retention(&object.lock, retention, now)?;
            object.lock.retention = Some(retention);
            Ok(())
        })
    }

    async fn set_legal_hold(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        on: bool,
    ) -> Result<(), StorageError> {
        self.on(key, version, |object| {
            object.lock.legal_hold = on;
            Ok(())
        })
    }

    async fn bucket_locks(&self) -> Result<BucketLocks, StorageError> {
        Ok(BucketLocks {
            takes_locks: Observed::Observed(true),
            default_retention: Observed::Observed(None),
        })
    }

    async fn status(&self) -> StoreStatus {
        StoreStatus {
            schema: STATUS_SCHEMA,
            store: self.url().to_owned(),
            backend: "memory",
            reachable: Observed::Observed(true),
            readable: Observed::Observed(true),
            writable: Observed::Observed(true),
            versioning: Observed::Observed(Versioning::Disabled),
            object_lock: Observed::Unobserved(Unobserved::UnsupportedBackend),
            default_retention: Observed::Observed(None),
            encryption: Observed::Unobserved(Unobserved::UnsupportedBackend),
            public_access: Observed::Unobserved(Unobserved::UnsupportedBackend),
            clock_skew_seconds: Observed::Observed(0),
            locks_enforced_by: EnforcedBy::Strongroom,
            problems: Vec::new(),
        }
    }

    async fn delete(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<(), StorageError> {
        let now = self.clock.now();
        let mut objects = self.objects();
        match objects.entry(key.as_str().to_owned()) {
            Entry::Occupied(object) if version.is_none() => {
                advisory::check_delete(&object.get().lock, now)?;
                object.remove();
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
