//! A long file that was cut off: sent on from where the registry says that its bytes end (tus 1.0.0).

use std::io::SeekFrom;

use anyhow::{Context as _, Result};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder, Response};
use strongroom_core::package::FileStatus;
use strongroom_registry::api::tus_fields as tus;
use strongroom_registry::documents::{FileDocument, UploadStatus, UploadedFile};
use strongroom_registry::error::ErrorKind;
use tokio::fs::File;
use tokio::io::AsyncSeekExt as _;
use tokio::time::Instant;
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
        if let Some(file) = self.stored_file(upload).await? {
            // Only the answer was lost.
            return Ok(Some(UploadedFile { upload: UploadStatus::AlreadyStored, file }));
        }
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
                // What was sent before the cut may count only now. A refusal that ended the upload leaves nothing to look
                // at, and is itself what there is to tell.
                let further = match self.look_at_upload(&place, progress).await {
                    Err(failure) if failure.exit() == Exit::NotFound => {
                        return Err(refusal.failure.into());
                    }
                    looked => looked?,
                };
                if further.offset_bytes == reached.offset_bytes {
                    return Err(refusal.failure.into());
                }
                reached = further;
                continue;
            }
            if refusal.kind() != Some(ErrorKind::BeingStored) {
                attempts.wait_or_give_up(refusal).await?;
            }
            let further = self.look_at_upload(&place, progress).await?;
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
            .sending(Method::PATCH, place)
            .header(tus::TUS_RESUMABLE, tus::VERSION)
            .header(tus::UPLOAD_OFFSET, reached.offset_bytes)
            .header("content-type", tus::MEDIA_TYPE);
        let pieces = pieces(file, sent_bytes, progress.clone());
        match self.send_bytes(request, sent_bytes, pieces).await {
            Ok(response) => Ok(Ok(reached_by(&response)?)),
            Err(refusal) => {
                // What came short of the file is no fault of the registry's.
                let file = File::open(upload.location).await.with_context(cannot_read)?;
                refuse_changed(&file, upload).await?;
                Ok(Err(refusal))
            }
        }
    }

    /// Asks how far the registry is. Of an upload that has all of its bytes it makes the file first, and is waited for
    /// until then: as long as it says that it is at it, nothing fails.
    async fn look_at_upload(
        &self,
        place: &str,
        progress: &FileProgress,
    ) -> Result<Reached, Failure> {
        let began = Instant::now();
        let mut attempts = Attempts::default();
        loop {
            // An answer to HEAD has no document that says why.
            let request = self.tus(Method::POST, place).header(tus::METHOD_OVERRIDE, "HEAD");
            let refusal = match self.send(request).await {
                Ok(response) => return reached_by(&response),
                Err(refusal) => refusal,
            };
            let is_at_it = refusal.kind() == Some(ErrorKind::BeingStored);
            if is_at_it && began.elapsed() < self.patience.being_stored {
                attempts = Attempts::default();
                progress.being_stored();
                refusal.wait().await;
                continue;
            }
            if is_at_it {
                return Err(refusal.failure);
            }
            attempts.wait_or_give_up(refusal).await?;
        }
    }

    /// The very file, where the registry has it.
    async fn stored_file(&self, upload: Upload<'_>) -> Result<Option<FileDocument>> {
        let mut cursor = None;
        loop {
            let page = self.stored_files(upload.package_id, cursor.as_deref()).await?;
            let (next, last) = (page.next, page.files.last().map(|file| file.path.clone()));
            let found = page.files.into_iter().find(|file| file.path == upload.path);
            if let Some(found) = found {
                let is_it =
                    found.status == FileStatus::Stored && found.sha256 == Some(upload.sha256);
                return Ok(is_it.then_some(found));
            }
            // They come in the order of their paths.
            let is_past = last.is_none_or(|last| last.as_str() > upload.path);
            if next.is_none() || is_past {
                return Ok(None);
            }
            cursor = next;
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use serde_json::json;
    use strongroom_core::Sha256Digest;

    use super::super::attempts::ATTEMPTS_MAX;
    use super::super::sending::Patience;
    use super::super::stub::{Asked, Stub, Takes, upload_of};
    use super::*;
    use crate::exit::exit_of;

    const FILE: &str = "0199a1b2-0000-7000-8000-000000000001";
    const SIZE_BYTES: usize = 1_000;

    fn document() -> FileDocument {
        let at = "2026-01-01T00:00:00Z".parse().unwrap();
        FileDocument {
            file_id: FILE.parse().unwrap(),
            package_id: Uuid::nil(),
            path: "a".to_owned(),
            media_type: None,
            status: FileStatus::Stored,
            size_bytes: Some(SIZE_BYTES as u64),
            sha256: Some(Sha256Digest::of(&[0; SIZE_BYTES])),
            created_at: at,
            stored_at: Some(at),
            locations: Vec::new(),
        }
    }

    fn good(head: &str) -> Option<(String, String)> {
        Some((head.to_owned(), String::new()))
    }

    /// An answer that refuses, and asks for no wait.
    fn problem(status: &str, kind: &str, detail: &str) -> Option<(String, String)> {
        let number: u16 = status[..3].parse().unwrap();
        let problem = json!({
            "type": format!("urn:strongroom:problem:{kind}"), "title": "t", "status": number, "detail": detail,
        });
        Some((format!("{status}\r\nretry-after: 0"), problem.to_string()))
    }

    /// A registry that has all bytes of an upload, cuts off the request that brought them, and says so many times that
    /// it is at it before it has a file.
    async fn at_it(times: usize) -> Stub {
        let looks = AtomicUsize::new(0);
        let all_came =
            format!("200 OK\r\nupload-offset: {SIZE_BYTES}\r\ncontent-location: /files/{FILE}");
        registry(
            || None,
            move || match looks.fetch_add(1, Ordering::SeqCst) < times {
                true => problem("503 Service Unavailable", "being-stored", "at it"),
                false => good(&all_came),
            },
        )
        .await
    }

    /// A registry that has no file of the package, and answers like this when bytes come, and when it is asked how many
    /// came.
    async fn registry(
        to_bytes: impl Fn() -> Option<(String, String)> + Send + Sync + 'static,
        to_looks: impl Fn() -> Option<(String, String)> + Send + Sync + 'static,
    ) -> Stub {
        let file = serde_json::to_string(&document()).unwrap();
        Stub::start(Takes::AtOnce, move |asked: &Asked| {
            let ends = |end: &str| asked.line.ends_with(end);
            if ends("/files?stored=true") {
                let page = json!({ "files": [], "next": null });
                Some(("200 OK".to_owned(), page.to_string()))
            } else if ends("as head") {
                to_looks()
            } else if asked.line.starts_with("post ") {
                good(&format!("201 Created\r\nlocation: /api/v1/uploads/{}", Uuid::nil()))
            } else if asked.line.starts_with("patch ") {
                to_bytes()
            } else {
                Some(("200 OK".to_owned(), file.clone()))
            }
        })
        .await
    }

    async fn uploaded(stub: &Stub, being_stored: Duration) -> Result<Option<UploadedFile>> {
        let directory = tempfile::tempdir().unwrap();
        let location = directory.path().join("a");
        let client = stub.client(Patience { being_stored, ..Patience::default() });
        let upload = upload_of(&location, SIZE_BYTES);
        client.upload_in_parts(upload, &FileProgress::none()).await
    }

    #[tokio::test]
    async fn a_registry_that_puts_a_file_together_is_waited_for() {
        let times = ATTEMPTS_MAX as usize + 1;
        let stub = at_it(times).await;
        let uploaded = uploaded(&stub, Duration::from_secs(600)).await.unwrap().unwrap();
        assert_eq!(uploaded.file.file_id.to_string(), FILE);
        let looks = stub.asked().iter().filter(|line| line.ends_with("as head")).count();
        assert_eq!(looks, times + 1);
    }

    #[tokio::test]
    async fn a_registry_that_never_puts_a_file_together_is_not_waited_for_without_end() {
        let stub = at_it(usize::MAX).await;
        let refused = uploaded(&stub, Duration::from_secs(1)).await.unwrap_err();
        assert_eq!(refused.to_string(), "at it");
    }

    #[tokio::test]
    async fn a_refusal_that_ends_the_upload_is_told_and_not_that_there_is_none_any_more() {
        let taken =
            || problem("409 Conflict", "conflict", "another file is stored under this path");
        let stub = registry(taken, || problem("404 Not Found", "not-found", "not found")).await;
        let refused = uploaded(&stub, Duration::from_secs(600)).await.unwrap_err();
        assert_eq!(refused.to_string(), "another file is stored under this path");
        assert_eq!(exit_of(&refused), Exit::Conflict);
        // What is only late may still become the file.
        let late = || problem("503 Service Unavailable", "being-stored", "at it");
        let stub = registry(taken, late).await;
        let refused = uploaded(&stub, Duration::ZERO).await.unwrap_err();
        assert_eq!(exit_of(&refused), Exit::Unreachable);
    }
}
