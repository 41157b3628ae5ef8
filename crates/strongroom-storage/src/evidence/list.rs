//! What a run or a day holds. The cost follows the answer, never the bucket: references are listed
//! by run or by day, and each row costs one more request; one whose object is absent, a few.

mod row;

use std::collections::VecDeque;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use strongroom_core::observed::Unobserved;
use strongroom_core::{BundleId, Sha256Digest, layout};

use super::EvidenceError;
use super::references::day_of;
use crate::{ListRequest, ListedObject, Storage};

/// Rows looked up at a time.
const ROWS_AT_ONCE_MAX: usize = 8;
/// References of one page.
const PAGE_REFERENCES_MAX: usize = 200;

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct ListQuery {
    /// Only bundles of this run.
    pub run_id: Option<String>,
    /// Only bundles stored at this time or later.
    pub after: Option<Timestamp>,
    /// Only bundles stored before this time.
    pub before: Option<Timestamp>,
    /// At most this many rows.
    pub limit: Option<usize>,
}

/// One listed bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedBundle {
    /// Its identity, as the reference names it.
    pub bundle_id: BundleId,
    /// When the reference was written, which is just before the bundle; the store's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referenced_at: Option<Timestamp>,
    /// What is under the bundle's key.
    #[serde(flatten)]
    pub state: BundleState,
}

/// What is under the key that a reference stands for. Nothing of it is verified: `pull` does that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum BundleState {
    /// An object is there. What it is, nobody looked.
    Present {
        /// The whole key, prefix included.
        key: String,
        /// Bytes of the archive.
        size_bytes: u64,
        /// The current version.
        #[serde(skip_serializing_if = "Option::is_none")]
        version_id: Option<String>,
        /// When it was written, by the store's clock.
        #[serde(skip_serializing_if = "Option::is_none")]
        stored_at: Option<Timestamp>,
        /// The archive's digest, where the id does not cover the bytes (Assay).
        #[serde(skip_serializing_if = "Option::is_none")]
        archive_sha256: Option<Sha256Digest>,
    },
    /// A delete marker is on top: somebody deleted it, and versions may be left below.
    Deleted {
        /// When it was deleted, by the store's clock.
        #[serde(skip_serializing_if = "Option::is_none")]
        deleted_at: Option<Timestamp>,
        /// Versions below the marker: a pull looks among them for one that verifies.
        versions_left: usize,
    },
    /// The reference is there, the bundle is not: a push is under way or was cut short, or the
    /// bundle was deleted in a store that keeps no versions or does not tell of them.
    Pending,
    /// The store does not tell these credentials.
    Unobserved {
        /// Why.
        reason: Unobserved,
    },
}

/// A listing under way, page by page. Runs are listed by bundle id; days the newest first, and
/// within a day by bundle id.
pub struct Listing<'a> {
    store: &'a dyn Storage,
    query: ListQuery,
    folders: Folders,
    current: Option<Folder>,
    rows_left: usize,
}

/// The folders of references that the query is about, not listed yet.
enum Folders {
    /// To be asked for: the days that there are.
    Days,
    /// Known.
    Known(VecDeque<(String, Option<Date>)>),
}

/// A folder of references, listed as far as `page`.
struct Folder {
    prefix: String,
    /// The day that it stands for, if it is a day's.
    day: Option<Date>,
    page: Option<String>,
}

impl<'a> Listing<'a> {
    /// A listing that has asked nothing yet.
    pub fn new(store: &'a dyn Storage, query: ListQuery) -> Result<Self, EvidenceError> {
        let folders = match &query.run_id {
            Some(run_id) => {
                let folders = run_folders(run_id).into_iter();
                Folders::Known(folders.map(|folder| (folder, None)).collect())
            }
            None => Folders::Days,
        };
        let rows_left = query.limit.unwrap_or(usize::MAX);
        Ok(Self { store, query, folders, current: None, rows_left })
    }

    /// The next rows; `None` when there are no more. A page may be empty.
    pub async fn next_page(&mut self) -> Result<Option<Vec<ListedBundle>>, EvidenceError> {
        if self.rows_left == 0 {
            return Ok(None);
        }
        let Some(folder) = self.next_folder().await? else { return Ok(None) };
        let request = ListRequest {
            prefix: folder.prefix.clone(),
            limit: Some(PAGE_REFERENCES_MAX.min(self.rows_left)),
            page: folder.page.clone(),
            ..ListRequest::default()
        };
        let listed = self.store.list(&request).await?;
        let references: Vec<_> = listed
            .objects
            .into_iter()
            .filter(|object| self.is_in_time(object))
            .filter_map(|object| Some((layout::referenced_id(&object.key)?, object.last_modified)))
            .collect();
        let mut rows = row::look_up(self.store, references, folder.day).await?;
        rows.truncate(self.rows_left);
        self.rows_left -= rows.len();
        if listed.next.is_some() {
            self.current = Some(Folder { page: listed.next, ..folder });
        }
        Ok(Some(rows))
    }

    async fn next_folder(&mut self) -> Result<Option<Folder>, EvidenceError> {
        if let Some(folder) = self.current.take() {
            return Ok(Some(folder));
        }
        if matches!(self.folders, Folders::Days) {
            let days = days(self.store, self.query.after, self.query.before).await?;
            self.folders =
                Folders::Known(days.into_iter().map(|(prefix, day)| (prefix, Some(day))).collect());
        }
        let Folders::Known(folders) = &mut self.folders else { return Ok(None) };
        Ok(folders.pop_front().map(|(prefix, day)| Folder { prefix, day, page: None }))
    }

    fn is_in_time(&self, object: &ListedObject) -> bool {
        let Some(written) = object.last_modified else { return true };
        self.query.after.is_none_or(|after| written >= after)
            && self.query.before.is_none_or(|before| written < before)
    }
}

/// The folders of the days that have references, newest first, and within these times. One request for
/// every thousand days.
pub(super) async fn days(
    store: &dyn Storage,
    after: Option<Timestamp>,
    before: Option<Timestamp>,
) -> Result<Vec<(String, Date)>, EvidenceError> {
    let (first, last) = (after.map(day_of), before.map(day_of));
    let mut days = Vec::new();
    let mut request =
        ListRequest { prefix: layout::INDEX.to_owned(), by_folder: true, ..ListRequest::default() };
    loop {
        let page = store.list(&request).await?;
        for prefix in page.folders {
            let name = prefix.trim_start_matches(layout::INDEX).trim_end_matches('/');
            let Ok(day) = name.parse::<Date>() else { continue };
            if first.is_none_or(|first| day >= first) && last.is_none_or(|last| day <= last) {
                days.push((prefix, day));
            }
        }
        request.page = page.next;
        if request.page.is_none() {
            days.reverse();
            return Ok(days);
        }
    }
}

/// A run's folder: as we encode it, and as an Assay store writes it where that differs.
pub(super) fn run_folders(run_id: &str) -> Vec<String> {
    let ours = layout::run_references_of(run_id);
    let plain = format!("{}{run_id}/", layout::RUNS);
    if plain == ours { vec![ours] } else { vec![ours, plain] }
}
