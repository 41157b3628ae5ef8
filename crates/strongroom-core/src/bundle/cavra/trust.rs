//! CAVRA's trust roots and collections of them, read into ours.
//!
//! A CAVRA signature names its key by a short id and by the SHA-256 of a PEM text; we name keys by what
//! they are ([`KeyId`]). So beside the trust roots stand the names that CAVRA has for them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::signature::Ed25519Claim;
use crate::Sha256Digest;
use crate::canonical::{self, JsonError, JsonLimits};
use crate::limits::{NAME_BYTES_MAX, TRUST_ROOTS_BYTES_MAX};
use crate::signing::key::{Algorithm, KeyId, PublicKey};
use crate::signing::trust::{KeyStatus, TrustError, TrustRoot, TrustRoots, Window};

const ROOT_SCHEMA: &str = "cavra.evidence.trust-root.v1";
const COLLECTION_SCHEMA: &str = "cavra.evidence.trust-root-bundle.v1";
const ALGORITHM: &str = "Ed25519";

/// Trust roots, and what CAVRA calls their keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CavraTrust {
    /// The keys that are believed.
    pub roots: TrustRoots,
    /// What CAVRA calls them.
    pub names: CavraNames,
}

/// What the CAVRA documents that were read call their keys. A key of ours has no name there: a signature
/// names it by its PEM text as every tool writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CavraNames {
    /// One name never stands for two keys.
    keys_by_name: BTreeMap<String, KeyId>,
    /// Under which names, and by which PEM texts, the documents know a key.
    named: BTreeMap<KeyId, NamesOfKey>,
}

/// The names of one key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamesOfKey {
    /// The short ids.
    pub key_ids: BTreeSet<String>,
    /// The digests of the PEM texts, which may differ in their line ends and still be of the same key.
    pub public_key_sha256: BTreeSet<Sha256Digest>,
}

impl CavraTrust {
    /// Reads one trust root or a collection, of CAVRA's or of ours.
    pub fn read(bytes: &[u8]) -> Result<Self, TrustError> {
        if bytes.len() as u64 > TRUST_ROOTS_BYTES_MAX {
            return Err(TrustError::Limit("TRUST_ROOTS_BYTES_MAX"));
        }
        let document =
            canonical::parse(bytes, JsonLimits::NATIVE).map_err(|error| match error {
                JsonError::Limit { what, .. } => TrustError::Limit(what),
                _ => TrustError::NotATrustRoot,
            })?;
        let Some(schema) = document.get("schema_version").and_then(Value::as_str) else {
            let roots = TrustRoots::read(bytes)?;
            return Ok(Self { roots, names: CavraNames::default() });
        };
        let documents: Vec<Root> = match schema {
            ROOT_SCHEMA => vec![parsed(document)?],
            COLLECTION_SCHEMA => parsed::<Collection>(document)?.trust_roots,
            _ if schema.starts_with("cavra.evidence.trust-root") => {
                return Err(TrustError::UnknownVersion);
            }
            _ => return Err(TrustError::NotATrustRoot),
        };
        let mut trust = Self::default();
        for document in documents {
            trust.add(document)?;
        }
        Ok(trust)
    }

    /// What two files say together: of a key that is in both, the narrower of each.
    pub fn join(&mut self, other: Self) -> Result<(), TrustError> {
        self.roots.join(other.roots)?;
        self.names.join(other.names)
    }

    fn add(&mut self, document: Root) -> Result<(), TrustError> {
        let name = document.key_id.clone();
        let public_key_sha256 = document.public_key_sha256()?;
        let root = document.into_trust_root()?;
        self.names.add(name, root.key_id(), public_key_sha256)?;
        self.roots.add(root)
    }
}

impl CavraNames {
    /// The key that a CAVRA document gave this name.
    pub fn key_named(&self, name: &str) -> Option<KeyId> {
        self.keys_by_name.get(name).copied()
    }

    /// Every key that a CAVRA document named.
    pub fn iter(&self) -> impl Iterator<Item = (KeyId, &NamesOfKey)> {
        self.named.iter().map(|(key, names)| (*key, names))
    }

    /// The trust root of the key that a signature names. Both of its names must be that key's: a short
    /// id is anybody's to choose.
    pub(super) fn root_of<'a>(
        &self,
        roots: &'a TrustRoots,
        claim: &Ed25519Claim,
    ) -> Option<&'a TrustRoot> {
        roots.iter().find(|root| self.is_named(root, claim))
    }

    fn is_named(&self, root: &TrustRoot, claim: &Ed25519Claim) -> bool {
        let known = self.named.get(&root.key_id());
        // What CAVRA's own tool would have: the PEM text as every tool writes it.
        let usual = || root.public_key.to_pem().map(|pem| Sha256Digest::of(pem.as_bytes()));
        let is_its_text = known
            .is_some_and(|names| names.public_key_sha256.contains(&claim.public_key_sha256))
            || usual().is_ok_and(|sha256| sha256 == claim.public_key_sha256);
        // A root of ours has no short id to compare.
        is_its_text && known.is_none_or(|names| names.key_ids.contains(&claim.key_id))
    }

    fn add(
        &mut self,
        name: String,
        key: KeyId,
        public_key_sha256: Sha256Digest,
    ) -> Result<(), TrustError> {
        self.name(name.clone(), key)?;
        let names = self.named.entry(key).or_default();
        names.key_ids.insert(name);
        names.public_key_sha256.insert(public_key_sha256);
        Ok(())
    }

    fn join(&mut self, other: Self) -> Result<(), TrustError> {
        for (name, key) in other.keys_by_name {
            self.name(name, key)?;
        }
        for (key, names) in other.named {
            let known = self.named.entry(key).or_default();
            known.key_ids.extend(names.key_ids);
            known.public_key_sha256.extend(names.public_key_sha256);
        }
        Ok(())
    }

    fn name(&mut self, name: String, key: KeyId) -> Result<(), TrustError> {
        match self.keys_by_name.insert(name, key) {
            Some(other) if other != key => Err(TrustError::SameName),
            _ => Ok(()),
        }
    }
}

fn parsed<T: for<'de> Deserialize<'de>>(document: Value) -> Result<T, TrustError> {
    serde_json::from_value(document).map_err(|_| TrustError::NotATrustRoot)
}

/// A collection as its file has it.
#[derive(Deserialize)]
struct Collection {
    trust_roots: Vec<Root>,
}

/// A root as its file has it.
#[derive(Deserialize)]
struct Root {
    schema_version: String,
    key_id: String,
    owner: String,
    status: KeyStatus,
    algorithm: String,
    public_key_sha256: String,
    public_key_pem: String,
    #[serde(default)]
    valid_from: Option<Timestamp>,
    #[serde(default)]
    valid_until: Option<Timestamp>,
}

impl Root {
    /// The digest of the PEM text, which must be that of the text beside it.
    fn public_key_sha256(&self) -> Result<Sha256Digest, TrustError> {
        let sha256 = Sha256Digest::of(self.public_key_pem.as_bytes());
        match Sha256Digest::from_hex(&self.public_key_sha256) {
            Ok(claimed) if claimed == sha256 => Ok(sha256),
            _ => Err(TrustError::NotOfItsKey("public_key_sha256")),
        }
    }

    fn into_trust_root(self) -> Result<TrustRoot, TrustError> {
        if self.schema_version != ROOT_SCHEMA {
            return Err(TrustError::UnknownVersion);
        }
        let is_name = !self.key_id.is_empty()
            && self.key_id.len() <= NAME_BYTES_MAX
            && !self.key_id.chars().any(char::is_control);
        if !is_name {
            return Err(TrustError::Field("key_id"));
        }
        let public_key = PublicKey::from_pem(&self.public_key_pem)?;
        if self.algorithm != ALGORITHM || public_key.algorithm() != Algorithm::Ed25519 {
            return Err(TrustError::NotOfItsKey("algorithm"));
        }
        let window = Window { from: self.valid_from, until: self.valid_until };
        let mut root = TrustRoot::new(public_key, &self.owner, window)?;
        match self.status {
            KeyStatus::Active => {}
            // A key that signs no more has a last day: without one nothing bounds what it signed.
            KeyStatus::Retired => {
                let until = self.valid_until.ok_or(TrustError::Field("valid_until"))?;
                root.retire(until, None)?;
            }
            // CAVRA has no date for it: revoked since ever.
            KeyStatus::Revoked => root.revoke(None, None)?,
        }
        Ok(root)
    }
}

#[cfg(test)]
mod tests;
