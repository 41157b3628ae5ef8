//! Every file below a path, none of them through a link.
//!
//! Each step is one plain name, opened beneath the descriptor of the step before (`openat` with `O_NOFOLLOW`), so that
//! there is no moment at which a link could be put in. It is done so on every system: `openat2`, which can do a whole path
//! at once, is Linux's alone, and is refused in many containers.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, openat, statat};
use rustix::io::Errno;
use strongroom_core::limits::{FILES_MAX, FOLDERS_MAX, LOCAL_FOLDERS_DEEP_MAX};
use strongroom_core::package::manifest::PackagePath;

use super::LocalFile;
use crate::error::{ErrorKind, ServiceError};

/// What messages call what the request itself names.
const ASKED_FOR: &str = "the path that was asked for";

/// Which files are taken, and where in the package they go.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// The folder that was named.
    pub(crate) root: Arc<OwnedFd>,
    /// A file or a folder in it; none: the whole of it.
    pub(crate) path: Option<PackagePath>,
    /// The folder of the package that they go into; none: the package itself.
    pub(crate) prefix: Option<PackagePath>,
    /// A larger file is refused.
    pub(crate) file_bytes_max: u64,
}

/// A regular file, as it was seen.
pub(crate) struct Entry<'a> {
    /// Its path in the package.
    pub(crate) path: &'a str,
    folder: &'a OwnedFd,
    name: &'a CStr,
}

impl Entry<'_> {
    /// Opens it. Neither follows what is a link by now, nor waits for what is a pipe.
    pub(crate) fn open(&self) -> Result<LocalFile, ServiceError> {
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = openat(self.folder, self.name, flags, Mode::empty())
            .map_err(|error| failed(self.path, error))?;
        LocalFile::new(opened, self.path)
    }
}

/// What is done with each file.
type Each<'e> = dyn FnMut(Entry<'_>) -> Result<(), ServiceError> + 'e;

/// Calls `each` for every file, in no order, until it refuses. A directory gives every regular file in it, dot files
/// included, by its path inside; a file its own name.
///
/// Refused are links, devices, sockets, pipes, names that are not UTF-8, and what is over a limit, as
/// `evidence bundle` does. Memory: one listing for each of at most [`LOCAL_FOLDERS_DEEP_MAX`] folders. Blocks.
pub(crate) fn walk(source: &Source, each: &mut Each<'_>) -> Result<(), ServiceError> {
    let prefix = source.prefix.as_ref().map(|prefix| format!("{}/", prefix.as_str()));
    let prefix = prefix.unwrap_or_default();
    let mut walk = Walk { each, file_bytes_max: source.file_bytes_max, files: 0, folders: 0 };
    let at_the_start = |error| absent(error, ASKED_FOR);
    let mut folder = open_folder(&source.root, c".").map_err(at_the_start)?;
    let Some(path) = &source.path else { return walk.folder(&folder, &prefix, 0) };
    let mut steps = path.as_str().split('/').peekable();
    while let Some(step) = steps.next() {
        let name = CString::new(step).map_err(ServiceError::internal)?;
        let seen = look(&folder, &name).map_err(at_the_start)?;
        match FileType::from_raw_mode(seen.st_mode) {
            FileType::Directory => folder = open_folder(&folder, &name).map_err(at_the_start)?,
            FileType::Symlink => return Err(link(ASKED_FOR)),
            _ if steps.peek().is_some() => return Err(absent(Errno::NOENT, ASKED_FOR)),
            _ => return walk.file(&folder, &name, &format!("{prefix}{step}"), &seen),
        }
    }
    walk.folder(&folder, &prefix, 0)
}

struct Walk<'w, 'e> {
    each: &'w mut Each<'e>,
    file_bytes_max: u64,
    files: usize,
    folders: usize,
}

impl Walk<'_, '_> {
    fn folder(&mut self, folder: &OwnedFd, prefix: &str, depth: usize) -> Result<(), ServiceError> {
        self.folders += 1;
        over("folders", self.folders, "FOLDERS_MAX", FOLDERS_MAX)?;
        over("folders in each other", depth, "LOCAL_FOLDERS_DEEP_MAX", LOCAL_FOLDERS_DEEP_MAX)?;
        let unreadable = |error| failed(place_of(prefix), error);
        for entry in Dir::read_from(folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            let text = name.to_str().map_err(|_| not_utf8(prefix))?;
            let path = format!("{prefix}{text}");
            let seen = look(folder, name).map_err(|error| failed(&path, error))?;
            if FileType::from_raw_mode(seen.st_mode) == FileType::Directory {
                let inner = open_folder(folder, name).map_err(|error| failed(&path, error))?;
                self.folder(&inner, &format!("{path}/"), depth + 1)?;
            } else {
                self.file(folder, name, &path, &seen)?;
            }
        }
        Ok(())
    }

    fn file(
        &mut self,
        folder: &OwnedFd,
        name: &CStr,
        path: &str,
        seen: &Stat,
    ) -> Result<(), ServiceError> {
        match FileType::from_raw_mode(seen.st_mode) {
            FileType::RegularFile => {}
            FileType::Symlink => return Err(link(&format!("{path:?}"))),
            _ => return Err(special(path)),
        }
        self.files += 1;
        over("files", self.files, "FILES_MAX", FILES_MAX)?;
        if u64::try_from(seen.st_size).unwrap_or_default() > self.file_bytes_max {
            let limit = self.file_bytes_max;
            let message = format!("{path:?} is larger than the limit of {limit} bytes");
            return Err(ServiceError::new(ErrorKind::TooLarge, message));
        }
        (self.each)(Entry { path, folder, name })
    }
}

/// Opens a folder in a folder; never through a link.
fn open_folder(folder: &OwnedFd, name: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(folder, name, flags, Mode::empty())
}

/// What is under a name; of a link, the link.
fn look(folder: &OwnedFd, name: &CStr) -> Result<Stat, Errno> {
    statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
}

/// A folder by its path in the package.
fn place_of(prefix: &str) -> &str {
    match prefix.trim_end_matches('/') {
        "" => ".",
        path => path,
    }
}

fn over(
    what: &str,
    count: usize,
    limit: &'static str,
    count_max: usize,
) -> Result<(), ServiceError> {
    if count <= count_max {
        return Ok(());
    }
    let message = format!("the number of {what} is over the limit {limit}: {count_max}");
    Err(ServiceError::new(ErrorKind::TooLarge, message)
        .with_guidance("ingest it in parts, into several packages"))
}

fn link(what: &str) -> ServiceError {
    ServiceError::new(ErrorKind::Unprocessable, format!("{what} is a link, and none is followed"))
}

fn special(path: &str) -> ServiceError {
    let message = format!("{path:?} is a device, a socket or a pipe, which no package holds");
    ServiceError::new(ErrorKind::Unprocessable, message)
}

fn not_utf8(prefix: &str) -> ServiceError {
    let message = format!("{:?} holds a name that is not UTF-8", place_of(prefix));
    ServiceError::new(ErrorKind::Unprocessable, message)
}

/// What was asked for cannot be had.
fn absent(error: Errno, what: &str) -> ServiceError {
    match error {
        Errno::NOENT | Errno::NOTDIR => {
            ServiceError::new(ErrorKind::NotFound, format!("{what} is not there"))
        }
        error => explained(what, error),
    }
}

/// It is not what it was when it was found: the next attempt finds what it is.
pub(super) fn changed(path: &str) -> ServiceError {
    ServiceError::new(ErrorKind::Busy, format!("{path:?} changed while it was read"))
}

/// What the system says of a file or folder that was found.
pub(super) fn failed(path: &str, error: Errno) -> ServiceError {
    match error {
        Errno::NOENT | Errno::LOOP | Errno::NOTDIR | Errno::NXIO => changed(path),
        error => explained(&format!("{path:?}"), error),
    }
}

fn explained(what: &str, error: Errno) -> ServiceError {
    let (kind, message) = match error {
        Errno::ACCESS | Errno::PERM => {
            (ErrorKind::Unprocessable, format!("{what} cannot be read by the registry's user"))
        }
        // A disk or a server of files may be back for the next attempt.
        _ => (ErrorKind::Busy, format!("{what} could not be read")),
    };
    ServiceError::new(kind, message).with_source(error)
}

#[cfg(test)]
mod tests;
