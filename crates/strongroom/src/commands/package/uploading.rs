//! Several files on their way into a package: those that are stored already are not sent again.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Error, Result};
use futures::{StreamExt as _, TryStreamExt as _};
use strongroom_core::Sha256Digest;
use strongroom_core::package::FileStatus;
use strongroom_registry::documents::{FileDocument, PackageDocument, UploadStatus};
use uuid::Uuid;

use crate::client::{Client, Upload};
use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::count;
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
    refuse_damaged(&files, &there)?;
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

/// What was stored and is not there any more is not stored. A registry takes no second file in its place, so that
/// nothing is sent where one of them is damaged.
fn refuse_damaged(
    files: &[FileToStore<'_>],
    there: &HashMap<String, FileDocument>,
) -> Result<(), Failure> {
    let damaged = |file: &&FileToStore<'_>| {
        there.get(&file.path).is_some_and(|there| there.status != FileStatus::Stored)
    };
    let Some(first) = files.iter().find(damaged) else { return Ok(()) };
    let status = there[&first.path].status;
    let message = match files.iter().filter(damaged).count() - 1 {
        0 => format!("{} was stored, and has since been found {status}", first.location.display()),
        others => format!(
            "{} and {} were stored, and have since been found missing or corrupt",
            first.location.display(),
            count(others as u64, "other file", "other files")
        ),
    };
    Err(Failure::new(Exit::Integrity, message).with_help(
        "bring back what the store lost: `strongroom package finalize` looks again; or give the package up, by `strongroom \
         package abandon`, and store its files anew",
    ))
}

/// What was stored in the package before, by its path, also what was found damaged since.
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
