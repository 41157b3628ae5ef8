//! One verb a file: each looks at its flags, calls the operation, and shows what came of it.

pub mod bundle;
pub mod completions;
pub mod config_show;
mod declarations;
pub mod list;
mod lock_acceptance;
pub mod man;
mod new_file;
pub mod pull;
pub mod push;
mod receipt;
pub mod reindex;
pub mod show;
mod source;
pub mod store_status;
pub mod verify;

use std::sync::Arc;

use anyhow::Result;
use clap::ArgMatches;
use strongroom_storage::{Clock, Storage, open};

use crate::config::{Config, StoreChoice};
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
}

impl Context {
    /// The store that is configured. Says so where it is the embedded one.
    pub async fn store(&self) -> Result<Arc<dyn Storage>> {
        for note in self.config.left_out() {
            self.console.note(note);
        }
        let settings = match self.config.store()? {
            StoreChoice::Named(settings) => settings,
            StoreChoice::Embedded(settings) => {
                self.console
                    .note(format!("no store is named: the embedded one serves ({})", settings.url));
                settings
            }
        };
        Ok(open::open(&settings, self.clock.clone()).await?)
    }
}
