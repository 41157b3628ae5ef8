//! Finalized packages, without the way there: rows and objects as finalizing leaves them, but for the locks.

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;
use jiff::SignedDuration;
use serde_json::json;
use strongroom_core::package::{
    FileStatus, LocationStatus, LockState, PackageStatus, RestoreStatus, RetrievalTier,
};
use strongroom_core::receipt::{CreateOnly, Integrity};
use strongroom_core::{BundleId, Sha256Digest, layout};
use strongroom_registry::auth::Role;
use strongroom_registry::config::Settings;
use strongroom_registry::db::{FileRow, LocationRow, PackageRow, TenantId};
use strongroom_registry::error::ServiceError;
use strongroom_registry::jobs::run_one;
use strongroom_registry::jobs::sweep::{self, Tick};
use strongroom_storage::keep::{self, WriteAsk};
use strongroom_storage::{ObjectKey, SeenLock, VersionId};
use uuid::Uuid;

use crate::app::TestApp;

/// The sweeper looks whenever it is told to, a deletion waits for two looks, and a job that failed is tried at once.
pub fn stepwise(settings: &mut Settings) {
    settings.deletion.sweep_every = SignedDuration::ZERO;
    settings.deletion.grace_ticks = 2;
    settings.jobs.back_off = SignedDuration::ZERO;
    settings.jobs.objects_at_once = 1;
}

/// A package that was finalized just now, its objects not locked yet.
pub async fn finalized(app: &TestApp, class: &str, files: u32) -> Uuid {
    let ask = json!({ "name": "evidence", "retention": { "class": class } });
    let made = app.as_(Role::Producer).post("/packages", ask).await;
    let id: Uuid = made.field("package_id").as_str().unwrap().parse().unwrap();
    let mut rows = Vec::new();
    for number in 0..files {
        let file = app.registry.clock().new_id();
        let version = write(app, &layout::package_file(id, file), b"content").await;
        rows.push(rows_of(app, id, file, number, version).await);
    }
    write(app, &layout::package_manifest(id), id.as_bytes()).await;
    write(app, &layout::package_document(id), b"{}").await;
    let mut package = row(app, id).await;
    let manifest = Sha256Digest::of(id.as_bytes());
    package.status = PackageStatus::Finalized;
    package.lock_state = LockState::Applying;
    package.finalized_at = Some(app.clock.now());
    package.bundle_id = Some(BundleId(manifest));
    package.manifest_sha256 = Some(manifest);
    package.files_count = u64::from(files);
    package.size_bytes = u64::from(files) * 7;
    app.registry
        .db()
        .write((TenantId::default_tenant(), package, rows), |tx, (tenant, package, rows)| {
            Box::pin(async move {
                let mut tx = tx.of(tenant);
                for (file, location) in rows {
                    tx.insert_file(file).await?;
                    tx.insert_location(location).await?;
                }
                tx.update_package(package).await?;
                Ok::<_, ServiceError>(())
            })
        })
        .await
        .unwrap();
    id
}

/// The same, and its objects are locked.
pub async fn locked(app: &TestApp, class: &str, files: u32) -> Uuid {
    let id = finalized(app, class, files).await;
    tick(app).await;
    work(app).await;
    id
}

async fn write(app: &TestApp, key: &str, bytes: &[u8]) -> Option<VersionId> {
    let body = stream::iter([Ok(Bytes::copy_from_slice(bytes))]).boxed();
    let key = ObjectKey::new(key).unwrap();
    keep::write(&*app.store, &key, body, WriteAsk::new(1 << 20)).await.unwrap().version
}

async fn rows_of(
    app: &TestApp,
    package_id: Uuid,
    id: Uuid,
    number: u32,
    version: Option<VersionId>,
) -> (FileRow, LocationRow) {
    let (now, path) = (app.clock.now(), format!("file-{number}"));
    let file = FileRow {
        id,
        package_id,
        relative_path: path.clone(),
        path_nfc: path,
        media_type: None,
        content_type: None,
        size_bytes: Some(7),
        sha256: Some(Sha256Digest::of(b"content")),
        status: FileStatus::Stored,
        object_key: layout::package_file(package_id, id),
        created_by: row(app, package_id).await.created_by,
        created_at: now,
        stored_at: Some(now),
    };
    let location = LocationRow {
        id: app.registry.clock().new_id(),
        package_id,
        artifact_file_id: id,
        backend_id: "default".to_owned(),
        object_key: file.object_key.clone(),
        version_id: version.map(|version| version.0),
        etag: None,
        storage_class: None,
        status: LocationStatus::Active,
        integrity: Integrity::ReadBack,
        create_only: CreateOnly::Enforced,
        lock_mode: None,
        lock_retain_until: None,
        lock_hold: false,
        hold_was_set_before: false,
        lock_read_at: None,
        lock_unobserved: None,
        retrieval_tier: RetrievalTier::Hot,
        restore_status: RestoreStatus::Available,
        restore_requested_at: None,
        restore_expires_at: None,
        created_at: now,
        last_verified_at: None,
    };
    (file, location)
}

/// A package's row.
pub async fn row(app: &TestApp, id: Uuid) -> PackageRow {
    let mut session = app.registry.db().read().await.unwrap();
    session.of(&TenantId::default_tenant()).package(id).await.unwrap().unwrap()
}

/// Where a package's files are.
pub async fn locations(app: &TestApp, id: Uuid) -> Vec<LocationRow> {
    let mut session = app.registry.db().read().await.unwrap();
    let tenant = TenantId::default_tenant();
    session.of(&tenant).locations_of_package(id, Uuid::nil(), 1_000).await.unwrap()
}

/// One look of the sweeper.
pub async fn tick(app: &TestApp) -> Tick {
    sweep::tick(&app.registry).await.unwrap().expect("a look is due")
}

/// Runs jobs until none can be run.
pub async fn work(app: &TestApp) {
    while run_one(&app.registry, "test").await.unwrap() {}
}

/// The lock of each object of a package that is in the store: of files, and of what is beside them.
pub async fn locks(app: &TestApp, id: Uuid) -> Vec<(String, SeenLock)> {
    let mut locks = Vec::new();
    for key in keys(app, id).await {
        let lock = app.store.lock(&ObjectKey::new(key.clone()).unwrap(), None).await.unwrap();
        locks.push((key, lock));
    }
    locks
}

/// Every key of a package.
pub async fn keys(app: &TestApp, id: Uuid) -> Vec<String> {
    let request = strongroom_storage::ListRequest {
        prefix: layout::package_folder(id),
        ..strongroom_storage::ListRequest::default()
    };
    let page = app.store.list(&request).await.unwrap();
    page.objects.into_iter().map(|object| object.key).collect()
}

/// The kinds of a package's records, in order.
pub async fn records(app: &TestApp, id: Uuid) -> Vec<serde_json::Value> {
    let mut records = Vec::new();
    for key in keys(app, id).await.into_iter().filter(|key| key.contains("/records/")) {
        let object = app.store.read(&ObjectKey::new(key).unwrap(), None, None).await.unwrap();
        let bytes = object.collect(1 << 20).await.unwrap();
        records.push(serde_json::from_slice(&bytes).unwrap());
    }
    records
}
