//! `strongroom package`: a registry's packages, from outside.

mod abandon;
mod change;
mod create;
mod delete;
mod extend;
mod finalize;
mod hold;
mod ingest;
mod list;
mod manifest;
mod pull;
mod push;
mod restore;
mod upload;
mod uploading;
mod waiting;

use anyhow::Result;
use strongroom_registry::documents::PackageDocument;

use super::Context;
use super::login::Login;
use crate::cli::{PackageArgs, PackageCommand, PackageShowArgs};
use crate::client::{Client, address};
use crate::failure::Failure;
use crate::output::{Block, Console, count, size, time};

/// Where the token is, unless somebody logged in.
const TOKEN: &str = "STRONGROOM_TOKEN";

/// `strongroom package …`
pub async fn run(args: PackageArgs, context: &Context) -> Result<()> {
    let client = client(args.url.as_deref(), context)?;
    match args.command {
        PackageCommand::Push(args) => push::run(*args, &client, context).await,
        PackageCommand::Create(args) => create::run(*args, &client, context).await,
        PackageCommand::Upload(args) => upload::run(args, &client, context).await,
        PackageCommand::Ingest(args) => ingest::run(args, &client, context).await,
        PackageCommand::Finalize(args) => finalize::run(args, &client, context).await,
        PackageCommand::Abandon(args) => abandon::run(args, &client, context).await,
        PackageCommand::Manifest(args) => manifest::run(&args, &client, context).await,
        PackageCommand::Pull(args) => pull::run(args, &client, context).await,
        PackageCommand::Show(args) => show(&args, &client, context).await,
        PackageCommand::List(args) => list::run(*args, &client, context).await,
        PackageCommand::Restore(args) => restore::run(args, &client, context).await,
        PackageCommand::Extend(args) => extend::run(args, &client, context).await,
        PackageCommand::Hold(args) => hold::run(args.command, &client, context).await,
        PackageCommand::Delete(args) => delete::run(args.command, &client, context).await,
    }
}

/// The registry that is named, or the one of the login. A login's token goes to its own registry only.
fn client(named: Option<&str>, context: &Context) -> Result<Client> {
    let token = context.config.environment().text(TOKEN);
    let login = match (named, token) {
        (Some(_), Some(_)) => None,
        _ => Login::read(context)?,
    };
    let url = named.or(login.as_ref().map(|login| login.url.as_str())).ok_or_else(|| {
        Failure::usage("no registry is named")
            .with_help("log in: strongroom login --url URL; or set STRONGROOM_URL")
    })?;
    if let Some(token) = token {
        return Ok(Client::new(url, token.to_owned())?);
    }
    let login = login.as_ref().ok_or_else(|| {
        Failure::usage("there is no token for the registry")
            .with_help("log in: strongroom login; or put a token into STRONGROOM_TOKEN")
    })?;
    let whole =
        |url: &str| Ok::<_, Failure>(address(url)?.as_str().trim_end_matches('/').to_owned());
    if whole(url)? != whole(&login.url)? {
        return Err(Failure::usage(
            "the login is for another registry, and its token goes nowhere else",
        )
        .with_help(
            "log in there: strongroom login --url URL; or put its token into STRONGROOM_TOKEN",
        )
        .into());
    }
    Ok(Client::new(url, login.token.clone())?)
}

async fn show(args: &PackageShowArgs, client: &Client, context: &Context) -> Result<()> {
    let package = client.package(args.package_id).await?;
    context.console.result(|console| human(&package, console), &package)
}

/// Its files, where they were counted.
fn files_of(package: &PackageDocument) -> Option<String> {
    let (files, size_bytes) = (package.files_count?, package.size_bytes?);
    Some(format!("{}, {}", count(files, "file", "files"), size(size_bytes)))
}

/// How far locks, or a hold, have reached the store. Who keeps them is told where that is not the store.
fn in_words(reach: &str) -> &str {
    match reach {
        "advisory" => "held by Strongroom only (advisory)",
        reach => reach,
    }
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
        .row_if_any("signed with", package.signature.map(|signature| signature.key_id.to_string()))
        .row_if_any("files", files_of(package))
        .row("kept", kept)
        .row("locks", in_words(package.lock_state.as_str()))
        .row_if_any("holds", (package.active_holds > 0).then(|| package.active_holds.to_string()))
        .row("made", time(package.created_at))
        .render(console)
}
