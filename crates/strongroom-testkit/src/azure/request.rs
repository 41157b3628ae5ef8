//! What the server was asked.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method};
use percent_encoding::percent_decode_str;

/// One request: `METHOD /ACCOUNT/CONTAINER/KEY?QUERY`.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The method.
    pub method: Method,
    /// The path as it came.
    pub path: String,
    /// The container, decoded.
    pub container: String,
    /// The blob's name, decoded; empty where the container itself is meant.
    pub key: String,
    /// The pairs of the query, decoded, in their order.
    pub query: Vec<(String, String)>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    target: String,
}

impl Asked {
    pub(super) fn new(head: &Parts, body: Bytes) -> Self {
        let path = head.uri.path().to_owned();
        let mut segments = path.trim_start_matches('/').splitn(3, '/').map(decoded);
        let _account = segments.next();
        let container = segments.next().unwrap_or_default();
        let key = segments.next().unwrap_or_default();
        let pairs = head.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let query = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        });
        Self {
            method: head.method.clone(),
            container,
            key,
            query: query.collect(),
            headers: head.headers.clone(),
            body,
            target: head.uri.to_string(),
            path,
        }
    }

    /// Method and target.
    pub fn called(&self) -> String {
        format!("{} {}", self.method, self.target)
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A value of the query.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        let named = self.query.iter().find(|(given, _)| given == name);
        named.map(|(_, value)| value.as_str())
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
