//! A registry that signs what it finalizes, as processes of their own: from the key to the check on another machine.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use std::process::Command;

use serde_json::Value;
use strongroom_testkit::client::endpoint_of;

use crate::room::Room;
use crate::schema::assert_valid;
use crate::served::{Served, admin_token, strongroom};

/// What a person does with the package of `run/`: pushes it, gets it back, and checks it by `trust.json`.
struct Signed {
    room: Room,
    served: Served,
    token: String,
}

impl Signed {
    /// A registry that is set up by this file, in a room that has the key already.
    fn start(room: Room, file: &str) -> Self {
        room.write(
            "own.yaml",
            format!("registry:\n  listen: 127.0.0.1:0\n  data_dir: data\n{file}"),
        );
        room.write("run/report.json", "{\"ok\":true}\n");
        let mut serve = Command::new(env!("CARGO_BIN_EXE_strongroom"));
        room.dress(&mut serve).args(["serve", "--config", "own.yaml"]);
        let served = Served::start_as(serve);
        let token = admin_token(&room.path("data"));
        Self { room, served, token }
    }

    #[track_caller]
    fn package(&self, arguments: &[&str]) -> Vec<u8> {
        let arguments = [&["--format", "json", "package"], arguments].concat();
        let (code, printed, told) = strongroom(&self.served, &self.token, &arguments);
        assert_eq!(code, Some(0), "{told}");
        printed.into_bytes()
    }

    fn path(&self, name: &str) -> String {
        self.room.path(name).to_str().unwrap().to_owned()
    }

    /// Pushes, and pulls what came of it to `run.tar.gz`.
    #[track_caller]
    fn there_and_back(&self) -> (String, Value) {
        let pushed = self.package(&["push", &self.path("run"), "--finalize"]);
        let pushed: Value = serde_json::from_slice(&pushed).unwrap();
        let id = pushed["package_id"].as_str().unwrap().to_owned();
        let pulled = self.package(&["pull", &id, "--out", &self.path("run.tar.gz")]);
        let pulled: Value = serde_json::from_slice(&pulled).unwrap();
        assert_valid(&pulled, "package-pulled");
        (id, pulled)
    }

    /// `evidence verify` of what was pulled, which needs no registry.
    #[track_caller]
    fn verifies(&self, trust: &str, more: &[&str]) -> i32 {
        let verify =
            ["evidence", "verify", "run.tar.gz", "--signature", "run.tar.gz.sigstore.json"];
        self.room.run(&[&verify[..], &["--trust-root", trust], more].concat()).code
    }
}

fn keys(room: &Room, name: &str, more: &[&str]) {
    let (key, public_key) = (format!("{name}.pem"), format!("{name}.pub.pem"));
    let generate = ["keys", "generate", "-o", &key, "--public-key", &public_key];
    room.run(&[&generate[..], more].concat()).exits(0);
    let trust = format!("{name}.json");
    let create = ["trust-root", "create", "--public-key", &public_key, "--owner", name];
    room.run(&[&create[..], &["-o", &trust]].concat()).exits(0);
}

#[test]
fn what_is_pulled_brings_its_signature_and_is_checked_without_the_registry() {
    for algorithm in ["ed25519", "p256"] {
        let room = Room::new().env("PASS", "correct horse");
        let passphrase = ["--passphrase-env", "PASS"];
        keys(&room, "ours", &[&["--algorithm", algorithm], &passphrase[..]].concat());
        keys(&room, "other", &[]);
        let signing = "  signing: {key: file:ours.pem, passphrase_ref: env:PASS, signer: team-x}\n";
        let signed = Signed::start(room, signing);
        assert!(
            signed.served.told.contains("manifests are signed by sha256:"),
            "{}",
            signed.served.told
        );
        let (id, pulled) = signed.there_and_back();
        let path = pulled["signature"]["path"].as_str().unwrap();
        assert_eq!(path, signed.path("run.tar.gz.sigstore.json"));
        assert_eq!(signed.verifies("ours.json", &["--require-signer", "ours"]), 0);
        assert_eq!(signed.verifies("other.json", &[]), 4);

        let printed = signed.package(&["manifest", &id, "--signature"]);
        assert_eq!(printed, std::fs::read(path).unwrap());
        let shown = signed.package(&["show", &id]);
        let shown: Value = serde_json::from_slice(&shown).unwrap();
        assert_eq!(shown["signature"]["key_id"], pulled["signature"]["key_id"]);
        let document: Value = serde_json::from_slice(&signed.package(&["manifest", &id])).unwrap();
        assert_valid(&document, "package");
        assert_eq!(document["signature"], shown["signature"]);
        // The bundle that `evidence bundle` makes of the directory is the same, and so is what is signed.
        let bundle = ["evidence", "bundle", "run", "-o", "own.tar.gz"];
        signed.room.run(&bundle).exits(0);
        let verify = ["evidence", "verify", "own.tar.gz", "--signature", path];
        signed.room.run(&[&verify[..], &["--trust-root", "ours.json"]].concat()).exits(0);
        assert_eq!(signed.served.end().0, 0);
    }
}

#[test]
fn a_signature_that_is_there_is_not_overwritten_and_without_one_only_the_bundle_comes() {
    let room = Room::new();
    keys(&room, "ours", &[]);
    let signed = Signed::start(room, "  signing: {key: file:ours.pem}\n");
    let (id, _) = signed.there_and_back();
    signed.room.write("second.tar.gz.sigstore.json", "mine");
    let pull = ["package", "pull", &id, "--out", &signed.path("second.tar.gz")];
    let (code, _, told) = strongroom(&signed.served, &signed.token, &pull);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("second.tar.gz.sigstore.json"), "{told}");
    assert!(!signed.room.path("second.tar.gz").exists());
    assert_eq!(std::fs::read(signed.room.path("second.tar.gz.sigstore.json")).unwrap(), b"mine");

    let unsigned = Signed::start(Room::new(), "");
    let (id, pulled) = unsigned.there_and_back();
    assert_eq!(pulled.get("signature"), None);
    assert!(!unsigned.room.path("run.tar.gz.sigstore.json").exists());
    let manifest = ["package", "manifest", &id, "--signature"];
    let (code, _, told) = strongroom(&unsigned.served, &unsigned.token, &manifest);
    assert_eq!(code, Some(7), "{told}");
    assert!(told.contains("not signed"), "{told}");
}

#[test]
fn a_key_that_cannot_be_used_is_told_by_the_check_and_keeps_a_registry_from_starting() {
    let room = Room::new().env("BAO_TOKEN", "s.x");
    keys(&room, "ours", &[]);
    room.write("no.pem", "no key");
    let check = |file: &str, more: &[&str]| {
        room.write("own.yaml", format!("registry:\n  signing: {file}\n"));
        let check = ["check-config", "--config", "own.yaml", "--data-dir", "data"];
        room.run(&[&check[..], &["--format", "json"], more].concat())
    };
    let found = |checked: Value| -> Vec<(String, String)> {
        assert_valid(&checked, "config-check");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let found = checked["findings"].as_array().unwrap().iter();
        found
            .filter(|one| one["about"] == "signing")
            .map(|one| (text(&one["severity"]), text(&one["message"])))
            .collect()
    };
    assert_eq!(found(check("{key: file:ours.pem}", &[]).exits(0).json()), []);
    let told = found(check("{key: file:ours.pem}", &["--connect"]).exits(0).json());
    assert!(told[0].1.starts_with("manifests are signed with the key sha256:"), "{told:?}");
    let told = found(check("{key: file:absent.pem}", &[]).exits(1).json());
    assert_eq!(told[0].0, "error", "{told:?}");
    found(check("{key: file:no.pem}", &[]).exits(3).json());
    let told = found(check("{key: file:absent.pem}", &["--api-only"]).exits(0).json());
    assert_eq!(told[0].0, "note", "{told:?}");
    let refused = room.run(&["serve", "--config", "own.yaml", "--data-dir", "data"]).exits(1);
    assert!(refused.stderr.contains("registry.signing.key"), "{}", refused.stderr);

    // A registry starts while OpenBao does not answer; a check says that it does not.
    let bao = "{key: openbao:transit/x, openbao_url: 'http://127.0.0.1:1', openbao_token_ref: env:BAO_TOKEN}";
    assert_eq!(found(check(bao, &[]).exits(0).json()), []);
    let told = found(check(bao, &["--connect"]).exits(11).json());
    assert!(told[0].1.contains("OpenBao cannot be reached"), "{told:?}");
    let nobody = bao.replace("BAO_TOKEN", "NO_TOKEN");
    let told = found(check(&nobody, &[]).exits(2).json());
    assert!(told[0].1.contains("env:NO_TOKEN"), "{told:?}");
    let tsa = "{key: file:ours.pem, timestamp_urls: 'http://127.0.0.1:1'}";
    let told = found(check(tsa, &["--connect"]).exits(11).json());
    assert!(told[0].1.contains("the time-stamp authority cannot be reached"), "{told:?}");
}

#[test]
fn a_time_stamp_comes_with_the_signature() {
    let Some(url) = endpoint_of("STRONGROOM_TEST_TSA") else { return };
    let roots = endpoint_of("STRONGROOM_TEST_TSA_ROOT").expect("set with the other");
    let room = Room::new();
    keys(&room, "ours", &[]);
    let signing = format!("  signing: {{key: file:ours.pem, timestamp_urls: '{url} {url}'}}\n");
    let signed = Signed::start(room, &signing);
    signed.there_and_back();
    // Of a key that is retired only a trusted time tells when it signed.
    let retire = ["trust-root", "retire", "ours.json", "--at", "2090-01-01"];
    signed.room.run(&retire).exits(0);
    assert_eq!(signed.verifies("ours.json", &[]), 4);
    assert_eq!(signed.verifies("ours.json", &["--tsa-root", &roots]), 0);
}

#[test]
fn a_key_in_openbao_signs_for_a_registry_and_its_check_asks_for_it() {
    let Some(url) = endpoint_of("STRONGROOM_TEST_OPENBAO") else { return };
    let token = endpoint_of("STRONGROOM_TEST_OPENBAO_TOKEN").expect("set with the other");
    for name in ["ed25519", "p256"] {
        let room = Room::new();
        room.write("token", format!("{token}\n"));
        keys(&room, "other", &[]);
        let signing = format!(
            "  signing: {{key: 'openbao:transit/{name}', openbao_url: '{url}', openbao_token_ref: file:token}}\n"
        );
        let signed = Signed::start(room, &signing);
        let (_, pulled) = signed.there_and_back();
        let key_id = pulled["signature"]["key_id"].as_str().unwrap();
        let check = ["check-config", "--config", "own.yaml", "--connect"];
        let checked = signed.room.run(&check).exits(0).stdout;
        assert!(checked.contains(key_id), "{checked}");
        assert_eq!(signed.verifies("other.json", &[]), 4);
        let public_key = public_key(&url, &token, name);
        signed.room.write("bao.pub.pem", public_key);
        let create = ["trust-root", "create", "--public-key", "bao.pub.pem", "--owner", "bao"];
        signed.room.run(&[&create[..], &["-o", "bao.json"]].concat()).exits(0);
        assert_eq!(signed.verifies("bao.json", &[]), 0);
    }
}

/// The public key that OpenBao tells of, in PEM.
fn public_key(url: &str, token: &str, name: &str) -> String {
    use strongroom_storage::signer::{OpenBaoSettings, SignerSettings, open};
    let settings = OpenBaoSettings {
        service: strongroom_storage::service::ServiceSettings {
            url: url.to_owned(),
            ..Default::default()
        },
        token: strongroom_storage::open::Secret(token.to_owned()),
        namespace: None,
        key: format!("openbao:transit/{name}").parse().unwrap(),
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let signer = runtime.block_on(open(SignerSettings::OpenBao(settings))).unwrap();
    signer.public_key().to_pem().unwrap()
}
