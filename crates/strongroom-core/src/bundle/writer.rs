//! The write pass: the tar archive of a manifest and its files, byte for byte.

use std::io::{self, Read};

use super::deflate::BlockSink;
use super::manifest::{Manifest, ManifestFile};
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

/// Where the bytes of the files of a bundle come from: one after another, in the order of the manifest.
pub(super) trait Bodies {
    /// The bytes of one file.
    type Body: Read;

    /// Opens the next file.
    fn open(&mut self, file: &ManifestFile) -> Result<Self::Body, BundleError>;
    /// The file last opened could not be read.
    fn unreadable(&self, error: io::Error) -> BundleError;
    /// The file last opened is not what the manifest says of it.
    fn changed(&self) -> BundleError;
}

/// Writes the whole archive.
pub(super) fn write_tar(
    out: &mut BlockSink<'_>,
    manifest: &Manifest,
    manifest_bytes: &[u8],
    bodies: &mut impl Bodies,
    progress: &dyn Progress,
) -> Result<(), BundleError> {
    let manifest_size = manifest_bytes.len() as u64;
    out.put(&tar::headers(tar::MANIFEST_PATH, manifest_size))?;
    out.put(manifest_bytes)?;
    put_zeros(out, tar::padding_bytes(manifest_size))?;
    for file in &manifest.files {
        out.put(&tar::headers(&path_of(file), file.size_bytes))?;
        write_content(out, file, bodies, progress)?;
        put_zeros(out, tar::padding_bytes(file.size_bytes))?;
    }
    put_zeros(out, tar::END_BYTES)
}

fn write_content(
    out: &mut BlockSink<'_>,
    listed: &ManifestFile,
    bodies: &mut impl Bodies,
    progress: &dyn Progress,
) -> Result<(), BundleError> {
    let mut body = bodies.open(listed)?;
    let mut hasher = Sha256Hasher::new();
    let mut left = listed.size_bytes;
    while left > 0 {
        let space = out.space()?;
        // The smaller of both fits in both types.
        let want = left.min(space.len() as u64) as usize;
        let count = read_some(&mut body, &mut space[..want], bodies)?;
        if count == 0 {
            return Err(bodies.changed());
        }
        hasher.update(&space[..count]);
        out.advance(count);
        left -= count as u64;
        progress.add_bytes(count as u64);
    }
    let is_longer = read_some(&mut body, &mut [0], bodies)? > 0;
    if is_longer || hasher.finish() != listed.sha256 {
        return Err(bodies.changed());
    }
    Ok(())
}

/// Reads the next bytes; none only at the end.
fn read_some(
    body: &mut impl Read,
    buffer: &mut [u8],
    bodies: &impl Bodies,
) -> Result<usize, BundleError> {
    loop {
        match body.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read.map_err(|error| bodies.unreadable(error)),
        }
    }
}

fn put_zeros(out: &mut BlockSink<'_>, count: usize) -> Result<(), BundleError> {
    out.put(&[0; tar::END_BYTES][..count])
}

fn path_of(file: &ManifestFile) -> String {
    format!("{}{}", tar::FILES_FOLDER, file.path)
}
