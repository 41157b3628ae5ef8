//! Every key of the `registry` section: its names, its unit, what it takes, what it is where nobody says anything.

use strongroom_core::limits::{FILE_BYTES_MAX, LOCK_DAYS_MAX};
use strongroom_registry::config::LISTEN_DEFAULT;
use strongroom_storage::LINK_SECONDS_MAX;

use crate::config::settings::Setting;

/// What a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// A text of this kind.
    Text(&'static str),
    /// `true` or `false`.
    Switch,
    /// A whole number of this unit, from the first to the last.
    Whole(&'static str, u64, u64),
    /// One of these words.
    OneOf(&'static [&'static str]),
}

/// One key.
#[derive(Debug)]
pub struct Key {
    /// Its names.
    pub setting: Setting,
    /// What it takes.
    pub takes: Takes,
    /// What it decides.
    pub what: &'static str,
}

/// Takes the keys' rows: name, key, environment, flag, what it takes, default, what it decides.
macro_rules! keys {
    ($($name:ident = $key:literal, $environment:literal, $flag:literal, $takes:expr, $default:expr, $what:literal;)*) => {
        $(
            #[doc = concat!("`registry.", $key, "`: ", $what)]
            pub const $name: Key = Key {
                setting: Setting {
                    key: concat!("registry.", $key),
                    flag: $flag,
                    environment: &[concat!("STRONGROOM_", $environment)],
                    default: $default,
                },
                takes: $takes,
                what: $what,
            };
        )*
        /// Every key, in the order in which they are shown; those of the retention classes follow.
        const BESIDES_CLASSES: &[&Key] = &[$(&$name),*];
    };
}

keys! {
    LISTEN = "listen", "LISTEN", "listen", Takes::Text("address:port"), Some(LISTEN_DEFAULT),
        "where the service answers";
    DATA_DIR = "data_dir", "DATA_DIR", "data_dir", Takes::Text("folder"), None,
        "the folder of the embedded database, the embedded store and the first administrator's token; `registry` in your data directory, unless it is named";
    DATABASE_URL = "database_url", "DATABASE_URL", "database_url", Takes::Text("URL"), None,
        "`sqlite:PATH` or `postgres://USER@HOST/NAME`; embedded, unless it is named. With a password only in the environment";
    DATABASE_URL_FILE = "database_url_file", "DATABASE_URL_FILE", "database_url_file", Takes::Text("file"), None,
        "a file that holds that URL and nothing else, such as a mounted secret; it may hold a password";
    DATABASE_URL_REF = "database_url_ref", "DATABASE_URL_REF", "database_url_ref", Takes::Text("secret reference"), None,
        "where that URL is: `file:PATH`, `env:NAME` or `bao:PATH#FIELD`; it may hold a password";
    API_ONLY = "api_only", "API_ONLY", "api_only", Takes::Switch, Some("false"),
        "answer requests only, and leave jobs to `strongroom worker`";
    WORKER_LISTEN = "worker_listen", "WORKER_LISTEN", "worker_listen", Takes::Text("address:port"), None,
        "where `strongroom worker` answers `/livez`, `/readyz`, `/health` and `/metrics`, and nothing else; nowhere, unless it is named";

    SWEEP_EVERY_S = "deletion.sweep_every_s", "REGISTRY_DELETION_SWEEP_EVERY_S", "", Takes::Whole("seconds", 1, 86_400), Some("900"),
        "how often the sweeper looks; a look is a tick";
    GRACE_TICKS = "deletion.grace_ticks", "REGISTRY_DELETION_GRACE_TICKS", "", Takes::Whole("ticks", 1, 1_000_000), Some("96"),
        "ticks that a requested deletion waits for, and can be cancelled in";
    DELETE_EXPIRED = "deletion.delete_expired", "REGISTRY_DELETION_DELETE_EXPIRED", "", Takes::Switch, Some("true"),
        "whether the sweeper itself asks for the deletion of what is past its date";
    CLOCK_JUMP_MAX_S = "deletion.clock_jump_max_s", "REGISTRY_DELETION_CLOCK_JUMP_MAX_S", "", Takes::Whole("seconds", 1, 86_400), Some("3600"),
        "a clock further than this from where it should be pauses deletion until an operator confirms it";

    HOLD_RELEASE = "dual_control.hold_release", "REGISTRY_DUAL_CONTROL_HOLD_RELEASE", "", Takes::Switch, Some("false"),
        "whether the release of a legal hold takes two people";
    EARLY_DELETION = "dual_control.early_deletion", "REGISTRY_DUAL_CONTROL_EARLY_DELETION", "", Takes::Switch, Some("false"),
        "whether a deletion before the package's date takes two people";

    LOCAL_ROOTS = "local_ingestion.roots", "REGISTRY_LOCAL_INGESTION_ROOTS", "", Takes::Text("`NAME=/folder`, several with `,` between them; in a file `NAME: /folder`"), None,
        "folders of the server that operators may ingest files from, by names; none, and so off, unless some are named";

    WORKERS = "jobs.workers", "REGISTRY_JOBS_WORKERS", "", Takes::Whole("jobs", 1, 64), Some("4"),
        "jobs at the same time in one process; one that finalizes 100,000 files takes 330 MiB of memory";
    LEASE_S = "jobs.lease_s", "REGISTRY_JOBS_LEASE_S", "", Takes::Whole("seconds", 10, 3_600), Some("60"),
        "how long a worker may be silent before another takes its job";
    POLL_EVERY_MS = "jobs.poll_every_ms", "REGISTRY_JOBS_POLL_EVERY_MS", "", Takes::Whole("milliseconds", 50, 60_000), Some("1000"),
        "how often an idle worker looks for a job that another process queued";
    BACK_OFF_MS = "jobs.back_off_ms", "REGISTRY_JOBS_BACK_OFF_MS", "", Takes::Whole("milliseconds", 10, 600_000), Some("1000"),
        "the wait before a failed job is tried again; twice as long before each further attempt";
    ATTEMPTS_MAX = "jobs.attempts_max", "REGISTRY_JOBS_ATTEMPTS_MAX", "", Takes::Whole("attempts", 1, 100), Some("12"),
        "attempts of a job before it waits for a person";
    OBJECTS_AT_ONCE = "jobs.objects_at_once", "REGISTRY_JOBS_OBJECTS_AT_ONCE", "", Takes::Whole("objects", 1, 256), Some("8"),
        "objects of one job that are worked on at the same time";

    SIGNING_KEY = "signing.key", "REGISTRY_SIGNING_KEY", "", Takes::Text("key reference"), None,
        "what signs the manifest of each package that is finalized: `file:PATH` or `env:NAME` of a private key, `openbao:MOUNT/NAME`, or `command:PROGRAM`; nothing does, unless it is named";
    SIGNING_SIGNER = "signing.signer", "REGISTRY_SIGNING_SIGNER", "", Takes::Text("name"), Some("registry"),
        "who signs, by the signature's own word";
    SIGNING_PASSPHRASE_REF = "signing.passphrase_ref", "REGISTRY_SIGNING_PASSPHRASE_REF", "", Takes::Text("secret reference"), None,
        "where the passphrase of an encrypted private key is: `file:PATH`, `env:NAME` or `bao:PATH#FIELD`";
    SIGNING_COMMAND_ARGS = "signing.command_args", "REGISTRY_SIGNING_COMMAND_ARGS", "", Takes::Text("words"), None,
        "the arguments of `command:PROGRAM`, between spaces; no shell sees them";
    SIGNING_PUBLIC_KEY = "signing.public_key", "REGISTRY_SIGNING_PUBLIC_KEY", "", Takes::Text("file"), None,
        "the public key that the signatures of `command:PROGRAM` verify with";
    SIGNING_OPENBAO_URL = "signing.openbao_url", "REGISTRY_SIGNING_OPENBAO_URL", "", Takes::Text("URL"), None,
        "where OpenBao is";
    SIGNING_OPENBAO_TOKEN_REF = "signing.openbao_token_ref", "REGISTRY_SIGNING_OPENBAO_TOKEN_REF", "", Takes::Text("secret reference"), None,
        "where the token for OpenBao is, `file:PATH` or `env:NAME`; a file is read anew for each signature";
    SIGNING_OPENBAO_NAMESPACE = "signing.openbao_namespace", "REGISTRY_SIGNING_OPENBAO_NAMESPACE", "", Takes::Text("name"), None,
        "the namespace in OpenBao";
    SIGNING_TIMESTAMP_URLS = "signing.timestamp_urls", "REGISTRY_SIGNING_TIMESTAMP_URLS", "", Takes::Text("URLs"), None,
        "time-stamp authorities (RFC 3161), between spaces, each of which stamps every signature";
    SIGNING_SERVICE_CA = "signing.service_ca", "REGISTRY_SIGNING_SERVICE_CA", "", Takes::Text("file"), None,
        "PEM certificates to trust for OpenBao and time-stamp authorities, besides the system's";
    SIGNING_SERVICE_ALLOW_HTTP = "signing.service_allow_http", "REGISTRY_SIGNING_SERVICE_ALLOW_HTTP", "", Takes::Switch, Some("false"),
        "whether OpenBao and time-stamp authorities on other machines may be asked over plain `http://`";

    CONNECTIONS_AT_ONCE = "connections.at_once", "REGISTRY_CONNECTIONS_AT_ONCE", "", Takes::Whole("connections", 1, 1_000_000), Some("4096"),
        "connections at the same time; a further one waits until another ends";
    CONNECTIONS_PER_PEER = "connections.per_peer", "REGISTRY_CONNECTIONS_PER_PEER", "", Takes::Whole("connections", 1, 1_000_000), Some("2048"),
        "connections of one address, or of one IPv6 network of 64 bits; a further one is closed. Behind a proxy all are of one address";
    CONNECTIONS_HEAD_S = "connections.head_s", "REGISTRY_CONNECTIONS_HEAD_S", "", Takes::Whole("seconds", 1, 3_600), Some("20"),
        "how long a client may take to send the head of a request";
    CONNECTIONS_IDLE_S = "connections.idle_s", "REGISTRY_CONNECTIONS_IDLE_S", "", Takes::Whole("seconds", 1, 3_600), Some("60"),
        "how long a connection is kept of which nothing is asked, or nothing of an answer is taken";

    DOWNLOADS_REDIRECT = "downloads.redirect", "REGISTRY_DOWNLOADS_REDIRECT", "", Takes::OneOf(&["never", "on_request", "by_default"]), Some("never"),
        "whether a download may be answered with a link to the store: never, where the client asks for it, or unless it asks for the bytes";
    DOWNLOADS_LINK_S = "downloads.link_s", "REGISTRY_DOWNLOADS_LINK_S", "", Takes::Whole("seconds", 1, LINK_SECONDS_MAX as u64), Some("60"),
        "how long such a link is good";
    DOWNLOADS_REDIRECT_FROM_BYTES = "downloads.redirect_from_bytes", "REGISTRY_DOWNLOADS_REDIRECT_FROM_BYTES", "", Takes::Whole("bytes", 0, FILE_BYTES_MAX), Some("1048576"),
        "fewer bytes than this are streamed all the same";

    JSON_BYTES_MAX = "limits.json_bytes_max", "REGISTRY_LIMITS_JSON_BYTES_MAX", "", Takes::Whole("bytes", 1_024, 64 << 20), Some("1048576"),
        "a JSON body";
    FILE_BYTES_MAX_KEY = "limits.file_bytes_max", "REGISTRY_LIMITS_FILE_BYTES_MAX", "", Takes::Whole("bytes", 1, FILE_BYTES_MAX), Some("5497558138880"),
        "one file";
    IDLE_BODY_S = "limits.idle_body_s", "REGISTRY_LIMITS_IDLE_BODY_S", "", Takes::Whole("seconds", 1, 3_600), Some("30"),
        "how long a client may take for each next 16 KiB of a file, and for the whole of a JSON body";
    IDLE_READER_S = "limits.idle_reader_s", "REGISTRY_LIMITS_IDLE_READER_S", "", Takes::Whole("seconds", 1, 3_600), Some("60"),
        "how long a client may take nothing of a download, which ends with an error then";
    REQUEST_S = "limits.request_s", "REGISTRY_LIMITS_REQUEST_S", "", Takes::Whole("seconds", 1, 3_600), Some("60"),
        "how long anything but an upload or a download may take";
    REQUESTS_AT_ONCE = "limits.requests_at_once", "REGISTRY_LIMITS_REQUESTS_AT_ONCE", "", Takes::Whole("requests", 1, 100_000), Some("1024"),
        "requests that are worked on at the same time; further ones are told to come again";
    UPLOADS_AT_ONCE = "limits.uploads_at_once", "REGISTRY_LIMITS_UPLOADS_AT_ONCE", "", Takes::Whole("uploads", 1, 10_000), Some("64"),
        "uploads that are worked on at the same time";
    UPLOAD_LIFETIME_S = "limits.upload_lifetime_s", "REGISTRY_LIMITS_UPLOAD_LIFETIME_S", "", Takes::Whole("seconds", 60, 2_592_000), Some("86400"),
        "how long an upload that comes in several requests is waited for after its last byte";
    BUNDLES_AT_ONCE = "limits.bundles_at_once", "REGISTRY_LIMITS_BUNDLES_AT_ONCE", "", Takes::Whole("bundles", 1, 10_000), Some("32"),
        "bundles that are made and sent at the same time; each has a thread of its own, and of 100,000 files 66 MiB of memory";
    PAGE_ENTRIES_MAX = "limits.page_entries_max", "REGISTRY_LIMITS_PAGE_ENTRIES_MAX", "", Takes::Whole("entries", 1, 200), Some("200"),
        "entries of a page";
    DRAIN_S = "limits.drain_s", "REGISTRY_LIMITS_DRAIN_S", "", Takes::Whole("seconds", 1, 3_600), Some("30"),
        "how long what was begun may take after the service was told to stop";

    ALLOW_ADVISORY_LOCK = "retention.allow_advisory_lock", "REGISTRY_RETENTION_ALLOW_ADVISORY_LOCK", "", Takes::Switch, Some("false"),
        "whether a class may have `mode: compliance` in a store whose locks are Strongroom's own, such as a directory: whoever reaches the files can delete them all the same";
}

/// The keys of one retention class.
#[derive(Debug)]
pub struct ClassKeys {
    /// Days; absent for the class without a date.
    pub days: Option<Key>,
    /// The mode of its locks.
    pub mode: Key,
    /// When its objects are locked.
    pub lock: Key,
    /// Whether a lock that does not hold fails the finalizing.
    pub lock_required: Key,
}

macro_rules! class {
    ($class:literal, $environment:literal, $days:expr, $lock:literal) => {
        ClassKeys {
            days: match $days {
                None => None,
                days => Some(Key {
                    setting: Setting {
                        key: concat!("registry.retention.", $class, ".days"),
                        flag: "",
                        environment: &[concat!(
                            "STRONGROOM_REGISTRY_RETENTION_",
                            $environment,
                            "_DAYS"
                        )],
                        default: days,
                    },
                    takes: Takes::Whole("days", 1, LOCK_DAYS_MAX as u64),
                    what: "for how long packages of the class are kept at least",
                }),
            },
            mode: Key {
                setting: Setting {
                    key: concat!("registry.retention.", $class, ".mode"),
                    flag: "",
                    environment: &[concat!(
                        "STRONGROOM_REGISTRY_RETENTION_",
                        $environment,
                        "_MODE"
                    )],
                    default: Some("governance"),
                },
                takes: Takes::OneOf(&["governance", "compliance"]),
                what: "how strongly the store is asked to hold their objects",
            },
            lock: Key {
                setting: Setting {
                    key: concat!("registry.retention.", $class, ".lock"),
                    flag: "",
                    environment: &[concat!(
                        "STRONGROOM_REGISTRY_RETENTION_",
                        $environment,
                        "_LOCK"
                    )],
                    default: Some($lock),
                },
                takes: Takes::OneOf(&["none", "at_finalize", "in_write"]),
                what: "when their objects are locked",
            },
            lock_required: Key {
                setting: Setting {
                    key: concat!("registry.retention.", $class, ".lock_required"),
                    flag: "",
                    environment: &[concat!(
                        "STRONGROOM_REGISTRY_RETENTION_",
                        $environment,
                        "_LOCK_REQUIRED"
                    )],
                    default: Some("false"),
                },
                takes: Takes::Switch,
                what: "whether a package is not finalized where the store does not hold them so",
            },
        }
    };
}

/// The keys of each class, in the order of `RetentionClass::ALL`.
pub const CLASSES: [&ClassKeys; 5] = [
    &class!("transient", "TRANSIENT", Some("7"), "none"),
    &class!("raw-evidence", "RAW_EVIDENCE", Some("183"), "at_finalize"),
    &class!("summary-evidence", "SUMMARY_EVIDENCE", Some("730"), "at_finalize"),
    &class!("release-evidence", "RELEASE_EVIDENCE", Some("2555"), "at_finalize"),
    &class!("permanent-record", "PERMANENT_RECORD", None, "at_finalize"),
];

/// Every key, in the order in which they are shown.
pub fn all() -> impl Iterator<Item = &'static Key> {
    let of_class = |keys: &'static ClassKeys| {
        keys.days.iter().chain([&keys.mode, &keys.lock, &keys.lock_required])
    };
    BESIDES_CLASSES.iter().copied().chain(CLASSES.into_iter().flat_map(of_class))
}
