//! What a registry counts of itself, in the text format of Prometheus. Labels are routes, methods and states as
//! they are declared, never a name or a path that somebody sent.

use std::fmt;
use std::time::Duration;

use http::Method;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry as Names;

/// Upper ends of the durations that are told apart: a millisecond, twice as long each.
const BUCKETS: u16 = 16;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RouteLabels {
    method: String,
    route: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct JobLabels {
    kind: String,
    outcome: String,
}

type Durations = Family<RouteLabels, Histogram, fn() -> Histogram>;

/// The counters.
pub struct Metrics {
    names: Names,
    requests: Family<RequestLabels, Counter>,
    durations: Durations,
    received_bytes: Counter,
    sent_bytes: Counter,
    jobs: Family<JobLabels, Counter>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let requests = Family::default();
        let durations = Durations::new_with_constructor(|| {
            Histogram::new(exponential_buckets(0.001, 2.0, BUCKETS))
        });
        let (received_bytes, sent_bytes) = (Counter::default(), Counter::default());
        let jobs = Family::default();
        let mut names = Names::with_prefix("strongroom");
        names.register("http_requests", "requests answered", Family::clone(&requests));
        names.register(
            "http_request_duration_seconds",
            "time until the head of the answer",
            durations.clone(),
        );
        names.register(
            "received_bytes",
            "bytes of files received and stored",
            received_bytes.clone(),
        );
        names.register("sent_bytes", "bytes of files sent", sent_bytes.clone());
        names.register(
            "job_attempts",
            "attempts of jobs, by what came of them",
            Family::clone(&jobs),
        );
        Self { names, requests, durations, received_bytes, sent_bytes, jobs }
    }
}

impl Metrics {
    /// Counts a request that was answered.
    pub fn request(&self, method: &Method, route: &str, status: u16, took: Duration) {
        let (method, route) = (known(method).to_owned(), route.to_owned());
        let labels = RouteLabels { method: method.clone(), route: route.clone() };
        self.durations.get_or_create(&labels).observe(took.as_secs_f64());
        self.requests.get_or_create(&RequestLabels { method, route, status }).inc();
    }

    /// Counts bytes of a file that was stored.
    pub fn received(&self, bytes: u64) {
        self.received_bytes.inc_by(bytes);
    }

    /// Counts bytes of a file that were sent.
    pub fn sent(&self, bytes: u64) {
        self.sent_bytes.inc_by(bytes);
    }

    /// Counts an attempt of a job.
    pub fn job(&self, kind: &str, outcome: &str) {
        let labels = JobLabels { kind: kind.to_owned(), outcome: outcome.to_owned() };
        self.jobs.get_or_create(&labels).inc();
    }

    /// All of them, as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string fails for no reason but a defect of the encoder's.
        if encode(&mut text, &self.names).is_err() {
            text.clear();
        }
        text
    }
}

/// A method by its name, where it is one of HTTP's own: anybody can send any other.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
