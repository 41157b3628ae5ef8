//! Whether this machine's clock may be trusted beside the store's.

use jiff::Timestamp;
use strongroom_core::retention::check_clocks;

use super::{KeepError, KeepErrorKind};
use crate::{Storage, StorageErrorKind};

/// The store's present, from which lock dates count; refused (`Store(ClockSkew)`) where it and
/// `local_now` are more than [`CLOCK_SKEW_SECONDS_MAX`](strongroom_core::limits::CLOCK_SKEW_SECONDS_MAX)
/// apart.
pub async fn clock_check(
    store: &dyn Storage,
    local_now: Timestamp,
) -> Result<Timestamp, KeepError> {
    let store_now = store.now().await?;
    match check_clocks(local_now, store_now) {
        Ok(()) => Ok(store_now),
        Err(skewed) => Err(KeepError::new(
            KeepErrorKind::Store(StorageErrorKind::ClockSkew),
            skewed.to_string(),
        )
        .with_guidance("set this machine's clock: lock dates count from the store's")),
    }
}
