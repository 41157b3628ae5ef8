//! The bytes of any record become a [`Record`]. Unknown fields of a known version are ignored;
//! unknown versions are refused.

use serde::Deserialize as _;
use serde_json::Value;

use super::{RECORD_SCHEMA, Record};
use crate::canonical::{self, JsonError, JsonLimits};
use crate::limits::RECORD_BYTES_MAX;
use crate::receipt::RECEIPT_SCHEMA;
use crate::upload::UPLOAD_SCHEMA;

/// Why bytes under `records/` are no record that can be read. Holds no text of theirs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Not JSON, or JSON of another kind: somebody else's object.
    #[error("not a record")]
    NotARecord,
    /// A record of another version, or of a kind that this version does not know.
    #[error("{0}")]
    Unknown(String),
    /// A record of a known version whose fields are not those of its version.
    #[error("a record of {0} whose fields are not those of that version")]
    Malformed(&'static str),
    /// Beyond a limit: not looked at.
    #[error("a record over the limit: RECORD_BYTES_MAX ({RECORD_BYTES_MAX} bytes), or its JSON")]
    Limit,
}

impl RecordError {
    /// Whether the bytes may be a promise that was not understood.
    pub fn may_promise(&self) -> bool {
        *self != Self::NotARecord
    }
}

/// Reads any record.
pub fn read(bytes: &[u8]) -> Result<Record, RecordError> {
    if bytes.len() as u64 > RECORD_BYTES_MAX {
        return Err(RecordError::Limit);
    }
    let document = canonical::parse(bytes, JsonLimits::NATIVE).map_err(|error| match error {
        JsonError::Limit { .. } => RecordError::Limit,
        _ => RecordError::NotARecord,
    })?;
    let schema = document.get("schema").and_then(Value::as_str).ok_or(RecordError::NotARecord)?;
    match schema {
        RECEIPT_SCHEMA => serde_json::from_value(document)
            .map(|receipt| Record::Receipt(Box::new(receipt)))
            .map_err(|_| RecordError::Malformed(RECEIPT_SCHEMA)),
        UPLOAD_SCHEMA => serde_json::from_value(document)
            .map(|upload| Record::Upload(Box::new(upload)))
            .map_err(|_| RecordError::Malformed(UPLOAD_SCHEMA)),
        RECORD_SCHEMA => change(document),
        other => Err(unknown_schema(other, &[RECEIPT_SCHEMA, UPLOAD_SCHEMA, RECORD_SCHEMA])),
    }
}

/// The kinds of [`super::Change`], by the names that they are written under.
const KINDS: [&str; 5] =
    ["extension", "hold_begun", "hold_placed", "release_begun", "hold_released"];

fn change(document: Value) -> Result<Record, RecordError> {
    let kind = document.get("kind").and_then(Value::as_str).unwrap_or_default();
    if !KINDS.contains(&kind) {
        return Err(RecordError::Unknown(format!(
            "a record of {RECORD_SCHEMA} and of a kind that this version does not know"
        )));
    }
    super::ChangeRecord::deserialize(document)
        .map(|change| Record::Change(Box::new(change)))
        .map_err(|_| RecordError::Malformed(RECORD_SCHEMA))
}

/// What every schema of ours starts with.
const OURS: &str = "strongroom.";

/// Names both versions. The other one is told as a number only: the text is not ours.
pub(crate) fn unknown_schema(schema: &str, read: &[&str]) -> RecordError {
    if !schema.starts_with(OURS) {
        return RecordError::NotARecord;
    }
    for known in read {
        let family = known.trim_end_matches(|letter: char| letter.is_ascii_digit());
        let version = schema.strip_prefix(family).and_then(|version| version.parse::<u32>().ok());
        if let Some(version) = version {
            return RecordError::Unknown(format!(
                "a record of {family}{version}; this version reads {known}"
            ));
        }
    }
    let read = read.join(", ");
    RecordError::Unknown(format!("a record of an unknown schema; this version reads {read}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record::{Change, ChangeRecord, HoldBefore, RecordedObject, Subject};
    use crate::{BundleId, Sha256Digest};

    fn placed() -> ChangeRecord {
        let mut object = RecordedObject::new("team/bundles/x".to_owned(), Some("v1".to_owned()));
        object.asked.legal_hold = Some(true);
        object.hold_before = Some(HoldBefore::Off);
        object.legal_hold = Some(true);
        ChangeRecord {
            schema: RECORD_SCHEMA.to_owned(),
            subject: Subject::BundleId(BundleId(Sha256Digest::of(b"x"))),
            store: "s3://evidence/team".to_owned(),
            endpoint: None,
            at: "2026-11-21T12:00:00Z".parse().unwrap(),
            by: Some("counsel".to_owned()),
            reason: Some("case 17".to_owned()),
            change: Change::HoldPlaced { hold_id: uuid::Uuid::from_u128(7) },
            objects: vec![object],
            written_with_hold: true,
        }
    }

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let record = placed();
        let bytes = canonical::to_vec(&record).unwrap();
        assert_eq!(read(&bytes), Ok(Record::Change(Box::new(record))));
    }

    #[test]
    fn a_field_that_does_not_apply_is_absent() {
        let text = String::from_utf8(canonical::to_vec(&placed()).unwrap()).unwrap();
        assert!(!text.contains("null"), "{text}");
        assert!(!text.contains("endpoint") && !text.contains("retention"), "{text}");
    }

    #[test]
    fn an_unknown_field_of_a_known_version_is_ignored() {
        let mut document = serde_json::to_value(placed()).unwrap();
        document["more"] = json!({"of": ["it"]});
        document["objects"][0]["more"] = json!(1);
        let bytes = serde_json::to_vec(&document).unwrap();
        assert_eq!(read(&bytes), Ok(Record::Change(Box::new(placed()))));
    }

    #[test]
    fn another_version_is_refused_and_both_are_named() {
        let error = read(br#"{"schema":"strongroom.record/v2"}"#).unwrap_err();
        assert!(error.may_promise());
        let said = error.to_string();
        assert!(said.contains("strongroom.record/v2") && said.contains(RECORD_SCHEMA), "{said}");
        let error = read(br#"{"schema":"strongroom.receipt/v9"}"#).unwrap_err();
        assert!(error.to_string().contains(RECEIPT_SCHEMA), "{error}");
        let error = read(br#"{"schema":"strongroom.secret/v1"}"#).unwrap_err();
        assert!(error.may_promise() && !error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn an_unknown_kind_is_refused_and_its_text_is_not_repeated() {
        let mut document = serde_json::to_value(placed()).unwrap();
        document["kind"] = json!("<script>");
        let error = read(&serde_json::to_vec(&document).unwrap()).unwrap_err();
        assert!(error.may_promise() && !error.to_string().contains("script"), "{error}");
    }

    #[test]
    fn a_record_without_its_fields_may_still_promise() {
        let bare = format!(r#"{{"schema":"{RECORD_SCHEMA}","kind":"hold_placed"}}"#);
        assert_eq!(read(bare.as_bytes()), Err(RecordError::Malformed(RECORD_SCHEMA)));
        assert!(RecordError::Malformed(RECORD_SCHEMA).may_promise());
    }

    #[test]
    fn what_is_no_record_promises_nothing() {
        for bytes in [b"".as_slice(), b"sha256:00", b"{}", br#"{"schema":"other/v1"}"#, b"[1]"] {
            let error = read(bytes).unwrap_err();
            assert_eq!(error, RecordError::NotARecord);
            assert!(!error.may_promise());
        }
    }

    #[test]
    fn a_record_over_the_limit_is_not_looked_at() {
        let long = vec![b' '; usize::try_from(RECORD_BYTES_MAX).unwrap() + 1];
        assert_eq!(read(&long), Err(RecordError::Limit));
    }

    #[test]
    fn every_kind_that_is_written_is_read() {
        let hold_id = uuid::Uuid::from_u128(1);
        let asked = crate::retention::Retention {
            mode: crate::retention::LockMode::Governance,
            retain_until: "2033-11-21T12:00:00Z".parse().unwrap(),
        };
        let kinds = [
            Change::Extension { asked },
            Change::HoldBegun { hold_id },
            Change::HoldPlaced { hold_id },
            Change::ReleaseBegun { hold_id },
            Change::HoldReleased { hold_id },
        ];
        assert_eq!(kinds.len(), KINDS.len());
        for change in kinds {
            let record = ChangeRecord { change, ..placed() };
            let bytes = canonical::to_vec(&record).unwrap();
            assert_eq!(read(&bytes), Ok(Record::Change(Box::new(record))));
        }
    }
}
