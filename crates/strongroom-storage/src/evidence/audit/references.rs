//! References held against the bundles of a slice: each of them is listed once, and asked whether what
//! it leads to is there.

use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use strongroom_core::bundle::cavra::MANIFEST;
use strongroom_core::{BundleId, layout};

use super::CHECKS_AT_ONCE;
use super::absence::explain_reference;
use super::cost::Spent;
use super::finding::{Finding, KEYS_NAMED_MAX, Problem};
use super::held::{Held, Known};
use super::keys::Keys;
use super::report::FINDINGS_NAMED_MAX;
use super::sample::Sample;
use crate::evidence::EvidenceError;
use crate::{ObjectKey, Storage};

/// The ids that a slice of the store covers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slice {
    /// Only ids after this one; from the first where there is none.
    pub(super) after: Option<BundleId>,
    /// Only ids up to this one; to the last where there is none.
    pub(super) up_to: Option<BundleId>,
}

impl Slice {
    fn covers(&self, id: BundleId) -> bool {
        self.after.is_none_or(|after| id > after) && self.up_to.is_none_or(|up_to| id <= up_to)
    }
}

/// What looking at the references came to.
#[derive(Debug, Default)]
pub(super) struct Referenced {
    pub(super) references: u64,
    pub(super) findings: Vec<Finding>,
    /// Somebody else's objects that there is no room to name.
    pub(super) foreign_unnamed: u64,
    /// References that lead to nothing and that there is no room to name.
    pub(super) dangling_unnamed: u64,
}

/// Lists every reference once.
pub(super) async fn check(
    store: &dyn Storage,
    spent: &Spent,
    sample: Sample,
    slice: Slice,
    held: &mut Held,
) -> Result<Referenced, EvidenceError> {
    let mut referenced = Referenced::default();
    let mut dangling: BTreeMap<BundleId, Vec<String>> = BTreeMap::new();
    for folder in [layout::INDEX, layout::RUNS, layout::SUBJECTS] {
        let known = Known::REFERENCED.and(Known::INDEXED, folder == layout::INDEX);
        let mut keys = Keys::new(store, &spent.list_pages, folder, None);
        while keys.peek().await?.is_some() {
            let Some(object) = keys.take() else { break };
            let Some(id) = layout::referenced_id(&object.key) else {
                // Told with the first slice.
                if slice.after.is_none() && sample.admits_key(&object.key) {
                    referenced.add_foreign(store, &object.key);
                }
                continue;
            };
            if !slice.covers(id) || !sample.admits(id) {
                continue;
            }
            referenced.references += 1;
            if held.mark(id, known) {
                continue;
            }
            let room = dangling.len() < FINDINGS_NAMED_MAX;
            match dangling.get_mut(&id) {
                Some(keys) if keys.len() < KEYS_NAMED_MAX => keys.push(object.key),
                Some(_) => {}
                None if room => drop(dangling.insert(id, vec![object.key])),
                None => referenced.dangling_unnamed += 1,
            }
        }
    }
    referenced.findings.extend(explain_all(store, dangling).await?);
    referenced.findings.extend(unreferenced(store, held)?);
    Ok(referenced)
}

impl Referenced {
    fn add_foreign(&mut self, store: &dyn Storage, key: &str) {
        if self.findings.len() < FINDINGS_NAMED_MAX {
            self.findings.push(Problem::ForeignObject.at(None, vec![whole(store, key)]));
        } else {
            self.foreign_unnamed += 1;
        }
    }
}

/// A push that went on while the audit did has its bundle by now.
async fn explain_all(
    store: &dyn Storage,
    dangling: BTreeMap<BundleId, Vec<String>>,
) -> Result<Vec<Finding>, EvidenceError> {
    let explained = stream::iter(dangling).map(|(id, keys)| async move {
        let keys = keys.iter().map(|key| whole(store, key)).collect();
        let problem = explain_reference(store, id).await?;
        Ok::<_, EvidenceError>(problem.map(|problem| problem.at(Some(id), keys)))
    });
    explained
        .buffered(CHECKS_AT_ONCE)
        .try_filter_map(async |finding| Ok(finding))
        .try_collect()
        .await
}

/// The bundles that no reference leads to.
fn unreferenced(store: &dyn Storage, held: &Held) -> Result<Vec<Finding>, EvidenceError> {
    let mut findings = Vec::new();
    for (id, known) in held.iter().filter(|(_, known)| known.has(Known::PRESENT)) {
        let problem = if !known.has(Known::REFERENCED) {
            Problem::BundleWithoutReference
        } else if known.has(Known::RECORDED) && !known.has(Known::INDEXED) {
            Problem::BundleWithoutIndexEntry
        } else {
            continue;
        };
        let key = match known.has(Known::DIRECTORY) {
            true => layout::cavra_object(id, MANIFEST),
            false => layout::bundle(id),
        };
        let key = ObjectKey::new(key)?;
        findings.push(problem.at(Some(id), vec![store.whole_key(&key)]));
    }
    Ok(findings)
}

/// A listed key with the store's prefix; one that no object of ours could have is told as it is.
fn whole(store: &dyn Storage, key: &str) -> String {
    ObjectKey::new(key).map_or_else(|_| key.to_owned(), |key| store.whole_key(&key))
}
