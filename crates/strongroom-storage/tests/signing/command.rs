//! Programs that sign, and programs that do not.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use strongroom_core::signing::key::{Algorithm, PrivateKey, PublicKey};
use strongroom_storage::signer::{
    COMMAND_TIMEOUT, Signer, SignerError, SignerErrorKind, SignerSettings, open,
};

use super::{message, signs_what_others_verify};

/// A test's own key as a file, and its public key.
struct KeyFile {
    _scratch: tempfile::TempDir,
    path: String,
    public_key: PublicKey,
}

impl KeyFile {
    fn new(algorithm: Algorithm) -> Self {
        let key = PrivateKey::generate(algorithm).expect("a key");
        let scratch = tempfile::tempdir().expect("a directory");
        let path = scratch.path().join("key.pem");
        std::fs::write(&path, key.to_pem(None).expect("PEM").as_bytes()).expect("written");
        let path = path.to_str().expect("UTF-8").to_owned();
        Self { _scratch: scratch, path, public_key: key.public_key().clone() }
    }

    /// A signer that runs `argv`, whose `KEY` is this key's file.
    async fn signer(
        &self,
        argv: &[&str],
        timeout: Duration,
    ) -> Result<Box<dyn Signer>, SignerError> {
        let argument =
            |text: &&str| OsString::from(if *text == "KEY" { &self.path } else { *text });
        let argv = argv.iter().map(argument).collect();
        open(SignerSettings::Command { argv, public_key: self.public_key.clone(), timeout }).await
    }

    async fn refused(&self, argv: &[&str], timeout: Duration) -> SignerError {
        let signer = self.signer(argv, timeout).await.expect("a signer");
        signer.sign(&message()).await.expect_err("not signed")
    }
}

#[tokio::test]
async fn openssl_signs_as_a_command() {
    let p256 = KeyFile::new(Algorithm::EcdsaP256);
    let argv = ["openssl", "dgst", "-sha256", "-sign", "KEY"];
    let signer = p256.signer(&argv, COMMAND_TIMEOUT).await.expect("a signer");
    signs_what_others_verify(&*signer, Algorithm::EcdsaP256).await;
    assert_eq!(signer.place(), "an external command");
}

#[tokio::test]
async fn a_key_in_a_file_signs() {
    for algorithm in [Algorithm::Ed25519, Algorithm::EcdsaP256] {
        let key = PrivateKey::generate(algorithm).expect("a key");
        let signer = open(SignerSettings::Key(key)).await.expect("a signer");
        signs_what_others_verify(&*signer, algorithm).await;
    }
}

#[tokio::test]
async fn a_long_message_and_a_program_that_does_not_read_it_block_nobody() {
    let p256 = KeyFile::new(Algorithm::EcdsaP256);
    let argv = ["openssl", "dgst", "-sha256", "-sign", "KEY"];
    let signer = p256.signer(&argv, COMMAND_TIMEOUT).await.expect("a signer");
    let long = vec![0x5a; 8 << 20];
    p256.public_key.verify(&long, &signer.sign(&long).await.expect("signed")).expect("verified");
    let deaf = p256.signer(&["true"], COMMAND_TIMEOUT).await.expect("a signer");
    let refused = deaf.sign(&long).await.expect_err("not signed");
    assert!(matches!(refused, SignerError::BadSignature(_)), "{refused:?}");
}

#[tokio::test]
async fn another_key_another_form_and_garbage_are_seen_at_once() {
    let (p256, other) = (KeyFile::new(Algorithm::EcdsaP256), KeyFile::new(Algorithm::EcdsaP256));
    let of_another_key = ["openssl", "dgst", "-sha256", "-sign", &other.path];
    let of_another_digest = ["openssl", "dgst", "-sha512", "-sign", "KEY"];
    for argv in [&of_another_key[..], &of_another_digest, &["echo", "garbage"], &["cat"], &["true"]]
    {
        let refused = p256.refused(argv, COMMAND_TIMEOUT).await;
        assert_eq!(refused.kind(), SignerErrorKind::BadSignature, "{argv:?}: {refused:?}");
        assert!(refused.guidance().is_some());
    }
}

#[tokio::test]
async fn a_program_that_fails_is_told_with_the_end_of_its_words() {
    let script =
        "yes rambling | head -c 100000 >&2; printf 'no \\033[31mtoken\\nin slot' >&2; exit 3";
    let refused =
        KeyFile::new(Algorithm::Ed25519).refused(&["sh", "-c", script], COMMAND_TIMEOUT).await;
    assert_eq!(refused.kind(), SignerErrorKind::Failed);
    let told = refused.to_string();
    assert!(told.starts_with("the signer command failed with exit status: 3 (it says: "), "{told}");
    assert!(told.ends_with("no [31mtoken in slot)"), "{told}");
    assert!(told.len() < 300, "{told}");
}

#[tokio::test]
async fn a_program_without_an_end_is_ended() {
    let begun = Instant::now();
    let timeout = Duration::from_millis(300);
    let key = KeyFile::new(Algorithm::Ed25519);
    let refused = key.refused(&["sleep", "600"], timeout).await;
    assert_eq!(refused.kind(), SignerErrorKind::Unreachable, "{refused:?}");
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[tokio::test]
async fn a_program_that_writes_a_gibibyte_is_ended_at_the_bound() {
    let key = KeyFile::new(Algorithm::Ed25519);
    let argv = ["head", "-c", "1073741824", "/dev/zero"];
    let refused = key.refused(&argv, COMMAND_TIMEOUT).await;
    assert_eq!(refused.kind(), SignerErrorKind::Limit, "{refused:?}");
    assert_eq!(refused.to_string(), "the signer command wrote more than 1024 bytes");
    // On standard error it may, as long as it then signs.
    let script = "head -c 1073741824 /dev/zero >&2; exit 1";
    let refused = key.refused(&["sh", "-c", script], COMMAND_TIMEOUT).await;
    assert_eq!(refused.to_string(), "the signer command failed with exit status: 1");
}

#[tokio::test]
async fn no_shell_reads_the_arguments() {
    let key = KeyFile::new(Algorithm::Ed25519);
    let refused = key.refused(&["echo hello; exit 3"], COMMAND_TIMEOUT).await;
    assert!(matches!(refused, SignerError::NotStarted(_)), "{refused:?}");
    let nothing = key.signer(&[], COMMAND_TIMEOUT).await.err();
    assert!(matches!(nothing, Some(SignerError::NoProgram)), "{nothing:?}");
}
