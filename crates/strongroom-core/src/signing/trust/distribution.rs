//! What is signed when trust roots are handed out: the digest of their file.

use jiff::Timestamp;
use serde_json::{Map, json};

use crate::Sha256Digest;
use crate::limits::NAME_BYTES_MAX;
use crate::signing::SignatureError;
use crate::signing::statement::{EvidencePredicate, Statement, Subject};

/// The predicate type of a signature under a file of trust roots.
pub const TRUST_ROOTS: &str = "urn:strongroom:attestation:trust-roots:v1";

/// What somebody says who hands out a file of trust roots.
pub fn statement(
    file: Sha256Digest,
    signer: &str,
    signed_at: Timestamp,
) -> Result<Statement, SignatureError> {
    if signer.is_empty() || signer.len() > NAME_BYTES_MAX {
        return Err(SignatureError::Limit("NAME_BYTES_MAX"));
    }
    Ok(Statement {
        subjects: vec![Subject { name: "trust-roots.json".to_owned(), sha256: Some(file) }],
        predicate_type: TRUST_ROOTS.to_owned(),
        predicate: Map::from_iter([
            ("signer".to_owned(), json!(signer)),
            ("signed_at".to_owned(), json!(signed_at)),
        ]),
    })
}

/// Who says so, and when, where a statement hands out that file. `None` where it says anything else:
/// a signature under evidence vouches for no keys.
pub fn said_of(statement: &Statement, file: Sha256Digest) -> Option<EvidencePredicate> {
    let is_about = statement.subjects.iter().any(|subject| subject.sha256 == Some(file));
    if statement.predicate_type != TRUST_ROOTS || !is_about {
        return None;
    }
    EvidencePredicate::read(&statement.predicate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BundleId;
    use crate::signing::statement::SignedBundle;

    #[test]
    fn a_statement_hands_out_its_own_file_and_no_other() {
        let (file, other) = (Sha256Digest::of(b"roots"), Sha256Digest::of(b"others"));
        let signed_at = "2026-11-22T12:00:00Z".parse().unwrap();
        let said = statement(file, "security", signed_at).unwrap();
        let expected = EvidencePredicate { signer: "security".to_owned(), signed_at };
        assert_eq!(said_of(&said, file), Some(expected.clone()));
        assert_eq!(said_of(&said, other), None);
        let bundle = SignedBundle { id: BundleId(file), archive: None, id_covers_bytes: true };
        let evidence = Statement::of_evidence(&bundle, &expected).unwrap();
        assert_eq!(said_of(&evidence, file), None, "a signature under evidence is none of keys");
        for signer in ["", &"x".repeat(NAME_BYTES_MAX + 1)] {
            assert!(statement(file, signer, signed_at).is_err());
        }
    }
}
