//! The lock of one version: strengthened and read back; its hold cleared.

use jiff::Timestamp;
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::receipt::LockReceipt;
use strongroom_core::retention::{Lock, Retention, RetentionError};

use super::{KeepError, StillMay, always, called_off};
use crate::protect::{self, Origin, Protected};
use crate::{BucketLocks, ObjectKey, Storage, VersionId};

/// The lock of a new object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockOfWrite {
    /// What goes out with the write. Nothing, where the bucket's own default does what is asked.
    pub to_send: Lock,
    /// What the object must hold in the end, as read back.
    pub target: Lock,
}

impl LockOfWrite {
    /// The lock to send so that `asked` holds and the bucket's default is not weakened: an explicit
    /// lock beats a default even when it is weaker. A default that was not observed counts as none.
    pub fn plan(
        asked: Lock,
        bucket: &BucketLocks,
        store_now: Timestamp,
    ) -> Result<Self, RetentionError> {
        let default = bucket.default_retention.value().copied().flatten();
        let (to_send, _) = protect::to_send(asked, default, store_now)?;
        Ok(Self { to_send, target: asked.join(to_send) })
    }
}

/// A lock as it was read back.
#[derive(Debug, Clone)]
pub struct Locked {
    /// What was seen at the end, how it came, and, of a hold that was asked for, whether the bit was on
    /// before.
    pub receipt: LockReceipt,
    /// Whether that is at least what was asked for.
    pub covers: bool,
    /// Set where nothing was changed, because together with what is held the lock would have become an
    /// irrevocable one to a later date than was asked for. Ask for just that to accept it.
    pub beyond_asked: Option<Retention>,
}

/// Gives one version what it lacks of `target`, and reads it back. What is there already, by an earlier
/// lock or by the bucket's default, is joined with what is asked and never lowered. Nothing is set where
/// the present lock may not be read.
///
/// A store that refuses to lock is no error: `covers` is false then.
pub async fn lock(
    store: &dyn Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    target: Lock,
) -> Result<Locked, KeepError> {
    let object = Protected { key, version, origin: Origin::Found, bucket_lacks_locks: false };
    let protection = protect::protect(store, &object, &target).await?;
    Ok(Locked {
        covers: protect::covers(&protection.receipt, &target),
        beyond_asked: protection.beyond_asked.map(|beyond| beyond.joined),
        receipt: protection.receipt,
    })
}

/// What became of the hold of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleasedHold {
    /// The bit as read back.
    pub legal_hold: Observed<bool>,
    /// Whether this release cleared it.
    pub was_cleared: bool,
    /// Why it is on still.
    pub left_on: Option<WhyLeftOn>,
    /// When it was read back, by the store's clock, where its answers hold a date.
    pub read_back_at: Option<Timestamp>,
}

/// Why a hold was left on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyLeftOn {
    /// The bit was on before any hold of ours: it is somebody else's too.
    NotOurs,
    /// The store did not clear it.
    Refused,
}

/// Clears the hold of one version if it is `ours`, and reads it back. Whether another hold of ours
/// remains is for the caller to know, and to know again afterwards.
pub async fn release_hold(
    store: &dyn Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    ours: bool,
) -> Result<ReleasedHold, KeepError> {
    release(store, key, version, ours, &always).await
}

/// The same of a hold that is ours, for whoever may lose the right to do it meanwhile: asked directly before the bit
/// is cleared. Called off, it is as it was.
pub async fn release_hold_while(
    store: &dyn Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    still_may: StillMay<'_>,
) -> Result<ReleasedHold, KeepError> {
    release(store, key, version, true, still_may).await
}

async fn release(
    store: &dyn Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    ours: bool,
    still_may: StillMay<'_>,
) -> Result<ReleasedHold, KeepError> {
    let before = store.lock(key, version).await?;
    let is_ours_to_clear = ours && before.legal_hold == Observed::Observed(true);
    if is_ours_to_clear && !still_may() {
        return Err(called_off());
    }
    let after = match is_ours_to_clear {
        true => protect::clear_hold(store, key, version).await?.0,
        false => before,
    };
    let left_on = (after.legal_hold == Observed::Observed(true)).then_some(if ours {
        WhyLeftOn::Refused
    } else {
        WhyLeftOn::NotOurs
    });
    Ok(ReleasedHold {
        was_cleared: is_ours_to_clear && after.legal_hold == Observed::Observed(false),
        left_on,
        read_back_at: after.read_at.filter(|_| after.legal_hold.value().is_some()),
        legal_hold: after.legal_hold,
    })
}

impl ReleasedHold {
    /// Why the bit could not be read back.
    pub fn unobserved(&self) -> Option<Unobserved> {
        self.legal_hold.reason()
    }
}
