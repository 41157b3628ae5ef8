//! `strongroom trust-root create`

use anyhow::Result;
use strongroom_core::signing::trust::{TrustRoot, Window};

use super::document::FileDocument;
use super::file::{self, ReadFile};
use crate::cli::CreateArgs;
use crate::commands::Context;

/// Writes a trust root.
pub async fn run(args: CreateArgs, context: &Context) -> Result<()> {
    let key = file::public_key(&args.public_key).await?;
    let window = Window {
        from: args.valid_from.map(|moment| moment.0),
        until: args.valid_until.map(|moment| moment.0),
    };
    let root = TrustRoot::new(key, &args.owner, window)
        .and_then(|root| root.with_purpose(args.purpose.as_deref()))
        .map_err(super::asked_wrongly)?;
    let read = ReadFile::create(&args.output, &root.to_document()?).await?;
    let now = context.now_to_the_second();
    FileDocument::of(&read, vec![root.key_id()], now).show_change("written", context)
}
