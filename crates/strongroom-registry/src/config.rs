//! What a registry is told before it starts. Every limit has a name and a default.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::SignedDuration;
use strongroom_core::package::RuleSet;
use strongroom_storage::LINK_SECONDS_MAX;

use crate::signing::ManifestSigner;

/// Where `serve` listens unless told otherwise.
pub const LISTEN_DEFAULT: &str = "127.0.0.1:8640";

/// Everything a registry is set up by.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the API answers.
    pub listen: SocketAddr,
    /// Where the embedded database, the embedded store and the admin's token are.
    pub data_dir: PathBuf,
    /// `sqlite:PATH` or `postgres://…`; the embedded one where none is named. Holds a password: never logged.
    pub database_url: Option<DatabaseUrl>,
    /// What each retention class means.
    pub rules: RuleSet,
    /// Whether compliance locks are taken where they are only Strongroom's own, and so bind nobody who reaches the
    /// store by another way.
    pub allow_advisory_lock: bool,
    /// How packages go.
    pub deletion: DeletionSettings,
    /// Which decisions take two people.
    pub dual_control: DualControl,
    /// Folders of the server that operators may ingest files from, by name. None: local-path ingestion is off.
    pub local_roots: BTreeMap<String, PathBuf>,
    /// How jobs run.
    pub jobs: JobSettings,
    /// How many connections are kept, and for how long.
    pub connections: ConnectionLimits,
    /// How files are handed out.
    pub downloads: DownloadSettings,
    /// What one request may take.
    pub limits: RequestLimits,
    /// What signs the manifests of packages that jobs of this process finalize; absent where nothing does.
    pub signing: Option<Arc<ManifestSigner>>,
}

/// A database's URL. Its debug form tells nothing but the engine.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// Takes a URL as it was configured.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The whole, to connect with.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The engine, which may be shown.
    pub fn engine(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DatabaseUrl({}:[redacted])", self.engine())
    }
}

/// How packages go.
#[derive(Debug, Clone, Copy)]
pub struct DeletionSettings {
    /// How often the sweeper looks.
    pub sweep_every: SignedDuration,
    /// How many looks of the sweeper a requested deletion waits for. Counted in looks, not in hours, so that a
    /// clock that jumps shortens nothing.
    pub grace_ticks: u32,
    /// Whether the sweeper itself asks for the deletion of what is past its date.
    pub delete_expired: bool,
    /// A clock further than this from where it should be pauses deletion until an operator confirms it.
    pub clock_jump_max: SignedDuration,
}

impl Default for DeletionSettings {
    fn default() -> Self {
        Self {
            sweep_every: SignedDuration::from_mins(15),
            grace_ticks: 96,
            delete_expired: true,
            clock_jump_max: SignedDuration::from_hours(1),
        }
    }
}

/// Which decisions take two people.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DualControl {
    /// The release of a legal hold.
    pub hold_release: bool,
    /// A deletion before the package's date.
    pub early_deletion: bool,
}

/// How jobs run.
#[derive(Debug, Clone, Copy)]
pub struct JobSettings {
    /// Jobs at the same time in one process.
    pub workers: usize,
    /// For how long a worker may be silent before another takes its job.
    pub lease: SignedDuration,
    /// How often an idle worker looks for a job that another process queued.
    pub poll_every: SignedDuration,
    /// The wait before a job that failed is tried again; twice as long before each further attempt.
    pub back_off: SignedDuration,
    /// How often a job is tried before it waits for a person.
    pub attempts_max: u32,
    /// Objects of one job that are worked on at the same time.
    pub objects_at_once: usize,
}

impl Default for JobSettings {
    fn default() -> Self {
        Self {
            workers: 4,
            lease: SignedDuration::from_secs(60),
            poll_every: SignedDuration::from_secs(1),
            back_off: SignedDuration::from_secs(1),
            attempts_max: 12,
            objects_at_once: 8,
        }
    }
}

/// How many connections are kept, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// Connections at the same time; a further one waits until another ends.
    pub at_once: usize,
    /// Connections of one peer at the same time: of one address, or of one network of 64 bits where it is IPv6. A
    /// further one is closed. Behind a proxy all are of one peer.
    pub per_peer: usize,
    /// How long a client may take to send the head of a request.
    pub head: SignedDuration,
    /// How long a connection is kept of which nothing is asked, or nothing of an answer is taken.
    pub idle: SignedDuration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            at_once: 4_096,
            // One client cannot take all of them, and one proxy has more than requests are worked on at once.
            per_peer: 2_048,
            head: SignedDuration::from_secs(20),
            idle: SignedDuration::from_secs(60),
        }
    }
}

/// Whether a download may be answered with a link to the store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Redirects {
    /// Never: every byte goes through the registry, which verifies it on its way.
    #[default]
    Never,
    /// Where the client asks for it.
    OnRequest,
    /// Unless the client asks for the bytes themselves.
    ByDefault,
}

impl Redirects {
    /// The words of the configuration, and what they mean.
    pub const WORDS: [(&'static str, Self); 3] =
        [("never", Self::Never), ("on_request", Self::OnRequest), ("by_default", Self::ByDefault)];
}

/// How files are handed out.
#[derive(Debug, Clone, Copy)]
pub struct DownloadSettings {
    /// Whether a link to the store may be the answer.
    pub redirects: Redirects,
    /// For how long such a link is good.
    pub link: SignedDuration,
    /// Fewer bytes than this are streamed: a second request costs more than it saves.
    pub redirect_from_bytes: u64,
}

impl DownloadSettings {
    /// Whether these many bytes are redirected for a client that says so, says not, or says nothing of it.
    pub fn redirects(&self, asked: Option<bool>, sent_bytes: u64) -> bool {
        let is_wanted = match self.redirects {
            Redirects::Never => false,
            Redirects::OnRequest => asked == Some(true),
            Redirects::ByDefault => asked != Some(false),
        };
        is_wanted && sent_bytes >= self.redirect_from_bytes
    }

    /// The seconds that a link is good for.
    pub fn link_seconds(&self) -> u32 {
        u32::try_from(self.link.as_secs()).unwrap_or(LINK_SECONDS_MAX).min(LINK_SECONDS_MAX)
    }
}

impl Default for DownloadSettings {
    fn default() -> Self {
        Self {
            redirects: Redirects::default(),
            link: SignedDuration::from_secs(60),
            redirect_from_bytes: 1 << 20,
        }
    }
}

/// What one request may take.
#[derive(Debug, Clone, Copy)]
pub struct RequestLimits {
    /// Bytes of a JSON body.
    pub json_bytes_max: usize,
    /// Bytes of one file.
    pub file_bytes_max: u64,
    /// How long a client may take for each next piece of a file's body
    /// ([`PACE_BYTES`](crate::service::file_body::PACE_BYTES)), and for the whole of a JSON body.
    pub idle_body: SignedDuration,
    /// How long a client may take nothing of what is sent to it.
    pub idle_reader: SignedDuration,
    /// How long anything but an upload or a download may take.
    pub request: SignedDuration,
    /// Requests that are worked on at the same time; further ones are told to come again. What is sent after the
    /// work is done does not count.
    pub requests_at_once: usize,
    /// Uploads that are worked on at the same time.
    pub uploads_at_once: usize,
    /// How long an upload that comes in several requests is waited for after its last byte.
    pub upload_lifetime: SignedDuration,
    /// Bundles that are made and sent at the same time: each has a thread of its own.
    pub bundles_at_once: usize,
    /// Entries of a page.
    pub page_entries_max: u32,
    /// How long what is going on may take after the service was told to stop.
    pub drain: SignedDuration,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            json_bytes_max: 1 << 20,
            file_bytes_max: strongroom_core::limits::FILE_BYTES_MAX,
            idle_body: SignedDuration::from_secs(30),
            idle_reader: SignedDuration::from_secs(60),
            request: SignedDuration::from_secs(60),
            requests_at_once: 1_024,
            uploads_at_once: 64,
            upload_lifetime: SignedDuration::from_hours(24),
            bundles_at_once: 32,
            page_entries_max: 200,
            drain: SignedDuration::from_secs(30),
        }
    }
}

impl Settings {
    /// What serves when nothing is configured: everything in one folder.
    pub fn embedded(data_dir: PathBuf, listen: SocketAddr) -> Self {
        Self {
            listen,
            data_dir,
            database_url: None,
            rules: RuleSet::default(),
            allow_advisory_lock: false,
            deletion: DeletionSettings::default(),
            dual_control: DualControl::default(),
            local_roots: BTreeMap::new(),
            jobs: JobSettings::default(),
            connections: ConnectionLimits::default(),
            downloads: DownloadSettings::default(),
            limits: RequestLimits::default(),
            signing: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_is_redirected_only_where_the_policy_and_the_client_have_it_so() {
        let asked = [None, Some(true), Some(false)];
        let told = |redirects, sent_bytes| {
            let settings = DownloadSettings { redirects, ..DownloadSettings::default() };
            asked.map(|asked| settings.redirects(asked, sent_bytes))
        };
        assert_eq!(told(Redirects::Never, 1 << 20), [false, false, false]);
        assert_eq!(told(Redirects::OnRequest, 1 << 20), [false, true, false]);
        assert_eq!(told(Redirects::ByDefault, 1 << 20), [true, true, false]);
        for redirects in [Redirects::OnRequest, Redirects::ByDefault] {
            assert_eq!(told(redirects, (1 << 20) - 1), [false, false, false], "too small");
        }
    }

    #[test]
    fn a_password_in_a_databases_url_is_not_in_its_debug_form() {
        let url = DatabaseUrl::new("postgres://user:hunter2@db/registry");
        assert_eq!(format!("{url:?}"), "DatabaseUrl(postgres:[redacted])");
    }
}
