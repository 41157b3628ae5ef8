//! What is in the bucket and in the rows in the end, seen with other eyes than the registry's.

use std::collections::{HashMap, HashSet};
use std::io::Cursor;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use reqwest::Method;
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use strongroom_core::BundleId;
use strongroom_core::bundle::{NoProgress, ReadLimits, UnverifiedBundle};
use strongroom_core::layout::{PackageObject, claimed_package, claimed_part, encode_segment};
use strongroom_core::package::record;
use uuid::Uuid;

use super::load::Loaded;
use super::processes::Cluster;

/// The part of each key that is the store's prefix.
const PREFIX: &str = "team/";
/// Requests at the same time.
const AT_ONCE: usize = 16;

/// The id of a bundle, every byte of which was read.
pub(super) fn verified(bundle: &Bytes) -> BundleId {
    let archive = Cursor::new(bundle.clone());
    let bundle = UnverifiedBundle::open(archive, &ReadLimits::default()).unwrap();
    bundle.verify(&NoProgress).unwrap().id()
}

/// One version of an object, as the bucket lists it.
struct Version {
    key: String,
    id: String,
}

/// Where a file is, as its row has it.
struct Location {
    version: Option<String>,
    status: String,
    mode: Option<String>,
    retain_until: Option<i64>,
    is_held: bool,
}

impl Location {
    fn of(row: &PgRow) -> Self {
        Self {
            version: row.get("version_id"),
            status: row.get("status"),
            mode: row.get("lock_mode"),
            retain_until: row.get("lock_retain_until"),
            is_held: row.get("lock_hold"),
        }
    }
}

/// The rows.
struct Rows {
    locations: HashMap<String, Location>,
    /// Keys of the parts of uploads, also of those that a process was killed at.
    parts: HashSet<String>,
    /// Dates and states of packages.
    packages: HashMap<Uuid, (Option<i64>, String)>,
    /// Packages that somebody was told to be held.
    held: HashSet<Uuid>,
}

/// Every version in the bucket is a row's, or a record; every row's lock is the one that Ceph tells.
pub(super) async fn look_at_everything(cluster: &Cluster, loaded: &[Loaded]) {
    let held = loaded.iter().filter(|package| package.is_held).map(|package| package.package);
    let rows = rows(cluster, held.collect()).await;
    let versions = versions(cluster).await;
    let mut keys: Vec<&str> = versions.iter().map(|version| version.key.as_str()).collect();
    keys.dedup();
    assert_eq!(keys.len(), versions.len(), "a key has two versions");
    for location in rows.locations.iter().filter(|(_, location)| location.status == "active") {
        assert!(keys.binary_search(&location.0.as_str()).is_ok(), "{} is lost", location.0);
    }
    let files: usize = loaded.iter().map(|package| package.files.len()).sum();
    let active = rows.locations.values().filter(|location| location.status == "active");
    assert_eq!(active.count(), files, "one location for each file that was acknowledged");
    let failed = cluster.count("SELECT count(*) FROM jobs WHERE state <> 'done'").await;
    assert_eq!(failed, 0, "jobs that are not done");
    let rows = &rows;
    stream::iter(versions)
        .for_each_concurrent(AT_ONCE, |version| async move {
            is_explained(cluster, rows, &version).await;
        })
        .await;
}

async fn is_explained(cluster: &Cluster, rows: &Rows, version: &Version) {
    let Version { key, id } = version;
    if claimed_part(key).is_some() {
        assert!(rows.parts.contains(key), "{key} has no row");
        return;
    }
    let (package, object) = claimed_package(key).unwrap_or_else(|| panic!("{key} is not ours"));
    let row = rows.packages.get(&package);
    match object {
        PackageObject::File(_) => {
            let location = rows.locations.get(key).unwrap_or_else(|| panic!("{key} has no row"));
            assert_eq!(location.status, "active", "{key}");
            assert_eq!(location.version.as_ref(), Some(id), "{key}");
        }
        PackageObject::Record(record) => {
            let read = cluster.s3.get(&cluster.bucket, &format!("{PREFIX}{key}")).await;
            assert_eq!(record::read(&read.body).unwrap().id, record, "{key}");
        }
        _ => assert!(row.is_some_and(|(_, status)| status == "finalized"), "{key}"),
    }
    // A package whose making was not acknowledged has a record only, which promises and locks nothing.
    let Some((expires_at, _)) = row else { return };
    let told = cluster.s3.retention(&cluster.bucket, &format!("{PREFIX}{key}"), id).await;
    let until: Timestamp = told
        .element("RetainUntilDate")
        .unwrap_or_else(|| panic!("{key}: {told:?}"))
        .parse()
        .unwrap();
    if let Some(location) = rows.locations.get(key) {
        let row_until = location.retain_until.map(|micros| micros / 1_000_000);
        assert_eq!(row_until, Some(until.as_second()), "{key}");
        let mode = told.element("Mode").map(|mode| mode.to_lowercase());
        assert_eq!(location.mode, mode, "{key}");
        let told = cluster.s3.legal_hold(&cluster.bucket, &format!("{PREFIX}{key}"), id).await;
        let is_held = told.element("Status").as_deref() == Some("ON");
        assert_eq!(is_held, rows.held.contains(&package), "{key}: {told:?}");
        assert_eq!(location.is_held, is_held, "{key}");
    }
    let expires_at = expires_at.unwrap_or_default();
    assert!(until.as_second() >= expires_at / 1_000_000, "{key} is locked until {until}");
}

async fn rows(cluster: &Cluster, held: HashSet<Uuid>) -> Rows {
    let mut connection = cluster.connection().await;
    let locations: Vec<(String, Location)> = sqlx::query(
        "SELECT object_key, version_id, status, lock_mode, lock_retain_until, lock_hold FROM storage_locations",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap()
    .iter()
    .map(|row| (row.get("object_key"), Location::of(row)))
    .collect();
    let parts: Vec<(String,)> = sqlx::query_as("SELECT object_key FROM upload_parts")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let packages: Vec<(Uuid, Option<i64>, String)> =
        sqlx::query_as("SELECT id, expires_at, status FROM artifact_packages")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    Rows {
        locations: locations.into_iter().collect(),
        parts: parts.into_iter().map(|(key,)| key).collect(),
        packages: packages.into_iter().map(|(id, date, status)| (id, (date, status))).collect(),
        held,
    }
}

/// Every version of every key, in the order of the keys, without the store's prefix. No delete marker is among them.
async fn versions(cluster: &Cluster) -> Vec<Version> {
    let (mut versions, mut markers) = (Vec::new(), String::new());
    loop {
        let query = format!("{markers}max-keys=1000&versions=");
        let answer = cluster.s3.request(Method::GET, &cluster.bucket, "", &query, &[], "").await;
        assert!(answer.status.is_success(), "{answer:?}");
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        assert!(!text.contains("<DeleteMarker>"), "a delete marker");
        for entry in text.split("<Version>").skip(1) {
            let (key, id) = (between(entry, "Key"), between(entry, "VersionId"));
            let key = key.strip_prefix(PREFIX).expect("the store's prefix").to_owned();
            versions.push(Version { key, id });
        }
        if answer.element("IsTruncated").as_deref() != Some("true") {
            return versions;
        }
        let key = encode_segment(&answer.element("NextKeyMarker").unwrap());
        let id = encode_segment(&answer.element("NextVersionIdMarker").unwrap_or_default());
        markers = format!("key-marker={key}&version-id-marker={id}&");
    }
}

fn between(text: &str, name: &str) -> String {
    let (_, rest) = text.split_once(&format!("<{name}>")).unwrap();
    rest.split_once("</").unwrap().0.to_owned()
}
