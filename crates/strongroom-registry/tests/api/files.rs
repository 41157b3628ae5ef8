//! What tests of files do again and again: upload, work on jobs, look into stores.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use bytes::Bytes;
use serde_json::Value;
use strongroom_core::layout;
use strongroom_registry::auth::Role;
use strongroom_registry::jobs;
use strongroom_registry::server::stop;
use strongroom_storage::fs::FsStorage;
use strongroom_storage::{Clock, ListRequest, ObjectKey, Storage};
use strongroom_testkit::S3Server;
use strongroom_testkit::s3::{BucketSettings, Lie};
use tokio::time::timeout;
use uuid::Uuid;

use crate::app::{Answer, Client, TestApp};
use crate::shelf::store_on;

/// Longer than anything that a test waits for.
const PATIENCE: Duration = Duration::from_secs(60);

impl Client {
    /// The request that stores a file.
    pub fn put_request(&self, package: Uuid, path: &str, body: Body) -> Request<Body> {
        self.request(Method::PUT, &format!("/packages/{package}/files/{path}")).body(body).unwrap()
    }

    pub async fn put_file(&self, package: Uuid, path: &str, bytes: &[u8]) -> Answer {
        let body = Body::from(Bytes::copy_from_slice(bytes));
        self.send(self.put_request(package, path, body)).await
    }

    /// Stores a file, which must go well.
    pub async fn stores(&self, package: Uuid, path: &str, bytes: &[u8]) -> Uuid {
        let answer = self.put_file(package, path, bytes).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.field("file_id").as_str().unwrap().parse().unwrap()
    }

    /// Asks for a package to be finalized; answers the job.
    pub async fn finalizes(&self, package: Uuid) -> Uuid {
        let answer = self.post(&format!("/packages/{package}/finalize"), Value::Null).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
        answer.field("job_id").as_str().unwrap().parse().unwrap()
    }

    pub async fn package(&self, package: Uuid) -> Value {
        self.get(&format!("/packages/{package}")).await.json()
    }

    /// Paths and states of a package's files.
    pub async fn files(&self, package: Uuid) -> Vec<(String, String)> {
        let listed = self.get(&format!("/packages/{package}/files")).await.json();
        let text = |file: &Value, name: &str| file[name].as_str().unwrap().to_owned();
        let files = listed["files"].as_array().unwrap().iter();
        files.map(|file| (text(file, "path"), text(file, "status"))).collect()
    }
}

impl TestApp {
    /// Works on jobs for as long as `work` takes.
    pub async fn working<T>(&self, work: impl Future<Output = T>) -> T {
        let (stopper, stopped) = stop();
        let working =
            tokio::spawn(jobs::work(Arc::clone(&self.registry), "test".to_owned(), stopped));
        let done = timeout(PATIENCE, work).await.expect("nothing came of it");
        stopper.stop();
        working.await.unwrap();
        done
    }

    /// Works on jobs until none is left to be done.
    pub async fn work_all(&self) {
        self.working(async {
            let admin = self.as_(Role::Admin);
            loop {
                let jobs = admin.get("/jobs?limit=200").await.json();
                let mut jobs = jobs["jobs"].as_array().unwrap().iter();
                if jobs.all(|job| job["state"] != "queued" && job["state"] != "running") {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }

    pub async fn job(&self, job: Uuid) -> Value {
        self.as_(Role::Admin).get(&format!("/jobs/{job}")).await.json()
    }

    /// Keys of the files' objects of a package.
    pub async fn objects(&self, package: Uuid) -> Vec<String> {
        keys_below(&*self.store, &format!("{}files/", layout::package_folder(package))).await
    }
}

pub async fn keys_below(store: &dyn Storage, prefix: &str) -> Vec<String> {
    let request = ListRequest { prefix: prefix.to_owned(), ..ListRequest::default() };
    let listed = store.list(&request).await.unwrap();
    assert!(listed.next.is_none());
    listed.objects.into_iter().map(|object| object.key).collect()
}

pub async fn bytes_at(store: &dyn Storage, key: &str) -> Bytes {
    let key = ObjectKey::new(key).unwrap();
    store.read(&key, None, None).await.unwrap().collect(64 << 20).await.unwrap()
}

/// Puts other bytes in the place of an object, as somebody with the right to write might.
pub async fn replace(store: &dyn Storage, key: &str, bytes: &'static [u8]) {
    replace_by(store, key, Bytes::from_static(bytes)).await;
}

/// The same with bytes that were made just now.
pub async fn replace_by(store: &dyn Storage, key: &str, bytes: Bytes) {
    let key = ObjectKey::new(key).unwrap();
    store.delete(&key, None).await.unwrap();
    store.create(&key, bytes.into(), &Default::default()).await.unwrap();
}

/// A bucket on an S3 server in this process.
pub struct Bucket {
    pub server: S3Server,
    pub store: Arc<dyn Storage>,
}

impl Bucket {
    pub async fn new(settings: BucketSettings, lie: Option<Lie>) -> Self {
        let server = S3Server::builder().bucket("shelf", settings);
        let server = match lie {
            Some(lie) => server.lie(lie),
            None => server,
        };
        let server = server.start().await;
        let store = store_on(&server).await;
        Self { server, store }
    }
}

/// A store in a folder.
pub fn folder_store() -> (tempfile::TempDir, Arc<dyn Storage>) {
    let folder = tempfile::tempdir().unwrap();
    let store = FsStorage::open(&folder.path().join("store"), Clock::system()).unwrap();
    (folder, Arc::new(store))
}
