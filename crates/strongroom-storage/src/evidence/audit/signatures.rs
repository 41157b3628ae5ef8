//! The signatures of one bundle, held against the trust roots: what does not verify, or soon will not.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_core::Sha256Digest;
use strongroom_core::signing::demand::{Demand, SourcedSignature};
use strongroom_core::signing::policy::{SignatureState, TimeBasis, Unmet};
use strongroom_core::signing::statement::SignedBundle;

use super::cost::Spent;
use super::finding::{Finding, Problem};
use super::lock::Times;
use super::walk::Group;
use crate::Storage;
use crate::evidence::EvidenceError;
use crate::evidence::signature;

/// What looking at the signatures of one bundle came to.
pub(super) struct Checked {
    pub(super) looked_at: u64,
    pub(super) findings: Vec<Finding>,
}

/// Verifies them: one listing, and three requests for each. The archive of an Assay bundle is the one
/// that its key names; whether its bytes are that is for `--read-data` to say.
pub(super) async fn check(
    store: &dyn Storage,
    spent: &Spent,
    group: &Group,
    demand: &Demand,
    times: Times,
) -> Result<Checked, EvidenceError> {
    let about = |(archive, _): (Option<Sha256Digest>, _)| SignedBundle {
        id: group.id,
        archive,
        id_covers_bytes: archive.is_none(),
    };
    let bundles: Vec<SignedBundle> = group.archives().map(about).collect();
    let stored = signature::of_bundle(store, group.id, demand, &bundles).await?;
    let looked_at = stored.signatures.len() as u64 + stored.passed_over;
    spent.signatures.fetch_add(looked_at, std::sync::atomic::Ordering::Relaxed);
    let mut findings = Vec::new();
    if let Some(limit) = stored.cut_short {
        findings.push(Problem::BeyondLimit { limit }.at(Some(group.id), Vec::new()));
    }
    // Of several archives that share an id, each signature is about one.
    let mut worthless: BTreeMap<String, (Problem, Option<String>)> = BTreeMap::new();
    let mut about_one = BTreeSet::new();
    for at in 0..bundles.len() {
        let signatures: Vec<SourcedSignature> =
            stored.signatures.iter().filter_map(|one| one.sourced(at)).collect();
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
