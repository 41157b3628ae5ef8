//! A multipart upload, step by step, each of which may be wrong on purpose.

use std::fmt::Write as _;

use bytes::Bytes;
use http::Method;

use super::lab::{Lab, unexpected};
use super::verdict::{Stop, stop};
use crate::ObjectKey;
use crate::exchange::xml;
use crate::s3::raw::{Reply, payload};
use crate::s3::request::Request;
use strongroom_core::observed::Unobserved;

/// An upload that was begun.
pub(super) struct Upload<'l> {
    lab: &'l Lab,
    key: ObjectKey,
    id: String,
}

/// A part that the store has, as the completion names it.
pub(super) struct Part {
    pub(super) number: u32,
    pub(super) etag: String,
    /// The store's echo of the part's checksum, which the completion then must name too.
    pub(super) checksum: Option<String>,
}

impl<'l> Upload<'l> {
    /// Begins an upload.
    pub(super) async fn begin(lab: &'l Lab, key: &ObjectKey) -> Result<Self, Stop> {
        Self::of(lab, key, &Self::open(lab, key, Ok).await?)
    }

    /// Begins an upload whose parts have no checksum but the one that is signed.
    pub(super) async fn begin_without_checksums(
        lab: &'l Lab,
        key: &ObjectKey,
    ) -> Result<Self, Stop> {
        let request = lab.raw()?.object(Method::POST, key).query("uploads", "");
        Self::of(lab, key, &lab.raw()?.send(&request).await?)
    }

    /// The upload that an answer to [`open`](Self::open) names.
    pub(super) fn of(lab: &'l Lab, key: &ObjectKey, reply: &Reply) -> Result<Self, Stop> {
        if !reply.is_success() {
            return unexpected("beginning an upload", reply);
        }
        let id = reply.xml()?.text_of("UploadId").map(str::to_owned);
        let Some(id) = id else {
            return stop(Unobserved::Error, "the answer names no upload");
        };
        Ok(Self { lab, key: key.clone(), id })
    }

    /// Asks for an upload.
    pub(super) async fn open(
        lab: &'l Lab,
        key: &ObjectKey,
        describe: impl FnOnce(Request) -> Result<Request, Stop>,
    ) -> Result<Reply, Stop> {
        let raw = lab.raw()?;
        let request = raw
            .object(Method::POST, key)
            .query("uploads", "")
            .fixed_header("x-amz-checksum-algorithm", "SHA256");
        Ok(raw.send(&describe(request)?).await?)
    }

    /// A request to send a part.
    pub(super) fn part_request(&self, number: u32, body: &Bytes) -> Result<Request, Stop> {
        let payload = payload(body.clone());
        Ok(self
            .lab
            .raw()?
            .object(Method::PUT, &self.key)
            .query("partNumber", number)
            .query("uploadId", &self.id)
            .header("x-amz-checksum-sha256", &payload.sha256_base64())?
            .with_payload(payload))
    }

    /// Sends a part that must get there.
    pub(super) async fn send(&self, number: u32, body: &Bytes) -> Result<Part, Stop> {
        let reply = self.lab.raw()?.send(&self.part_request(number, body)?).await?;
        if !reply.is_success() {
            return unexpected("sending a part", &reply);
        }
        let Some(etag) = reply.header("etag").map(str::to_owned) else {
            return stop(Unobserved::Error, "a part has no entity tag");
        };
        let checksum = reply.header("x-amz-checksum-sha256").map(str::to_owned);
        Ok(Part { number, etag, checksum })
    }

    /// Asks for the object, of these parts.
    pub(super) async fn complete(&self, parts: &[Part], if_absent: bool) -> Result<Reply, Stop> {
        let raw = self.lab.raw()?;
        let mut request =
            raw.object(Method::POST, &self.key).query("uploadId", &self.id).xml(document(parts))?;
        if if_absent {
            request = request.fixed_header("if-none-match", "*");
        }
        Ok(raw.send(&request).await?)
    }

    /// Gives the upload up.
    pub(super) async fn abort(&self) -> Result<Reply, Stop> {
        let raw = self.lab.raw()?;
        let request = raw.object(Method::DELETE, &self.key).query("uploadId", &self.id);
        Ok(raw.send(&request).await?)
    }
}

fn document(parts: &[Part]) -> String {
    let mut document =
        String::from("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for Part { number, etag, checksum } in parts {
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
