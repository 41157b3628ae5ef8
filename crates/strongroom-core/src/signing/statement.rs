//! in-toto Statement v1: what is said of which bytes.
//! <https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md>

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::SignatureError;
use crate::canonical::{self, JsonLimits};
use crate::limits::{NAME_BYTES_MAX, STATEMENT_SUBJECTS_MAX};
use crate::{BundleId, Sha256Digest, rfc3339};

/// The `_type` of every statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// The predicate type of a signature under a bundle.
pub const EVIDENCE: &str = "urn:strongroom:attestation:evidence:v1";

/// What a statement is about: a manifest or an archive, by its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Tells a person which file it is. Proves nothing.
    pub name: String,
    /// The digest of its bytes; `None` where the statement has another kind of digest only.
    pub sha256: Option<Sha256Digest>,
}

/// What the signature under a bundle says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidencePredicate {
    /// Who signs, by their own word.
    pub signer: String,
    /// When, by their own word.
    pub signed_at: Timestamp,
}

impl EvidencePredicate {
    /// Reads one, in our form only.
    pub(super) fn read(predicate: &Map<String, Value>) -> Option<Self> {
        let signer = predicate.get("signer")?.as_str()?;
        let signed_at = rfc3339::parse(predicate.get("signed_at")?.as_str()?)?;
        let is_name = !signer.is_empty() && signer.len() <= NAME_BYTES_MAX;
        is_name.then(|| Self { signer: signer.to_owned(), signed_at })
    }
}

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// What it is about.
    pub subjects: Vec<Subject>,
    /// What kind of thing it says.
    pub predicate_type: String,
    /// What it says.
    pub predicate: Map<String, Value>,
}

/// The bytes that a statement has to be about, to be about a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedBundle {
    /// Its identity.
    pub id: BundleId,
    /// The archive as it is here, where it is one.
    pub archive: Option<Sha256Digest>,
    /// Whether the identity is the digest of a manifest that covers every byte. Where it is not, only a
    /// statement about the archive is about the bundle.
    pub id_covers_bytes: bool,
}

impl SignedBundle {
    /// The subjects of a statement about this bundle.
    pub fn subjects(&self) -> Vec<Subject> {
        let manifest = self
            .id_covers_bytes
            .then(|| Subject { name: "manifest.json".to_owned(), sha256: Some(self.id.0) });
        let archive = self
            .archive
            .map(|archive| Subject { name: format!("{}.tar.gz", self.id), sha256: Some(archive) });
        manifest.into_iter().chain(archive).collect()
    }
}

impl Statement {
    /// What somebody says who signs a bundle.
    pub fn of_evidence(
        bundle: &SignedBundle,
        predicate: &EvidencePredicate,
    ) -> Result<Self, SignatureError> {
        if predicate.signer.is_empty() || predicate.signer.len() > NAME_BYTES_MAX {
            return Err(SignatureError::Limit("NAME_BYTES_MAX"));
        }
        let EvidencePredicate { signer, signed_at } = predicate;
        let predicate = Map::from_iter([
            ("signer".to_owned(), json!(signer)),
            ("signed_at".to_owned(), json!(signed_at)),
        ]);
        Ok(Self { subjects: bundle.subjects(), predicate_type: EVIDENCE.to_owned(), predicate })
    }

    /// What the signature under a bundle says; `None` of another predicate, and of one that only claims to
    /// be of this type.
    pub fn evidence(&self) -> Option<EvidencePredicate> {
        if self.predicate_type != EVIDENCE {
            return None;
        }
        EvidencePredicate::read(&self.predicate)
    }

    /// Whether it is about this bundle. An archive that was compressed anew is the same bundle, where
    /// the identity covers every byte.
    pub fn covers(&self, bundle: &SignedBundle) -> bool {
        self.subjects.iter().any(|subject| match subject.sha256 {
            None => false,
            Some(digest) if bundle.id_covers_bytes && digest == bundle.id.0 => true,
            Some(digest) => bundle.archive == Some(digest),
        })
    }

    /// The bytes that are signed: RFC 8785.
    pub fn to_bytes(&self) -> Result<Vec<u8>, SignatureError> {
        let subjects: Vec<Value> = self
            .subjects
            .iter()
            .map(|subject| match subject.sha256 {
                Some(digest) => {
                    json!({"name": subject.name, "digest": {"sha256": digest.to_hex()}})
                }
                None => json!({"name": subject.name, "digest": {}}),
            })
            .collect();
        let document = json!({
            "_type": STATEMENT_TYPE,
            "subject": subjects,
            "predicateType": self.predicate_type,
            "predicate": self.predicate,
        });
        canonical::to_vec(&document).map_err(|_| SignatureError::NotAStatement)
    }

    /// Reads a statement, in any JSON form. Unknown fields are ignored.
    pub fn read(bytes: &[u8]) -> Result<Self, SignatureError> {
        let document = canonical::parse(bytes, JsonLimits::NATIVE)
            .map_err(|error| SignatureError::of_json(&error, SignatureError::NotAStatement))?;
        let document: Document =
            serde_json::from_value(document).map_err(|_| SignatureError::NotAStatement)?;
        if document.statement_type != STATEMENT_TYPE || document.subject.is_empty() {
            return Err(SignatureError::NotAStatement);
        }
        if document.subject.len() > STATEMENT_SUBJECTS_MAX {
            return Err(SignatureError::Limit("STATEMENT_SUBJECTS_MAX"));
        }
        let subject = |subject: SubjectDocument| {
            let digest = subject.digest.get("sha256").map(|digest| {
                let hex = digest.as_str().unwrap_or_default();
                Sha256Digest::from_hex(hex).map_err(|_| SignatureError::NotAStatement)
            });
            Ok(Subject { name: subject.name.unwrap_or_default(), sha256: digest.transpose()? })
        };
        Ok(Self {
            subjects: document.subject.into_iter().map(subject).collect::<Result<_, _>>()?,
            predicate_type: document.predicate_type,
            predicate: document.predicate.unwrap_or_default(),
        })
    }
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "_type")]
    statement_type: String,
    subject: Vec<SubjectDocument>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    #[serde(default)]
    predicate: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct SubjectDocument {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    digest: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(id_covers_bytes: bool) -> SignedBundle {
        let id = BundleId(Sha256Digest::of(b"manifest"));
        SignedBundle { id, archive: Some(Sha256Digest::of(b"archive")), id_covers_bytes }
    }

    fn predicate() -> EvidencePredicate {
        let signed_at = "2026-11-22T12:00:00Z".parse().unwrap();
        EvidencePredicate { signer: "platform-security".to_owned(), signed_at }
    }

    #[test]
    fn a_statement_reads_what_it_writes() {
        let statement = Statement::of_evidence(&bundle(true), &predicate()).unwrap();
        let bytes = statement.to_bytes().unwrap();
        assert_eq!(Statement::read(&bytes).unwrap(), statement);
        assert_eq!(statement.evidence(), Some(predicate()));
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with(r#"{"_type":"https://in-toto.io/Statement/v1","predicate":{"#));
    }

    #[test]
    fn a_bundle_compressed_anew_is_covered_where_the_id_covers_every_byte() {
        let recompressed = |id_covers_bytes| {
            let archive = Some(Sha256Digest::of(b"another archive"));
            SignedBundle { archive, ..bundle(id_covers_bytes) }
        };
        for id_covers_bytes in [true, false] {
            let statement = Statement::of_evidence(&bundle(id_covers_bytes), &predicate()).unwrap();
            assert!(statement.covers(&bundle(id_covers_bytes)));
            assert_eq!(statement.covers(&recompressed(id_covers_bytes)), id_covers_bytes);
            let id = BundleId(Sha256Digest::of(b"another manifest"));
            let another = SignedBundle { id, ..recompressed(id_covers_bytes) };
            assert!(!statement.covers(&another));
        }
    }

    #[test]
    fn what_is_no_statement_is_refused() {
        let long = "x".repeat(NAME_BYTES_MAX + 1);
        let refused = Statement::of_evidence(
            &bundle(true),
            &EvidencePredicate { signer: long, ..predicate() },
        );
        assert_eq!(refused, Err(SignatureError::Limit("NAME_BYTES_MAX")));
        let read = |text: &str| Statement::read(text.as_bytes());
        let subject = r#""subject":[{"name":"x","digest":{"sha256":"00"}}]"#;
        for text in [
            "",
            "{}",
            &format!(
                r#"{{"_type":"https://in-toto.io/Statement/v0.1",{subject},"predicateType":"x"}}"#
            ),
            &format!(
                r#"{{"_type":"https://in-toto.io/Statement/v1",{subject},"predicateType":"x"}}"#
            ),
            r#"{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"x"}"#,
        ] {
            assert_eq!(read(text), Err(SignatureError::NotAStatement), "{text}");
        }
    }
}
