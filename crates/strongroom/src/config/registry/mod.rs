//! What a registry is set up by, out of everything that is configured.

mod database;
mod kept_apart;
pub mod keys;
mod local_roots;
mod section;
mod signing;

use std::net::SocketAddr;
use std::path::PathBuf;

use jiff::SignedDuration;
use strongroom_core::package::class::RuleOverride;
use strongroom_core::package::{RetentionClass, RuleSet};
use strongroom_core::retention::LockMode;
use strongroom_registry::config::{
    ConnectionLimits, DatabaseUrl, DeletionSettings, DownloadSettings, DualControl, JobSettings,
    Redirects, RequestLimits, Settings,
};

pub use self::database::{NamedDatabase, UrlPlace, sqlite_file};
use self::keys::{CLASSES, ClassKeys, Key, Takes};
pub use self::section::Section;
pub use self::signing::{KeyPlace, SigningChoice};
use super::settings::FileKind;
use super::{Config, Origin, SecretReference, Sourced};
use crate::failure::Failure;

/// The registry that is configured.
#[derive(Debug)]
pub struct RegistryChoice {
    /// Everything that the service itself is told; the database's URL only when it was fetched.
    pub settings: Settings,
    /// Whether it only answers requests.
    pub is_api_only: bool,
    /// Where a worker tells how it fares, if anywhere.
    pub worker_listen: Option<SocketAddr>,
    /// The database that somebody named; absent where the embedded one serves.
    pub database: Option<NamedDatabase>,
    /// The key that signs manifests, where one is named. Nothing of it is read yet.
    pub signing: Option<SigningChoice>,
}

/// One value in effect, as it may be shown.
#[derive(Debug)]
pub struct ShownValue {
    /// The key.
    pub key: &'static Key,
    /// The value and where it came from; absent where there is none.
    pub value: Option<Sourced<String>>,
}

impl RegistryChoice {
    /// Where the database's URL is, as long as it is not fetched.
    pub fn database_secret(&self) -> Option<&SecretReference> {
        match &self.database.as_ref()?.url {
            UrlPlace::Secret(reference) if self.settings.database_url.is_none() => Some(reference),
            UrlPlace::Secret(_) | UrlPlace::Known(_) => None,
        }
    }

    /// Fetches the database's URL, where it is in a secret.
    pub async fn fetch_database_url(&mut self, config: &Config) -> Result<(), Failure> {
        if let Some(reference) = self.database_secret() {
            let url = database::fetched(reference, config).await?;
            self.settings.database_url = Some(url);
        }
        Ok(())
    }
}

impl Config {
    /// What the registry is set up by; or everything that is wrong with it.
    pub fn registry(&self) -> Result<RegistryChoice, Vec<Failure>> {
        let mut reading = Reading { config: self, refused: Vec::new() };
        let read = reading.all();
        match (read, reading.refused) {
            (Some(choice), refused) if refused.is_empty() => Ok(choice),
            (_, refused) => Err(refused),
        }
    }

    /// Every value of the registry's in effect, without secrets.
    pub fn registry_values(&self) -> Vec<ShownValue> {
        keys::all()
            .map(|key| {
                let mut value = self.get(&key.setting);
                if key.setting == keys::DATABASE_URL.setting {
                    value = value.map(|Sourced { value, origin }| Sourced {
                        value: database::shown(&DatabaseUrl::new(value)),
                        origin,
                    });
                }
                value = signing::shown(key, value);
                if key.setting == keys::DATA_DIR.setting && value.is_none() {
                    value = self.default_data_dir().map(|path| Sourced {
                        value: path.display().to_string(),
                        origin: Origin::Default,
                    });
                }
                ShownValue { key, value }
            })
            .collect()
    }

    /// Which found file says things of a registry, in words: it has no say in them.
    pub fn left_out_of_the_registry(&self) -> Option<String> {
        let found = self.files.iter().find(|file| file.kind == FileKind::Found)?;
        let left_out = keys::all().filter(|key| found.get(&key.setting).is_some());
        let left_out: Vec<&str> = left_out.map(|key| key.setting.key).collect();
        (!left_out.is_empty()).then(|| {
            format!(
                "{} was found in the working directory, so it has no say in {}: name it with --config",
                found.path.display(),
                left_out.join(", ")
            )
        })
    }

    fn default_data_dir(&self) -> Option<PathBuf> {
        Some(self.data_directory()?.join("registry"))
    }
}

/// Reads value by value, and goes on after one that is wrong.
struct Reading<'a> {
    config: &'a Config,
    refused: Vec<Failure>,
}

impl Reading<'_> {
    /// Nothing where some part could not be made out; what is wrong is in `refused`.
    fn all(&mut self) -> Option<RegistryChoice> {
        let listen = self.address(&keys::LISTEN);
        let worker_listen = self.address(&keys::WORKER_LISTEN);
        let data_dir = self.data_dir();
        let database = match database::named(self.config) {
            Ok(database) => database,
            Err(refused) => {
                self.refused.push(refused);
                None
            }
        };
        let is_api_only = self.switch(&keys::API_ONLY);
        let rules = self.rules();
        let allow_advisory_lock = self.switch(&keys::ALLOW_ADVISORY_LOCK);
        let deletion = DeletionSettings {
            sweep_every: self.seconds(&keys::SWEEP_EVERY_S),
            grace_ticks: self.number(&keys::GRACE_TICKS),
            delete_expired: self.switch(&keys::DELETE_EXPIRED),
            clock_jump_max: self.seconds(&keys::CLOCK_JUMP_MAX_S),
        };
        let dual_control = DualControl {
            hold_release: self.switch(&keys::HOLD_RELEASE),
            early_deletion: self.switch(&keys::EARLY_DELETION),
        };
        let local_roots = local_roots::named(self.config);
        let local_roots = local_roots.map_err(|refused| self.refused.push(refused)).ok();
        let signing = self.signing();
        let (jobs, connections, limits) = (self.jobs(), self.connections(), self.limits());
        let downloads = self.downloads();
        let data_dir = data_dir?;
        let database_url = match database.as_ref().map(|named| &named.url) {
            Some(UrlPlace::Known(url)) => Some(url.clone()),
            Some(UrlPlace::Secret(_)) => None,
            None => {
                let file = data_dir.join("registry.db");
                Some(DatabaseUrl::new(format!("sqlite:{}", file.display())))
            }
        };
        let settings = Settings {
            listen: listen?,
            data_dir,
            database_url,
            rules: rules?,
            allow_advisory_lock,
            deletion,
            dual_control,
            local_roots: local_roots?,
            jobs,
            connections,
            downloads: downloads?,
            limits,
            signing: None,
        };
        Some(RegistryChoice { settings, is_api_only, worker_listen, database, signing })
    }

    fn jobs(&mut self) -> JobSettings {
        JobSettings {
            workers: self.number(&keys::WORKERS),
            lease: self.seconds(&keys::LEASE_S),
            poll_every: self.milliseconds(&keys::POLL_EVERY_MS),
            back_off: self.milliseconds(&keys::BACK_OFF_MS),
            attempts_max: self.number(&keys::ATTEMPTS_MAX),
            objects_at_once: self.number(&keys::OBJECTS_AT_ONCE),
        }
    }

    fn connections(&mut self) -> ConnectionLimits {
        ConnectionLimits {
            at_once: self.number(&keys::CONNECTIONS_AT_ONCE),
            per_peer: self.number(&keys::CONNECTIONS_PER_PEER),
            head: self.seconds(&keys::CONNECTIONS_HEAD_S),
            idle: self.seconds(&keys::CONNECTIONS_IDLE_S),
        }
    }

    fn downloads(&mut self) -> Option<DownloadSettings> {
        let word = self.word(&keys::DOWNLOADS_REDIRECT);
        let link = self.seconds(&keys::DOWNLOADS_LINK_S);
        let redirect_from_bytes = self.number(&keys::DOWNLOADS_REDIRECT_FROM_BYTES);
        let (_, redirects) =
            Redirects::WORDS.into_iter().find(|(name, _)| word.as_deref() == Some(name))?;
        Some(DownloadSettings { redirects, link, redirect_from_bytes })
    }

    fn limits(&mut self) -> RequestLimits {
        RequestLimits {
            json_bytes_max: self.number(&keys::JSON_BYTES_MAX),
            file_bytes_max: self.number(&keys::FILE_BYTES_MAX_KEY),
            idle_body: self.seconds(&keys::IDLE_BODY_S),
            idle_reader: self.seconds(&keys::IDLE_READER_S),
            request: self.seconds(&keys::REQUEST_S),
            requests_at_once: self.number(&keys::REQUESTS_AT_ONCE),
            uploads_at_once: self.number(&keys::UPLOADS_AT_ONCE),
            upload_lifetime: self.seconds(&keys::UPLOAD_LIFETIME_S),
            bundles_at_once: self.number(&keys::BUNDLES_AT_ONCE),
            page_entries_max: self.number(&keys::PAGE_ENTRIES_MAX),
            drain: self.seconds(&keys::DRAIN_S),
        }
    }

    fn address(&mut self, key: &Key) -> Option<SocketAddr> {
        let Sourced { value, origin } = self.config.get(&key.setting)?;
        let address = value.parse();
        if address.is_err() {
            self.refuse(key, "an IP address and a port, such as 127.0.0.1:8640", &origin);
        }
        address.ok()
    }

    fn data_dir(&mut self) -> Option<PathBuf> {
        let named = self.config.get(&keys::DATA_DIR.setting);
        let data_dir =
            named.map(|named| named.value.into()).or_else(|| self.config.default_data_dir());
        if data_dir.is_none() {
            self.refused.push(
                Failure::usage("there is no home directory for the registry's data")
                    .with_help("name a folder: --data-dir DIR, or STRONGROOM_DATA_DIR"),
            );
        }
        data_dir
    }

    fn rules(&mut self) -> Option<RuleSet> {
        let said: Vec<_> = RetentionClass::ALL
            .iter()
            .zip(CLASSES)
            .map(|(class, keys)| (*class, self.class(keys)))
            .collect();
        let refused = said.iter().filter_map(|one| RuleSet::with([*one]).err());
        let refused = refused
            .map(|error| Failure::usage(format!("registry.retention.{error}")))
            .collect::<Vec<_>>();
        self.refused.extend(refused);
        RuleSet::with(said).ok()
    }

    fn class(&mut self, keys: &'static ClassKeys) -> RuleOverride {
        RuleOverride {
            days: keys.days.as_ref().and_then(|key| self.number_if_good(key)),
            mode: self.word(&keys.mode).and_then(|word| word.parse::<LockMode>().ok()),
            lock: self.word(&keys.lock).and_then(|word| word.parse().ok()),
            lock_required: Some(self.switch(&keys.lock_required)),
        }
    }

    fn seconds(&mut self, key: &Key) -> SignedDuration {
        SignedDuration::from_secs(self.number(key))
    }

    fn milliseconds(&mut self, key: &Key) -> SignedDuration {
        SignedDuration::from_millis(self.number(key))
    }

    /// A whole number within the key's bounds; nothing of meaning where it is refused.
    fn number<T: TryFrom<u64> + Default>(&mut self, key: &Key) -> T {
        self.number_if_good(key).unwrap_or_default()
    }

    fn number_if_good<T: TryFrom<u64>>(&mut self, key: &Key) -> Option<T> {
        let Takes::Whole(unit, least, most) = key.takes else { return None };
        let Sourced { value, origin } = self.config.get(&key.setting)?;
        let number = value.trim().parse::<u64>().ok().filter(|n| (least..=most).contains(n));
        let number = number.and_then(|number| T::try_from(number).ok());
        if number.is_none() {
            self.refuse(key, &format!("a whole number of {unit}, {least} to {most}"), &origin);
        }
        number
    }

    fn switch(&mut self, key: &Key) -> bool {
        match self.config.switch(&key.setting) {
            Ok(switch) => switch.unwrap_or_default(),
            Err(refused) => {
                self.refused.push(refused);
                false
            }
        }
    }

    fn word(&mut self, key: &Key) -> Option<String> {
        let Takes::OneOf(words) = key.takes else { return None };
        let Sourced { value, origin } = self.config.get(&key.setting)?;
        if !words.contains(&value.as_str()) {
            self.refuse(key, &format!("one of {}", words.join(", ")), &origin);
            return None;
        }
        Some(value)
    }

    fn refuse(&mut self, key: &Key, takes: &str, origin: &Origin) {
        self.refused.push(Failure::usage(format!("{} is {takes} ({origin})", key.setting.key)));
    }
}

#[cfg(test)]
mod tests;
