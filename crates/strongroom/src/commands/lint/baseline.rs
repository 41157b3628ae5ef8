//! Findings that are known: by their fingerprints, of which none is made of a secret's value.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use strongroom_core::limits::LINT_BASELINE_BYTES_MAX;
use strongroom_core::lint::{Fingerprint, Place, Report};

use crate::bounded_file;
use crate::exit::Exit;
use crate::failure::Failure;

const SCHEMA: &str = "strongroom.lint-baseline/v1";

#[derive(Serialize)]
struct Written<'a> {
    schema: &'static str,
    findings: Vec<KnownFinding<'a>>,
}

/// Rule and place are for whoever reviews the file: only the fingerprint is read.
#[derive(Serialize)]
struct KnownFinding<'a> {
    fingerprint: Fingerprint,
    rule: &'a str,
    place: &'a Place,
}

#[derive(Deserialize)]
struct Stored {
    schema: String,
    findings: Vec<StoredFinding>,
}

#[derive(Deserialize)]
struct StoredFinding {
    fingerprint: String,
}

/// Reads a file of known findings.
pub fn read(path: &Path) -> Result<BTreeSet<Fingerprint>> {
    let shown = path.display();
    let bytes = bounded_file::read(path, "LINT_BASELINE_BYTES_MAX", LINT_BASELINE_BYTES_MAX)?;
    let no_baseline = || {
        Failure::usage(format!("{shown} is no baseline of this version ({SCHEMA})"))
            .with_help("`strongroom evidence lint BUNDLE --write-baseline FILE` writes one")
    };
    let stored: Stored = serde_json::from_slice(&bytes).map_err(|_| no_baseline())?;
    if stored.schema != SCHEMA {
        return Err(no_baseline().into());
    }
    let fingerprints = stored.findings.iter().map(|finding| finding.fingerprint.parse());
    Ok(fingerprints.collect::<Result<_, _>>().map_err(|_| no_baseline())?)
}

/// The bytes of a baseline of everything in the report.
pub fn written(report: &Report) -> Result<Vec<u8>> {
    if report.unlisted.total() > 0 {
        let message = "there are more findings than are listed, so that a baseline would not know all of them";
        let help =
            "mend some of them, or allow them in the files where they are with --lint-config";
        return Err(Failure::new(Exit::Limit, message).with_help(help).into());
    }
    let known = report.findings.iter().map(|finding| KnownFinding {
        fingerprint: finding.fingerprint,
        rule: &finding.rule.id,
        place: &finding.place,
    });
    let mut bytes =
        serde_json::to_vec_pretty(&Written { schema: SCHEMA, findings: known.collect() })?;
    bytes.push(b'\n');
    Ok(bytes)
}
