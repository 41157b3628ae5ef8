//! A local file that appears whole or not at all: written under a temporary name beside its place,
//! made durable, and only then given its name.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file on its way. Gone when dropped.
#[derive(Debug)]
pub struct NewFile {
    temporary: NamedTempFile,
    path: PathBuf,
}

impl NewFile {
    /// Starts a file that will be at `path`, in a directory that is there.
    pub fn create(path: &Path) -> io::Result<Self> {
        // Like any file that a person makes; the umask takes its share.
        Self::with_mode(path, 0o666)
    }

    /// Starts a file that nobody but its owner ever reads.
    pub fn create_private(path: &Path) -> io::Result<Self> {
        Self::with_mode(path, 0o600)
    }

    fn with_mode(path: &Path, mode: u32) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".strongroom-").suffix(".partial");
        builder.permissions(Permissions::from_mode(mode));
        let temporary = builder.tempfile_in(directory_of(path)).map_err(without_the_name)?;
        Ok(Self { temporary, path: path.to_owned() })
    }

    /// Where its bytes go.
    pub fn writer(&self) -> io::Result<File> {
        self.temporary.as_file().try_clone()
    }

    /// Gives it its name, durably. Unless `replace`, a file that is there stays, and the error is
    /// [`io::ErrorKind::AlreadyExists`].
    pub fn place(self, replace: bool) -> io::Result<()> {
        let Self { temporary, path } = self;
        temporary.as_file().sync_all()?;
        let placed = match replace {
            true => temporary.persist(&path),
            false => temporary.persist_noclobber(&path),
        };
        placed.map_err(|error| error.error)?;
        sync_directory(directory_of(&path))
    }
}

/// tempfile wraps what the system said in an error that names the temporary file.
fn without_the_name(error: io::Error) -> io::Error {
    let inner = error.get_ref().and_then(|wrapped| wrapped.source()?.downcast_ref::<io::Error>());
    inner.and_then(io::Error::raw_os_error).map_or(error, io::Error::from_raw_os_error)
}

/// The directory that holds `path`.
pub fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A name is durable when its directory is.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::*;

    fn write(path: &Path, bytes: &[u8], replace: bool) -> io::Result<()> {
        let file = NewFile::create(path)?;
        file.writer()?.write_all(bytes)?;
        file.place(replace)
    }

    fn names(directory: &Path) -> usize {
        fs::read_dir(directory).expect("a directory").count()
    }

    #[test]
    fn a_file_that_is_there_stays_unless_it_is_to_be_replaced() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("out");
        write(&path, b"one", false).expect("written");
        let refused = write(&path, b"two", false).expect_err("refused");
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).expect("read"), b"one");
        write(&path, b"two", true).expect("replaced");
        assert_eq!(fs::read(&path).expect("read"), b"two");
        assert_eq!(names(directory.path()), 1, "temporary files stayed");
    }

    #[test]
    fn a_file_that_is_dropped_leaves_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = NewFile::create(&directory.path().join("out")).expect("a file");
        assert_eq!(names(directory.path()), 1);
        drop(file);
        assert_eq!(names(directory.path()), 0);
    }
}
