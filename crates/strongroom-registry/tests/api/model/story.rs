//! What the records in the bucket say of a package, by themselves.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};
use strongroom_core::package::PackageStatus;
use strongroom_core::package::record::{Decision, PackageRecord};
use uuid::Uuid;

use super::reference::{Counts, Package};

/// A package as its records tell it.
#[derive(Debug, Default)]
pub struct Story {
    pub kinds: Counts,
    expires_at: Option<Timestamp>,
    holds: BTreeSet<Uuid>,
    is_finalized: bool,
    is_abandoned: bool,
    is_deleted: bool,
    /// Whether somebody wants it gone, and nobody took that back.
    is_asked_to_go: bool,
}

impl Story {
    /// In the order of their times: each step of a sequence has its own.
    pub fn of<'a>(records: impl Iterator<Item = &'a PackageRecord>) -> Self {
        let mut records: Vec<_> = records.collect();
        records.sort_by_key(|record| record.at);
        let not_taken = |record: &&PackageRecord| match &record.decision {
            Decision::NotTaken { record_id } => Some(*record_id),
            _ => None,
        };
        let not_taken: BTreeSet<Uuid> = records.iter().filter_map(not_taken).collect();
        records.retain(|record| !not_taken.contains(&record.id));
        let mut story = Self::default();
        for record in records {
            let kind = serde_json::to_value(record).unwrap()["kind"].clone();
            *story.kinds.entry(kind.as_str().unwrap().to_owned()).or_default() += 1;
            match &record.decision {
                Decision::PackageCreated(created) => story.expires_at = created.expires_at,
                Decision::RetentionExtended { previous, new } => {
                    assert_eq!(story.expires_at, Some(*previous));
                    assert!(new > previous, "a date never moves earlier");
                    story.expires_at = Some(*new);
                }
                Decision::HoldPlaced { hold_id } => drop(story.holds.insert(*hold_id)),
                Decision::HoldReleased { hold_id, .. } => assert!(story.holds.remove(hold_id)),
                Decision::PackageFinalized(_) => story.is_finalized = true,
                Decision::FinalizeFailed { .. } => story.is_finalized = false,
                Decision::PackageAbandoned => story.is_abandoned = true,
                Decision::PackageDeleted(_) => story.is_deleted = true,
                Decision::DeletionRequested { .. } => {
                    assert!(story.holds.is_empty(), "what is held is not asked to go");
                    story.is_asked_to_go = true;
                }
                Decision::DeletionCancelled => story.is_asked_to_go = false,
                Decision::DeletionBlocked { .. }
                | Decision::NotTaken { .. }
                | Decision::PackageChanged { .. }
                | Decision::FileStored(_) => {}
            }
        }
        story
    }

    /// The rows tell the same.
    pub fn expect(&self, package: &Package, document: &Value) {
        assert_eq!(json!(self.expires_at).as_str(), document["expires_at"].as_str(), "{self:?}");
        assert_eq!(json!(self.holds.len()), document["active_holds"], "{self:?}");
        let status = package.status;
        assert_eq!(self.is_abandoned, status == PackageStatus::Abandoned);
        let is_evidence = !matches!(
            status,
            PackageStatus::Open | PackageStatus::Finalizing | PackageStatus::Abandoned
        );
        let is_deleted = status == PackageStatus::Deleted;
        // A record comes first: where a store failed, its row may be still to come.
        let told = |told: bool, is_so: bool| {
            if package.had_outage { told || !is_so } else { told == is_so }
        };
        assert!(told(self.is_finalized, is_evidence), "{status} {self:?}");
        assert!(told(self.is_deleted, is_deleted), "{status} {self:?}");
        let is_going = matches!(
            status,
            PackageStatus::DeletionRequested
                | PackageStatus::Deleting
                | PackageStatus::DeletionBlocked
                | PackageStatus::Deleted
        );
        assert!(self.is_asked_to_go || !is_going, "{status} {self:?}");
    }
}
