//! A small document that is written once, before what it tells of is acknowledged.

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;
use strongroom_core::Sha256Digest;

use super::KeepError;
use super::lock::LockOfWrite;
use super::write::{Kept, WriteAsk, write};
use crate::{ObjectKey, Storage};

/// Writes a JSON document under a key of its own, or proves that it is there already. Its lock, where
/// one is sent, is read back and told in what is returned, like that of any other write.
pub async fn record(
    store: &dyn Storage,
    key: &ObjectKey,
    bytes: Bytes,
    lock: Option<LockOfWrite>,
) -> Result<Kept, KeepError> {
    let size_bytes = bytes.len() as u64;
    let ask = WriteAsk {
        size_bytes: Some(size_bytes),
        sha256: Some(Sha256Digest::of(&bytes)),
        content_type: Some("application/json"),
        lock,
        ..WriteAsk::new(size_bytes)
    };
    write(store, key, stream::iter([Ok(bytes)]).boxed(), ask).await
}
