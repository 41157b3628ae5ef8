//! A bundle that is going to be written: hashed already, since the manifest comes first.

use std::fs::File;
use std::io::{self, Read, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::collect::{SourceFile, unreadable};
use super::manifest::{Declarations, Manifest, ManifestFile};
use super::writer::{self, Bodies};
use super::{BundleError, Progress, Refusal, WrittenBundle, archive, deflate, path};
use crate::digest::Sha256Hasher;
use crate::{BundleId, Sha256Digest};

const READ_BUFFER_BYTES: usize = 256 << 10;
/// More threads than this wait for the disk rather than for each other.
const HASH_THREADS_MAX: usize = 8;

/// Files that were hashed, and the manifest over them. Its id is final; nothing is written yet.
#[derive(Debug)]
pub struct BundlePlan {
    manifest: Manifest,
    manifest_bytes: Vec<u8>,
    /// In the order of the manifest.
    locations: Vec<PathBuf>,
    id: BundleId,
}

impl BundlePlan {
    /// Hashes `files` and makes the manifest.
    ///
    /// A file whose length is no longer what it was when it was collected is an integrity refusal.
    /// `progress` is told of each stretch of content. Threads: one for each core, at most eight;
    /// memory: 256 KiB each and the manifest.
    pub fn prepare(
        mut files: Vec<SourceFile>,
        declared: Declarations,
        progress: &dyn Progress,
    ) -> Result<Self, BundleError> {
        files.sort_unstable_by(|left, right| left.path.cmp(&right.path));
        path::check_all(files.iter().map(|file| file.path.as_str()))?;
        let digests = hash_all(&files, progress)?;
        let mut locations = Vec::with_capacity(files.len());
        let mut listed = Vec::with_capacity(files.len());
        for (SourceFile { path, location, size_bytes }, sha256) in files.into_iter().zip(digests) {
            locations.push(location);
            listed.push(ManifestFile { path, size_bytes, sha256, media_type: None });
        }
        let manifest = Manifest::new(listed, declared)?;
        let manifest_bytes = manifest.to_bytes()?;
        let id = BundleId(Sha256Digest::of(&manifest_bytes));
        Ok(Self { manifest, manifest_bytes, locations, id })
    }

    /// The id that the bundle will have.
    pub fn id(&self) -> BundleId {
        self.id
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where the files lie, in the order of the manifest.
    pub fn locations(&self) -> &[PathBuf] {
        &self.locations
    }

    /// The bytes of `manifest.json`, of which the id is the SHA-256.
    pub fn manifest_bytes(&self) -> &[u8] {
        &self.manifest_bytes
    }

    /// The sum of the lengths of the files.
    pub fn content_size_bytes(&self) -> u64 {
        self.manifest.content_size_bytes()
    }

    /// What the archive cannot exceed, however badly the content compresses.
    pub fn archive_size_bytes_max(&self) -> u64 {
        deflate::member_size_bytes_max(writer::tar_size_bytes(&self.manifest, &self.manifest_bytes))
    }

    /// Reads the files again and writes the archive to `out`.
    ///
    /// A file that is not what it was when it was hashed is an integrity refusal that names it; what
    /// was written until then is no bundle. Threads: one for each core, at most eight, and one that
    /// reads; memory: less than 2 MiB for each.
    pub fn write(
        &self,
        out: impl Write + Send,
        progress: &dyn Progress,
    ) -> Result<WrittenBundle, BundleError> {
        let mut files = FilesOnDisk { locations: &self.locations, opened: 0 };
        archive::write(&self.manifest, &self.manifest_bytes, &mut files, out, progress)
    }
}

/// The files of a plan, as the writing of its archive asks for them.
struct FilesOnDisk<'a> {
    /// In the order of the manifest.
    locations: &'a [PathBuf],
    opened: usize,
}

impl FilesOnDisk<'_> {
    fn last(&self) -> &Path {
        &self.locations[self.opened - 1]
    }
}

impl Bodies for FilesOnDisk<'_> {
    type Body = io::Take<File>;

    fn open(&mut self, listed: &ManifestFile) -> Result<Self::Body, BundleError> {
        self.opened += 1;
        let file = open_unchanged(self.last(), listed.size_bytes)?;
        Ok(file.take(listed.size_bytes))
    }

    fn unreadable(&self, error: io::Error) -> BundleError {
        unreadable(self.last(), error)
    }

    fn changed(&self) -> BundleError {
        changed(self.last())
    }
}

/// Opens a file that must still be a regular one of this length. What took its place meanwhile is
/// neither followed, if it is a link, nor waited for, if it is a pipe.
pub(super) fn open_unchanged(location: &Path, size_bytes: u64) -> Result<File, BundleError> {
    let file = open_as_it_is(location).map_err(|error| unreadable(location, error))?;
    let Some(file) = file else { return Err(changed(location)) };
    let metadata = file.metadata().map_err(|error| unreadable(location, error))?;
    if !metadata.is_file() || metadata.len() != size_bytes {
        return Err(changed(location));
    }
    Ok(file)
}

/// Opens what is there, which a link is not.
#[cfg(unix)]
pub(super) fn open_as_it_is(location: &Path) -> io::Result<Option<File>> {
    use rustix::fs::{Mode, OFlags};
    use rustix::io::Errno;

    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match rustix::fs::open(location, flags, Mode::empty()) {
        Ok(file) => Ok(Some(file.into())),
        Err(Errno::LOOP) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(unix))]
pub(super) fn open_as_it_is(location: &Path) -> io::Result<Option<File>> {
    File::open(location).map(Some)
}

/// Reads the next bytes of a file of which more are expected.
pub(super) fn read_some(
    file: &mut File,
    buffer: &mut [u8],
    location: &Path,
) -> Result<usize, BundleError> {
    loop {
        match file.read(buffer) {
            Ok(0) => return Err(changed(location)),
            Ok(count) => return Ok(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(location, error)),
        }
    }
}

/// The file is not what it was.
pub(super) fn changed(location: &Path) -> BundleError {
    let message = format!("{location:?} changed while it was being bundled");
    BundleError::new(Refusal::Integrity, message)
}

/// How many threads there is use for.
pub(super) fn threads(max: usize) -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get).clamp(1, max)
}

/// The digests of `files`, in their order.
fn hash_all(
    files: &[SourceFile],
    progress: &dyn Progress,
) -> Result<Vec<Sha256Digest>, BundleError> {
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let work = || {
        let mut buffer = vec![0; READ_BUFFER_BYTES];
        let mut hashed = Vec::new();
        while !failed.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(file) = files.get(at) else { break };
            match hash(file, &mut buffer, progress) {
                Ok(digest) => hashed.push((at, digest)),
                Err(error) => {
                    failed.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
        Ok(hashed)
    };
    let mut digests = vec![None; files.len()];
    std::thread::scope(|scope| {
        let others: Vec<_> =
            (1..threads(HASH_THREADS_MAX).min(files.len())).map(|_| scope.spawn(work)).collect();
        let mine = work();
        let theirs = others.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(lost())));
        for result in std::iter::once(mine).chain(theirs) {
            for (at, digest) in result? {
                digests[at] = Some(digest);
            }
        }
        Ok::<(), BundleError>(())
    })?;
    digests.into_iter().collect::<Option<_>>().ok_or_else(lost)
}

fn hash(
    source: &SourceFile,
    buffer: &mut [u8],
    progress: &dyn Progress,
) -> Result<Sha256Digest, BundleError> {
    let mut file = open_unchanged(&source.location, source.size_bytes)?;
    let mut hasher = Sha256Hasher::new();
    let mut left = source.size_bytes;
    while left > 0 {
        // The smaller of both fits in both types.
        let want = left.min(buffer.len() as u64) as usize;
        let count = read_some(&mut file, &mut buffer[..want], &source.location)?;
        hasher.update(&buffer[..count]);
        left -= count as u64;
        progress.add_bytes(count as u64);
    }
    Ok(hasher.finish())
}

fn lost() -> BundleError {
    BundleError::new(Refusal::Unreadable, "a hashing thread ended before its work was done")
}

#[cfg(test)]
mod tests;
