//! Where a container is, and the URLs of what is in it.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::{Host, Url};

use crate::open::{BucketLocation, Location, StoreSettings};
use crate::{ObjectKey, StorageError, StorageErrorKind};

/// Everything but RFC 3986 unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const ENCODED_PATH: &AsciiSet = &ENCODED.remove(b'/');

/// Where a container is.
#[derive(Debug, Clone)]
pub(super) struct Address {
    /// Scheme, host and port, and the path of the container; no `/` at the end.
    container_url: String,
    /// Empty, or ends with `/`.
    prefix: String,
    /// For people: `az://container/prefix`.
    pub(super) url: String,
    /// Where the account answers.
    pub(super) endpoint: String,
    /// The storage account.
    pub(super) account: String,
}

impl Address {
    /// Reads the settings. `account` is what the environment says, where the settings are silent.
    pub(super) fn new(
        settings: &StoreSettings,
        account: Option<String>,
    ) -> Result<Self, StorageError> {
        let Location::Azure(BucketLocation { bucket, prefix }) = Location::parse(&settings.url)?
        else {
            return Err(configuration("the URL of an Azure store starts with `az://`"));
        };
        let given = settings.credentials.as_ref().map(|given| given.access_key.clone());
        let account = given.or(account).ok_or_else(|| {
            configuration("the storage account is not known")
                .with_guidance("set AZURE_STORAGE_ACCOUNT, or give its name as the access key")
        })?;
        if !account.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
            return Err(configuration(
                "the name of a storage account is lower-case letters and digits",
            ));
        }
        let endpoint = match &settings.endpoint {
            Some(endpoint) => endpoint_of(endpoint, settings, &account)?,
            None => format!("https://{account}.blob.core.windows.net"),
        };
        let url = match prefix.strip_suffix('/') {
            Some(prefix) => format!("az://{bucket}/{prefix}"),
            None => format!("az://{bucket}"),
        };
        let container_url = format!("{endpoint}/{bucket}");
        Ok(Self { container_url, prefix, url, endpoint, account })
    }

    /// Where others than we reach the same container, by the same settings.
    pub(super) fn public(&self, settings: &StoreSettings) -> Result<Self, StorageError> {
        if settings.public_endpoint.is_none() {
            return Ok(self.clone());
        }
        let settings =
            StoreSettings { endpoint: settings.public_endpoint.clone(), ..settings.clone() };
        Self::new(&settings, Some(self.account.clone()))
    }

    /// The name of a blob as signatures have it, wherever it is asked for.
    pub(super) fn signed_name(&self, whole_key: &str) -> String {
        let container = self.url.trim_start_matches("az://").split('/').next().unwrap_or_default();
        format!("/blob/{}/{container}/{whole_key}", self.account)
    }

    /// The whole key of an object.
    pub(super) fn whole_key(&self, key: &ObjectKey) -> String {
        format!("{}{key}", self.prefix)
    }

    /// The prefix of every key of this store: empty, or ends with `/`.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The URL of the container (`key` is `None`) or of a blob, by its whole key.
    pub(super) fn url_of(&self, key: Option<&str>, query: &[(&str, String)]) -> String {
        let mut url = self.container_url.clone();
        if let Some(key) = key {
            url.push('/');
            url.extend(utf8_percent_encode(key, ENCODED_PATH));
        }
        for (at, (name, value)) in query.iter().enumerate() {
            url.push(if at == 0 { '?' } else { '&' });
            url.push_str(name);
            url.push('=');
            url.extend(utf8_percent_encode(value, ENCODED));
        }
        url
    }
}

/// The URL of the account. A server that is named by its address cannot have the account in its
/// name (Azurite), so there it is the first segment of the path.
fn endpoint_of(
    endpoint: &str,
    settings: &StoreSettings,
    account: &str,
) -> Result<String, StorageError> {
    let url = match endpoint.split_once("://") {
        Some(("http", _)) if !settings.allow_http => {
            return Err(configuration("the endpoint is plain http").with_guidance(
                "use an https endpoint, or allow http with `--store-allow-http` on a network you \
                 trust",
            ));
        }
        Some(("http" | "https", _)) => Url::parse(endpoint).ok(),
        _ => None,
    };
    let good = |url: &Url| {
        url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    };
    let url = url.filter(good).ok_or_else(|| {
        configuration("the endpoint is not the URL of a storage account").with_guidance(
            "write it with its scheme and without a container or a token, for example \
             `https://account.blob.core.windows.net`",
        )
    })?;
    let is_address = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
        None => false,
    };
    let base = url.as_str().trim_end_matches('/');
    let is_bare = url.path().trim_matches('/').is_empty();
    match settings.path_style.unwrap_or(is_address) && is_bare {
        true => Ok(format!("{base}/{account}")),
        false => Ok(base.to_owned()),
    }
}

fn configuration(message: &'static str) -> StorageError {
    StorageError::new(StorageErrorKind::Configuration, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str, endpoint: Option<&str>) -> Result<Address, StorageError> {
        let settings = StoreSettings {
            url: url.to_owned(),
            endpoint: endpoint.map(str::to_owned),
            allow_http: true,
            ..StoreSettings::default()
        };
        Address::new(&settings, Some("account".to_owned()))
    }

    #[test]
    fn an_account_is_a_host_at_azure_and_a_path_at_an_address() {
        let url = |endpoint| address("az://box/p", endpoint).unwrap().url_of(Some("p/a b"), &[]);
        assert_eq!(url(None), "https://account.blob.core.windows.net/box/p/a%20b");
        assert_eq!(
            url(Some("http://127.0.0.1:10000")),
            "http://127.0.0.1:10000/account/box/p/a%20b"
        );
        let whole = Some("http://localhost:10000/account/");
        assert_eq!(url(whole), "http://localhost:10000/account/box/p/a%20b");
        assert_eq!(url(Some("https://blobs.example.org")), "https://blobs.example.org/box/p/a%20b");
    }

    #[test]
    fn a_public_endpoint_is_another_way_to_the_same_container() {
        let mut settings = StoreSettings {
            url: "az://box/p".to_owned(),
            endpoint: Some("http://127.0.0.1:10000".to_owned()),
            allow_http: true,
            ..StoreSettings::default()
        };
        let private = Address::new(&settings, Some("account".to_owned())).unwrap();
        let own = private.public(&settings).unwrap();
        assert_eq!(own.url_of(Some("p/a"), &[]), "http://127.0.0.1:10000/account/box/p/a");
        settings.public_endpoint = Some("https://blobs.example.org".to_owned());
        let public = private.public(&settings).unwrap();
        assert_eq!(public.url_of(Some("p/a"), &[]), "https://blobs.example.org/box/p/a");
        assert_eq!(public.signed_name("p/a b"), "/blob/account/box/p/a b");
    }

    #[test]
    fn settings_that_cannot_work_are_refused_without_echo() {
        for (url, endpoint) in [
            ("s3://box", None),
            ("az://box", Some("127.0.0.1:10000")),
            ("az://box", Some("https://account:secret@host")),
            ("az://box", Some("https://host/?sig=secret")),
        ] {
            let refused = address(url, endpoint).unwrap_err();
            assert_eq!(refused.kind(), StorageErrorKind::Configuration, "{url} {endpoint:?}");
            assert!(!refused.to_string().contains("secret"));
        }
        let nobody = StoreSettings { url: "az://box".to_owned(), ..StoreSettings::default() };
        assert!(Address::new(&nobody, None).unwrap_err().guidance().is_some());
    }
}
