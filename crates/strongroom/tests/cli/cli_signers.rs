//! Keys that stay outside sign on the command line: OpenBao's transit engine, and SoftHSM behind the example's
//! command. The key is never in the program's process.

use std::path::Path;

use strongroom_core::signing::key::PublicKey;
use strongroom_core::signing::trust::{TrustRoot, Window};
use strongroom_storage::open::Secret;
use strongroom_storage::service::ServiceSettings;
use strongroom_storage::signer::{OpenBaoSettings, SignerSettings, open};
use strongroom_testkit::SoftHsm;
use strongroom_testkit::client::endpoint_of;
use strongroom_testkit::softhsm::{LABEL, PIN};

use crate::room::Room;

const SIGN: [&str; 7] = ["evidence", "sign", "b.tar.gz", "--signer", "ci", "-o", "s.json"];

fn trusts(room: &Room, public_key: PublicKey) {
    let root = TrustRoot::new(public_key, "security", Window::default()).expect("a root");
    room.write("trust.json", root.to_document().expect("a document"));
    let verify = ["evidence", "verify", "b.tar.gz", "--signature", "s.json"];
    room.run(&[&verify[..], &["--trust-root", "trust.json"]].concat()).exits(0);
}

fn bundled() -> Room {
    let room = Room::with_results();
    room.run(&["evidence", "bundle", "results", "-o", "b.tar.gz"]).exits(0);
    room
}

#[test]
fn openbao_signs_and_a_token_is_named_and_never_given() {
    let Some(url) = endpoint_of("STRONGROOM_TEST_OPENBAO") else { return };
    let token = endpoint_of("STRONGROOM_TEST_OPENBAO_TOKEN").expect("set with the other");
    for name in ["ed25519", "p256"] {
        let room = bundled().env("BAO_TOKEN", &*token).env("WRONG_TOKEN", "s.wrong");
        let key = format!("openbao:transit/{name}");
        let openbao = [&SIGN[..], &["--openbao-key", &key, "--openbao-url", &url]].concat();
        let with = |reference: &str| {
            room.run(&[&openbao[..], &["--openbao-token-ref", reference]].concat())
        };
        with("env:WRONG_TOKEN").exits(8);
        let refused = with(&token).exits(2);
        assert!(!refused.stderr.contains(&*token), "{}", refused.stderr);
        assert!(!room.path("s.json").exists());
        with("env:BAO_TOKEN").exits(0);

        let settings = OpenBaoSettings {
            service: ServiceSettings { url: url.clone(), ..ServiceSettings::default() },
            token: Secret(token.clone()),
            namespace: None,
            key: key.parse().expect("a key's name"),
        };
        let runtime = tokio::runtime::Runtime::new().expect("threads");
        let signer = runtime.block_on(open(SignerSettings::OpenBao(settings))).expect("a signer");
        trusts(&room, signer.public_key().clone());
    }
}

#[test]
fn a_token_of_softhsm_signs_through_a_command() {
    let Some(token) = SoftHsm::copied() else { return };
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/sign-with-pkcs11");
    let program = program.to_str().expect("UTF-8");
    for (id, name) in [("01", "p256"), ("02", "ed25519")] {
        let room = bundled()
            .env("SOFTHSM2_CONF", token.configuration().display().to_string())
            .env("PKCS11_PIN", PIN)
            .env("PATH", "/usr/local/bin:/usr/bin:/bin");
        let path_of = |name| token.public_key(name).to_str().expect("UTF-8").to_owned();
        let (pem, other) = match name {
            "p256" => (path_of(name), path_of("ed25519")),
            _ => (path_of(name), path_of("p256")),
        };
        let mut sign = [&SIGN[..], &["--signer-command", program]].concat();
        for argument in [&*token.module, LABEL, id, name] {
            sign.extend(["--signer-arg", argument]);
        }
        room.run(&[&sign[..], &["--signer-public-key", &other]].concat()).exits(4);
        assert!(!room.path("s.json").exists());
        room.run(&[&sign[..], &["--signer-public-key", &pem]].concat()).exits(0);
        let pem = std::fs::read_to_string(pem).expect("a public key");
        trusts(&room, PublicKey::from_pem(&pem).expect("a key"));
    }
}
