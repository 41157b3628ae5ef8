//! A time-stamp authority that is `openssl ts`, and answers that are none.

use std::fs;
use std::path::Path;
use std::process::Command;

use strongroom_core::limits::TIMESTAMP_ANSWER_BYTES_MAX;
use strongroom_core::signing::timestamp::{Authorities, TimestampError};
use strongroom_storage::service::ServiceErrorKind;
use strongroom_storage::tsa::{TimestampAuthority, TsaError};
use strongroom_testkit::Services;
use strongroom_testkit::client::endpoint_of;

use super::{message, nobody, repository, service};

const NONCE: [u8; 8] = [0x9a, 1, 2, 3, 4, 5, 6, 7];

async fn stamped(url: &str) -> Result<Vec<u8>, TsaError> {
    TimestampAuthority::connect(&service(url)).await?.stamp(&message(), NONCE).await
}

/// The real authorities, by name, and the file of their roots.
struct Real {
    base: String,
    roots: String,
}

impl Real {
    fn new() -> Option<Self> {
        let base = endpoint_of("STRONGROOM_TEST_TSA_ALL")?;
        Some(Self { base, roots: endpoint_of("STRONGROOM_TEST_TSA_ROOT")? })
    }

    async fn answer(&self, name: &str) -> Vec<u8> {
        stamped(&format!("{}/{name}", self.base)).await.expect("an answer")
    }

    fn authorities(&self) -> Authorities {
        Authorities::from_pem(&fs::read(&self.roots).expect("read")).expect("authorities")
    }
}

#[tokio::test]
async fn tokens_by_p256_p384_and_rsa_tell_the_time_and_openssl_agrees() {
    let Some(real) = Real::new() else { return };
    let scratch = tempfile::tempdir().expect("a directory");
    for (name, subject) in [
        ("ec", "CN=ec signer,O=Strongroom test"),
        ("rsa", "CN=rsa signer,O=Strongroom test"),
        ("chain", "CN=chain signer,O=Strongroom test"),
    ] {
        let answer = real.answer(name).await;
        let time = real.authorities().verify(&answer, &message()).expect(name);
        assert_eq!(time.authority, subject);
        assert_eq!(time.accuracy_micros, Some(1_500_000), "{name}");
        assert_eq!(time.policy, "1.3.6.1.4.1.99999.1", "{name}");
        assert!(!time.serial.is_empty(), "{name}");

        let agreed = openssl(&real.roots, scratch.path(), &answer, &message());
        assert!(agreed, "{name}: openssl verifies it too");
        assert!(!openssl(&real.roots, scratch.path(), &answer, b"else"), "{name}: of these bytes");
    }
}

/// `openssl ts -verify` of an answer over `message`.
fn openssl(roots: &str, scratch: &Path, answer: &[u8], message: &[u8]) -> bool {
    let (answer_file, message_file) = (scratch.join("answer"), scratch.join("message"));
    fs::write(&answer_file, answer).expect("written");
    fs::write(&message_file, message).expect("written");
    let done = Command::new("openssl")
        .args(["ts", "-verify", "-in"])
        .arg(answer_file)
        .arg("-data")
        .arg(message_file)
        .args(["-CAfile", roots])
        .output()
        .expect("openssl runs");
    done.status.success()
}

#[tokio::test]
async fn rfc3161_client_verifies_the_token_and_no_other_bytes() {
    let Some(real) = Real::new() else { return };
    let python = endpoint_of("STRONGROOM_TEST_TSA_PYTHON").expect("set with the others");
    let scratch = tempfile::tempdir().expect("a directory");
    for name in ["ec", "rsa"] {
        let (answer, bytes) = (scratch.path().join("answer"), scratch.path().join("message"));
        fs::write(&answer, real.answer(name).await).expect("written");
        let verify = |message: &[u8]| {
            fs::write(&bytes, message).expect("written");
            let script = repository("scripts/verify-time-stamp.py");
            let mut command = Command::new(&python);
            command.arg(script).arg(&answer).arg(&bytes).arg(&real.roots);
            let done = command.output().expect("python runs");
            (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
        };
        assert_eq!(verify(&message()).0, Some(0), "{name}: {}", verify(&message()).1);
        assert_eq!(verify(b"else").0, Some(1), "{name}");
    }
}

#[tokio::test]
async fn tokens_that_prove_nothing_are_told_apart() {
    let Some(real) = Real::new() else { return };
    let verdict = async |name| {
        let answer = real.answer(name).await;
        real.authorities().verify(&answer, &message()).expect_err(name)
    };
    assert_eq!(verdict("untrusted").await, TimestampError::UntrustedAuthority);
    assert_eq!(verdict("expired").await, TimestampError::Expired);
    assert!(matches!(verdict("weak").await, TimestampError::Weak(_)));
    let refused = stamped(&format!("{}/refusing", real.base)).await.expect_err("refused");
    assert_eq!(
        refused.to_string(),
        "the time-stamp authority refuses: it does not know the digest algorithm (it says: Message \
         digest algorithm is not supported.)"
    );
}

/// The authority's own bytes, each bit of them: what is believed says the same as before.
#[tokio::test]
async fn no_flipped_bit_of_a_real_token_changes_what_it_proves() {
    let Some(real) = Real::new() else { return };
    let authorities = real.authorities();
    for name in ["ec", "rsa", "chain"] {
        let answer = real.answer(name).await;
        let right = authorities.verify(&answer, &message()).expect(name);
        for at in 0..answer.len() {
            let mut flipped = answer.clone();
            flipped[at] ^= 1 << (at % 8);
            if let Ok(time) = authorities.verify(&flipped, &message()) {
                assert_eq!(time, right, "{name}: byte {at}");
            }
        }
    }
}

#[tokio::test]
async fn an_authority_that_is_not_there_is_unreachable() {
    let Err(TsaError::Service(error)) = stamped(&nobody()).await else {
        panic!("no service error")
    };
    assert_eq!(error.kind(), ServiceErrorKind::Unreachable);
    assert_eq!(error.to_string(), "the time-stamp authority cannot be reached");
}

#[tokio::test]
async fn what_is_no_answer_of_an_authority_is_told_by_its_kind() {
    let server = Services::start();
    server.answer("POST /garbage", "<html>sign in</html>");
    server.answer("POST /long", "x".repeat(TIMESTAMP_ANSWER_BYTES_MAX + 1));
    let told = async |path| stamped(&format!("{}{path}", server.endpoint())).await.expect_err(path);

    let garbage = told("/garbage").await;
    assert!(matches!(garbage, TsaError::Answer(TimestampError::Malformed(_))), "{garbage}");
    let kind = |error| match error {
        TsaError::Service(error) => error.kind(),
        TsaError::Answer(error) => panic!("{error}"),
    };
    assert_eq!(kind(told("/long").await), ServiceErrorKind::Limit);
    assert_eq!(kind(told("/absent").await), ServiceErrorKind::NotFound);
}

#[tokio::test]
async fn an_authority_that_is_busy_is_asked_again_and_not_for_ever() {
    let server = Services::start();
    server.answer("POST /", "no time stamp, and an answer");
    server.busy("POST /", 2);
    let answered = stamped(&server.endpoint()).await.expect_err("no time stamp");
    assert!(matches!(answered, TsaError::Answer(TimestampError::Malformed(_))), "{answered}");
    assert_eq!(server.asked().len(), 3);

    server.busy("POST /", 100);
    let TsaError::Service(error) = stamped(&server.endpoint()).await.expect_err("busy") else {
        panic!("no service error")
    };
    assert_eq!(error.kind(), ServiceErrorKind::Unreachable);
    assert_eq!(server.asked().len(), 3 + 4);
}

/// The bytes themselves stay here: 32 of their digest go out.
#[tokio::test]
async fn only_the_digest_is_sent() {
    let server = Services::start();
    stamped(&server.endpoint()).await.expect_err("no authority");
    let [asked] = &server.asked()[..] else { panic!("one request") };
    assert_eq!(asked.what, "POST /");
    let kind = "content-type: application/timestamp-query";
    assert!(asked.headers.lines().any(|line| line == kind), "{}", asked.headers);
    assert!(!asked.body.contains("in-toto"), "{}", asked.body);
}
