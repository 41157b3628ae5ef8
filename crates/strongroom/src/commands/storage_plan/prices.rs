//! A table of prices: the one that comes with this program, or a file.

use std::path::Path;

use anyhow::Result;
use strongroom_core::limits;
use strongroom_core::storage_plan::cost::Prices;

use crate::bounded_file;
use crate::config::refused_where;
use crate::failure::Failure;

const KNOWN: &str = "docs/schemas/prices.v1.json describes a table; docs/STORAGE-PLAN.md has one";

/// Reads a table, JSON or YAML (which JSON is). Answers it with its name.
pub(super) fn read(path: Option<&Path>) -> Result<(Prices, String)> {
    let Some(path) = path else { return Ok((Prices::default_table()?, "default".to_owned())) };
    let text = bounded_file::read_text(path, "PRICES_BYTES_MAX", limits::PRICES_BYTES_MAX)?;
    let table: Prices =
        serde_saphyr::from_str(&text).map_err(|error| refused_where(path, &error, KNOWN))?;
    let table = table
        .checked()
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display())).with_help(KNOWN))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok((table, name.unwrap_or_default()))
}
