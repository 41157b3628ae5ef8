//! A CAVRA directory: its manifest, and the bytes of every file that it lists.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::Ordering;

use strongroom_core::bundle::cavra::{CavraManifest, MANIFEST};
use strongroom_core::{BundleId, layout};

use super::cost::{Spent, count};
use super::data::{self, ReadData};
use super::finding::{Class, Finding, KEYS_NAMED_MAX, Problem};
use super::walk::Group;
use crate::evidence::stored::leaves_other_versions;
use crate::evidence::{EvidenceError, cavra};
use crate::{ObjectKey, Storage};

/// A manifest that was looked for.
pub(super) struct Looked {
    /// It, in whichever version is the one that the id names.
    pub(super) manifest: Option<CavraManifest>,
    /// What is wrong with what is on top of its key; of what is not there at all, nothing.
    problem: Option<Problem>,
}

/// Reads the manifest of a directory: one request, and more where something else is on top of it.
pub(super) async fn manifest(
    store: &dyn Storage,
    spent: &Spent,
    id: BundleId,
) -> Result<Looked, EvidenceError> {
    count(&spent.directory_files);
    let (manifest, refused, intact) = match cavra::find_manifest(store, id).await {
        Ok(found) => (Some(found.manifest), found.refused_on_top, found.object.version),
        Err(error) if leaves_other_versions(&error) => (None, Some(error), None),
        Err(error) => return Err(error),
    };
    let told = match refused {
        None => ReadData::Intact,
        Some(refused) => data::told(refused, async { Ok(intact) }).await?,
    };
    let problem = match told {
        ReadData::Wrong(problem) => Some(problem),
        // That it is gone is told by what is listed.
        ReadData::Intact | ReadData::Gone => None,
    };
    Ok(Looked { manifest, problem })
}

/// The keys that a manifest lists, its own among them.
pub(super) fn keys(manifest: &CavraManifest) -> BTreeSet<String> {
    let id = manifest.id();
    let files = manifest.files_under(Path::new(""));
    let listed = files.iter().map(|file| layout::cavra_object(id, &file.path));
    listed.chain([layout::cavra_object(id, MANIFEST)]).collect()
}

/// Reads every file that is not told to be missing. Answers whether every byte was read; what is in the
/// folder and not in the manifest is nobody's.
pub(super) async fn read(
    store: &dyn Storage,
    spent: &Spent,
    group: &Group,
    looked: Looked,
    missing: &BTreeSet<String>,
    findings: &mut Vec<Finding>,
) -> Result<bool, EvidenceError> {
    let id = group.id;
    let whole = |key: &ObjectKey| vec![store.whole_key(key)];
    let mut is_read = missing.is_empty();
    if let Some(problem) = looked.problem {
        is_read &= problem.class() == Class::Bytes;
        let key = ObjectKey::new(layout::cavra_object(id, MANIFEST))?;
        findings.push(problem.at(Some(id), whole(&key)));
    }
    if let Some(listed) = &group.manifest {
        spent.bundle_bytes.fetch_add(listed.size_bytes, Ordering::Relaxed);
    }
    let Some(manifest) = looked.manifest else { return Ok(false) };
    for file in manifest.files_under(Path::new("")) {
        let key = layout::cavra_object(id, &file.path);
        if missing.contains(&key) {
            continue;
        }
        let key = ObjectKey::new(key)?;
        count(&spent.directory_files);
        match data::read_file(store, &key, &file).await? {
            ReadData::Intact => {}
            ReadData::Wrong(problem) => {
                is_read &= problem.class() == Class::Bytes;
                findings.push(problem.at(Some(id), whole(&key)));
            }
            ReadData::Gone => {
                is_read = false;
                let problem = super::absence::explain(store, &key).await?;
                findings.extend(problem.map(|problem| problem.at(Some(id), whole(&key))));
            }
        }
        spent.bundle_bytes.fetch_add(file.size_bytes, Ordering::Relaxed);
    }
    findings.extend(unlisted(store, group, &manifest)?);
    Ok(is_read)
}

/// What is in the folder, and no file of the directory.
fn unlisted(
    store: &dyn Storage,
    group: &Group,
    manifest: &CavraManifest,
) -> Result<Option<Finding>, EvidenceError> {
    let ours = keys(manifest);
    let mut foreign = Vec::new();
    for object in group.directory.iter().filter(|object| !ours.contains(&object.key)) {
        if foreign.len() < KEYS_NAMED_MAX {
            foreign.push(store.whole_key(&ObjectKey::new(object.key.as_str())?));
        }
    }
    Ok((!foreign.is_empty()).then(|| Problem::ForeignObject.at(Some(group.id), foreign)))
}
