//! Verifying: every byte of the archive read once, every byte of content hashed.
//!
//! Three stages overlap: reading and hashing the archive, inflating, hashing the content. The
//! slowest is inflating, which no thread but one can do for one gzip member; the two hashes share
//! another core.

use std::io::Read;
use std::thread::Scope;

use super::assay::{self, AssayManifest};
use super::gzip::Inflater;
use super::manifest::{Manifest, ManifestFile};
use super::reader::{BundleFormat, BundleManifest, UnverifiedBundle, read_padding, truncated};
use super::source::{Ahead, ArchiveSource, Chunks, read_full};
use super::tar;
use super::{BundleError, ContentVisitor, NoVisitor, Progress, Refusal};
use crate::digest::Sha256Hasher;
use crate::signing::statement::SignedBundle;
use crate::{BundleId, Sha256Digest};

/// Buffers between two stages, and the bytes of each: less than 2 MiB in all.
const BUFFERS: usize = 4;
const ARCHIVE_BUFFER_BYTES: usize = 128 << 10;
const INFLATE_BUFFER_BYTES: usize = 256 << 10;

/// What is known of an archive of which every byte was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedBundle {
    id: BundleId,
    manifest: BundleManifest,
    archive_sha256: Sha256Digest,
    archive_size_bytes: u64,
    content_size_bytes: u64,
    files: usize,
}

impl VerifiedBundle {
    /// The id, bound to the content by what the format's id covers.
    pub fn id(&self) -> BundleId {
        self.id
    }

    /// The format.
    pub fn format(&self) -> BundleFormat {
        match self.manifest {
            BundleManifest::Native(_) => BundleFormat::Native,
            BundleManifest::Assay(_) => BundleFormat::Assay,
        }
    }

    /// What the archive says of itself; the content is as it says.
    pub fn manifest(&self) -> &BundleManifest {
        &self.manifest
    }

    /// The digest of the archive as compressed. Not an identity of a native bundle.
    pub fn archive_sha256(&self) -> Sha256Digest {
        self.archive_sha256
    }

    /// The bytes that a statement has to be about, to be about this bundle.
    pub fn signed(&self) -> SignedBundle {
        SignedBundle {
            id: self.id,
            archive: Some(self.archive_sha256),
            id_covers_bytes: self.format() == BundleFormat::Native,
        }
    }

    /// The length of the archive as compressed.
    pub fn archive_size_bytes(&self) -> u64 {
        self.archive_size_bytes
    }

    /// The sum of the lengths of the files, the manifest not among them.
    pub fn content_size_bytes(&self) -> u64 {
        self.content_size_bytes
    }

    /// How many files, the manifest not among them.
    pub fn files(&self) -> usize {
        self.files
    }
}

/// The archive on its own thread, inflating on its own thread.
type Stages<'scope, R> = Ahead<'scope, Inflater<Ahead<'scope, ArchiveSource<R>>>>;

impl<R: Read + Send> UnverifiedBundle<R> {
    /// Reads the rest of the archive and checks all of it.
    ///
    /// Told of each stretch of content as it is hashed. Memory: less than 2 MiB besides the
    /// manifest. Needs two threads besides the caller's.
    pub fn verify(self, progress: &dyn Progress) -> Result<VerifiedBundle, BundleError> {
        self.verify_seen_by(progress, &mut NoVisitor)
    }

    /// As [`verify`](Self::verify), and `visitor` sees the files on the caller's thread.
    pub fn verify_seen_by(
        self,
        progress: &dyn Progress,
        visitor: &mut dyn ContentVisitor,
    ) -> Result<VerifiedBundle, BundleError> {
        std::thread::scope(|scope| {
            let Self { tar, id, manifest, manifest_bytes } = self;
            drop(manifest_bytes);
            let mut tar = start_stages(scope, tar)?;
            let content = match &manifest {
                BundleManifest::Native(manifest) => {
                    check_members(&mut tar, manifest, progress, visitor)
                }
                BundleManifest::Assay(manifest) => {
                    assay::check_events(&mut tar, manifest, progress, visitor)
                }
            };
            content?;
            let archive = tar.finish()?.into_input().finish()?;
            let (archive_sha256, archive_size_bytes) = archive.finish();
            let (content_size_bytes, files) = match &manifest {
                BundleManifest::Native(native) => (native.content_size_bytes(), native.files.len()),
                BundleManifest::Assay(assay) => (assay.events_size_bytes, AssayManifest::FILES),
            };
            Ok(VerifiedBundle {
                id,
                manifest,
                archive_sha256,
                archive_size_bytes,
                content_size_bytes,
                files,
            })
        })
    }
}

fn start_stages<'scope, 'env, R: Read + Send + 'scope>(
    scope: &'scope Scope<'scope, 'env>,
    tar: super::source::Buffered<Inflater<super::source::Buffered<ArchiveSource<R>>>>,
) -> Result<Stages<'scope, R>, BundleError> {
    let (inflater, inflated) = tar.into_parts();
    let inflater = inflater.map_input(|archive| {
        let (archive, read) = archive.into_parts();
        Ahead::start(scope, "read-archive", archive, read, BUFFERS, ARCHIVE_BUFFER_BYTES)
    })?;
    Ahead::start(scope, "inflate", inflater, inflated, BUFFERS, INFLATE_BUFFER_BYTES)
}

/// Every file as the manifest lists it, and nothing else.
fn check_members(
    tar: &mut impl Chunks,
    manifest: &Manifest,
    progress: &dyn Progress,
    visitor: &mut dyn ContentVisitor,
) -> Result<(), BundleError> {
    let count = manifest.files.len();
    let mut found = Vec::new();
    for (at, file) in manifest.files.iter().enumerate() {
        let position = || format!("file {} of {count}", at + 1);
        let expected =
            tar::headers(&format!("{}{}", tar::FILES_FOLDER, file.path), file.size_bytes);
        found.clear();
        found.resize(expected.len(), 0);
        let read = read_full(tar, &mut found)?;
        if found[..read] != expected {
            return Err(tar::refuse_headers(&expected, &found[..read], &position()));
        }
        let sha256 = hash_content(tar, file, progress, visitor)?;
        if sha256 != file.sha256 {
            let message = format!("{}: the content does not match its digest", position());
            return Err(BundleError::new(Refusal::Integrity, message));
        }
        if tar::padding_bytes(file.size_bytes) > 0 {
            read_padding(tar, file.size_bytes, &position())?;
        }
    }
    check_end(tar)
}

fn hash_content(
    tar: &mut impl Chunks,
    file: &ManifestFile,
    progress: &dyn Progress,
    visitor: &mut dyn ContentVisitor,
) -> Result<Sha256Digest, BundleError> {
    let mut hasher = Sha256Hasher::new();
    let is_wanted = visitor.begin(&file.path, file.size_bytes);
    let mut left = file.size_bytes;
    while left > 0 {
        let chunk = tar.chunk()?;
        if chunk.is_empty() {
            return Err(truncated());
        }
        // A chunk's length fits in both types.
        let count = left.min(chunk.len() as u64) as usize;
        hasher.update(&chunk[..count]);
        if is_wanted {
            visitor.content(&chunk[..count]);
        }
        tar.consume(count);
        left -= count as u64;
        progress.add_bytes(count as u64);
    }
    if is_wanted {
        visitor.end();
    }
    Ok(hasher.finish())
}

/// Exactly two blocks of zeros, then the end.
fn check_end(tar: &mut impl Chunks) -> Result<(), BundleError> {
    let mut first = [0; tar::BLOCK_BYTES];
    let read = read_full(tar, &mut first)?;
    if read < first.len() {
        return Err(truncated());
    }
    if first.iter().any(|byte| *byte != 0) {
        return Err(tar::refuse_extra(&first, "after the last file"));
    }
    let mut second = [0; tar::END_BYTES - tar::BLOCK_BYTES];
    let read = read_full(tar, &mut second)?;
    if read < second.len() {
        return Err(truncated());
    }
    if second.iter().any(|byte| *byte != 0) || !tar.chunk()?.is_empty() {
        return Err(BundleError::new(Refusal::Format, "bytes after the end of the tar archive"));
    }
    Ok(())
}
