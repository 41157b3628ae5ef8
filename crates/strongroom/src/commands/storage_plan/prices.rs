//! A table of prices: the one that comes with this program, or a file.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use strongroom_core::limits;
use strongroom_core::storage_plan::cost::Prices;

use crate::exit::Exit;
use crate::failure::Failure;

/// Reads a table, JSON or YAML (which JSON is). Answers it with its name.
pub(super) fn read(path: Option<&Path>) -> Result<(Prices, String)> {
    let Some(path) = path else { return Ok((Prices::default_table()?, "default".to_owned())) };
    let named = || path.display().to_string();
    let mut text = String::new();
    let read = File::open(path)
        .and_then(|file| file.take(limits::PRICES_BYTES_MAX + 1).read_to_string(&mut text));
    read.with_context(|| format!("{} could not be read", named()))?;
    if text.len() as u64 > limits::PRICES_BYTES_MAX {
        let message = format!("{}: longer than the limit PRICES_BYTES_MAX", named());
        return Err(Failure::new(Exit::Limit, message).into());
    }
    let table: Prices =
        serde_saphyr::from_str(&text).map_err(|error| refused(path, &error.to_string()))?;
    let table = table.checked().map_err(|error| refused(path, &error.to_string()))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok((table, name.unwrap_or_default()))
}

fn refused(path: &Path, why: &str) -> Failure {
    let first = why.lines().next().unwrap_or_default().trim_end_matches('.');
    Failure::usage(format!("{}: {first}", path.display()))
        .with_help("docs/schemas/prices.v1.json describes a table; docs/STORAGE-PLAN.md has one")
}
