//! A file that appears whole and durable, or not at all.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::Clock;
use crate::evidence::{EvidenceError, EvidenceErrorKind};

/// A file under a temporary name in the target's folder; removed when dropped unpublished.
pub(super) struct TemporaryFile {
    path: PathBuf,
    file: File,
    published: bool,
}

impl TemporaryFile {
    pub(super) fn create_beside(out: &Path, clock: &Clock) -> Result<Self, EvidenceError> {
        let folder = folder_of(out);
        fs::create_dir_all(folder).map_err(|error| failed("the folder cannot be made", error))?;
        let path = folder.join(format!(".strongroom-{}.tmp", clock.new_id()));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(|error| failed("the file cannot be made", error))?;
        Ok(Self { path, file, published: false })
    }

    pub(super) fn writer(&self) -> Result<File, EvidenceError> {
        self.file.try_clone().map_err(|error| failed("the file cannot be written", error))
    }

    /// Makes the bytes durable, gives them their name, and makes the name durable.
    pub(super) fn publish(mut self, out: &Path, overwrite: bool) -> Result<(), EvidenceError> {
        self.file.sync_all().map_err(|error| failed("the file cannot be made durable", error))?;
        if overwrite {
            fs::rename(&self.path, out)
        } else {
            // A link refuses to replace what came in between; a rename would not.
            fs::hard_link(&self.path, out).and_then(|()| fs::remove_file(&self.path))
        }
        .map_err(|error| failed("the file cannot get its name", error))?;
        self.published = true;
        File::open(folder_of(out))
            .and_then(|folder| folder.sync_all())
            .map_err(|error| failed("the folder cannot be made durable", error))
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        if !self.published
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(%error, "a temporary file was left behind");
        }
    }
}

fn folder_of(out: &Path) -> &Path {
    match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Whether anything has this name, a dangling link included.
pub(super) fn exists(out: &Path) -> Result<bool, EvidenceError> {
    match out.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed("the target cannot be looked at", error)),
    }
}

pub(super) fn failed(what: &'static str, error: io::Error) -> EvidenceError {
    EvidenceError::new(EvidenceErrorKind::LocalFile, format!("{what}: {error}")).with_source(error)
}
