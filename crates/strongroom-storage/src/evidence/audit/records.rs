//! The records of one bundle, read and folded into what they promise together.

use std::collections::BTreeMap;

use strongroom_core::history::{History, KeptRecord};
use strongroom_core::record::{Record, Subject};

use super::cost::{Spent, count};
use super::finding::{Finding, Problem};
use super::walk::Group;
use crate::evidence::EvidenceError;
use crate::evidence::kept::{self, Read};
use crate::{ListedObject, ObjectKey, Storage};

/// What the records of a bundle tell.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// What they promise together.
    pub(super) history: History,
    /// The objects that receipts describe, by whole key.
    described: BTreeMap<String, Vec<Described>>,
    /// Records that were read.
    pub(super) read: u64,
    /// Records under a delete marker below which none could be read.
    pub(super) lost: u64,
    /// Whether anything is left below those markers, as far as it is known.
    pub(super) left_below: bool,
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
        match record {
            Record::Receipt(receipt) => {
                self.describe(&receipt.key, receipt.size_bytes, &receipt.etag);
            }
            Record::Upload(upload) => {
                for object in &upload.objects {
                    self.describe(&object.key, object.size_bytes, &object.etag);
                }
            }
            Record::Change(_) => {}
        }
    }

    fn describe(&mut self, key: &str, size_bytes: u64, etag: &Option<String>) {
        let described = Described { size_bytes, etag: etag.clone() };
        self.described.entry(key.to_owned()).or_default().push(described);
    }
}

/// Reads the records of a bundle: one request each, and two more for one that something hides. What
/// is none, hidden, or not to be read is a finding.
pub(super) async fn read_all(
    store: &dyn Storage,
    spent: &Spent,
    group: &Group,
    findings: &mut Vec<Finding>,
) -> Result<Told, EvidenceError> {
    let id = group.id;
    let mut told = Told::default();
    let mut kept = Vec::new();
    let listed = group.records.iter().map(|key| (key, false));
    let deleted = group.deleted_records.iter().map(|key| (key, true));
    for (key, is_deleted) in listed.chain(deleted) {
        count(&spent.records);
        let problem = match kept::read_one(store, id, key.clone(), is_deleted).await? {
            Read::Record { object, record, covered_by } => {
                told.read += 1;
                told.add(&record);
                kept.push(KeptRecord { id: object.id, record: *record });
                told.left_below |= is_deleted;
                // Of delete markers it is told all at once.
                covered_by.filter(|_| !is_deleted).map(|reason| Problem::RecordCovered { reason })
            }
            Read::Hidden { is_left } => {
                told.left_below |= is_left;
                told.lost += 1;
                None
            }
            Read::Unread(_, reason) => Some(Problem::RecordUnread { reason }),
            Read::Other(reason) => Some(Problem::RecordUnreadable { reason }),
        };
        if let Some(problem) = problem {
            let key = store.whole_key(&ObjectKey::new(key.as_str())?);
            findings.push(problem.at(Some(id), vec![key]));
        }
    }
    told.history = History::of(Subject::BundleId(id), &kept);
    Ok(told)
}
