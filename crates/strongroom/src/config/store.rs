//! Which store, out of everything that is configured.

use strongroom_storage::StorageError;
use strongroom_storage::open::{
    Location, Secret, ServerSideEncryption, StaticCredentials, StoreSettings,
};

use super::Config;
use super::secret_reference::SecretReference;
use super::settings::{self, Origin, Setting, Sourced};
use crate::failure::Failure;

const ACCESS_KEY: &str = "STRONGROOM_STORE_ACCESS_KEY";
const SECRET_KEY: &str = "STRONGROOM_STORE_SECRET_KEY";
const SESSION_TOKEN: &str = "STRONGROOM_STORE_SESSION_TOKEN";

/// The store that is configured.
#[derive(Debug)]
pub enum StoreChoice {
    /// Somebody named it.
    Named(Box<StoreSettings>),
    /// Nobody did: the embedded store in the user's data directory.
    Embedded(Box<StoreSettings>),
}

impl Config {
    /// The store to talk to. Fetches the secrets that references name.
    pub async fn store(&self) -> Result<StoreChoice, Failure> {
        let Some(url) = self.store_url()? else {
            let settings = StoreSettings { url: self.embedded_url()?, ..StoreSettings::default() };
            return Ok(StoreChoice::Embedded(Box::new(settings)));
        };
        self.refuse_found_way_to_azure(&url)?;
        let settings = StoreSettings {
            url: url.value,
            endpoint: self.endpoint(&settings::ENDPOINT)?,
            public_endpoint: self.endpoint(&settings::PUBLIC_ENDPOINT)?,
            region: self.text(&settings::REGION),
            path_style: self.switch(&settings::PATH_STYLE)?,
            allow_http: self.switch(&settings::ALLOW_HTTP)?.unwrap_or(false),
            ca_file: self.text(&settings::CA_FILE).map(Into::into),
            encryption: self.encryption()?,
            storage_class: self.text(&settings::STORAGE_CLASS),
            profile: self.text(&settings::PROFILE),
            credentials: self.credentials().await?,
        };
        Ok(StoreChoice::Named(Box::new(settings)))
    }

    /// The whole URL, put together from `url` or `bucket`, and `prefix`. A part from a weaker layer
    /// than the one that says which store never changes what that one says.
    pub fn store_url(&self) -> Result<Option<Sourced<String>>, Failure> {
        let url = self.get(&settings::URL);
        let bucket = self.get(&settings::BUCKET);
        let base = match (url, bucket) {
            (None, None) => return Ok(None),
            (Some(url), None) => url,
            (None, Some(bucket)) => of_bucket(bucket),
            (Some(url), Some(bucket)) if url.origin.rank() > bucket.origin.rank() => url,
            (Some(url), Some(bucket)) if url.origin.rank() < bucket.origin.rank() => {
                of_bucket(bucket)
            }
            (Some(url), Some(bucket)) => {
                return Err(Failure::usage(format!(
                    "the store is named twice: by {} and by {}",
                    url.origin, bucket.origin
                ))
                .with_help("keep one of the two"));
            }
        };
        let location = Location::parse(&base.value);
        location.map_err(|error| unusable_url(&error, &base.origin))?;
        let prefix = self.get(&settings::PREFIX);
        let prefix = prefix.filter(|prefix| prefix.origin.rank() >= base.origin.rank());
        let Some(prefix) = prefix else { return Ok(Some(base)) };
        let whole =
            format!("{}/{}", base.value.trim_end_matches('/'), prefix.value.trim_matches('/'));
        Ok(Some(Sourced { value: whole, origin: base.origin }))
    }

    /// The embedded store's URL.
    pub fn embedded_url(&self) -> Result<String, Failure> {
        if self.environment.says_yes("CI") {
            return Err(Failure::usage(
                "no store is named, and CI is set: what is kept on a build machine is lost",
            )
            .with_help("name one: --store s3://BUCKET/PREFIX, or STRONGROOM_STORE_URL"));
        }
        let data = self.directories.data.as_ref().ok_or_else(|| {
            Failure::usage("no store is named, and there is no home directory for the embedded one")
                .with_help("name one: --store s3://BUCKET/PREFIX, or file:///DIRECTORY")
        })?;
        file_url(&data.join("store"))
    }

    fn endpoint(&self, setting: &Setting) -> Result<Option<String>, Failure> {
        let Some(endpoint) = self.get(setting) else { return Ok(None) };
        refuse_credentials_in(setting, &endpoint)?;
        Ok(Some(endpoint.value))
    }

    /// Azure's tokens and signatures are sent as they are, so whoever says where to, or whom to
    /// trust on the way, could have them, and whoever says where links lead, the links. What a
    /// signed request to S3 holds, or a link to it, is of no use elsewhere.
    fn refuse_found_way_to_azure(&self, url: &Sourced<String>) -> Result<(), Failure> {
        if !matches!(Location::parse(&url.value), Ok(Location::Azure(_))) {
            return Ok(());
        }
        for setting in [settings::ENDPOINT, settings::PUBLIC_ENDPOINT, settings::CA_FILE] {
            if let Some(found) = self.get(&setting).filter(|sourced| sourced.origin.is_found()) {
                return Err(Failure::usage(format!(
                    "{} ({}): a file that was found in the working directory says nothing of how \
                     to reach Azure",
                    setting.key, found.origin
                ))
                .with_help(
                    "name the file with --config, or say it by a flag, in the environment or in \
                     your own configuration",
                ));
            }
        }
        Ok(())
    }

    fn encryption(&self) -> Result<Option<ServerSideEncryption>, Failure> {
        let key = self.get(&settings::KMS_KEY_ID);
        let Some(sse) = self.get(&settings::SSE) else {
            return match key {
                None => Ok(None),
                Some(key) => Err(Failure::usage(format!(
                    "store.kms_key_id ({}) goes with store.sse `aws:kms`",
                    key.origin
                ))),
            };
        };
        match (sse.value.as_str(), key) {
            ("AES256", None) => Ok(Some(ServerSideEncryption::Aes256)),
            ("AES256", Some(key)) => Err(Failure::usage(format!(
                "store.kms_key_id ({}) goes with store.sse `aws:kms`",
                key.origin
            ))),
            ("aws:kms", key) => {
                let key_id = key.map(|key| key.value);
                Ok(Some(ServerSideEncryption::Kms { key_id }))
            }
            _ => {
                Err(Failure::usage(format!("store.sse is `AES256` or `aws:kms` ({})", sse.origin)))
            }
        }
    }

    /// Both keys come from one kind of place: outright from the environment, or by references.
    /// Without either the provider's own chain is asked.
    async fn credentials(&self) -> Result<Option<StaticCredentials>, Failure> {
        let outright = |name| self.environment.text(name).map(ToOwned::to_owned);
        let session_token = outright(SESSION_TOKEN).map(Secret);
        match (outright(ACCESS_KEY), outright(SECRET_KEY)) {
            (Some(access_key), Some(secret_key)) => {
                let secret_key = Secret(secret_key);
                return Ok(Some(StaticCredentials { access_key, secret_key, session_token }));
            }
            (None, None) => {}
            _ => {
                return Err(Failure::usage(format!(
                    "only one of {ACCESS_KEY} and {SECRET_KEY} is set"
                )));
            }
        }
        let access = self.reference(&settings::ACCESS_KEY_REF)?;
        let secret = self.reference(&settings::SECRET_KEY_REF)?;
        match (access, secret) {
            (Some(access), Some(secret)) => Ok(Some(StaticCredentials {
                access_key: access.fetch(self).await?.0,
                secret_key: secret.fetch(self).await?,
                session_token,
            })),
            (None, None) => Ok(None),
            _ => Err(Failure::usage(
                "only one of store.access_key_ref and store.secret_key_ref is configured",
            )),
        }
    }

    fn reference(&self, setting: &Setting) -> Result<Option<SecretReference>, Failure> {
        let Some(sourced) = self.get(setting) else { return Ok(None) };
        sourced.value.parse().map(Some).map_err(|()| not_a_reference(setting, &sourced.origin))
    }

    /// Refuses what cannot be, without fetching what the references name.
    pub fn check_store(&self) -> Result<(), Failure> {
        self.reference(&settings::ACCESS_KEY_REF)?;
        self.reference(&settings::SECRET_KEY_REF)?;
        self.endpoint(&settings::ENDPOINT)?;
        self.endpoint(&settings::PUBLIC_ENDPOINT)?;
        self.encryption()?;
        self.switch(&settings::PATH_STYLE)?;
        self.switch(&settings::ALLOW_HTTP)?;
        Ok(())
    }
}

fn not_a_reference(setting: &Setting, origin: &Origin) -> Failure {
    Failure::usage(format!("{}: a secret is named, never written down ({origin})", setting.key))
        .with_help("name it: env:NAME, file:PATH or bao:PATH#FIELD")
}

fn unusable_url(error: &StorageError, origin: &Origin) -> Failure {
    let failure = Failure::usage(format!("{error} ({origin})"));
    match error.guidance() {
        Some(guidance) => failure.with_help(guidance.to_owned()),
        None => failure,
    }
}

fn of_bucket(bucket: Sourced<String>) -> Sourced<String> {
    Sourced { value: format!("s3://{}", bucket.value), origin: bucket.origin }
}

/// An endpoint that carries a name or a password would end up in logs.
fn refuse_credentials_in(setting: &Setting, endpoint: &Sourced<String>) -> Result<(), Failure> {
    let after_scheme = endpoint.value.split_once("://").map_or("", |(_, rest)| rest);
    let authority = after_scheme.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(Failure::usage(format!(
            "{} must hold no credentials ({})",
            setting.key, endpoint.origin
        ))
        .with_help(format!(
            "name the keys apart: store.access_key_ref, or {ACCESS_KEY} and {SECRET_KEY}"
        )));
    }
    Ok(())
}

/// A directory as a `file://` URL.
/// The URL of a folder as a store.
pub fn file_url(directory: &std::path::Path) -> Result<String, Failure> {
    let text = directory.to_str().ok_or_else(|| {
        Failure::usage("the data directory's name is not UTF-8").with_help("name a store: --store")
    })?;
    let mut url = String::from("file://");
    for byte in text.replace('\\', "/").bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' | b':' => {
                url.push(char::from(byte));
            }
            other => url.push_str(&format!("%{other:02X}")),
        }
    }
    Ok(url)
}

/// Where credentials come from, without any of them.
pub fn credentials_in_words(config: &Config) -> Sourced<&'static str> {
    if config.environment.is_set(ACCESS_KEY) || config.environment.is_set(SECRET_KEY) {
        let origin = Origin::Environment(ACCESS_KEY.to_owned());
        return Sourced { value: "given outright, not shown", origin };
    }
    if let Some(reference) = config.get(&settings::SECRET_KEY_REF) {
        return Sourced { value: "by reference", origin: reference.origin };
    }
    Sourced { value: "the provider's own chain", origin: Origin::Default }
}
