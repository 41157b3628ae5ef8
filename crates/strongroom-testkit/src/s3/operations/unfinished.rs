//! What readers see of a PUT under way: nothing, unless the store lies.

use std::time::Duration;

use bytes::Bytes;
use s3s::dto::{PutObjectInput, StreamingBlob};
use s3s::{S3Request, S3Result};

use super::super::lie::Lie;
use super::Context;
use super::conversions::{self, Received};

/// How long what is not finished can be seen after the last of its bytes came, and how long a store
/// takes between looking and writing: long enough for whoever looks at the same time.
pub(super) const MOMENT: Duration = Duration::from_millis(50);

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
    let below = below.unwrap_or_default();
    let show = |so_far: &[u8]| {
        let rest = below.get(so_far.len()..).unwrap_or_default();
        let seen = Bytes::from([so_far, rest].concat());
        if let Some(bucket) = context.shared.state().buckets.get_mut(bucket) {
            bucket.unfinished.insert(key.clone(), seen);
        }
    };
    let received = conversions::body(context, request, stream, show).await;
    if let Ok(received) = &received {
        show(&received.bytes[..received.bytes.len() / 2]);
        tokio::time::sleep(MOMENT).await;
    }
    if let Some(bucket) = context.shared.state().buckets.get_mut(bucket) {
        bucket.unfinished.remove(key);
    }
    received
}
