//! A body into a store: hashed on the way, refused when it is not what was declared, and looked at once
//! it is there.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use jiff::Timestamp;
use strongroom_core::Sha256Digest;
use strongroom_core::receipt::{CreateOnly, Encryption, Integrity, LockReceipt, Status};
use strongroom_core::retention::Retention;
use tokio::sync::Mutex;

use super::checked::{CheckedBody, Limit, Promise, Wrong};
use super::lock::LockOfWrite;
use super::observe::{Looking, observe};
use super::{Expected, KeepError, KeepErrorKind, Left};
use crate::{
    Body, CreateOptions, Created, ObjectKey, SINGLE_WRITE_BYTES_MAX, Storage, StorageError,
    StorageErrorKind, UNSIZED_BYTES_MAX, VersionId,
};

/// What is to be kept, apart from its bytes.
#[derive(Debug, Clone)]
pub struct WriteAsk {
    /// How many bytes will come, where somebody declared it. Of a body that nobody declared no more than
    /// [`UNSIZED_BYTES_MAX`] are taken.
    pub size_bytes: Option<u64>,
    /// Their digest, where somebody declared it.
    pub sha256: Option<Sha256Digest>,
    /// A longer body is refused, whatever was declared.
    pub size_bytes_max: u64,
    /// The media type that the store hands out with the object.
    pub content_type: Option<&'static str>,
    /// See [`CreateOptions::metadata`].
    pub metadata: BTreeMap<String, String>,
    /// The name under which the metadata shall carry the digest. Of a body without a declared digest
    /// it does so up to [`SINGLE_WRITE_BYTES_MAX`], which is held in memory until its end.
    pub digest_metadata: Option<&'static str>,
    /// The lock, where one goes out with the write or the bucket gives one. Without, none is sent, and
    /// none is looked at.
    pub lock: Option<LockOfWrite>,
}

impl WriteAsk {
    /// A body of which nothing is known but that it must not be longer than this.
    pub fn new(size_bytes_max: u64) -> Self {
        Self {
            size_bytes: None,
            sha256: None,
            size_bytes_max,
            content_type: None,
            metadata: BTreeMap::new(),
            digest_metadata: None,
            lock: None,
        }
    }
}

/// An object that is there, as it was seen after the write.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Bytes of the object: what came, what the store says that it took, and what it says that it has.
    pub size_bytes: u64,
    /// The digest of what came.
    pub sha256: Sha256Digest,
    /// The version, where the store has versions.
    pub version: Option<VersionId>,
    /// The store's entity tag, if it gave one.
    pub etag: Option<String>,
    /// How the stored bytes are known to be those that came; never `Unobserved`.
    pub integrity: Integrity,
    /// How "only if nothing is there" was kept.
    pub create_only: CreateOnly,
    /// Other versions of this key; `None` where the store itself lets none come to be by a write like
    /// this one, so that nobody counted, or where it does not tell.
    pub other_versions: Option<u64>,
    /// Whether the store gives back all the metadata that was sent.
    pub metadata_kept: bool,
    /// The lock as read back; `not_probed` where none was asked for.
    pub lock: LockReceipt,
    /// Whether that is what was asked for.
    pub lock_covers: bool,
    /// What the lock would have become, had nothing been left as it was: an irrevocable one to a later
    /// date than was asked for. Ask for just that to accept it.
    pub lock_beyond_asked: Option<Retention>,
    /// Encryption at rest, as reported.
    pub encryption: Option<Encryption>,
    /// Storage class, as reported.
    pub storage_class: Option<String>,
    /// The store's clock when the object was written, where it tells.
    pub stored_at: Option<Timestamp>,
    /// Whether this write stored the object, or found these very bytes there.
    pub status: Status,
}

/// Stores a body under a key of its own, create-only, and looks at what came of it.
///
/// A body that breaks off, or is not of the length and digest that were declared, leaves no object:
/// its last piece is held back until it was found right. Memory is bounded by the store's own buffers
/// and [`SINGLE_WRITE_BYTES_MAX`]. Where something is under the key, the body is read to its end all
/// the same and held against it: the same bytes, verified, are [`Status::AlreadyStored`]; anything else
/// is a `Conflict`. So the same write again, after whatever failure, ends well or says why not.
/// [`KeepError::left`] says what a failure left behind.
pub async fn write(
    store: &dyn Storage,
    key: &ObjectKey,
    body: BoxStream<'static, Result<Bytes, StorageError>>,
    mut ask: WriteAsk,
) -> Result<Kept, KeepError> {
    let limit = limit_of(&ask);
    if ask.size_bytes.is_some_and(|declared| declared > limit.size_bytes_max) {
        return Err(too_long(limit));
    }
    let promise = Promise { size_bytes: ask.size_bytes, sha256: ask.sha256, limit: Some(limit) };
    let mut source = Source::new(CheckedBody::new(body, promise));
    let digest = source.body.digest();
    if let Some(name) = ask.digest_metadata {
        let known = match ask.sha256 {
            Some(declared) => Some(declared),
            None => source.gather(ask.size_bytes).await.map_err(refused)?,
        };
        ask.metadata.extend(known.map(|digest| (name.to_owned(), digest.to_hex())));
    }
    let source = Arc::new(Mutex::new(source));
    let to_store = Body {
        stream: stream_of(Arc::clone(&source)),
        size_bytes_max: ask.size_bytes.unwrap_or(limit.size_bytes_max),
        digest: Some(digest),
    };
    let options = CreateOptions {
        content_type: ask.content_type,
        metadata: ask.metadata.clone(),
        lock: ask.lock.map(|lock| lock.to_send).unwrap_or_default(),
    };
    let created = store.create(key, to_store, &options).await;
    let mut source = source.lock().await;
    let looking = Looking { store, key, ask: &ask };
    match created {
        Ok(created) => {
            let version = created.version.clone();
            let looked = match source.sent(&created) {
                Ok(sent) => observe(&looking, created, sent).await,
                Err(error) => Err(error),
            };
            looked.map_err(|error| error.with_left(Left::Object(version)))
        }
        Err(error) if error.kind() == StorageErrorKind::AlreadyExists => {
            let held_against = match source.drain().await {
                Ok(came) => looking.existing(came).await,
                Err(wrong) => Err(refused(wrong)),
            };
            // What is there may be of an earlier write like this one.
            held_against.map_err(|error| error.with_left(Left::Unknown))
        }
        Err(error) => Err(source.explain(error, &options)),
    }
}

/// A body on its way into a store, of which more may be wanted after the store gave up on it.
struct Source {
    /// What was read ahead, to know the digest beforehand.
    gathered: VecDeque<Bytes>,
    body: CheckedBody<StorageError>,
    /// Why the body was refused.
    wrong: Option<Wrong<StorageError>>,
}

impl Source {
    fn new(body: CheckedBody<StorageError>) -> Self {
        Self { gathered: VecDeque::new(), body, wrong: None }
    }

    /// Reads ahead as much as fits into one write; the digest, if that was all.
    async fn gather(
        &mut self,
        declared_bytes: Option<u64>,
    ) -> Result<Option<Sha256Digest>, Wrong<StorageError>> {
        if declared_bytes.is_some_and(|declared| declared > SINGLE_WRITE_BYTES_MAX) {
            return Ok(None);
        }
        let mut gathered_bytes = 0;
        while gathered_bytes <= SINGLE_WRITE_BYTES_MAX {
            let Some(piece) = self.body.next().await? else { break };
            gathered_bytes += piece.len() as u64;
            self.gathered.push_back(piece);
        }
        Ok(self.body.ended().map(|whole| whole.sha256))
    }

    async fn next(&mut self) -> Result<Option<Bytes>, StorageError> {
        if let Some(piece) = self.gathered.pop_front() {
            return Ok(Some(piece));
        }
        self.body.next().await.map_err(|wrong| {
            self.wrong = Some(wrong);
            StorageError::new(StorageErrorKind::BodyFailed, "the body to store was refused")
        })
    }

    /// What was sent, if the store says that it took just that.
    fn sent(&self, created: &Created) -> Result<Expected, KeepError> {
        match self.body.ended() {
            Some(sent) if sent.size_bytes == created.size_bytes => Ok(sent),
            _ => Err(super::error::corrupt(
                "the store took another number of bytes than were to be stored",
            )),
        }
    }

    /// Reads what the store did not want.
    async fn drain(&mut self) -> Result<Expected, Wrong<StorageError>> {
        if let Some(wrong) = self.wrong.take() {
            return Err(wrong);
        }
        self.gathered.clear();
        match self.body.ended() {
            Some(ended) => Ok(ended),
            None => self.body.drain().await,
        }
    }

    /// What it means that nothing was answered well.
    fn explain(&mut self, error: StorageError, options: &CreateOptions) -> KeepError {
        let kind = error.kind();
        if let (StorageErrorKind::BodyFailed, Some(wrong)) = (kind, self.wrong.take()) {
            return refused(wrong);
        }
        // A backend says `Unsupported` of a lock only; any other refusal has its own meaning.
        if kind == StorageErrorKind::Unsupported && !options.lock.is_none() {
            return KeepError::new(
                KeepErrorKind::LockImpossible,
                "the store refused an object with the lock that was asked for: nothing was stored",
            )
            .with_guidance("use a bucket that was made with Object Lock")
            .with_source(error);
        }
        let left = if stores_nothing(kind) { Left::Nothing } else { Left::Unknown };
        KeepError::from(error).with_left(left)
    }
}

/// Refusals after which certainly nothing is there.
fn stores_nothing(kind: StorageErrorKind) -> bool {
    use StorageErrorKind::{
        BodyFailed, ClockSkew, InvalidKey, Limit, PermissionDenied, StoreNotFound, Unauthenticated,
        Unsupported, WrongRegion,
    };
    matches!(
        kind,
        BodyFailed
            | ClockSkew
            | InvalidKey
            | Limit
            | PermissionDenied
            | StoreNotFound
            | Unauthenticated
            | Unsupported
            | WrongRegion
    )
}

fn stream_of(source: Arc<Mutex<Source>>) -> BoxStream<'static, Result<Bytes, StorageError>> {
    stream::unfold(Some(source), |state| async move {
        let source = state?;
        let next = source.lock().await.next().await;
        match next {
            Ok(Some(piece)) => Some((Ok(piece), Some(source))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    })
    .boxed()
}

/// What is told of a body that was not taken. Nothing of it was stored.
fn refused(wrong: Wrong<StorageError>) -> KeepError {
    match wrong {
        Wrong::Digest => KeepError::new(
            KeepErrorKind::WrongDigest,
            "the body is not of the digest that was declared: nothing was stored",
        ),
        Wrong::Length => KeepError::new(
            KeepErrorKind::WrongLength,
            "the body is not of the length that was declared: nothing was stored",
        ),
        Wrong::TooLong(limit) => too_long(limit),
        Wrong::Broken(error) => {
            KeepError::new(KeepErrorKind::BodyBroken, "the body broke off: nothing was stored")
                .with_source(error)
        }
    }
}

fn limit_of(ask: &WriteAsk) -> Limit {
    let is_of_undeclared = ask.size_bytes.is_none() && UNSIZED_BYTES_MAX < ask.size_bytes_max;
    let size_bytes_max = if is_of_undeclared { UNSIZED_BYTES_MAX } else { ask.size_bytes_max };
    Limit { size_bytes_max, is_of_undeclared }
}

fn too_long(limit: Limit) -> KeepError {
    let Limit { size_bytes_max, is_of_undeclared } = limit;
    let of_undeclared = if is_of_undeclared { " where its length is not declared" } else { "" };
    KeepError::new(
        KeepErrorKind::TooLong,
        format!(
            "the body is longer than the {size_bytes_max} bytes that are accepted{of_undeclared}"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_asked_for_only_where_that_would_help() {
        let told = |size_bytes, size_bytes_max| {
            let ask = WriteAsk { size_bytes, ..WriteAsk::new(size_bytes_max) };
            too_long(limit_of(&ask)).to_string()
        };
        let undeclared = told(None, UNSIZED_BYTES_MAX + 1);
        assert_eq!(
            undeclared,
            format!(
                "the body is longer than the {UNSIZED_BYTES_MAX} bytes that are accepted where its length is not declared"
            )
        );
        for (size_bytes, size_bytes_max) in [
            (None, 1_000),
            (None, UNSIZED_BYTES_MAX),
            (Some(UNSIZED_BYTES_MAX + 1), UNSIZED_BYTES_MAX),
        ] {
            let told = told(size_bytes, size_bytes_max);
            assert!(told.ends_with("bytes that are accepted"), "{told}");
        }
    }
}
