//! A URL and settings become a [`Storage`].

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use strongroom_core::receipt::EnforcedBy;

use crate::azure::AzureStorage;
use crate::fs::FsStorage;
use crate::memory::MemoryStorage;
use crate::s3::S3Storage;
use crate::{Clock, ObjectKey, Storage, StorageError, StorageErrorKind};

/// Everything that says where a store is and how to talk to it.
#[derive(Debug, Clone, Default)]
pub struct StoreSettings {
    /// `s3://bucket/prefix`, `az://container/prefix`, `file:///absolute/path`, `memory://`.
    pub url: String,
    /// The S3 or Azure endpoint, with its scheme. Without one it is the provider's own.
    pub endpoint: Option<String>,
    /// Where others reach the same store, for the links that they are given. Without one it is the endpoint.
    pub public_endpoint: Option<String>,
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

/// Opens the store that `settings` name.
///
/// `Configuration` when they cannot work: an unknown scheme, no bucket, secrets in the URL.
/// Whether the store answers is not asked here. Every `memory://` is a new and empty store.
pub async fn open(
    settings: &StoreSettings,
    clock: Clock,
) -> Result<Arc<dyn Storage>, StorageError> {
    match Location::parse(&settings.url)? {
        Location::Memory => Ok(Arc::new(MemoryStorage::new(clock))),
        Location::File(root) => Ok(Arc::new(FsStorage::open(&root, clock)?)),
        Location::S3(_) => Ok(Arc::new(S3Storage::connect(settings, clock).await?)),
        Location::Azure(_) => Ok(Arc::new(AzureStorage::connect(settings, clock).await?)),
    }
}

/// What a store's URL names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// `s3://bucket/prefix`
    S3(BucketLocation),
    /// `az://container/prefix`
    Azure(BucketLocation),
    /// `file:///absolute/path`
    File(PathBuf),
    /// `memory://`
    Memory,
}

/// A bucket, or a container, and where in it everything goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketLocation {
    /// The bucket's or container's name.
    pub bucket: String,
    /// What every key starts with: empty, or segments of which each ends with `/`.
    pub prefix: String,
}

impl Location {
    /// Reads a store's URL. Prefixes are taken as they are; the path of a `file:` URL is
    /// percent-decoded (RFC 8089).
    pub fn parse(url: &str) -> Result<Self, StorageError> {
        let (scheme, rest) = url.split_once("://").ok_or_else(unknown_scheme)?;
        if rest.contains(['?', '#']) {
            return Err(configuration("a store's URL has no query and no fragment")
                .with_guidance("endpoint, region and the like are settings of their own"));
        }
        if rest.chars().any(char::is_control) {
            return Err(configuration("a store's URL has no control characters"));
        }
        match scheme {
            "s3" => Ok(Self::S3(BucketLocation::parse(rest)?)),
            "az" => Ok(Self::Azure(BucketLocation::parse(rest)?)),
            "file" => Ok(Self::File(parse_file(rest)?)),
            "memory" if matches!(rest, "" | "/") => Ok(Self::Memory),
            "memory" => Err(configuration("a store in memory has no name: it is `memory://`")),
            _ => Err(unknown_scheme()),
        }
    }

    /// Whose business the locks of such a store are: what [`Storage::locks_enforced_by`] says once it is open.
    pub fn locks_enforced_by(&self) -> EnforcedBy {
        match self {
            Self::S3(_) | Self::Azure(_) => EnforcedBy::Store,
            Self::File(_) | Self::Memory => EnforcedBy::Strongroom,
        }
    }
}

impl BucketLocation {
    fn parse(rest: &str) -> Result<Self, StorageError> {
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.contains('@') {
            return Err(configuration("a store's URL holds no user and no secret").with_guidance(
                "give credentials in the environment, in a profile, or as references in the file",
            ));
        }
        if bucket.is_empty() {
            return Err(configuration("the store's URL names no bucket")
                .with_guidance("write s3://bucket/prefix or az://container/prefix"));
        }
        let named = bucket
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'$'));
        if !named {
            return Err(configuration("the store's URL names a bucket that cannot be")
                .with_guidance("a host and port are given as the endpoint, not in the URL"));
        }
        Ok(Self { bucket: bucket.to_owned(), prefix: parse_prefix(prefix)? })
    }
}

fn parse_prefix(prefix: &str) -> Result<String, StorageError> {
    let trimmed = prefix.trim_matches('/');
    if trimmed.is_empty() {
        return Ok(String::new());
    }
    ObjectKey::new(trimmed).map_err(|refused| {
        configuration("the prefix in the store's URL cannot be a part of a key")
            .with_guidance("a prefix is segments joined by `/`, none empty, `.` or `..`")
            .with_source(refused)
    })?;
    Ok(format!("{trimmed}/"))
}

fn parse_file(rest: &str) -> Result<PathBuf, StorageError> {
    let decoded = percent_decode_str(rest)
        .decode_utf8()
        .map_err(|broken| configuration("the file: URL is not UTF-8").with_source(broken))?;
    let guidance = "write file:///absolute/path, with three slashes";
    if !decoded.starts_with('/') {
        return Err(configuration("the path of a file: URL is absolute and names no host")
            .with_guidance(guidance));
    }
    let path = decoded.trim_end_matches('/');
    if path.is_empty() || path.contains('\0') {
        return Err(configuration("the file: URL names no directory").with_guidance(guidance));
    }
    Ok(PathBuf::from(path))
}

fn unknown_scheme() -> StorageError {
    configuration("the store's URL has an unknown scheme").with_guidance(
        "it is one of s3://bucket/prefix, az://container/prefix, file:///path, memory://",
    )
}

fn configuration(message: &'static str) -> StorageError {
    StorageError::new(StorageErrorKind::Configuration, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(bucket: &str, prefix: &str) -> BucketLocation {
        BucketLocation { bucket: bucket.to_owned(), prefix: prefix.to_owned() }
    }

    #[test]
    fn urls_name_a_bucket_and_a_prefix() {
        let parsed = |url| Location::parse(url).expect("a location");
        assert_eq!(parsed("s3://b"), Location::S3(bucket("b", "")));
        assert_eq!(parsed("s3://b/"), Location::S3(bucket("b", "")));
        assert_eq!(parsed("s3://b/team a/x/"), Location::S3(bucket("b", "team a/x/")));
        assert_eq!(parsed("az://$root/p%20q"), Location::Azure(bucket("$root", "p%20q/")));
        assert_eq!(parsed("memory://"), Location::Memory);
    }

    #[test]
    fn a_file_url_is_an_absolute_path() {
        let parsed = |url| Location::parse(url).expect("a location");
        assert_eq!(parsed("file:///data/a%20b/"), Location::File("/data/a b".into()));
        assert_eq!(parsed("file:///data/a b"), Location::File("/data/a b".into()));
    }

    #[test]
    fn urls_that_cannot_work_are_refused_with_guidance_and_without_echo() {
        for url in [
            "",
            "bucket/secretive",
            "gs://secretive",
            "S3://secretive",
            "s3://",
            "s3:///secretive",
            "s3://secretive:secretive@bucket/p",
            "s3://secretive:9000/bucket",
            "s3://bucket/p?secretive=1",
            "s3://bucket/p#secretive",
            "s3://bucket/a//secretive",
            "s3://bucket/../secretive",
            "file://secretive/path",
            "file://./secretive",
            "file://",
            "file:///",
            "file:///%ff/secretive",
            "file:///a%00secretive",
            "file:/secretive",
        ] {
            let refused = Location::parse(url).expect_err(url);
            assert_eq!(refused.kind(), StorageErrorKind::Configuration, "{url}");
            let told = format!("{refused} {:?}", refused.guidance());
            assert!(!told.contains("secretive"), "{url}: {told}");
        }
    }

    #[tokio::test]
    async fn whose_business_locks_are_is_known_by_the_url_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = format!("file://{}", folder.path().display());
        for (url, enforced_by) in [
            ("s3://evidence", EnforcedBy::Store),
            ("az://evidence", EnforcedBy::Store),
            (folder.as_str(), EnforcedBy::Strongroom),
            ("memory://", EnforcedBy::Strongroom),
        ] {
            assert_eq!(Location::parse(url).expect(url).locks_enforced_by(), enforced_by, "{url}");
            let credentials = StaticCredentials {
                access_key: "devstoreaccount1".to_owned(),
                secret_key: Secret("a2V5".to_owned()),
                session_token: None,
            };
            let endpoint = url.starts_with(['s', 'a']).then(|| "https://127.0.0.1:1".to_owned());
            let settings = StoreSettings {
                url: url.to_owned(),
                endpoint,
                credentials: Some(credentials),
                ..StoreSettings::default()
            };
            let opened = open(&settings, Clock::system()).await.expect(url);
            assert_eq!(opened.locks_enforced_by(), enforced_by, "{url}");
        }
    }

    #[tokio::test]
    async fn every_store_in_memory_is_new() {
        let settings = StoreSettings { url: "memory://".to_owned(), ..StoreSettings::default() };
        let store = open(&settings, Clock::system()).await.expect("a store");
        assert_eq!(store.url(), "memory://");
        assert_eq!(store.locks_enforced_by(), Location::Memory.locks_enforced_by());
        let key = ObjectKey::new("a").expect("a key");
        store.create(&key, bytes::Bytes::from("x").into(), &Default::default()).await.expect("new");
        let other = open(&settings, Clock::system()).await.expect("a store");
        let absent = other.head(&key, None).await.expect_err("nothing there");
        assert_eq!(absent.kind(), StorageErrorKind::NotFound);
    }
}
