//! Several files on their way into a package: those that are stored already are not sent again.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Error, Result};
use futures::{StreamExt as _, TryStreamExt as _};
use strongroom_core::Sha256Digest;
use strongroom_registry::documents::{FileDocument, PackageDocument, UploadStatus};
use uuid::Uuid;

use crate::client::{Client, Upload};
use crate::commands::Context;
use crate::progress::Uploads;

/// A file to be stored, hashed before.
#[derive(Debug)]
pub struct FileToStore<'a> {
    /// Its path in the package.
    pub path: String,
    /// Where it is here.
    pub location: &'a Path,
    /// Its digest.
    pub sha256: Sha256Digest,
    /// Its length.
    pub size_bytes: u64,
}

/// What became of one.
#[derive(Debug)]
pub struct StoredFile {
    /// Its id in the registry.
    pub file_id: Uuid,
    /// Its path in the package.
    pub path: String,
    /// Its digest.
    pub sha256: Sha256Digest,
    /// Its length.
    pub size_bytes: u64,
    /// Whether it was stored now, or before.
    pub upload: UploadStatus,
}

/// Stores files, `at_once` of them at the same time, and answers in their order.
pub async fn store(
    files: Vec<FileToStore<'_>>,
    package: &PackageDocument,
    at_once: u16,
    client: &Client,
    context: &Context,
) -> Result<Vec<StoredFile>> {
    let there = stored_before(package, client).await?;
    let bytes = files.iter().map(|file| file.size_bytes).sum();
    let uploads = Uploads::new(&context.console, files.len() as u64, bytes);
    let (uploads, there) = (&uploads, &there);
    // In whatever order they end: a long one holds up none of the others.
    let mut stored: Vec<(usize, StoredFile)> = futures::stream::iter(files.into_iter().enumerate())
        .map(|(at, file)| async move {
            Ok::<_, Error>((at, one(file, package.package_id, there, uploads, client).await?))
        })
        .buffer_unordered(usize::from(at_once))
        .try_collect()
        .await?;
    stored.sort_unstable_by_key(|(at, _)| *at);
    Ok(stored.into_iter().map(|(_, file)| file).collect())
}

async fn one(
    file: FileToStore<'_>,
    package_id: Uuid,
    there: &HashMap<String, FileDocument>,
    uploads: &Uploads,
    client: &Client,
) -> Result<StoredFile> {
    let progress = uploads.file(&file.path, file.size_bytes);
    let same = there.get(&file.path).filter(|there| there.sha256 == Some(file.sha256));
    let (file_id, upload) = match same {
        Some(there) => (there.file_id, UploadStatus::AlreadyStored),
        None => {
            let asked = Upload {
                package_id,
                path: &file.path,
                location: file.location,
                sha256: file.sha256,
                size_bytes: file.size_bytes,
            };
            let uploaded = client.upload(asked, &progress).await?;
            (uploaded.file.file_id, uploaded.upload)
        }
    };
    uploads.finished(file.size_bytes, &progress);
    let FileToStore { path, sha256, size_bytes, .. } = file;
    Ok(StoredFile { file_id, path, sha256, size_bytes, upload })
}

/// What is stored in the package already, by its path.
async fn stored_before(
    package: &PackageDocument,
    client: &Client,
) -> Result<HashMap<String, FileDocument>> {
    let mut there = HashMap::new();
    if package.files_count == Some(0) {
        return Ok(there);
    }
    let mut cursor = None;
    loop {
        let page = client.stored_files(package.package_id, cursor.as_deref()).await?;
        there.extend(page.files.into_iter().map(|file| (file.path.clone(), file)));
        cursor = page.next;
        if cursor.is_none() {
            return Ok(there);
        }
    }
}
