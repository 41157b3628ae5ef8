//! What the signature of a CAVRA manifest is worth under trust roots.

use super::{CavraManifest, CavraSignature};
use crate::signing::check::CheckedSignature;
use crate::signing::demand::{Demand, SourcedSignature};
use crate::signing::key::KeyId;
use crate::signing::policy::{self, SignatureState, SigningTimes};
use crate::signing::trust::TrustRoots;

/// Judges the signature that a manifest itself carries, found in `source`; `None` where it carries none. A
/// trust root's key decides what is checked: an HMAC, which whoever can check it can make, is never by one
/// of them.
///
/// The signing time is the manifest's `created_at`, which is the signer's own word.
pub fn judge(
    manifest: &CavraManifest,
    demand: &Demand,
    source: String,
) -> Option<SourcedSignature> {
    if !manifest.signature.is_a_signature() {
        return None;
    }
    let mut checked = CheckedSignature::unreadable(None);
    checked.claimed_signer.clone_from(&manifest.signer);
    checked.claimed_time = Some(manifest.created_at);
    checked.state = match &demand.policy.trust {
        None => SignatureState::Unchecked,
        Some(trust) => {
            let judged = by_trust(manifest, trust, demand);
            if let Some((key_id, owner)) = judged.by {
                (checked.key_id, checked.owner) = (Some(key_id), Some(owner));
            }
            judged.state
        }
    };
    Some(SourcedSignature { source, version_id: None, checked })
}

struct ByTrust {
    state: SignatureState,
    /// The key that made it, and whose it is, where that was checked.
    by: Option<(KeyId, String)>,
}

fn by_trust(manifest: &CavraManifest, trust: &TrustRoots, demand: &Demand) -> ByTrust {
    let unknown = |state| ByTrust { state, by: None };
    let CavraSignature::Ed25519(claim) = &manifest.signature else {
        return unknown(SignatureState::Untrusted);
    };
    let Some(root) = demand.cavra_names.root_of(trust, claim) else {
        return unknown(SignatureState::Untrusted);
    };
    if root.public_key.verify(&manifest.payload, &claim.value).is_err() {
        return unknown(SignatureState::Invalid);
    }
    let by = Some((root.key_id(), root.owner.clone()));
    if !demand.policy.admits(root.key_id()) {
        return ByTrust { state: SignatureState::Untrusted, by };
    }
    let times = SigningTimes { claimed: Some(manifest.created_at), trusted: Vec::new() };
    ByTrust { state: policy::judge(root, &times, demand.moment), by }
}
