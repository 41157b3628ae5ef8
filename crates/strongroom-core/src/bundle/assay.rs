//! Assay evidence bundles, version 1, by their own rules.
//!
//! Exactly two members, `manifest.json` and `events.ndjson`. The bundle's id is the root over the
//! events' content hashes: it does *not* cover time, run id, source, producer or flags, so that
//! archives with different bytes may share an id.

mod event;

use std::fmt;

use serde_json::Value;

use super::manifest::{Producer, check_name, over};
use super::reader::{read_padding, truncated};
use super::source::{Chunks, read_full};
use super::tar::{self, Member};
use super::{BundleError, ContentVisitor, Progress, Refusal};
use crate::canonical::{self, JsonLimits};
use crate::digest::Sha256Hasher;
use crate::{BundleId, Sha256Digest, limits};
use event::EventChain;

const CANONICALIZATION: &str = "jcs-rfc8785";
const HASH: &str = "sha256";
const ROOT: &str = r#"sha256(concat(content_hash + "\n"))"#;

const JSON_LIMITS: JsonLimits = JsonLimits {
    depth_max: limits::JSON_DEPTH_MAX,
    string_bytes_max: limits::JSON_STRING_BYTES_MAX,
    names_max: limits::ASSAY_JSON_NAMES_MAX,
    // Assay has no such bound of its own: a line of 1 MiB cannot hold more.
    values_max: limits::ASSAY_LINE_BYTES_MAX,
};

/// `manifest.json` of an Assay v1 bundle.
#[derive(Debug, Clone, PartialEq)]
pub struct AssayManifest {
    /// What the bundle is named by: equal to the run root, if it verifies.
    pub bundle_id: BundleId,
    /// Who or what made the events.
    pub producer: Producer,
    /// The run; at most [`limits::NAME_BYTES_MAX`] bytes.
    pub run_id: String,
    /// How many events; at most [`limits::ASSAY_EVENTS_MAX`].
    pub event_count: u64,
    /// SHA-256 over every event's content hash and a line feed.
    pub run_root: Sha256Digest,
    /// The length of `events.ndjson`.
    pub events_size_bytes: u64,
    /// The digest of `events.ndjson`.
    pub events_sha256: Sha256Digest,
}

impl AssayManifest {
    /// The path of the one file besides the manifest.
    pub const EVENTS_PATH: &str = "events.ndjson";
    /// Members besides the manifest.
    pub(super) const FILES: usize = 1;

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, BundleError> {
        if bytes.len() as u64 > limits::ASSAY_MANIFEST_BYTES_MAX {
            let max = limits::ASSAY_MANIFEST_BYTES_MAX;
            return Err(over("manifest.json", "ASSAY_MANIFEST_BYTES_MAX", max));
        }
        let value = canonical::parse(bytes, JSON_LIMITS)?;
        let manifest = Fields(&value);
        if manifest.unsigned("schema_version")? != 1 {
            return Err(BundleError::new(
                Refusal::Format,
                "the manifest is of an unknown schema_version; this version reads Assay 1",
            ));
        }
        let algorithms = manifest.object("algorithms")?;
        for (name, expected) in [("canon", CANONICALIZATION), ("hash", HASH), ("root", ROOT)] {
            if algorithms.text(name)? != expected {
                return Err(malformed("algorithms", "other than those of Assay 1"));
            }
        }
        let files = manifest.object("files")?;
        let events = files.object(AssayManifest::EVENTS_PATH)?;
        let listed = files.0.as_object().map_or(0, serde_json::Map::len);
        let path = events.text("path")?;
        if path.len() > limits::ASSAY_PATH_BYTES_MAX {
            let max = limits::ASSAY_PATH_BYTES_MAX as u64;
            return Err(over("a path", "ASSAY_PATH_BYTES_MAX", max));
        }
        if listed != Self::FILES || path != AssayManifest::EVENTS_PATH {
            return Err(malformed("files", "not exactly events.ndjson"));
        }
        let producer = manifest.object("producer")?;
        let run_id = manifest.text("run_id")?;
        check_name("run_id", run_id)?;
        let sha256 = events.text("sha256")?;
        Ok(Self {
            bundle_id: BundleId(manifest.digest("bundle_id")?),
            producer: Producer {
                name: producer.text("name")?.to_owned(),
                version: Some(producer.text("version")?.to_owned()),
            },
            run_id: run_id.to_owned(),
            event_count: manifest.unsigned("event_count")?,
            run_root: manifest.digest("run_root")?,
            events_size_bytes: events.unsigned("bytes")?,
            events_sha256: sha256
                .parse()
                .or_else(|_| Sha256Digest::from_hex(sha256))
                .map_err(|_| malformed("files.events.ndjson.sha256", "not a SHA-256"))?,
        })
    }
}

/// The second member, every event in it, and the end.
pub(super) fn check_events(
    tar: &mut impl Chunks,
    manifest: &AssayManifest,
    progress: &dyn Progress,
    visitor: &mut dyn ContentVisitor,
) -> Result<(), BundleError> {
    let size_bytes = read_events_header(tar)?;
    if size_bytes != manifest.events_size_bytes {
        return Err(mismatch("events.ndjson is not of the size that the manifest lists"));
    }
    let mut chain = EventChain::new(&manifest.run_id);
    let mut hasher = Sha256Hasher::new();
    let is_wanted = visitor.begin(AssayManifest::EVENTS_PATH, size_bytes);
    let mut left = size_bytes;
    while left > 0 {
        let chunk = tar.chunk()?;
        if chunk.is_empty() {
            return Err(truncated());
        }
        // A chunk's length fits in both types.
        let count = left.min(chunk.len() as u64) as usize;
        hasher.update(&chunk[..count]);
        chain.take(&chunk[..count], visitor)?;
        if is_wanted {
            visitor.content(&chunk[..count]);
        }
        tar.consume(count);
        left -= count as u64;
        progress.add_bytes(count as u64);
    }
    let (event_count, run_root) = chain.finish(visitor)?;
    if is_wanted {
        visitor.end();
    }
    if hasher.finish() != manifest.events_sha256 {
        return Err(mismatch("events.ndjson does not match its digest"));
    }
    if event_count == 0 {
        return Err(BundleError::new(Refusal::Format, "there is no event"));
    }
    if event_count != manifest.event_count {
        return Err(mismatch("not as many events as event_count says"));
    }
    if run_root != manifest.run_root {
        return Err(mismatch("the events do not match run_root"));
    }
    if BundleId(run_root) != manifest.bundle_id {
        return Err(mismatch("the events do not match bundle_id"));
    }
    read_padding(tar, size_bytes, AssayManifest::EVENTS_PATH)?;
    check_end(tar)
}

/// Reads the second member's header; returns its size.
fn read_events_header(tar: &mut impl Chunks) -> Result<u64, BundleError> {
    let mut block = [0; tar::BLOCK_BYTES];
    if read_full(tar, &mut block)? < block.len() {
        return Err(truncated());
    }
    let member = Member::of(&block).ok_or_else(|| {
        BundleError::new(Refusal::Format, "there is no second member, or its header is damaged")
    })?;
    if let Err((refusal, what)) = member.check() {
        return Err(BundleError::new(refusal, format!("the second member: {what}")));
    }
    if member.name != AssayManifest::EVENTS_PATH.as_bytes() {
        return Err(BundleError::new(Refusal::Format, "the second member is not events.ndjson"));
    }
    let size_bytes = member.size_bytes.unwrap_or(u64::MAX);
    if size_bytes > limits::ASSAY_EVENTS_BYTES_MAX {
        let max = limits::ASSAY_EVENTS_BYTES_MAX;
        return Err(over("events.ndjson", "ASSAY_EVENTS_BYTES_MAX", max));
    }
    Ok(size_bytes)
}

/// At least two blocks of zeros, and nothing but zeros: writers pad to their own record length.
fn check_end(tar: &mut impl Chunks) -> Result<(), BundleError> {
    let mut first = [0; tar::BLOCK_BYTES];
    let mut zero_bytes = read_full(tar, &mut first)? as u64;
    if first.iter().any(|byte| *byte != 0) {
        return Err(tar::refuse_extra(&first, "after events.ndjson"));
    }
    loop {
        let chunk = tar.chunk()?;
        if chunk.is_empty() {
            break;
        }
        if chunk.iter().any(|byte| *byte != 0) {
            return Err(BundleError::new(
                Refusal::Format,
                "bytes after the end of the tar archive",
            ));
        }
        zero_bytes += chunk.len() as u64;
        let count = chunk.len();
        tar.consume(count);
    }
    if zero_bytes < tar::END_BYTES as u64 || !zero_bytes.is_multiple_of(tar::BLOCK_BYTES as u64) {
        return Err(truncated());
    }
    Ok(())
}

/// The fields of one JSON object, by type.
struct Fields<'a>(&'a Value);

impl<'a> Fields<'a> {
    fn field(&self, name: &'static str) -> Result<&'a Value, BundleError> {
        self.0.get(name).ok_or_else(|| malformed(name, "missing"))
    }

    fn object(&self, name: &'static str) -> Result<Self, BundleError> {
        let value = self.field(name)?;
        value.is_object().then_some(Self(value)).ok_or_else(|| malformed(name, "not an object"))
    }

    fn text(&self, name: &'static str) -> Result<&'a str, BundleError> {
        self.field(name)?.as_str().ok_or_else(|| malformed(name, "not a string"))
    }

    fn optional_text(&self, name: &'static str) -> Result<Option<&'a str>, BundleError> {
        self.0.get(name).map(|_| self.text(name)).transpose()
    }

    fn unsigned(&self, name: &'static str) -> Result<u64, BundleError> {
        self.field(name)?.as_u64().ok_or_else(|| malformed(name, "not a count"))
    }

    fn boolean(&self, name: &'static str) -> Result<bool, BundleError> {
        self.field(name)?.as_bool().ok_or_else(|| malformed(name, "not true or false"))
    }

    fn digest(&self, name: &'static str) -> Result<Sha256Digest, BundleError> {
        self.text(name)?.parse().map_err(|_| malformed(name, "not a SHA-256"))
    }
}

/// A field that is not as Assay 1 has it.
fn malformed(field: &'static str, what: impl fmt::Display) -> BundleError {
    BundleError::new(Refusal::Format, format!("Assay field {field}: {what}"))
}

fn mismatch(what: &'static str) -> BundleError {
    BundleError::new(Refusal::Integrity, what)
}
