//! Which files of the given places make a bundle, and under which paths.

use std::fs::{self, FileType};
use std::io;
use std::path::{Path, PathBuf};

use super::manifest::{check_count, over};
use super::{BundleError, Refusal, path};
use crate::limits;

/// One file on its way into a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path inside the bundle.
    pub path: String,
    /// Where it lies.
    pub location: PathBuf,
    /// Its length when it was found.
    pub size_bytes: u64,
}

/// How places are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CollectOptions {
    /// Follow links that stay inside the directory that was named; otherwise a link is refused.
    pub follow_symlinks: bool,
}

/// The files of `inputs`, sorted by the bytes of their paths.
///
/// A directory gives every regular file in it, dot files included, by its path inside; a file
/// gives its base name. Refused, naming the place: links (or, when they are followed, those that
/// lead outside or in a circle), devices, sockets, pipes, names that are not UTF-8, paths that are
/// equal as bytes or under NFC, and what is over a limit. Empty directories are not kept.
pub fn collect(
    inputs: &[PathBuf],
    options: &CollectOptions,
) -> Result<Vec<SourceFile>, BundleError> {
    let mut walk = Walk { options, files: Vec::new(), folders: 0 };
    for input in inputs {
        walk.input(input)?;
    }
    let mut files = walk.files;
    files.sort_unstable_by(|left, right| left.path.cmp(&right.path));
    if let Some(pair) = files.windows(2).find(|pair| pair[0].path == pair[1].path) {
        let (one, other) = (&pair[0].location, &pair[1].location);
        let message = format!("{one:?} and {other:?} would have the same path in the bundle");
        return Err(BundleError::new(Refusal::Security, message));
    }
    path::check_all(files.iter().map(|file| file.path.as_str()))?;
    Ok(files)
}

struct Walk<'a> {
    options: &'a CollectOptions,
    files: Vec<SourceFile>,
    folders: usize,
}

/// A directory on the way down: where it really is, and what it was reached through.
struct Folder<'a> {
    real: PathBuf,
    parent: Option<&'a Folder<'a>>,
}

impl Folder<'_> {
    fn root(&self) -> &Path {
        self.parent.map_or(&self.real, |parent| parent.root())
    }

    fn is_inside(&self, real: &Path) -> bool {
        self.real == real || self.parent.is_some_and(|parent| parent.is_inside(real))
    }
}

impl Walk<'_> {
    fn input(&mut self, input: &Path) -> Result<(), BundleError> {
        let metadata = fs::symlink_metadata(input).map_err(|error| unreadable(input, error))?;
        if metadata.is_symlink() && !self.options.follow_symlinks {
            return Err(refused_link(input));
        }
        let real = fs::canonicalize(input).map_err(|error| unreadable(input, error))?;
        let metadata = fs::metadata(&real).map_err(|error| unreadable(input, error))?;
        if metadata.is_dir() {
            return self.folder(&Folder { real, parent: None }, "");
        }
        // Named by what was given, not by what a link leads to.
        let name = input.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| not_utf8(input))?;
        check_regular(metadata.file_type(), input)?;
        self.file(name.to_owned(), real, metadata.len())
    }

    fn folder(&mut self, folder: &Folder<'_>, prefix: &str) -> Result<(), BundleError> {
        self.folders += 1;
        if self.folders > limits::FOLDERS_MAX {
            return Err(over("the number of folders", "FOLDERS_MAX", limits::FOLDERS_MAX as u64));
        }
        let failed = |error| unreadable(&folder.real, error);
        for entry in fs::read_dir(&folder.real).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let location = entry.path();
            let name = entry.file_name();
            let name = name.to_str().ok_or_else(|| not_utf8(&location))?;
            let path = format!("{prefix}{name}");
            path::check(&path).map_err(|error| {
                BundleError::new(error.refusal(), format!("{location:?}: {error}"))
            })?;
            let kind = entry.file_type().map_err(|error| unreadable(&location, error))?;
            if kind.is_symlink() {
                self.link(folder, path, &location)?;
            } else if kind.is_dir() {
                let inner = Folder { real: location, parent: Some(folder) };
                self.folder(&inner, &format!("{path}/"))?;
            } else {
                check_regular(kind, &location)?;
                let metadata = entry.metadata().map_err(|error| unreadable(&location, error))?;
                self.file(path, location, metadata.len())?;
            }
        }
        Ok(())
    }

    fn link(
        &mut self,
        folder: &Folder<'_>,
        path: String,
        location: &Path,
    ) -> Result<(), BundleError> {
        if !self.options.follow_symlinks {
            return Err(refused_link(location));
        }
        let real = fs::canonicalize(location).map_err(|error| unreadable(location, error))?;
        if !real.starts_with(folder.root()) {
            let message = format!("{location:?} is a link that leads outside the directory given");
            return Err(BundleError::new(Refusal::Security, message));
        }
        let metadata = fs::metadata(&real).map_err(|error| unreadable(location, error))?;
        if metadata.is_dir() {
            if folder.is_inside(&real) {
                let message = format!("{location:?} is a link that leads in a circle");
                return Err(BundleError::new(Refusal::Security, message));
            }
            return self.folder(&Folder { real, parent: Some(folder) }, &format!("{path}/"));
        }
        check_regular(metadata.file_type(), location)?;
        self.file(path, real, metadata.len())
    }

    fn file(
        &mut self,
        path: String,
        location: PathBuf,
        size_bytes: u64,
    ) -> Result<(), BundleError> {
        path::check(&path)?;
        check_count(self.files.len() + 1)?;
        if size_bytes > limits::FILE_BYTES_MAX {
            return Err(over("the size of a file", "FILE_BYTES_MAX", limits::FILE_BYTES_MAX));
        }
        self.files.push(SourceFile { path, location, size_bytes });
        Ok(())
    }
}

fn check_regular(kind: FileType, location: &Path) -> Result<(), BundleError> {
    if kind.is_file() {
        return Ok(());
    }
    let message = format!("{location:?} is a device, a socket or a pipe, which no bundle holds");
    Err(BundleError::new(Refusal::Security, message))
}

// Places are the caller's own, so they may be named; `{:?}` escapes what a terminal would obey.

fn refused_link(location: &Path) -> BundleError {
    let message =
        format!("{location:?} is a link; --follow-symlinks follows those that stay inside");
    BundleError::new(Refusal::Security, message)
}

fn not_utf8(location: &Path) -> BundleError {
    BundleError::new(Refusal::Security, format!("{location:?} has a name that is not UTF-8"))
}

pub(super) fn unreadable(location: &Path, error: io::Error) -> BundleError {
    let message = format!("{location:?} could not be read");
    BundleError::new(Refusal::Unreadable, message).with_source(error)
}

#[cfg(test)]
mod tests;
