//! How soon an object's bytes can be read, and what it takes to have an archived one at hand.

use jiff::Timestamp;

/// How soon an object's bytes can be read, as the store says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retrieval {
    /// At once, for as long as the object is there.
    Online,
    /// They lie in an archive, and nobody asked for them.
    Archived,
    /// They lie in an archive, and the store works on a copy that can be read.
    Restoring,
    /// They lie in an archive, and a copy can be read.
    Restored {
        /// Until when the copy is there, where the store says so.
        until: Option<Timestamp>,
    },
}

/// What is asked for an archived object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreAsk {
    /// For how many days a copy is to be there. Azure makes no copy but moves the blob, for good, and S3
    /// moves what is in Intelligent-Tiering.
    pub days: u32,
    /// The object's storage class, as the store reported it: not every class takes a number of days.
    pub storage_class: Option<String>,
}
