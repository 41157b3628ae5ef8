//! The records that are kept beside a bundle, read back.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use strongroom_core::history::{History, KeptRecord};
use strongroom_core::observed::Observed;
use strongroom_core::record::{self, Record, RecordError, Subject};
use strongroom_core::{BundleId, layout, limits};

use super::EvidenceError;
use super::stored::candidates;
use crate::{
    ListPage, ListRequest, ListedObject, ObjectKey, Storage, StorageError, StorageErrorKind,
    VersionId,
};

/// Records read at a time.
const READ_AT_ONCE_MAX: usize = 8;

/// Everything under the records of one bundle, as far as it could be read.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The records, by their ids.
    pub(super) records: Vec<KeptRecord>,
    /// The objects that are records, or may be.
    pub(super) objects: Vec<KeptObject>,
    /// Objects that may be records and could not be read: each may be a promise.
    pub(super) unread: u64,
    /// Objects that are no records.
    pub(super) others: u64,
    /// Whether there are more than [`limits::RECORDS_READ_MAX`], of which the rest was not read.
    pub(super) cut_short: bool,
}

/// One object under the records of a bundle.
#[derive(Debug)]
pub(super) struct KeptObject {
    pub(super) key: ObjectKey,
    pub(super) version: Option<VersionId>,
    /// The id in its key.
    pub(super) id: uuid::Uuid,
}

impl Kept {
    /// What all of them promise.
    pub(super) fn history(&self, id: BundleId) -> History {
        History::of(Subject::BundleId(id), &self.records)
    }

    /// Whether every promise that may be there was read.
    pub(super) fn is_whole(&self) -> bool {
        self.unread == 0 && !self.cut_short
    }
}

/// Reads every record of a bundle. Bounded by [`limits::RECORDS_READ_MAX`].
pub(super) async fn read_all(store: &dyn Storage, id: BundleId) -> Result<Kept, EvidenceError> {
    let mut kept = Kept::default();
    let mut request = ListRequest { prefix: layout::records_of(id), ..ListRequest::default() };
    let mut left = limits::RECORDS_READ_MAX;
    loop {
        let page = page_of(store, &request).await?;
        let mut listed = page.objects;
        kept.cut_short = listed.len() > left;
        listed.truncate(left);
        left -= listed.len();
        let mut reading =
            stream::iter(listed).map(|object| read_one(store, object)).buffered(READ_AT_ONCE_MAX);
        while let Some(read) = reading.try_next().await? {
            kept.add(read);
        }
        request.page = page.next;
        if kept.cut_short || request.page.is_none() {
            return Ok(kept);
        }
    }
}

/// A page of records, with those under a delete marker: a promise does not end by being hidden. A store
/// that has no versions, or does not tell of them, lists what is on top.
async fn page_of(store: &dyn Storage, request: &ListRequest) -> Result<ListPage, StorageError> {
    match store.list_with_deleted(request).await? {
        Observed::Observed(page) => Ok(page),
        Observed::Unobserved(_) => store.list(request).await,
    }
}

/// What is under one key.
enum Read {
    Record(KeptObject, Box<Record>),
    Unread(KeptObject),
    /// A delete marker is on top, and no record could be read below it.
    Hidden,
    Other,
}

impl Kept {
    fn add(&mut self, read: Read) {
        match read {
            Read::Record(object, record) => {
                self.records.push(KeptRecord { id: object.id, record: *record });
                self.objects.push(object);
            }
            Read::Unread(object) => {
                self.unread += 1;
                self.objects.push(object);
            }
            Read::Hidden => self.unread += 1,
            Read::Other => self.others += 1,
        }
    }
}

async fn read_one(store: &dyn Storage, listed: ListedObject) -> Result<Read, StorageError> {
    let (Some(id), Ok(key)) = (layout::record_id(&listed.key), ObjectKey::new(listed.key)) else {
        return Ok(Read::Other);
    };
    if listed.is_deleted {
        let below = earlier_version(store, &key, id).await?;
        return Ok(below.unwrap_or(Read::Hidden));
    }
    let (version, refusal) = match read_version(store, &key, None).await? {
        Look::Read(version, Ok(record)) => {
            return Ok(Read::Record(KeptObject { key, version, id }, Box::new(record)));
        }
        Look::Read(version, Err(refusal)) => (version, Some(refusal)),
        Look::Unreadable => (None, None),
        Look::Absent => return Ok(Read::Other),
    };
    // Something that is no record on top hides no record.
    if let Some(found) = earlier_version(store, &key, id).await? {
        return Ok(found);
    }
    Ok(match refusal {
        Some(refusal) if !refusal.may_promise() => Read::Other,
        _ => Read::Unread(KeptObject { key, version, id }),
    })
}

async fn earlier_version(
    store: &dyn Storage,
    key: &ObjectKey,
    id: uuid::Uuid,
) -> Result<Option<Read>, StorageError> {
    let versions = match store.versions(key).await {
        Ok(versions) => versions.value().cloned().unwrap_or_default(),
        // Too many to list, or not to be told: what is on top counts as unread.
        Err(error)
            if matches!(error.kind(), StorageErrorKind::Limit | StorageErrorKind::Unsupported) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let (candidates, _) = candidates(&versions);
    for candidate in candidates.into_iter().filter(|candidate| !candidate.is_latest) {
        if let Look::Read(version, Ok(record)) =
            read_version(store, key, Some(&candidate.version)).await?
        {
            let object = KeptObject { key: key.clone(), version, id };
            return Ok(Some(Read::Record(object, Box::new(record))));
        }
    }
    Ok(None)
}

/// What looking at one version came to.
enum Look {
    Read(Option<VersionId>, Result<Record, RecordError>),
    /// It is there, and is too long or not ours to read.
    Unreadable,
    Absent,
}

async fn read_version(
    store: &dyn Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
) -> Result<Look, StorageError> {
    let read = async {
        let object = store.read(key, version, None).await?;
        let version = object.info.version.clone();
        Ok((version, object.collect(limits::RECORD_BYTES_MAX).await?))
    };
    match read.await {
        Ok((version, bytes)) => Ok(Look::Read(version, record::read(&bytes))),
        Err(error) => match StorageError::kind(&error) {
            StorageErrorKind::NotFound => Ok(Look::Absent),
            StorageErrorKind::Limit
            | StorageErrorKind::PermissionDenied
            | StorageErrorKind::InvalidRequest
            | StorageErrorKind::Integrity => Ok(Look::Unreadable),
            _ => Err(error),
        },
    }
}
