//! A file that a report goes into: begun before the work, so that a place that cannot be written is told
//! before minutes are spent, and there whole or not at all.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use strongroom_storage::new_file::NewFile;

use crate::failure::Failure;

/// A report's file on its way. Gone when dropped.
#[derive(Debug)]
pub struct ReportFile {
    path: PathBuf,
    file: NewFile,
}

impl ReportFile {
    /// Begins the file that will be at `path`.
    pub fn begin(path: &Path) -> Result<Self> {
        let named = || format!("{} cannot be written", path.display());
        let no_place =
            || Failure::usage(named()).with_help("name a file in a directory that is there");
        if path.is_dir() {
            return Err(no_place().into());
        }
        match NewFile::create(path) {
            Ok(file) => Ok(Self { path: path.to_owned(), file }),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                Err(no_place().into())
            }
            Err(error) => Err(error).with_context(named),
        }
    }

    /// Gives it its name. What had it is replaced.
    pub fn finish(self, bytes: &[u8]) -> Result<()> {
        let Self { path, file } = self;
        let write = || {
            file.writer()?.write_all(bytes)?;
            file.place(true)
        };
        write().with_context(|| format!("{} could not be written", path.display()))
    }
}
