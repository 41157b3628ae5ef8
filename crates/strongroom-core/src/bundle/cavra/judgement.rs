//! What the signature of a CAVRA manifest is worth under trust roots.

use super::{CavraSignature, CavraTrust, VerifiedCavra};
use crate::signing::policy::{self, Judged, Moment, Policy, SignatureState, SigningTimes};

/// Judges the signature of `bundle`; `None` where it carries none. A trust root's key decides what is
/// checked: an HMAC, which whoever can check it can make, is never by one of them.
///
/// The signing time is the manifest's `created_at`, which is the signer's own word.
pub fn judge(
    bundle: &VerifiedCavra,
    trust: Option<&CavraTrust>,
    asked: &Policy,
    moment: Moment,
) -> Option<Judged> {
    let unknown = |state| Some(Judged { key_id: None, owner: None, state });
    let claim = match (bundle.signature(), trust) {
        (CavraSignature::None | CavraSignature::Digest, _) => return None,
        (_, None) => return unknown(SignatureState::Unchecked),
        (CavraSignature::Hs256(_), Some(_)) => return unknown(SignatureState::Untrusted),
        (CavraSignature::Ed25519(claim), Some(_)) => claim,
    };
    let Some(root) = trust.and_then(|trust| trust.named_by(claim)) else {
        return unknown(SignatureState::Untrusted);
    };
    if root.public_key.verify(bundle.signed_bytes(), &claim.value).is_err() {
        return unknown(SignatureState::Invalid);
    }
    let state = if asked.admits(root.key_id()) {
        let times = SigningTimes { claimed: Some(bundle.created_at()), trusted: Vec::new() };
        policy::judge(root, &times, moment)
    } else {
        SignatureState::Untrusted
    };
    Some(Judged { key_id: Some(root.key_id()), owner: Some(root.owner.clone()), state })
}
