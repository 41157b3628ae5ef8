//! Listing: keys in the byte order of whole keys, page by page, without reading more of the tree
//! than the prefix and the page need, and without holding more than a page's entries.
//!
//! The order of keys is not that of names: `a-b` comes before everything in the folder `a`, because
//! `-` is less than `/`. So a folder is sorted as its name and a `/`.

use std::collections::BinaryHeap;
use std::io;
use std::ops::ControlFlow;

use super::Directory;
use super::disk::{Disk, EntryKind, Folder};
use super::failure::{failed, is_absent, is_no_folder};
use super::names::{CONTINUED, OWN_FOLDER, folders_of, folders_of_segment};
use super::tree::open_chain;
use crate::key::KEY_BYTES_MAX;
use crate::listing::{PageBuilder, Room, Start};
use crate::{ListPage, ListRequest, ListedObject, StorageError, StorageErrorKind};

/// Folders inside folders that are looked into for a key: deeper, no key can be.
const DEPTH_MAX: usize = KEY_BYTES_MAX / 2;
/// Folders that one segment's name can go on in.
const CONTINUATIONS_MAX: usize = KEY_BYTES_MAX / 100;

impl Directory {
    /// One page of keys.
    pub(super) fn list(&self, request: &ListRequest) -> Result<ListPage, StorageError> {
        let mut page = PageBuilder::new(request);
        let at = request.prefix.rfind('/').map_or("", |slash| &request.prefix[..=slash]);
        let folders = at.strip_suffix('/').map(folders_of).unwrap_or_default();
        let chain = match open_chain(&self.disk, &self.root, &folders) {
            // A link or a file on the way is no folder, and nothing is in it.
            Err(refused) if refused.kind() == StorageErrorKind::Io => None,
            opened => opened?,
        };
        if let Some(chain) = chain {
            let mut walk = Walk {
                disk: &self.disk,
                prefix: &request.prefix,
                by_folder: request.by_folder,
                start: Start::of(request),
                page: &mut page,
            };
            walk.folder(chain.last(), at).map_err(|cause| failed("listing", cause))?;
        }
        Ok(page.finish())
    }
}

/// A walk through the tree that fills one page.
struct Walk<'a> {
    disk: &'a Disk,
    prefix: &'a str,
    by_folder: bool,
    start: Start,
    page: &'a mut PageBuilder,
}

impl Walk<'_> {
    /// Lists what is in `folder`, whose keys start with `at`.
    fn folder(&mut self, folder: &Folder, at: &str) -> io::Result<Room> {
        let mut from = Start::default();
        loop {
            // One more than fits tells whether there is another page.
            let mut least = Least::new(self.page.room() + 1, from);
            self.scan(folder, at, &mut Vec::new(), &mut least)?;
            let left_out = least.left_out;
            let entries = least.entries.into_sorted_vec();
            from = entries.last().map(|last| Start::after(last)).unwrap_or_default();
            for entry in &entries {
                if self.entry(folder, at, entry)? == Room::Full {
                    return Ok(Room::Full);
                }
            }
            if !left_out {
                return Ok(Room::Taken);
            }
        }
    }

    /// Finds the least keys and folders right in `folder`. `continuations` are the folders between
    /// it and the one that `at` names.
    fn scan(
        &self,
        folder: &Folder,
        at: &str,
        continuations: &mut Vec<String>,
        least: &mut Least,
    ) -> io::Result<()> {
        // Folders of a day or a run have very many names: only what is kept gets memory of its own.
        let mut entry = at.to_owned();
        self.disk.list_folder(folder, |name, kind| {
            if name.ends_with(CONTINUED) {
                if kind == EntryKind::Folder
                    && continuations.len() < CONTINUATIONS_MAX
                    && let Some(inner) = self.open(folder, name)?
                {
                    continuations.push(name.to_owned());
                    self.scan(&inner, at, continuations, least)?;
                    continuations.pop();
                }
                return Ok(ControlFlow::Continue(()));
            }
            entry.truncate(at.len());
            for head in continuations.iter() {
                entry.push_str(head.strip_suffix(CONTINUED).unwrap_or(head));
            }
            entry.push_str(name);
            if !is_spelled_by_us(&entry[at.len()..], continuations, name, at.is_empty()) {
                return Ok(ControlFlow::Continue(()));
            }
            let to_come = match kind {
                EntryKind::File => self.start.admits(&entry),
                EntryKind::Folder => {
                    entry.push('/');
                    self.start.admits_in(&entry)
                }
                EntryKind::Other => false,
            };
            if to_come && entry.starts_with(self.prefix) {
                least.offer(&entry);
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    /// Puts one entry on the page: a key, or a folder, which ends with `/`.
    fn entry(&mut self, folder: &Folder, at: &str, entry: &str) -> io::Result<Room> {
        let names = folders_of_segment(entry[at.len()..].trim_end_matches('/'), at.is_empty());
        let Some((name, continuations)) = names.split_last() else { return Ok(Room::Taken) };
        let mut opened = Vec::new();
        for continuation in continuations {
            match self.open(opened.last().unwrap_or(folder), continuation)? {
                Some(inner) => opened.push(inner),
                None => return Ok(Room::Taken),
            }
        }
        let parent = opened.last().unwrap_or(folder);
        if !entry.ends_with('/') {
            return self.object(parent, name, entry);
        }
        let Some(inner) = self.open(parent, name)? else { return Ok(Room::Taken) };
        if !self.by_folder {
            return self.folder(&inner, entry);
        }
        match self.has_key(&inner, entry, 0)? {
            true => Ok(self.page.push_folder(entry.to_owned())),
            false => Ok(Room::Taken),
        }
    }

    fn object(&mut self, folder: &Folder, name: &str, key: &str) -> io::Result<Room> {
        let stat = match self.disk.stat_entry(folder, name) {
            Err(cause) if is_absent(&cause) => return Ok(Room::Taken),
            stat => stat?,
        };
        if stat.kind != EntryKind::File {
            return Ok(Room::Taken);
        }
        Ok(self.page.push_object(ListedObject {
            key: key.to_owned(),
            size_bytes: stat.size_bytes,
            last_modified: stat.modified,
            etag: None,
            is_deleted: false,
        }))
    }

    /// Whether a key that is still to come is somewhere in `folder`: folders may be empty, and an
    /// empty one is not listed.
    fn has_key(&self, folder: &Folder, at: &str, depth: usize) -> io::Result<bool> {
        let mut found = false;
        self.disk.list_folder(folder, |name, kind| {
            found = match kind {
                EntryKind::File => self.start.admits(&format!("{at}{name}")),
                EntryKind::Folder if depth < DEPTH_MAX => {
                    let (inner, to_come) = match name.strip_suffix(CONTINUED) {
                        // What the rest of the name is, is not known yet.
                        Some(head) => (format!("{at}{head}"), true),
                        None => {
                            (format!("{at}{name}/"), self.start.admits_in(&format!("{at}{name}/")))
                        }
                    };
                    match self.open(folder, name)? {
                        Some(opened) if to_come => self.has_key(&opened, &inner, depth + 1)?,
                        _ => false,
                    }
                }
                _ => false,
            };
            Ok(if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        Ok(found)
    }

    /// Opens a folder; `None` where it has gone, or has become something else.
    fn open(&self, folder: &Folder, name: &str) -> io::Result<Option<Folder>> {
        match self.disk.open_folder(folder, name) {
            Ok(inner) => Ok(Some(inner)),
            Err(cause) if is_absent(&cause) || is_no_folder(&cause) => Ok(None),
            Err(cause) => Err(cause),
        }
    }
}

/// Whether a segment is written in these folders and under this name by us: otherwise it is not
/// ours, and the file that is ours is elsewhere.
fn is_spelled_by_us(segment: &str, continuations: &[String], name: &str, at_root: bool) -> bool {
    if continuations.is_empty() && segment != OWN_FOLDER {
        // A name by itself, which is neither too long, since it is here, nor one of our own.
        return true;
    }
    let names = folders_of_segment(segment, at_root);
    let last = names.split_last();
    last.is_some_and(|(last, folders)| last == name && folders == continuations)
}

/// The least entries of a folder, from one on.
struct Least {
    entries: BinaryHeap<String>,
    entries_max: usize,
    from: Start,
    left_out: bool,
}

impl Least {
    fn new(entries_max: usize, from: Start) -> Self {
        Self { entries: BinaryHeap::new(), entries_max, from, left_out: false }
    }

    fn offer(&mut self, entry: &str) {
        if !self.from.admits(entry) {
            return;
        }
        if self.entries.len() == self.entries_max {
            self.left_out = true;
            match self.entries.peek_mut() {
                Some(mut greatest) if entry < greatest.as_str() => *greatest = entry.to_owned(),
                _ => {}
            }
            return;
        }
        self.entries.push(entry.to_owned());
    }
}
