//! One verb a file: each looks at its flags, calls the operation, and shows what came of it.

pub mod analyze;
pub mod audit;
pub mod bundle;
pub mod completions;
pub mod config_show;
mod declarations;
pub mod diff;
pub mod hold;
pub mod keys;
pub mod lint;
pub mod list;
mod lock_acceptance;
mod lock_change;
pub mod login;
pub mod man;
pub mod package;
mod placing;
mod private_key;
pub mod prove;
pub mod pull;
pub mod push;
mod receipt;
pub mod registry;
pub mod reindex;
mod report_file;
pub mod retention;
mod secret_input;
mod settings_table;
pub mod show;
pub mod signing;
mod source;
pub mod storage_plan;
pub mod store_status;
pub mod table;
pub mod trust_root;
pub mod verify;
pub mod watch;

use std::path::Path;
use std::sync::{Arc, OnceLock};

use anyhow::Result;
use clap::ArgMatches;
use clap::parser::ValueSource;
use strongroom_storage::analyze::Target;
use strongroom_storage::evidence::storage_plan::open_for_its_names;
use strongroom_storage::open::{Location, StoreSettings};
use strongroom_storage::{Clock, Storage, open};

use crate::config::{Config, StoreChoice};
use crate::exit::Exit;
use crate::failure::{Failure, is_about_the_store};
use crate::interrupt::WindingDown;
use crate::output::Console;

/// What every command on evidence works with.
pub struct Context {
    /// Where output goes.
    pub console: Console,
    /// What is configured.
    pub config: Config,
    /// The present.
    pub clock: Clock,
    /// The flags, and which of them came from the environment.
    pub matches: ArgMatches,
    /// Whether the command ends by itself when somebody wants it to.
    pub winding_down: WindingDown,
    /// The store in use, in words, once there is one.
    store_in_words: OnceLock<String>,
}

impl Context {
    /// A context in which no store is in use yet.
    pub fn new(console: Console, config: Config, clock: Clock, matches: ArgMatches) -> Self {
        let (winding_down, store_in_words) = (WindingDown::default(), OnceLock::new());
        Self { console, config, clock, matches, winding_down, store_in_words }
    }

    /// The present, to the second, as people and statements say it.
    pub fn now_to_the_second(&self) -> jiff::Timestamp {
        let now = self.clock.now();
        jiff::Timestamp::from_second(now.as_second()).unwrap_or(now)
    }

    /// The store that is configured. Says so where it is the embedded one.
    pub async fn store(&self) -> Result<Arc<dyn Storage>> {
        let settings = match self.choose().await? {
            StoreChoice::Named(settings) | StoreChoice::Embedded(settings) => settings,
        };
        self.open(&settings).await
    }

    /// The store that is configured, and its settings; for its names alone where it is not `asked`.
    pub async fn store_to_plan(
        &self,
        asked: bool,
    ) -> Result<(Arc<dyn Storage>, Box<StoreSettings>)> {
        let settings = match self.choose().await? {
            StoreChoice::Named(settings) | StoreChoice::Embedded(settings) => settings,
        };
        let store = match asked {
            true => self.open(&settings).await?,
            false => open_for_its_names(&settings, self.clock.clone()).await?,
        };
        Ok((store, settings))
    }

    /// The store that is configured, to be analyzed. A directory that is named and not there is a
    /// mistake in its name.
    pub async fn target(&self) -> Result<Target> {
        let settings = match self.choose().await? {
            StoreChoice::Named(settings) => {
                refuse_absent_directory(&settings)?;
                settings
            }
            StoreChoice::Embedded(settings) => settings,
        };
        let target = Target::open(&settings, self.clock.clone()).await?;
        let store = target.store();
        self.store_in_words.get_or_init(|| receipt::store_at(store.url(), store.endpoint()));
        Ok(target)
    }

    /// The store that is configured, to read from. A directory that is named and not there is a
    /// mistake in its name, not a store that holds nothing: only a push makes one.
    pub async fn store_to_read(&self) -> Result<Arc<dyn Storage>> {
        let settings = match self.choose().await? {
            StoreChoice::Named(settings) => {
                refuse_absent_directory(&settings)?;
                settings
            }
            StoreChoice::Embedded(settings) => settings,
        };
        self.open(&settings).await
    }

    /// Whether the command line itself names the store: not the environment, and no file.
    pub fn is_store_named_by_flag(&self) -> bool {
        self.matches.value_source("store") == Some(ValueSource::CommandLine)
    }

    /// The store that is configured; where none is named, the embedded one in this folder.
    pub async fn store_beside(&self, data_dir: &Path) -> Result<Arc<dyn Storage>> {
        if self.config.store_url()?.is_some() {
            return self.store().await;
        }
        let url = crate::config::file_url(&std::path::absolute(data_dir)?.join("store"))?;
        self.console.note(format!("no store is named: the embedded one serves ({url})"));
        self.open(&StoreSettings { url, ..StoreSettings::default() }).await
    }

    async fn choose(&self) -> Result<StoreChoice> {
        for note in self.config.left_out() {
            self.console.note(note);
        }
        let choice = self.config.store().await?;
        if let StoreChoice::Embedded(settings) = &choice {
            self.console
                .note(format!("no store is named: the embedded one serves ({})", settings.url));
        }
        Ok(choice)
    }

    async fn open(&self, settings: &StoreSettings) -> Result<Arc<dyn Storage>> {
        let store = open::open(settings, self.clock.clone()).await?;
        self.store_in_words.get_or_init(|| receipt::store_at(store.url(), store.endpoint()));
        Ok(store)
    }

    /// The error, with the name of the store where it is about the store.
    pub fn naming_the_store(&self, error: anyhow::Error) -> anyhow::Error {
        match self.store_in_words.get() {
            Some(store) if is_about_the_store(&error) => error.context(store.clone()),
            _ => error,
        }
    }
}

fn refuse_absent_directory(settings: &StoreSettings) -> Result<(), Failure> {
    let Ok(Location::File(root)) = Location::parse(&settings.url) else { return Ok(()) };
    // What cannot be looked at is the store's to tell.
    if !matches!(root.try_exists(), Ok(false)) {
        return Ok(());
    }
    Err(Failure::new(Exit::NotFound, format!("there is no store at {}", root.display()))
        .with_help("correct the path; the first `strongroom evidence push` makes a store"))
}

/// What a bundle's bytes are called in an error: the path that was given.
fn named(path: &Path) -> String {
    if path == Path::new("-") {
        return "standard input".to_owned();
    }
    path.display().to_string()
}
