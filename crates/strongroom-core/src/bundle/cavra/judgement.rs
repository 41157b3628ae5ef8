//! What the signature of a CAVRA manifest is worth under trust roots.

use super::{CavraSignature, CavraTrust, VerifiedCavra};
use crate::signing::check::CheckedSignature;
use crate::signing::key::KeyId;
use crate::signing::policy::{self, Moment, Policy, SignatureState, SigningTimes};
use crate::signing::statement::SignedBundle;

/// Judges the signature that `bundle` itself carries; `None` where it carries none. A trust root's key
/// decides what is checked: an HMAC, which whoever can check it can make, is never by one of them.
///
/// The signing time is the manifest's `created_at`, which is the signer's own word.
pub fn judge(
    bundle: &VerifiedCavra,
    trust: Option<&CavraTrust>,
    asked: &Policy,
    moment: Moment,
) -> Option<CheckedSignature> {
    if !bundle.signature().is_a_signature() {
        return None;
    }
    let mut checked = CheckedSignature::unreadable(None);
    checked.claimed_signer = bundle.claimed_signer().map(str::to_owned);
    checked.claimed_time = Some(bundle.created_at());
    checked.state = match trust {
        None => SignatureState::Unchecked,
        Some(trust) => {
            let judged = by_trust(bundle, trust, asked, moment);
            if let Some((key_id, owner)) = judged.by {
                (checked.key_id, checked.owner) = (Some(key_id), Some(owner));
            }
            judged.state
        }
    };
    Some(checked)
}

struct ByTrust {
    state: SignatureState,
    /// The key that made it, and whose it is, where that was checked.
    by: Option<(KeyId, String)>,
}

fn by_trust(bundle: &VerifiedCavra, trust: &CavraTrust, asked: &Policy, moment: Moment) -> ByTrust {
    let unknown = |state| ByTrust { state, by: None };
    let CavraSignature::Ed25519(claim) = bundle.signature() else {
        return unknown(SignatureState::Untrusted);
    };
    let Some(root) = trust.named_by(claim) else { return unknown(SignatureState::Untrusted) };
    if root.public_key.verify(bundle.signed_bytes(), &claim.value).is_err() {
        return unknown(SignatureState::Invalid);
    }
    let by = Some((root.key_id(), root.owner.clone()));
    if !asked.admits(root.key_id()) {
        return ByTrust { state: SignatureState::Untrusted, by };
    }
    let times = SigningTimes { claimed: Some(bundle.created_at()), trusted: Vec::new() };
    ByTrust { state: policy::judge(root, &times, moment), by }
}

impl VerifiedCavra {
    /// The bytes that a statement has to be about, to be about this directory.
    pub fn signed(&self) -> SignedBundle {
        SignedBundle { id: self.id(), archive: None, id_covers_bytes: true }
    }
}
