//! Archives, directories, records and attestations side by side, joined by the bundle's id. Each of their folders
//! is listed once, in the order of its keys, which is the order of the ids; what is held is a page of
//! each, so memory does not follow the size of the store.

use std::sync::atomic::AtomicU64;

use strongroom_core::bundle::cavra::MANIFEST;
use strongroom_core::observed::Unobserved;
use strongroom_core::{BundleId, Sha256Digest, layout, limits};

use super::finding::KEYS_NAMED_MAX;
use super::keys::Keys;
use super::report::FINDINGS_NAMED_MAX;
use super::sample::Sample;
use crate::evidence::EvidenceError;
use crate::{ListedObject, Storage};

/// Archives under one Assay id that are looked at.
pub(super) const ARCHIVES_AUDITED_MAX: usize = 1_000;

/// What is listed of one bundle.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) id: BundleId,
    /// Under the id alone.
    pub(super) native: Option<ListedObject>,
    /// Under both identities.
    pub(super) assay: Vec<(Sha256Digest, ListedObject)>,
    /// The manifest of a CAVRA directory.
    pub(super) manifest: Option<ListedObject>,
    /// What else is in its folder; at most [`limits::CAVRA_FILES_MAX`].
    pub(super) directory: Vec<ListedObject>,
    /// The keys of its records; at most [`limits::RECORDS_READ_MAX`].
    pub(super) records: Vec<String>,
    /// How many signatures it has.
    pub(super) attestations: u64,
    /// The keys of its archives and files that are under a delete marker.
    pub(super) deleted: Vec<String>,
    /// The keys of its records that are; with `records` at most [`limits::RECORDS_READ_MAX`].
    pub(super) deleted_records: Vec<String>,
    /// The keys of its signatures that are; at most [`KEYS_NAMED_MAX`].
    pub(super) deleted_attestations: Vec<String>,
    /// A limit that there is more than.
    pub(super) beyond: Option<&'static str>,
}

/// One step of a walk.
#[derive(Debug, Default)]
pub(super) struct Step {
    /// The next bundle; `None` at the end.
    pub(super) group: Option<Group>,
    /// Keys on the way to it that nothing of ours is called.
    pub(super) foreign: Vec<String>,
    /// More of them, which there is no room to name.
    pub(super) foreign_unnamed: u64,
}

impl Group {
    /// A bundle of which nothing was listed.
    pub(super) fn empty(id: BundleId) -> Self {
        Self {
            id,
            native: None,
            assay: Vec::new(),
            manifest: None,
            directory: Vec::new(),
            records: Vec::new(),
            attestations: 0,
            deleted: Vec::new(),
            deleted_records: Vec::new(),
            deleted_attestations: Vec::new(),
            beyond: None,
        }
    }

    /// Whether an archive is there, or the manifest of a directory, which is written last.
    pub(super) fn is_present(&self) -> bool {
        self.native.is_some() || !self.assay.is_empty() || self.manifest.is_some()
    }

    /// Whether anything of a directory is there.
    pub(super) fn is_directory(&self) -> bool {
        self.manifest.is_some() || !self.directory.is_empty()
    }

    /// Whether anything is, or was, under the keys of an archive as well as of a directory.
    pub(super) fn is_of_both_forms(&self) -> bool {
        let mut deleted = self.deleted.iter().map(|key| layout::claimed_cavra(key).is_some());
        let is_archive = self.archives().next().is_some() || deleted.clone().any(|is| !is);
        is_archive && (self.is_directory() || deleted.any(|is| is))
    }

    /// Leaves out the archives, where there is a directory. Answers their keys.
    pub(super) fn without_archives(&mut self) -> Vec<String> {
        self.deleted.retain(|key| layout::claimed_cavra(key).is_some());
        let assay = std::mem::take(&mut self.assay).into_iter().map(|(_, object)| object);
        self.native.take().into_iter().chain(assay).map(|object| object.key).collect()
    }

    /// Leaves out what lies where a directory would, if an archive is there. Answers its keys.
    pub(super) fn without_directory(&mut self) -> Vec<String> {
        if self.archives().next().is_none() {
            return Vec::new();
        }
        self.deleted.retain(|key| layout::claimed_cavra(key).is_none());
        let files = std::mem::take(&mut self.directory);
        self.manifest.take().into_iter().chain(files).map(|object| object.key).collect()
    }

    /// Everything that is listed of a directory.
    pub(super) fn files(&self) -> impl Iterator<Item = &ListedObject> {
        self.manifest.iter().chain(&self.directory)
    }

    /// Everything that is listed of the bundle itself.
    pub(super) fn objects(&self) -> impl Iterator<Item = &ListedObject> {
        self.archives().map(|(_, object)| object).chain(self.files())
    }

    /// Its records and signatures under a delete marker.
    pub(super) fn deleted_beside(&self) -> impl Iterator<Item = &String> {
        self.deleted_records.iter().chain(&self.deleted_attestations)
    }

    /// Every archive that is there, with its digest where the id does not cover its bytes.
    pub(super) fn archives(&self) -> impl Iterator<Item = (Option<Sha256Digest>, &ListedObject)> {
        let assay = self.assay.iter().map(|(archive, object)| (Some(*archive), object));
        self.native.iter().map(|object| (None, object)).chain(assay)
    }

    fn add(&mut self, folder: Folder, object: ListedObject) {
        match folder {
            Folder::Native | Folder::Assay | Folder::Cavra if object.is_deleted => {
                match self.deleted.len() < ARCHIVES_AUDITED_MAX {
                    true => self.deleted.push(object.key),
                    false => self.beyond = Some("ARCHIVES_AUDITED_MAX"),
                }
            }
            Folder::Native => self.native = Some(object),
            Folder::Assay if self.assay.len() == ARCHIVES_AUDITED_MAX => {
                self.beyond = Some("ARCHIVES_AUDITED_MAX");
            }
            Folder::Assay => {
                if let Some((_, Some(archive))) = layout::claimed_bundle(&object.key) {
                    self.assay.push((archive, object));
                }
            }
            Folder::Cavra if object.key == layout::cavra_object(self.id, MANIFEST) => {
                self.manifest = Some(object);
            }
            Folder::Cavra if self.directory.len() == limits::CAVRA_FILES_MAX => {
                self.beyond = Some("CAVRA_FILES_MAX");
            }
            Folder::Cavra => self.directory.push(object),
            Folder::Records
                if self.records.len() + self.deleted_records.len() == limits::RECORDS_READ_MAX =>
            {
                self.beyond = Some("RECORDS_READ_MAX");
            }
            Folder::Records if object.is_deleted => self.deleted_records.push(object.key),
            Folder::Records => self.records.push(object.key),
            Folder::Attestations if object.is_deleted => {
                if self.deleted_attestations.len() < KEYS_NAMED_MAX {
                    self.deleted_attestations.push(object.key);
                }
            }
            Folder::Attestations => self.attestations += 1,
        }
    }
}

/// The folders that are walked side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Folder {
    Native,
    Assay,
    Cavra,
    Records,
    Attestations,
}

impl Folder {
    const ALL: [Self; 5] =
        [Self::Native, Self::Assay, Self::Cavra, Self::Records, Self::Attestations];

    fn prefix(self) -> &'static str {
        match self {
            Self::Native => layout::BUNDLES,
            Self::Assay => layout::ASSAY_BUNDLES,
            Self::Cavra => layout::CAVRA_BUNDLES,
            Self::Records => layout::RECORDS,
            Self::Attestations => layout::ATTESTATIONS,
        }
    }

    /// What every key of one bundle starts with.
    fn prefix_of(self, id: BundleId) -> String {
        match self {
            Self::Native => layout::bundle(id),
            Self::Assay => layout::assay_bundles_of(id),
            Self::Cavra => layout::cavra_folder(id),
            Self::Records => layout::records_of(id),
            Self::Attestations => layout::attestations_of(id),
        }
    }

    /// The last key that anything of one bundle can have.
    fn end_of(self, id: BundleId) -> String {
        match self {
            Self::Native => layout::bundle(id),
            // A file may have any name, and `0` is what comes after `/`.
            Self::Cavra => format!("{}{}0", layout::CAVRA_BUNDLES, id.0.to_hex()),
            _ => format!("{}~", self.prefix_of(id)),
        }
    }

    /// The bundle that a key belongs to.
    fn id_of(self, key: &str) -> Option<BundleId> {
        match self {
            Self::Native | Self::Assay => layout::claimed_bundle(key).map(|(id, _)| id),
            Self::Cavra => layout::claimed_cavra(key).map(|(id, _)| id),
            Self::Records => layout::recorded_id(key),
            Self::Attestations => layout::attested_id(key),
        }
    }
}

/// One folder on the way.
struct Source<'a> {
    folder: Folder,
    keys: Keys<'a>,
}

/// What comes next in a folder.
enum Head {
    Of(BundleId),
    /// Nothing of ours has this key.
    Foreign(String),
}

impl Source<'_> {
    async fn head(&mut self) -> Result<Option<Head>, EvidenceError> {
        loop {
            let Some(object) = self.keys.peek().await? else { return Ok(None) };
            // Folders of their own.
            let other = [layout::ASSAY_BUNDLES, layout::CAVRA_BUNDLES]
                .into_iter()
                .find(|folder| self.folder == Folder::Native && object.key.starts_with(folder));
            if let Some(other) = other {
                self.keys.leap(other);
                continue;
            }
            let is_ours = self.folder.id_of(&object.key).is_some();
            if object.is_deleted && !is_ours {
                // That something of somebody else's is gone is no matter.
                self.keys.take();
                continue;
            }
            return Ok(Some(match self.folder.id_of(&object.key) {
                Some(id) => Head::Of(id),
                None => Head::Foreign(object.key.clone()),
            }));
        }
    }
}

/// A walk through what is stored, bundle by bundle.
pub(super) struct Walk<'a> {
    sources: Vec<Source<'a>>,
    sample: Sample,
    /// Up to here somebody else's objects were told by an earlier audit.
    told_up_to: Option<BundleId>,
    /// How many more of them there is room to name.
    foreign_room: usize,
}

impl<'a> Walk<'a> {
    /// A walk through the whole store, after the bundle `after`.
    pub(super) fn of_all(
        store: &'a dyn Storage,
        pages: &'a AtomicU64,
        sample: Sample,
        after: Option<BundleId>,
        told_up_to: Option<BundleId>,
    ) -> Self {
        let source = |folder: Folder| {
            let start_after = after.map(|id| folder.end_of(id));
            let keys = Keys::new(store, pages, folder.prefix(), start_after).with_deleted();
            Source { folder, keys }
        };
        let sources = Folder::ALL.map(source).into();
        Self { sources, sample, told_up_to, foreign_room: FINDINGS_NAMED_MAX }
    }

    /// A walk past one bundle. Its signatures are not asked for.
    pub(super) fn of_one(store: &'a dyn Storage, pages: &'a AtomicU64, id: BundleId) -> Self {
        let source = |folder: Folder| {
            let prefix = folder.prefix_of(id);
            Source { folder, keys: Keys::new(store, pages, &prefix, None).with_deleted() }
        };
        let sources =
            [Folder::Native, Folder::Assay, Folder::Cavra, Folder::Records].map(source).into();
        Self { sources, sample: Sample::ALL, told_up_to: None, foreign_room: FINDINGS_NAMED_MAX }
    }

    /// Why keys under a delete marker were not listed, if in some folder they were not.
    pub(super) fn deleted_unobserved(&self) -> Option<Unobserved> {
        self.sources.iter().find_map(|source| source.keys.deleted_unobserved())
    }

    /// The next bundle of the sample, and what was met on the way.
    pub(super) async fn next(&mut self) -> Result<Step, EvidenceError> {
        let mut step = Step::default();
        while let Some(id) = self.next_id(&mut step).await? {
            let mut group = Group::empty(id);
            for at in 0..self.sources.len() {
                self.gather(at, &mut group, &mut step).await?;
            }
            if self.sample.admits(id) {
                step.group = Some(group);
                break;
            }
        }
        Ok(step)
    }

    /// The least id that comes next in any folder, once what lies before it is told.
    async fn next_id(&mut self, step: &mut Step) -> Result<Option<BundleId>, EvidenceError> {
        let mut least = None;
        let mut foreign = Vec::new();
        for at in 0..self.sources.len() {
            match self.sources[at].head().await? {
                Some(Head::Of(id)) => least = least.into_iter().chain([id]).min(),
                Some(Head::Foreign(_)) => foreign.push(at),
                None => {}
            }
        }
        // What is nobody's may hide a lesser id behind it.
        while let Some(at) = foreign.pop() {
            while let Some(Head::Foreign(key)) = self.sources[at].head().await? {
                let folder = self.sources[at].folder;
                if least.is_some_and(|id| key > folder.end_of(id)) {
                    break;
                }
                self.tell_foreign(at, step);
            }
            if let Some(Head::Of(id)) = self.sources[at].head().await? {
                least = least.into_iter().chain([id]).min();
            }
        }
        Ok(least)
    }

    /// Takes what one folder has of a bundle.
    async fn gather(
        &mut self,
        at: usize,
        group: &mut Group,
        step: &mut Step,
    ) -> Result<(), EvidenceError> {
        loop {
            let folder = self.sources[at].folder;
            match self.sources[at].head().await? {
                Some(Head::Of(id)) if id == group.id => {
                    if let Some(object) = self.sources[at].keys.take() {
                        group.add(folder, object);
                    }
                }
                Some(Head::Foreign(key)) if key <= folder.end_of(group.id) => {
                    self.tell_foreign(at, step);
                }
                _ => return Ok(()),
            }
        }
    }

    fn tell_foreign(&mut self, at: usize, step: &mut Step) {
        let source = &mut self.sources[at];
        let Some(object) = source.keys.take() else { return };
        let was_told = self.told_up_to.is_some_and(|id| object.key <= source.folder.end_of(id));
        if was_told || !self.sample.admits_key(&object.key) {
            return;
        }
        if self.foreign_room == 0 {
            step.foreign_unnamed += 1;
            return;
        }
        self.foreign_room -= 1;
        step.foreign.push(object.key);
    }
}
