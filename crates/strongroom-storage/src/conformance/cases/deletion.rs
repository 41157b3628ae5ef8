//! Deleting what is not locked.

use bytes::Bytes;

use crate::conformance::run::{OrFinding as _, Run, Verdict, check};

pub(super) async fn removes(run: &Run<'_>) -> Verdict {
    let key = run.key("deletion/object")?;
    run.create(&key, Bytes::from_static(b"x")).await?;
    run.store.delete(&key, None).await.or_finding("delete_failed")?;
    check(run.is_absent(&key).await?, "deleted_object_is_read", "it is still there")
}

pub(super) async fn absent_is_no_error(run: &Run<'_>) -> Verdict {
    let key = run.key("deletion/absent")?;
    run.store.delete(&key, None).await.or_finding("delete_of_nothing_failed")
}

pub(super) async fn key_is_free_again(run: &Run<'_>) -> Verdict {
    let key = run.key("deletion/again")?;
    run.create(&key, Bytes::from_static(b"first")).await?;
    run.store.delete(&key, None).await.or_finding("delete_failed")?;
    run.create(&key, Bytes::from_static(b"second")).await?;
    let read = run.read(&key, None, 10).await.or_finding("read_failed")?;
    check(read == "second", "other_bytes", read.len())
}
