//! `strongroom trust-root retire`

use anyhow::{Context as _, Result};

use super::document::FileDocument;
use super::file::ReadFile;
use crate::cli::RetireArgs;
use crate::commands::Context;

/// Says that a key signs no more.
pub async fn run(args: RetireArgs, context: &Context) -> Result<()> {
    let named = || args.file.display().to_string();
    let mut file = ReadFile::read(&args.file).await?;
    let now = context.now_to_the_second();
    let at = args.at.map_or(now, |moment| moment.0);
    let root = file.root_mut(args.key_id).with_context(named)?;
    root.retire(at, args.reason.as_deref()).with_context(named)?;
    let (id, until) = (root.key_id(), root.window.until);
    let written = file.rewrite(now).await?;
    if until != Some(at) {
        context.console.note("the key's time ended before that already: the earlier end stays");
    }
    FileDocument::of(&written, vec![id], now).show_change("retired", context)
}
