//! A body of several blocks. Blocks travel side by side; memory is bounded by the blocks in flight.
//! Blocks that no list names are seen by nobody, and Azure drops them after a week: a write that is
//! given up leaves nothing else.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use http::Method;
use strongroom_core::limits::FILE_BYTES_MAX;

use super::create::{Write, Written, hash};
use super::request::Request;
use crate::exchange::payload::{PartBuffer, Payload};
use crate::exchange::source::{PARTS_IN_FLIGHT_MAX, Source};
use crate::{SINGLE_WRITE_BYTES_MAX, StorageError, StorageErrorKind};

/// Blocks in one blob, at most.
const BLOCKS_MAX: u64 = 50_000;

/// The size of the blocks, so that there are never too many.
pub(super) fn block_bytes(size_bytes_max: u64) -> Result<u64, StorageError> {
    const MIB: u64 = 1 << 20;
    if size_bytes_max > FILE_BYTES_MAX {
        return Err(StorageError::new(
            StorageErrorKind::Limit,
            "an object is not larger than the limit FILE_BYTES_MAX (5 TiB)",
        ));
    }
    let needed = size_bytes_max.div_ceil(BLOCKS_MAX).next_multiple_of(MIB);
    Ok(needed.max(SINGLE_WRITE_BYTES_MAX))
}

/// Stores a body whose first block is full.
pub(super) async fn upload(
    write: &Write<'_>,
    mut block: PartBuffer,
    mut source: Source,
    block_bytes: u64,
) -> Result<(Written, u64), StorageError> {
    let mut sending = FuturesUnordered::new();
    let mut count = 0;
    loop {
        while sending.len() >= PARTS_IN_FLIGHT_MAX {
            sending.next().await.transpose()?;
        }
        sending.push(hash_and_send(write, count, block.take()));
        count += 1;
        if source.ended {
            break;
        }
        loop {
            tokio::select! {
                biased;
                Some(sent) = sending.next() => sent?,
                filled = source.fill(&mut block, block_bytes) => {
                    filled?;
                    break;
                }
            }
        }
    }
    while let Some(sent) = sending.next().await {
        sent?;
    }
    // The upload may have taken hours.
    write.look_first(&write.store.observations.commit_refused).await?;
    Ok((commit(write, count).await?, source.size_bytes()))
}

/// Stores a body that is a single block.
pub(super) async fn store_one(
    write: &Write<'_>,
    payload: Payload,
    md5: &str,
) -> Result<Written, StorageError> {
    send_block(write, 0, payload, md5).await?;
    commit(write, 1).await
}

/// Makes the blob of the first `count` blocks visible.
async fn commit(write: &Write<'_>, count: u64) -> Result<Written, StorageError> {
    let list = Payload::small(list_of(write, count));
    let request = Request::blob(Method::PUT, &write.whole_key).query("comp", "blocklist");
    let request = write.describe(request)?.header("content-md5", &list.md5_base64())?.payload(list);
    write.send(&request, &write.store.observations.commit_refused).await
}

async fn hash_and_send(
    write: &Write<'_>,
    number: u64,
    block: PartBuffer,
) -> Result<(), StorageError> {
    let (payload, md5) = hash(block).await?;
    send_block(write, number, payload, &md5).await
}

async fn send_block(
    write: &Write<'_>,
    number: u64,
    payload: Payload,
    md5: &str,
) -> Result<(), StorageError> {
    let request = Request::blob(Method::PUT, &write.whole_key)
        .query("comp", "block")
        .query("blockid", block_id(write, number))
        .header("content-md5", md5)?
        .payload(payload);
    write.store.client.send(&write.encrypt(request)?).await?;
    Ok(())
}

/// The name of a block. Writers of the same blob share its uncommitted blocks, so the name holds
/// the write's own id; all names have the same length, as Azure wants.
fn block_id(write: &Write<'_>, number: u64) -> String {
    BASE64.encode(format!("{}-{number:05}", write.id))
}

fn list_of(write: &Write<'_>, count: u64) -> String {
    let mut list = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>");
    for number in 0..count {
        // Writing to a String does not fail.
        let _ = write!(list, "<Uncommitted>{}</Uncommitted>", block_id(write, number));
    }
    list.push_str("</BlockList>");
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_grow_so_that_there_are_never_too_many() {
        assert_eq!(block_bytes(0).unwrap(), SINGLE_WRITE_BYTES_MAX);
        for size_bytes_max in [1_u64 << 30, 400 << 30, 5 << 40] {
            assert!(size_bytes_max.div_ceil(block_bytes(size_bytes_max).unwrap()) <= BLOCKS_MAX);
        }
        assert_eq!(block_bytes((5 << 40) + 1).unwrap_err().kind(), StorageErrorKind::Limit);
    }
}
