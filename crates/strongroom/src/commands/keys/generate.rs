//! `strongroom keys generate`

use std::io::{self, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use strongroom_core::signing::key::{Algorithm, PrivateKey};
use strongroom_storage::new_file::{NewFile, directory_of};

use super::{Document, Holds};
use crate::cli::{GenerateArgs, KeyAlgorithm};
use crate::commands::{Context, private_key};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Block, Console, safe, styled};

/// Makes a key.
pub async fn run(args: GenerateArgs, context: &Context) -> Result<()> {
    if args.public_key.as_ref() == Some(&args.output) {
        return Err(Failure::usage("--output and --public-key name the same file").into());
    }
    // Both are looked at before either is written.
    for path in [Some(&args.output), args.public_key.as_ref()].into_iter().flatten() {
        refuse_what_is_there(path, args.force)?;
    }
    let passphrase = private_key::passphrase(&args.passphrase, context).await?;
    let holds = match passphrase {
        Some(_) => Holds::EncryptedPrivate,
        None => Holds::Private,
    };
    let algorithm = match args.algorithm {
        KeyAlgorithm::Ed25519 => Algorithm::Ed25519,
        KeyAlgorithm::P256 => Algorithm::EcdsaP256,
    };
    let making = tokio::task::spawn_blocking(move || {
        let key = PrivateKey::generate(algorithm)?;
        let pem = key.to_pem(passphrase.as_ref().map(|passphrase| passphrase.as_slice()))?;
        anyhow::Ok((key, pem))
    });
    let (key, pem) = making.await.context("the key was not made")??;
    let mut document = Document::of(key.public_key(), holds)?;
    let file = NewFile::create_private(&args.output);
    write(file, &args.output, pem.as_bytes(), args.force)?;
    document.private_key_path = Some(args.output.display().to_string());
    if let Some(path) = &args.public_key {
        write(NewFile::create(path), path, document.public_key.as_bytes(), args.force)
            .with_context(|| {
                let private = args.output.display();
                format!("{private} holds the new private key, but its public key was not kept")
            })?;
        document.public_key_path = Some(path.display().to_string());
    }
    context.console.result(|console| human(&document, console), &document)
}

fn refuse_what_is_there(path: &Path, force: bool) -> Result<(), Failure> {
    if path.is_dir() {
        return Err(Failure::usage(format!(
            "{} is a directory: name the file in it",
            path.display()
        )));
    }
    match force || path.symlink_metadata().is_err() {
        true => Ok(()),
        false => Err(is_there(path)),
    }
}

fn is_there(path: &Path) -> Failure {
    Failure::new(Exit::Conflict, format!("{} is there already", path.display()))
        .with_help("choose another file; --force replaces it, and a key that is replaced is gone")
}

fn write(file: io::Result<NewFile>, path: &Path, bytes: &[u8], replace: bool) -> Result<()> {
    let file =
        file.with_context(|| format!("{} cannot take a new file", directory_of(path).display()))?;
    let placed = file.writer().and_then(|mut writer| writer.write_all(bytes));
    match placed.and_then(|()| file.place(replace)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(is_there(path).into()),
        placed => placed.with_context(|| format!("{} could not be written", path.display())),
    }
}

fn human(document: &Document, console: &Console) -> String {
    let palette = console.palette();
    let encrypted = match document.holds {
        Holds::EncryptedPrivate => "encrypted",
        _ => "not encrypted",
    };
    let private = document.private_key_path.as_deref().unwrap_or_default();
    let headline = format!("{} {}", styled(palette.good, "generated"), document.key_id);
    let mut text = Block::new(headline)
        .row("algorithm", document.algorithm.name())
        .row("private key", format!("{private} (only its owner can read it; {encrypted})"))
        .row_if_any("public key", document.public_key_path.as_deref())
        .render(console);
    text.push_str("\nNext, say whose key it is, and hand the trust root to whoever verifies:\n");
    let public = match &document.public_key_path {
        Some(path) => safe(path),
        None => {
            let show = format!("strongroom keys show {} --format json", safe(private));
            text.push_str(&format!("  {show} | jq -r .public_key > public.pem\n"));
            "public.pem".to_owned()
        }
    };
    let create = format!("strongroom trust-root create --public-key {public}");
    text.push_str(&format!("  {create} --owner NAME -o trust-root.json\n"));
    text
}
