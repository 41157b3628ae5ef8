//! `serve` with downloads that are redirected to the store: what comes, who sees the token, and that no link is told
//! anywhere. A real process, on the S3 server of the testkit, and on Ceph where the test scripts started it.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use strongroom_storage::Clock;
use strongroom_testkit::client::get;
use strongroom_testkit::{S3Client, S3Server, Services};

use crate::served::{Served, admin_token, strongroom};

/// A registry with everything redirected, and the folder of its data.
struct Place {
    served: Served,
    token: String,
    folder: tempfile::TempDir,
}

impl Place {
    /// On a bucket of this client's server; it tells all that it ever tells.
    async fn start(client: &S3Client, more: &[(&str, &str)]) -> Self {
        let bucket = format!("cli-redirects-{}", Clock::system().new_id());
        client.create_lock_bucket(&bucket).await;
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("registry");
        let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom"));
        command.args(["serve", "-vv", "--listen", "127.0.0.1:0", "--data-dir"]).arg(&data_dir);
        command
            .env_clear()
            .env("HOME", folder.path())
            .env("STRONGROOM_STORE_URL", format!("s3://{bucket}/team"))
            .env("STRONGROOM_STORE_ENDPOINT", client.endpoint())
            .env("STRONGROOM_STORE_ALLOW_HTTP", "true")
            .env("STRONGROOM_STORE_ACCESS_KEY", client.access_key())
            .env("STRONGROOM_STORE_SECRET_KEY", client.secret_key())
            .env("STRONGROOM_REGISTRY_DOWNLOADS_REDIRECT", "by_default")
            .env("STRONGROOM_REGISTRY_DOWNLOADS_REDIRECT_FROM_BYTES", "1")
            .envs(more.iter().copied());
        let served = Served::start_as(command);
        let token = admin_token(&data_dir);
        Self { served, token, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let arguments = [&["--format", "json"], arguments].concat();
        let (code, printed, told) = strongroom(&self.served, &self.token, &arguments);
        assert_eq!(code, Some(0), "{told}");
        serde_json::from_str(&printed).unwrap()
    }

    /// Pushes three files as a package; answers its document.
    fn push(&self) -> Value {
        let run = self.path("run");
        std::fs::create_dir_all(run.join("logs")).unwrap();
        for (name, content) in FILES {
            std::fs::write(run.join(name), content).unwrap();
        }
        self.json(&["package", "push", text(&run), "--finalize", "--subject", "shop/cart"])
    }

    /// The places of a package's downloads, with their paths.
    async fn downloads(&self, package: &str) -> Vec<(String, String)> {
        let url = format!("{}/api/v1/packages/{package}/files", self.served.url());
        let listed = get(&url, &[("authorization", &format!("Bearer {}", self.token))]).await;
        let listed: Value = serde_json::from_slice(&listed.body).unwrap();
        let files = listed["files"].as_array().unwrap().iter();
        let place = |file: &Value| {
            let id = file["file_id"].as_str().unwrap();
            format!("{}/api/v1/files/{id}/download", self.served.url())
        };
        files.map(|file| (file["path"].as_str().unwrap().to_owned(), place(file))).collect()
    }
}

const FILES: [(&str, &str); 3] =
    [("report.json", "{\"ok\":true}\n"), ("logs/a b.log", "one\n"), ("logs/b.log", "two\n")];

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Clients of every S3 server that there is.
fn servers(in_process: &S3Server) -> Vec<S3Client> {
    let owner = in_process.owner();
    let of_process = S3Client::new(in_process.endpoint(), owner.access_key(), owner.secret_key());
    [Some(of_process), S3Client::of_server("STRONGROOM_TEST_CEPH")].into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_come_from_the_store_bundles_through_the_registry_and_no_log_line_has_a_link() {
    let in_process = S3Server::builder().start().await;
    for client in servers(&in_process) {
        let place = Place::start(&client, &[]).await;
        let pushed = place.push();
        let id = pushed["package_id"].as_str().unwrap();
        let pulled = place.path("pulled.tar.gz");
        place.json(&["package", "pull", id, "--out", text(&pulled)]);
        let verified = place.json(&["evidence", "verify", text(&pulled)]);
        assert_eq!(verified["bundle_id"], pushed["bundle_id"]);

        let downloads = place.downloads(id).await;
        assert_eq!(downloads.len(), FILES.len());
        let mut signatures = Vec::new();
        for (path, url) in downloads {
            // As most clients do it.
            let http = reqwest::Client::new().get(&url).bearer_auth(&place.token);
            let read = http.send().await.unwrap();
            assert_eq!(read.status(), 200);
            assert!(read.url().as_str().starts_with(client.endpoint()), "from the store");
            let (_, content) = FILES.iter().find(|(name, _)| *name == path).unwrap();
            assert_eq!(read.text().await.unwrap(), *content);
            let bearer = format!("Bearer {}", place.token);
            let told = get(&url, &[("authorization", &bearer)]).await;
            assert_eq!(told.status, 307);
            let (_, signature) =
                told.header("location").unwrap().split_once("X-Amz-Signature=").unwrap();
            signatures.push(signature.to_owned());
        }
        let folder = place.folder;
        let (code, log) = place.served.end();
        assert_eq!(code, 0, "{log}");
        assert!(log.contains("/api/v1/files/{file_id}/download") && log.contains("307"), "{log}");
        assert!(log.contains("the store answered"), "it tells all that it ever tells");
        for part in ["X-Amz-", "response-content-disposition", &place.token] {
            assert!(!log.contains(part), "{part}");
        }
        assert!(signatures.iter().all(|signature| !log.contains(signature)));
        for entry in std::fs::read_dir(folder.path().join("registry")).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains("X-Amz-Signature"), "a file of the registry's");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_follows_does_not_take_the_token_along() {
    let in_process = S3Server::builder().start().await;
    let client = servers(&in_process).remove(0);
    let store = Services::start();
    let public = store.endpoint();
    let place = Place::start(&client, &[("STRONGROOM_STORE_PUBLIC_ENDPOINT", &public)]).await;
    let pushed = place.push();
    let downloads = place.downloads(pushed["package_id"].as_str().unwrap()).await;
    let followed = reqwest::Client::new().get(&downloads[0].1).bearer_auth(&place.token);
    assert_eq!(followed.send().await.unwrap().status(), 404, "that store has nothing");
    let asked = store.asked();
    assert_eq!(asked.len(), 1, "the public endpoint is asked, and by nobody else");
    assert!(asked[0].what.contains("X-Amz-Signature="), "{}", asked[0].what);
    let headers = asked[0].headers.to_ascii_lowercase();
    assert!(!headers.contains("authorization") && !headers.contains("srt_"), "{headers}");
    assert_eq!(place.served.end().0, 0);
}

/// What answers in the place of a registry, and sends everybody elsewhere.
fn redirecting_to(elsewhere: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: {elsewhere}/x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let Ok(mut connection) = connection else { return };
            // The head of a GET comes in one piece.
            let _ = connection.read(&mut [0; 16 << 10]);
            let _ = connection.write_all(answer.as_bytes());
        }
    });
    url
}

#[test]
fn the_program_itself_follows_nobody() {
    let elsewhere = Services::start();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.tar.gz");
    let id = "00000000-0000-7000-8000-000000000000";
    let output = Command::new(env!("CARGO_BIN_EXE_strongroom"))
        .args(["package", "pull", id, "--out", text(&out)])
        .env_clear()
        .env("STRONGROOM_URL", redirecting_to(&elsewhere.endpoint()))
        .env("STRONGROOM_TOKEN", "srt_secret")
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("HTTP 307") && !told.contains("srt_secret"), "{told}");
    assert!(elsewhere.asked().is_empty(), "{:?}", elsewhere.asked());
    assert!(!out.exists());
}
