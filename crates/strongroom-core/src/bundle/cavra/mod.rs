//! CAVRA evidence bundles, version 1: a directory, by its own rules and stricter than its own tool.
//!
//! `manifest.json` lists every other file with size and SHA-256, and may be signed; nothing else may
//! lie beside them. The manifest names no run: `evidence.json` has the session id. The identity is the
//! SHA-256 of the bytes of `manifest.json`, which covers every byte of every file, and the signature.
//!
//! | type | what |
//! |---|---|
//! | [`VerifiedCavra`] | a directory of which every byte was checked |
//! | [`CavraManifest`] | a manifest by itself |
//! | [`CavraSignature`] | what the manifest carries as its signature, not looked at yet |
//! | [`CavraRetention`] | what a covered `retention-policy.json` asks for |
//! | [`CavraTrust`] | trust roots, ours or CAVRA's, and the names that signatures use for them |
//! | [`judge`] | what a signature is worth under trust roots |
//! | [`HmacSecret`] | the secret of an HS256 signature |

mod directory;
mod fields;
mod json;
mod judgement;
mod manifest;
mod retention;
mod signature;
mod trust;

pub use directory::{CavraFile, UnverifiedCavra, VerifiedCavra, is_claimed_by, session_id};
pub use judgement::judge;
pub use manifest::CavraManifest;
pub use retention::CavraRetention;
pub use signature::{CavraSignature, Ed25519Claim, HmacSecret, SecretRefused};
pub use trust::{CavraNames, CavraTrust, NamesOfKey};

/// The stable name of the format.
pub const FORMAT: &str = "cavra/v1";
/// The manifest, which lists every file but itself.
pub const MANIFEST: &str = "manifest.json";
/// The document that has the session id. Always there.
pub const EVIDENCE: &str = "evidence.json";
/// The document that says how long the bundle is to be kept.
pub const RETENTION_POLICY: &str = "retention-policy.json";
/// Every document that CAVRA's own tool writes, besides the manifest.
pub const DOCUMENTS: [&str; 6] = [
    "compliance-mapping.md",
    EVIDENCE,
    "pr-attestation.md",
    RETENTION_POLICY,
    "sandbox-run-summary.json",
    "siem-event.json",
];
