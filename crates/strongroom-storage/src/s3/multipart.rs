//! A body of several parts. Parts travel side by side; memory is bounded by the parts in flight.
//! An upload that does not end in an object is aborted, also when its future is dropped.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use http::Method;
use http::header::ETAG;
use jiff::Timestamp;
use strongroom_core::Sha256Digest;
use strongroom_core::digest::Sha256Hasher;
use strongroom_core::receipt::{CreateOnly, Integrity};

use super::create::{Found, Write, already_exists};
use super::error::Failure;
use super::observations::{Checks, WriteKind};
use super::request::{Answer, Client, FailedTry, Request, header, refusal_inside};
use super::{object, probe, put};
use crate::exchange::payload::PartBuffer;
use crate::exchange::retry::{COMPLETION_STALL, Tries};
use crate::exchange::source::{PARTS_IN_FLIGHT_MAX, Source};
use crate::exchange::xml;
use crate::{Created, ObjectInfo, StorageError, StorageErrorKind, StoredChecksum, VersionId};

/// Stores a body whose first part is full.
pub(super) async fn upload(
    write: &Write<'_>,
    first_part: PartBuffer,
    source: Source,
    part_bytes: u64,
) -> Result<Created, StorageError> {
    write.look_first(WriteKind::Completion).await?;
    let mut upload = Upload::begin(write).await?;
    let stored = store(write, &upload, first_part, source, part_bytes).await;
    match stored {
        Ok(created) => {
            upload.is_open = false;
            Ok(created)
        }
        Err(error) => {
            upload.abort().await;
            Err(error)
        }
    }
}

/// An upload that the store keeps parts of.
pub(super) struct Upload {
    client: Arc<Client>,
    whole_key: String,
    id: String,
    is_open: bool,
}

impl Upload {
    async fn begin(write: &Write<'_>) -> Result<Self, StorageError> {
        let request = write
            .describe(write.request(Method::POST))?
            .query("uploads", "")
            .fixed_header("x-amz-checksum-algorithm", "SHA256");
        let upload = match Self::open(write, request.clone()).await {
            Ok(upload) => upload,
            Err(failure) => return Err(write.refused(&request, failure).await),
        };
        write.store.observations.saw_bucket();
        Ok(upload)
    }

    /// An upload that no object is to come of, for probes.
    pub(super) async fn begin_probe(write: &Write<'_>) -> Result<Self, StorageError> {
        let request = write.request(Method::POST).query("uploads", "");
        Ok(Self::open(write, request).await?)
    }

    /// Opens an upload in a task of its own: a caller that goes away while the answer is on its way
    /// leaves the task to take it, and to abort what was opened.
    async fn open(write: &Write<'_>, request: Request) -> Result<Self, Failure> {
        let (client, whole_key) = (Arc::clone(&write.store.client), write.whole_key.clone());
        let opening = tokio::spawn(async move {
            let answer = client.send(&request).await?;
            Self::opened(&client, &whole_key, &answer).map_err(Failure::from)
        });
        opening.await.unwrap_or_else(|_| Err(malformed("was not waited for").into()))
    }

    fn opened(
        client: &Arc<Client>,
        whole_key: &str,
        answer: &Answer,
    ) -> Result<Self, StorageError> {
        let root = answer.xml()?;
        let id = root.text_of("UploadId").ok_or_else(|| malformed("names no upload"))?;
        Ok(Self {
            client: Arc::clone(client),
            whole_key: whole_key.to_owned(),
            id: id.to_owned(),
            is_open: true,
        })
    }

    /// A request about this upload.
    pub(super) fn request(&self, method: Method) -> Request {
        Request::object(method, &self.whole_key).query("uploadId", &self.id)
    }

    async fn send_part(&self, number: u32, part: PartBuffer) -> Result<SentPart, StorageError> {
        let payload = put::hash(part).await?;
        let sha256 = payload.sha256;
        let request = Request::object(Method::PUT, &self.whole_key)
            .query("partNumber", number)
            .query("uploadId", &self.id)
            .header("x-amz-checksum-sha256", &payload.sha256_base64())?
            .with_payload(payload);
        let answer = self.client.send(&request).await?;
        let etag = header(&answer.headers, ETAG.as_str())
            .ok_or_else(|| malformed("names no entity tag"))?;
        let echo = answer.header("x-amz-checksum-sha256");
        let is_kept = match echo.and_then(object::checksum) {
            Some(StoredChecksum::Sha256(digest)) if digest != sha256 => {
                return Err(put::wrong_echo());
            }
            Some(StoredChecksum::Sha256(_)) => true,
            _ => false,
        };
        let checksum = echo.filter(|_| is_kept).map(str::to_owned);
        Ok(SentPart { number, sha256, etag: etag.to_owned(), checksum })
    }

    /// Ends the upload without an object. Whether that worked changes nothing for the caller.
    pub(super) async fn abort(&mut self) {
        self.is_open = false;
        abort(&self.client, &self.whole_key, &self.id).await;
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.is_open {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (client, whole_key, id) =
            (Arc::clone(&self.client), self.whole_key.clone(), self.id.clone());
        runtime.spawn(async move { abort(&client, &whole_key, &id).await });
    }
}

async fn abort(client: &Client, whole_key: &str, id: &str) {
    let request = Request::object(Method::DELETE, whole_key).query("uploadId", id);
    if let Err(failure) = client.send(&request).await {
        tracing::debug!(kind = ?failure.kind(), "a multipart upload could not be aborted");
    }
}

/// A part that the store has.
struct SentPart {
    number: u32,
    sha256: Sha256Digest,
    etag: String,
    /// The store's echo of our checksum: it keeps it, and wants it again on completion.
    checksum: Option<String>,
}

async fn store(
    write: &Write<'_>,
    upload: &Upload,
    mut part: PartBuffer,
    mut source: Source,
    part_bytes: u64,
) -> Result<Created, StorageError> {
    let mut sending = FuturesUnordered::new();
    let mut parts = Vec::new();
    let mut number = 1;
    loop {
        while sending.len() >= PARTS_IN_FLIGHT_MAX {
            parts.extend(sending.next().await.transpose()?);
        }
        sending.push(upload.send_part(number, part.take()));
        number += 1;
        if source.ended {
            break;
        }
        loop {
            tokio::select! {
                biased;
                Some(sent) = sending.next() => parts.push(sent?),
                filled = source.fill(&mut part, part_bytes) => {
                    filled?;
                    break;
                }
            }
        }
    }
    while let Some(sent) = sending.next().await {
        parts.push(sent?);
    }
    parts.sort_unstable_by_key(|part| part.number);
    let checks = probe::checks(write).await;
    // The upload may have taken hours.
    write.look_first(WriteKind::Completion).await?;
    let visible_from = Instant::now();
    let completed = complete(write, upload, &parts).await?;
    let sent = Sent { composite: composite(&parts), size_bytes: source.size_bytes(), visible_from };
    finish(write, sent, checks, completed).await
}

/// The store's answer to a completion, or what was found under the key after it was lost.
enum Completed {
    Answered(Answer),
    Found(Box<ObjectInfo>, Option<Timestamp>),
}

async fn complete(
    write: &Write<'_>,
    upload: &Upload,
    parts: &[SentPart],
) -> Result<Completed, StorageError> {
    let observations = &write.store.observations;
    let mut request =
        upload.request(Method::POST).xml(completion(parts))?.patience(COMPLETION_STALL);
    if observations.create_only(WriteKind::Completion) != CreateOnly::Unsupported {
        request = request.fixed_header("if-none-match", "*");
    }
    let completed = match send_completion(write, &request).await {
        Err(failure) if put::is_condition_refused(&request, &failure) => {
            request = request.without_header("if-none-match");
            let completed = send_completion(write, &request).await;
            if completed.is_ok() {
                observations.saw_condition_refused(WriteKind::Completion);
            }
            completed
        }
        completed => completed,
    };
    completed.map_err(|failure| match failure.kind() {
        StorageErrorKind::AlreadyExists => already_exists(),
        _ => failure.into(),
    })
}

/// Sends a completion until it is answered. After any doubt the key is looked at: a completion that
/// took place answers `NoSuchUpload` the second time.
async fn send_completion(write: &Write<'_>, request: &Request) -> Result<Completed, Failure> {
    let client = &write.store.client;
    let mut tries = Tries::default();
    loop {
        let failed = match client.send_once(request, &tries).await {
            Ok(answer) => match refusal_inside(&answer) {
                None => return Ok(Completed::Answered(answer)),
                Some(failure) => FailedTry { failure, idle: Duration::ZERO },
            },
            Err(failed) => failed,
        };
        let exists = failed.failure.kind() == StorageErrorKind::AlreadyExists;
        if exists {
            write.store.observations.saw_create_refused(WriteKind::Completion);
        }
        let was_in_doubt = tries.any_failed();
        let is_gone = failed.failure.is(&["NoSuchUpload"]);
        let pause = client.pause(&mut tries, &failed);
        if failed.failure.leaves_doubt() || is_gone || (exists && was_in_doubt) {
            match write.look_again().await {
                Found::Ours(info, date) => return Ok(Completed::Found(info, date)),
                Found::Other => return Err(already_exists().into()),
                Found::Nothing => {}
                Found::Unknown => return Err(failed.failure),
            }
        }
        match pause {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Err(failed.failure),
        }
    }
}

/// The document that lists the parts.
fn completion(parts: &[SentPart]) -> String {
    let mut document =
        String::from("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for part in parts {
        let SentPart { number, etag, checksum, .. } = part;
        let etag = xml::escape(etag);
        // Writing to a String does not fail.
        let _ = write!(document, "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag>");
        if let Some(checksum) = checksum {
            let checksum = xml::escape(checksum);
            let _ = write!(document, "<ChecksumSHA256>{checksum}</ChecksumSHA256>");
        }
        document.push_str("</Part>");
    }
    document.push_str("</CompleteMultipartUpload>");
    document
}

/// What the store says of the new object.
#[derive(Default)]
struct Seen {
    version: Option<VersionId>,
    etag: Option<String>,
    checksum: Option<StoredChecksum>,
    stored_at: Option<Timestamp>,
    info: Option<ObjectInfo>,
}

impl Seen {
    fn in_info(info: ObjectInfo, date: Option<Timestamp>) -> Self {
        Self {
            version: info.version.clone(),
            etag: info.etag.clone(),
            checksum: info.checksum,
            stored_at: info.last_modified.or(date),
            info: Some(info),
        }
    }

    fn in_answer(answer: &Answer) -> Self {
        let root = answer.xml().unwrap_or_default();
        let etag = root.text_of("ETag").map(|etag| etag.trim_matches('"').to_owned());
        Self {
            version: object::version(&answer.headers),
            etag: etag.filter(|etag| !etag.is_empty()),
            checksum: root.text_of("ChecksumSHA256").and_then(object::checksum),
            stored_at: answer.date(),
            info: None,
        }
    }

    /// Fills in what is missing.
    fn or(self, other: Self) -> Self {
        Self {
            version: self.version.or(other.version),
            etag: self.etag.or(other.etag),
            checksum: self.checksum.or(other.checksum),
            stored_at: self.stored_at.or(other.stored_at),
            info: self.info.or(other.info),
        }
    }
}

/// What was sent.
struct Sent {
    composite: Sha256Digest,
    size_bytes: u64,
    visible_from: Instant,
}

/// Joins the answer to the completion with what a HEAD adds: Ceph answers an empty entity tag, and
/// only HEAD tells the size.
async fn finish(
    write: &Write<'_>,
    sent: Sent,
    checks: Option<Checks>,
    completed: Completed,
) -> Result<Created, StorageError> {
    let store = write.store;
    let size_bytes = sent.size_bytes;
    let seen = match completed {
        Completed::Found(info, date) => Seen::in_info(*info, date),
        Completed::Answered(answer) => {
            let answered = Seen::in_answer(&answer);
            match object::ask(store, &write.whole_key, answered.version.as_ref()).await {
                Ok(head) => {
                    let info = object::info(&head.headers)?;
                    // Without a version to ask for, HEAD tells of the current one: a racer's, maybe.
                    let is_ours = answered.version.is_some()
                        || info.metadata.get(object::WRITE_ID) == Some(&write.id);
                    if is_ours { answered.or(Seen::in_info(info, None)) } else { answered }
                }
                // Without the right to read, the answer to the completion is all there is.
                Err(_) => answered,
            }
        }
    };
    if seen.info.as_ref().is_some_and(|stored| stored.size_bytes != size_bytes) {
        return Err(StorageError::new(
            StorageErrorKind::Integrity,
            "the stored object has another size than the bytes sent",
        )
        .with_guidance(
            "do not rely on this copy; another client may have written at the same time",
        ));
    }
    let reports_ours = match seen.checksum {
        Some(StoredChecksum::CompositeSha256 { digest, .. }) if digest != sent.composite => {
            return Err(put::wrong_echo());
        }
        Some(StoredChecksum::CompositeSha256 { .. }) => true,
        // Some stores leave the number of parts off a composite. Anything else may be the SHA-256 of
        // the whole, which is not known here.
        Some(StoredChecksum::Sha256(digest)) => digest == sent.composite,
        None => false,
    };
    let integrity = match checks {
        Some(checks) if checks.checksum && reports_ours => Integrity::Composite,
        Some(checks) if checks.payload => Integrity::PayloadSigned,
        _ => Integrity::Unobserved,
    };
    Ok(Created {
        version: seen.version,
        etag: seen.etag,
        size_bytes,
        integrity,
        read_back: None,
        create_only: store.observations.create_only(WriteKind::Completion),
        lock_in_write: !write.options.lock.is_none(),
        visible_from: sent.visible_from,
        stored_at: seen.stored_at,
        info: seen.info,
    })
}

fn composite(parts: &[SentPart]) -> Sha256Digest {
    let mut hasher = Sha256Hasher::new();
    for part in parts {
        hasher.update(part.sha256.as_bytes());
    }
    hasher.finish()
}

fn malformed(what: &str) -> StorageError {
    StorageError::new(StorageErrorKind::Malformed, format!("the store's answer {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_completion_lists_the_checksums_that_the_store_keeps() {
        let part = |number, checksum: Option<&str>| SentPart {
            number,
            sha256: Sha256Digest::of(b""),
            etag: "\"e<\"".to_owned(),
            checksum: checksum.map(str::to_owned),
        };
        assert_eq!(
            completion(&[part(1, Some("c=")), part(2, None)]),
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <Part><PartNumber>1</PartNumber><ETag>\"e&lt;\"</ETag>\
             <ChecksumSHA256>c=</ChecksumSHA256></Part>\
             <Part><PartNumber>2</PartNumber><ETag>\"e&lt;\"</ETag></Part>\
             </CompleteMultipartUpload>"
        );
    }
}
