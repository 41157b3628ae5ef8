//! `strongroom package`: a registry's packages, from outside.

mod pull;
mod push;

use anyhow::Result;
use strongroom_registry::documents::PackageDocument;

use super::Context;
use crate::cli::{PackageArgs, PackageCommand, PackageListArgs, PackageShowArgs};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{Block, Console, count, size, time};

/// Where the token is.
const TOKEN: &str = "STRONGROOM_TOKEN";

/// `strongroom package …`
pub async fn run(args: PackageArgs, context: &Context) -> Result<()> {
    let client = client(args.url.as_deref(), context)?;
    match args.command {
        PackageCommand::Push(args) => push::run(*args, &client, context).await,
        PackageCommand::Pull(args) => pull::run(args, &client, context).await,
        PackageCommand::Show(args) => show(&args, &client, context).await,
        PackageCommand::List(args) => list(&args, &client, context).await,
    }
}

fn client(url: Option<&str>, context: &Context) -> Result<Client, Failure> {
    let url = url.ok_or_else(|| {
        Failure::usage("no registry is named")
            .with_help("say where it answers: --url http://127.0.0.1:8640, or STRONGROOM_URL")
    })?;
    let token = context.config.environment().text(TOKEN).ok_or_else(|| {
        Failure::usage("there is no token for the registry")
            .with_help("put it into STRONGROOM_TOKEN; an administrator makes one")
    })?;
    Client::new(url, token.to_owned())
}

async fn show(args: &PackageShowArgs, client: &Client, context: &Context) -> Result<()> {
    let package = client.package(args.package_id).await?;
    context.console.result(|console| human(&package, console), &package)
}

async fn list(args: &PackageListArgs, client: &Client, context: &Context) -> Result<()> {
    let page = client.packages(args).await?;
    let console = &context.console;
    if page.packages.is_empty() {
        console.note("no package was found");
    }
    let shown = |console: &Console| {
        let blocks: Vec<String> =
            page.packages.iter().map(|package| human(package, console)).collect();
        blocks.join("\n")
    };
    console.result(shown, &page)?;
    if let Some(next) = &page.next {
        console.note(format!("there are more: --cursor {next}"));
    }
    Ok(())
}

/// A package for people.
fn human(package: &PackageDocument, console: &Console) -> String {
    let producer = package.producer.as_ref().map(|producer| match &producer.version {
        Some(version) => format!("{} {version}", producer.name),
        None => producer.name.clone(),
    });
    let kept = match package.expires_at {
        Some(at) => format!("{} until {}", package.retention_class, time(at)),
        None => format!("{}, without a date", package.retention_class),
    };
    Block::new(package.package_id.to_string())
        .row("name", &package.name)
        .row_if_any("producer", producer)
        .row_if_any("subject", package.subject.as_ref())
        .row_if_any("run", package.run_id.as_ref())
        .row("status", package.status.as_str())
        .row_if_any("bundle id", package.bundle_id.map(|id| id.to_string()))
        .row(
            "files",
            format!(
                "{}, {}",
                count(package.files_count, "file", "files"),
                size(package.size_bytes)
            ),
        )
        .row("kept", kept)
        .row("locks", &package.lock_state)
        .row_if_any("holds", (package.active_holds > 0).then(|| package.active_holds.to_string()))
        .row("made", time(package.created_at))
        .render(console)
}
