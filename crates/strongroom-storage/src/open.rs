//! A URL and settings become a [`Storage`](crate::Storage).

use std::fmt;
use std::path::PathBuf;

/// Everything that says where a store is and how to talk to it.
#[derive(Debug, Clone, Default)]
pub struct StoreSettings {
    /// `s3://bucket/prefix`, `az://container/prefix`, `file:///absolute/path`, `memory://`.
    pub url: String,
    /// The S3 or Azure endpoint, with its scheme. Without one it is the provider's own.
    pub endpoint: Option<String>,
    /// The S3 region that requests are signed for.
    pub region: Option<String>,
    /// `endpoint/bucket/key` instead of `bucket.endpoint/key`. Without a word: path style where an
    /// endpoint is named, virtual hosts at AWS.
    pub path_style: Option<bool>,
    /// Whether an `http://` endpoint is accepted.
    pub allow_http: bool,
    /// A file of PEM certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Encryption to ask for with each write.
    pub encryption: Option<ServerSideEncryption>,
    /// Storage class to ask for with each write.
    pub storage_class: Option<String>,
    /// The profile in `~/.aws` to take credentials from.
    pub profile: Option<String>,
    /// Credentials given outright; without them the provider's usual chain is asked.
    pub credentials: Option<StaticCredentials>,
}

/// Encryption at rest to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerSideEncryption {
    /// `AES256`: the store's own keys.
    Aes256,
    /// `aws:kms`, with a key or the store's default key.
    Kms {
        /// The key's id or ARN.
        key_id: Option<String>,
    },
}

/// An access key and its secret: for Azure, the account's name and its key.
#[derive(Debug, Clone)]
pub struct StaticCredentials {
    /// S3 access key id, or Azure account name.
    pub access_key: String,
    /// S3 secret access key, or Azure account key.
    pub secret_key: Secret,
    /// The token of temporary credentials.
    pub session_token: Option<Secret>,
}

/// A text that never shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}
