//! Secrets that OpenBao keeps, by reference: of the store, of the database, of the key that signs. A real OpenBao, where
//! the test scripts started it, and real processes.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use std::process::Command;

use strongroom_testkit::client::endpoint_of;
use strongroom_testkit::{S3Client, S3Server};

use crate::room::{Outcome, Room};
use crate::served::{Served, admin_token, strongroom};

const PASSPHRASE: &str = "correct horse battery";

/// A real OpenBao.
struct OpenBao {
    url: String,
    token: String,
}

impl OpenBao {
    fn new() -> Option<Self> {
        let url = endpoint_of("STRONGROOM_TEST_OPENBAO")?;
        Some(Self { url, token: endpoint_of("STRONGROOM_TEST_OPENBAO_TOKEN").unwrap() })
    }

    /// Keeps a secret of KV version 2, and a token that may read it and nothing else.
    async fn keep(&self, name: &str, fields: serde_json::Value) -> String {
        let data = serde_json::json!({ "data": fields });
        self.post(&format!("secret/data/{name}"), &data).await;
        let policy = format!("path \"secret/data/{name}\" {{ capabilities = [\"read\"] }}");
        let policy = serde_json::json!({ "policy": policy });
        self.post(&format!("sys/policies/acl/{name}"), &policy).await;
        let made = self.post("auth/token/create", &serde_json::json!({"policies": [name]})).await;
        made["auth"]["client_token"].as_str().unwrap().to_owned()
    }

    async fn post(&self, path: &str, body: &serde_json::Value) -> serde_json::Value {
        let request = reqwest::Client::new()
            .post(format!("{}/v1/{path}", self.url))
            .header("x-vault-token", &self.token)
            .json(body);
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_has_its_secrets_from_openbao_and_tells_none_of_them() {
    let Some(bao) = OpenBao::new() else { return };
    let server = S3Server::builder().start().await;
    let owner = server.owner();
    let client = S3Client::new(server.endpoint(), owner.access_key(), owner.secret_key());
    client.create_lock_bucket("kept").await;
    let room = Room::new().env("PASS", PASSPHRASE);
    let generate = ["keys", "generate", "-o", "key.pem", "--passphrase-env", "PASS"];
    room.run(&generate).exits(0);
    let database = format!("sqlite:{}", room.path("elsewhere.db").display());
    let fields = serde_json::json!({
        "access": owner.access_key(),
        "secret": owner.secret_key(),
        "url": database,
        "passphrase": PASSPHRASE,
    });
    let token = bao.keep("registry", fields).await;
    room.write("token", format!("{token}\n"));
    room.write(
        "own.yaml",
        format!(
            "store:\n  url: s3://kept/team\n  endpoint: {}\n  region: us-east-1\n  allow_http: true\n  \
             access_key_ref: bao:secret/data/registry#access\n  secret_key_ref: bao:secret/data/registry#secret\n\
             registry:\n  listen: 127.0.0.1:0\n  data_dir: data\n  \
             database_url_ref: bao:secret/data/registry#url\n  \
             signing: {{key: file:key.pem, passphrase_ref: 'bao:secret/data/registry#passphrase'}}\n",
            server.endpoint()
        ),
    );
    let dressed = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom"));
        room.dress(&mut command).args(arguments).args(["--config", "own.yaml", "-vv"]);
        command.env("BAO_ADDR", &bao.url).env("BAO_TOKEN_PATH", "token");
        command
    };
    let mut told = String::new();
    let run = |arguments: &[&str]| Outcome::of(dressed(arguments).output().unwrap());
    let checked = run(&["check-config", "--connect"]).exits(7);
    assert!(checked.stdout.contains("strongroom migrate"), "{}", checked.stdout);
    told.push_str(&(checked.stdout + &checked.stderr));
    told.push_str(&run(&["migrate"]).exits(0).stderr);
    assert!(room.path("elsewhere.db").exists());

    let served = Served::start_as(dressed(&["serve", "--api-only"]));
    let worker = Served::start_as(dressed(&["worker", "--listen", "127.0.0.1:0"]));
    let admin = admin_token(&room.path("data"));
    room.write("run/report.json", "{}");
    let directory = room.path("run").display().to_string();
    let (code, _, said) =
        strongroom(&served, &admin, &["package", "push", &directory, "--finalize"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(server.bucket("kept").keys().iter().any(|key| key.ends_with("manifest.sigstore.json")));
    let checked = run(&["check-config", "--connect", "--format", "json"]).exits(0);
    told.push_str(&(checked.stdout + &checked.stderr));
    told.push_str(&(served.told.clone() + &worker.told));
    for process in [worker, served] {
        let (code, said) = process.end();
        assert_eq!(code, 0, "{said}");
        told.push_str(&said);
    }
    for secret in [owner.secret_key(), PASSPHRASE, &token, &database] {
        assert!(!told.contains(secret), "{secret} is told: {told}");
    }
    // The command line has it for the same price.
    run(&["evidence", "push", "run"]).exits(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_way_that_a_secret_is_not_had_says_what_to_do() {
    let Some(bao) = OpenBao::new() else { return };
    let token = bao.keep("narrow", serde_json::json!({"secret": "hunter2"})).await;
    let ask = |reference: &str, address: &str, token: &str| {
        let room = Room::new()
            .env("KEY", "me")
            .env("BAO_ADDR", address)
            .env("BAO_TOKEN", token)
            .env("STRONGROOM_STORE_ACCESS_KEY_REF", "env:KEY")
            .env("STRONGROOM_STORE_SECRET_KEY_REF", reference)
            .env("STRONGROOM_STORE_REGION", "us-east-1");
        // A check asks OpenBao only where it is to connect.
        room.run(&["check-config", "--data-dir", "data", "--store", "s3://kept"]).exits(0);
        room.run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", "d", "--store", "s3://kept"])
    };
    let here = bao.url.as_str();
    for (reference, address, token, exit, says, help) in [
        ("bao:secret/data/narrow#absent", here, &*token, 7, "no such field", "the name after #"),
        ("bao:secret/data/other#secret", here, &token, 8, "permission denied", "its policy"),
        ("bao:secret/data/narrow#secret", here, "s.wrong", 8, "refuses whoever asks", "the token"),
        ("bao:secret/data/narrow#secret", here, "", 2, "there is no token", "BAO_TOKEN_PATH"),
        ("bao:secret/data/narrow#secret", "", &token, 2, "nothing says where", "BAO_ADDR"),
        ("bao:secret/data/narrow#secret", "http://127.0.0.1:1", &token, 11, "be reached", "URL"),
        ("bao:secret/data/narrow#secret", "http://bao.example", &token, 2, "plain http", "https"),
    ] {
        let refused = ask(reference, address, token).exits(exit);
        for words in [reference, says, help] {
            assert!(refused.stderr.contains(words), "{words}: {}", refused.stderr);
        }
        assert!(!refused.stderr.contains("hunter2"), "{}", refused.stderr);
        assert!(token.is_empty() || !refused.stderr.contains(token), "{}", refused.stderr);
    }
}
