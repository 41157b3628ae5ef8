//! A CAVRA directory on real stores: extended and held file by file, as another client reads it.

use http::StatusCode;
use strongroom_core::Sha256Digest;
use strongroom_core::bundle::cavra::VerifiedCavra;
use strongroom_core::upload::{Upload, UploadedObject};
use strongroom_storage::evidence::{CavraPush, Extension, show_retention};

use super::later_locks::{place, release, request_until};
use super::*;

const FILES: usize = 3;

impl Bucket {
    /// Pushes an unsigned directory of two files and its manifest.
    async fn push_directory(&self) -> Upload {
        let root = self.folder.path().join("cavra");
        fs::create_dir_all(root.join("logs")).unwrap();
        let files = [("evidence.json", "{\"session_id\": \"s-1\"}"), ("logs/a.log", "one\n")];
        let mut listed = Vec::new();
        for (path, text) in files {
            fs::write(root.join(path), text).unwrap();
            let sha256 = Sha256Digest::of(text.as_bytes()).to_hex();
            listed.push(format!(
                r#"{{"path": "{path}", "sha256": "{sha256}", "bytes": {}}}"#,
                text.len()
            ));
        }
        let manifest = format!(
            r#"{{"schema_version": "cavra.evidence.bundle.v1", "product": "CAVRA",
                "created_at": "2026-01-01T00:00:00Z", "files": [{}]}}"#,
            listed.join(", ")
        );
        fs::write(root.join("manifest.json"), manifest).unwrap();
        let bundle = Arc::new(VerifiedCavra::verify(&root, &NoProgress).unwrap());
        let until = self.clock.now() + jiff::SignedDuration::from_hours(1);
        let request = PushRequest { retain_until: Some(until), ..request() };
        let push = CavraPush::prepare(&*self.store, bundle, request, &self.clock).await.unwrap();
        let outcome = push.execute(&NoProgress).await.unwrap();
        assert!(outcome.shortfall.is_none(), "{:?}", outcome.shortfall);
        outcome.upload
    }

    /// What the other client reads of one file's hold.
    async fn hold_of(&self, object: &UploadedObject) -> Option<String> {
        let version = object.version_id.as_deref().unwrap();
        let version =
            percent_encoding::utf8_percent_encode(version, percent_encoding::NON_ALPHANUMERIC);
        let query = format!("legal-hold=&versionId={version}");
        let get = http::Method::GET;
        let answer = self.client.request(get, &self.name, &object.key, &query, &[], "").await;
        answer.element("Status")
    }
}

#[tokio::test]
async fn every_file_of_a_directory_is_locked_for_longer_and_held_until_the_release() {
    for server in [CEPH, SEAWEEDFS] {
        let Some(bucket) = Bucket::with_lock(server).await else { continue };
        let upload = bucket.push_directory().await;
        let id = upload.bundle_id;
        assert_eq!(upload.objects.len(), FILES, "{server}");
        let until = upload.objects[0].lock.retain_until.unwrap();
        let until = until + jiff::SignedDuration::from_hours(1);
        let extension = request_until(id, until);
        let prepared = Extension::prepare(&*bucket.store, extension, &bucket.clock).await.unwrap();
        let extended = prepared.execute().await.unwrap();
        assert!(extended.shortfall.is_none(), "{server}: {:?}", extended.shortfall);
        let placed = place(&bucket, id, "17").await;
        for object in &upload.objects {
            let version = object.version_id.as_deref().unwrap();
            let read = bucket.client.retention(&bucket.name, &object.key, version).await;
            let date: jiff::Timestamp = read.element("RetainUntilDate").unwrap().parse().unwrap();
            assert_eq!(date.as_second(), until.as_second(), "{server}: {}", object.path);
            assert_eq!(bucket.hold_of(object).await.as_deref(), Some("ON"), "{server}");
            let attacked = bucket.client.delete_version(&bucket.name, &object.key, version).await;
            assert_eq!(attacked.status, StatusCode::FORBIDDEN, "{server}: {}", object.path);
        }
        release(&bucket, id, &placed).await;
        for object in &upload.objects {
            assert_eq!(bucket.hold_of(object).await.as_deref(), Some("OFF"), "{server}");
        }
        let report = show_retention(&*bucket.store, id).await.unwrap();
        assert!(report.objects.iter().all(|object| !object.standing.is_a_disagreement()));
    }
}
