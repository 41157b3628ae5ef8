//! The files that a report goes into, and comes from.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use strongroom_storage::analyze::report::{REPORT_SCHEMA, Report};
use strongroom_storage::analyze::statement::statement;

use super::markdown;
use crate::cli::RunArgs;
use crate::exit::Exit;
use crate::failure::Failure;

/// The largest report that is read.
const REPORT_BYTES_MAX: u64 = 16 << 20;

/// Refuses files that could not be written, before minutes are spent.
pub fn check(args: &RunArgs) -> Result<()> {
    for path in [&args.report, &args.markdown, &args.statement].into_iter().flatten() {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if folder.is_some_and(|folder| !folder.is_dir()) || path.is_dir() {
            return Err(Failure::usage(format!("{} cannot be written", path.display()))
                .with_help("name a file in a directory that is there")
                .into());
        }
    }
    Ok(())
}

/// Writes what was asked for.
pub fn write(args: &RunArgs, report: &Report) -> Result<()> {
    if let Some(path) = &args.report {
        write_one(path, format!("{}\n", serde_json::to_string_pretty(report)?).as_bytes())?;
    }
    if let Some(path) = &args.markdown {
        write_one(path, markdown::report(report).as_bytes())?;
    }
    if let Some(path) = &args.statement {
        let payload = statement(report).context("the statement could not be made")?;
        write_one(path, &payload)?;
    }
    Ok(())
}

fn write_one(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("{} could not be written", path.display()))
}

/// Reads a report back.
pub fn read_report(path: &Path) -> Result<Report> {
    let named = || path.display().to_string();
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(named)?;
    file.take(REPORT_BYTES_MAX + 1).read_to_end(&mut bytes).with_context(named)?;
    if bytes.len() as u64 > REPORT_BYTES_MAX {
        return Err(Failure::new(
            Exit::Limit,
            format!("{} is longer than the limit REPORT_BYTES_MAX", named()),
        )
        .into());
    }
    let refused = |what: &str| {
        Failure::usage(format!("{}: {what}", named()))
            .with_help("name a report that `strongroom store analyze --report FILE` wrote")
    };
    #[derive(serde::Deserialize)]
    struct Named {
        schema: String,
    }
    let kind: Named =
        serde_json::from_slice(&bytes).map_err(|_| refused("this is no report of an analysis"))?;
    if kind.schema != REPORT_SCHEMA {
        return Err(refused(&format!("its schema is not {REPORT_SCHEMA}")).into());
    }
    Ok(serde_json::from_slice(&bytes).map_err(|_| refused("the report is not whole"))?)
}
