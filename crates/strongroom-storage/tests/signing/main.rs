//! What signs and what tells the time, outside of this process: a time-stamp authority, a signer command,
//! OpenBao, which also keeps secrets, SoftHSM. Those of them that are real servers, the test scripts start.

mod command;
mod hsm;
mod openbao;
mod secrets;
mod time_stamps;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use strongroom_core::signing::key::{Algorithm, PublicKey};
use strongroom_storage::service::ServiceSettings;
use strongroom_storage::signer::Signer;

/// A message of the size that a small statement has.
fn message() -> Vec<u8> {
    b"DSSEv1 28 application/vnd.in-toto+json 9 ".iter().copied().chain(0..=255).collect()
}

fn service(url: &str) -> ServiceSettings {
    ServiceSettings { url: url.to_owned(), ..ServiceSettings::default() }
}

/// An address of this machine that nothing listens on.
fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("http://{}", listener.local_addr().expect("bound"))
}

/// A file of the repository.
fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Signs with `signer`, and has the signature verified here and by `openssl`, which knows nothing of us.
async fn signs_what_others_verify(signer: &dyn Signer, algorithm: Algorithm) {
    let message = message();
    let signature = signer.sign(&message).await.expect("signed");
    let key = signer.public_key();
    assert_eq!(key.algorithm(), algorithm);
    key.verify(&message, &signature).expect("our own verification");
    key.verify(b"another message", &signature).expect_err("of this message only");
    openssl_verifies(key, &message, &signature);
}

fn openssl_verifies(key: &PublicKey, message: &[u8], signature: &[u8]) {
    let scratch = tempfile::tempdir().expect("a directory");
    let file = |name: &str, bytes: &[u8]| {
        let path = scratch.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        path
    };
    let (message, signature) = (file("message", message), file("signature", signature));
    let pem = file("key.pem", key.to_pem().expect("PEM").as_bytes());
    let mut openssl = Command::new("openssl");
    match key.algorithm() {
        Algorithm::Ed25519 => openssl
            .args(["pkeyutl", "-verify", "-pubin", "-rawin", "-inkey"])
            .arg(pem)
            .arg("-in")
            .arg(message)
            .arg("-sigfile")
            .arg(signature),
        Algorithm::EcdsaP256 => openssl
            .args(["dgst", "-sha256", "-verify"])
            .arg(pem)
            .arg("-signature")
            .arg(signature)
            .arg(message),
    };
    let done = openssl.stdin(Stdio::null()).output().expect("openssl runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
