//! `strongroom trust-root revoke`

use anyhow::{Context as _, Result};

use super::document::FileDocument;
use super::file::ReadFile;
use crate::cli::RevokeArgs;
use crate::commands::Context;

/// Says that somebody else may have a key.
pub async fn run(args: RevokeArgs, context: &Context) -> Result<()> {
    let named = || args.file.display().to_string();
    let mut file = ReadFile::read(&args.file).await?;
    let at = args.at.map(|moment| moment.0);
    let root = file.root_mut(args.key_id).with_context(named)?;
    root.revoke(at, args.reason.as_deref()).with_context(named)?;
    let (id, revoked_at) = (root.key_id(), root.revoked_at);
    let now = context.now_to_the_second();
    let written = file.rewrite(now).await?;
    if revoked_at != at {
        context.console.note("the key is revoked as of an earlier time already, which stays");
    }
    FileDocument::of(&written, vec![id], now).show_change("revoked", context)
}
