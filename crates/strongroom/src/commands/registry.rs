//! The registry's service: `serve`, `worker`, `migrate`, `admin token`.

mod first_token;
mod tokens;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::parser::ValueSource;
use strongroom_registry::api::router::router;
use strongroom_registry::backends::Backends;
use strongroom_registry::config::Settings;
use strongroom_registry::db::{Db, TenantId};
use strongroom_registry::jobs;
use strongroom_registry::server::{self, Stop};
use strongroom_registry::service::Registry;
use tokio::task::JoinHandle;

use super::Context;
use crate::cli::{RegistryArgs, ServeArgs, WorkerArgs};
use crate::failure::Failure;
use crate::logging;

pub use self::tokens::run as admin;

/// A place to listen at where none is asked for: a worker's, which never listens.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// `strongroom serve`
pub async fn serve(args: ServeArgs, context: &Context) -> Result<()> {
    logging::start_service();
    let opened = Opened::open(&args.registry, args.listen, context).await?;
    opened.bring_up_to_date().await?;
    let registry = opened.registry(context).await?;
    first_token::make(&registry, context).await?;
    let listener = server::listen(args.listen).await?;
    let address = listener.local_addr().context("the socket has no address")?;
    context.console.note(format!("the registry answers at http://{address}"));
    let (stopper, stop) = server::stop();
    let workers = (!args.api_only).then(|| start_workers(&registry, context, stop.clone()));
    let drain = registry.settings().limits.drain.unsigned_abs();
    let serving = server::serve(listener, router(&registry), stop, drain);
    let mut serving = Box::pin(serving);
    let cut_off = tokio::select! {
        cut_off = &mut serving => cut_off,
        () = context.winding_down.wanted() => {
            context.console.note("stopping: what was begun is finished first");
            stopper.stop();
            serving.await
        }
    };
    stopper.stop();
    if let Some(workers) = workers {
        end_workers(workers, drain).await;
    }
    registry.db().close().await;
    if cut_off > 0 {
        context.console.warning(format!("{cut_off} connections were cut off"));
    }
    Ok(())
}

/// `strongroom worker`
pub async fn worker(args: WorkerArgs, context: &Context) -> Result<()> {
    logging::start_service();
    let opened = Opened::open(&args.registry, NOWHERE, context).await?;
    opened.db.expect_current_schema().await?;
    let registry = opened.registry(context).await?;
    let (stopper, stop) = server::stop();
    let workers = start_workers(&registry, context, stop);
    context.console.note("working on the registry's jobs");
    context.winding_down.wanted().await;
    context.console.note("stopping: what was begun is finished first");
    stopper.stop();
    end_workers(workers, registry.settings().limits.drain.unsigned_abs()).await;
    registry.db().close().await;
    Ok(())
}

/// `strongroom migrate`
pub async fn migrate(args: WorkerArgs, context: &Context) -> Result<()> {
    let opened = Opened::open(&args.registry, NOWHERE, context).await?;
    opened.db.migrate().await?;
    let version = opened.db.schema_version().await?.unwrap_or_default();
    opened.db.close().await;
    context.console.note(format!("the database is up to date: version {version}"));
    Ok(())
}

fn start_workers(registry: &Arc<Registry>, context: &Context, stop: Stop) -> JoinHandle<()> {
    let owner = context.clock.new_id().to_string();
    tokio::spawn(jobs::work(Arc::clone(registry), owner, stop))
}

/// Waits for jobs that run. One that takes too long is taken over by another worker when its lease is over.
async fn end_workers(workers: JoinHandle<()>, drain: std::time::Duration) {
    let abort = workers.abort_handle();
    if tokio::time::timeout(drain, workers).await.is_err() {
        abort.abort();
    }
}

/// What every command of the registry's stands on.
struct Opened {
    db: Db,
    settings: Settings,
    is_embedded: bool,
}

impl Opened {
    async fn open(args: &RegistryArgs, listen: SocketAddr, context: &Context) -> Result<Self> {
        refuse_password_in_arguments(args, context)?;
        let data_dir = data_dir(args, context)?;
        make_private(&data_dir)?;
        let mut settings = Settings::embedded(data_dir, listen);
        let is_embedded = args.database_url.is_none();
        let url = match &args.database_url {
            Some(url) => url.clone(),
            None => format!("sqlite:{}", settings.data_dir.join("registry.db").display()),
        };
        let db = Db::open(&url).await?;
        settings.database_url = Some(strongroom_registry::config::DatabaseUrl::new(url));
        Ok(Self { db, settings, is_embedded })
    }

    /// The embedded database belongs to this program alone, which brings it up to date by itself. A shared one is
    /// changed by whoever says so.
    async fn bring_up_to_date(&self) -> Result<()> {
        if self.is_embedded {
            self.db.migrate().await?;
        } else {
            self.db.expect_current_schema().await?;
        }
        Ok(())
    }

    async fn registry(self, context: &Context) -> Result<Arc<Registry>> {
        let store = context.store_beside(&self.settings.data_dir).await?;
        let backends = Backends::single(store);
        let registry = Registry::new(self.db, backends, context.clock.clone(), self.settings);
        registry.settle_rules(&TenantId::default_tenant()).await?;
        Ok(registry)
    }
}

fn data_dir(args: &RegistryArgs, context: &Context) -> Result<PathBuf, Failure> {
    if let Some(named) = &args.data_dir {
        return Ok(named.clone());
    }
    let data = context.config.data_directory().ok_or_else(|| {
        Failure::usage("there is no home directory for the registry's data")
            .with_help("name a folder: --data-dir DIR")
    })?;
    Ok(data.join("registry"))
}

fn make_private(directory: &std::path::Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.with_context(|| format!("cannot make the folder {}", directory.display()))
}

fn refuse_password_in_arguments(args: &RegistryArgs, context: &Context) -> Result<(), Failure> {
    let Some(url) = &args.database_url else { return Ok(()) };
    let by_flag = context.matches.value_source("database_url") == Some(ValueSource::CommandLine);
    let user = url.split_once("://").and_then(|(_, rest)| rest.split_once('@'));
    let has_password =
        user.is_some_and(|(user, _)| user.contains(':')) || url.contains("password=");
    if by_flag && has_password {
        return Err(Failure::usage(
            "a password in an argument can be read by everybody on this machine",
        )
        .with_help("set STRONGROOM_DATABASE_URL in the environment instead of --database-url"));
    }
    Ok(())
}
