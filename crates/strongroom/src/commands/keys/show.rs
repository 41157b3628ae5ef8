//! `strongroom keys show`

use anyhow::{Context as _, Result};
use strongroom_core::signing::key::{KeyError, PublicKey};

use super::{Document, Holds};
use crate::cli::KeysShowArgs;
use crate::commands::secret_input::{Place, Secret};
use crate::commands::{Context, private_key};
use crate::failure::Failure;
use crate::output::{Block, Console, styled};

/// Shows what everybody may know of a key.
pub async fn run(args: KeysShowArgs, context: &Context) -> Result<()> {
    let place = place(&args, context)?;
    let secret = place.read(private_key::KEY_LIMIT, context).await?;
    let is_open_to_others = secret.is_open_to_others;
    let document = describe(secret, &args, context).await.with_context(|| place.to_string())?;
    if is_open_to_others && document.holds != Holds::Public {
        place.warn_of_others("a private key", context);
    }
    context.console.result(|console| human(&document, console), &document)
}

fn place(args: &KeysShowArgs, context: &Context) -> Result<Place> {
    let named = [
        ("file", args.file.as_deref().map(Place::at)),
        ("private_key_env", args.private_key_env.clone().map(Place::Variable)),
        ("private_key_fd", args.private_key_fd.map(Place::Descriptor)),
    ];
    Place::one_of("key", named, &context.matches)?.ok_or_else(|| {
        Failure::usage("no key is named")
            .with_help("name a file, or --private-key-env or --private-key-fd")
            .into()
    })
}

async fn describe(secret: Secret, args: &KeysShowArgs, context: &Context) -> Result<Document> {
    let text = std::str::from_utf8(&secret.bytes).unwrap_or_default();
    let public = PublicKey::from_pem(text);
    let holds = match text.contains("-----BEGIN ENCRYPTED ") {
        true => Holds::EncryptedPrivate,
        false => Holds::Private,
    };
    let document = match public {
        Ok(key) => Document::of(&key, Holds::Public)?,
        Err(KeyError::Unsupported) => return Err(KeyError::Unsupported.into()),
        Err(_) => {
            let key = private_key::parse(secret.bytes, &args.passphrase, context).await;
            let key = key.map_err(|error| match error.downcast_ref() {
                Some(KeyError::NotPem(_)) => KeyError::NotPem("key").into(),
                _ => error,
            })?;
            Document::of(key.public_key(), holds)?
        }
    };
    Ok(document)
}

fn human(document: &Document, console: &Console) -> String {
    let mut text = Block::new(styled(console.palette().strong, document.key_id))
        .row("algorithm", document.algorithm.name())
        .row("holds", document.holds.in_words())
        .render(console);
    text.push('\n');
    text.push_str(&document.public_key);
    text
}
