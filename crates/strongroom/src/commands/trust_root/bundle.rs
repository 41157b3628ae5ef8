//! `strongroom trust-root bundle`

use anyhow::{Context as _, Result};
use strongroom_core::signing::trust::{TrustFile, TrustRoot, TrustRoots};

use super::document::FileDocument;
use super::file::ReadFile;
use crate::cli::CollectArgs;
use crate::commands::Context;

/// Joins files into a collection.
pub async fn run(args: CollectArgs, context: &Context) -> Result<()> {
    let mut roots = TrustRoots::default();
    for path in &args.roots {
        let read = ReadFile::read(path).await?;
        roots.join(read.file.roots).with_context(|| path.display().to_string())?;
    }
    let ids = roots.iter().map(TrustRoot::key_id).collect();
    let now = context.now_to_the_second();
    let file = TrustFile { is_collection: true, roots };
    let read = ReadFile::create(&args.output, &file.to_bytes(now)?).await?;
    FileDocument::of(&read, ids, now).show_change("collected", context)
}
