//! A registry's signature of a package's manifest: the statement of `evidence sign`, about the manifest alone, in the
//! same file. Kept as [`layout::package_signature`](crate::layout::package_signature).

use serde::{Deserialize, Serialize};

use crate::signing::key::{KeyId, PublicKey};
use crate::signing::statement::{EvidencePredicate, SignedBundle, Statement};
use crate::signing::{SignatureError, SignatureFile};
use crate::{BundleId, Sha256Digest};

/// Which signature is beside a manifest, and whose. Who believes it does so by a trust root, not by this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestSignature {
    /// The digest of the signature file's bytes.
    pub sha256: Sha256Digest,
    /// The key that made it.
    pub key_id: KeyId,
}

/// What a registry says that signs a manifest.
pub fn statement(
    manifest: BundleId,
    predicate: &EvidencePredicate,
) -> Result<Statement, SignatureError> {
    Statement::of_evidence(&of_manifest(manifest), predicate)
}

/// The signature that `bytes` are, if `key` made it and it stands for this manifest.
pub fn made_by(key: &PublicKey, manifest: BundleId, bytes: &[u8]) -> Option<ManifestSignature> {
    let statement = SignatureFile::read(bytes).ok()?.verify(key).ok()?.ok()?;
    let is_for_it = statement.evidence().is_some() && statement.covers(&of_manifest(manifest));
    is_for_it.then(|| ManifestSignature { sha256: Sha256Digest::of(bytes), key_id: key.id() })
}

/// Whether `bytes` say of themselves that they are a signature about this manifest. Whose it is, is not asked.
pub fn claims_to_be_about(manifest: BundleId, bytes: &[u8]) -> bool {
    let statement = SignatureFile::read(bytes).and_then(|file| file.unchecked_statement());
    statement.is_ok_and(|statement| statement.covers(&of_manifest(manifest)))
}

fn of_manifest(id: BundleId) -> SignedBundle {
    SignedBundle { id, archive: None, id_covers_bytes: true }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::key::{Algorithm, PrivateKey};

    fn id(seed: &[u8]) -> BundleId {
        BundleId(Sha256Digest::of(seed))
    }

    fn signed(key: &PrivateKey, statement: &Statement) -> Vec<u8> {
        let signature = key.sign(&SignatureFile::to_sign(statement).unwrap());
        let file = SignatureFile::new(statement, key.public_key().id(), signature).unwrap();
        file.to_bytes().unwrap()
    }

    fn said(manifest: BundleId) -> Statement {
        let signed_at = "2026-11-22T12:00:00Z".parse().unwrap();
        let predicate = EvidencePredicate { signer: "registry".to_owned(), signed_at };
        statement(manifest, &predicate).unwrap()
    }

    #[test]
    fn a_signature_counts_for_its_manifest_and_by_its_key_alone() {
        for algorithm in [Algorithm::Ed25519, Algorithm::EcdsaP256] {
            let key = PrivateKey::generate(algorithm).unwrap();
            let other = PrivateKey::generate(algorithm).unwrap();
            let bytes = signed(&key, &said(id(b"manifest")));
            let made = made_by(key.public_key(), id(b"manifest"), &bytes).unwrap();
            assert_eq!(made.key_id, key.public_key().id());
            assert_eq!(made.sha256, Sha256Digest::of(&bytes));
            assert_eq!(made_by(other.public_key(), id(b"manifest"), &bytes), None);
            assert_eq!(made_by(key.public_key(), id(b"another"), &bytes), None);
            assert_eq!(made_by(key.public_key(), id(b"manifest"), b"{}"), None);
            assert!(claims_to_be_about(id(b"manifest"), &bytes));
            assert!(!claims_to_be_about(id(b"another"), &bytes));
            assert!(!claims_to_be_about(id(b"manifest"), b"{}"));
        }
    }

    #[test]
    fn who_attests_something_else_of_a_manifest_does_not_stand_for_it() {
        let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
        let rejected = Statement {
            predicate_type: "https://example.org/rejected/v1".to_owned(),
            ..said(id(b"manifest"))
        };
        let bytes = signed(&key, &rejected);
        assert_eq!(made_by(key.public_key(), id(b"manifest"), &bytes), None);
    }
}
