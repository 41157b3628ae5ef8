//! `events.ndjson`: flat CloudEvents 1.0, one a line, chained by their content hashes.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Fields, JSON_LIMITS, malformed};
use crate::bundle::manifest::over;
use crate::bundle::{AssayEvent, BundleError, ContentVisitor, Refusal};
use crate::digest::Sha256Hasher;
use crate::{Sha256Digest, canonical, limits};

/// The events so far. Memory: one line and its tree.
pub(super) struct EventChain<'a> {
    run_id: &'a str,
    source: Option<String>,
    line: Vec<u8>,
    count: u64,
    root: Sha256Hasher,
}

impl<'a> EventChain<'a> {
    pub(super) fn new(run_id: &'a str) -> Self {
        Self { run_id, source: None, line: Vec::new(), count: 0, root: Sha256Hasher::new() }
    }

    /// Takes the next bytes of the file, wherever they are cut.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        visitor: &mut dyn ContentVisitor,
    ) -> Result<(), BundleError> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = piece.strip_suffix(b"\n").unwrap_or(piece);
            if self.line.len() + text.len() > limits::ASSAY_LINE_BYTES_MAX {
                let max = limits::ASSAY_LINE_BYTES_MAX as u64;
                return Err(over("a line of events.ndjson", "ASSAY_LINE_BYTES_MAX", max));
            }
            self.line.extend_from_slice(text);
            if piece.len() > text.len() {
                self.end_line(visitor)?;
            }
        }
        Ok(())
    }

    /// The number of events, and the root over their content hashes.
    pub(super) fn finish(
        mut self,
        visitor: &mut dyn ContentVisitor,
    ) -> Result<(u64, Sha256Digest), BundleError> {
        if !self.line.is_empty() {
            self.end_line(visitor)?;
        }
        Ok((self.count, self.root.finish()))
    }

    fn end_line(&mut self, visitor: &mut dyn ContentVisitor) -> Result<(), BundleError> {
        let line = std::mem::take(&mut self.line);
        if self.count == limits::ASSAY_EVENTS_MAX {
            let max = limits::ASSAY_EVENTS_MAX;
            return Err(over("the number of events", "ASSAY_EVENTS_MAX", max));
        }
        let number = self.count + 1;
        self.event(&line, visitor).map_err(|error| {
            BundleError::new(error.refusal(), format!("event {number}: {error}"))
        })?;
        self.count = number;
        self.line = line;
        self.line.clear();
        Ok(())
    }

    fn event(&mut self, line: &[u8], visitor: &mut dyn ContentVisitor) -> Result<(), BundleError> {
        if line.trim_ascii().is_empty() {
            return Err(BundleError::new(Refusal::Format, "a blank line"));
        }
        let value = canonical::parse(line, JSON_LIMITS)?;
        if !value.is_object() {
            return Err(BundleError::new(Refusal::Format, "not a JSON object"));
        }
        let event = Fields(&value);
        let time = check_attributes(&event)?;
        let claimed = event.digest("assaycontenthash")?;
        if content_hash(&event)? != claimed {
            return Err(mismatch("the content does not match assaycontenthash"));
        }
        if event.unsigned("assayseq")? != self.count {
            return Err(mismatch("assayseq is not the event's position"));
        }
        let run_id = event.text("assayrunid")?;
        if run_id.contains(':') {
            return Err(malformed("assayrunid", "holds a colon"));
        }
        if run_id != self.run_id {
            return Err(mismatch("assayrunid is not the manifest's run_id"));
        }
        let source = event.text("source")?;
        if !has_scheme(source) {
            return Err(malformed("source", "not a URI"));
        }
        if self.source.get_or_insert_with(|| source.to_owned()) != source {
            return Err(mismatch("source is not that of the first event"));
        }
        if event.text("id")? != format!("{run_id}:{}", self.count) {
            return Err(mismatch("id is not run id and position"));
        }
        self.root.update(claimed.to_string().as_bytes());
        self.root.update(b"\n");
        visitor.event(&AssayEvent {
            time,
            git: event.text("assaygit")?,
            declares_personal_data: event.boolean("assaypii")?,
            declares_secrets: event.boolean("assaysecrets")?,
        });
        Ok(())
    }
}

/// The attributes that are there, and of the right type, whatever they say. Returns the time.
fn check_attributes(event: &Fields<'_>) -> Result<Timestamp, BundleError> {
    if event.text("specversion")? != "1.0" {
        return Err(malformed("specversion", "not 1.0"));
    }
    for name in ["type", "datacontenttype", "assayproducer", "assayproducerversion", "assaygit"] {
        event.text(name)?;
    }
    for name in ["assaypii", "assaysecrets"] {
        event.boolean(name)?;
    }
    let time = event.text("time")?.parse::<Timestamp>();
    let time = time.map_err(|_| malformed("time", "not an RFC 3339 timestamp"))?;
    event.field("data")?;
    for name in ["subject", "traceparent", "tracestate", "assaypolicyid"] {
        event.optional_text(name)?;
    }
    let semantic_digest = event.optional_text("assaysemanticdigest")?;
    let profile = event.optional_text("assaydigestprofile")?;
    if semantic_digest.is_some() != profile.is_some() {
        return Err(malformed("assaysemanticdigest", "without assaydigestprofile, or the reverse"));
    }
    Ok(time)
}

/// The digest of what Assay's content hash covers, which is not the whole event.
fn content_hash(event: &Fields<'_>) -> Result<Sha256Digest, BundleError> {
    let mut covered = Map::new();
    for name in ["specversion", "type", "datacontenttype", "subject", "data"] {
        if let Some(value) = event.0.get(name) {
            covered.insert(name.to_owned(), value.clone());
        }
    }
    let covered = Value::Object(covered);
    let bytes = serde_json_canonicalizer::to_vec(&covered)
        .map_err(|_| BundleError::from(canonical::JsonError::Unwritable))?;
    Ok(Sha256Digest::of(&bytes))
}

/// Whether a text begins like a URI (RFC 3986 section 3.1).
fn has_scheme(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    !rest.is_empty()
        && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

fn mismatch(what: &'static str) -> BundleError {
    BundleError::new(Refusal::Integrity, what)
}
