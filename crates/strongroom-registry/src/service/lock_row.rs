//! A lock as a store told it, into the row of the object that it is on.

use strongroom_core::receipt::LockReceipt;

use crate::db::LocationRow;

impl LocationRow {
    /// Takes over what was read back. A bit that is on, and that we neither set nor meant to, is somebody else's; what
    /// was not seen of it leaves standing whose it is.
    pub(crate) fn read_back(&mut self, seen: &LockReceipt) {
        self.lock_mode = seen.mode;
        self.lock_retain_until = seen.retain_until;
        match seen.legal_hold {
            Some(true) => self.hold_was_set_before |= !self.lock_hold,
            Some(false) => self.hold_was_set_before = false,
            None => {}
        }
        self.lock_hold = seen.legal_hold.unwrap_or(self.lock_hold);
        self.lock_read_at = seen.read_back_at;
        self.lock_unobserved = seen.unobserved;
    }

    /// Whether the hold's bit on it is ours: set by us, or about to be, and not seen to be off since.
    pub(crate) fn hold_is_ours(&self) -> bool {
        self.lock_hold && !self.hold_was_set_before
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use strongroom_core::observed::Unobserved;
    use strongroom_core::package::{LocationStatus, RestoreStatus, RetrievalTier};
    use strongroom_core::receipt::{CreateOnly, EnforcedBy, Integrity, LockHow};
    use uuid::Uuid;

    use super::*;

    fn row(lock_hold: bool, hold_was_set_before: bool) -> LocationRow {
        LocationRow {
            id: Uuid::nil(),
            package_id: Uuid::nil(),
            artifact_file_id: Uuid::nil(),
            backend_id: "default".to_owned(),
            object_key: "a".to_owned(),
            version_id: None,
            etag: None,
            storage_class: None,
            status: LocationStatus::Active,
            integrity: Integrity::ReadBack,
            create_only: CreateOnly::Enforced,
            lock_mode: None,
            lock_retain_until: None,
            lock_hold,
            hold_was_set_before,
            lock_read_at: None,
            lock_unobserved: None,
            retrieval_tier: RetrievalTier::Hot,
            restore_status: RestoreStatus::Available,
            restore_requested_at: None,
            restore_expires_at: None,
            created_at: Timestamp::UNIX_EPOCH,
            last_verified_at: None,
        }
    }

    fn seen(legal_hold: Option<bool>) -> LockReceipt {
        LockReceipt {
            mode: None,
            retain_until: None,
            legal_hold,
            legal_hold_was_set_before: None,
            enforced_by: EnforcedBy::Store,
            how: LockHow::None,
            unlocked_ms: None,
            read_back_at: None,
            unobserved: legal_hold.is_none().then_some(Unobserved::PermissionDenied),
        }
    }

    #[test]
    fn a_bit_that_was_not_seen_stays_whose_it_was() {
        let after = |mut row: LocationRow, legal_hold| {
            row.read_back(&seen(legal_hold));
            (row.lock_hold, row.hold_was_set_before, row.hold_is_ours())
        };
        assert_eq!(after(row(true, false), None), (true, false, true));
        assert_eq!(after(row(true, true), None), (true, true, false));
        assert_eq!(after(row(true, true), Some(true)), (true, true, false));
        assert_eq!(after(row(true, true), Some(false)), (false, false, false));
        assert_eq!(after(row(true, false), Some(true)), (true, false, true));
        assert_eq!(
            after(row(false, false), Some(true)),
            (true, true, false),
            "nobody of us set it"
        );
    }
}
