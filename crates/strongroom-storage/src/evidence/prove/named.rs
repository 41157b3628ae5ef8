//! Which bundles are meant: an id, a run, a subject.

use std::collections::BTreeMap;

use strongroom_core::observed::Observed;
use strongroom_core::{BundleId, layout};

use super::BUNDLES_PROVEN_MAX;
use crate::evidence::{EvidenceError, EvidenceErrorKind};
use crate::{ListRequest, Storage, StorageErrorKind};

/// The bundles that `of` names: as an id, or by the references of the run and of the subject of that name; and
/// whether there are only deleted ones of it.
pub(super) async fn bundles(
    store: &dyn Storage,
    of: &str,
) -> Result<BTreeMap<BundleId, bool>, EvidenceError> {
    if let Ok(id) = of.parse() {
        return Ok([(id, false)].into());
    }
    let mut ids = BTreeMap::new();
    for prefix in [layout::run_references_of(of), layout::subject_references_of(of)] {
        let mut request = ListRequest { prefix, ..ListRequest::default() };
        loop {
            // A delete marker over a reference must not take a bundle out of a proof.
            let page = match store.list_with_deleted(&request).await? {
                Observed::Observed(page) => page,
                Observed::Unobserved(_) => store.list(&request).await?,
            };
            for one in &page.objects {
                let Some(id) = layout::referenced_id(&one.key) else { continue };
                *ids.entry(id).or_insert(true) &= one.is_deleted;
            }
            if ids.len() > BUNDLES_PROVEN_MAX {
                return Err(EvidenceError::new(
                    EvidenceErrorKind::Store(StorageErrorKind::Limit),
                    "more bundles have this name than the limit BUNDLES_PROVEN_MAX: nothing was gathered",
                ));
            }
            request.page = page.next;
            if request.page.is_none() {
                break;
            }
        }
    }
    if ids.is_empty() {
        return Err(EvidenceError::new(
            EvidenceErrorKind::NotFound,
            "no run and no subject of this name is known here, and it is no bundle's id",
        )
        .with_guidance("`evidence list` shows what the store holds"));
    }
    Ok(ids)
}
