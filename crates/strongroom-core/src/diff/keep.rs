//! Which changed files to look into, and their bytes while both bundles are verified: each archive is read
//! once, and what is held in memory is bounded.

use std::collections::BTreeMap;

use super::files::{ChangedFile, FileChanges};
use super::inside::room::Room;
use super::inside::{self, Inside, NotLookedAt, Promise};
use crate::bundle::ContentVisitor;
use crate::limits::{DIFF_CONTENT_BYTES_MAX, DIFF_FILE_BYTES_MAX, DIFF_FILES_MAX};

/// The files to look into: by path, their places among the changed ones.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted(BTreeMap<String, usize>);

impl Wanted {
    /// Chooses among the changed files, those first whose names promise text; and says of the others why
    /// not. A file of which only the media type changed has nothing inside to look at.
    pub(super) fn choose(changes: &mut FileChanges) -> Self {
        let files = &mut changes.changed;
        let mut order: Vec<usize> =
            (0..files.len()).filter(|at| files[*at].has_other_bytes()).collect();
        order.sort_by_key(|at| {
            let file = &files[*at];
            Promise::of(&file.path, file.candidate.media_type.as_deref()) == Promise::Nothing
        });
        let mut wanted = BTreeMap::new();
        let mut bytes_left = DIFF_CONTENT_BYTES_MAX;
        for at in order {
            let file = &mut files[at];
            let larger = file.base.size_bytes.max(file.candidate.size_bytes);
            // Neither sum nor difference can overflow: both are below the limit of a file by then.
            let reason = match () {
                () if larger > DIFF_FILE_BYTES_MAX => NotLookedAt::FileLimit,
                () if wanted.len() == DIFF_FILES_MAX => NotLookedAt::FilesLimit,
                () if file.base.size_bytes + file.candidate.size_bytes > bytes_left => {
                    NotLookedAt::ContentLimit
                }
                () => {
                    bytes_left -= file.base.size_bytes + file.candidate.size_bytes;
                    wanted.insert(file.path.clone(), at);
                    continue;
                }
            };
            file.inside = Some(Inside::NotLookedAt { reason });
        }
        Self(wanted)
    }
}

impl ChangedFile {
    fn has_other_bytes(&self) -> bool {
        self.base.sha256 != self.candidate.sha256
    }
}

/// Keeps the bytes of the wanted files while one bundle is verified.
#[derive(Debug)]
pub(super) struct Keeper<'a> {
    wanted: &'a Wanted,
    kept: BTreeMap<usize, Vec<u8>>,
    current: Option<(usize, Vec<u8>)>,
}

impl<'a> Keeper<'a> {
    /// One that has seen nothing yet.
    pub(super) fn new(wanted: &'a Wanted) -> Self {
        Self { wanted, kept: BTreeMap::new(), current: None }
    }

    /// The bytes, by the places of their files among the changed ones. Only of a bundle that was verified.
    pub(super) fn into_kept(self) -> BTreeMap<usize, Vec<u8>> {
        self.kept
    }
}

impl ContentVisitor for Keeper<'_> {
    fn begin(&mut self, path: &str, size_bytes: u64) -> bool {
        let Some(at) = self.wanted.0.get(path) else { return false };
        // At most DIFF_FILE_BYTES_MAX, so it fits.
        self.current = Some((*at, Vec::with_capacity(size_bytes as usize)));
        true
    }

    fn content(&mut self, bytes: &[u8]) {
        if let Some((_, kept)) = &mut self.current {
            kept.extend_from_slice(bytes);
        }
    }

    fn end(&mut self) {
        self.kept.extend(self.current.take());
    }
}

/// Looks into the files whose bytes were kept, and lets go of each file's as it goes.
pub(super) fn look_inside(
    changes: &mut FileChanges,
    mut base: BTreeMap<usize, Vec<u8>>,
    mut candidate: BTreeMap<usize, Vec<u8>>,
) {
    let mut room = Room::default();
    for (at, file) in changes.changed.iter_mut().enumerate() {
        if let Some((was, is)) = base.remove(&at).zip(candidate.remove(&at)) {
            file.inside = Some(inside::look(file, &was, &is, &mut room));
        }
    }
}
