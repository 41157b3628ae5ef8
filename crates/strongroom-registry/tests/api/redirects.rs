//! Downloads that are answered with a link to the store, by policy: on the S3 server of the testkit, and on Ceph where
//! the test scripts started it.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use serde_json::Value;
use sqlx::{Connection as _, Row as _};
use strongroom_registry::auth::Role;
use strongroom_registry::config::{Redirects, Settings};
use strongroom_storage::open::{Secret, StaticCredentials, StoreSettings, open};
use strongroom_storage::{Clock, ObjectKey, Storage, VersionId};
use strongroom_testkit::client::get;
use strongroom_testkit::s3::{BucketSettings, Op};
use strongroom_testkit::{S3Client, S3Server};
use uuid::Uuid;

use crate::app::{Answer, Client, TestApp, on_both_with, on_each_engine};
use crate::evidence::{locations, locked, tick, work};
use crate::shelf::Shelf;

const CONTENT: &[u8] = b"<script>alert(1)</script>";
/// What every link has in it, and nothing else.
const SIGNATURE: &str = "X-Amz-Signature";

fn by_default(settings: &mut Settings) {
    settings.downloads.redirects = Redirects::ByDefault;
    settings.downloads.redirect_from_bytes = 8;
}

fn on_request(settings: &mut Settings) {
    by_default(settings);
    settings.downloads.redirects = Redirects::OnRequest;
}

/// A bucket with versions and locks, and another client of it.
struct Bucket {
    client: S3Client,
    name: String,
    store: Arc<dyn Storage>,
    _server: Option<S3Server>,
}

impl Bucket {
    /// One on each server that there is.
    async fn all() -> Vec<Self> {
        let server = S3Server::builder().start().await;
        let owner = server.owner();
        let client = S3Client::new(server.endpoint(), owner.access_key(), owner.secret_key());
        let mut all = vec![Self::of(client, Some(server)).await];
        if let Some(client) = S3Client::of_server("STRONGROOM_TEST_CEPH") {
            all.push(Self::of(client, None).await);
        }
        all
    }

    async fn of(client: S3Client, server: Option<S3Server>) -> Self {
        let name = format!("redirects-{}", Clock::system().new_id());
        client.create_lock_bucket(&name).await;
        let settings = StoreSettings {
            url: format!("s3://{name}/team"),
            endpoint: Some(client.endpoint().to_owned()),
            allow_http: true,
            credentials: Some(StaticCredentials {
                access_key: client.access_key().to_owned(),
                secret_key: Secret(client.secret_key().to_owned()),
                session_token: None,
            }),
            ..StoreSettings::default()
        };
        let store = open(&settings, Clock::system()).await.unwrap();
        Self { client, name, store, _server: server }
    }
}

/// The place of a download, and the package that it is of.
async fn stored(app: &TestApp, name: &str, bytes: &[u8]) -> (String, Uuid) {
    let producer = app.as_(Role::Producer);
    let package = producer.new_package().await;
    let request = producer
        .request(Method::PUT, &format!("/packages/{package}/files/{name}"))
        .header(header::CONTENT_TYPE, "text/html")
        .header("x-strongroom-media-type", "text/html")
        .body(Body::from(bytes.to_vec()));
    let file = producer.send(request.unwrap()).await;
    assert_eq!(file.status, StatusCode::CREATED, "{file:?}");
    (format!("/files/{}/download", file.field("file_id").as_str().unwrap()), package)
}

/// How each download of a package was answered, as the audit log has it.
async fn retrievals(app: &TestApp, package: Uuid) -> Vec<Value> {
    let path = format!("/packages/{package}/audit-events");
    let events = app.as_(Role::Auditor).get(&path).await.json();
    let events = events["events"].as_array().unwrap().iter();
    let retrieved = events.filter(|event| event["type"] == "retrieval_requested");
    let mut details: Vec<_> =
        retrieved.map(|event| event["details"]["redirected"].clone()).collect();
    details.sort_by_key(Value::to_string);
    details
}

async fn with(client: &Client, method: Method, path: &str, name: &str, value: &str) -> Answer {
    client.send(client.request(method, path).header(name, value).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_redirected_download_is_of_the_very_version_and_says_what_it_must_be() {
    on_each_engine(async |engine| {
        for bucket in Bucket::all().await {
            let app = engine.start_on(Arc::clone(&bucket.store), by_default).await;
            let producer = app.as_(Role::Producer);
            let (path, package) = stored(&app, "reports/a%20b.html", CONTENT).await;
            let streamed = producer.get(&format!("{path}?redirect=false")).await;
            assert_eq!((streamed.status, streamed.body.as_ref()), (StatusCode::OK, CONTENT));

            let told = producer.get(&path).await;
            assert_eq!((told.status, told.body.len()), (StatusCode::TEMPORARY_REDIRECT, 0));
            assert_eq!(told.header("cache-control"), "no-store");
            assert_eq!(told.header("referrer-policy"), "no-referrer");
            for name in ["etag", "repr-digest", "x-strongroom-media-type"] {
                assert_eq!(told.header(name), streamed.header(name), "{name}");
            }
            assert!(told.headers["location"].is_sensitive());

            // Somebody puts garbage on top of it meanwhile.
            let key = format!("team/{}", locations(&app, package).await[0].object_key);
            let planted = bucket.client.put(&bucket.name, &key, "garbage, and as long").await;
            assert!(planted.status.is_success(), "{planted:?}");
            for link in [told.header("location"), producer.get(&path).await.header("location")] {
                let read = get(link, &[]).await;
                assert_eq!((read.status, read.body.as_ref()), (StatusCode::OK, CONTENT));
                let header = |name| read.header(name).unwrap();
                assert_eq!(header("content-type"), "application/octet-stream");
                let named = "attachment; filename*=UTF-8''a%20b.html";
                assert_eq!(header("content-disposition"), named);
            }
            let part = with(&producer, Method::GET, &path, "range", "bytes=1-8").await;
            let part = get(part.header("location"), &[("range", "bytes=1-8")]).await;
            assert_eq!(part.body.as_ref(), &CONTENT[1..9], "the client repeats the range");
            let yes = Value::Bool(true);
            assert_eq!(
                retrievals(&app, package).await,
                [Value::Bool(false), yes.clone(), yes.clone(), yes]
            );
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_not_to_be_redirected_is_streamed_or_answered_as_ever() {
    on_each_engine(async |engine| {
        let shelf = Shelf::with(engine, BucketSettings::locked(), by_default).await;
        let app = &shelf.app;
        let producer = app.as_(Role::Producer);
        let (path, _) = stored(app, "a", CONTENT).await;
        let tag = producer.get(&path).await.header("etag").to_owned();
        let head = with(&producer, Method::HEAD, &path, "accept", "*/*").await;
        assert_eq!((head.status, head.header("content-length")), (StatusCode::OK, "25"));
        let had = with(&producer, Method::GET, &path, "if-none-match", &tag).await;
        assert_eq!(had.status, StatusCode::NOT_MODIFIED);
        let beyond = with(&producer, Method::GET, &path, "range", "bytes=25-").await;
        assert_eq!(beyond.problem(), "range-not-satisfiable");
        let few = with(&producer, Method::GET, &path, "range", "bytes=0-6").await;
        assert_eq!((few.status, few.body.as_ref()), (StatusCode::PARTIAL_CONTENT, &CONTENT[..7]));
        let resumed = producer
            .request(Method::GET, &path)
            .header("range", "bytes=1-")
            .header("if-range", &tag);
        let resumed = producer.send(resumed.body(Body::empty()).unwrap()).await;
        assert_eq!(
            (resumed.status, &resumed.body[..]),
            (StatusCode::PARTIAL_CONTENT, &CONTENT[1..])
        );
        for query in ["redirect=maybe", "redirects=true", "redirect=true&redirect=false"] {
            let refused = producer.get(&format!("{path}?{query}")).await;
            assert_eq!(refused.problem(), "invalid-request", "{query}");
        }
        let (small, _) = stored(app, "small", b"1234567").await;
        assert_eq!(producer.get(&small).await.status, StatusCode::OK);
        let stranger = app.another(Role::Producer).await;
        assert_eq!(stranger.get(&path).await.status, StatusCode::NOT_FOUND);

        // A bucket without versions pins nothing.
        let plain = Shelf::with(engine, BucketSettings::plain(), by_default).await;
        let (path, _) = stored(&plain.app, "a", CONTENT).await;
        let read = plain.app.as_(Role::Producer).get(&format!("{path}?redirect=true")).await;
        assert_eq!((read.status, read.body.as_ref()), (StatusCode::OK, CONTENT));
    })
    .await;
}

#[tokio::test]
async fn a_store_that_makes_no_links_streams() {
    on_both_with(by_default, |app| async move {
        let (path, _) = stored(&app, "a", CONTENT).await;
        let read = app.as_(Role::Producer).get(&format!("{path}?redirect=true")).await;
        assert_eq!((read.status, read.body.as_ref()), (StatusCode::OK, CONTENT));
    })
    .await;
}

#[tokio::test]
async fn without_the_policy_nothing_is_redirected_and_on_request_only_what_is_asked_for() {
    on_each_engine(async |engine| {
        for (change, expected) in [
            ((|_| {}) as fn(&mut Settings), [200, 200, 200]),
            (on_request, [200, 307, 200]),
            (by_default, [307, 307, 200]),
        ] {
            let shelf = Shelf::with(engine, BucketSettings::locked(), change).await;
            let (path, _) = stored(&shelf.app, "a", CONTENT).await;
            let producer = shelf.app.as_(Role::Producer);
            let mut seen = Vec::new();
            for query in ["", "?redirect=true", "?redirect=false"] {
                seen.push(producer.get(&format!("{path}{query}")).await.status.as_u16());
            }
            assert_eq!(seen, expected);
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_archived_gone_or_of_another_size_is_told_here_and_not_by_the_store() {
    on_each_engine(async |engine| {
        let shelf = Shelf::with(engine, BucketSettings::locked(), |settings| {
            by_default(settings);
            settings.downloads.redirect_from_bytes = 0;
        })
        .await;
        let app = &shelf.app;
        let id = locked(app, "raw-evidence", 1).await;
        let location = locations(app, id).await.remove(0);
        let path = format!("/files/{}/download", location.artifact_file_id);
        let auditor = app.as_(Role::Auditor);
        assert_eq!(auditor.get(&path).await.status, StatusCode::TEMPORARY_REDIRECT);
        let bucket = shelf.server.bucket("shelf");
        bucket.archive(&format!("team/{}", location.object_key));
        let refused = auditor.get(&path).await;
        assert_eq!(refused.problem(), "not-immediately-available");
        let seen = auditor.get(&format!("/files/{}", location.artifact_file_id)).await.json();
        assert_eq!(seen["locations"][0]["restore_status"], "expired", "noted: {seen}");
        app.as_(Role::Operator)
            .post(&format!("/packages/{id}/restore"), serde_json::json!({}))
            .await;
        work(app).await;
        assert_eq!(bucket.end_restores(), 1);
        tick(app).await;
        let link = auditor.get(&path).await;
        assert_eq!(get(link.header("location"), &[]).await.body.as_ref(), b"content");

        let broken = shelf.server.faults().on(Op::HeadObject).answer(503);
        assert_eq!(auditor.get(&path).await.problem(), "store-unavailable");
        assert!(broken.fired() > 0);
        shelf.server.faults().clear();

        let (path, package) = stored(app, "b", CONTENT).await;
        let location = locations(app, package).await.remove(0);
        let key = ObjectKey::new(location.object_key).unwrap();
        let version = location.version_id.map(VersionId);
        app.store.delete(&key, version.as_ref()).await.unwrap();
        assert_eq!(app.as_(Role::Producer).get(&path).await.problem(), "corrupt");
        assert_eq!(retrievals(app, package).await, [] as [Value; 0], "nothing was handed out");
    })
    .await;
}

#[tokio::test]
async fn no_link_is_in_any_column_of_the_database() {
    on_each_engine(async |engine| {
        let shelf = Shelf::with(engine, BucketSettings::locked(), by_default).await;
        let (path, _) = stored(&shelf.app, "a", CONTENT).await;
        let told = shelf.app.as_(Role::Producer).get(&path).await;
        let (_, signature) = told.header("location").split_once(&format!("{SIGNATURE}=")).unwrap();
        let columns = everything(&shelf.app.database.url).await;
        assert!(columns.contains("retrieval_requested"), "what is looked for would be found");
        for part in [SIGNATURE, signature, "X-Amz-Credential"] {
            assert!(!columns.contains(part), "{part}");
        }
    })
    .await;
}

/// Every row of every table as text.
async fn everything(url: &str) -> String {
    let mut text = String::new();
    match url.strip_prefix("sqlite:") {
        Some(_) => {
            let mut db = sqlx::SqliteConnection::connect(url).await.unwrap();
            // An index of words is no table that can be read.
            let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'";
            let tables = sqlx::query(tables).fetch_all(&mut db).await.unwrap();
            for table in tables.iter().map(|row| row.get::<String, _>(0)) {
                let columns = format!("SELECT name FROM pragma_table_info('{table}')");
                let columns = sqlx::query(sqlx::AssertSqlSafe(columns)).fetch_all(&mut db).await;
                for column in columns.unwrap().iter().map(|row| row.get::<String, _>(0)) {
                    let cells = format!(
                        "SELECT CAST(\"{column}\" AS TEXT) FROM \"{table}\" WHERE \"{column}\" IS NOT NULL \
                         AND typeof(\"{column}\") <> 'blob'"
                    );
                    let cells = sqlx::query(sqlx::AssertSqlSafe(cells)).fetch_all(&mut db).await;
                    cells.unwrap().iter().for_each(|row| text.push_str(&row.get::<String, _>(0)));
                }
            }
        }
        None => {
            let mut db = sqlx::PgConnection::connect(url).await.unwrap();
            let tables = "SELECT tablename::TEXT FROM pg_tables WHERE schemaname = 'public'";
            let tables = sqlx::query(tables).fetch_all(&mut db).await.unwrap();
            for table in tables.iter().map(|row| row.get::<String, _>(0)) {
                let rows = format!("SELECT t::TEXT FROM \"{table}\" t");
                let rows = sqlx::query(sqlx::AssertSqlSafe(rows)).fetch_all(&mut db).await;
                rows.unwrap().iter().for_each(|row| text.push_str(&row.get::<String, _>(0)));
            }
        }
    }
    text
}
