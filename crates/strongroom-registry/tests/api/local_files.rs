//! Files of a folder of the server's: what is in it goes in, what is not is never read, and nothing goes by itself.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use futures::FutureExt as _;
use serde_json::{Value, json};
use strongroom_core::Sha256Digest;
use strongroom_core::bundle::{BundlePlan, CollectOptions, Declarations, NoProgress, collect};
use strongroom_registry::auth::Role;
use strongroom_registry::config::Settings;
use strongroom_registry::jobs::run_one;
use strongroom_registry::service::Registry;
use strongroom_storage::SINGLE_WRITE_BYTES_MAX;
use strongroom_testkit::SteppedStore;
use strongroom_testkit::steps::{Meanwhile, What};
use uuid::Uuid;

use crate::app::{Answer, Client, TestApp, on_both, on_both_with, token_for_tenant};
use crate::engines::Engine;
use crate::evidence::{stepwise, work};
use crate::files::bytes_at;

/// What is beside the root, and in no package.
const SECRET: &[u8] = b"nobody asked for this";

/// A root that is named `here`, with a run in it, beside what is not in it. The registry's own data are elsewhere.
pub fn rooted(settings: &mut Settings) {
    stepwise(settings);
    let (root, outside) = (settings.data_dir.join("root"), settings.data_dir.join("outside"));
    fs::create_dir_all(root.join("run/logs/deep")).unwrap();
    fs::create_dir_all(&outside).unwrap();
    fs::write(outside.join("secret"), SECRET).unwrap();
    for (path, content) in [
        ("run/report.md", "# \u{e9}"),
        ("run/logs/one", "1"),
        ("run/logs/deep/empty", ""),
        ("run/.hidden", "h"),
        ("sbom.json", "{}"),
    ] {
        fs::write(root.join(path), content).unwrap();
    }
    settings.data_dir = settings.data_dir.join("data");
    settings.local_roots.insert("here".to_owned(), root);
}

/// What the registry reads from.
pub fn root(app: &TestApp) -> PathBuf {
    app.registry.settings().local_roots["here"].clone()
}

pub async fn ask(client: &Client, package: Uuid, ask: Value) -> Answer {
    client.post(&format!("/packages/{package}/local-files"), ask).await
}

/// Asks for what is refused by the job, lets it run, and answers its error.
async fn refused(app: &TestApp, package: Uuid, body: Value) -> String {
    let job = ended(app, package, body).await;
    assert_eq!(job["state"], "failed", "{job}");
    let told = job["error"].as_str().unwrap().to_owned();
    let place = root(app).display().to_string();
    assert!(!told.contains(&place), "a place on the server: {told}");
    told
}

/// The same; answers the job as it ended.
pub async fn ended(app: &TestApp, package: Uuid, body: Value) -> Value {
    let answer = ask(&app.as_(Role::Operator), package, body).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    let id = answer.field("job_id");
    assert_eq!(answer.header("location"), format!("/api/v1/jobs/{}", id.as_str().unwrap()));
    work(app).await;
    app.job(id.as_str().unwrap().parse().unwrap()).await
}

/// The events of a type, the newest first.
pub async fn events(app: &TestApp, kind: &str) -> Vec<Value> {
    let page = app.as_(Role::Auditor).get(&format!("/audit-events?type={kind}")).await.json();
    page["events"].as_array().unwrap().clone()
}

/// The digests of everything that is stored of a package.
async fn contents(app: &TestApp, package: Uuid) -> Vec<Sha256Digest> {
    let mut digests = Vec::new();
    for key in app.objects(package).await {
        digests.push(Sha256Digest::of(&bytes_at(&*app.store, &key).await));
    }
    digests
}

fn plan_of(folder: &Path) -> BundlePlan {
    let files = collect(&[folder.to_owned()], &CollectOptions::default()).unwrap();
    let producer = json!({ "name": "scanner" });
    let declared = Declarations {
        producer: serde_json::from_value(producer).unwrap(),
        created_at: Some("2026-11-21T12:00:00Z".parse().unwrap()),
        ..Declarations::default()
    };
    BundlePlan::prepare(files, declared, &NoProgress).unwrap()
}

pub async fn declared_package(client: &Client) -> Uuid {
    let declared =
        json!({ "producer": { "name": "scanner" }, "created_at": "2026-11-21T12:00:00Z" });
    let made = client.post("/packages", declared).await;
    made.field("package_id").as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_folder_goes_in_and_has_the_id_of_its_bundle() {
    on_both_with(rooted, |app| async move {
        let operator = app.as_(Role::Operator);
        let package = declared_package(&operator).await;
        let job = ended(&app, package, json!({ "root": "here", "path": "run" })).await;
        assert_eq!((&job["state"], &job["kind"]), (&"done".into(), &"ingest-local-files".into()));
        assert_eq!(job["progress"], json!({ "done": 4, "total": 4 }));
        operator.finalizes(package).await;
        work(&app).await;
        let plan = plan_of(&root(&app).join("run"));
        assert_eq!(operator.package(package).await["bundle_id"], plan.id().to_string());
    })
    .await;
}

#[tokio::test]
async fn a_file_goes_in_under_its_name_or_into_a_folder_and_the_whole_root_does() {
    on_both_with(rooted, |app| async move {
        let operator = app.as_(Role::Operator);
        let package = operator.new_package().await;
        for body in [
            json!({ "root": "here", "path": "run/logs/one" }),
            json!({ "root": "here", "path": "run/logs/one", "prefix": "kept/here" }),
            json!({ "root": "here", "path": "run/logs", "prefix": "logs" }),
            json!({ "root": "here", "prefix": "all" }),
        ] {
            let job = ended(&app, package, body).await;
            assert_eq!(job["state"], "done", "{job}");
        }
        let stored = operator.files(package).await.into_iter();
        let (paths, states): (Vec<_>, Vec<_>) = stored.unzip();
        assert!(states.iter().all(|state| state == "stored"), "{states:?}");
        assert_eq!(
            paths,
            [
                "all/run/.hidden",
                "all/run/logs/deep/empty",
                "all/run/logs/one",
                "all/run/report.md",
                "all/sbom.json",
                "kept/here/one",
                "logs/deep/empty",
                "logs/one",
                "one"
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn it_is_told_who_asked_for_what_and_what_came_of_it() {
    on_both_with(rooted, |app| async move {
        let operator = app.as_(Role::Operator);
        let package = operator.new_package().await;
        let body = json!({ "root": "here", "path": "run/logs", "prefix": "logs" });
        let job = ended(&app, package, body.clone()).await;
        let [asked] = &events(&app, "local_ingestion_requested").await[..] else { panic!("one") };
        let [ingested] = &events(&app, "local_files_ingested").await[..] else { panic!("one") };
        let mut told = body;
        told["job_id"] = job["job_id"].clone();
        assert_eq!((&asked["details"], &asked["package_id"]), (&told, &json!(package)));
        let told = json!({
            "stored": 2, "already_stored": 0, "size_bytes": 1, "job_id": job["job_id"],
        });
        assert_eq!(ingested["details"], told);
        let stored = events(&app, "file_stored").await;
        assert_eq!(stored.len(), 2);
        for event in stored.iter().chain([ingested]) {
            assert_eq!(event["principal_id"], asked["principal_id"], "whoever asked: {event}");
        }
    })
    .await;
}

#[tokio::test]
async fn asked_again_nothing_is_stored_twice_and_other_bytes_are_a_conflict() {
    on_both_with(rooted, |app| async move {
        let operator = app.as_(Role::Operator);
        let package = operator.new_package().await;
        operator.stores(package, "logs/one", b"other").await;
        let body = json!({ "root": "here", "path": "run" });
        let told = refused(&app, package, body.clone()).await;
        assert!(told.starts_with("\"logs/one\": another file is stored under this path"), "{told}");
        let before = app.objects(package).await;

        fs::write(root(&app).join("run/logs/one"), "other").unwrap();
        let job = ended(&app, package, body.clone()).await;
        assert_eq!((&job["state"], &job["attempts"]), (&"done".into(), &1.into()), "{job}");
        let after = app.objects(package).await;
        assert!(before.iter().all(|key| after.contains(key)), "what was stored stays stored");
        assert_eq!(after.len(), 4);
        let job = ended(&app, package, body).await;
        let newest = &events(&app, "local_files_ingested").await[0]["details"];
        assert_eq!((&newest["stored"], &newest["already_stored"]), (&0.into(), &4.into()));
        assert_eq!((&newest["job_id"], app.objects(package).await), (&job["job_id"], after));
    })
    .await;
}

#[tokio::test]
async fn the_same_request_is_done_once_and_one_at_a_time() {
    on_both_with(rooted, |app| async move {
        let operator = app.as_(Role::Operator);
        let package = operator.new_package().await;
        let keyed = |key: &'static str, body: &str| {
            let path = format!("/packages/{package}/local-files");
            let request = operator
                .request(Method::POST, &path)
                .header(header::CONTENT_TYPE, "application/json")
                .header("idempotency-key", key);
            operator.send(request.body(Body::from(body.to_owned())).unwrap())
        };
        let (run, sbom) =
            (r#"{"root":"here","path":"run"}"#, r#"{"root":"here","path":"sbom.json"}"#);
        let first = keyed("a", run).await;
        assert_eq!(first.status, StatusCode::ACCEPTED);
        assert_eq!(keyed("a", run).await.field("job_id"), first.field("job_id"));
        assert_eq!(keyed("a", sbom).await.problem(), "idempotency-key-reused");
        assert_eq!(keyed("b", sbom).await.problem(), "conflict");
        work(&app).await;
        assert_eq!(keyed("a", run).await.field("job_id"), first.field("job_id"));
        assert_eq!(keyed("b", sbom).await.status, StatusCode::ACCEPTED, "none is under way");
        assert_eq!(events(&app, "local_ingestion_requested").await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn it_is_off_unless_folders_are_named_and_off_for_other_tenants() {
    on_both(|app| async move {
        let operator = app.as_(Role::Operator);
        let package = operator.new_package().await;
        let answer = ask(&operator, package, json!({ "root": "here" })).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{answer:?}");
        assert_eq!(answer.field("detail"), "local-path ingestion is off here");
    })
    .await;
    on_both_with(rooted, |app| async move {
        let elsewhere = token_for_tenant(&app.registry, "elsewhere", Role::Admin).await;
        let elsewhere = app.with_token(&elsewhere);
        let package = elsewhere.new_package().await;
        let answer = ask(&elsewhere, package, json!({ "root": "here" })).await;
        assert_eq!(answer.field("detail"), "local-path ingestion is off here", "{answer:?}");
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let answer = ask(&producer, package, json!({ "root": "here" })).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{answer:?}");
        assert!(!answer.field("detail").as_str().unwrap().contains("off"), "{answer:?}");
    })
    .await;
}

#[tokio::test]
async fn what_names_nothing_below_a_root_is_refused_at_once() {
    on_both_with(rooted, |app| async move {
        let operator = app.as_(Role::Operator);
        let package = operator.new_package().await;
        for root in ["", "there", "HERE", "here/run", "../outside", "/"] {
            let answer = ask(&operator, package, json!({ "root": root })).await;
            assert_eq!(answer.problem(), "not-found", "{root:?}: {answer:?}");
            assert_eq!(answer.field("detail"), "root: there is no folder of this name");
        }
        for path in [
            "",
            ".",
            "..",
            "../outside/secret",
            "run/../../outside",
            "/etc/passwd",
            "run//",
            "./run",
            "a\u{0}",
        ] {
            for field in ["path", "prefix"] {
                let answer = ask(&operator, package, json!({ "root": "here", field: path })).await;
                assert_eq!(answer.problem(), "unprocessable", "{path:?}: {answer:?}");
                assert!(answer.field("detail").as_str().unwrap().starts_with(field), "{answer:?}");
            }
        }
        let answer = ask(&operator, package, json!({ "path": "run" })).await;
        assert_eq!(answer.problem(), "invalid-request");
        assert!(events(&app, "local_ingestion_requested").await.is_empty());
        let gone = refused(&app, package, json!({ "root": "here", "path": "gone" })).await;
        assert_eq!(gone, "the path that was asked for is not there");
    })
    .await;
}

#[tokio::test]
async fn a_link_or_a_pipe_anywhere_refuses_everything_before_anything_is_stored() {
    on_both_with(rooted, |app| async move {
        let operator = app.as_(Role::Operator);
        let package = operator.new_package().await;
        let logs = root(&app).join("run/logs");
        for target in ["../../../outside/secret", "../../../outside", "one", "nowhere"] {
            symlink(target, logs.join("x")).unwrap();
            let told = refused(&app, package, json!({ "root": "here", "path": "run" })).await;
            assert_eq!(told, "\"logs/x\" is a link, and none is followed");
            for path in ["run/logs/x", "run/logs/x/secret"] {
                let told = refused(&app, package, json!({ "root": "here", "path": path })).await;
                assert_eq!(told, "the path that was asked for is a link, and none is followed");
            }
            fs::remove_file(logs.join("x")).unwrap();
        }
        let mode = rustix::fs::Mode::RUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, logs.join("pipe"), mode).unwrap();
        let told = refused(&app, package, json!({ "root": "here", "path": "run" })).await;
        assert_eq!(told, "\"logs/pipe\" is a device, a socket or a pipe, which no package holds");
        assert!(app.objects(package).await.is_empty(), "nothing was stored");
        assert!(operator.files(package).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn nothing_to_ingest_and_a_name_that_is_a_secret_are_told() {
    on_both_with(rooted, |app| async move {
        let package = app.as_(Role::Operator).new_package().await;
        fs::create_dir_all(root(&app).join("empty/inner")).unwrap();
        let told = refused(&app, package, json!({ "root": "here", "path": "empty" })).await;
        assert_eq!(told, "there is no file to ingest");
        let secret = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
        fs::write(root(&app).join("empty/inner").join(&secret), "").unwrap();
        let told = refused(&app, package, json!({ "root": "here", "path": "empty" })).await;
        assert!(told.starts_with("\"inner\": "), "the folder that it is in: {told}");
        assert!(told.contains("looks like a secret: /path"), "{told}");
        assert!(!told.contains(&secret), "{told}");
    })
    .await;
}

#[tokio::test]
async fn a_package_that_is_closed_meanwhile_takes_nothing_and_a_revoked_token_stops_nothing() {
    on_both_with(rooted, |app| async move {
        let operator = app.as_(Role::Operator);
        let package = operator.new_package().await;
        operator.stores(package, "a", b"a").await;
        let asked = ask(&operator, package, json!({ "root": "here", "path": "run" })).await;
        // What is on its way shall be in what is sealed.
        let early = operator.post(&format!("/packages/{package}/finalize"), Value::Null).await;
        assert_eq!(early.status, StatusCode::CONFLICT, "{early:?}");
        let abandoned = operator.post(&format!("/packages/{package}/abandon"), Value::Null).await;
        assert_eq!(abandoned.status, StatusCode::OK, "{abandoned:?}");
        work(&app).await;
        let job = app.job(asked.field("job_id").as_str().unwrap().parse().unwrap()).await;
        assert_eq!(job["state"], "failed");
        assert!(job["error"].as_str().unwrap().contains("the package is abandoned"), "{job}");

        let admin = app.as_(Role::Admin);
        let made = admin.post("/tokens", json!({ "name": "op", "role": "operator" })).await;
        let brief = app.with_token(made.field("secret").as_str().unwrap());
        let package = brief.new_package().await;
        let asked = ask(&brief, package, json!({ "root": "here", "path": "run" })).await;
        admin.delete(&format!("/tokens/{}", made.field("token_id").as_str().unwrap())).await;
        assert_eq!(brief.get("/packages").await.status, StatusCode::UNAUTHORIZED);
        work(&app).await;
        let job = app.job(asked.field("job_id").as_str().unwrap().parse().unwrap()).await;
        assert_eq!(job["state"], "done", "{job}");
    })
    .await;
}

#[tokio::test]
async fn a_worker_without_the_folder_says_whose_it_is_and_stores_nothing() {
    on_both_with(rooted, |app| async move {
        let operator = app.as_(Role::Operator);
        let package = operator.new_package().await;
        let asked = ask(&operator, package, json!({ "root": "here", "path": "run" })).await;
        let registry = &app.registry;
        let (backends, clock) = (registry.backends().clone(), registry.clock().clone());
        let settings = registry.settings().clone();
        let other = Registry::new(registry.db().clone(), backends, clock, settings);
        while run_one(&other, "other").await.unwrap() {}
        let id = asked.field("job_id").as_str().unwrap().to_owned();
        let job = app.job(id.parse().unwrap()).await;
        assert_eq!(job["state"], "failed");
        let told = "the worker that had the job has no folder of the name `here`; \
                    give every worker the same registry.local_ingestion.roots";
        assert_eq!(job["error"], told);
        let retried = operator.post(&format!("/jobs/{id}/retry"), Value::Null).await;
        assert_eq!(retried.status, StatusCode::ACCEPTED, "{retried:?}");
        work(&app).await;
        assert_eq!(app.job(id.parse().unwrap()).await["state"], "done", "a worker that has it");
    })
    .await;
}

/// A registry whose store can be interrupted, and its root.
pub async fn stepped() -> (TestApp, Arc<SteppedStore>) {
    Engine::Sqlite.start_interrupted(rooted).await
}

#[tokio::test]
async fn a_file_that_grows_while_it_is_stored_is_stored_as_it_is_when_it_stays() {
    let (app, store) = stepped().await;
    let package = app.as_(Role::Operator).new_package().await;
    // Larger than what is read before the store is asked to take it.
    let (path, size) = (root(&app).join("sbom.json"), SINGLE_WRITE_BYTES_MAX as usize + (1 << 20));
    fs::write(&path, vec![1; size]).unwrap();
    let longer = vec![2; size + 1];
    let (grown, bytes) = (path.clone(), longer.clone());
    let grow: Meanwhile = Arc::new(move || {
        fs::write(&grown, &bytes).unwrap();
        async {}.boxed()
    });
    let operator = app.as_(Role::Operator);
    let asked = ask(&operator, package, json!({ "root": "here", "path": "sbom.json" })).await;
    store.steps().plan(1, What::Meanwhile(grow));
    work(&app).await;
    assert!(store.steps().happened());
    let job = app.job(asked.field("job_id").as_str().unwrap().parse().unwrap()).await;
    assert_eq!((&job["state"], &job["attempts"]), (&"done".into(), &2.into()), "{job}");
    assert_eq!(contents(&app, package).await, [Sha256Digest::of(&longer)]);
}

#[tokio::test]
async fn links_that_are_put_in_while_files_are_stored_lead_nowhere() {
    const FILES: usize = 40;
    let (app, store) = stepped().await;
    let operator = app.as_(Role::Operator);
    let package = operator.new_package().await;
    let folder = root(&app).join("many");
    fs::create_dir(&folder).unwrap();
    let names: Vec<PathBuf> = (0..FILES).map(|number| folder.join(number.to_string())).collect();
    names.iter().for_each(|name| fs::write(name, "content").unwrap());
    let swap: Meanwhile = Arc::new(move || {
        for name in &names {
            fs::remove_file(name).unwrap();
            symlink("../../outside/secret", name).unwrap();
        }
        async {}.boxed()
    });
    let asked = ask(&operator, package, json!({ "root": "here", "path": "many" })).await;
    store.steps().plan(1, What::Meanwhile(swap));
    work(&app).await;
    assert!(store.steps().happened());
    let job = app.job(asked.field("job_id").as_str().unwrap().parse().unwrap()).await;
    assert_eq!(job["state"], "failed", "{job}");
    assert!(job["error"].as_str().unwrap().ends_with("is a link, and none is followed"), "{job}");
    let stored = contents(&app, package).await;
    assert!(stored.len() < FILES, "{}", stored.len());
    assert!(stored.iter().all(|digest| *digest == Sha256Digest::of(b"content")));
}

#[tokio::test]
async fn one_such_job_runs_in_a_process_and_another_is_put_off_untried() {
    on_both_with(rooted, |app| async move {
        let operator = app.as_(Role::Operator);
        let mut jobs = Vec::new();
        for _ in 0..2 {
            let package = operator.new_package().await;
            let asked = ask(&operator, package, json!({ "root": "here", "path": "run" })).await;
            jobs.push(asked.field("job_id").as_str().unwrap().parse().unwrap());
        }
        let (one, other) =
            tokio::join!(run_one(&app.registry, "one"), run_one(&app.registry, "other"),);
        assert!(one.unwrap() && other.unwrap());
        let mut states = Vec::new();
        for id in jobs {
            let job = app.job(id).await;
            states.push((job["state"].as_str().unwrap().to_owned(), job["attempts"].clone()));
        }
        states.sort_by(|one, other| one.0.cmp(&other.0));
        let expected = [("done".to_owned(), json!(1)), ("queued".to_owned(), json!(0))];
        assert_eq!(states, expected);
    })
    .await;
}
