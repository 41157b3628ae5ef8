//! A link to the store in the place of a file's bytes, where the policy has it. The registry does not see these bytes
//! go: whoever gets them holds them against the digest that comes with the link.

use std::sync::Arc;

use strongroom_storage::{Link, LinkAsk, StorageErrorKind, VersionId};

use super::Registry;
use super::download_file::{Download, Retrieved};
use super::nearness::can_be_read;
use super::records::object_key;
use crate::auth::Principal;
use crate::error::{ErrorKind, ServiceError};

/// What the store says of the bytes' type, whatever it was told when they were stored: no browser shall act on it.
const CONTENT_TYPE: &str = "application/octet-stream";
/// How long others may keep what comes by a link.
const CACHE_CONTROL: &str = "private, no-cache";

impl Registry {
    /// A link to `sent_bytes` bytes of a file, for a client that asks for one, for none, or does not say. None where
    /// the bytes are to be streamed: by the policy, because they are few, or because no version pins them or the
    /// store makes no links.
    ///
    /// The store is asked for the version first: what is archived, gone or of another size is refused here, where a
    /// refusal is a document that says what to do.
    pub async fn redirect_download(
        self: &Arc<Self>,
        who: &Principal,
        download: &Download,
        asked: Option<bool>,
        sent_bytes: u64,
        content_disposition: String,
    ) -> Result<Option<Link>, ServiceError> {
        let settings = self.settings().downloads;
        let location = &download.location;
        let Some(version) = location.version_id.clone().map(VersionId) else { return Ok(None) };
        if !settings.redirects(asked, sent_bytes) {
            return Ok(None);
        }
        let store = Arc::clone(&self.backends().get(&location.backend_id)?.store);
        let key = object_key("", &location.object_key)?;
        let ask = LinkAsk {
            seconds: settings.link_seconds(),
            content_type: CONTENT_TYPE,
            content_disposition,
            cache_control: CACHE_CONTROL,
        };
        let link = match store.link(&key, Some(&version), &ask).await {
            Ok(link) => link,
            Err(error) if error.kind() == StorageErrorKind::Unsupported => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let is_near = match store.head(&key, Some(&version)).await {
            Ok(info) if info.size_bytes != download.size_bytes => {
                self.note_damage(&who.tenant, location).await;
                return Err(other_size());
            }
            Ok(info) => can_be_read(info.retrieval),
            Err(error) if error.kind() == StorageErrorKind::Archived => false,
            Err(error) => {
                if error.kind() == StorageErrorKind::NotFound {
                    self.note_damage(&who.tenant, location).await;
                }
                return Err(error.into());
            }
        };
        if !is_near {
            self.note_archived(who, location).await;
            return Err(ServiceError::archived());
        }
        self.note_retrieval(who, download.package, Retrieved::Redirected(download.file_id)).await?;
        Ok(Some(link))
    }
}

fn other_size() -> ServiceError {
    ServiceError::new(
        ErrorKind::Corrupt,
        "the stored object is not of the size that it was stored with",
    )
}
