//! The two bundles, wherever they are: a file, a directory, standard input, or a store, out of which a
//! bundle is pulled into a temporary folder first.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde::Serialize;
use strongroom_core::BundleId;
use strongroom_core::bundle::cavra::{self, UnverifiedCavra};
use strongroom_core::bundle::{BundleError, ReadLimits, UnverifiedBundle};
use strongroom_core::diff::read::Opened;
use strongroom_storage::Storage;
use strongroom_storage::evidence::baseline::{self, BaselineRequest, PassedOver};
use strongroom_storage::evidence::pull::pull;
use strongroom_storage::evidence::{Baseline, PullRequest, Pulled};
use tempfile::TempDir;

use crate::cli::Reference;
use crate::commands::pull::warn_of_what_is_on_top;
use crate::commands::{Context, named, source};
use crate::failure::Failure;
use crate::interrupt::Waiting;
use crate::progress::Bar;

/// A bundle's bytes, from wherever.
pub type Reader = Box<dyn Read + Send>;

/// Where a bundle came from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The file or the directory, as it was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The run that it was found by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// The store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
    /// Its whole key there, prefix included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
}

/// A bundle of which the manifest was read.
pub struct Located {
    pub opened: Opened<Reader>,
    pub origin: Origin,
    /// What it is called in an error.
    pub name: String,
}

/// Where bundles are looked for, and where those from a store are put.
pub struct Places<'a> {
    store: Option<&'a dyn Storage>,
    context: &'a Context,
    /// Gone when dropped, with what is in it.
    folder: Option<TempDir>,
    /// Ends the reading of both when dropped.
    waiting: Waiting,
    /// Ends the reading of both when one of them was refused.
    wanted: Arc<Waiting>,
}

impl<'a> Places<'a> {
    pub fn new(store: Option<&'a dyn Storage>, context: &'a Context) -> Self {
        let (waiting, wanted) = (Waiting::default(), Arc::new(Waiting::default()));
        Self { store, context, folder: None, waiting, wanted }
    }

    /// What ends the reading of both.
    pub fn wanted(&self) -> Arc<Waiting> {
        Arc::clone(&self.wanted)
    }

    /// The bundle that is to be held against another one.
    pub async fn candidate(&mut self, named: &Reference) -> Result<Located> {
        self.find(named, "candidate").await
    }

    /// The bundle that it is held against; and why this one, where it was to be found.
    pub async fn base(
        &mut self,
        named: &Reference,
        candidate: &Located,
        good_status: &[String],
    ) -> Result<(Located, Option<Baseline>)> {
        if *named != Reference::Latest {
            return Ok((self.find(named, "base").await?, None));
        }
        let claimed = candidate.opened.claimed();
        let request = BaselineRequest {
            candidate: candidate.opened.claimed_id(),
            subject: claimed.subject,
            producer: claimed.producer.map(|producer| producer.name),
            good_status: good_status.to_vec(),
        };
        let (store, place) = (self.store()?, self.place("base")?);
        let bar = Bar::new(self.context.console.shows_progress(), "pulling", None);
        let found = baseline::last_good(store, &request, &place, &bar.progress()).await;
        drop(bar);
        let found = found?;
        self.warn_of_refused(&found);
        let located = self.pulled(&found.pulled, Origin::default()).await?;
        Ok((located, Some(found)))
    }

    /// A newer bundle that does not verify is no baseline, and is nothing to be silent about.
    fn warn_of_refused(&self, found: &Baseline) {
        for refused in found.passed_over.iter().filter(|one| one.is_refused()) {
            let PassedOver { bundle_id, reason, .. } = refused;
            self.context.console.warning(format!(
                "{bundle_id} is no baseline, for it does not verify, and an older one was taken: {reason}"
            ));
        }
    }

    async fn find(&mut self, reference: &Reference, side: &str) -> Result<Located> {
        let (id, run_id) = match reference {
            Reference::Path(path) => return self.local(path).await,
            Reference::Id(id) => (*id, None),
            Reference::Run(run_id) => {
                (baseline::of_run(self.store()?, run_id).await?, Some(run_id.clone()))
            }
            Reference::Latest => {
                return Err(Failure::usage("run:latest is found for a candidate").into());
            }
        };
        let pulled = self.pull(id, side).await?;
        self.pulled(&pulled, Origin { run_id, ..Origin::default() }).await
    }

    async fn pull(&mut self, id: BundleId, side: &str) -> Result<Pulled> {
        let request = PullRequest {
            id,
            archive_sha256: None,
            out: self.place(side)?,
            overwrite: false,
            demand: None,
        };
        let bar = Bar::new(self.context.console.shows_progress(), "pulling", None);
        Ok(pull(self.store()?, &request, &bar.progress()).await?)
    }

    async fn pulled(&self, pulled: &Pulled, origin: Origin) -> Result<Located> {
        warn_of_what_is_on_top(pulled, self.context);
        let origin = Origin {
            store: self.store.map(|store| store.url().to_owned()),
            key: pulled.key.clone(),
            version_id: pulled.version_id.clone(),
            ..origin
        };
        let name = pulled.bundle_id.to_string();
        Ok(Located { opened: self.open(&pulled.path, &name).await?, origin, name })
    }

    async fn local(&self, path: &Path) -> Result<Located> {
        let name = named(path);
        let origin = Origin { path: Some(path.display().to_string()), ..Origin::default() };
        Ok(Located { opened: self.open(path, &name).await?, origin, name })
    }

    async fn open(&self, path: &Path, name: &str) -> Result<Opened<Reader>> {
        if path.join(cavra::MANIFEST).is_file() {
            let directory = path.to_owned();
            let opening = tokio::task::spawn_blocking(move || UnverifiedCavra::open(&directory));
            let opened = opening.await.context("the directory was not looked at")?;
            let opened = opened.with_context(|| name.to_owned())?;
            return Ok(Opened::Directory(Box::new(opened)));
        }
        let reader = source::open(path).await?.reader;
        let reader: Reader = Box::new(self.waiting.guard(self.wanted.guard(reader)));
        let opening = tokio::task::spawn_blocking(move || {
            let bundle = UnverifiedBundle::open(reader, &ReadLimits::default())?;
            Ok::<_, BundleError>(Opened::Archive(Box::new(bundle)))
        });
        let opened = opening.await.context("the bundle was not opened")?;
        opened.with_context(|| name.to_owned())
    }

    fn store(&self) -> Result<&'a dyn Storage> {
        Ok(self.store.ok_or_else(|| Failure::usage("no store is in use"))?)
    }

    /// Where a bundle out of the store is put.
    fn place(&mut self, side: &str) -> Result<PathBuf> {
        let folder = match self.folder.take() {
            Some(folder) => folder,
            None => tempfile::Builder::new()
                .prefix("strongroom-diff-")
                .tempdir()
                .context("a temporary folder could not be made: TMPDIR says where")?,
        };
        Ok(self.folder.insert(folder).path().join(side))
    }
}
