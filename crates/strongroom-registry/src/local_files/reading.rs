//! The bytes of one file, which must not change meanwhile.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;
use rustix::fs::{FileType, Stat, fstat};
use strongroom_storage::{StorageError, StorageErrorKind};
use tokio::task::spawn_blocking;

use super::walk::{changed, failed};
use crate::error::ServiceError;
use crate::service::file_body::FileBody;

/// Bytes that are read at once.
const PIECE_BYTES: u64 = 256 << 10;

/// What tells that a file changed. The last of them nobody can set back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    size_bytes: u64,
    modified: (i64, i64),
    touched: (i64, i64),
}

impl Seen {
    fn of(stat: &Stat) -> Self {
        // The types differ from one system to another.
        #[allow(clippy::unnecessary_cast)]
        Self {
            size_bytes: u64::try_from(stat.st_size).unwrap_or_default(),
            modified: (stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            touched: (stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        }
    }
}

/// A regular file, open, as it was when it was opened.
#[derive(Debug)]
pub(crate) struct LocalFile {
    file: File,
    seen: Seen,
    /// Its path in the package.
    path: String,
}

/// Why the body of a file broke off, once it did.
#[derive(Debug, Clone, Default)]
pub(crate) struct BrokeOff(Arc<Mutex<Option<ServiceError>>>);

impl BrokeOff {
    fn tell(&self, why: ServiceError) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    /// The reason, if there is one.
    pub(crate) fn why(&self) -> Option<ServiceError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl LocalFile {
    /// Takes what was opened, if it is a regular file.
    pub(super) fn new(opened: OwnedFd, path: &str) -> Result<Self, ServiceError> {
        let stat = fstat(&opened).map_err(|error| failed(path, error))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(changed(path));
        }
        Ok(Self { file: opened.into(), seen: Seen::of(&stat), path: path.to_owned() })
    }

    /// Its path in the package.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// How many bytes it has.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.seen.size_bytes
    }

    /// Its bytes, just as many as it had when it was opened. Before the last of them are handed out the file is looked at
    /// again: where it is not what it was, they are not, and the body breaks off instead.
    pub(crate) fn into_body(self) -> (FileBody, BrokeOff) {
        let broke_off = BrokeOff::default();
        let told = broke_off.clone();
        let reading = Reading { file: self, read_bytes: 0, is_done: false };
        let body = stream::unfold(Some(reading), move |reading| {
            let told = told.clone();
            async move {
                let (piece, reading) = next(reading?).await;
                match piece {
                    Ok(None) => None,
                    Ok(Some(piece)) => Some((Ok(piece), reading)),
                    Err(why) => {
                        let error =
                            StorageError::new(StorageErrorKind::BodyFailed, why.to_string());
                        told.tell(why);
                        Some((Err(error), None))
                    }
                }
            }
        });
        (body.boxed(), broke_off)
    }
}

/// A file of which so much was read.
struct Reading {
    file: LocalFile,
    read_bytes: u64,
    is_done: bool,
}

async fn next(mut reading: Reading) -> (Result<Option<Bytes>, ServiceError>, Option<Reading>) {
    if reading.is_done {
        return (Ok(None), None);
    }
    let read = spawn_blocking(move || (reading.read_on(), reading)).await;
    match read {
        Ok((piece, reading)) => (piece, Some(reading)),
        Err(error) => (Err(ServiceError::internal(error)), None),
    }
}

impl Reading {
    fn read_on(&mut self) -> Result<Option<Bytes>, ServiceError> {
        let LocalFile { file, seen, path } = &mut self.file;
        let wanted = (seen.size_bytes - self.read_bytes).min(PIECE_BYTES);
        let mut piece = Vec::with_capacity(usize::try_from(wanted).unwrap_or_default());
        let unreadable = |path: &str, error: io::Error| {
            failed(path, rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::IO))
        };
        file.by_ref()
            .take(wanted)
            .read_to_end(&mut piece)
            .map_err(|error| unreadable(path, error))?;
        self.read_bytes += piece.len() as u64;
        if (piece.len() as u64) < wanted {
            return Err(changed(path));
        }
        if self.read_bytes == seen.size_bytes {
            let more = file.read(&mut [0]).map_err(|error| unreadable(path, error))?;
            let stat = fstat(&*file).map_err(|error| failed(path, error))?;
            if more > 0 || Seen::of(&stat) != *seen {
                return Err(changed(path));
            }
            self.is_done = true;
        }
        Ok((!piece.is_empty()).then(|| piece.into()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{FileTimes, OpenOptions};
    use std::io::{Seek as _, SeekFrom, Write as _};
    use std::time::{Duration, SystemTime};

    use super::*;

    const SIZE_BYTES: usize = 3 * PIECE_BYTES as usize + 5;

    /// A file that was written long ago, and whoever may write it.
    fn file() -> (tempfile::TempDir, LocalFile, File) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, vec![7; SIZE_BYTES]).unwrap();
        let writer = OpenOptions::new().write(true).open(&path).unwrap();
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        writer.set_times(FileTimes::new().set_modified(long_ago)).unwrap();
        let opened = File::open(&path).unwrap();
        (folder, LocalFile::new(opened.into(), "a/b").unwrap(), writer)
    }

    #[tokio::test]
    async fn a_file_that_stays_as_it_is_is_read_to_its_end() {
        let (_folder, file, _writer) = file();
        assert_eq!(file.size_bytes(), SIZE_BYTES as u64);
        let (body, broke_off) = file.into_body();
        let pieces: Vec<_> = body.map(|piece| piece.unwrap().len()).collect().await;
        assert_eq!(pieces.iter().sum::<usize>(), SIZE_BYTES);
        assert!(pieces.iter().all(|piece| *piece > 0 && *piece <= PIECE_BYTES as usize));
        assert!(broke_off.why().is_none());
    }

    #[tokio::test]
    async fn a_file_that_grows_shrinks_or_is_written_while_it_is_read_never_ends_well() {
        let changes: [fn(&mut File); 3] = [
            |file| {
                file.seek(SeekFrom::End(0)).unwrap();
                file.write_all(b"more").unwrap();
            },
            |file| file.set_len(SIZE_BYTES as u64 - 1).unwrap(),
            |file| file.write_all(b"x").unwrap(),
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let (_folder, file, mut writer) = file();
            let (mut body, broke_off) = file.into_body();
            assert_eq!(body.next().await.unwrap().unwrap().len(), PIECE_BYTES as usize);
            change(&mut writer);
            let rest: Vec<_> = body.collect().await;
            let bytes: usize = rest.iter().flatten().map(Bytes::len).sum();
            assert!(rest.last().unwrap().is_err(), "{number}");
            assert!(bytes < SIZE_BYTES - PIECE_BYTES as usize, "{number}");
            let why = broke_off.why().unwrap();
            assert!(why.kind().is_transient(), "{number}: it is tried again");
            assert_eq!(why.to_string(), "\"a/b\" changed while it was read");
        }
    }

    #[tokio::test]
    async fn an_empty_file_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "").unwrap();
        let opened = File::open(&path).unwrap();
        let (mut body, _) = LocalFile::new(opened.into(), "empty").unwrap().into_body();
        assert!(body.next().await.is_none());
    }

    #[test]
    fn what_is_no_regular_file_is_none() {
        let opened = File::open("/").unwrap();
        assert!(LocalFile::new(opened.into(), "a").is_err());
    }
}
