//! A bundle's file gets its name. Making the same bundle twice is no conflict.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use strongroom_core::Sha256Digest;
use strongroom_core::digest::Sha256Hasher;
use strongroom_storage::new_file::NewFile;

use crate::exit::Exit;
use crate::failure::Failure;

const READ_BYTES: usize = 256 << 10;

/// How a new file came to its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// It is new, or replaced another.
    Written,
    /// The same bytes were there.
    AlreadyThere,
}

/// Gives `file`, whose digest is `sha256`, its place. A different file that is there stays, unless
/// `replace`.
pub fn place(file: NewFile, path: &Path, sha256: Sha256Digest, replace: bool) -> Result<Placed> {
    match file.place(replace) {
        Ok(()) => Ok(Placed::Written),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let there =
                digest_of(path).with_context(|| format!("{} could not be read", path.display()))?;
            if there == sha256 {
                return Ok(Placed::AlreadyThere);
            }
            Err(Failure::new(
                Exit::Conflict,
                format!("{} is there, and is something else", path.display()),
            )
            .with_help("choose another --output, or replace it with --force")
            .into())
        }
        Err(error) => {
            Err(error).with_context(|| format!("{} could not be written", path.display()))
        }
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::*;

    fn write(path: &Path, bytes: &[u8], replace: bool) -> Result<Placed> {
        let file = NewFile::create(path)?;
        file.writer()?.write_all(bytes)?;
        place(file, path, Sha256Digest::of(bytes), replace)
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
    }
}
