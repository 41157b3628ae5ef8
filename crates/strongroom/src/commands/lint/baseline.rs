//! Findings that are known: by their fingerprints, of which none is made of a secret's value.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use strongroom_core::limits::LINT_BASELINE_BYTES_MAX;
use strongroom_core::lint::{Fingerprint, Place, Report};

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
    let named = || format!("{shown} could not be read");
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(named)?;
    file.take(LINT_BASELINE_BYTES_MAX + 1).read_to_end(&mut bytes).with_context(named)?;
    if bytes.len() as u64 > LINT_BASELINE_BYTES_MAX {
        let message = format!("{shown} is longer than the limit LINT_BASELINE_BYTES_MAX");
        return Err(Failure::new(Exit::Limit, message).into());
    }
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
