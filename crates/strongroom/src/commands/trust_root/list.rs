//! `strongroom trust-root list`

use anyhow::Result;

use super::document::FileDocument;
use super::file::ReadFile;
use crate::cli::TrustRootListArgs;
use crate::commands::Context;

/// Lists the keys of a file.
pub async fn run(args: TrustRootListArgs, context: &Context) -> Result<()> {
    let read = ReadFile::read(&args.file).await?;
    if read.file.roots.is_empty() {
        context.console.note("the collection is empty");
    }
    FileDocument::of(&read, Vec::new(), context.now_to_the_second()).show(context)
}
