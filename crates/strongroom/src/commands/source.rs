//! Bundles to read: a file, or standard input.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context as _, Result};
use strongroom_core::bundle::{BundleError, Refusal};

/// A bundle that can be read, and its size where that is known.
pub struct BundleSource {
    /// Its bytes.
    pub reader: Box<dyn Read + Send>,
    /// Its size, of a file.
    pub size_bytes: Option<u64>,
}

/// Opens a bundle: `-` is standard input. Opening may block (a pipe without a writer, a file system
/// that does not answer), and must not keep an interrupt from being heard.
pub async fn open(path: &Path) -> Result<BundleSource> {
    if path == Path::new("-") {
        return Ok(BundleSource { reader: Box::new(io::stdin()), size_bytes: None });
    }
    let path = path.to_owned();
    let opening = tokio::task::spawn_blocking(move || open_file(&path));
    Ok(opening.await.context("the bundle was not opened")??)
}

fn open_file(path: &Path) -> Result<BundleSource, BundleError> {
    let file = File::open(path).map_err(|error| unreadable(path, error))?;
    let metadata = file.metadata().map_err(|error| unreadable(path, error))?;
    if metadata.is_dir() {
        let message = format!("{} is a directory, not a bundle", path.display());
        return Err(BundleError::new(Refusal::Unreadable, message).with_guidance(
            "make a bundle of it with `strongroom evidence bundle`, or push it as it is",
        ));
    }
    Ok(BundleSource { reader: Box::new(file), size_bytes: Some(metadata.len()) })
}

/// Nothing is said of the content: it could not be read.
fn unreadable(path: &Path, error: io::Error) -> BundleError {
    let message = format!("{} could not be read", path.display());
    BundleError::new(Refusal::Unreadable, message).with_source(error)
}
