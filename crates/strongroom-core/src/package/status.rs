//! The states of packages, files and storage locations, and the one function each that changes them.
//!
//! A database mirrors each enum with a CHECK over its names; a transition that its function refuses
//! must not be written by anybody.

use super::named::named;

named! {
    /// Where a package is in its life.
    pub enum PackageStatus: "the state of a package" {
        /// Takes files. Nothing is promised of it but what was acknowledged file by file.
        Open = "open",
        /// Its rows are frozen and its manifest is stored; a job verifies, locks and reads back each object.
        Finalizing = "finalizing",
        /// Complete, verified and kept until its date, or longer.
        Finalized = "finalized",
        /// Somebody, or the sweeper, wants it gone: still whole, and a cancellation brings it back.
        DeletionRequested = "deletion_requested",
        /// Its grace is over and a job deletes the bytes, object by object, each under a fence.
        Deleting = "deleting",
        /// A hold, a later date or a store's lock stopped the deletion. Some objects may be gone; the rest stays
        /// until a person decides.
        DeletionBlocked = "deletion_blocked",
        /// Its bytes are gone. The row stays as a tombstone, with its manifest, records and audit.
        Deleted = "deleted",
        /// Given up before it was finalized: its bytes are deleted too, and it was never evidence.
        Abandoned = "abandoned",
    }
}

named! {
    /// What happens to a package.
    pub enum PackageEvent: "an event of a package" {
        /// The producer says that it is complete.
        FinalizeRequested = "finalize_requested",
        /// Every object was verified and locked as its rule asks, and read back.
        Finalized = "finalized",
        /// Finalizing was given up, such as for a file that turned out corrupt: the way back of its job.
        FinalizeFailed = "finalize_failed",
        /// It is given up before it is evidence.
        Abandoned = "abandoned",
        /// A legal hold is placed.
        HoldPlaced = "hold_placed",
        /// Its date moves later.
        RetentionExtended = "retention_extended",
        /// A person or the sweeper asks for its deletion.
        DeletionRequested = "deletion_requested",
        /// The request is taken back; or what is left of a blocked one is kept.
        DeletionCancelled = "deletion_cancelled",
        /// The grace is over, or a person says that a blocked deletion shall go on.
        DeletionBegun = "deletion_begun",
        /// A store refuses to delete an object, or the fence of one does.
        DeletionBlocked = "deletion_blocked",
        /// Every object is gone, and the disposition is on record.
        Deleted = "deleted",
    }
}

named! {
    /// Where a file of a package is in its life.
    pub enum FileStatus: "the state of a file" {
        /// Its row explains an object that may be there already; nothing is acknowledged.
        Receiving = "receiving",
        /// Its bytes are durable and were observed to be the declared ones.
        Stored = "stored",
        /// A verification did not find its object. Deletion must not hide that: it stays told.
        Missing = "missing",
        /// A verification read other bytes than those that were stored.
        Corrupt = "corrupt",
        /// Its object may go, or be gone, at any moment.
        Deleting = "deleting",
        /// Its object is gone.
        Deleted = "deleted",
    }
}

named! {
    /// What happens to a file.
    pub enum FileEvent: "an event of a file" {
        /// The bytes are durable and read back, and the package was still open.
        Kept = "kept",
        /// An upload was cut off, lost against another of the same path, or came too late.
        UploadGivenUp = "upload_given_up",
        /// A verification read the very bytes.
        FoundWhole = "found_whole",
        /// A verification did not find the object.
        FoundMissing = "found_missing",
        /// A verification read other bytes.
        FoundCorrupt = "found_corrupt",
        /// The fence was taken: no active hold, and its date is past or need not be.
        DeletionBegun = "deletion_begun",
        /// The store refused to delete the object, which was seen to be there still. Never said of an upload
        /// that was given up: that is no evidence, and its deletion is tried again.
        DeletionRefused = "deletion_refused",
        /// The object is gone, as observed.
        Deleted = "deleted",
    }
}

named! {
    /// What is known of the bytes at one storage location.
    pub enum LocationStatus: "the state of a storage location" {
        /// The object is there, as last observed.
        Active = "active",
        /// A verification did not find it.
        Missing = "missing",
        /// A verification read other bytes.
        Corrupt = "corrupt",
        /// The fence was taken: the object may go at any moment, so a hold can no longer save it.
        Deleting = "deleting",
        /// The object is gone, as observed.
        Deleted = "deleted",
    }
}

named! {
    /// What happens to the bytes at one storage location.
    pub enum LocationEvent: "an event of a storage location" {
        /// A verification read the very bytes.
        FoundWhole = "found_whole",
        /// A verification did not find the object.
        FoundMissing = "found_missing",
        /// A verification read other bytes.
        FoundCorrupt = "found_corrupt",
        /// The fence was taken.
        DeletionBegun = "deletion_begun",
        /// The store refused to delete the object, which was seen to be there still.
        DeletionRefused = "deletion_refused",
        /// The object is gone, as observed.
        Deleted = "deleted",
    }
}

/// A transition that there is none of: somebody else changed the state meanwhile, or asked for what
/// makes no sense in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} is {state}, which does not allow `{event}`")]
pub struct RefusedTransition {
    /// What has the state.
    pub what: &'static str,
    /// The state, by its name.
    pub state: &'static str,
    /// The event, by its name.
    pub event: &'static str,
}

impl PackageStatus {
    /// The state after `event`.
    ///
    /// A hold and a later date win against a deletion that is asked for or under way: a request is
    /// cancelled, and a deletion that runs is blocked, so that what is still there stays.
    pub fn after(self, event: PackageEvent) -> Result<Self, RefusedTransition> {
        use PackageEvent as Event;
        use PackageStatus as State;
        let next = match (self, event) {
            (State::Open, Event::FinalizeRequested) => State::Finalizing,
            (State::Open, Event::Abandoned) => State::Abandoned,
            (State::Finalizing, Event::Finalized) => State::Finalized,
            (State::Finalizing, Event::FinalizeFailed) => State::Open,
            (State::Finalized, Event::DeletionRequested) => State::DeletionRequested,
            (State::DeletionRequested | State::DeletionBlocked, Event::DeletionCancelled) => {
                State::Finalized
            }
            (State::DeletionRequested | State::DeletionBlocked, Event::DeletionBegun) => {
                State::Deleting
            }
            (State::Deleting, Event::DeletionBlocked) => State::DeletionBlocked,
            (State::Deleting, Event::Deleted) => State::Deleted,
            (state, Event::HoldPlaced | Event::RetentionExtended) => match state {
                State::Open | State::Finalizing | State::Finalized | State::DeletionBlocked => {
                    state
                }
                State::DeletionRequested => State::Finalized,
                State::Deleting => State::DeletionBlocked,
                State::Deleted | State::Abandoned => {
                    return Err(refused("the package", state.as_str(), event.as_str()));
                }
            },
            _ => return Err(refused("the package", self.as_str(), event.as_str())),
        };
        Ok(next)
    }

    /// Whether nothing changes it any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Deleted | Self::Abandoned)
    }

    /// Whether its content is whole, as far as the registry did anything: it can be handed out as a bundle.
    pub fn is_complete(self) -> bool {
        matches!(self, Self::Finalized | Self::DeletionRequested)
    }
}

impl FileStatus {
    /// The state after `event`. What a verification finds may be found again, and may be found otherwise later.
    pub fn after(self, event: FileEvent) -> Result<Self, RefusedTransition> {
        use FileEvent as Event;
        use FileStatus as State;
        let next = match (self, event) {
            (State::Receiving, Event::Kept) => State::Stored,
            (State::Receiving, Event::UploadGivenUp) => State::Deleting,
            (State::Stored | State::Missing | State::Corrupt, found) => match found {
                Event::FoundWhole => State::Stored,
                Event::FoundMissing => State::Missing,
                Event::FoundCorrupt => State::Corrupt,
                Event::DeletionBegun => State::Deleting,
                _ => return Err(refused("the file", self.as_str(), event.as_str())),
            },
            (State::Deleting, Event::DeletionRefused) => State::Stored,
            (State::Deleting, Event::Deleted) => State::Deleted,
            _ => return Err(refused("the file", self.as_str(), event.as_str())),
        };
        Ok(next)
    }

    /// Whether its path is taken: by bytes that were acknowledged, whatever became of them.
    pub fn holds_its_path(self) -> bool {
        matches!(self, Self::Stored | Self::Missing | Self::Corrupt)
    }
}

impl LocationStatus {
    /// Whether an object may be looked for: nobody has begun to delete it.
    pub fn may_be_there(self) -> bool {
        matches!(self, Self::Active | Self::Missing | Self::Corrupt)
    }

    /// The state after `event`. What a verification finds may be found again, and may be found otherwise later.
    pub fn after(self, event: LocationEvent) -> Result<Self, RefusedTransition> {
        use LocationEvent as Event;
        use LocationStatus as State;
        let next = match (self, event) {
            (State::Active | State::Missing | State::Corrupt, found) => match found {
                Event::FoundWhole => State::Active,
                Event::FoundMissing => State::Missing,
                Event::FoundCorrupt => State::Corrupt,
                Event::DeletionBegun => State::Deleting,
                Event::DeletionRefused | Event::Deleted => {
                    return Err(refused("the storage location", self.as_str(), event.as_str()));
                }
            },
            (State::Deleting, Event::DeletionRefused) => State::Active,
            (State::Deleting, Event::Deleted) => State::Deleted,
            _ => return Err(refused("the storage location", self.as_str(), event.as_str())),
        };
        Ok(next)
    }
}

/// There is no such transition.
pub(super) fn refused(
    what: &'static str,
    state: &'static str,
    event: &'static str,
) -> RefusedTransition {
    RefusedTransition { what, state, event }
}

#[cfg(test)]
pub(in crate::package) mod tests;
