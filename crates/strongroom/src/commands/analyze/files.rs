//! The files that a report goes into, and comes from.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use strongroom_storage::analyze::report::{REPORT_SCHEMA, Report};
use strongroom_storage::analyze::statement::statement;

use super::markdown;
use crate::bounded_file;
use crate::cli::RunArgs;
use crate::commands::report_file::ReportFile;
use crate::failure::Failure;

/// The largest report that is read.
const REPORT_BYTES_MAX: u64 = 16 << 20;

/// The files that were asked for.
#[derive(Debug)]
pub struct Files {
    report: Option<ReportFile>,
    markdown: Option<ReportFile>,
    statement: Option<ReportFile>,
}

impl Files {
    /// Begins them, before minutes are spent.
    pub fn begin(args: &RunArgs) -> Result<Self> {
        let begin = |path: &Option<PathBuf>| path.as_deref().map(ReportFile::begin).transpose();
        Ok(Self {
            report: begin(&args.report)?,
            markdown: begin(&args.markdown)?,
            statement: begin(&args.statement)?,
        })
    }

    /// Writes them.
    pub fn finish(self, report: &Report) -> Result<()> {
        if let Some(file) = self.report {
            file.finish(format!("{}\n", serde_json::to_string_pretty(report)?).as_bytes())?;
        }
        if let Some(file) = self.markdown {
            file.finish(markdown::report(report).as_bytes())?;
        }
        if let Some(file) = self.statement {
            file.finish(&statement(report).context("the statement could not be made")?)?;
        }
        Ok(())
    }
}

/// Reads a report back.
pub fn read_report(path: &Path) -> Result<Report> {
    let named = || path.display().to_string();
    let bytes = bounded_file::read(path, "REPORT_BYTES_MAX", REPORT_BYTES_MAX)?;
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
