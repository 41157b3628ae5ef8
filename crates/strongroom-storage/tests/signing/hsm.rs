//! SoftHSM behind the example's signer command: the key cannot leave its token.

use strongroom_core::signing::key::{Algorithm, PublicKey};
use strongroom_storage::signer::{COMMAND_TIMEOUT, Signer, SignerErrorKind, SignerSettings, open};
use strongroom_testkit::SoftHsm;
use strongroom_testkit::softhsm::{LABEL, PIN};

use super::{message, repository, signs_what_others_verify};

/// The signer command with the PIN and key id, checked against the public key of this name.
async fn signer(
    token: &SoftHsm,
    pin: &str,
    id: &str,
    algorithm: &str,
    public_key: &str,
) -> Box<dyn Signer> {
    let pem = std::fs::read_to_string(token.public_key(public_key)).expect("read");
    let program = repository("examples/sign-with-pkcs11");
    let argv = [
        // What it needs to know comes in by the environment, here set for it alone.
        "env",
        &format!("SOFTHSM2_CONF={}", token.configuration().display()),
        &format!("PKCS11_PIN={pin}"),
        program.to_str().expect("UTF-8"),
        &token.module,
        LABEL,
        id,
        algorithm,
    ];
    let settings = SignerSettings::Command {
        argv: argv.iter().map(Into::into).collect(),
        public_key: PublicKey::from_pem(&pem).expect("a key"),
        timeout: COMMAND_TIMEOUT,
    };
    open(settings).await.expect("a signer")
}

#[tokio::test]
async fn a_key_in_softhsm_signs_p256_and_ed25519() {
    let Some(token) = SoftHsm::copied() else { return };
    let p256 = signer(&token, PIN, "01", "p256", "p256").await;
    signs_what_others_verify(&*p256, Algorithm::EcdsaP256).await;
    let ed25519 = signer(&token, PIN, "02", "ed25519", "ed25519").await;
    signs_what_others_verify(&*ed25519, Algorithm::Ed25519).await;
}

#[tokio::test]
async fn a_wrong_pin_and_an_absent_key_are_told_in_the_tools_own_words() {
    let Some(token) = SoftHsm::copied() else { return };
    let wrong_pin = signer(&token, "9999", "01", "p256", "p256").await;
    let refused = wrong_pin.sign(&message()).await.expect_err("not signed");
    assert_eq!(refused.kind(), SignerErrorKind::Failed);
    assert!(refused.to_string().contains("CKR_PIN_INCORRECT"), "{refused}");
    let absent = signer(&token, PIN, "77", "p256", "p256").await;
    let refused = absent.sign(&message()).await.expect_err("not signed");
    assert_eq!(refused.kind(), SignerErrorKind::Failed, "{refused}");
}

#[tokio::test]
async fn a_public_key_of_another_key_in_the_token_is_seen() {
    let Some(token) = SoftHsm::copied() else { return };
    let other = signer(&token, PIN, "01", "p256", "ed25519").await;
    let refused = other.sign(&message()).await.expect_err("not signed");
    assert_eq!(refused.kind(), SignerErrorKind::BadSignature, "{refused}");
}
