//! Everything that somebody needs who checks evidence offline, gathered into one folder: bundles,
//! signatures, records, the locks as read back now, the keys that are believed, and a script that checks
//! it all with nothing of ours.
//!
//! The folder appears whole or not at all.

mod folder;
mod gather;
mod named;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use strongroom_core::bundle::Progress;
use strongroom_core::bundle::cavra::NamesOfKey;
use strongroom_core::signing::demand::{Demand, SignatureReport};
use strongroom_core::signing::key::KeyId;
use strongroom_core::signing::policy::Policy;
use strongroom_core::signing::statement::EVIDENCE;
use strongroom_core::{BundleId, Sha256Digest};

use self::folder::Folder;
use super::pull::{failed, is_there};
use super::{EvidenceError, EvidenceErrorKind};
use crate::Storage;

/// The schema of `proof.json`, and of what is printed.
pub const PROOF_SCHEMA: &str = "strongroom.proof/v1";
/// Bundles that one folder holds at most.
pub const BUNDLES_PROVEN_MAX: usize = 10_000;

/// What to gather, and for whom.
#[derive(Debug, Clone)]
pub struct ProveRequest {
    /// A bundle's id, a run, or a subject.
    pub of: String,
    /// The folder to make.
    pub out: PathBuf,
    /// Whom to believe.
    pub demand: Demand,
    /// PEM certificates of the time-stamp authorities that are believed.
    pub tsa_roots: Option<Vec<u8>>,
}

/// What was gathered.
#[derive(Debug, Clone, Serialize)]
pub struct Proof {
    /// Always [`PROOF_SCHEMA`].
    pub schema: &'static str,
    /// What was asked for.
    pub of: String,
    /// The store's URL, without credentials.
    pub store: String,
    /// Where it answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The store's clock.
    pub gathered_at: Timestamp,
    /// The keys that are believed, in the folder; null where no trust root was given: then the signatures
    /// are unchecked.
    pub trust_roots: Option<String>,
    /// What CAVRA documents among them call their keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cavra_keys: Vec<CavraKey>,
    /// What was asked of the signatures.
    pub policy: ProofPolicy,
    /// The bundles.
    pub bundles: Vec<ProvenBundle>,
    /// What could not be had.
    pub missing: Vec<MissingProof>,
    /// Whether everything that was named could be had.
    pub is_whole: bool,
}

/// One bundle in the folder. Paths are relative to it.
#[derive(Debug, Clone, Serialize)]
pub struct ProvenBundle {
    /// Its identity, proven.
    pub bundle_id: BundleId,
    /// Its format.
    pub format: &'static str,
    /// The archive, or the directory.
    pub path: String,
    /// The digest of the archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive_sha256: Option<Sha256Digest>,
    /// Its length; of a directory, that of all files.
    pub size_bytes: u64,
    /// The whole key that the archive came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The version that it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// The files of a directory, the manifest last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<ProvenObject>,
    /// Its detached signatures.
    pub signatures: Vec<ProvenSignature>,
    /// Its records: receipts, extensions, holds, releases.
    pub records: Vec<String>,
    /// Its locks as read back now, beside what the records promise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locks: Option<String>,
    /// What the signatures were seen to be worth.
    pub checked: SignatureReport,
}

/// One file of a directory, and the object that it came from.
#[derive(Debug, Clone, Serialize)]
pub struct ProvenObject {
    /// The file.
    pub path: String,
    /// Its digest.
    pub sha256: Sha256Digest,
    /// Its length.
    pub size_bytes: u64,
    /// The whole key.
    pub key: String,
    /// The version, where the store has versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
}

/// What CAVRA calls a key of the trust roots: its signatures name it so.
#[derive(Debug, Clone, Serialize)]
pub struct CavraKey {
    /// The key.
    pub key_id: KeyId,
    /// The short ids.
    pub key_ids: BTreeSet<String>,
    /// The digests of its PEM texts, in bare hexadecimal digits as CAVRA has them.
    pub public_key_sha256: Vec<String>,
}

/// One signature in the folder.
#[derive(Debug, Clone, Serialize)]
pub struct ProvenSignature {
    /// Its file.
    pub path: String,
    /// When it was there by, as the store told under a COMPLIANCE lock that it enforces. A folder cannot
    /// show that; its script says so where it counts.
    pub lock_times: Vec<Timestamp>,
}

/// What was asked of the signatures: the script asks the same.
#[derive(Debug, Clone, Serialize)]
pub struct ProofPolicy {
    /// Valid signatures of each bundle, by as many keys.
    pub signatures_needed: usize,
    /// Owners who each must have signed.
    pub signers: Vec<String>,
    /// The only keys that count; all of the trust roots' where there is none.
    pub key_ids: Vec<KeyId>,
    /// Predicate types that count.
    pub predicate_types: Vec<String>,
    /// Whether a signer's own word on the time will do.
    pub accept_claimed_time: bool,
    /// The moment of the decision.
    pub decided_as_of: Timestamp,
}

impl ProofPolicy {
    fn of(demand: &Demand) -> Self {
        let Policy { key_ids, signers, predicate_types, .. } = &demand.policy;
        let own = std::iter::once(EVIDENCE.to_owned());
        Self {
            signatures_needed: demand.policy.needed(),
            signers: signers.iter().cloned().collect(),
            key_ids: key_ids.iter().copied().collect(),
            predicate_types: own.chain(predicate_types.iter().cloned()).collect(),
            accept_claimed_time: demand.moment.accept_claimed_time,
            decided_as_of: demand.moment.now,
        }
    }
}

/// What could not be had, and why.
#[derive(Debug, Clone, Serialize)]
pub struct MissingProof {
    /// The bundle that it belongs to.
    pub bundle_id: BundleId,
    /// What: `bundle`, `signatures`, `records` or `locks`.
    pub what: &'static str,
    /// Why, in our words.
    pub reason: String,
}

/// What a folder was made with.
#[derive(Debug, Clone)]
pub struct Proven {
    /// What is in it.
    pub proof: Proof,
    /// The digest of its list of files, which whoever gets the folder compares.
    pub sums_sha256: Sha256Digest,
}

/// Gathers it. Fails as a whole only where no bundle could be had.
pub async fn prove(
    store: &dyn Storage,
    request: &ProveRequest,
    progress: &Arc<dyn Progress>,
) -> Result<Proven, EvidenceError> {
    if is_there(&request.out)? {
        return Err(taken(&request.out));
    }
    let ids = named::bundles(store, &request.of).await?;
    let mut folder = Folder::beside(&request.out)?;
    let mut proof = Proof {
        schema: PROOF_SCHEMA,
        of: request.of.clone(),
        store: store.url().to_owned(),
        endpoint: store.endpoint().map(str::to_owned),
        gathered_at: store.now().await?,
        trust_roots: None,
        cavra_keys: cavra_keys(&request.demand),
        policy: ProofPolicy::of(&request.demand),
        bundles: Vec::new(),
        missing: Vec::new(),
        is_whole: true,
    };
    let mut first_failure = None;
    for (id, is_deleted) in ids {
        match gather::bundle(store, id, &request.demand, &mut folder, progress).await {
            Ok((bundle, missing)) => {
                proof.bundles.push(bundle);
                proof.missing.extend(missing);
            }
            // What is gone with its references was disposed of: its time was over.
            Err(error) if is_deleted && error.kind() == EvidenceErrorKind::NotFound => {
                first_failure = first_failure.or(Some(error));
            }
            Err(error) => {
                let reason = error.to_string();
                proof.missing.push(MissingProof { bundle_id: id, what: "bundle", reason });
                first_failure = first_failure.or(Some(error));
            }
        }
    }
    if let (true, Some(error)) = (proof.bundles.is_empty(), first_failure) {
        return Err(error);
    }
    proof.is_whole = proof.missing.is_empty();
    if let Some(trust) = &request.demand.policy.trust {
        let document = trust
            .to_document(proof.gathered_at)
            .map_err(|error| EvidenceError::new(EvidenceErrorKind::LocalFile, error.to_string()))?;
        folder.write(TRUST_ROOTS, &document)?;
        proof.trust_roots = Some(TRUST_ROOTS.to_owned());
        if let Some(pem) = &request.tsa_roots {
            folder.write("trust/tsa.pem", pem)?;
        }
    }
    let sums_sha256 = folder.finish(&proof)?;
    Ok(Proven { proof, sums_sha256 })
}

fn cavra_keys(demand: &Demand) -> Vec<CavraKey> {
    let named = demand.cavra_names.iter();
    let key = |(key_id, names): (KeyId, &NamesOfKey)| CavraKey {
        key_id,
        key_ids: names.key_ids.clone(),
        public_key_sha256: names.public_key_sha256.iter().map(Sha256Digest::to_hex).collect(),
    };
    named.map(key).collect()
}

const TRUST_ROOTS: &str = "trust/trust-roots.json";

fn taken(out: &Path) -> EvidenceError {
    failed(out, "is there already", std::io::Error::from(std::io::ErrorKind::AlreadyExists))
        .into_taken()
}

impl EvidenceError {
    fn into_taken(self) -> Self {
        Self::new(EvidenceErrorKind::LocalFileExists, self.to_string())
            .with_guidance("name a folder that is not there with --output")
    }
}
