//! Reads are whole: one version or another, never a mixture; and a range is that range.

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::join_all;
use strongroom_core::observed::Unobserved;

use super::Check;
use crate::analyze::lab::{Lab, SMALL_BYTES, unexpected};
use crate::analyze::verdict::{Depth, Outcome, Severity, Stop, enforced, not_enforced, stop};
use crate::{CreateOptions, ObjectKey};

/// Bytes of each of the two bodies that take turns.
const RACED_BYTES: usize = 256 << 10;
/// Writes of each race.
const OVERWRITES: usize = 6;
/// Reads that go on beside them.
const READERS: usize = 6;
const READS_EACH: usize = 4;
/// Ranges that are compared.
const RANGES: usize = 8;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "reads.during_overwrite",
        attack: "reading a key from 6 clients while it is written over",
        expected: "each read is one of the bodies, whole, or nothing",
        holds: "a read is never a mixture of two writes",
        fails: "a read can be a mixture of two writes",
        remedy: "read by version id; `evidence pull` verifies every byte",
        severity: Severity::High,
        depth: Depth::Standard,
        requests_max: 60,
        run: |lab| during_overwrite(lab).boxed(),
    },
    Check {
        id: "reads.ranges",
        attack: "reading ranges of an object",
        expected: "each range holds the bytes of the object at that place",
        holds: "a range is what it says",
        fails: "a range holds other bytes than the object at that place",
        remedy: "do not use this store: `evidence pull` reads by ranges",
        severity: Severity::High,
        depth: Depth::Quick,
        requests_max: 24,
        run: |lab| ranges(lab).boxed(),
    },
];

async fn during_overwrite(lab: &Lab) -> Outcome {
    let key = lab.key("reads/overwritten")?;
    let bodies = [lab.bytes(RACED_BYTES), lab.bytes(RACED_BYTES)];
    lab.put(&key, &bodies[0]).await?;
    let writing = async {
        for number in 0..OVERWRITES {
            let request = lab.put_request(&key, &bodies[(number + 1) % 2])?;
            let reply = lab.raw()?.send(&request).await?;
            if !reply.is_success() {
                return unexpected("writing over an object", &reply);
            }
        }
        Ok(())
    };
    let readers = (0..READERS).map(|_| read_often(lab, &key, &bodies));
    let (written, read): (Result<(), Stop>, _) = futures::join!(writing, join_all(readers));
    written?;
    let mut all_whole = true;
    for whole in read {
        all_whole &= whole?;
    }
    match all_whole {
        true => enforced("each read was one of the bodies, whole, or nothing"),
        false => not_enforced("a read was neither of the bodies"),
    }
}

async fn read_often(lab: &Lab, key: &ObjectKey, bodies: &[Bytes; 2]) -> Result<bool, Stop> {
    for _ in 0..READS_EACH {
        match lab.get(key, None).await? {
            Some(read) if !bodies.contains(&read) => return Ok(false),
            // Whole or, for a moment, absent.
            _ => {}
        }
    }
    Ok(true)
}

async fn ranges(lab: &Lab) -> Outcome {
    let key = lab.key("reads/ranges")?;
    let body = lab.bytes(32 * SMALL_BYTES);
    lab.store.create(&key, body.clone().into(), &CreateOptions::default()).await?;
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    for number in 0..RANGES {
        // The first and the last byte, and then anywhere.
        let (start, end) = match number {
            0 => (0, 1),
            1 => (length - 1, length),
            _ => {
                let start = lab.number(length - 1);
                (start, start + 1 + lab.number(length - start - 1))
            }
        };
        let range = u64::from(start)..u64::from(end);
        let read = lab.store.read(&key, None, Some(range)).await?.collect(u64::from(length)).await;
        let Ok(read) = read else {
            return stop(Unobserved::Error, "a range could not be read");
        };
        if read != body.slice(start as usize..end as usize) {
            return not_enforced("a range holds other bytes");
        }
    }
    enforced("each range holds the bytes at its place")
}
