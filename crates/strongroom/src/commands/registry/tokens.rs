//! `strongroom admin token`: for whoever has the registry's database, and so needs no token.

use anyhow::Result;
use strongroom_registry::db::TenantId;
use strongroom_registry::documents::{NewToken, TokenDocument, TokenPage, TokenQuery};
use strongroom_registry::service::Registry;

use super::Opened;
use crate::cli::{AdminArgs, AdminCommand, TokenCommand};
use crate::commands::Context;
use crate::output::{Block, Console, time};

/// Tokens that a list shows, or a page more.
const TOKENS_SHOWN_MAX: usize = 10_000;

/// `strongroom admin token …`
pub async fn run(args: AdminArgs, context: &Context) -> Result<()> {
    let AdminCommand::Token(args) = args.command;
    let tenant = TenantId::default_tenant();
    let opened = Opened::open(context).await?;
    opened.bring_up_to_date().await?;
    let registry = opened.registry(context).await?;
    let console = &context.console;
    match args.command {
        TokenCommand::Create(args) => {
            let ask = NewToken {
                name: args.name,
                role: args.role,
                producer: args.producer,
                days: args.days,
            };
            let made = registry.create_operator_token(&tenant, ask).await?;
            console.note("the token is shown this once; whoever has it acts by it");
            console.result(|_| format!("{}\n", made.secret.reveal()), &made)?;
        }
        TokenCommand::List(_) => {
            let listed = every_token(&registry, &tenant).await?;
            let human = |console: &Console| {
                listed
                    .tokens
                    .iter()
                    .map(|token| shown(token, console))
                    .collect::<Vec<_>>()
                    .join("\n")
            };
            console.result(human, &listed)?;
            if listed.next.is_some() {
                console.note(format!("there are more: these are the newest {TOKENS_SHOWN_MAX}"));
            }
        }
        TokenCommand::Revoke(args) => {
            registry.revoke_token_of(&tenant, args.token_id, None).await?;
            console.note("the token is revoked");
        }
    }
    registry.db().close().await;
    Ok(())
}

/// The tokens, page after page, the newest first.
async fn every_token(registry: &Registry, tenant: &TenantId) -> Result<TokenPage> {
    let mut listed = registry.tokens_of(tenant, TokenQuery::default()).await?;
    while listed.next.is_some() && listed.tokens.len() < TOKENS_SHOWN_MAX {
        let query = TokenQuery { cursor: listed.next.take(), ..TokenQuery::default() };
        let page = registry.tokens_of(tenant, query).await?;
        listed.tokens.extend(page.tokens);
        listed.next = page.next;
    }
    Ok(listed)
}

fn shown(token: &TokenDocument, console: &Console) -> String {
    let end = match (token.revoked_at, token.expires_at) {
        (Some(at), _) => ("revoked", time(at)),
        (None, Some(at)) => ("ends", time(at)),
        (None, None) => ("ends", "never".to_owned()),
    };
    Block::new(token.token_id.to_string())
        .row("name", &token.name)
        .row("begins with", &token.prefix)
        .row("role", token.role.as_str())
        .row_if_any("producer", token.producer.as_ref())
        .row("made", time(token.created_at))
        .row(end.0, end.1)
        .render(console)
}
