//! The first administrator's token: made when there is none yet, shown once, kept where only its owner reads.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use anyhow::{Context as _, Result};
use strongroom_registry::auth::Role;
use strongroom_registry::db::TenantId;
use strongroom_registry::documents::NewToken;
use strongroom_registry::service::Registry;

use crate::commands::Context;

/// The file in the data directory.
const FILE: &str = "admin-token";

/// Makes the token, unless there is any.
pub async fn make(registry: &Registry, context: &Context) -> Result<()> {
    let tenant = TenantId::default_tenant();
    if !registry.tokens_of(&tenant).await?.tokens.is_empty() {
        return Ok(());
    }
    let path = registry.settings().data_dir.join(FILE);
    // The file first: a token that nobody can be told of would be the last one ever made this way.
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options
        .open(&path)
        .with_context(|| format!("cannot write the administrator's token to {}", path.display()))?;
    let ask = NewToken {
        name: "first administrator".to_owned(),
        role: Role::Admin,
        producer: None,
        days: None,
    };
    let made = registry.create_operator_token(&tenant, ask).await?;
    writeln!(file, "{}", made.secret)
        .and_then(|()| file.sync_all())
        .with_context(|| format!("cannot write the administrator's token to {}", path.display()))?;
    context.console.note(format!(
        "the first administrator's token, shown this once and kept in {}: {}",
        path.display(),
        made.secret
    ));
    Ok(())
}
