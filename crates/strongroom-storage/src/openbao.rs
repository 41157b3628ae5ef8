//! OpenBao (or HashiCorp Vault), asked over its HTTP API in somebody's name: for keys that sign (`signer`), and for
//! secrets that it keeps.

use http::{HeaderValue, Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use strongroom_core::limits::KEY_SERVICE_ANSWER_BYTES_MAX;

use crate::open::Secret;
use crate::service::{Service, ServiceError, ServiceErrorKind, ServiceSettings};

/// What the service is called in messages.
const WHO: &str = "OpenBao";
/// The names that both OpenBao and Vault hear.
const TOKEN_HEADER: &str = "x-vault-token";
const NAMESPACE_HEADER: &str = "x-vault-namespace";

/// Where OpenBao is, and who asks.
#[derive(Debug, Clone)]
pub struct OpenBaoAccess {
    /// Its address: `https://bao.example:8200`.
    pub service: ServiceSettings,
    /// The token of whoever asks.
    pub token: Secret,
    /// The namespace, if any.
    pub namespace: Option<String>,
}

/// What a person can do about a refusal, by what was asked for.
pub(crate) struct Advice {
    pub(crate) denied: &'static str,
    pub(crate) not_found: &'static str,
    pub(crate) malformed: &'static str,
}

/// OpenBao, asked in somebody's name.
pub(crate) struct Api {
    service: Service,
    token: HeaderValue,
    namespace: Option<HeaderValue>,
    advice: &'static Advice,
}

/// What every answer is wrapped in.
#[derive(Deserialize)]
pub(crate) struct Envelope<T> {
    pub(crate) data: T,
}

#[derive(Deserialize, Default)]
struct Errors {
    #[serde(default)]
    errors: Vec<String>,
}

impl Api {
    /// Prepares the way. Nothing is sent.
    pub(crate) async fn connect(
        access: OpenBaoAccess,
        advice: &'static Advice,
    ) -> Result<Self, ServiceError> {
        let OpenBaoAccess { service, token, namespace } = access;
        let service = Service::connect(WHO, &service).await?;
        let unusable = |what| service.error(ServiceErrorKind::Configuration, what);
        let mut token = HeaderValue::from_str(&token.0)
            .map_err(|_| unusable("takes no token with such characters"))?;
        token.set_sensitive(true);
        let namespace = namespace
            .map(|name| HeaderValue::from_str(&name))
            .transpose()
            .map_err(|_| unusable("takes no namespace with such characters"))?;
        Ok(Self { service, token, namespace, advice })
    }

    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, ServiceError> {
        let mut request = self.service.request(method, path).header(TOKEN_HEADER, &self.token);
        if let Some(namespace) = &self.namespace {
            request = request.header(NAMESPACE_HEADER, namespace);
        }
        if let Some(body) = body {
            request = request
                .header(http::header::CONTENT_TYPE, "application/json")
                .body(body.to_string());
        }
        let answer = self.service.ask(request, KEY_SERVICE_ANSWER_BYTES_MAX).await?;
        if answer.status != StatusCode::OK {
            let said: Errors = serde_json::from_slice(&answer.body).unwrap_or_default();
            let refusal = self.service.refusal(answer.status, &said.errors.join(" "));
            return Err(match refusal.kind() {
                ServiceErrorKind::Denied => refusal.with_guidance(self.advice.denied),
                ServiceErrorKind::NotFound => refusal.with_guidance(self.advice.not_found),
                ServiceErrorKind::Unreachable => refusal.with_guidance("is it sealed?"),
                _ => refusal,
            });
        }
        serde_json::from_slice(&answer.body).map_err(|_| self.malformed())
    }

    pub(crate) fn malformed(&self) -> ServiceError {
        self.service
            .error(ServiceErrorKind::Malformed, "answers something that cannot be understood")
            .with_guidance(self.advice.malformed)
    }

    fn refuse(&self, kind: ServiceErrorKind, what: &'static str) -> ServiceError {
        self.service.error(kind, what)
    }
}

/// What a person can do about a secret that is not had.
const OF_SECRETS: Advice = Advice {
    denied: "check the token, its policy for the path, and the namespace",
    not_found: "check the path, mount included (secret/data/NAME where the engine is KV version 2), and the namespace",
    malformed: "check that its URL is OpenBao's, and the mount a KV engine's",
};

/// A secret as an engine answers it.
#[derive(Deserialize)]
struct Answered {
    #[serde(default)]
    lease_id: String,
    data: Map<String, Value>,
}

/// Reads one field of a secret of a KV engine, version 1 or 2. `path` is that of the API, mount included; a line's end
/// after the text is not part of it.
///
/// What is leased, such as an account of a database that is made for each who asks, is refused: it ends while it is
/// still needed.
pub async fn read_secret(
    access: OpenBaoAccess,
    path: &str,
    field: &str,
) -> Result<Secret, ServiceError> {
    let api = Api::connect(access, &OF_SECRETS).await?;
    let answered: Answered = api.ask(Method::GET, &format!("v1/{path}"), None).await?;
    if !answered.lease_id.is_empty() {
        return Err(api
            .refuse(ServiceErrorKind::Configuration, "gives there what ends with its lease")
            .with_guidance("let its agent keep it in a file, and name that: file:PATH"));
    }
    match fields_of(answered.data).remove(field) {
        Some(Value::String(text)) if !text.trim_end_matches(['\r', '\n']).is_empty() => {
            Ok(Secret(text.trim_end_matches(['\r', '\n']).to_owned()))
        }
        Some(_) => Err(api.refuse(ServiceErrorKind::Malformed, "has no text in that field")),
        None => Err(api
            .refuse(ServiceErrorKind::NotFound, "has a secret there, and no such field in it")
            .with_guidance("check the name after #")),
    }
}

/// Version 2 has the fields one step further in, beside what it tells of the secret's version.
fn fields_of(mut data: Map<String, Value>) -> Map<String, Value> {
    let is_versioned = data.get("metadata").is_some_and(|metadata| metadata["version"].is_u64());
    match data.remove("data") {
        Some(Value::Object(fields)) if is_versioned => fields,
        Some(other) => {
            data.insert("data".to_owned(), other);
            data
        }
        None => data,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_fields_of_both_versions_of_the_engine_are_found() {
        let field = |answer: Value| {
            let Value::Object(data) = answer else { panic!("{answer}") };
            fields_of(data).remove("key")
        };
        assert_eq!(field(json!({"key": "one"})), Some("one".into()));
        let second = json!({"data": {"key": "two"}, "metadata": {"version": 3}});
        assert_eq!(field(second), Some("two".into()));
        // A secret of version 1 may have such names itself.
        let named_so = json!({"data": {"inner": "x"}, "key": "three"});
        assert_eq!(field(named_so), Some("three".into()));
        assert_eq!(field(json!({"data": {"key": "four"}, "metadata": "mine"})), None);
    }
}
