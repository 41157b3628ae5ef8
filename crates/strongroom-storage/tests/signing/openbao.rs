//! Keys in OpenBao's transit engine.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use strongroom_core::signing::key::Algorithm;
use strongroom_storage::open::Secret;
use strongroom_storage::signer::{
    OpenBaoSettings, Signer, SignerError, SignerErrorKind, SignerSettings, open,
};
use strongroom_testkit::Services;
use strongroom_testkit::client::endpoint_of;

use super::{message, nobody, service, signs_what_others_verify};

fn settings(url: &str, token: &str, key: &str) -> SignerSettings {
    SignerSettings::OpenBao(OpenBaoSettings {
        service: service(url),
        token: Secret(token.to_owned()),
        namespace: None,
        key: key.parse().expect("a key's name"),
    })
}

/// The server that the scripts started.
pub(super) struct Real {
    pub(super) url: String,
    pub(super) token: String,
}

impl Real {
    pub(super) fn new() -> Option<Self> {
        let url = endpoint_of("STRONGROOM_TEST_OPENBAO")?;
        Some(Self { url, token: endpoint_of("STRONGROOM_TEST_OPENBAO_TOKEN")? })
    }

    async fn open(&self, key: &str) -> Result<Box<dyn Signer>, SignerError> {
        open(settings(&self.url, &self.token, key)).await
    }

    /// Does something as an administrator.
    pub(super) async fn post(&self, path: &str, body: &str) {
        self.send(reqwest::Method::POST, path, body).await;
    }

    /// Takes something away as an administrator.
    pub(super) async fn delete(&self, path: &str) {
        self.send(reqwest::Method::DELETE, path, "").await;
    }

    async fn send(&self, method: reqwest::Method, path: &str, body: &str) {
        let request = reqwest::Client::new()
            .request(method, format!("{}/v1/{path}", self.url))
            .header("x-vault-token", &self.token)
            .body(body.to_owned());
        let status = request.send().await.expect("answered").status();
        assert!(status.is_success(), "{path}: {status}");
    }
}

#[tokio::test]
async fn a_key_in_openbao_signs_ed25519_and_p256() {
    let Some(real) = Real::new() else { return };
    for (name, algorithm) in [("ed25519", Algorithm::Ed25519), ("p256", Algorithm::EcdsaP256)] {
        let signer = real.open(&format!("openbao:transit/{name}")).await.expect(name);
        assert_eq!(signer.place(), format!("openbao:transit/{name}@1"));
        signs_what_others_verify(&*signer, algorithm).await;
    }
}

#[tokio::test]
async fn a_rotation_changes_no_key_that_is_open_and_old_versions_sign_by_name() {
    let Some(real) = Real::new() else { return };
    real.post("transit/keys/rotated", r#"{"type":"ed25519"}"#).await;
    let first = real.open("openbao:transit/rotated").await.expect("a signer");
    real.post("transit/keys/rotated/rotate", "").await;
    signs_what_others_verify(&*first, Algorithm::Ed25519).await;

    let second = real.open("openbao:transit/rotated").await.expect("a signer");
    assert_eq!(second.place(), "openbao:transit/rotated@2");
    assert_ne!(second.public_key(), first.public_key());
    signs_what_others_verify(&*second, Algorithm::Ed25519).await;
    let named = real.open("openbao:transit/rotated@1").await.expect("a signer");
    assert_eq!(named.public_key(), first.public_key());
    signs_what_others_verify(&*named, Algorithm::Ed25519).await;

    // Signing with old versions can be forbidden later.
    real.post("transit/keys/rotated/config", r#"{"min_encryption_version":2}"#).await;
    let refused = first.sign(&message()).await.expect_err("forbidden");
    assert_eq!(refused.kind(), SignerErrorKind::Failed, "{refused}");
    assert!(refused.to_string().contains("(it says: 1 error occurred"), "{refused}");
}

#[tokio::test]
async fn who_may_not_and_what_is_not_there_are_told_apart() {
    let Some(real) = Real::new() else { return };
    let kind = async |token: &str, key: &str| {
        let refused = open(settings(&real.url, token, key)).await.err().expect(key);
        assert!(!refused.to_string().contains(token), "{refused}");
        refused.kind()
    };
    let token = real.token.as_str();
    assert_eq!(kind("wrong", "openbao:transit/p256").await, SignerErrorKind::Denied);
    assert_eq!(kind(token, "openbao:transit/absent").await, SignerErrorKind::NotFound);
    assert_eq!(kind(token, "openbao:elsewhere/p256").await, SignerErrorKind::NotFound);
    for unusable in ["rsa", "derived", "p256@9"] {
        let key = format!("openbao:transit/{unusable}");
        assert_eq!(kind(token, &key).await, SignerErrorKind::Configuration, "{unusable}");
    }
    let derived = real.open("openbao:transit/derived").await.err().expect("refused");
    assert_eq!(derived.to_string(), "the key in OpenBao is a derived one");
    let namespaced = OpenBaoSettings {
        service: service(&real.url),
        token: Secret(token.to_owned()),
        namespace: Some("nowhere".to_owned()),
        key: "openbao:transit/p256".parse().expect("a name"),
    };
    let refused = open(SignerSettings::OpenBao(namespaced)).await.err().expect("no namespace");
    let kinds = [SignerErrorKind::Denied, SignerErrorKind::NotFound];
    assert!(kinds.contains(&refused.kind()), "{refused}");
}

/// A server of the test's own, which may be sealed and killed.
struct Own {
    process: Child,
    real: Real,
    _home: tempfile::TempDir,
}

impl Own {
    /// Started, with the key `p256`.
    async fn start() -> Option<Self> {
        let program = endpoint_of("STRONGROOM_TEST_OPENBAO_PROGRAM")?;
        let home = tempfile::tempdir().expect("a directory");
        let real = Real { url: nobody(), token: "own-root".to_owned() };
        let process = spawn(&program, &real, home.path());
        let mut own = Self { process, real, _home: home };
        own.answers().await;
        own.real.post("sys/mounts/transit", r#"{"type":"transit"}"#).await;
        own.real.post("transit/keys/p256", r#"{"type":"ecdsa-p256"}"#).await;
        Some(own)
    }

    async fn answers(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let health = format!("{}/v1/sys/health", self.real.url);
        while !reqwest::get(&health).await.is_ok_and(|answer| answer.status().is_success()) {
            assert!(Instant::now() < deadline, "the server does not answer");
            assert!(self.process.try_wait().expect("asked").is_none(), "the server ended");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn spawn(program: &str, real: &Real, home: &Path) -> Child {
    let listen = real.url.trim_start_matches("http://");
    Command::new(program)
        .args(["server", "-dev"])
        .arg(format!("-dev-root-token-id={}", real.token))
        .arg(format!("-dev-listen-address={listen}"))
        .env("HOME", home)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the server starts")
}

#[tokio::test]
async fn a_sealed_and_a_killed_server_are_unreachable() {
    let Some(mut own) = Own::start().await else { return };
    let signer = own.real.open("openbao:transit/p256").await.expect("a signer");
    signs_what_others_verify(&*signer, Algorithm::EcdsaP256).await;
    own.real.post("sys/seal", "").await;
    let sealed = signer.sign(&message()).await.expect_err("sealed");
    assert_eq!(sealed.kind(), SignerErrorKind::Unreachable, "{sealed}");
    assert_eq!(sealed.guidance(), Some("is it sealed?"));
    own.process.kill().expect("killed");
    own.process.wait().expect("ended");
    let killed = signer.sign(&message()).await.expect_err("killed");
    assert_eq!(killed.to_string(), "OpenBao cannot be reached");
    assert_eq!(killed.kind(), SignerErrorKind::Unreachable);
}

#[tokio::test]
async fn answers_that_openbao_never_gives_are_no_signature() {
    const KEY: &str = "openbao:transit/key";
    const KEYS: &str = "GET /v1/transit/keys/key";
    let server = Services::start();
    let opened = async || open(settings(&server.endpoint(), "token", KEY)).await;
    for answer in ["<html>", "{}", r#"{"data":{"type":"ed25519","latest_version":1}}"#] {
        server.answer(KEYS, answer);
        assert_eq!(opened().await.err().expect(answer).kind(), SignerErrorKind::Failed, "{answer}");
    }
    let of_key = |kind: &str, public_key: &str| {
        let keys = format!(r#"{{"1":{{"public_key":"{public_key}"}}}}"#);
        format!(r#"{{"data":{{"type":"{kind}","latest_version":1,"keys":{keys}}}}}"#)
    };
    let ed25519 = "ivdO9CFDnzuXiX7x09fg6LDBM/uFujRLmNRnee7pWeY=";
    for (kind, key) in [("ed25519", ""), ("ed25519", "AAAA"), ("ecdsa-p256", ed25519)] {
        server.answer(KEYS, of_key(kind, key));
        let refused = opened().await.err().expect(kind);
        assert_eq!(refused.kind(), SignerErrorKind::Configuration, "{kind} {key}: {refused}");
    }

    server.answer(KEYS, of_key("ed25519", ed25519));
    let signer = opened().await.expect("a signer");
    for (signature, kind) in [
        ("vault:v1:AAAA", SignerErrorKind::BadSignature),
        ("vault:v2:AAAA", SignerErrorKind::Failed),
        ("vault:v1:!", SignerErrorKind::Failed),
        ("", SignerErrorKind::Failed),
    ] {
        let answer = format!(r#"{{"data":{{"signature":"{signature}"}}}}"#);
        server.answer("POST /v1/transit/sign/key", answer);
        assert_eq!(signer.sign(&message()).await.expect_err(signature).kind(), kind, "{signature}");
    }
    let asked = server.asked();
    assert!(asked.iter().all(|asked| asked.headers.contains("x-vault-token: token")));
}

#[tokio::test]
async fn a_token_is_not_sent_over_plain_http_to_another_machine() {
    let away = settings("http://bao.example:8200", "token", "openbao:transit/key");
    let refused = open(away).await.err().expect("refused");
    assert_eq!(refused.kind(), SignerErrorKind::Configuration);
    let nowhere = settings(&nobody(), "to\nken", "openbao:transit/key");
    assert_eq!(open(nowhere).await.err().expect("refused").kind(), SignerErrorKind::Configuration);
}
