//! The store's clock.

use strongroom_core::retention::check_clocks;

use crate::conformance::run::{OrFinding as _, Run, Verdict, found};

/// Lock dates start from the store's clock, so a wrong one is worth knowing.
pub(super) async fn agrees_with_the_local_clock(run: &Run<'_>) -> Verdict {
    let store_now = run.store.now().await.or_finding("now_failed")?;
    match check_clocks(run.options.clock.now(), store_now) {
        Ok(()) => Ok(()),
        Err(skew) => found("clocks_apart", skew),
    }
}
