//! Secrets that OpenBao keeps.

use strongroom_storage::open::Secret;
use strongroom_storage::openbao::{OpenBaoAccess, read_secret};
use strongroom_storage::service::{ServiceError, ServiceErrorKind};
use strongroom_testkit::Services;

use super::openbao::Real;
use super::{nobody, service};

async fn read(url: &str, token: &str, path: &str, field: &str) -> Result<String, ServiceError> {
    let token = Secret(token.to_owned());
    let access = OpenBaoAccess { service: service(url), token, namespace: None };
    read_secret(access, path, field).await.map(|secret| secret.0)
}

#[tokio::test]
async fn a_secret_is_read_from_both_versions_of_the_engine() {
    let Some(real) = Real::new() else { return };
    let (url, token) = (real.url.as_str(), real.token.as_str());
    real.post("secret/data/registry", r#"{"data":{"key":"old"}}"#).await;
    real.post("secret/data/registry", r#"{"data":{"key":"two","number":7,"none":""}}"#).await;
    real.post("sys/mounts/first", r#"{"type":"kv","options":{"version":"1"}}"#).await;
    real.post("first/my%20registry", r#"{"key":"one\n","data":"mine"}"#).await;
    for (path, field, value) in [
        ("secret/data/registry", "key", "two"),
        ("first/my registry", "key", "one"),
        ("first/my registry", "data", "mine"),
    ] {
        assert_eq!(read(url, token, path, field).await.expect(path), value);
    }
    for (path, field, kind) in [
        ("secret/data/absent", "key", ServiceErrorKind::NotFound),
        ("secret/data/registry", "absent", ServiceErrorKind::NotFound),
        ("elsewhere/data/registry", "key", ServiceErrorKind::NotFound),
        // What `data` is missing in names no secret of version 2.
        ("secret/registry", "key", ServiceErrorKind::NotFound),
        ("secret/data/registry", "number", ServiceErrorKind::Malformed),
        ("secret/data/registry", "none", ServiceErrorKind::Malformed),
    ] {
        let refused = read(url, token, path, field).await.expect_err(path);
        assert_eq!(refused.kind(), kind, "{path}#{field}: {refused}");
    }
    let refused = read(url, "wrong", "secret/data/registry", "key").await.expect_err("refused");
    assert_eq!(refused.kind(), ServiceErrorKind::Denied, "{refused}");
    let advice = refused.guidance().unwrap_or_default();
    assert!(advice.contains("its policy for the path"), "{advice}");
    real.delete("secret/data/registry").await;
    let gone = read(url, token, "secret/data/registry", "key").await.expect_err("deleted");
    assert_eq!(gone.kind(), ServiceErrorKind::NotFound, "{gone}");
    let nobody = read(&nobody(), token, "secret/data/registry", "key").await.expect_err("nobody");
    assert_eq!(nobody.kind(), ServiceErrorKind::Unreachable);
}

#[tokio::test]
async fn what_is_leased_or_no_secret_is_refused() {
    let server = Services::start();
    let what = "GET /v1/database/creds/registry";
    let asked = async || {
        let read = read(&server.endpoint(), "token", "database/creds/registry", "password").await;
        read.expect_err("refused")
    };
    let leased = r#"{"lease_id":"database/creds/registry/x","data":{"password":"hunter2"}}"#;
    server.answer(what, leased);
    let refused = asked().await;
    assert_eq!(refused.kind(), ServiceErrorKind::Configuration);
    assert!(!format!("{refused:?}").contains("hunter2"), "{refused:?}");
    for answer in ["<html>", "{}", r#"{"data":null}"#, r#"{"data":"hunter2"}"#] {
        server.answer(what, answer);
        let refused = asked().await;
        assert_eq!(refused.kind(), ServiceErrorKind::Malformed, "{answer}");
        assert!(!format!("{refused:?}").contains("hunter2"), "{refused:?}");
    }
    let headers = &server.asked()[0].headers;
    assert!(headers.contains("x-vault-token: token"), "{headers}");
}
