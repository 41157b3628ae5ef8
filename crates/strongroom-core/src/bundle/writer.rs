//! The write pass: the tar archive of a manifest and its files, byte for byte.

use std::path::{Path, PathBuf};

use super::deflate::BlockSink;
use super::manifest::{Manifest, ManifestFile};
use super::plan::{changed, open_unchanged, read_some};
use super::tar;
use super::{BundleError, Progress};
use crate::digest::Sha256Hasher;

/// The length of the archive before compression.
pub(super) fn tar_size_bytes(manifest: &Manifest, manifest_bytes: &[u8]) -> u64 {
    let member = |path: &str, size_bytes: u64| {
        let headers = tar::headers(path, size_bytes).len() as u64;
        headers + size_bytes + tar::padding_bytes(size_bytes) as u64
    };
    let files = manifest.files.iter().map(|file| member(&path_of(file), file.size_bytes));
    let first = member(tar::MANIFEST_PATH, manifest_bytes.len() as u64);
    first + files.sum::<u64>() + tar::END_BYTES as u64
}

/// Writes the whole archive.
pub(super) fn write_tar(
    out: &mut BlockSink<'_>,
    manifest: &Manifest,
    manifest_bytes: &[u8],
    locations: &[PathBuf],
    progress: &dyn Progress,
) -> Result<(), BundleError> {
    let manifest_size = manifest_bytes.len() as u64;
    out.put(&tar::headers(tar::MANIFEST_PATH, manifest_size))?;
    out.put(manifest_bytes)?;
    put_zeros(out, tar::padding_bytes(manifest_size))?;
    for (file, location) in manifest.files.iter().zip(locations) {
        out.put(&tar::headers(&path_of(file), file.size_bytes))?;
        write_content(out, file, location, progress)?;
        put_zeros(out, tar::padding_bytes(file.size_bytes))?;
    }
    put_zeros(out, tar::END_BYTES)
}

fn write_content(
    out: &mut BlockSink<'_>,
    listed: &ManifestFile,
    location: &Path,
    progress: &dyn Progress,
) -> Result<(), BundleError> {
    let mut file = open_unchanged(location, listed.size_bytes)?;
    let mut hasher = Sha256Hasher::new();
    let mut left = listed.size_bytes;
    while left > 0 {
        let space = out.space()?;
        // The smaller of both fits in both types.
        let want = left.min(space.len() as u64) as usize;
        let count = read_some(&mut file, &mut space[..want], location)?;
        hasher.update(&space[..count]);
        out.advance(count);
        left -= count as u64;
        progress.add_bytes(count as u64);
    }
    if hasher.finish() != listed.sha256 {
        return Err(changed(location));
    }
    Ok(())
}

fn put_zeros(out: &mut BlockSink<'_>, count: usize) -> Result<(), BundleError> {
    out.put(&[0; tar::END_BYTES][..count])
}

fn path_of(file: &ManifestFile) -> String {
    format!("{}{}", tar::FILES_FOLDER, file.path)
}
