//! Where a bucket is, and the URLs of what is in it.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::open::{BucketLocation, Location, StoreSettings};
use crate::{ObjectKey, StorageError, StorageErrorKind};

/// Everything but RFC 3986 unreserved characters, as SigV4 wants it: encoded once on the wire,
/// and the signer sees the very same bytes.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const ENCODED_PATH: &AsciiSet = &ENCODED.remove(b'/');

/// The longest name of a bucket that any store has had.
const BUCKET_BYTES_MAX: usize = 255;

/// Where a bucket is.
#[derive(Debug, Clone)]
pub(super) struct Address {
    /// Scheme, host and port, and the path of the bucket; no `/` at the end.
    bucket_url: String,
    /// Empty, or ends with `/`.
    prefix: String,
    /// For people: `s3://bucket/prefix`.
    pub(super) url: String,
    /// Where the store answers, without the bucket.
    pub(super) endpoint: String,
    /// The region that requests are signed for.
    pub(super) region: String,
}

impl Address {
    /// Reads the settings. `region` is what the environment says, where the settings are silent.
    pub(super) fn new(
        settings: &StoreSettings,
        region: impl FnOnce() -> Option<String>,
    ) -> Result<Self, StorageError> {
        let Location::S3(BucketLocation { bucket, prefix }) = Location::parse(&settings.url)?
        else {
            return Err(configuration("the URL of an s3 store starts with `s3://`"));
        };
        let is_name_of_bucket = (3..=BUCKET_BYTES_MAX).contains(&bucket.len())
            && !bucket.contains("..")
            && !bucket.contains('$');
        if !is_name_of_bucket {
            return Err(configuration(
                "the name of a bucket is 3 to 255 letters, digits, `.`, `-` and `_`",
            )
            .with_guidance("write the store as `s3://bucket/prefix`"));
        }
        let region = match (&settings.region, &settings.endpoint) {
            (Some(region), _) => region.clone(),
            (None, Some(_)) => "us-east-1".to_owned(),
            (None, None) => region().ok_or_else(|| {
                configuration("the region of the bucket is not known")
                    .with_guidance("name it, for example `--store-region eu-central-1`")
            })?,
        };
        if !is_name(&region) {
            return Err(configuration("a region is made of letters, digits and `-`"));
        }
        let (endpoint, bucket_url) = match &settings.endpoint {
            Some(endpoint) => {
                let endpoint = server(endpoint, settings.allow_http)?;
                let path_style = settings.path_style.unwrap_or(true);
                let bucket_url = bucket_url_at(&endpoint, &bucket, path_style)?;
                (endpoint.as_str().trim_end_matches('/').to_owned(), bucket_url)
            }
            None => at_aws(&bucket, &region, settings.path_style),
        };
        let url = match prefix.strip_suffix('/') {
            Some(prefix) => format!("s3://{bucket}/{prefix}"),
            None => format!("s3://{bucket}"),
        };
        Ok(Self { bucket_url, prefix, url, endpoint, region })
    }

    /// Where others than we reach the same bucket, by the same settings.
    pub(super) fn public(&self, settings: &StoreSettings) -> Result<Self, StorageError> {
        if settings.public_endpoint.is_none() {
            return Ok(self.clone());
        }
        let settings =
            StoreSettings { endpoint: settings.public_endpoint.clone(), ..settings.clone() };
        let public = Self::new(&settings, || None)?;
        // It is the same bucket, wherever it is asked for.
        Ok(Self { region: self.region.clone(), ..public })
    }

    /// The whole key of an object.
    pub(super) fn whole_key(&self, key: &ObjectKey) -> String {
        format!("{}{key}", self.prefix)
    }

    /// An object of this bucket as the source of a copy (`x-amz-copy-source`).
    pub(super) fn copy_source(&self, key: &ObjectKey) -> String {
        let bucket = self.url.trim_start_matches("s3://").split('/').next().unwrap_or_default();
        let key = self.whole_key(key);
        format!("/{bucket}/{}", utf8_percent_encode(&key, ENCODED_PATH))
    }

    /// The bucket's name.
    pub(super) fn bucket(&self) -> &str {
        let rest = self.url.strip_prefix("s3://").unwrap_or(&self.url);
        rest.split('/').next().unwrap_or_default()
    }

    /// The prefix of every key of this store: empty, or ends with `/`.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The URL of the bucket (`key` is `None`) or of an object, by its whole key.
    pub(super) fn url_of(&self, key: Option<&str>, query: &[(&str, String)]) -> String {
        let mut url = self.bucket_url.clone();
        url.push('/');
        if let Some(key) = key {
            url.extend(utf8_percent_encode(key, ENCODED_PATH));
        }
        for (at, (name, value)) in query.iter().enumerate() {
            url.push(if at == 0 { '?' } else { '&' });
            url.push_str(name);
            if !value.is_empty() {
                url.push('=');
                url.extend(utf8_percent_encode(value, ENCODED));
            }
        }
        url
    }
}

/// The server that an endpoint names.
fn server(endpoint: &str, allow_http: bool) -> Result<url::Url, StorageError> {
    let url = match endpoint.split_once("://") {
        Some(("http", _)) if !allow_http => {
            return Err(configuration("the endpoint is plain http").with_guidance(
                "use an https endpoint, or allow http with `--store-allow-http` on a network you trust",
            ));
        }
        Some(("http" | "https", _)) => url::Url::parse(endpoint).ok(),
        _ => None,
    };
    let good = |url: &url::Url| {
        url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    };
    url.filter(good).ok_or_else(|| {
        configuration("the endpoint is not the URL of a server").with_guidance(
            "write it with its scheme and without a bucket, for example `https://s3.example.org`",
        )
    })
}

fn bucket_url_at(
    server: &url::Url,
    bucket: &str,
    path_style: bool,
) -> Result<String, StorageError> {
    let mut url = server.clone();
    if !path_style {
        let host = format!("{bucket}.{}", url.host_str().unwrap_or_default());
        url.set_host(Some(&host)).map_err(|error| {
            configuration("the name of the bucket cannot be part of the endpoint's host name")
                .with_guidance("use path style: `--store-path-style true`")
                .with_source(error)
        })?;
    }
    let base = url.as_str().trim_end_matches('/');
    Ok(if path_style { format!("{base}/{bucket}") } else { base.to_owned() })
}

/// The endpoint of a region, and the URL of a bucket there.
fn at_aws(bucket: &str, region: &str, path_style: Option<bool>) -> (String, String) {
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let endpoint = format!("https://s3.{region}.{domain}");
    // A dot in the bucket's name does not match the wildcard certificate.
    let bucket_url = match path_style.unwrap_or(bucket.contains('.')) {
        true => format!("{endpoint}/{bucket}"),
        false => format!("https://{bucket}.s3.{region}.{domain}"),
    };
    (endpoint, bucket_url)
}

/// Whether a text is a plain name: letters, digits and `-`.
pub(super) fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn configuration(message: &'static str) -> StorageError {
    StorageError::new(StorageErrorKind::Configuration, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str, endpoint: Option<&str>) -> StoreSettings {
        StoreSettings {
            url: url.to_owned(),
            endpoint: endpoint.map(str::to_owned),
            allow_http: true,
            ..StoreSettings::default()
        }
    }

    fn address(settings: &StoreSettings) -> Result<Address, StorageError> {
        Address::new(settings, || None)
    }

    #[test]
    fn a_named_endpoint_is_path_style_and_in_us_east_1() {
        let address = address(&settings("s3://bucket/a/b/", Some("http://host:7480/"))).unwrap();
        assert_eq!(address.url, "s3://bucket/a/b");
        assert_eq!(address.endpoint, "http://host:7480");
        assert_eq!(address.region, "us-east-1");
        assert_eq!(
            address.url_of(Some("a/b/x"), &[("versionId", "v+1".into()), ("retention", "".into())]),
            "http://host:7480/bucket/a/b/x?versionId=v%2B1&retention"
        );
        assert_eq!(address.url_of(None, &[]), "http://host:7480/bucket/");
    }

    #[test]
    fn aws_is_asked_by_virtual_host_unless_the_bucket_has_a_dot() {
        let mut settings = settings("s3://my.bucket", None);
        settings.region = Some("eu-central-1".to_owned());
        let dotted = address(&settings).unwrap();
        assert_eq!(
            dotted.url_of(Some("k"), &[]),
            "https://s3.eu-central-1.amazonaws.com/my.bucket/k"
        );
        settings.url = "s3://bucket".to_owned();
        let plain = address(&settings).unwrap();
        assert_eq!(plain.url_of(Some("k"), &[]), "https://bucket.s3.eu-central-1.amazonaws.com/k");
        assert_eq!(plain.endpoint, "https://s3.eu-central-1.amazonaws.com");
    }

    #[test]
    fn a_virtual_host_can_be_asked_for() {
        let mut settings = settings("s3://bucket", Some("https://s3.example.org:8443"));
        settings.path_style = Some(false);
        let address = address(&settings).unwrap();
        assert_eq!(address.url_of(Some("k"), &[]), "https://bucket.s3.example.org:8443/k");
        assert_eq!(address.endpoint, "https://s3.example.org:8443");
    }

    #[test]
    fn a_public_endpoint_is_another_way_to_the_same_bucket() {
        let mut settings = settings("s3://bucket/p", Some("http://10.0.0.1:7480"));
        settings.region = Some("eu-west-1".to_owned());
        let private = address(&settings).unwrap();
        let url_of = |address: &Address| address.url_of(Some("p/k"), &[]);
        assert_eq!(url_of(&private.public(&settings).unwrap()), url_of(&private));
        settings.public_endpoint = Some("https://s3.example.org".to_owned());
        let public = private.public(&settings).unwrap();
        assert_eq!(url_of(&public), "https://s3.example.org/bucket/p/k");
        assert_eq!((public.region.as_str(), public.url.as_str()), ("eu-west-1", "s3://bucket/p"));
        settings.path_style = Some(false);
        let public = private.public(&settings).unwrap();
        assert_eq!(url_of(&public), "https://bucket.s3.example.org/p/k");
        settings.allow_http = false;
        settings.public_endpoint = Some("http://s3.example.org".to_owned());
        assert_eq!(private.public(&settings).unwrap_err().kind(), StorageErrorKind::Configuration);
    }

    #[test]
    fn every_byte_of_a_key_but_the_unreserved_ones_is_encoded_once() {
        let address = address(&settings("s3://bucket", Some("http://host"))).unwrap();
        assert_eq!(
            address.url_of(Some("runs/a%2Fb/sha256:x é+&=?#~.ref"), &[]),
            "http://host/bucket/runs/a%252Fb/sha256%3Ax%20%C3%A9%2B%26%3D%3F%23~.ref"
        );
    }

    #[test]
    fn settings_that_cannot_work_are_refused_with_guidance() {
        for (url, endpoint) in [
            ("s3://bucket", Some("host:7480")),
            ("s3://bucket", Some("ftp://host")),
            ("s3://bucket", Some("https://user:secret@host")),
            ("s3://bucket", Some("https://")),
            ("s3://b", Some("https://host")),
            ("s3://", Some("https://host")),
            ("s3://buc ket", Some("https://host")),
        ] {
            let error = address(&settings(url, endpoint)).unwrap_err();
            assert_eq!(error.kind(), StorageErrorKind::Configuration, "{url} {endpoint:?}");
            assert!(error.guidance().is_some(), "{url} {endpoint:?}");
            assert!(!error.to_string().contains("secret"));
        }
    }

    #[test]
    fn plain_http_must_be_allowed() {
        let mut settings = settings("s3://bucket", Some("http://host"));
        settings.allow_http = false;
        let error = address(&settings).unwrap_err();
        assert_eq!(error.to_string(), "the endpoint is plain http");
    }

    #[test]
    fn without_endpoint_and_region_the_environment_is_asked() {
        let settings = settings("s3://bucket", None);
        let named = Address::new(&settings, || Some("eu-west-1".to_owned())).unwrap();
        assert_eq!(named.region, "eu-west-1");
        assert_eq!(
            address(&settings).unwrap_err().to_string(),
            "the region of the bucket is not known"
        );
    }
}
