//! What an audit would cost, from the listing alone.

use serde::Serialize;
use strongroom_core::layout;

use super::AuditRequest;
use super::cost::{Cost, Spent};
use super::held::IDS_HELD_MAX;
use super::keys::Keys;
use super::named::NamedBundles;
use super::walk::{Group, Walk};
use crate::Storage;
use crate::evidence::EvidenceError;

/// The schema that [`Estimate`] is printed under.
pub const ESTIMATE_SCHEMA: &str = "strongroom.audit-estimate/v1";

/// What an audit would look at, and what it would ask of the store.
#[derive(Debug, Clone, Serialize)]
pub struct Estimate {
    /// Always [`ESTIMATE_SCHEMA`].
    pub schema: &'static str,
    /// The store's URL, without credentials.
    pub store: String,
    /// Bundle ids of which something is there and that would be looked at.
    pub bundles: u64,
    /// Bytes of their archives and files.
    pub archive_bytes: u64,
    /// What it would cost, counting one lock for each bundle that has a record: records may promise
    /// more of them, or none. The listing that this estimate took is not among it.
    pub cost: Cost,
    /// Requests to an S3 store that this comes to.
    pub s3_requests: u64,
}

/// Lists what an audit would list, and reads nothing.
pub async fn estimate(
    store: &dyn Storage,
    request: &AuditRequest,
) -> Result<Estimate, EvidenceError> {
    let spent = Spent::default();
    let mut sum = Sum::default();
    match request.run_id.as_deref() {
        Some(run_id) => sum.add_run(store, request, &spent, run_id).await?,
        None => sum.add_store(store, request, &spent).await?,
    }
    let cost = Cost {
        list_pages: spent.so_far().list_pages + sum.more_list_pages,
        records: sum.records,
        locks: sum.recorded,
        signatures: 0,
        bundles: if request.read_data { sum.archives } else { 0 },
        directory_files: match (request.read_data, &request.demand) {
            (true, _) => sum.files,
            // The manifest carries a signature itself.
            (false, Some(_)) => sum.manifests,
            (false, None) => 0,
        },
        bundle_bytes: if request.read_data { sum.archive_bytes } else { 0 },
    };
    Ok(Estimate {
        schema: ESTIMATE_SCHEMA,
        store: store.url().to_owned(),
        bundles: sum.bundles,
        archive_bytes: sum.archive_bytes,
        cost,
        s3_requests: cost.s3_requests(),
    })
}

#[derive(Default)]
struct Sum {
    bundles: u64,
    archives: u64,
    files: u64,
    manifests: u64,
    archive_bytes: u64,
    records: u64,
    recorded: u64,
    more_list_pages: u64,
}

impl Sum {
    fn add(&mut self, group: &Group) {
        self.bundles += 1;
        self.archives += group.archives().count() as u64;
        self.files += group.files().count() as u64;
        self.manifests += u64::from(group.manifest.is_some());
        self.archive_bytes += group.objects().map(|object| object.size_bytes).sum::<u64>();
        self.records += group.records.len() as u64;
        self.recorded += u64::from(!group.records.is_empty());
    }

    async fn add_store(
        &mut self,
        store: &dyn Storage,
        request: &AuditRequest,
        spent: &Spent,
    ) -> Result<(), EvidenceError> {
        let pages = &spent.list_pages;
        let after = request.resume_after.and_then(|cursor| cursor.referenced);
        let checked = request.resume_after.map(|cursor| cursor.checked);
        let mut walk = Walk::of_all(store, pages, request.sample, after, checked);
        let mut walked = 0;
        while let Some(group) = walk.next().await?.group {
            walked += 1;
            if checked.is_none_or(|checked| group.id > checked) {
                self.add(&group);
            }
        }
        let before = spent.so_far().list_pages;
        for folder in [layout::INDEX, layout::RUNS, layout::SUBJECTS] {
            let mut keys = Keys::new(store, pages, folder, None);
            while keys.peek().await?.is_some() {
                keys.take();
            }
        }
        // References are listed once for each slice.
        let again = usize::saturating_sub(usize::div_ceil(walked, IDS_HELD_MAX), 1) as u64;
        self.more_list_pages = again * (spent.so_far().list_pages - before);
        Ok(())
    }

    async fn add_run(
        &mut self,
        store: &dyn Storage,
        request: &AuditRequest,
        spent: &Spent,
        run_id: &str,
    ) -> Result<(), EvidenceError> {
        let pages = &spent.list_pages;
        let checked = request.resume_after.map(|cursor| cursor.checked);
        let mut named = NamedBundles::of_run(store, pages, run_id);
        while let Some((id, _)) = named.next().await? {
            if !request.sample.admits(id) || checked.is_some_and(|checked| id <= checked) {
                continue;
            }
            let step = Walk::of_one(store, pages, id).next().await?;
            self.add(&step.group.unwrap_or_else(|| Group::empty(id)));
        }
        named.refuse_none()
    }
}
