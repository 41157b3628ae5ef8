//! The records that are kept beside a bundle, read back.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use strongroom_core::history::{History, KeptRecord};
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::record::{self, Record, Subject};
use strongroom_core::{BundleId, layout, limits};

use super::EvidenceError;
use super::stored::candidates;
use crate::{ListPage, ListRequest, ObjectKey, Storage, StorageError, StorageErrorKind, VersionId};

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
        let mut reading = stream::iter(listed)
            .map(|object| read_one(store, id, object.key, object.is_deleted))
            .buffered(READ_AT_ONCE_MAX);
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
#[derive(Debug)]
pub(super) enum Read {
    /// A record: on top, or below something that hides it.
    Record {
        object: KeptObject,
        record: Box<Record>,
        /// What is on top of it; `None` where it is on top itself.
        covered_by: Option<String>,
    },
    /// It may be a record, and could not be read: why, in our words.
    Unread(KeptObject, String),
    /// A delete marker is on top, and no record could be read below it: whether anything is left there,
    /// as far as it is known.
    Hidden { is_left: bool },
    /// It is no record: why, in our words.
    Other(String),
}

impl Kept {
    fn add(&mut self, read: Read) {
        match read {
            Read::Record { object, record, .. } => {
                self.records.push(KeptRecord { id: object.id, record: *record });
                self.objects.push(object);
            }
            Read::Unread(object, _) => {
                self.unread += 1;
                self.objects.push(object);
            }
            Read::Hidden { .. } => self.unread += 1,
            Read::Other(_) => self.others += 1,
        }
    }
}

/// What is under a listed key among the records of `of`: on top of it, or below what hides it.
pub(super) async fn read_one(
    store: &dyn Storage,
    of: BundleId,
    key: String,
    is_deleted: bool,
) -> Result<Read, StorageError> {
    let (Some(id), Ok(key)) = (layout::record_id(&key), ObjectKey::new(key)) else {
        return Ok(Read::Other("a record under no record's name".to_owned()));
    };
    if is_deleted {
        return Ok(match earlier_version(store, of, &key).await? {
            Below::Record(version, record) => {
                let covered_by = Some("a delete marker".to_owned());
                Read::Record { object: KeptObject { key, version, id }, record, covered_by }
            }
            Below::Nothing => Read::Hidden { is_left: false },
            Below::Others | Below::Unseen => Read::Hidden { is_left: true },
        });
    }
    let (version, refusal, may_promise) = match read_version(store, of, &key, None).await? {
        Look::Record(version, record) => {
            let object = KeptObject { key, version, id };
            return Ok(Read::Record { object, record, covered_by: None });
        }
        Look::Other(version, refusal) => (version, refusal, false),
        Look::Unread(version, refusal) => (version, refusal, true),
        Look::Absent => return Ok(Read::Other("it went away meanwhile".to_owned())),
    };
    // Something that is no record on top hides no record.
    Ok(match earlier_version(store, of, &key).await? {
        Below::Record(version, record) => {
            let object = KeptObject { key, version, id };
            Read::Record { object, record, covered_by: Some(refusal) }
        }
        Below::Nothing | Below::Others if !may_promise => Read::Other(refusal),
        _ => Read::Unread(KeptObject { key, version, id }, refusal),
    })
}

/// What is below the version on top.
enum Below {
    /// The newest record.
    Record(Option<VersionId>, Box<Record>),
    /// Versions that are no records.
    Others,
    Nothing,
    /// The store does not tell of all of it.
    Unseen,
}

async fn earlier_version(
    store: &dyn Storage,
    of: BundleId,
    key: &ObjectKey,
) -> Result<Below, StorageError> {
    let versions = match store.versions(key).await {
        Ok(Observed::Observed(versions)) => versions,
        // A store that has no versions has none below.
        Ok(Observed::Unobserved(Unobserved::UnsupportedBackend)) => return Ok(Below::Nothing),
        Ok(Observed::Unobserved(_)) => return Ok(Below::Unseen),
        // Too many to list.
        Err(error) if error.kind() == StorageErrorKind::Limit => return Ok(Below::Unseen),
        Err(error) if error.kind() == StorageErrorKind::Unsupported => return Ok(Below::Nothing),
        Err(error) => return Err(error),
    };
    let (candidates, is_cut_short) = candidates(&versions);
    let mut below = if is_cut_short { Below::Unseen } else { Below::Nothing };
    for candidate in candidates.into_iter().filter(|candidate| !candidate.is_latest) {
        match read_version(store, of, key, Some(&candidate.version)).await? {
            Look::Record(version, record) => return Ok(Below::Record(version, record)),
            Look::Unread(..) => below = Below::Unseen,
            Look::Other(..) if matches!(below, Below::Nothing) => below = Below::Others,
            Look::Other(..) | Look::Absent => {}
        }
    }
    Ok(below)
}

/// What looking at one version came to.
enum Look {
    /// A record of the bundle.
    Record(Option<VersionId>, Box<Record>),
    /// No record of the bundle: why, in our words.
    Other(Option<VersionId>, String),
    /// It may be one, and could not be read: why, in our words.
    Unread(Option<VersionId>, String),
    Absent,
}

async fn read_version(
    store: &dyn Storage,
    of: BundleId,
    key: &ObjectKey,
    version: Option<&VersionId>,
) -> Result<Look, StorageError> {
    let read = async {
        let object = store.read(key, version, None).await?;
        let version = object.info.version.clone();
        Ok((version, object.collect(limits::RECORD_BYTES_MAX).await?))
    };
    let (version, bytes) = match read.await {
        Ok(read) => read,
        Err(error) => {
            return match StorageError::kind(&error) {
                StorageErrorKind::NotFound => Ok(Look::Absent),
                StorageErrorKind::Limit
                | StorageErrorKind::PermissionDenied
                | StorageErrorKind::Archived
                | StorageErrorKind::InvalidRequest
                | StorageErrorKind::Integrity
                | StorageErrorKind::Malformed => Ok(Look::Unread(None, error.to_string())),
                _ => Err(error),
            };
        }
    };
    Ok(match record::read(&bytes) {
        Ok(record) if record.subject() == Subject::BundleId(of) => {
            Look::Record(version, Box::new(record))
        }
        Ok(_) => Look::Other(version, "a record of another bundle".to_owned()),
        Err(refusal) if refusal.may_promise() => Look::Unread(version, refusal.to_string()),
        Err(refusal) => Look::Other(version, refusal.to_string()),
    })
}
