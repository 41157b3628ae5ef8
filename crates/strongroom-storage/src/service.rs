//! A service that is asked over HTTP and is no store: a time-stamp authority, a key service. One request at a
//! time, whose answer is small.

use std::borrow::Cow;
use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use http::StatusCode;

use crate::exchange::retry::Tries;
use crate::exchange::{self, lost};
use crate::{StorageError, StorageErrorKind};

/// How long a service may take for its whole answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// Characters of a service's own words that are told.
const WORDS_CHARACTERS_MAX: usize = 200;

/// Where a service is, and how to talk to it.
#[derive(Debug, Clone, Default)]
pub struct ServiceSettings {
    /// `https://host/path`. Plain `http://` goes to this machine only, unless it is allowed.
    pub url: String,
    /// Whether `http://` to another machine is accepted.
    pub allow_http: bool,
    /// A file of PEM certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
}

/// The meaning of a service's failure: it decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServiceErrorKind {
    /// Settings that cannot work.
    Configuration,
    /// No answer, none in time, or one that says that it will be able to later.
    Unreachable,
    /// The service does not know who asks, or refuses them.
    Denied,
    /// The service has not what it is asked for.
    NotFound,
    /// The service refuses what it is asked, or fails.
    Failed,
    /// An answer that cannot be understood.
    Malformed,
    /// An answer beyond a named limit.
    Limit,
}

/// A service's failure: who, what, what a person can do, and the cause for logs.
#[derive(Debug, thiserror::Error)]
#[error("{who} {what}")]
pub struct ServiceError {
    who: &'static str,
    kind: ServiceErrorKind,
    what: Cow<'static, str>,
    guidance: Option<&'static str>,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl ServiceError {
    /// The meaning.
    pub fn kind(&self) -> ServiceErrorKind {
        self.kind
    }

    /// What a person can do, if anything.
    pub fn guidance(&self) -> Option<&str> {
        self.guidance
    }

    pub(crate) fn with_guidance(mut self, guidance: &'static str) -> Self {
        self.guidance = Some(guidance);
        self
    }
}

/// A service, ready to be asked.
#[derive(Debug)]
pub(crate) struct Service {
    /// What it is, in messages: `the time-stamp authority`.
    who: &'static str,
    http: reqwest::Client,
    url: url::Url,
}

/// Why one request has no answer.
enum Asking {
    Lost(StorageError),
    Service(ServiceError),
}

/// What a service answered, whatever its status.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}

impl Service {
    /// Prepares the way. Nothing is sent.
    pub(crate) async fn connect(
        who: &'static str,
        settings: &ServiceSettings,
    ) -> Result<Self, ServiceError> {
        let url = address(who, settings)?;
        let http = exchange::client(settings.ca_file.as_deref())
            .await
            .map_err(|error| from_storage(who, error))?;
        Ok(Self { who, http, url })
    }

    /// A request to the service's URL with `path` after it.
    pub(crate) fn request(&self, method: http::Method, path: &str) -> reqwest::RequestBuilder {
        let mut url = self.url.clone();
        if !path.is_empty() {
            url.set_path(&format!("{}/{path}", url.path().trim_end_matches('/')));
        }
        self.http.request(method, url)
    }

    /// Sends a request and takes an answer of at most `bytes_max` bytes. Where there is none, or it says that
    /// there will be one later, it is sent again: a second signature or time stamp does no harm.
    pub(crate) async fn ask(
        &self,
        request: reqwest::RequestBuilder,
        bytes_max: usize,
    ) -> Result<Answer, ServiceError> {
        tokio::time::timeout(ANSWER_TIMEOUT, self.ask_patiently(request, bytes_max))
            .await
            .unwrap_or_else(|_| {
                let seconds = ANSWER_TIMEOUT.as_secs();
                let what = format!("did not answer within {seconds} seconds");
                Err(self
                    .error(ServiceErrorKind::Unreachable, what)
                    .with_guidance("try again later"))
            })
    }

    async fn ask_patiently(
        &self,
        mut request: reqwest::RequestBuilder,
        bytes_max: usize,
    ) -> Result<Answer, ServiceError> {
        let mut tries = Tries::default();
        loop {
            let again = request.try_clone();
            let answer = self.ask_once(request, bytes_max).await;
            let pause = match &answer {
                Ok(answer) => passing(answer.status),
                Err(Asking::Lost(error)) => Some(error.kind()),
                Err(Asking::Service(_)) => None,
            }
            // One person waits for one answer: there is no crowd to spread.
            .and_then(|kind| tries.after(kind, Duration::ZERO, u8::MAX));
            let (Some(pause), Some(next)) = (pause, again) else {
                return answer.map_err(|error| match error {
                    Asking::Lost(error) => from_storage(self.who, error),
                    Asking::Service(error) => error,
                });
            };
            tokio::time::sleep(pause).await;
            request = next;
        }
    }

    async fn ask_once(
        &self,
        request: reqwest::RequestBuilder,
        bytes_max: usize,
    ) -> Result<Answer, Asking> {
        let lost = |error| Asking::Lost(lost::meaning(error));
        let mut response = request.send().await.map_err(lost)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(lost)? {
            if body.len() + piece.len() > bytes_max {
                let what = format!("answers with more than {bytes_max} bytes");
                return Err(Asking::Service(self.error(ServiceErrorKind::Limit, what)));
            }
            body.extend_from_slice(&piece);
        }
        Ok(Answer { status, body })
    }

    /// What a status other than 200 means. `words` is what the service says of it.
    pub(crate) fn refusal(&self, status: StatusCode, words: &str) -> ServiceError {
        let (kind, what) = match status.as_u16() {
            401 | 403 => (ServiceErrorKind::Denied, "refuses whoever asks"),
            404 | 410 => (ServiceErrorKind::NotFound, "has nothing there"),
            429 | 502..=504 => (ServiceErrorKind::Unreachable, "cannot answer now"),
            300..=399 => (ServiceErrorKind::Configuration, "is somewhere else"),
            _ => (ServiceErrorKind::Failed, "refuses, or fails"),
        };
        let mut what = format!("{what}: HTTP status {}", status.as_u16());
        let words = printable(words);
        if !words.is_empty() {
            what.push_str(&format!(" (it says: {words})"));
        }
        self.error(kind, what)
    }

    pub(crate) fn error(
        &self,
        kind: ServiceErrorKind,
        what: impl Into<Cow<'static, str>>,
    ) -> ServiceError {
        ServiceError { who: self.who, kind, what: what.into(), guidance: None, source: None }
    }
}

/// How a status fails that another try may not meet.
fn passing(status: StatusCode) -> Option<StorageErrorKind> {
    match status.as_u16() {
        429 => Some(StorageErrorKind::Throttled),
        502..=504 => Some(StorageErrorKind::ServerFault),
        _ => None,
    }
}

/// A stranger's words without what a terminal would act upon, and not many of them.
pub(crate) fn printable(words: &str) -> String {
    let spaced = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let kept = spaced.chars().filter(|character| character.is_ascii_graphic() || *character == ' ');
    kept.take(WORDS_CHARACTERS_MAX).collect()
}

fn address(who: &'static str, settings: &ServiceSettings) -> Result<url::Url, ServiceError> {
    let configuration = |what| ServiceError {
        who,
        kind: ServiceErrorKind::Configuration,
        what: Cow::Borrowed(what),
        guidance: None,
        source: None,
    };
    let url = url::Url::parse(&settings.url).ok().filter(|url| {
        url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
    });
    let url = url.ok_or_else(|| {
        configuration("has no URL that can be used")
            .with_guidance("write it as https://host/path, without user and password")
    })?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if settings.allow_http || is_this_machine(&url) => Ok(url),
        "http" => Err(configuration("would be asked over plain http")
            .with_guidance("use https, or allow http on a network that you trust")),
        _ => {
            Err(configuration("is not reached over https").with_guidance("write https://host/path"))
        }
    }
}

fn is_this_machine(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The same failure, said of a service instead of a store.
fn from_storage(who: &'static str, error: StorageError) -> ServiceError {
    let (kind, what, guidance) = match error.kind() {
        StorageErrorKind::Configuration => (
            ServiceErrorKind::Configuration,
            "cannot be asked with these settings",
            "check its URL, and the CA file",
        ),
        StorageErrorKind::Tls => (
            ServiceErrorKind::Unreachable,
            "offers no TLS that is trusted",
            "check its URL; name the certificate of a private CA as the CA file",
        ),
        _ => (
            ServiceErrorKind::Unreachable,
            "cannot be reached",
            "check its URL, and the network between; try again later",
        ),
    };
    ServiceError {
        who,
        kind,
        what: Cow::Borrowed(what),
        guidance: Some(guidance),
        source: Some(Box::new(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(url: &str, allow_http: bool) -> Result<url::Url, ServiceError> {
        let settings = ServiceSettings { url: url.to_owned(), allow_http, ca_file: None };
        address("the service", &settings)
    }

    #[test]
    fn plain_http_stays_on_this_machine_unless_it_is_allowed() {
        for url in
            ["https://tsa.example/x?y=1", "http://127.0.0.1:1/", "http://[::1]", "http://localhost"]
        {
            assert!(taken(url, false).is_ok(), "{url}");
        }
        for url in
            ["http://tsa.example", "http://localhost.example", "http://10.0.0.1", "http://0.0.0.0"]
        {
            let refused = taken(url, false).expect_err(url);
            assert_eq!(refused.kind(), ServiceErrorKind::Configuration, "{url}");
            assert!(taken(url, true).is_ok(), "{url}");
        }
    }

    #[test]
    fn urls_that_cannot_work_are_refused_without_echo() {
        for url in ["", "secretive", "ftp://secretive", "https://user:secretive@host", "https://"] {
            let refused = taken(url, true).expect_err(url);
            assert_eq!(refused.kind(), ServiceErrorKind::Configuration, "{url}");
            assert!(!format!("{refused} {:?}", refused.guidance()).contains("secretive"), "{url}");
        }
    }

    #[test]
    fn words_are_printable_and_few() {
        assert_eq!(printable("no\u{1b}[31m\n  way"), "no[31m way");
        assert_eq!(printable(&"x".repeat(1_000)).len(), WORDS_CHARACTERS_MAX);
    }
}
