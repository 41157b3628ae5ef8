//! The parts of an upload as one body, each held against its digest as it is read.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use strongroom_storage::keep::{self, Expected, KeepError};
use strongroom_storage::{Storage, StorageError, StorageErrorKind, VersionId};
use uuid::Uuid;

use super::super::file_body::FileBody;
use super::super::records::object_key;
use crate::db::{Db, PartRow, TenantId};
use crate::error::ServiceError;

/// Rows of parts that are read at once.
const PARTS_AT_ONCE: u32 = 256;

/// The parts of an upload, and where they are.
pub(super) struct Parts {
    pub(super) db: Db,
    pub(super) store: Arc<dyn Storage>,
    pub(super) tenant: TenantId,
    pub(super) upload: Uuid,
    pub(super) size_bytes: u64,
}

/// How far the body was read, and what went wrong with it: whoever stores it is told only that it broke off.
#[derive(Debug, Default, Clone)]
pub(super) struct Handed(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    bytes: u64,
    failure: Option<ServiceError>,
}

impl Handed {
    fn with<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Why the parts could not be read.
    pub(super) fn failure(&self) -> Option<ServiceError> {
        self.with(|inner| inner.failure.take())
    }

    /// How many bytes were handed over.
    pub(super) fn bytes(&self) -> u64 {
        self.with(|inner| inner.bytes)
    }
}

struct Reading {
    parts: Parts,
    handed: Handed,
    /// Rows that were read and not taken yet.
    rows: VecDeque<PartRow>,
    /// Where the next part begins.
    at: u64,
    open: Option<BoxStream<'static, Result<Bytes, KeepError>>>,
}

/// The parts, one after another.
pub(super) fn body_of(parts: Parts) -> (FileBody, Handed) {
    let handed = Handed::default();
    let reading =
        Reading { parts, handed: handed.clone(), rows: VecDeque::new(), at: 0, open: None };
    let body = stream::unfold(Some(reading), |reading| async move {
        let mut reading = reading?;
        match reading.next().await {
            Ok(Some(bytes)) => {
                reading.handed.with(|inner| inner.bytes += bytes.len() as u64);
                Some((Ok(bytes), Some(reading)))
            }
            Ok(None) => None,
            Err(error) => {
                reading.handed.with(|inner| inner.failure = Some(error));
                let broken = StorageError::new(
                    StorageErrorKind::BodyFailed,
                    "a part of the upload could not be read",
                );
                Some((Err(broken), None))
            }
        }
    });
    (body.boxed(), handed)
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>, ServiceError> {
        loop {
            if let Some(open) = &mut self.open {
                match open.next().await.transpose()? {
                    Some(bytes) => return Ok(Some(bytes)),
                    None => self.open = None,
                }
            }
            if self.at == self.parts.size_bytes {
                return Ok(None);
            }
            let part = self.next_part().await?;
            let (Some(size_bytes), Some(sha256)) = (part.size_bytes, part.sha256) else {
                return Err(missing());
            };
            let key = object_key("", &part.object_key)?;
            let version = part.version_id.map(VersionId);
            let expected = Expected { size_bytes, sha256 };
            let store = &*self.parts.store;
            let reader = keep::read(store, &key, version.as_ref(), None, expected).await?;
            self.at += size_bytes;
            self.open = Some(reader.stream);
        }
    }

    /// The part that begins where the last one ended.
    async fn next_part(&mut self) -> Result<PartRow, ServiceError> {
        if self.rows.is_empty() {
            let Parts { db, tenant, upload, .. } = &self.parts;
            let mut session = db.read().await?;
            let rows = session.of(tenant).stored_parts(*upload, self.at, PARTS_AT_ONCE).await?;
            self.rows = rows.into();
        }
        let part = self.rows.pop_front().filter(|part| part.offset_bytes == self.at);
        part.ok_or_else(missing)
    }
}

fn missing() -> ServiceError {
    ServiceError::internal("a part of an upload is not where it should be")
}
