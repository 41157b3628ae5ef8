//! References: small objects whose key says it all. Written before the bundle, so that a crash
//! leaves a reference whose bundle is pending, never a bundle that no list finds.

use bytes::Bytes;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use strongroom_core::{BundleId, layout};

use super::EvidenceError;
use crate::{CreateOptions, ObjectKey, Storage, StorageErrorKind};

/// What a bundle is found by.
#[derive(Debug, Clone, Default)]
pub(super) struct References {
    /// Runs that the bundle belongs to.
    pub(super) run_ids: Vec<String>,
    /// What the bundle is about.
    pub(super) subject: Option<String>,
    /// The day of storing; absent where the bundle has its index entry already.
    pub(super) day: Option<Date>,
}

/// The day of storing, in UTC.
pub(super) fn day_of(time: Timestamp) -> Date {
    time.to_zoned(TimeZone::UTC).date()
}

impl References {
    /// The keys of these references to `id`.
    pub(super) fn keys(&self, id: BundleId) -> Vec<String> {
        let runs = self.run_ids.iter().map(|run_id| layout::run_reference(run_id, id));
        let subject = self.subject.iter().map(|subject| layout::subject_reference(subject, id));
        let day = self.day.iter().map(|day| layout::index_reference(*day, id));
        runs.chain(subject).chain(day).collect()
    }

    /// Writes what is missing of these references; answers how many there were none of.
    pub(super) async fn write(
        &self,
        store: &dyn Storage,
        id: BundleId,
    ) -> Result<usize, EvidenceError> {
        let mut written = 0;
        for key in self.keys(id) {
            written += usize::from(write_one(store, key, id).await?);
        }
        Ok(written)
    }
}

/// Writes one reference unless it is there; answers whether it was not.
async fn write_one(store: &dyn Storage, key: String, id: BundleId) -> Result<bool, EvidenceError> {
    let key = ObjectKey::new(key)?;
    let options = CreateOptions { content_type: Some("text/plain"), ..CreateOptions::default() };
    match store.create(&key, body(id).into(), &options).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == StorageErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The body of every reference to `id`.
pub(super) fn body(id: BundleId) -> Bytes {
    id.to_string().into()
}
