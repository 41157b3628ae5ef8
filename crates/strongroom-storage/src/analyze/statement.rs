//! A report as an in-toto Statement v1, ready to be signed: the subject is the report's own document,
//! the predicate is the report.

use serde::Serialize;
use serde_json::{Value, json};
use strongroom_core::canonical::{self, JsonError};
use strongroom_core::digest::Sha256Digest;

use super::report::Report;

/// What kind of predicate it is.
pub const PREDICATE_TYPE: &str = "urn:strongroom:attestation:store-analysis:v1";
/// The type of an in-toto Statement (in-toto attestation framework, Statement v1).
const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// The statement, as canonical JSON: the payload of a signature (`application/vnd.in-toto+json`).
pub fn statement(report: &Report) -> Result<Vec<u8>, JsonError> {
    canonical::to_vec(&statement_of(report, canonical::to_vec(report)?))
}

fn statement_of(report: &impl Serialize, document: Vec<u8>) -> Value {
    json!({
        "_type": STATEMENT_TYPE,
        "subject": [{
            "name": "store-analysis.json",
            "digest": { "sha256": Sha256Digest::of(&document).to_hex() },
        }],
        "predicateType": PREDICATE_TYPE,
        "predicate": report,
    })
}
