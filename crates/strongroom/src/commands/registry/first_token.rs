//! The first administrator's token: made when there is none yet, shown once, kept where only its owner reads.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use strongroom_registry::auth::{Role, Secret};
use strongroom_registry::db::TenantId;
use strongroom_registry::documents::{NewToken, TokenQuery};
use strongroom_registry::service::Registry;
use strongroom_storage::new_file::NewFile;

use crate::commands::Context;
use crate::output::Console;

/// The file in the data directory.
const FILE: &str = "admin-token";
/// Permission bits of everybody but the owner.
const OTHERS: u32 = 0o077;

/// Makes the token, unless there is any.
pub async fn make(registry: &Registry, context: &Context) -> Result<()> {
    let path = registry.settings().data_dir.join(FILE);
    let tenant = TenantId::default_tenant();
    if !registry.tokens_of(&tenant, TokenQuery::default()).await?.tokens.is_empty() {
        return close_to_others(&path, &context.console);
    }
    let secret = Secret::generate()?;
    // Whole and durable first, and good for something only then: a token that nobody can read, of a disk that was
    // full, would be the last one ever made this way. A file whose token never came to be is replaced next time.
    keep(&path, &secret)
        .with_context(|| format!("cannot write the administrator's token to {}", path.display()))?;
    let ask = NewToken {
        name: "first administrator".to_owned(),
        role: Role::Admin,
        producer: None,
        days: None,
    };
    registry.take_operator_token(&tenant, ask, secret.clone()).await?;
    context.console.note(format!(
        "the first administrator's token, shown this once and kept in {}: {}",
        path.display(),
        secret.reveal()
    ));
    Ok(())
}

fn keep(path: &Path, secret: &Secret) -> std::io::Result<()> {
    let file = NewFile::create_private(path)?;
    writeln!(file.writer()?, "{}", secret.reveal())?;
    file.place(true)
}

/// Somebody may have copied or restored the file with other rights.
fn close_to_others(path: &Path, console: &Console) -> Result<()> {
    // What a link leads to was put there by somebody on purpose.
    let Ok(metadata) = path.symlink_metadata() else { return Ok(()) };
    if !metadata.is_file() || metadata.permissions().mode() & OTHERS == 0 {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(0o600)).with_context(|| {
        format!("{} is open to others than its owner, and cannot be closed", path.display())
    })?;
    console.warning(format!(
        "{} was open to others than its owner, and is closed now: revoke that token if somebody may have read it",
        path.display()
    ));
    Ok(())
}
