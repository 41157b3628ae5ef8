//! The archive of a manifest and of bodies that come from anywhere, one after another.

use std::io::{self, Read, Write};

use super::manifest::{Manifest, ManifestFile};
use super::writer::{Bodies, write_tar};
use super::{BundleError, Progress, Refusal, deflate};
use crate::{BundleId, Sha256Digest};

/// An archive that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrittenBundle {
    /// The SHA-256 of the manifest's bytes.
    pub id: BundleId,
    /// The digest of the archive as compressed; differs between versions of the compressor.
    pub archive_sha256: Sha256Digest,
    /// The length of the archive as compressed.
    pub archive_size_bytes: u64,
}

/// Writes to `out` the bundle of a `manifest.json` and the files that it lists, each read from what
/// `open` gives for it; `open` is asked in the order of the manifest, for the next file once the one
/// before was read to its end. Whatever the files lie in, the archive is the one that
/// [`BundlePlan::write`](super::BundlePlan::write) makes of the same files and declarations.
///
/// The manifest is refused as when a bundle is read. A file that is not of the length and digest that
/// the manifest lists is an integrity refusal; a reader that fails is [`Refusal::Unreadable`]. What was
/// written until then is no bundle. Threads: one for each core, at most eight, and one that reads;
/// memory: less than 2 MiB for each, and the manifest.
pub fn write_bundle<R: Read>(
    manifest_bytes: &[u8],
    open: impl FnMut(&ManifestFile) -> io::Result<R> + Send,
    out: impl Write + Send,
    progress: &dyn Progress,
) -> Result<WrittenBundle, BundleError> {
    let manifest = Manifest::from_bytes(manifest_bytes)?;
    write(&manifest, manifest_bytes, &mut Opened { open, position: 0 }, out, progress)
}

/// Writes the archive of a manifest, its bytes, and the bodies of its files.
pub(super) fn write(
    manifest: &Manifest,
    manifest_bytes: &[u8],
    bodies: &mut (impl Bodies + Send),
    out: impl Write + Send,
    progress: &dyn Progress,
) -> Result<WrittenBundle, BundleError> {
    let (archive_sha256, archive_size_bytes) = deflate::write_member(out, |tar| {
        write_tar(tar, manifest, manifest_bytes, bodies, progress)
    })?;
    let id = BundleId(Sha256Digest::of(manifest_bytes));
    Ok(WrittenBundle { id, archive_sha256, archive_size_bytes })
}

/// Files that somebody else opens. They are told of by their position: a path is untrusted text.
struct Opened<F> {
    open: F,
    position: usize,
}

impl<R: Read, F: FnMut(&ManifestFile) -> io::Result<R>> Bodies for Opened<F> {
    type Body = R;

    fn open(&mut self, file: &ManifestFile) -> Result<R, BundleError> {
        self.position += 1;
        (self.open)(file).map_err(|error| self.unreadable(error))
    }

    fn unreadable(&self, error: io::Error) -> BundleError {
        let message = format!("file {} of the bundle could not be read", self.position);
        BundleError::new(Refusal::Unreadable, message).with_source(error)
    }

    fn changed(&self) -> BundleError {
        let message =
            format!("file {} of the bundle is not what the manifest says of it", self.position);
        BundleError::new(Refusal::Integrity, message)
    }
}

#[cfg(test)]
mod tests;
