//! The file that a signature is kept in: a Sigstore bundle v0.3 with a DSSE envelope and the name of the
//! key. <https://docs.sigstore.dev/about/bundle/>

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::Deserialize;
use serde_json::{Value, json};

use super::dsse::{self, IN_TOTO};
use super::key::{BadSignature, KeyId, PublicKey};
use super::statement::Statement;
use super::{SignatureError, SignatureFile};
use crate::Sha256Digest;
use crate::canonical::{self, JsonLimits};
use crate::limits::{ATTESTATION_BYTES_MAX, TIMESTAMPS_MAX};

/// The media type of the files that are written.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// How the first tools that wrote v0.3 named it.
const MEDIA_TYPE_WITH_VERSION: &str = "application/vnd.dev.sigstore.bundle+json;version=0.3";

/// A payload is one long string of base64.
const LIMITS: JsonLimits =
    JsonLimits { string_bytes_max: ATTESTATION_BYTES_MAX as usize, ..JsonLimits::NATIVE };

impl SignatureFile {
    /// The bytes to sign for `statement`.
    pub fn to_sign(statement: &Statement) -> Result<Vec<u8>, SignatureError> {
        Ok(dsse::pae(IN_TOTO, &statement.to_bytes()?))
    }

    /// The file of a signature that `key` made of [`to_sign`](Self::to_sign).
    pub fn new(
        statement: &Statement,
        key: KeyId,
        signature: Vec<u8>,
    ) -> Result<Self, SignatureError> {
        let payload = statement.to_bytes()?;
        Ok(Self { key_hint: key.to_string(), payload, signature, timestamps: Vec::new() })
    }

    /// The file's bytes: RFC 8785 and a line feed.
    pub fn to_bytes(&self) -> Result<Vec<u8>, SignatureError> {
        let mut material = json!({"publicKey": {"hint": self.key_hint}});
        if !self.timestamps.is_empty() {
            let tokens: Vec<Value> = self
                .timestamps
                .iter()
                .map(|token| json!({"signedTimestamp": STANDARD.encode(token)}))
                .collect();
            material["timestampVerificationData"] = json!({"rfc3161Timestamps": tokens});
        }
        let document = json!({
            "mediaType": MEDIA_TYPE,
            "verificationMaterial": material,
            "dsseEnvelope": {
                "payload": STANDARD.encode(&self.payload),
                "payloadType": IN_TOTO,
                "signatures": [{"keyid": self.key_hint, "sig": STANDARD.encode(&self.signature)}],
            },
        });
        let mut bytes = serde_json_canonicalizer::to_vec(&document)
            .map_err(|_| SignatureError::NotASignatureFile)?;
        bytes.push(b'\n');
        match bytes.len() as u64 > ATTESTATION_BYTES_MAX {
            true => Err(SignatureError::Limit("ATTESTATION_BYTES_MAX")),
            false => Ok(bytes),
        }
    }

    /// Reads a file. Nothing is checked but its form.
    pub fn read(bytes: &[u8]) -> Result<Self, SignatureError> {
        if bytes.len() as u64 > ATTESTATION_BYTES_MAX {
            return Err(SignatureError::Limit("ATTESTATION_BYTES_MAX"));
        }
        let document = canonical::parse(bytes, LIMITS)
            .map_err(|error| SignatureError::of_json(&error, SignatureError::NotASignatureFile))?;
        let document: Document =
            serde_json::from_value(document).map_err(|_| SignatureError::NotASignatureFile)?;
        if ![MEDIA_TYPE, MEDIA_TYPE_WITH_VERSION].contains(&document.media_type.as_str()) {
            return Err(SignatureError::NotASignatureFile);
        }
        let Material { public_key, certificate, timestamps } = document.verification_material;
        let key_hint = match (public_key, certificate) {
            (Some(key), None) => key.hint.unwrap_or_default(),
            (None, Some(_)) => return Err(SignatureError::Certificate),
            _ => return Err(SignatureError::NotASignatureFile),
        };
        let envelope = document.dsse_envelope.ok_or(SignatureError::NotADsseEnvelope)?;
        let [signature] = envelope.signatures.as_slice() else {
            return Err(SignatureError::NotOneSignature);
        };
        if envelope.payload_type != IN_TOTO {
            return Err(SignatureError::NotAStatement);
        }
        let tokens = timestamps.unwrap_or_default().rfc3161;
        if tokens.len() > TIMESTAMPS_MAX {
            return Err(SignatureError::Limit("TIMESTAMPS_MAX"));
        }
        let tokens = tokens.iter().map(|token| decode(&token.signed_timestamp));
        Ok(Self {
            key_hint,
            payload: decode(&envelope.payload)?,
            signature: decode(&signature.sig)?,
            timestamps: tokens.collect::<Result<_, _>>()?,
        })
    }

    /// The key that the file says made it, by the digest of its SubjectPublicKeyInfo: as we write it, in
    /// hexadecimal digits, or in base64, as other tools do. Proves nothing.
    pub fn claimed_key(&self) -> Option<KeyId> {
        if let Ok(id) = self.key_hint.parse() {
            return Some(id);
        }
        let in_base64 =
            || STANDARD.decode(&self.key_hint).ok()?.try_into().ok().map(Sha256Digest::from_bytes);
        Sha256Digest::from_hex(&self.key_hint).ok().or_else(in_base64).map(KeyId)
    }

    /// What `key`'s holder said. The statement is read only once its bytes are known to be theirs.
    pub fn verify(
        &self,
        key: &PublicKey,
    ) -> Result<Result<Statement, SignatureError>, BadSignature> {
        key.verify(&dsse::pae(IN_TOTO, &self.payload), &self.signature)?;
        Ok(Statement::read(&self.payload))
    }

    /// What the file says, by nobody's word.
    pub fn unchecked_statement(&self) -> Result<Statement, SignatureError> {
        Statement::read(&self.payload)
    }
}

/// Protobuf's JSON is base64 in either alphabet.
fn decode(text: &str) -> Result<Vec<u8>, SignatureError> {
    STANDARD
        .decode(text)
        .or_else(|_| URL_SAFE.decode(text))
        .map_err(|_| SignatureError::NotASignatureFile)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    media_type: String,
    verification_material: Material,
    #[serde(default)]
    dsse_envelope: Option<Envelope>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    #[serde(default)]
    public_key: Option<Hint>,
    #[serde(default, alias = "x509CertificateChain")]
    certificate: Option<Value>,
    #[serde(default, rename = "timestampVerificationData")]
    timestamps: Option<Timestamps>,
}

#[derive(Deserialize)]
struct Hint {
    #[serde(default)]
    hint: Option<String>,
}

#[derive(Deserialize, Default)]
struct Timestamps {
    #[serde(default, rename = "rfc3161Timestamps")]
    rfc3161: Vec<Token>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    signed_timestamp: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    sig: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BundleId;
    use crate::signing::key::{Algorithm, PrivateKey};
    use crate::signing::statement::{EvidencePredicate, SignedBundle};

    fn statement() -> Statement {
        let id = BundleId(Sha256Digest::of(b"manifest"));
        let bundle = SignedBundle { id, archive: None, id_covers_bytes: true };
        let signed_at = "2026-11-22T12:00:00Z".parse().unwrap();
        let predicate = EvidencePredicate { signer: "ci".to_owned(), signed_at };
        Statement::of_evidence(&bundle, &predicate).unwrap()
    }

    fn signed(key: &PrivateKey) -> SignatureFile {
        let signature = key.sign(&SignatureFile::to_sign(&statement()).unwrap());
        SignatureFile::new(&statement(), key.public_key().id(), signature).unwrap()
    }

    #[test]
    fn a_file_reads_what_it_writes_and_says_what_was_signed() {
        for algorithm in [Algorithm::Ed25519, Algorithm::EcdsaP256] {
            let key = PrivateKey::generate(algorithm).unwrap();
            let mut file = signed(&key);
            file.timestamps = vec![b"one token".to_vec(), b"another".to_vec()];
            let bytes = file.to_bytes().unwrap();
            let read = SignatureFile::read(&bytes).unwrap();
            assert_eq!(read, file);
            assert_eq!(read.claimed_key(), Some(key.public_key().id()));
            assert_eq!(read.verify(key.public_key()), Ok(Ok(statement())));
            let other = PrivateKey::generate(algorithm).unwrap();
            assert_eq!(read.verify(other.public_key()), Err(BadSignature));
        }
    }

    #[test]
    fn another_payload_under_the_same_signature_is_refused() {
        let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
        let mut file = signed(&key);
        let mut other = statement();
        other.predicate.insert("signer".to_owned(), json!("somebody else"));
        file.payload = other.to_bytes().unwrap();
        assert_eq!(file.verify(key.public_key()), Err(BadSignature));
    }

    #[test]
    fn what_is_no_such_file_is_refused_and_says_why() {
        let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
        let whole: Value = serde_json::from_slice(&signed(&key).to_bytes().unwrap()).unwrap();
        let refused = |change: &dyn Fn(&mut Value)| {
            let mut document = whole.clone();
            change(&mut document);
            SignatureFile::read(document.to_string().as_bytes()).unwrap_err()
        };
        use SignatureError::{
            Certificate, NotADsseEnvelope, NotASignatureFile, NotAStatement, NotOneSignature,
        };
        let envelope = |document: &mut Value| document["dsseEnvelope"].take();
        assert_eq!(refused(&|it| it["mediaType"] = json!("x")), NotASignatureFile);
        assert_eq!(refused(&|it| drop(envelope(it))), NotADsseEnvelope);
        assert_eq!(refused(&|it| it["dsseEnvelope"]["payload"] = json!("%")), NotASignatureFile);
        assert_eq!(refused(&|it| it["dsseEnvelope"]["payloadType"] = json!("x")), NotAStatement);
        assert_eq!(refused(&|it| it["dsseEnvelope"]["signatures"] = json!([])), NotOneSignature);
        let two = json!([{"sig": "AA=="}, {"sig": "AA=="}]);
        assert_eq!(refused(&|it| it["dsseEnvelope"]["signatures"] = two.clone()), NotOneSignature);
        let certificate = json!({"certificate": {"rawBytes": "AA=="}});
        assert_eq!(refused(&|it| it["verificationMaterial"] = certificate.clone()), Certificate);
        assert_eq!(SignatureFile::read(b"{").unwrap_err(), NotASignatureFile);
        let twice = br#"{"mediaType":"a","mediaType":"b"}"#;
        assert_eq!(SignatureFile::read(twice).unwrap_err(), NotASignatureFile);
        let long = vec![b' '; usize::try_from(ATTESTATION_BYTES_MAX).unwrap() + 1];
        let limit = SignatureError::Limit("ATTESTATION_BYTES_MAX");
        assert_eq!(SignatureFile::read(&long).unwrap_err(), limit);
    }
}
