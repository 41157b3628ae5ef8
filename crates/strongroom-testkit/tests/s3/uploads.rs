//! A multipart upload of the key `big` of the bucket `vault`.

use crate::client::{Answer, Client, sha256_base64};

pub(crate) struct Upload<'a> {
    client: &'a Client,
    pub(crate) id: String,
    pub(crate) listed: String,
}

impl<'a> Upload<'a> {
    pub(crate) async fn start(client: &'a Client, headers: &[(&str, &str)]) -> Self {
        let mut headers = headers.to_vec();
        headers.push(("x-amz-checksum-algorithm", "SHA256"));
        let created = client.post("/vault/big?uploads", &headers, b"").await;
        let id = created.element("UploadId").unwrap_or_else(|| panic!("{}", created.text()));
        Self { client, id, listed: String::new() }
    }

    /// One part, sent whole.
    pub(crate) async fn of(client: &'a Client, headers: &[(&str, &str)], bytes: &[u8]) -> Self {
        let mut upload = Self::start(client, headers).await;
        upload.part(1, bytes).await;
        upload
    }

    pub(crate) async fn part(&mut self, number: usize, bytes: &[u8]) {
        let path = format!("/vault/big?partNumber={number}&uploadId={}", self.id);
        let answer = self.client.put_checked(&path, &[], bytes).await;
        let digest = sha256_base64(bytes);
        assert_eq!(answer.header("x-amz-checksum-sha256"), Some(digest.as_str()));
        let etag = answer.header("etag").unwrap();
        self.listed += &format!(
            "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag>\
             <ChecksumSHA256>{digest}</ChecksumSHA256></Part>"
        );
    }

    pub(crate) async fn complete(&self, headers: &[(&str, &str)]) -> Answer {
        let xml = format!(
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{}\
             </CompleteMultipartUpload>",
            self.listed
        );
        let path = format!("/vault/big?uploadId={}", self.id);
        self.client.post(&path, headers, xml.as_bytes()).await
    }

    pub(crate) async fn abort(&self) -> Answer {
        self.client.delete(&format!("/vault/big?uploadId={}", self.id)).await
    }
}
