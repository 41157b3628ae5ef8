//! A file that appears whole or not at all: written under a temporary name beside its place, made
//! durable, and only then given its name.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use strongroom_core::Sha256Digest;
use strongroom_core::digest::Sha256Hasher;
use tempfile::NamedTempFile;

use crate::exit::Exit;
use crate::failure::Failure;

const READ_BYTES: usize = 256 << 10;

/// A file on its way. Gone when dropped.
#[derive(Debug)]
pub struct NewFile {
    temporary: NamedTempFile,
    path: PathBuf,
}

/// How a new file came to its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// It is new, or replaced another.
    Written,
    /// The same bytes were there.
    AlreadyThere,
}

impl NewFile {
    /// Starts a file that will be at `path`.
    pub fn create(path: &Path) -> Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".strongroom-").suffix(".partial");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // Like any file that a person makes; the umask takes its share.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let directory = directory_of(path);
        let temporary = builder
            .tempfile_in(directory)
            .with_context(|| format!("{} cannot take a new file", directory.display()))?;
        Ok(Self { temporary, path: path.to_owned() })
    }

    /// Where its bytes go.
    pub fn writer(&self) -> io::Result<File> {
        self.temporary.as_file().try_clone()
    }

    /// Gives it its name. A different file that is there stays, unless `replace`.
    pub fn place(self, sha256: Sha256Digest, replace: bool) -> Result<Placed> {
        let Self { temporary, path } = self;
        temporary.as_file().sync_all().with_context(|| unwritable(&path))?;
        if replace {
            temporary
                .persist(&path)
                .map_err(|error| error.error)
                .with_context(|| unwritable(&path))?;
        } else if let Err(error) = temporary.persist_noclobber(&path) {
            if error.error.kind() != io::ErrorKind::AlreadyExists {
                return Err(error.error).with_context(|| unwritable(&path));
            }
            if digest_of(&path).with_context(|| format!("{} could not be read", path.display()))?
                != sha256
            {
                return Err(Failure::new(
                    Exit::Conflict,
                    format!("{} is there, and is something else", path.display()),
                )
                .with_help("choose another --output, or replace it with --force")
                .into());
            }
            return Ok(Placed::AlreadyThere);
        }
        sync_directory(directory_of(&path)).with_context(|| unwritable(&path))?;
        Ok(Placed::Written)
    }
}

fn unwritable(path: &Path) -> String {
    format!("{} could not be written", path.display())
}

/// The directory that holds `path`.
pub fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn digest_of(path: &Path) -> io::Result<Sha256Digest> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256Hasher::new();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hasher.finish());
        }
        hasher.update(&buffer[..read]);
    }
}

/// A name is durable when its directory is.
fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::*;

    fn write(path: &Path, bytes: &[u8], replace: bool) -> Result<Placed> {
        let file = NewFile::create(path)?;
        file.writer()?.write_all(bytes)?;
        file.place(Sha256Digest::of(bytes), replace)
    }

    fn names(directory: &Path) -> usize {
        fs::read_dir(directory).expect("a directory").count()
    }

    #[test]
    fn a_different_file_stays_unless_it_is_to_be_replaced() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("out");
        assert_eq!(write(&path, b"one", false).expect("written"), Placed::Written);
        assert_eq!(write(&path, b"one", false).expect("the same"), Placed::AlreadyThere);
        let refused = write(&path, b"two", false).expect_err("refused");
        assert_eq!(crate::exit::exit_of(&refused), Exit::Conflict);
        assert_eq!(fs::read(&path).expect("read"), b"one");
        assert_eq!(write(&path, b"two", true).expect("replaced"), Placed::Written);
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
