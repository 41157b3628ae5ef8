//! Storing a body: one Put Blob where it fits, else blocks and a list of them. Either request is
//! conditional, and makes the whole blob visible at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bytes::Bytes;
use http::Method;
use jiff::Timestamp;
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::receipt::{CreateOnly, Integrity};
use strongroom_core::retention::Lock;

use super::blob::{self, WRITE_ID, metadata_header};
use super::request::Request;
use super::{AzureStorage, blocks, lock};
use crate::exchange::payload::{PartBuffer, Payload};
use crate::exchange::retry::Tries;
use crate::exchange::source::Source;
use crate::{
    Body, CreateOptions, Created, ObjectKey, SINGLE_WRITE_BYTES_MAX, Storage as _, StorageError,
    StorageErrorKind, VersionId,
};

/// One create on its way.
pub(super) struct Write<'a> {
    pub(super) store: &'a AzureStorage,
    pub(super) whole_key: String,
    pub(super) options: &'a CreateOptions,
    /// Tells this write from any other.
    pub(super) id: String,
    /// What of the lock goes out with it.
    pub(super) lock: Lock,
}

/// What the store said of the new blob.
pub(super) struct Written {
    version: Option<VersionId>,
    etag: Option<String>,
    stored_at: Option<Timestamp>,
    visible_from: Instant,
}

/// What is under the key of a write whose outcome is in doubt.
enum Found {
    Ours(Written),
    Other,
    Nothing,
    /// The store does not tell.
    Unknown,
}

/// See [`crate::Storage::create`].
pub(super) async fn create(
    store: &AzureStorage,
    key: &ObjectKey,
    body: Body,
    options: &CreateOptions,
) -> Result<Created, StorageError> {
    let lock = lock::to_send(store, options.lock).await?;
    let id = store.client.clock.new_id().to_string();
    let write = Write { store, whole_key: store.whole_key(key), options, id, lock };
    let block_bytes = blocks::block_bytes(body.size_bytes_max)?;
    let mut source = Source::new(body);
    let mut first = PartBuffer::default();
    source.fill(&mut first, SINGLE_WRITE_BYTES_MAX).await?;
    let observations = &store.observations;
    if source.ended {
        let (payload, md5) = hash(first).await?;
        write.look_first(&observations.put_refused).await?;
        let request = write
            .describe(Request::blob(Method::PUT, &write.whole_key))?
            .fixed_header("x-ms-blob-type", "BlockBlob")
            .header("content-md5", &md5)?
            .payload(payload.clone());
        let written = match write.send(&request, &observations.put_refused).await {
            Err(refused) if write.is_refused_for_blocks(&refused).await => {
                blocks::store_one(&write, payload, &md5).await?
            }
            written => written?,
        };
        Ok(write.created(written, source.size_bytes(), &observations.put_refused))
    } else {
        source.fill(&mut first, block_bytes).await?;
        write.look_first(&observations.commit_refused).await?;
        let (written, size_bytes) = blocks::upload(&write, first, source, block_bytes).await?;
        Ok(write.created(written, size_bytes, &observations.commit_refused))
    }
}

/// Hashes a part where it does not hold up others; the text is for `Content-MD5`.
pub(super) async fn hash(part: PartBuffer) -> Result<(Payload, String), StorageError> {
    let hashed = tokio::task::spawn_blocking(move || {
        let payload = part.hash();
        let md5 = payload.md5_base64();
        (payload, md5)
    });
    hashed.await.map_err(|stopped| {
        StorageError::new(StorageErrorKind::Io, "a part could not be hashed").with_source(stopped)
    })
}

impl Write<'_> {
    /// Adds everything that the blob is to have besides its bytes, and the condition.
    pub(super) fn describe(&self, request: Request) -> Result<Request, StorageError> {
        let mut request = request
            .fixed_header("if-none-match", "*")
            .header(&metadata_header(WRITE_ID), &self.id)?;
        for (name, value) in &self.options.metadata {
            request = request.header(&metadata_header(name), value)?;
        }
        if let Some(content_type) = self.options.content_type {
            request = request.header("x-ms-blob-content-type", content_type)?;
        }
        if let Some(tier) = &self.store.access_tier {
            request = request.header("x-ms-access-tier", tier)?;
        }
        self.encrypt(lock::with_lock(request, self.lock)?)
    }

    /// Adds the encryption scope, which blocks want as well as their list.
    pub(super) fn encrypt(&self, request: Request) -> Result<Request, StorageError> {
        match &self.store.encryption_scope {
            Some(scope) => request.header("x-ms-encryption-scope", scope),
            None => Ok(request),
        }
    }

    /// Where the store was not yet seen to refuse, whether something is there is looked at first.
    pub(super) async fn look_first(&self, refused: &AtomicBool) -> Result<(), StorageError> {
        if refused.load(Ordering::Relaxed) {
            return Ok(());
        }
        match blob::ask(self.store, &self.whole_key, None).await {
            Ok(_) => Err(already_exists()),
            // Without the right to read, the write itself decides.
            Err(failure) => match failure.kind() {
                StorageErrorKind::NotFound | StorageErrorKind::PermissionDenied => Ok(()),
                _ => Err(failure.into()),
            },
        }
    }

    /// Sends the request that makes the blob visible, until it is answered. One create never
    /// becomes two: before another try, and whenever "something is there" follows a doubt, the key
    /// is looked at.
    pub(super) async fn send(
        &self,
        request: &Request,
        refused: &AtomicBool,
    ) -> Result<Written, StorageError> {
        let client = &self.store.client;
        let visible_from = Instant::now();
        let mut tries = Tries::default();
        loop {
            let failed = match client.send_once(request, &tries).await {
                Ok(answer) => {
                    return Ok(Written {
                        version: blob::version(&answer.headers),
                        etag: blob::etag(&answer.headers),
                        stored_at: answer.date(),
                        visible_from,
                    });
                }
                Err(failed) => failed,
            };
            let exists = failed.failure.kind() == StorageErrorKind::AlreadyExists;
            if exists {
                refused.store(true, Ordering::Relaxed);
            }
            // Another writer's commit throws away every block that it does not list.
            let blocks_gone = failed.failure.is(&["InvalidBlockList"]);
            let was_in_doubt = tries.any_failed();
            let pause = client.pause(&mut tries, &failed);
            if failed.failure.leaves_doubt() || blocks_gone || (exists && was_in_doubt) {
                match self.look_again(visible_from).await {
                    Found::Ours(written) => return Ok(written),
                    Found::Other => return Err(already_exists()),
                    Found::Nothing => {}
                    Found::Unknown => return Err(failed.failure.into()),
                }
            }
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None if exists => return Err(already_exists()),
                None => return Err(failed.failure.into()),
            }
        }
    }

    /// Blocks that somebody left without a list make Azurite refuse a put as if a blob were there.
    /// Such a refusal says nothing of whether creates are refused.
    async fn is_refused_for_blocks(&self, refused: &StorageError) -> bool {
        if refused.kind() != StorageErrorKind::AlreadyExists {
            return false;
        }
        let visible_from = Instant::now();
        let is_absent = matches!(self.look_again(visible_from).await, Found::Nothing);
        if is_absent {
            self.store.observations.put_refused.store(false, Ordering::Relaxed);
        }
        is_absent
    }

    async fn look_again(&self, visible_from: Instant) -> Found {
        let answer = match blob::ask(self.store, &self.whole_key, None).await {
            Ok(answer) => answer,
            Err(failure) if failure.kind() == StorageErrorKind::NotFound => return Found::Nothing,
            Err(_) => return Found::Unknown,
        };
        match blob::info(&answer.headers) {
            Ok(info) if info.metadata.get(WRITE_ID) == Some(&self.id) => Found::Ours(Written {
                version: info.version,
                etag: info.etag,
                stored_at: info.last_modified.or(answer.date()),
                visible_from,
            }),
            _ => Found::Other,
        }
    }

    fn created(&self, written: Written, size_bytes: u64, refused: &AtomicBool) -> Created {
        Created {
            version: written.version,
            etag: written.etag,
            size_bytes,
            // Content-MD5 goes with every request, and MD5 proves nothing.
            integrity: Integrity::Unobserved,
            read_back: None,
            create_only: match refused.load(Ordering::Relaxed) {
                true => CreateOnly::Enforced,
                false => CreateOnly::Checked,
            },
            lock_in_write: !self.lock.is_none(),
            visible_from: written.visible_from,
            stored_at: written.stored_at,
            info: None,
        }
    }
}

/// Something is under the key, and it is not this write.
fn already_exists() -> StorageError {
    StorageError::new(StorageErrorKind::AlreadyExists, "something is there already")
}

/// See [`crate::Storage::probe_create_only`]: first with a digest that is wrong, so that a store
/// that does not look at the condition refuses for that. Where the digest is looked at first, the
/// right one follows: what is there has the same bytes, and, without versions, nothing is added.
pub(super) async fn probe(
    store: &AzureStorage,
    key: &ObjectKey,
    body: &Bytes,
) -> Result<Observed<bool>, StorageError> {
    let whole_key = store.whole_key(key);
    let there = blob::ask(store, &whole_key, None).await?;
    let payload = Payload::small(body.clone());
    let request = Request::blob(Method::PUT, &whole_key)
        .fixed_header("if-none-match", "*")
        .fixed_header("x-ms-blob-type", "BlockBlob");
    let right_md5 = payload.md5_base64();
    let wrong_md5 = Payload::small(Bytes::from(right_md5.clone())).md5_base64();
    for md5 in [wrong_md5, right_md5] {
        let request = request.clone().header("content-md5", &md5)?.payload(payload.clone());
        match store.client.send(&request).await {
            Ok(_) => return Ok(Observed::Observed(false)),
            Err(failure) => match failure.kind() {
                StorageErrorKind::AlreadyExists => {
                    store.observations.put_refused.store(true, Ordering::Relaxed);
                    return Ok(Observed::Observed(true));
                }
                StorageErrorKind::Integrity if blob::version(&there.headers).is_none() => {}
                StorageErrorKind::Integrity => break,
                StorageErrorKind::PermissionDenied => {
                    return Ok(Observed::Unobserved(Unobserved::PermissionDenied));
                }
                _ => return Err(failure.into()),
            },
        }
    }
    Ok(Observed::Unobserved(Unobserved::NotProbed))
}
