//! The registry's service: `serve`, `worker`, `migrate`, `check-config`, `admin token`.

mod advisory;
mod check_config;
mod first_token;
mod probes;
mod signing;
mod tokens;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use strongroom_registry::api::router::router;
use strongroom_registry::backends::Backends;
use strongroom_registry::config::{DatabaseUrl, Settings};
use strongroom_registry::db::{Db, TenantId};
use strongroom_registry::jobs;
use strongroom_registry::local_files::roots::RootRefused;
use strongroom_registry::server::{self, Stop, open_files};
use strongroom_registry::service::Registry;
use tokio::task::JoinHandle;

use super::Context;
use crate::config::Origin;
use crate::config::registry::{RegistryChoice, SigningChoice};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::logging;

pub use self::check_config::run as check_config;
use self::probes::Probes;
pub use self::tokens::run as admin;

/// `strongroom serve`
pub async fn serve(context: &Context) -> Result<()> {
    logging::start_service();
    let opened = Opened::open(context).await?;
    let is_api_only = opened.is_api_only;
    opened.bring_up_to_date().await?;
    // Jobs sign: who only answers needs no key.
    let opened = if is_api_only { opened } else { opened.signing(context).await? };
    let registry = opened.registry(context).await?;
    advisory::refuse(&registry)?;
    // Only here: a worker or an operator's command that was started with another configuration changes no class.
    registry.settle_rules(&TenantId::default_tenant()).await?;
    if !is_api_only {
        open_local_roots(&registry, context)?;
    }
    first_token::make(&registry, context).await?;
    let listener = server::listen(registry.settings().listen).await?;
    let address = listener.local_addr().context("the socket has no address")?;
    context.console.note(format!("the registry answers at http://{address}"));
    let (stopper, stop) = server::stop();
    let mut workers = (!is_api_only).then(|| start_workers(&registry, context, stop.clone()));
    let (connections, drain) = {
        let settings = registry.settings();
        (open_files::within(settings.connections), settings.limits.drain.unsigned_abs())
    };
    let serving = server::serve(listener, router(&registry), connections, stop, drain);
    let mut serving = Box::pin(serving);
    let cut_off = tokio::select! {
        cut_off = &mut serving => cut_off,
        failed = ended_early(workers.as_mut()) => {
            stopper.stop();
            serving.await;
            return Err(failed.into());
        }
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
pub async fn worker(context: &Context) -> Result<()> {
    logging::start_service();
    let opened = Opened::open(context).await?;
    opened.db.expect_current_schema().await?;
    let listen = opened.worker_listen;
    let registry = opened.signing(context).await?.registry(context).await?;
    advisory::refuse(&registry)?;
    open_local_roots(&registry, context)?;
    let probes = match listen {
        Some(address) => Some(Probes::start(&registry, address, context).await?),
        None => None,
    };
    let (stopper, stop) = server::stop();
    let mut workers = start_workers(&registry, context, stop);
    context.console.note("working on the registry's jobs");
    tokio::select! {
        () = context.winding_down.wanted() => {}
        failed = ended_early(Some(&mut workers)) => return Err(failed.into()),
    }
    context.console.note("stopping: what was begun is finished first");
    stopper.stop();
    end_workers(workers, registry.settings().limits.drain.unsigned_abs()).await;
    // Last: what came of the jobs that ended now can be scraped until then.
    if let Some(probes) = probes {
        probes.end().await;
    }
    registry.db().close().await;
    Ok(())
}

/// `strongroom migrate`
pub async fn migrate(context: &Context) -> Result<()> {
    let opened = Opened::open(context).await?;
    opened.db.migrate().await?;
    let version = opened.db.schema_version().await?.unwrap_or_default();
    opened.db.close().await;
    context.console.note(format!("the database is up to date: version {version}"));
    Ok(())
}

/// Opens the folders that jobs may take files from; whoever only answers requests needs none.
fn open_local_roots(registry: &Registry, context: &Context) -> Result<(), Failure> {
    let apart = context.config.kept_apart(registry.settings());
    registry.open_local_roots(&apart).map_err(|refused| unusable_root(&refused))
}

fn unusable_root(refused: &RootRefused) -> Failure {
    Failure::usage(refused.to_string())
        .with_help(
        "name a folder that holds nothing but what is to be ingested: registry.local_ingestion.roots; or leave it out, \
         and it is off",
    )
}

fn start_workers(registry: &Arc<Registry>, context: &Context, stop: Stop) -> JoinHandle<()> {
    let owner = context.clock.new_id().to_string();
    tokio::spawn(jobs::work(Arc::clone(registry), owner, stop))
}

/// Waits for workers to end that nobody told to: a process that works on nothing any more ends, for whoever watches
/// over it to start it again.
async fn ended_early(workers: Option<&mut JoinHandle<()>>) -> Failure {
    let Some(workers) = workers else { return std::future::pending().await };
    let why = match workers.await {
        Ok(()) => "the registry's workers ended by themselves".to_owned(),
        Err(error) => format!("the registry's workers ended: {error}"),
    };
    Failure::new(Exit::Failed, why).with_help("start it again; the log says what came before")
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
    is_api_only: bool,
    worker_listen: Option<SocketAddr>,
    signing: Option<SigningChoice>,
}

impl Opened {
    async fn open(context: &Context) -> Result<Self> {
        let mut choice = choice(context)?;
        choice.fetch_database_url(&context.config).await?;
        let RegistryChoice { settings, is_api_only, worker_listen, database, signing } = choice;
        if let Some(database) = database.as_ref().filter(|database| database.is_open_to_others) {
            context.console.warning(open_to_others(&database.origin));
        }
        make_private(&settings.data_dir)?;
        let url = settings.database_url.as_ref().map(DatabaseUrl::reveal).unwrap_or_default();
        let db = Db::open(url).await?;
        let is_embedded = database.is_none();
        Ok(Self { db, settings, is_embedded, is_api_only, worker_listen, signing })
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

    /// The same with the key that signs manifests, where one is named.
    async fn signing(mut self, context: &Context) -> Result<Self> {
        if let Some(choice) = self.signing.take() {
            let signer = signing::ready(choice, context).await?;
            context.console.note(format!("manifests are signed by {}", signer.place()));
            self.settings.signing = Some(Arc::new(signer));
        }
        Ok(self)
    }

    async fn registry(self, context: &Context) -> Result<Arc<Registry>> {
        let store = context.store_beside(&self.settings.data_dir).await?;
        let backends = Backends::single(store);
        Ok(Registry::new(self.db, backends, context.clock.clone(), self.settings))
    }
}

/// What is configured; of several mistakes the first.
fn choice(context: &Context) -> Result<RegistryChoice, Failure> {
    if let Some(note) = context.config.left_out_of_the_registry() {
        context.console.note(note);
    }
    context.config.registry().map_err(|refused| {
        let more = refused.len().saturating_sub(1);
        let first = refused.into_iter().next();
        let first = first.unwrap_or_else(|| Failure::usage("the configuration cannot be used"));
        if more > 0 && first.help().is_none() {
            return first.with_help("`strongroom check-config` tells this and the other mistakes");
        }
        first
    })
}

fn open_to_others(origin: &Origin) -> String {
    format!(
        "everybody on this machine can read the file with the database's URL ({origin}): `chmod 600` closes it"
    )
}

fn make_private(directory: &std::path::Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.with_context(|| format!("cannot make the folder {}", directory.display()))
}
