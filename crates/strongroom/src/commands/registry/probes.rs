//! Where a worker tells how it fares: alive, ready, its metrics. It answers nothing else.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use strongroom_registry::api::router::probes;
use strongroom_registry::server::{self, Stopper, open_files};
use strongroom_registry::service::Registry;
use tokio::task::JoinHandle;

use crate::commands::Context;

/// How long a question that was asked may still be answered when the work is over.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// Answers until it is told to end.
pub struct Probes {
    stopper: Stopper,
    serving: JoinHandle<usize>,
}

impl Probes {
    /// Answers at this address from now on.
    pub async fn start(
        registry: &Arc<Registry>,
        address: SocketAddr,
        context: &Context,
    ) -> Result<Self> {
        let listener = server::listen(address).await?;
        let address = listener.local_addr().context("the socket has no address")?;
        let connections = open_files::within(registry.settings().connections);
        let (stopper, stop) = server::stop();
        let router = probes(registry);
        let serving =
            tokio::spawn(server::serve(listener, router, connections, stop, LAST_ANSWERS));
        context.console.note(format!("the worker answers at http://{address}"));
        Ok(Self { stopper, serving })
    }

    /// Ends it. Whatever it was, the worker's own end does not depend on it.
    pub async fn end(self) {
        self.stopper.stop();
        if let Err(error) = self.serving.await {
            tracing::warn!(%error, "the worker's probes ended by themselves");
        }
    }
}
