//! Which stored bundle another one is to be held against: the only one of a run, or the last good one
//! before it.
//!
//! The last good one is found by references. Those of a subject say which bundles are about it, the index
//! by day says in which order they were stored; so the cost follows how much was stored since, not what
//! the store holds. A reference proves nothing, and what is chosen was verified to its last byte.
//!
//! Where none is good, why decides the exit code: a gate may go on without a baseline only where every
//! earlier bundle says itself that its run did not go well, and never because one is damaged or gone.

mod claims;
mod passed_over;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use strongroom_core::bundle::Progress;
use strongroom_core::diff::described::Described;
use strongroom_core::{BundleId, layout};

use self::claims::claims_of;
use self::passed_over::Because;
use super::list::{BundleState, ListQuery, Listing, days};
use super::pull::{PullRequest, Pulled, pull};
use super::{EvidenceError, EvidenceErrorKind};
use crate::{ListRequest, Storage, StorageErrorKind};

/// Bundles that are looked at in search of a good one.
pub const BASELINES_LOOKED_AT_MAX: usize = 1_000;
/// References of one subject, or of one day, that are held in memory.
const REFERENCES_MAX: usize = 100_000;
/// Bundles of one run that an error names.
const NAMED_MAX: usize = 10;
/// The key of the metadata that says how a run ended.
const RESULT_STATUS: &str = "result_status";
/// What it says of a good one where nobody names other words.
const GOOD: [&str; 5] = ["passed", "pass", "success", "succeeded", "ok"];

/// What the last good bundle is looked for by.
#[derive(Debug, Clone)]
pub struct BaselineRequest {
    /// The bundle that is to be held against it.
    pub candidate: BundleId,
    /// What that one is about. Where it says nothing, what made it counts.
    pub subject: Option<String>,
    /// What made that one.
    pub producer: Option<String>,
    /// What `result_status` in the metadata must be, letter case aside. Where none is named, the usual
    /// words for success; and a bundle that declares none is taken too, which is told.
    pub good_status: Vec<String>,
}

/// By what a baseline was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChosenBy {
    /// It is about the same.
    Subject,
    /// The same made it; the candidate declares no subject.
    Producer,
}

/// The bundle that was chosen, and why.
#[derive(Debug, Clone, Serialize)]
pub struct Baseline {
    /// What it has in common with the candidate.
    pub chosen_by: ChosenBy,
    /// What that is.
    pub of: String,
    /// What its `result_status` says; absent where it declares none, so that nothing says how its run
    /// ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_status: Option<String>,
    /// When it was stored, by its reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referenced_at: Option<Timestamp>,
    /// Newer ones that were not taken.
    pub passed_over: Vec<PassedOver>,
    /// The bundle, verified.
    #[serde(skip)]
    pub pulled: Pulled,
}

/// A bundle that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PassedOver {
    /// Which.
    pub bundle_id: BundleId,
    /// Why, in our words.
    pub reason: String,
    /// What that says of the search.
    #[serde(skip)]
    because: Because,
}

impl PassedOver {
    /// Whether it was looked at and is not the bundle that its id says: somebody changed it, or put
    /// something in its place.
    pub fn is_refused(&self) -> bool {
        matches!(self.because, Because::Refused(_))
    }
}

/// The only bundle of a run. Several are a conflict: nobody knows which is meant.
pub async fn of_run(store: &dyn Storage, run_id: &str) -> Result<BundleId, EvidenceError> {
    let query = ListQuery { run_id: Some(run_id.to_owned()), ..ListQuery::default() };
    let mut listing = Listing::new(store, query)?;
    let (mut named, mut present) = (BTreeSet::new(), BTreeSet::new());
    while let Some(page) = listing.next_page().await? {
        for row in page {
            named.insert(row.bundle_id);
            if matches!(row.state, BundleState::Present { .. }) {
                present.insert(row.bundle_id);
            }
        }
        if present.len() > NAMED_MAX {
            break;
        }
    }
    let of_interest = if present.is_empty() { &named } else { &present };
    match (of_interest.first(), of_interest.len()) {
        (Some(id), 1) => Ok(*id),
        (None, _) => {
            Err(EvidenceError::new(EvidenceErrorKind::NotFound, "the store knows no such run")
                .with_guidance("`evidence list` shows what it holds"))
        }
        (Some(_), _) => {
            let ids: Vec<String> =
                of_interest.iter().take(NAMED_MAX).map(ToString::to_string).collect();
            let message = format!("the run has several bundles: {}", ids.join(", "));
            Err(EvidenceError::new(EvidenceErrorKind::Conflict, message)
                .with_guidance("name the one that is meant by its id"))
        }
    }
}

/// Finds the last good bundle before the candidate, and puts it at `out`, verified.
pub async fn last_good(
    store: &dyn Storage,
    request: &BaselineRequest,
    out: &Path,
    progress: &Arc<dyn Progress>,
) -> Result<Baseline, EvidenceError> {
    let (chosen_by, of) = match (&request.subject, &request.producer) {
        (Some(subject), _) => (ChosenBy::Subject, subject),
        (None, Some(producer)) => (ChosenBy::Producer, producer),
        (None, None) => return Err(nothing_in_common()),
    };
    let mut of_subject = match chosen_by {
        ChosenBy::Subject => Some(of_subject(store, of).await?),
        ChosenBy::Producer => None,
    };
    let mut passed_over = Vec::new();
    for (prefix, _) in days(store, None, None).await? {
        for (id, referenced_at) in newest_first(store, prefix).await? {
            let is_named = of_subject.as_mut().is_none_or(|ids| ids.remove(&id));
            if !is_named || id == request.candidate {
                continue;
            }
            if passed_over.len() == BASELINES_LOOKED_AT_MAX {
                return Err(passed_over::too_many());
            }
            match look_at(store, id, request, chosen_by, out, progress).await? {
                Ok((pulled, result_status)) => {
                    let of = of.clone();
                    return Ok(Baseline {
                        chosen_by,
                        of,
                        result_status,
                        referenced_at,
                        passed_over,
                        pulled,
                    });
                }
                Err((because, reason)) => {
                    passed_over.push(PassedOver { bundle_id: id, reason, because });
                }
            }
        }
        if of_subject.as_ref().is_some_and(BTreeSet::is_empty) {
            break;
        }
    }
    Err(passed_over::none_is_good(&passed_over))
}

/// What came of looking at one: the bundle and how it says that its run ended, or why it is passed over.
type Looked = Result<(Pulled, Option<String>), (Because, String)>;

/// Pulls a bundle that is good, as far as it says; or says why it is passed over.
async fn look_at(
    store: &dyn Storage,
    id: BundleId,
    request: &BaselineRequest,
    chosen_by: ChosenBy,
    out: &Path,
    progress: &Arc<dyn Progress>,
) -> Result<Looked, EvidenceError> {
    // What cannot be read by itself may be found below what is on top of it: pulling tells.
    if let Some(claimed) = claims_of(store, id).await?
        && let Err(reason) = request.admits(&claimed, chosen_by)
    {
        return Ok(Err(reason));
    }
    let request_to_pull = PullRequest {
        id,
        archive_sha256: None,
        out: out.to_owned(),
        overwrite: false,
        demand: None,
    };
    let pulled = match pull(store, &request_to_pull, progress).await {
        Ok(pulled) => pulled,
        Err(error) => {
            return match Because::of(&error) {
                Some(because) => Ok(Err((because, error.to_string()))),
                None => Err(error),
            };
        }
    };
    let described = claims::of_file(out).await?;
    match request.admits(&described, chosen_by) {
        Ok(status) => Ok(Ok((pulled, status))),
        Err(reason) => {
            claims::remove(out).await?;
            Ok(Err(reason))
        }
    }
}

impl BaselineRequest {
    /// Whether what a bundle declares makes it a good one, and what it says of how its run ended.
    fn admits(
        &self,
        claimed: &Described,
        chosen_by: ChosenBy,
    ) -> Result<Option<String>, (Because, String)> {
        let not_good = |reason: &str| Err((Because::NotGood, reason.to_owned()));
        let (is_like, what) = match chosen_by {
            ChosenBy::Subject => (claimed.subject == self.subject, "subject"),
            ChosenBy::Producer => {
                let producer = claimed.producer.as_ref().map(|producer| &producer.name);
                (producer == self.producer.as_ref(), "producer")
            }
        };
        if !is_like {
            return Err((Because::AnotherKind, format!("it is of another {what}")));
        }
        let status = claimed.metadata.get(RESULT_STATUS);
        let is_good = |text: &str| match self.good_status.as_slice() {
            [] => GOOD.iter().any(|good| text.eq_ignore_ascii_case(good)),
            named => named.iter().any(|good| text.eq_ignore_ascii_case(good)),
        };
        match status.map(|status| status.as_str()) {
            None if self.good_status.is_empty() => Ok(None),
            None => not_good("it declares no result_status"),
            Some(Some(text)) if is_good(text.trim()) => Ok(Some(text.to_owned())),
            Some(_) => not_good("its result_status is not that of a good one"),
        }
    }
}

/// Every bundle that is said to be about a subject.
async fn of_subject(
    store: &dyn Storage,
    subject: &str,
) -> Result<BTreeSet<BundleId>, EvidenceError> {
    let referenced = references(store, layout::subject_references_of(subject)).await?;
    Ok(referenced.into_iter().map(|(id, _)| id).collect())
}

/// The bundles of a day, those stored last first.
async fn newest_first(
    store: &dyn Storage,
    prefix: String,
) -> Result<Vec<(BundleId, Option<Timestamp>)>, EvidenceError> {
    let mut referenced = references(store, prefix).await?;
    referenced.sort_by_key(|(id, time)| (std::cmp::Reverse(*time), *id));
    Ok(referenced)
}

async fn references(
    store: &dyn Storage,
    prefix: String,
) -> Result<Vec<(BundleId, Option<Timestamp>)>, EvidenceError> {
    let mut found = Vec::new();
    let mut request = ListRequest { prefix, ..ListRequest::default() };
    loop {
        let page = store.list(&request).await?;
        let referenced = page.objects.iter();
        found.extend(referenced.filter_map(|object| {
            Some((layout::referenced_id(&object.key)?, object.last_modified))
        }));
        if found.len() > REFERENCES_MAX {
            return Err(EvidenceError::new(
                EvidenceErrorKind::Store(StorageErrorKind::Limit),
                "more bundles than the limit REFERENCES_MAX are of one subject, or of one day",
            )
            .with_guidance("name the base by its id"));
        }
        request.page = page.next;
        if request.page.is_none() {
            return Ok(found);
        }
    }
}

fn nothing_in_common() -> EvidenceError {
    EvidenceError::new(
        EvidenceErrorKind::NoBaseline,
        "the candidate declares neither a subject nor a producer: nothing says which bundles came before it",
    )
    .with_guidance("name the base by its id or its run")
}
