//! Whether requests can be served now: asked of the database and of each store, each within a named time.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use tokio::time::timeout;

use super::Registry;

/// How long a part may take to answer before it counts as not there.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// What is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// The database.
    pub database: Part,
    /// Each store, by its name.
    pub stores: BTreeMap<String, Part>,
}

/// One part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// It answered.
    Ok,
    /// It did not, or with an error, which is in the log.
    Unavailable,
}

impl Readiness {
    /// Whether all of it is there.
    pub fn is_ready(&self) -> bool {
        self.database == Part::Ok && self.stores.values().all(|part| *part == Part::Ok)
    }
}

impl Registry {
    /// Asks every part.
    pub async fn readiness(&self) -> Readiness {
        let database =
            timeout(PROBE_TIMEOUT, async { self.db().read().await?.sweeper().await.map(drop) });
        let database = part("database", database.await.map(|answer| answer.map_err(drop_into)));
        let mut stores = BTreeMap::new();
        for backend in self.backends().all() {
            let answer = timeout(PROBE_TIMEOUT, backend.store.now()).await;
            let answer = answer.map(|answer| answer.map(drop).map_err(drop_into));
            stores.insert(backend.id.clone(), part("store", answer));
        }
        Readiness { database, stores }
    }
}

fn drop_into(error: impl std::error::Error + Send + Sync + 'static) -> Box<dyn std::error::Error> {
    Box::new(error)
}

fn part(
    what: &'static str,
    answer: Result<Result<(), Box<dyn std::error::Error>>, tokio::time::error::Elapsed>,
) -> Part {
    match answer {
        Ok(Ok(())) => Part::Ok,
        Ok(Err(error)) => {
            tracing::warn!(what, %error, "a part of the registry is not there");
            Part::Unavailable
        }
        Err(_) => {
            tracing::warn!(what, "a part of the registry does not answer in time");
            Part::Unavailable
        }
    }
}
