//! Every setting: its key in `strongroom.yaml`, its flag, its environment names, its default.

use std::fmt;
use std::path::PathBuf;

/// One setting.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// The key in `strongroom.yaml`, dotted.
    pub key: &'static str,
    /// The id of its flag in the command tree; empty where it has none.
    pub flag: &'static str,
    /// Its environment names, the strongest first. The first one is also read by the flag.
    pub environment: &'static [&'static str],
    /// Its value where nobody says anything.
    pub default: Option<&'static str>,
}

impl Setting {
    /// Whether it says how to talk to a store, or where in it everything goes; not which store.
    pub fn is_of_a_store(&self) -> bool {
        self.key.starts_with("store.") && *self != URL && *self != BUCKET
    }

    /// Whether it says how a registry works.
    pub fn is_of_the_registry(&self) -> bool {
        self.key.starts_with("registry.")
    }

    /// The name of its flag, without dashes: the key's words, as in the environment.
    pub fn flag_name(&self) -> String {
        match self.key {
            "store.url" => "store".to_owned(),
            "store.ca_file" => "store-ca".to_owned(),
            "registry.worker_listen" => "listen".to_owned(),
            key => match key.strip_prefix("push.").or_else(|| key.strip_prefix("registry.")) {
                Some(name) => name.replace('_', "-"),
                None => key.replace(['.', '_'], "-"),
            },
        }
    }
}

macro_rules! settings {
    ($($name:ident = $key:literal, $flag:literal, [$($environment:literal),*], $default:expr;)*) => {
        $(
            #[doc = concat!("`", $key, "`")]
            pub const $name: Setting = Setting {
                key: $key,
                flag: $flag,
                environment: &[$($environment),*],
                default: $default,
            };
        )*
        /// Every setting, in the order in which they are shown.
        pub const ALL: &[Setting] = &[$($name),*];
    };
}

settings! {
    URL = "store.url", "store", ["STRONGROOM_STORE_URL"], None;
    ENDPOINT = "store.endpoint", "endpoint",
        ["STRONGROOM_STORE_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"], None;
    BUCKET = "store.bucket", "bucket", ["STRONGROOM_STORE_BUCKET"], None;
    REGION = "store.region", "region",
        ["STRONGROOM_STORE_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"], None;
    PREFIX = "store.prefix", "prefix", ["STRONGROOM_STORE_PREFIX"], None;
    PATH_STYLE = "store.path_style", "path_style", ["STRONGROOM_STORE_PATH_STYLE"], None;
    ALLOW_HTTP = "store.allow_http", "allow_http", ["STRONGROOM_STORE_ALLOW_HTTP"], Some("false");
    CA_FILE = "store.ca_file", "ca_file", ["STRONGROOM_STORE_CA", "AWS_CA_BUNDLE"], None;
    PUBLIC_ENDPOINT = "store.public_endpoint", "public_endpoint",
        ["STRONGROOM_STORE_PUBLIC_ENDPOINT"], None;
    SSE = "store.sse", "sse", ["STRONGROOM_STORE_SSE"], None;
    KMS_KEY_ID = "store.kms_key_id", "kms_key_id", ["STRONGROOM_STORE_KMS_KEY_ID"], None;
    STORAGE_CLASS = "store.storage_class", "storage_class",
        ["STRONGROOM_STORE_STORAGE_CLASS"], None;
    PROFILE = "store.profile", "profile", ["STRONGROOM_STORE_PROFILE"], None;
    ACCESS_KEY_REF = "store.access_key_ref", "access_key_ref",
        ["STRONGROOM_STORE_ACCESS_KEY_REF"], None;
    SECRET_KEY_REF = "store.secret_key_ref", "secret_key_ref",
        ["STRONGROOM_STORE_SECRET_KEY_REF"], None;
    AUTO_PUSH = "push.auto_push", "auto_push", ["STRONGROOM_PUSH_AUTO_PUSH"], Some("false");
    VERIFY_ON_PUSH = "push.verify_on_push", "verify_on_push",
        ["STRONGROOM_PUSH_VERIFY_ON_PUSH"], Some("true");
    LOCK = "push.lock", "lock", ["STRONGROOM_PUSH_LOCK"], Some("governance");
    ALLOW_UNLOCKED = "push.allow_unlocked", "allow_unlocked",
        ["STRONGROOM_PUSH_ALLOW_UNLOCKED"], Some("false");
}

/// Whose word a configuration file is. The later one beats the earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// The user's own: named, or in the configuration directory.
    Own,
    /// Found in the working directory: anybody may have written it.
    Found,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// A configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// Whose word it is.
        kind: FileKind,
        /// The line, from 1.
        line: u64,
    },
    /// A variable of the environment.
    Environment(String),
    /// A flag.
    Flag(String),
}

impl Origin {
    /// The stronger layer has the higher rank.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Default => 0,
            Self::File { kind: FileKind::Own, .. } => 1,
            Self::File { kind: FileKind::Found, .. } => 2,
            Self::Environment(_) => 3,
            Self::Flag(_) => 4,
        }
    }

    /// Whether it is a file that was found in the working directory.
    pub fn is_found(&self) -> bool {
        matches!(self, Self::File { kind: FileKind::Found, .. })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line, .. } => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag --{name}"),
        }
    }
}

/// A value, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}
