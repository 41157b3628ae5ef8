//! The signatures of one bundle, held against the trust roots: what does not verify, or soon will not.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_core::bundle::cavra::{CavraManifest, MANIFEST, judge};
use strongroom_core::signing::demand::{Demand, SourcedSignature};
use strongroom_core::signing::policy::{SignatureState, TimeBasis, Unmet};
use strongroom_core::signing::statement::SignedBundle;
use strongroom_core::{Sha256Digest, layout};

use super::cost::Spent;
use super::finding::{Finding, Problem};
use super::lock::Times;
use super::walk::Group;
use crate::evidence::EvidenceError;
use crate::evidence::signature;
use crate::{ObjectKey, Storage};

/// What looking at the signatures of one bundle came to.
pub(super) struct Checked {
    pub(super) looked_at: u64,
    pub(super) findings: Vec<Finding>,
}

/// Verifies them: one listing, and three requests for each. The archive of an Assay bundle is the one
/// that its key names; whether its bytes are that is for `--read-data` to say. The manifest of a directory
/// carries a signature itself.
pub(super) async fn check(
    store: &dyn Storage,
    spent: &Spent,
    (group, manifest): (&Group, Option<&CavraManifest>),
    demand: &Demand,
    times: Times,
) -> Result<Checked, EvidenceError> {
    let about = |archive: Option<Sha256Digest>| SignedBundle {
        id: group.id,
        archive,
        id_covers_bytes: archive.is_none(),
    };
    let mut bundles: Vec<SignedBundle> =
        group.archives().map(|(archive, _)| about(archive)).collect();
    let at_directory = bundles.len();
    if group.is_directory() {
        bundles.push(about(None));
    }
    let its_own = match manifest {
        Some(manifest) => {
            let key = ObjectKey::new(layout::cavra_object(group.id, MANIFEST))?;
            judge(manifest, demand, store.whole_key(&key))
        }
        None => None,
    };
    let stored = signature::of_bundle(store, group.id, demand, &bundles).await?;
    let detached = stored.signatures.len() as u64 + stored.passed_over;
    spent.signatures.fetch_add(detached, std::sync::atomic::Ordering::Relaxed);
    let looked_at = detached + u64::from(its_own.is_some());
    let mut findings = Vec::new();
    if let Some(limit) = stored.cut_short {
        findings.push(Problem::BeyondLimit { limit }.at(Some(group.id), Vec::new()));
    }
    // Of several archives that share an id, each signature is about one.
    let mut worthless: BTreeMap<String, (Problem, Option<String>)> = BTreeMap::new();
    let mut about_one = BTreeSet::new();
    for at in 0..bundles.len() {
        let its_own = its_own.clone().filter(|_| at == at_directory);
        let detached = stored.signatures.iter().filter_map(|one| one.sourced(at));
        let signatures: Vec<SourcedSignature> = its_own.into_iter().chain(detached).collect();
        for signature in &signatures {
            if signature.checked.state != SignatureState::OtherSubject {
                about_one.insert(signature.source.clone());
            }
            if let Some(problem) = of_one(signature, demand, times) {
                let found = (problem, signature.version_id.clone());
                worthless.insert(signature.source.clone(), found);
            }
        }
        let unmet = demand.conclude(signatures).signatures_unmet;
        findings.extend(unmet.iter().map(|unmet| not_enough(unmet).at(Some(group.id), Vec::new())));
    }
    let other = SignatureState::OtherSubject.name();
    for (source, (problem, version_id)) in worthless {
        let is_of_another = problem == Problem::SignatureNotValid { state: other };
        if !(is_of_another && about_one.contains(&source)) {
            findings.push(Finding { version_id, ..problem.at(Some(group.id), vec![source]) });
        }
    }
    Ok(Checked { looked_at, findings })
}

fn of_one(signature: &SourcedSignature, demand: &Demand, times: Times) -> Option<Problem> {
    let checked = &signature.checked;
    match &checked.state {
        SignatureState::Valid { time: TimeBasis::Now } => {
            // Only now: once the key's window has ended, nothing says that it is older.
            let root = demand.policy.trust.as_ref()?.get(checked.key_id?)?;
            let valid_until = root.window.until?;
            times
                .expiring_before
                .is_some_and(|before| valid_until < before)
                .then_some(Problem::SignatureExpiring { valid_until })
        }
        SignatureState::Valid { .. } | SignatureState::Unchecked => None,
        state => Some(Problem::SignatureNotValid { state: state.name() }),
    }
}

fn not_enough(unmet: &Unmet) -> Problem {
    Problem::SignaturesNotEnough { missing: unmet.to_string() }
}
