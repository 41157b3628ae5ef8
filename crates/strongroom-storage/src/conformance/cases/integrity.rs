//! Whether the store itself was seen to check what it got. What it did not check is read back.

use strongroom_core::receipt::Integrity;

use crate::conformance::body::{LARGE_BYTES, body};
use crate::conformance::run::{Run, Verdict, found};

pub(super) async fn small(run: &Run<'_>) -> Verdict {
    of_a_body(run, "integrity/small", 300_000).await
}

pub(super) async fn large(run: &Run<'_>) -> Verdict {
    of_a_body(run, "integrity/large", LARGE_BYTES).await
}

async fn of_a_body(run: &Run<'_>, name: &str, size_bytes: u64) -> Verdict {
    let key = run.key(name)?;
    match run.create(&key, body(1, size_bytes)).await?.integrity {
        Integrity::StoreSha256 | Integrity::Composite => Ok(()),
        Integrity::PayloadSigned => found("only_the_payload_is_checked", "payload_signed"),
        Integrity::ReadBack | Integrity::Unobserved => {
            found("no_check_was_seen", "only reading back tells")
        }
    }
}
