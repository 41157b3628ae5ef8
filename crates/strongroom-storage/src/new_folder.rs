//! A local folder that appears whole or not at all: its files are written into a temporary one beside its
//! place, made durable, and only then given its name.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::new_file::{directory_of, sync_directory};

/// A folder on its way. Gone when dropped.
#[derive(Debug)]
pub struct NewFolder {
    temporary: TempDir,
    out: PathBuf,
}

impl NewFolder {
    /// Begins the folder that will be at `out`. There may be an empty one.
    pub fn beside(out: &Path) -> io::Result<Self> {
        let temporary = tempfile::Builder::new()
            .prefix(".strongroom-")
            .suffix(".partial")
            .permissions(Permissions::from_mode(0o777))
            .tempdir_in(directory_of(out))?;
        Ok(Self { temporary, out: out.to_owned() })
    }

    /// Where a file of the folder is for now. Its own folder is made.
    pub fn path_of(&self, path: &str) -> io::Result<PathBuf> {
        let path = self.temporary.path().join(path);
        fs::create_dir_all(directory_of(&path))?;
        Ok(path)
    }

    /// Writes a new file.
    pub fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let mut file = File::create_new(self.path_of(path)?)?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    /// Gives the folder its name, durably. Anything but an empty folder that has it stays, and is an
    /// error.
    pub fn place(self) -> io::Result<()> {
        sync_directory(self.temporary.path())?;
        fs::rename(self.temporary.path(), &self.out)?;
        sync_directory(directory_of(&self.out))?;
        // It has another name by now, and nothing is to be removed.
        let _ = self.temporary.keep();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_appears_whole_and_takes_an_empty_ones_place_only() {
        let desk = tempfile::tempdir().unwrap();
        let out = desk.path().join("out");
        let begun = || {
            let folder = NewFolder::beside(&out).unwrap();
            folder.write("a/b.txt", b"one").unwrap();
            folder
        };
        drop(begun());
        assert_eq!(fs::read_dir(desk.path()).unwrap().count(), 0);
        fs::create_dir(&out).unwrap();
        begun().place().unwrap();
        assert_eq!(fs::read(out.join("a/b.txt")).unwrap(), b"one");
        let error = begun().place().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::DirectoryNotEmpty);
    }
}
