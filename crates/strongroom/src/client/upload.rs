//! One file on its way to a registry: by its digest, again after a break, told as it goes.

use std::path::Path;

use anyhow::{Context as _, Result};
use futures::stream::{self, Stream};
use reqwest::Method;
use strongroom_core::Sha256Digest;
use strongroom_registry::documents::UploadedFile;
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;
use uuid::Uuid;

use super::attempts::Attempts;
use super::resumable::RESUMABLE_FROM_BYTES;
use super::{Client, document_of};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::FileProgress;

/// Bytes that are read from a file at once.
const PIECE_BYTES: usize = 128 << 10;

/// A file to be stored, hashed before.
#[derive(Debug, Clone, Copy)]
pub struct Upload<'a> {
    /// The package.
    pub package_id: Uuid,
    /// Its path in the package.
    pub path: &'a str,
    /// Where it is here.
    pub location: &'a Path,
    /// Its digest.
    pub sha256: Sha256Digest,
    /// Its length.
    pub size_bytes: u64,
}

impl Client {
    /// Stores one file. Sent again after a break or a lost answer, which finds what was stored; a long one goes on
    /// from where it was cut off.
    pub async fn upload(
        &self,
        upload: Upload<'_>,
        progress: &FileProgress,
    ) -> Result<UploadedFile> {
        let encoded: Vec<String> = upload.path.split('/').map(percent_encoded).collect();
        let place = format!("/packages/{}/files/{}", upload.package_id, encoded.join("/"));
        let mut attempts = Attempts::default();
        let mut may_go_on = upload.size_bytes >= RESUMABLE_FROM_BYTES;
        loop {
            let cannot_read = || format!("cannot read {}", upload.location.display());
            let file = File::open(upload.location).await.with_context(cannot_read)?;
            refuse_changed(&file, upload).await?;
            let pieces = pieces(file, upload.size_bytes, progress.clone());
            let request = self
                .sending(Method::PUT, &place)
                .header("x-content-sha256", upload.sha256.to_hex());
            let refusal = match self.send_bytes(request, upload.size_bytes, pieces).await {
                Ok(response) => match document_of(response).await {
                    Ok(uploaded) => return Ok(uploaded),
                    Err(refusal) => refusal,
                },
                Err(refusal) => refusal,
            };
            progress.begin_again();
            // What came short of the file is no fault of the registry's.
            let file = File::open(upload.location).await.with_context(cannot_read)?;
            refuse_changed(&file, upload).await?;
            let was_cut = refusal.was_cut();
            attempts.wait_or_give_up(refusal).await?;
            if was_cut && may_go_on {
                may_go_on = false;
                let in_parts = Box::pin(self.upload_in_parts(upload, progress)).await?;
                if let Some(uploaded) = in_parts {
                    return Ok(uploaded);
                }
            }
        }
    }
}

pub(super) async fn refuse_changed(file: &File, upload: Upload<'_>) -> Result<()> {
    let cannot_read = || format!("cannot read {}", upload.location.display());
    let size_bytes = file.metadata().await.with_context(cannot_read)?.len();
    if size_bytes == upload.size_bytes {
        return Ok(());
    }
    let message = format!("{} was changed after it was hashed", upload.location.display());
    Err(Failure::new(Exit::Integrity, message)
        .with_help("run the command again when nothing writes to the directory any more")
        .into())
}

/// The next bytes of a file, no more than it had when it was hashed.
pub(super) fn pieces(
    file: File,
    size_bytes: u64,
    progress: FileProgress,
) -> impl Stream<Item = std::io::Result<Vec<u8>>> + Send + 'static {
    let reader = file.take(size_bytes);
    stream::try_unfold((reader, progress), |(mut reader, progress)| async move {
        let left = usize::try_from(reader.limit()).unwrap_or(PIECE_BYTES);
        let mut piece = Vec::with_capacity(left.min(PIECE_BYTES));
        if reader.read_buf(&mut piece).await? == 0 {
            return Ok(None);
        }
        progress.add_bytes(piece.len() as u64);
        Ok(Some((piece, (reader, progress))))
    })
}

/// One segment of a path in a URL (RFC 3986 section 2.1).
fn percent_encoded(segment: &str) -> String {
    let mut encoded = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt as _;

    use super::*;

    #[test]
    fn a_segment_is_encoded_byte_by_byte() {
        assert_eq!(percent_encoded("a b/ü%"), "a%20b%2F%C3%BC%25");
    }

    #[tokio::test]
    async fn a_file_is_sent_up_to_the_length_that_was_hashed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        for (on_disk, hashed) in
            [(0, 0), (1, 1), (PIECE_BYTES * 2 + 5, PIECE_BYTES * 2 + 5), (9, 4)]
        {
            std::fs::write(&path, vec![7; on_disk]).unwrap();
            let file = File::open(&path).await.unwrap();
            let pieces = pieces(file, hashed as u64, FileProgress::none());
            let sent: Vec<Vec<u8>> = pieces.try_collect().await.unwrap();
            assert_eq!(sent.concat(), vec![7; hashed]);
            assert!(sent.iter().all(|piece| piece.len() <= PIECE_BYTES));
        }
    }
}
