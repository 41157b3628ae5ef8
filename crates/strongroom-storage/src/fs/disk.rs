//! The only place that touches the operating system: each operation is one method, relative to an
//! open folder, and follows no symbolic link. An [`Observer`] is told of each one first, and may
//! make it fail: so tests see the order of writes, syncs and links, and fail the k-th.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use jiff::Timestamp;
use rustix::buffer::spare_capacity;
use rustix::fs::{Access, AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

/// One kind of operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Operation {
    OpenFolder,
    MakeFolder,
    ListFolder,
    SyncFolder,
    CreateFile,
    OpenFile,
    Stat,
    Lock,
    Read,
    Write,
    SetTime,
    SyncFile,
    Link,
    Rename,
    Unlink,
    Access,
}

/// Is told of each operation before it is done, and may refuse it. `path` is what the operation
/// makes, changes or looks at.
pub(super) trait Observer: Send + Sync {
    fn before(&self, operation: Operation, path: &Path) -> io::Result<()>;
}

/// The operating system's files.
#[derive(Clone, Default)]
pub(super) struct Disk {
    observer: Option<Arc<dyn Observer>>,
}

/// An open folder.
#[derive(Debug)]
pub(super) struct Folder {
    descriptor: File,
    path: PathBuf,
}

/// Which folder it is, whatever its name: no other one has the same, also after it was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct FolderId {
    device: u64,
    inode: u64,
    /// Numbers of inodes are used again.
    born: SystemTime,
}

/// An open file.
#[derive(Debug)]
pub(super) struct OpenFile {
    file: File,
    path: PathBuf,
}

/// What is under a name, or what was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) kind: EntryKind,
    pub(super) size_bytes: u64,
    pub(super) modified: Option<Timestamp>,
}

/// What kind of thing a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryKind {
    File,
    Folder,
    /// A symbolic link, a device, a socket, a pipe: never opened, never followed.
    Other,
}

impl Disk {
    #[cfg(test)]
    pub(super) fn observed(observer: Arc<dyn Observer>) -> Self {
        Self { observer: Some(observer) }
    }

    fn before(&self, operation: Operation, path: &Path) -> io::Result<()> {
        match &self.observer {
            Some(observer) => observer.before(operation, path),
            None => Ok(()),
        }
    }

    /// Opens the folder at an absolute path, which is the user's own: links in it are followed.
    pub(super) fn open_root(&self, path: &Path) -> io::Result<Folder> {
        self.before(Operation::OpenFolder, path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let descriptor = rustix::fs::open(path, flags, Mode::empty())?;
        Ok(Folder { descriptor: descriptor.into(), path: path.to_owned() })
    }

    /// Makes the folder at an absolute path; its parent is there.
    pub(super) fn make_root(&self, path: &Path) -> io::Result<()> {
        self.before(Operation::MakeFolder, path)?;
        unless_there(rustix::fs::mkdir(path, Mode::from_raw_mode(0o777)))
    }

    /// Whether the user may do `access` at an absolute path.
    pub(super) fn may_access(&self, path: &Path, access: Access) -> io::Result<()> {
        self.before(Operation::Access, path)?;
        Ok(rustix::fs::access(path, access)?)
    }

    /// Opens a folder in a folder.
    pub(super) fn open_folder(&self, parent: &Folder, name: &str) -> io::Result<Folder> {
        let path = parent.path.join(name);
        self.before(Operation::OpenFolder, &path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let descriptor = rustix::fs::openat(&parent.descriptor, name, flags, Mode::empty())?;
        Ok(Folder { descriptor: descriptor.into(), path })
    }

    /// Makes a folder in a folder, unless something is there under that name.
    pub(super) fn make_folder(&self, parent: &Folder, name: &str) -> io::Result<()> {
        self.before(Operation::MakeFolder, &parent.path.join(name))?;
        let mode = Mode::from_raw_mode(0o777);
        unless_there(rustix::fs::mkdirat(&parent.descriptor, name, mode))
    }

    /// Which folder it is; `None` where the file system does not tell when it was made.
    pub(super) fn id_of(&self, folder: &Folder) -> io::Result<Option<FolderId>> {
        self.before(Operation::Stat, &folder.path)?;
        let seen = folder.descriptor.metadata()?;
        let id = |born| FolderId { device: seen.dev(), inode: seen.ino(), born };
        Ok(seen.created().ok().map(id))
    }

    /// Makes the names in a folder durable.
    pub(super) fn sync_folder(&self, folder: &Folder) -> io::Result<()> {
        self.before(Operation::SyncFolder, &folder.path)?;
        Ok(rustix::fs::fsync(&folder.descriptor)?)
    }

    /// Calls `each` with every name in a folder, in no order, until it breaks. Names that are not
    /// UTF-8 are not ours and are left out.
    pub(super) fn list_folder(
        &self,
        folder: &Folder,
        mut each: impl FnMut(&str, EntryKind) -> io::Result<ControlFlow<()>>,
    ) -> io::Result<()> {
        self.before(Operation::ListFolder, &folder.path)?;
        for entry in Dir::read_from(&folder.descriptor)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if matches!(name, "." | "..") {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::Unknown => match self.stat_entry(folder, name) {
                    Err(gone) if gone.kind() == io::ErrorKind::NotFound => continue,
                    stat => stat?.kind,
                },
                known => EntryKind::of(known),
            };
            if each(name, kind)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Creates a file that is not there yet, to be written and read back.
    pub(super) fn create_file(
        &self,
        folder: &Folder,
        name: &str,
        mode: u32,
    ) -> io::Result<OpenFile> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
        self.open(folder, name, flags, mode, Operation::CreateFile)
    }

    /// Opens a file to be locked, and creates it if it is not there.
    pub(super) fn open_lock_file(&self, folder: &Folder, name: &str) -> io::Result<OpenFile> {
        self.open(folder, name, OFlags::WRONLY | OFlags::CREATE, 0o666, Operation::CreateFile)
    }

    /// Opens a file to be read. Never waits, whatever the file turns out to be.
    pub(super) fn open_file(&self, folder: &Folder, name: &str) -> io::Result<OpenFile> {
        self.open(folder, name, OFlags::RDONLY | OFlags::NONBLOCK, 0, Operation::OpenFile)
    }

    fn open(
        &self,
        folder: &Folder,
        name: &str,
        flags: OFlags,
        mode: u32,
        operation: Operation,
    ) -> io::Result<OpenFile> {
        let path = folder.path.join(name);
        self.before(operation, &path)?;
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(mode);
        let descriptor = rustix::fs::openat(&folder.descriptor, name, flags, mode)?;
        Ok(OpenFile { file: File::from(descriptor), path })
    }

    /// What is under a name. A link is not followed.
    pub(super) fn stat_entry(&self, folder: &Folder, name: &str) -> io::Result<Stat> {
        self.before(Operation::Stat, &folder.path.join(name))?;
        let stat = rustix::fs::statat(&folder.descriptor, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(Stat::of(&stat))
    }

    /// What was opened.
    pub(super) fn stat_file(&self, file: &OpenFile) -> io::Result<Stat> {
        self.before(Operation::Stat, &file.path)?;
        Ok(Stat::of(&rustix::fs::fstat(&file.file)?))
    }

    /// How many names an opened file still has.
    pub(super) fn links(&self, file: &OpenFile) -> io::Result<u64> {
        self.before(Operation::Stat, &file.path)?;
        Ok(file.file.metadata()?.nlink())
    }

    /// Takes the file's lock among processes, or says that another has it. It goes with the last
    /// handle, also when the process dies.
    pub(super) fn try_lock(&self, file: &OpenFile) -> io::Result<bool> {
        self.before(Operation::Lock, &file.path)?;
        match file.file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(failed)) => Err(failed),
        }
    }

    /// Gives the file's lock back.
    pub(super) fn unlock(&self, file: &OpenFile) -> io::Result<()> {
        file.file.unlock()
    }

    /// Reads up to `size_bytes` from `offset`: fewer only at the end of the file.
    pub(super) fn read(
        &self,
        file: &OpenFile,
        offset: u64,
        size_bytes: usize,
    ) -> io::Result<Vec<u8>> {
        self.before(Operation::Read, &file.path)?;
        let mut bytes = Vec::with_capacity(size_bytes);
        while bytes.len() < size_bytes {
            let at = offset + bytes.len() as u64;
            match rustix::io::pread(&file.file, spare_capacity(&mut bytes), at) {
                Ok(0) => break,
                Ok(_) | Err(Errno::INTR) => {}
                Err(failed) => return Err(failed.into()),
            }
        }
        // A vector may have more room than was asked for.
        bytes.truncate(size_bytes);
        Ok(bytes)
    }

    /// Appends all of `bytes`.
    pub(super) fn write(&self, file: &OpenFile, bytes: &[u8]) -> io::Result<()> {
        self.before(Operation::Write, &file.path)?;
        io::Write::write_all(&mut &file.file, bytes)
    }

    /// Sets when the file was last written.
    pub(super) fn set_modified(&self, file: &OpenFile, at: Timestamp) -> io::Result<()> {
        self.before(Operation::SetTime, &file.path)?;
        file.file.set_modified(at.into())
    }

    /// Makes the bytes of a file durable.
    pub(super) fn sync_file(&self, file: &OpenFile) -> io::Result<()> {
        self.before(Operation::SyncFile, &file.path)?;
        file.file.sync_all()
    }

    /// Gives a file a second name, where nothing is under that name.
    pub(super) fn link(
        &self,
        (from, from_name): (&Folder, &str),
        (to, to_name): (&Folder, &str),
    ) -> io::Result<()> {
        self.before(Operation::Link, &to.path.join(to_name))?;
        let (old, new) = (&from.descriptor, &to.descriptor);
        Ok(rustix::fs::linkat(old, from_name, new, to_name, AtFlags::empty())?)
    }

    /// Gives a file another name, in place of whatever was under it.
    pub(super) fn rename(
        &self,
        (from, from_name): (&Folder, &str),
        (to, to_name): (&Folder, &str),
    ) -> io::Result<()> {
        self.before(Operation::Rename, &to.path.join(to_name))?;
        Ok(rustix::fs::renameat(&from.descriptor, from_name, &to.descriptor, to_name)?)
    }

    /// Takes a name away.
    pub(super) fn unlink(&self, folder: &Folder, name: &str) -> io::Result<()> {
        self.before(Operation::Unlink, &folder.path.join(name))?;
        Ok(rustix::fs::unlinkat(&folder.descriptor, name, AtFlags::empty())?)
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Disk")
    }
}

impl EntryKind {
    fn of(file_type: FileType) -> Self {
        match file_type {
            FileType::RegularFile => Self::File,
            FileType::Directory => Self::Folder,
            _ => Self::Other,
        }
    }
}

impl Stat {
    fn of(stat: &rustix::fs::Stat) -> Self {
        let nanoseconds = i32::try_from(stat.st_mtime_nsec).unwrap_or_default();
        Self {
            kind: EntryKind::of(FileType::from_raw_mode(stat.st_mode)),
            size_bytes: u64::try_from(stat.st_size).unwrap_or_default(),
            modified: Timestamp::new(stat.st_mtime, nanoseconds).ok(),
        }
    }
}

fn unless_there(made: rustix::io::Result<()>) -> io::Result<()> {
    match made {
        Err(rustix::io::Errno::EXIST) => Ok(()),
        other => Ok(other?),
    }
}
