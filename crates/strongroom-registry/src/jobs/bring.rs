//! One object is brought to what it should be under, and looked at.

use jiff::Timestamp;
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::package::locks::Reach;
use strongroom_core::receipt::LockReceipt;
use strongroom_storage::Storage;
use strongroom_storage::keep::{self, Locked, WhyLeftOn};

use super::Attempt;
use super::objects::Object;
use super::truth::Truth;
use crate::error::ServiceError;

/// Whose the hold's bit on an object is, where no hold is active any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bit {
    /// Nobody's, or somebody else's: it is left as it is.
    NotOurs,
    /// Ours, if it is on at all.
    OursIfOn,
    /// Ours: it has to be seen off.
    Ours,
}

/// The store, and what it says of its locks: asked once a pass.
pub(super) struct Store<'s> {
    attempt: &'s Attempt,
    pub(super) store: &'s dyn Storage,
    /// Its clock.
    pub(super) now: Timestamp,
    /// Whether it was seen to take no locks at all.
    pub(super) lacks_locks: bool,
}

/// What became of an object.
#[derive(Debug, Clone)]
pub(super) struct Brought {
    pub(super) receipt: LockReceipt,
    pub(super) reach: Reach,
    /// The same of the hold's bit alone.
    pub(super) hold: Reach,
    /// Whether a lock was left as it was because together with it ours would bind beyond what was asked.
    pub(super) is_beyond_asked: bool,
}

impl<'s> Store<'s> {
    pub(super) async fn look(
        attempt: &'s Attempt,
        store: &'s dyn Storage,
    ) -> Result<Self, ServiceError> {
        let now = keep::clock_check(store, attempt.registry().clock().now()).await?;
        let locks = store.bucket_locks().await?;
        Ok(Self {
            attempt,
            store,
            now,
            lacks_locks: locks.takes_locks == Observed::Observed(false),
        })
    }

    /// Strengthens what it is under; and clears a hold's bit that is ours, where no hold is active.
    pub(super) async fn bring(
        &self,
        object: &Object,
        truth: &Truth,
        held_until: Option<Timestamp>,
        bit: Bit,
    ) -> Result<Brought, ServiceError> {
        let target = truth.target(held_until, self.now).map_err(ServiceError::internal)?;
        let version = object.version.as_ref();
        let locked = keep::lock(self.store, &object.key, version, target).await?;
        let mut brought = self.told(locked, truth);
        let is_off = brought.receipt.legal_hold == Some(false);
        if truth.is_held() || is_off || bit == Bit::NotOurs {
            return Ok(brought);
        }
        // A hold that another worker sets again must not be cleared by one that lost its lease unawares.
        let is_sure = || self.attempt.is_sure();
        let released = keep::release_hold_while(self.store, &object.key, version, &is_sure).await?;
        brought.receipt.legal_hold = released.legal_hold.value().copied();
        brought.receipt.read_back_at = released.read_back_at.or(brought.receipt.read_back_at);
        let has_bits = !self.cannot(&brought.receipt);
        let is_unseen = bit == Bit::Ours && released.unobserved().is_some() && has_bits;
        if is_unseen || released.left_on == Some(WhyLeftOn::Refused) {
            brought.hold = Reach::Failed;
        }
        Ok(brought)
    }

    /// Whether the store itself says that it has no locks to give.
    fn cannot(&self, receipt: &LockReceipt) -> bool {
        has_none_to_give(self.lacks_locks, receipt)
    }

    fn told(&self, locked: Locked, truth: &Truth) -> Brought {
        let enforced_by = self.store.locks_enforced_by();
        let is_beyond_asked = locked.beyond_asked.is_some();
        let receipt = locked.receipt;
        // What binds beyond what was asked also keeps the bit from being set.
        let cannot = is_beyond_asked || self.cannot(&receipt);
        let hold = match truth.is_held() {
            true => Reach::of(receipt.legal_hold == Some(true), cannot, enforced_by),
            false => Reach::Held,
        };
        let reach = Reach::of(locked.covers, cannot, enforced_by);
        Brought { receipt, reach, hold, is_beyond_asked }
    }
}

/// Whether a store was seen to have no locks to give: none at all, or none for this object.
pub(super) fn has_none_to_give(lacks_locks: bool, receipt: &LockReceipt) -> bool {
    lacks_locks || receipt.unobserved == Some(Unobserved::UnsupportedBackend)
}
