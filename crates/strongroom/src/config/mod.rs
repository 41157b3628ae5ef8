//! The configuration: flags, environment, files and defaults in layers. Each value keeps its
//! origin.

mod directories;
mod file;
mod openbao;
mod refusal;
pub mod registry;
mod secret_reference;
mod settings;
mod store;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use clap::ArgMatches;
use clap::parser::ValueSource;
use strongroom_core::retention::LockMode;

use self::directories::Directories;
use self::file::ConfigFile;
pub use self::refusal::refused_where;
pub use self::secret_reference::SecretReference;
use self::settings::FileKind;
pub use self::settings::{ALL, Origin, Setting, Sourced};
pub use self::store::{StoreChoice, credentials_in_words, file_url};
use crate::environment::Environment;
use crate::failure::Failure;

/// Everything that is configured.
#[derive(Debug)]
pub struct Config {
    flags: Vec<(&'static str, Sourced<String>)>,
    files: Vec<ConfigFile>,
    environment: Environment,
    directories: Directories,
}

/// How to push.
#[derive(Debug, Clone, Copy)]
pub struct PushSettings {
    /// Push what was bundled.
    pub auto_push: bool,
    /// Read a stored bundle back where nothing else shows that its bytes are right.
    pub verify_on_push: bool,
    /// The mode of dated locks.
    pub lock: LockMode,
    /// Whether a flag named the mode for this very push.
    pub lock_is_explicit: bool,
    /// Go on where the store cannot lock.
    pub allow_unlocked: bool,
}

impl Config {
    /// Reads every layer. `matches` are those of the command that runs.
    pub fn load(
        matches: &ArgMatches,
        named_file: Option<PathBuf>,
        environment: Environment,
    ) -> Result<Self> {
        let directories = Directories::of(&environment);
        let files = file::find(named_file.as_deref(), &directories)?;
        Ok(Self { flags: flags(matches), files, environment, directories })
    }

    /// The user's own folder for data, as far as the environment tells.
    pub fn data_directory(&self) -> Option<&std::path::Path> {
        self.directories.data.as_deref()
    }

    /// The user's own folder for configuration, as far as the environment tells.
    pub fn config_directory(&self) -> Option<&std::path::Path> {
        self.directories.config.as_deref()
    }

    /// Takes the store that was named without a flag.
    pub fn name_store(&mut self, url: &str) -> Result<(), Failure> {
        if self.flags.iter().any(|(key, _)| *key == settings::URL.key) {
            return Err(Failure::usage("the store is named twice: with --store and without")
                .with_help("keep one of the two"));
        }
        let origin = Origin::Flag("URL".to_owned());
        self.flags.push((settings::URL.key, Sourced { value: url.to_owned(), origin }));
        Ok(())
    }

    /// Takes the endpoint that a flag of the command's own names.
    pub fn name_endpoint(&mut self, url: String, flag: &str) -> Result<(), Failure> {
        if self.flags.iter().any(|(key, _)| *key == settings::ENDPOINT.key) {
            return Err(Failure::usage(format!(
                "the endpoint is named twice: by a flag and by {flag}"
            ))
            .with_help("keep one of the two"));
        }
        let origin = Origin::Flag(flag.to_owned());
        self.flags.push((settings::ENDPOINT.key, Sourced { value: url, origin }));
        Ok(())
    }

    /// The configuration files that were read, the strongest first.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.files.iter().map(|file| &file.path)
    }

    /// The environment.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The value in effect and where it came from: flag, environment, file, default.
    pub fn get(&self, setting: &Setting) -> Option<Sourced<String>> {
        let flag = self.flags.iter().find(|(key, _)| *key == setting.key).map(|(_, value)| value);
        flag.cloned()
            .or_else(|| self.in_environment(setting))
            .or_else(|| {
                let mut files = self.files.iter().filter(|file| self.counts(file, setting));
                files.find_map(|file| file.get(setting)).cloned()
            })
            .or_else(|| {
                let value = setting.default?.to_owned();
                Some(Sourced { value, origin: Origin::Default })
            })
    }

    /// Whether a file has a say in a setting. What a found file says of a store counts only where
    /// that file names the store, and then nothing that the user's own file says of another one: a
    /// repository's file never sends the user's evidence or keys elsewhere.
    ///
    /// What it says of a registry never counts: it would decide what a service deletes, and who reaches it.
    fn counts(&self, file: &ConfigFile, setting: &Setting) -> bool {
        if setting.is_of_the_registry() {
            return file.kind == FileKind::Own;
        }
        !setting.is_of_a_store()
            || (file.kind == FileKind::Found) == self.store_is_named_by_a_found_file()
    }

    fn store_is_named_by_a_found_file(&self) -> bool {
        let named = [settings::URL, settings::BUCKET].iter().filter_map(|name| self.get(name));
        named.max_by_key(|named| named.origin.rank()).is_some_and(|named| named.origin.is_found())
    }

    /// Which files say things of a store that is not the one in use, in words.
    pub fn left_out(&self) -> Vec<String> {
        let of_file = |file: &ConfigFile| {
            let left_out = ALL
                .iter()
                .filter(|setting| file.get(setting).is_some() && !self.counts(file, setting));
            let keys: Vec<&str> = left_out.map(|setting| setting.key).collect();
            let path = file.path.display();
            (!keys.is_empty()).then(|| {
                format!(
                    "{path} does not name the store in use, so it has no say in {}",
                    keys.join(", ")
                )
            })
        };
        self.files.iter().filter_map(of_file).collect()
    }

    /// The found file that lets locks fall short, if it is one that does.
    pub fn unlocked_by_a_found_file(&self) -> Option<Origin> {
        let unlocked =
            self.switch(&settings::ALLOW_UNLOCKED).is_ok_and(|switch| switch == Some(true));
        let origin = self.get(&settings::ALLOW_UNLOCKED)?.origin;
        (unlocked && origin.is_found()).then_some(origin)
    }

    fn in_environment(&self, setting: &Setting) -> Option<Sourced<String>> {
        setting.environment.iter().find_map(|name| {
            let value = self.environment.text(name)?.to_owned();
            Some(Sourced { value, origin: Origin::Environment((*name).to_owned()) })
        })
    }

    fn text(&self, setting: &Setting) -> Option<String> {
        self.get(setting).map(|sourced| sourced.value)
    }

    fn switch(&self, setting: &Setting) -> Result<Option<bool>, Failure> {
        let Some(sourced) = self.get(setting) else { return Ok(None) };
        match sourced.value.to_ascii_lowercase().as_str() {
            "1" | "y" | "yes" | "t" | "true" | "on" => Ok(Some(true)),
            "0" | "n" | "no" | "f" | "false" | "off" => Ok(Some(false)),
            _ => Err(Failure::usage(format!(
                "{} is neither true nor false ({})",
                setting.key, sourced.origin
            ))),
        }
    }

    /// How to push.
    pub fn push(&self) -> Result<PushSettings, Failure> {
        let lock = self.get(&settings::LOCK);
        let (mode, lock_is_explicit) = match &lock {
            Some(sourced) => {
                let mode = sourced.value.parse::<LockMode>().map_err(|error| {
                    Failure::usage(format!("push.lock: {error} ({})", sourced.origin))
                })?;
                (mode, matches!(sourced.origin, Origin::Flag(_)))
            }
            None => (LockMode::Governance, false),
        };
        Ok(PushSettings {
            auto_push: self.switch(&settings::AUTO_PUSH)?.unwrap_or(false),
            verify_on_push: self.switch(&settings::VERIFY_ON_PUSH)?.unwrap_or(true),
            lock: mode,
            lock_is_explicit,
            allow_unlocked: self.switch(&settings::ALLOW_UNLOCKED)?.unwrap_or(false),
        })
    }
}

/// The settings that were given as flags. What the flag took from its environment twin is left to
/// the environment's own layer.
fn flags(matches: &ArgMatches) -> Vec<(&'static str, Sourced<String>)> {
    let every = ALL.iter().chain(registry::keys::all().map(|key| &key.setting));
    let given = every.filter_map(|setting| {
        let is_known = matches.try_contains_id(setting.flag).unwrap_or(false);
        if !is_known || matches.value_source(setting.flag) != Some(ValueSource::CommandLine) {
            return None;
        }
        let value = flag_text(matches, setting.flag)?;
        Some((setting.key, Sourced { value, origin: Origin::Flag(setting.flag_name()) }))
    });
    given.collect()
}

fn flag_text(matches: &ArgMatches, id: &str) -> Option<String> {
    if let Ok(Some(text)) = matches.try_get_one::<String>(id) {
        return Some(text.clone());
    }
    if let Ok(Some(switch)) = matches.try_get_one::<bool>(id) {
        return Some(switch.to_string());
    }
    if let Ok(Some(address)) = matches.try_get_one::<SocketAddr>(id) {
        return Some(address.to_string());
    }
    matches
        .try_get_one::<PathBuf>(id)
        .ok()
        .flatten()
        .map(|path| path.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests;
