//! What others see of writes under way: nothing, unless the store lies. A lie that shows in a race
//! only waits for the other racer, or a race would rarely show it.

use std::time::Duration;

use bytes::Bytes;
use s3s::dto::{PutObjectInput, StreamingBlob};
use s3s::{S3Request, S3Result};

use super::super::lie::Lie;
use super::super::request::Op;
use super::Context;
use super::conversions::{self, Received};

/// How often somebody is waited for. Ticks and not one long wait: on a machine that is short of time
/// all of them take longer, as does whoever is waited for.
const TICKS_MAX: usize = 20;
/// How often readers are waited for who did not come yet.
const TICKS_MIN: usize = 5;
const TICK: Duration = Duration::from_millis(10);

/// Waits until something is so, and not for ever.
pub(super) async fn wait_until(is_so: impl Fn() -> bool) {
    for _ in 0..TICKS_MAX {
        if is_so() {
            return;
        }
        tokio::time::sleep(TICK).await;
    }
}

/// The body of a PUT.
pub(super) async fn body(
    context: &Context<'_>,
    request: &S3Request<PutObjectInput>,
    stream: Option<StreamingBlob>,
) -> S3Result<Received> {
    let (bucket, key) = (&request.input.bucket, &request.input.key);
    let below = {
        let state = context.shared.state();
        let current = state.buckets.get(bucket).and_then(|bucket| bucket.current(key));
        current.and_then(|current| current.bytes.clone())
    };
    let shows = match below {
        None => context.lies(Lie::ShowsBodyEarly),
        Some(_) => context.lies(Lie::MixesReads),
    };
    if !shows {
        return conversions::body(context, request, stream, |_| ()).await;
    }
    let is_overwrite = below.is_some();
    let below = below.unwrap_or_default();
    let show = |so_far: &[u8]| {
        let rest = below.get(so_far.len()..).unwrap_or_default();
        let seen = Bytes::from([so_far, rest].concat());
        if let Some(bucket) = context.shared.state().buckets.get_mut(bucket) {
            bucket.unfinished.insert(key.clone(), seen);
        }
    };
    let received = conversions::body(context, request, stream, show).await;
    if let (Ok(received), true) = (&received, is_overwrite) {
        show(&received.bytes[..received.bytes.len() / 2]);
        for _ in 0..TICKS_MIN {
            tokio::time::sleep(TICK).await;
        }
        wait_until(|| !context.shared.is_under_way(Op::GetObject, bucket, key)).await;
    }
    if let Some(bucket) = context.shared.state().buckets.get_mut(bucket) {
        bucket.unfinished.remove(key);
    }
    received
}

/// Lets a reader of a key that is being written come late enough to see what is not finished.
pub(super) async fn wait_for_sight(context: &Context<'_>, bucket: &str, key: &str) {
    if !context.lies(Lie::ShowsBodyEarly) && !context.lies(Lie::MixesReads) {
        return;
    }
    wait_until(|| {
        let is_seen = {
            let state = context.shared.state();
            state.buckets.get(bucket).is_none_or(|bucket| bucket.unfinished.contains_key(key))
        };
        is_seen || !context.shared.is_under_way(Op::PutObject, bucket, key)
    })
    .await;
}
