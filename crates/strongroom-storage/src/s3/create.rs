//! Storing a body: one PUT where it fits into a part, else a multipart upload.

use http::Method;
use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use strongroom_core::limits::FILE_BYTES_MAX;
use strongroom_core::receipt::CreateOnly;
use strongroom_core::retention::LockMode;

use super::error::Failure;
use super::object::{self, WRITE_ID, metadata_header};
use super::observations::WriteKind;
use super::request::Request;
use super::{S3Storage, multipart, put};
use crate::exchange::dates;
use crate::exchange::payload::PartBuffer;
use crate::exchange::source::Source;
use crate::open::ServerSideEncryption;
use crate::{
    Body, CreateOptions, Created, ObjectInfo, ObjectKey, SINGLE_WRITE_BYTES_MAX, Storage as _,
    StorageError, StorageErrorKind,
};

/// The most parts of an object that S3 takes.
const PARTS_MAX: u64 = 10_000;

/// One create on its way.
pub(super) struct Write<'a> {
    pub(super) store: &'a S3Storage,
    pub(super) whole_key: String,
    pub(super) options: &'a CreateOptions,
    /// Tells this write from any other.
    pub(super) id: String,
}

/// What is under the key of a write whose outcome is in doubt.
pub(super) enum Found {
    /// This very write.
    Ours(Box<ObjectInfo>, Option<Timestamp>),
    /// Something else.
    Other,
    /// Nothing.
    Nothing,
    /// The store does not tell.
    Unknown,
}

/// See [`crate::Storage::create`].
pub(super) async fn create(
    store: &S3Storage,
    key: &ObjectKey,
    body: Body,
    options: &CreateOptions,
) -> Result<Created, StorageError> {
    let id = store.client.clock.new_id().to_string();
    let write = Write { store, whole_key: store.whole_key(key), options, id };
    let part_bytes = part_bytes(body.size_bytes_max)?;
    let mut source = Source::new(body);
    let mut first_part = PartBuffer::default();
    source.fill(&mut first_part, SINGLE_WRITE_BYTES_MAX).await?;
    if source.ended {
        put::put(&write, first_part).await
    } else {
        source.fill(&mut first_part, part_bytes).await?;
        multipart::upload(&write, first_part, source, part_bytes).await
    }
}

impl Write<'_> {
    /// Adds everything that the object is to have besides its bytes.
    pub(super) fn describe(&self, request: Request) -> Result<Request, StorageError> {
        let mut request = request.header(&metadata_header(WRITE_ID), &self.id)?;
        for (name, value) in &self.options.metadata {
            request = request.header(&metadata_header(name), value)?;
        }
        if let Some(content_type) = self.options.content_type {
            request = request.header(CONTENT_TYPE.as_str(), content_type)?;
        }
        if let Some(retention) = self.options.lock.retention {
            let mode = match retention.mode {
                LockMode::Governance => "GOVERNANCE",
                LockMode::Compliance => "COMPLIANCE",
            };
            let date = dates::lock_date(retention.retain_until);
            request = request
                .header("x-amz-object-lock-mode", mode)?
                .header("x-amz-object-lock-retain-until-date", &date)?;
        }
        // `OFF` is never sent: on some stores it has suppressed the bucket's default retention.
        if self.options.lock.legal_hold {
            request = request.fixed_header("x-amz-object-lock-legal-hold", "ON");
        }
        if let Some(class) = &self.store.storage_class {
            request = request.header("x-amz-storage-class", class)?;
        }
        match &self.store.encryption {
            None => Ok(request),
            Some(ServerSideEncryption::Aes256) => {
                Ok(request.fixed_header("x-amz-server-side-encryption", "AES256"))
            }
            Some(ServerSideEncryption::Kms { key_id }) => {
                let request = request.fixed_header("x-amz-server-side-encryption", "aws:kms");
                match key_id {
                    Some(key_id) => {
                        request.header("x-amz-server-side-encryption-aws-kms-key-id", key_id)
                    }
                    None => Ok(request),
                }
            }
        }
    }

    /// Looks whether something is there, unless the store was seen to do that itself. The answer of
    /// a store that does not tell is no reason not to write: the write is conditional still.
    pub(super) async fn look_first(&self, kind: WriteKind) -> Result<(), StorageError> {
        if self.store.observations.create_only(kind) == CreateOnly::Enforced {
            return Ok(());
        }
        match object::ask(self.store, &self.whole_key, None).await {
            Ok(_) => Err(already_exists()),
            Err(failure) if failure.refusal().is_some() => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }

    /// Looks what is under the key, after a write that may have taken place.
    pub(super) async fn look_again(&self) -> Found {
        match object::ask(self.store, &self.whole_key, None).await {
            Ok(answer) => match object::info(&answer.headers) {
                Ok(info) if info.metadata.get(WRITE_ID) == Some(&self.id) => {
                    Found::Ours(Box::new(info), answer.date())
                }
                _ => Found::Other,
            },
            Err(failure) if failure.kind() == StorageErrorKind::NotFound => Found::Nothing,
            Err(_) => Found::Unknown,
        }
    }

    /// What a refused write means. A store without Object Lock on the bucket refuses the lock with
    /// the same 400 as anything else: ask it.
    pub(super) async fn refused(&self, request: &Request, failure: Failure) -> StorageError {
        let asked_for_lock = request.has_header("x-amz-object-lock-mode")
            || request.has_header("x-amz-object-lock-legal-hold");
        let may_be_the_lock = asked_for_lock
            && (failure.kind() == StorageErrorKind::InvalidRequest
                || failure.refusal().is_some_and(|refusal| refusal.is_not_implemented()));
        if may_be_the_lock && !super::lock::may_lock(self.store).await {
            return StorageError::new(
                StorageErrorKind::Unsupported,
                "the bucket has no Object Lock, so it cannot hold the lock asked for",
            )
            .with_guidance(
                "use a bucket that was created with Object Lock, or store without a lock",
            )
            .with_source(StorageError::from(failure));
        }
        failure.into()
    }

    /// A new request about the object of this write.
    pub(super) fn request(&self, method: Method) -> Request {
        Request::object(method, &self.whole_key)
    }
}

/// Something is under the key, and it is not this write.
pub(super) fn already_exists() -> StorageError {
    StorageError::new(StorageErrorKind::AlreadyExists, "something is there already")
}

/// The size of the parts, so that there are never too many.
fn part_bytes(size_bytes_max: u64) -> Result<u64, StorageError> {
    const MIB: u64 = 1 << 20;
    let part_bytes =
        size_bytes_max.div_ceil(PARTS_MAX).next_multiple_of(MIB).max(SINGLE_WRITE_BYTES_MAX);
    if size_bytes_max > FILE_BYTES_MAX {
        return Err(StorageError::new(
            StorageErrorKind::Limit,
            "an object is not larger than the limit FILE_BYTES_MAX (5 TiB)",
        ));
    }
    Ok(part_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_grow_so_that_there_are_never_too_many() {
        assert_eq!(part_bytes(0).unwrap(), SINGLE_WRITE_BYTES_MAX);
        assert_eq!(part_bytes(68 << 30).unwrap(), SINGLE_WRITE_BYTES_MAX);
        for size_bytes_max in [80_u64 << 30, 100 << 30, 1 << 40, 5 << 40] {
            let part_bytes = part_bytes(size_bytes_max).unwrap();
            assert!(part_bytes > SINGLE_WRITE_BYTES_MAX);
            assert!(size_bytes_max.div_ceil(part_bytes) <= PARTS_MAX);
        }
        assert_eq!(part_bytes((5 << 40) + 1).unwrap_err().kind(), StorageErrorKind::Limit);
    }
}
