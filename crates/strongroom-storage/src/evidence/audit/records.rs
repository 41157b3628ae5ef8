//! The records of one bundle, read and folded into what they promise together.

use std::collections::BTreeMap;

use bytes::Bytes;
use strongroom_core::history::{History, KeptRecord};
use strongroom_core::record::{self, Record, Subject};
use strongroom_core::{BundleId, limits};
use uuid::Uuid;

use super::cost::{Spent, count};
use super::finding::{Finding, Problem};
use crate::evidence::EvidenceError;
use crate::{ListedObject, ObjectKey, Storage, StorageErrorKind};

/// What the records of a bundle tell.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// What they promise together.
    pub(super) history: History,
    /// The objects that receipts describe, by whole key.
    described: BTreeMap<String, Vec<Described>>,
    /// Records that were read.
    pub(super) read: u64,
}

/// An archive as a receipt describes it.
#[derive(Debug)]
struct Described {
    size_bytes: u64,
    etag: Option<String>,
}

impl Told {
    /// Whether what is listed under a whole key is none of the objects that receipts describe there,
    /// by its size or entity tag. Without a receipt nothing is said of it.
    pub(super) fn differs(&self, whole_key: &str, listed: &ListedObject) -> bool {
        let Some(described) = self.described.get(whole_key) else { return false };
        !described.iter().any(|described| {
            let same_tag = match (&described.etag, &listed.etag) {
                (Some(described), Some(listed)) => described == listed,
                _ => true,
            };
            described.size_bytes == listed.size_bytes && same_tag
        })
    }

    fn add(&mut self, record: &Record) {
        let Record::Receipt(receipt) = record else { return };
        let described = Described { size_bytes: receipt.size_bytes, etag: receipt.etag.clone() };
        self.described.entry(receipt.key.clone()).or_default().push(described);
    }
}

/// Reads the records under `keys`, one request each. What cannot be one is a finding.
pub(super) async fn read_all(
    store: &dyn Storage,
    spent: &Spent,
    id: BundleId,
    keys: &[String],
    findings: &mut Vec<Finding>,
) -> Result<Told, EvidenceError> {
    let mut told = Told::default();
    let mut kept = Vec::new();
    for key in keys {
        let key = ObjectKey::new(key.as_str())?;
        count(&spent.records);
        match read_one(store, id, &key).await? {
            Ok(record) => {
                told.read += 1;
                told.add(&record.record);
                kept.push(record);
            }
            Err(reason) => {
                let problem = Problem::RecordUnreadable { reason };
                findings.push(problem.at(Some(id), vec![store.whole_key(&key)]));
            }
        }
    }
    told.history = History::of(Subject::BundleId(id), &kept);
    Ok(told)
}

/// One record, or why it is none, in our words.
async fn read_one(
    store: &dyn Storage,
    id: BundleId,
    key: &ObjectKey,
) -> Result<Result<KeptRecord, String>, EvidenceError> {
    let bytes = match fetch(store, key).await? {
        Ok(bytes) => bytes,
        Err(reason) => return Ok(Err(reason)),
    };
    let record = match record::read(&bytes) {
        Ok(record) => record,
        Err(error) => return Ok(Err(error.to_string())),
    };
    if record.subject() != Subject::BundleId(id) {
        return Ok(Err("a record of another bundle".to_owned()));
    }
    let name = key.as_str().rsplit('/').next().and_then(|name| name.strip_suffix(".json"));
    let record_id = name.and_then(|name| name.parse::<Uuid>().ok());
    Ok(record_id
        .map(|id| KeptRecord { id, record })
        .ok_or_else(|| "a record under no record's name".to_owned()))
}

/// What is wrong with one object is told of that object; what is wrong with the store ends the audit.
async fn fetch(
    store: &dyn Storage,
    key: &ObjectKey,
) -> Result<Result<Bytes, String>, EvidenceError> {
    let read = async { store.read(key, None, None).await?.collect(limits::RECORD_BYTES_MAX).await };
    match read.await {
        Ok(bytes) => Ok(Ok(bytes)),
        Err(error) => match error.kind() {
            StorageErrorKind::Limit
            | StorageErrorKind::NotFound
            | StorageErrorKind::PermissionDenied
            | StorageErrorKind::InvalidRequest
            | StorageErrorKind::Integrity
            | StorageErrorKind::Malformed => Ok(Err(error.to_string())),
            _ => Err(error.into()),
        },
    }
}
