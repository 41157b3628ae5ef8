//! `strongroom trust-root add`

use anyhow::Result;
use strongroom_core::signing::trust::TrustError;

use super::document::FileDocument;
use super::file::ReadFile;
use crate::cli::AddArgs;
use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Adds roots to a collection, all of them or none.
pub async fn run(args: AddArgs, context: &Context) -> Result<()> {
    let mut collection = ReadFile::read(&args.collection).await?;
    if !collection.file.is_collection {
        let message = format!("{} is one trust root, no collection", args.collection.display());
        let help = "`strongroom trust-root bundle ROOT… -o COLLECTION` makes a collection";
        return Err(Failure::usage(message).with_help(help).into());
    }
    let mut added = Vec::new();
    for path in &args.roots {
        for root in ReadFile::read(path).await?.file.roots.iter() {
            let id = root.key_id();
            match collection.file.roots.add(root.clone()) {
                Err(TrustError::Twice) => {
                    let message = format!("{id} is in the collection already");
                    let help = "`strongroom trust-root bundle` joins files: of a key that is in \
                                several, the narrower counts";
                    return Err(Failure::new(Exit::Conflict, message).with_help(help).into());
                }
                result => result?,
            }
            added.push(id);
        }
    }
    let now = context.now_to_the_second();
    let written = collection.rewrite(now).await?;
    FileDocument::of(&written, added, now).show_change("added", context)
}
