//! A long file that was cut off: sent on from where the registry says that its bytes end (tus 1.0.0).

use std::io::SeekFrom;

use anyhow::{Context as _, Result};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Body, Method, RequestBuilder, Response};
use strongroom_registry::api::tus_fields as tus;
use strongroom_registry::documents::{FileDocument, UploadStatus, UploadedFile};
use strongroom_registry::error::ErrorKind;
use tokio::fs::File;
use tokio::io::AsyncSeekExt as _;
use uuid::Uuid;

use super::Client;
use super::attempts::{Attempts, Refusal};
use super::upload::{Upload, pieces, refuse_changed};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::FileProgress;

/// A file of so many bytes or more goes on after a cut; a shorter one is sent again from its first byte. What goes on
/// is written twice by the registry, so that nothing begins like this.
pub const RESUMABLE_FROM_BYTES: u64 = 64 << 20;
/// Bytes of one request. The registry counts what comes of one that is cut, too.
const SENT_AT_ONCE_BYTES: u64 = 64 << 20;

/// How far the registry is with an upload.
#[derive(Debug)]
struct Reached {
    offset_bytes: u64,
    /// The file that it is by now.
    file: Option<Uuid>,
}

impl Client {
    /// Stores one file in several requests; nothing where the registry takes none so.
    pub(super) async fn upload_in_parts(
        &self,
        upload: Upload<'_>,
        progress: &FileProgress,
    ) -> Result<Option<UploadedFile>> {
        let Some(place) = self.begin_upload(upload).await? else { return Ok(None) };
        let mut reached = Reached { offset_bytes: 0, file: None };
        let mut attempts = Attempts::default();
        let file = loop {
            progress.go_on_from(reached.offset_bytes);
            if let Some(file) = reached.file {
                break file;
            }
            let refusal = match self.send_part(upload, &place, &reached, progress).await? {
                Ok(further) => {
                    (reached, attempts) = (further, Attempts::default());
                    continue;
                }
                Err(refusal) => refusal,
            };
            let was_overtaken = refusal.kind() == Some(ErrorKind::Conflict);
            if was_overtaken {
                // What was sent before the cut may count only now.
                let further = self.look_at_upload(&place).await?;
                if further.offset_bytes == reached.offset_bytes {
                    return Err(refusal.failure.into());
                }
                reached = further;
                continue;
            }
            attempts.wait_or_give_up(refusal).await?;
            let further = self.look_at_upload(&place).await?;
            if further.offset_bytes > reached.offset_bytes {
                attempts = Attempts::default();
            }
            reached = further;
        };
        let path = format!("/files/{file}");
        let file: FileDocument = self.document(Method::GET, &path, |request| request).await?;
        if file.sha256 != Some(upload.sha256) {
            let message = format!("{} is stored with another digest", upload.location.display());
            return Err(Failure::new(Exit::Integrity, message).into());
        }
        Ok(Some(UploadedFile { upload: UploadStatus::Stored, file }))
    }

    /// Declares the file. Answers where its bytes go.
    async fn begin_upload(&self, upload: Upload<'_>) -> Result<Option<String>> {
        let place = format!("/packages/{}/uploads", upload.package_id);
        let said = tus::metadata(upload.path, upload.sha256);
        let mut attempts = Attempts::default();
        loop {
            let request = self
                .tus(Method::POST, &place)
                .header(tus::UPLOAD_LENGTH, upload.size_bytes)
                .header(tus::UPLOAD_METADATA, &said);
            let refusal = match self.send(request).await {
                Ok(response) => return Ok(Some(place_of(&response)?)),
                Err(refusal) => refusal,
            };
            // An older registry, a store whose parts would stay, or too many that nobody went on with.
            let takes_none = matches!(
                refusal.kind(),
                Some(
                    ErrorKind::NotFound
                        | ErrorKind::MethodNotAllowed
                        | ErrorKind::StoreRefused
                        | ErrorKind::TooLarge
                )
            );
            if takes_none {
                return Ok(None);
            }
            attempts.wait_or_give_up(refusal).await?;
        }
    }

    /// Sends the next bytes. The outer error is this machine's.
    async fn send_part(
        &self,
        upload: Upload<'_>,
        place: &str,
        reached: &Reached,
        progress: &FileProgress,
    ) -> Result<Result<Reached, Refusal>> {
        let cannot_read = || format!("cannot read {}", upload.location.display());
        let mut file = File::open(upload.location).await.with_context(cannot_read)?;
        refuse_changed(&file, upload).await?;
        file.seek(SeekFrom::Start(reached.offset_bytes)).await.with_context(cannot_read)?;
        let left_bytes = upload.size_bytes.saturating_sub(reached.offset_bytes);
        let sent_bytes = left_bytes.min(SENT_AT_ONCE_BYTES);
        let request = self
            .tus(Method::PATCH, place)
            .header(tus::UPLOAD_OFFSET, reached.offset_bytes)
            .header("content-type", tus::MEDIA_TYPE)
            .header("content-length", sent_bytes)
            .body(Body::wrap_stream(pieces(file, sent_bytes, progress.clone())));
        match self.send(request).await {
            Ok(response) => Ok(Ok(reached_by(&response)?)),
            Err(refusal) => {
                // What came short of the file is no fault of the registry's.
                let file = File::open(upload.location).await.with_context(cannot_read)?;
                refuse_changed(&file, upload).await?;
                Ok(Err(refusal))
            }
        }
    }

    /// Asks how far the registry is. Of an upload that has all of its bytes it makes the file first.
    async fn look_at_upload(&self, place: &str) -> Result<Reached> {
        let mut attempts = Attempts::default();
        loop {
            match self.send(self.tus(Method::HEAD, place)).await {
                Ok(response) => return Ok(reached_by(&response)?),
                Err(refusal) => attempts.wait_or_give_up(refusal).await?,
            }
        }
    }

    fn tus(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).header(tus::TUS_RESUMABLE, tus::VERSION)
    }
}

/// Where an upload is, below the registry's own address: no answer leads a token anywhere else.
fn place_of(response: &Response) -> Result<String, Failure> {
    let id = field(response.headers(), "location").and_then(|place| {
        let id: Uuid = place.rsplit('/').next()?.parse().ok()?;
        Some(id)
    });
    Ok(format!("/uploads/{}", id.ok_or_else(not_understood)?))
}

fn reached_by(response: &Response) -> Result<Reached, Failure> {
    let headers = response.headers();
    let offset = field(headers, "upload-offset").and_then(|offset| offset.parse().ok());
    let file = field(headers, "content-location");
    let file = file.and_then(|place| place.rsplit('/').next()?.parse().ok());
    Ok(Reached { offset_bytes: offset.ok_or_else(not_understood)?, file })
}

fn field<'h>(headers: &'h HeaderMap<HeaderValue>, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn not_understood() -> Failure {
    Failure::new(Exit::Failed, "what answers there is no registry, or one of another version")
}
