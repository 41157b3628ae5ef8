//! How soon the bytes at a storage location can be read. What is archived keeps its identity: it is only not
//! to be had at once.

use super::named::named;
use super::status::{RefusedTransition, refused};

named! {
    /// How far away a storage class keeps bytes.
    pub enum RetrievalTier: "a retrieval tier" {
        /// Read at once, made for it.
        Hot = "hot",
        /// Read at once, at a higher price.
        Warm = "warm",
        /// Read at once, rarely meant to be.
        Cold = "cold",
        /// Read only after a restore, which takes minutes to days.
        Archive = "archive",
    }
}

named! {
    /// Whether the bytes at a location can be read now.
    pub enum RestoreStatus: "the state of a restore" {
        /// They are there, for as long as the location is.
        Available = "available",
        /// Somebody asked for them; the store has not confirmed that it works on it.
        RestoreRequested = "restore_requested",
        /// The store works on it.
        Restoring = "restoring",
        /// A copy is there until its own date.
        Restored = "restored",
        /// They are archived and no copy is there: it lapsed, or nobody ever asked.
        Expired = "expired",
    }
}

named! {
    /// What happens to a restore.
    pub enum RestoreEvent: "an event of a restore" {
        /// The store says that the bytes need no restore.
        FoundOnline = "found_online",
        /// The store says that they are archived, and that no copy is there or under way.
        FoundArchived = "found_archived",
        /// Somebody asks for them.
        Requested = "requested",
        /// The store says that it works on it.
        FoundRestoring = "found_restoring",
        /// The store says that a copy is there.
        FoundRestored = "found_restored",
        /// The store refuses the request, or lost it: the way back.
        Failed = "failed",
    }
}

impl RetrievalTier {
    /// How far away a storage class keeps bytes, by the names that S3 and Azure have for them
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html>,
    /// <https://learn.microsoft.com/azure/storage/blobs/access-tiers-overview>). A store that names none, or one of
    /// its own, hands its objects out at once: what it does not is seen when it is asked.
    pub fn of_storage_class(class: Option<&str>) -> Self {
        match class.unwrap_or_default() {
            "STANDARD_IA" | "ONEZONE_IA" | "INTELLIGENT_TIERING" | "Cool" => Self::Warm,
            "GLACIER_IR" | "Cold" => Self::Cold,
            "GLACIER" | "DEEP_ARCHIVE" | "Archive" => Self::Archive,
            _ => Self::Hot,
        }
    }
}

impl RestoreStatus {
    /// The state after `event`. What the store says of itself is taken from any state, since others may
    /// restore and archive too; only a request needs bytes that are out of reach, and only a restore can fail.
    pub fn after(self, event: RestoreEvent) -> Result<Self, RefusedTransition> {
        use RestoreEvent as Event;
        use RestoreStatus as State;
        let next = match (self, event) {
            (_, Event::FoundOnline) => State::Available,
            (_, Event::FoundRestoring) => State::Restoring,
            (_, Event::FoundRestored) => State::Restored,
            // The store may need a moment before it tells of a request.
            (State::RestoreRequested, Event::FoundArchived) => State::RestoreRequested,
            (_, Event::FoundArchived) => State::Expired,
            (State::Expired, Event::Requested) => State::RestoreRequested,
            // Asked for again, such as for longer: what is there stays there.
            (State::RestoreRequested | State::Restoring | State::Restored, Event::Requested) => {
                self
            }
            (State::RestoreRequested | State::Restoring, Event::Failed) => State::Expired,
            _ => return Err(refused("the restore", self.as_str(), event.as_str())),
        };
        Ok(next)
    }

    /// Whether the bytes can be read now.
    pub fn is_readable(self) -> bool {
        matches!(self, Self::Available | Self::Restored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: states. Columns: events, both in the order of `ALL`. `-` is a refusal.
    const TABLE: &str = "
        |                   | found_online | found_archived    | requested         | found_restoring | found_restored | failed  |
        | available         | available    | expired           | -                 | restoring       | restored       | -       |
        | restore_requested | available    | restore_requested | restore_requested | restoring       | restored       | expired |
        | restoring         | available    | expired           | restoring         | restoring       | restored       | expired |
        | restored          | available    | expired           | restored          | restoring       | restored       | -       |
        | expired           | available    | expired           | restore_requested | restoring       | restored       | -       |
    ";

    #[test]
    fn the_table_of_restores_is_complete() {
        let after =
            |state: RestoreStatus, event| state.after(event).ok().map(RestoreStatus::as_str);
        let seen = crate::package::status::tests::table(
            RestoreStatus::ALL,
            RestoreEvent::ALL,
            RestoreStatus::as_str,
            RestoreEvent::as_str,
            after,
        );
        assert_eq!(seen, crate::package::status::tests::cells(TABLE), "{seen:#?}");
    }

    #[test]
    fn a_storage_class_is_of_a_tier() {
        for (class, tier) in [
            (None, RetrievalTier::Hot),
            (Some("STANDARD"), RetrievalTier::Hot),
            (Some("Hot"), RetrievalTier::Hot),
            (Some("STANDARD_IA"), RetrievalTier::Warm),
            (Some("Cool"), RetrievalTier::Warm),
            (Some("GLACIER_IR"), RetrievalTier::Cold),
            (Some("Cold"), RetrievalTier::Cold),
            (Some("DEEP_ARCHIVE"), RetrievalTier::Archive),
            (Some("Archive"), RetrievalTier::Archive),
            (Some("a-pool-of-our-own"), RetrievalTier::Hot),
        ] {
            assert_eq!(RetrievalTier::of_storage_class(class), tier, "{class:?}");
        }
    }

    #[test]
    fn only_what_is_there_can_be_read() {
        let readable: Vec<_> = RestoreStatus::ALL.iter().filter(|one| one.is_readable()).collect();
        assert_eq!(readable, [&RestoreStatus::Available, &RestoreStatus::Restored]);
    }
}
