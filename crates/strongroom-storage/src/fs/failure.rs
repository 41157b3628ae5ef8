//! What the operating system's errors mean.

use std::io;

use rustix::io::Errno;

use crate::{StorageError, StorageErrorKind};

/// The meaning of a failed operation; `doing` says what was attempted ("writing an object").
pub(super) fn failed(doing: &'static str, cause: io::Error) -> StorageError {
    let errno = Errno::from_io_error(&cause);
    let (kind, what, guidance) = match errno {
        Some(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => (
            StorageErrorKind::NoSpace,
            "there is no space left, or a quota is reached",
            "make room, or name a store on another disk",
        ),
        Some(Errno::ACCESS | Errno::PERM | Errno::ROFS) => (
            StorageErrorKind::PermissionDenied,
            "permission denied",
            "check the owner and the mode of the store's directory, and that it is not mounted \
             read-only",
        ),
        Some(Errno::NAMETOOLONG) => (
            StorageErrorKind::InvalidKey,
            "the file system does not hold names as long as this",
            "name a store on another file system",
        ),
        Some(Errno::LOOP | Errno::NOTDIR) => (
            StorageErrorKind::Io,
            "a symbolic link or a file is where a folder should be",
            "links below the store's directory are not followed: put the directory itself there",
        ),
        Some(Errno::XDEV) => (
            StorageErrorKind::Configuration,
            "the store's directory spans several file systems",
            "objects are linked into place, which needs one file system",
        ),
        Some(Errno::NOSYS | Errno::OPNOTSUPP | Errno::NOLCK | Errno::MLINK) => (
            StorageErrorKind::Unsupported,
            "the file system has no such operation",
            "the store needs hard links and file locks: name a store on another file system",
        ),
        _ => {
            let message = format!("{doing} failed");
            return StorageError::new(StorageErrorKind::Io, message).with_source(cause);
        }
    };
    StorageError::new(kind, format!("{doing} failed: {what}"))
        .with_guidance(guidance)
        .with_source(cause)
}

/// Whether nothing is there under the name.
pub(super) fn is_absent(cause: &io::Error) -> bool {
    cause.kind() == io::ErrorKind::NotFound
}

/// Whether something is there under the name, but no folder: a link is never followed.
pub(super) fn is_no_folder(cause: &io::Error) -> bool {
    matches!(Errno::from_io_error(cause), Some(Errno::LOOP | Errno::NOTDIR))
}
