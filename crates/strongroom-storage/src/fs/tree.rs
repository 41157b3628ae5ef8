//! The store's directory: the objects' folders, and Strongroom's own beside them.
//!
//! ```text
//! {root}/bundles/sha256:….tar.gz                       an object, under its key
//! {root}/.strongroom/sidecars/bundles/sha256:….tar.gz  its sidecar
//! {root}/.strongroom/stage/{uuid}                      something being written
//! {root}/.strongroom/locks/{00…3f}                     serialise changes of keys among processes
//! ```

use std::io;
use std::path::{Path, PathBuf};

use super::disk::{Disk, Folder};
use super::durable::DurableFolders;
use super::failure::{failed, is_absent};
use super::names::OWN_FOLDER;
use crate::{StorageError, StorageErrorKind};

const SIDECARS: &str = "sidecars";
const STAGE: &str = "stage";

/// Folders from the root to one below it, all of them open.
#[derive(Debug)]
pub(super) struct Chain(Vec<Folder>);

impl Chain {
    /// The folder at the end.
    pub(super) fn last(&self) -> &Folder {
        // A chain is never empty: it begins with the root.
        &self.0[self.0.len() - 1]
    }

    /// Makes every name in the chain durable, the newest first: what is new in the last folder, and the folders'
    /// own names, unless they are known to be.
    pub(super) fn sync(&self, disk: &Disk, known: &DurableFolders) -> io::Result<()> {
        known.sync(disk, self.last())?;
        for pair in self.0.windows(2).rev() {
            let [parent, folder] = pair else { continue };
            let id = disk.id_of(folder)?;
            if id.is_some_and(|id| known.has(id)) {
                continue;
            }
            known.sync(disk, parent)?;
            if let Some(id) = id {
                known.add(id);
            }
        }
        Ok(())
    }
}

/// The folder at the root; `None` where there is none yet.
pub(super) fn open_root(disk: &Disk, root: &Path) -> Result<Option<Chain>, StorageError> {
    match disk.open_root(root) {
        Ok(folder) => Ok(Some(Chain(vec![folder]))),
        Err(cause) if is_absent(&cause) => Ok(None),
        Err(cause) if cause.kind() == io::ErrorKind::NotADirectory => Err(StorageError::new(
            StorageErrorKind::Configuration,
            "the store's URL names something that is not a directory",
        )
        .with_source(cause)),
        Err(cause) => Err(failed("opening the store's directory", cause)),
    }
}

/// The folder at the root, made where it is not there, its parents too, and durable.
pub(super) fn make_root(disk: &Disk, root: &Path) -> Result<Chain, StorageError> {
    if let Some(chain) = open_root(disk, root)? {
        return Ok(chain);
    }
    let doing = "making the store's directory";
    let mut missing = vec![root];
    let mut parent = root.parent();
    let mut above = None;
    while let Some(path) = parent {
        match disk.open_root(path) {
            Ok(folder) => {
                above = Some(folder);
                break;
            }
            Err(cause) if is_absent(&cause) => missing.push(path),
            Err(cause) => return Err(failed(doing, cause)),
        }
        parent = path.parent();
    }
    for path in missing.into_iter().rev() {
        disk.make_root(path).map_err(|cause| failed(doing, cause))?;
        let folder = disk.open_root(path).map_err(|cause| failed(doing, cause))?;
        if let Some(above) = above.replace(folder) {
            disk.sync_folder(&above).map_err(|cause| failed(doing, cause))?;
        }
    }
    let folder = disk.open_root(root).map_err(|cause| failed(doing, cause))?;
    Ok(Chain(vec![folder]))
}

/// The folders `names`, one below the other; `None` where one is not there.
pub(super) fn open_chain(
    disk: &Disk,
    root: &Path,
    names: &[String],
) -> Result<Option<Chain>, StorageError> {
    let Some(mut chain) = open_root(disk, root)? else { return Ok(None) };
    for name in names {
        match disk.open_folder(chain.last(), name) {
            Ok(folder) => chain.0.push(folder),
            Err(cause) if is_absent(&cause) => return Ok(None),
            Err(cause) => return Err(failed("opening a folder of the store", cause)),
        }
    }
    Ok(Some(chain))
}

/// The folders `names`, one below the other, made where they are not there. Not durable until
/// [`Chain::sync`].
pub(super) fn make_chain(
    disk: &Disk,
    root: &Path,
    names: &[String],
) -> Result<Chain, StorageError> {
    let doing = "making a folder of the store";
    let mut chain = make_root(disk, root)?;
    for name in names {
        let parent = chain.last();
        let folder = match disk.open_folder(parent, name) {
            Err(cause) if is_absent(&cause) => {
                disk.make_folder(parent, name).map_err(|cause| failed(doing, cause))?;
                disk.open_folder(parent, name)
            }
            opened => opened,
        };
        chain.0.push(folder.map_err(|cause| failed(doing, cause))?);
    }
    Ok(chain)
}

/// The names of the folder of sidecars that mirrors the objects' folder `folders`.
pub(super) fn sidecar_folders(folders: &[String]) -> Vec<String> {
    let own = [OWN_FOLDER, SIDECARS].map(str::to_owned);
    own.into_iter().chain(folders.iter().cloned()).collect()
}

/// The folder of what is being written.
pub(super) fn make_stage_folder(disk: &Disk, root: &Path) -> Result<Chain, StorageError> {
    make_chain(disk, root, &[OWN_FOLDER, STAGE].map(str::to_owned))
}

/// The nearest folder at or above the root that is there.
pub(super) fn nearest(disk: &Disk, root: &Path) -> Option<PathBuf> {
    root.ancestors().find(|path| disk.open_root(path).is_ok()).map(Path::to_owned)
}
