//! A registry that has a key signs what it finalizes: once, with a signature that anybody can check, and that is kept
//! as long as the manifest.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use bytes::Bytes;
use futures::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use strongroom_core::package::document::PackageDocument;
use strongroom_core::package::signature::{claims_to_be_about, made_by};
use strongroom_core::signing::SignatureFile;
use strongroom_core::signing::check::{Vouched, check};
use strongroom_core::signing::key::{Algorithm, PrivateKey, PublicKey};
use strongroom_core::signing::policy::{Moment, Policy};
use strongroom_core::signing::statement::SignedBundle;
use strongroom_core::signing::trust::{TrustRoot, TrustRoots, Window};
use strongroom_core::{BundleId, Sha256Digest, layout};
use strongroom_registry::auth::Role;
use strongroom_registry::config::Settings;
use strongroom_registry::signing::{ManifestSigner, SigningKey};
use strongroom_storage::memory::MemoryStorage;
use strongroom_storage::open::Secret;
use strongroom_storage::service::ServiceSettings;
use strongroom_storage::signer::{OpenBaoSettings, SignerSettings, open};
use strongroom_storage::{Clock, ObjectKey, Storage};
use strongroom_testkit::SteppedStore;
use strongroom_testkit::client::endpoint_of;
use strongroom_testkit::s3::BucketSettings;
use strongroom_testkit::steps::What;
use uuid::Uuid;

use crate::app::{Client, TestApp, on_both, on_each_engine};
use crate::evidence::{keys, records, stepwise, tick, work};
use crate::files::{Bucket, bytes_at};

/// A key in this process, as a registry has it.
fn with_key(key: PrivateKey) -> ManifestSigner {
    let opened = open(SignerSettings::Key(key)).now_or_never().expect("at once").unwrap();
    ManifestSigner::new("registry", SigningKey::Ready(opened), Vec::new())
}

/// Has a registry sign with a new key; answers its public half.
pub fn signs_with(settings: &mut Settings, algorithm: Algorithm) -> PublicKey {
    let key = PrivateKey::generate(algorithm).unwrap();
    let public_key = key.public_key().clone();
    settings.signing = Some(Arc::new(with_key(key)));
    public_key
}

/// Has a registry sign.
pub fn signs(settings: &mut Settings) {
    signs_with(settings, Algorithm::Ed25519);
}

pub async fn package_of(client: &Client, class: &str) -> Uuid {
    let made =
        client.post("/packages", json!({"name": "a package", "retention": {"class": class}})).await;
    let package = made.field("package_id").as_str().unwrap().parse().unwrap();
    client.stores(package, "a", b"content").await;
    package
}

/// What a person finds out who has the bundle's id, the signature file, and this trust root.
fn verdict(bytes: &[u8], id: BundleId, believed: &PublicKey) -> &'static str {
    let mut trust = TrustRoots::default();
    trust.add(TrustRoot::new(believed.clone(), "security", Window::default()).unwrap()).unwrap();
    let policy = Policy { trust: Some(trust), ..Policy::default() };
    let bundle = SignedBundle { id, archive: None, id_covers_bytes: true };
    let moment = Moment { now: Clock::system().now(), accept_claimed_time: false };
    let file = SignatureFile::read(bytes).unwrap();
    check(&file, &bundle, Vouched::default(), &policy, moment).state.name()
}

async fn bundle_id(client: &Client, package: Uuid) -> BundleId {
    client.package(package).await["bundle_id"].as_str().unwrap().parse().unwrap()
}

pub async fn signature_of(client: &Client, package: Uuid) -> Bytes {
    let answer = client.get(&format!("/packages/{package}/manifest/signature")).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.body
}

/// The signature is the same wherever it is told of, and of this key.
async fn is_signed_by(app: &TestApp, package: Uuid, key: &PublicKey) {
    let producer = app.as_(Role::Producer);
    let id = bundle_id(&producer, package).await;
    let stored = bytes_at(&*app.store, &layout::package_signature(package)).await;
    assert_eq!(verdict(&stored, id, key), "valid");
    let facts = made_by(key, id, &stored).expect("made by this key");
    assert_eq!(signature_of(&producer, package).await, stored, "as it is stored");
    let told = producer.package(package).await;
    assert_eq!(told["status"], "finalized", "{told}");
    assert_eq!(told["signature"], serde_json::to_value(facts).unwrap());
    let listed = producer.get("/packages?limit=1").await.json();
    assert_eq!(listed["packages"][0]["signature"], told["signature"]);
    let document = bytes_at(&*app.store, &layout::package_document(package)).await;
    let document = PackageDocument::from_bytes(&document).unwrap();
    assert_eq!(document.signature, Some(facts));
    let records = records(app, package).await;
    let finalized = records.iter().find(|record| record["kind"] == "package_finalized").unwrap();
    assert_eq!(finalized["signature"], told["signature"], "{finalized}");
}

/// It is signed, and the key is the registry's: of a key that no test kept.
pub async fn is_signed(app: &TestApp, package: Uuid) {
    let signer = app.registry.settings().signing.as_ref().expect("a signer");
    let key_id = signer.check().await.unwrap();
    let producer = app.as_(Role::Producer);
    let bytes = signature_of(&producer, package).await;
    let facts = json!({ "sha256": Sha256Digest::of(&bytes), "key_id": key_id });
    assert_eq!(producer.package(package).await["signature"], facts);
    assert!(claims_to_be_about(bundle_id(&producer, package).await, &bytes));
}

#[tokio::test]
async fn what_is_finalized_is_signed_with_either_kind_of_key() {
    on_each_engine(async |engine| {
        for algorithm in [Algorithm::Ed25519, Algorithm::EcdsaP256] {
            let mut by = None;
            let app =
                engine.start_with(|settings| by = Some(signs_with(settings, algorithm))).await;
            let key = by.unwrap();
            let producer = app.as_(Role::Producer);
            let package = package_of(&producer, "raw-evidence").await;
            let early = producer.get(&format!("/packages/{package}/manifest/signature")).await;
            assert_eq!(early.problem(), "wrong-state");
            let job = producer.finalizes(package).await;
            app.work_all().await;
            is_signed_by(&app, package, &key).await;
            let job = app.job(job).await;
            assert_eq!(job["progress"], json!({ "done": 5, "total": 5 }), "{job}");

            let (id, bytes) =
                (bundle_id(&producer, package).await, signature_of(&producer, package).await);
            let other = PrivateKey::generate(algorithm).unwrap();
            assert_eq!(verdict(&bytes, id, other.public_key()), "untrusted");
            let another = BundleId(Sha256Digest::of(b"another"));
            assert_eq!(verdict(&bytes, another, &key), "other_subject");

            let path = format!("/packages/{package}/manifest/signature");
            let whole = producer.get(&path).await;
            assert_eq!(
                whole.header("content-type"),
                "application/vnd.dev.sigstore.bundle.v0.3+json"
            );
            assert!(whole.header("content-disposition").contains("manifest.sigstore.json"));
            let had = producer
                .request(Method::GET, &path)
                .header(header::IF_NONE_MATCH, whole.header("etag"));
            let had = producer.send(had.body(Body::empty()).unwrap()).await;
            assert_eq!((had.status, had.body.len()), (StatusCode::NOT_MODIFIED, 0));
        }
    })
    .await;
}

#[tokio::test]
async fn without_a_key_nothing_is_signed_and_nothing_is_said_of_it() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = package_of(&producer, "raw-evidence").await;
        producer.finalizes(package).await;
        app.work_all().await;
        let seen = producer.package(package).await;
        assert_eq!((&seen["status"], seen.get("signature")), (&json!("finalized"), None));
        assert!(!keys(&app, package).await.contains(&layout::package_signature(package)));
        let document = bytes_at(&*app.store, &layout::package_document(package)).await;
        assert!(!String::from_utf8_lossy(&document).contains("signature"));
        let none = producer.get(&format!("/packages/{package}/manifest/signature")).await;
        assert_eq!((none.status, none.problem().as_str()), (StatusCode::NOT_FOUND, "not-found"));
    })
    .await;
}

#[tokio::test]
async fn a_signature_is_locked_like_the_manifest_kept_longer_with_it_and_outlives_the_bytes() {
    on_each_engine(async |engine| {
        let bucket = Bucket::new(BucketSettings::locked(), None).await;
        let set = |settings: &mut Settings| {
            stepwise(settings);
            signs(settings);
        };
        let app = engine.start_on(Arc::clone(&bucket.store), set).await;
        let (producer, manager) = (app.as_(Role::Producer), app.as_(Role::RecordsManager));
        let package = package_of(&producer, "raw-evidence").await;
        producer.finalizes(package).await;
        work(&app).await;
        let key = ObjectKey::new(layout::package_signature(package)).unwrap();
        let until = async || -> Timestamp {
            let lock = app.store.lock(&key, None).await.unwrap().certain();
            lock.retention.expect("a lock").retain_until
        };
        let date: Timestamp =
            producer.package(package).await["expires_at"].as_str().unwrap().parse().unwrap();
        assert!(until().await.as_second() >= date.as_second());
        let later = json!({ "expires_at": "2090-01-01T00:00:00Z", "reason": "an inquiry" });
        let extended =
            manager.post(&format!("/packages/{package}/retention/extensions"), later).await;
        assert!(extended.status.is_success(), "{extended:?}");
        work(&app).await;
        assert_eq!(until().await.to_string(), "2090-01-01T00:00:00Z");

        let going = package_of(&producer, "transient").await;
        producer.finalizes(going).await;
        work(&app).await;
        let ask = json!({ "reason": "a mistake", "early": true });
        let asked = manager.post(&format!("/packages/{going}/deletion"), ask).await;
        assert!(asked.status.is_success(), "{asked:?}");
        for _ in 0..3 {
            tick(&app).await;
            work(&app).await;
        }
        assert_eq!(producer.package(going).await["status"], "deleted");
        assert!(app.objects(going).await.is_empty());
        signature_of(&producer, going).await;
    })
    .await;
}

/// Which call of the store writes `package.json`, in finalizing a package like those here.
async fn call_that_writes_the_document(app: &TestApp, store: &SteppedStore) -> usize {
    let producer = app.as_(Role::Producer);
    let package = package_of(&producer, "raw-evidence").await;
    producer.finalizes(package).await;
    store.steps().watch();
    work(app).await;
    let taken = store.steps().taken();
    let writes = |step: &strongroom_testkit::steps::Step| {
        step.name.contains("create") && step.name.contains("package.json")
    };
    1 + taken.iter().position(writes).unwrap_or_else(|| panic!("{taken:#?}"))
}

#[tokio::test]
async fn a_signature_that_a_crash_left_is_taken_also_by_a_process_with_another_key_or_none() {
    on_each_engine(async |engine| {
        for algorithm in [Algorithm::Ed25519, Algorithm::EcdsaP256] {
            let store = SteppedStore::new(Arc::new(MemoryStorage::new(Clock::system())));
            let mut by = None;
            let set = |settings: &mut Settings| {
                stepwise(settings);
                by = Some(signs_with(settings, algorithm));
            };
            let app = engine.start_on(Arc::clone(&store) as Arc<dyn Storage>, set).await;
            let first = by.unwrap();
            let nth = call_that_writes_the_document(&app, &store).await;
            let rotated = |settings: &mut Settings| signs(settings);
            let unsigned = |settings: &mut Settings| settings.signing = None;
            for change in [&rotated as &dyn Fn(&mut Settings), &unsigned] {
                let producer = app.as_(Role::Producer);
                let package = package_of(&producer, "raw-evidence").await;
                producer.finalizes(package).await;
                store.steps().plan(nth, What::FailsBefore);
                assert!(strongroom_registry::jobs::run_one(&app.registry, "first").await.unwrap());
                assert!(store.steps().happened());
                let left = bytes_at(&*app.store, &layout::package_signature(package)).await;
                let seen = producer.package(package).await;
                assert_eq!(seen["status"], "finalizing");
                assert_eq!(seen.get("signature"), None, "not before it is so");
                let app = app.beside(change).await;
                work(&app).await;
                let now = bytes_at(&*app.store, &layout::package_signature(package)).await;
                assert_eq!(now, left);
                is_signed_by(&app, package, &first).await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn finalized_again_after_it_was_given_up_a_package_has_the_signature_of_the_first_time() {
    on_each_engine(async |engine| {
        let mut by = None;
        let app = engine
            .start_with(|settings| by = Some(signs_with(settings, Algorithm::EcdsaP256)))
            .await;
        let producer = app.as_(Role::Producer);
        let package = package_of(&producer, "transient").await;
        let document = ObjectKey::new(layout::package_document(package)).unwrap();
        let other = Bytes::from_static(b"{}").into();
        app.store.create(&document, other, &Default::default()).await.unwrap();
        producer.finalizes(package).await;
        app.work_all().await;
        let seen = producer.package(package).await;
        assert_eq!((&seen["status"], seen.get("signature")), (&json!("open"), None), "{seen}");
        let left = bytes_at(&*app.store, &layout::package_signature(package)).await;
        app.store.delete(&document, None).await.unwrap();
        let app = app.beside(signs).await;
        app.as_(Role::Producer).finalizes(package).await;
        app.work_all().await;
        assert_eq!(bytes_at(&*app.store, &layout::package_signature(package)).await, left);
        is_signed_by(&app, package, &by.unwrap()).await;
    })
    .await;
}

#[tokio::test]
async fn a_signature_of_its_own_key_is_taken_whoever_wrote_it_and_anything_else_is_a_conflict() {
    on_each_engine(async |engine| {
        let ours = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
        let key = ours.public_key().clone();
        let mut ours = Some(with_key(ours));
        let set = |settings: &mut Settings| settings.signing = ours.take().map(Arc::new);
        let app = engine.start_with(set).await;
        let producer = app.as_(Role::Producer);
        let put = async |package: Uuid, bytes: Bytes| {
            let at = ObjectKey::new(layout::package_signature(package)).unwrap();
            app.store.create(&at, bytes.into(), &Default::default()).await.unwrap();
        };
        // The same files make the same manifest, and a signature of one is one of the other.
        let first = package_of(&producer, "raw-evidence").await;
        producer.finalizes(first).await;
        app.work_all().await;
        let good = bytes_at(&*app.store, &layout::package_signature(first)).await;
        let second = package_of(&producer, "raw-evidence").await;
        put(second, good.clone()).await;
        // Made now it would say another time.
        app.clock.advance(SignedDuration::from_secs(5));
        producer.finalizes(second).await;
        app.work_all().await;
        assert_eq!(bytes_at(&*app.store, &layout::package_signature(second)).await, good);
        is_signed_by(&app, second, &key).await;

        let id = bundle_id(&producer, first).await;
        let stranger = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
        let foreign = with_key(stranger);
        let other = app.beside(|settings| settings.signing = Some(Arc::new(foreign))).await;
        let by_stranger = {
            let producer = other.as_(Role::Producer);
            let package = package_of(&producer, "raw-evidence").await;
            producer.finalizes(package).await;
            other.work_all().await;
            assert_eq!(bundle_id(&producer, package).await, id);
            bytes_at(&*other.store, &layout::package_signature(package)).await
        };
        for foreign in [by_stranger, Bytes::from_static(b"{}")] {
            let package = package_of(&producer, "raw-evidence").await;
            put(package, foreign.clone()).await;
            let job = producer.finalizes(package).await;
            app.work_all().await;
            assert_eq!(producer.package(package).await["status"], "open");
            let job = app.job(job).await;
            assert_eq!(job["state"], "failed", "{job}");
            let told = job["error"].as_str().unwrap();
            assert!(told.contains("manifest.sigstore.json is stored already"), "{told}");
            let there = bytes_at(&*app.store, &layout::package_signature(package)).await;
            assert_eq!(there, foreign, "nothing of theirs is touched");
            assert!(!keys(&app, package).await.contains(&layout::package_document(package)));
        }
    })
    .await;
}

/// A program that signs with a key in a file, while another file is there.
fn program(folder: &Path, key: &PrivateKey) -> ManifestSigner {
    fs::write(folder.join("key.pem"), &**key.to_pem(None).unwrap()).unwrap();
    let script = format!(
        "#!/bin/sh\ncd {}\n[ -e up ] || exit 1\ncat > message\n\
         openssl pkeyutl -sign -rawin -inkey key.pem -in message\n",
        folder.display()
    );
    let path = folder.join("sign");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    let settings = SignerSettings::Command {
        argv: vec![path.into()],
        public_key: key.public_key().clone(),
        timeout: strongroom_storage::signer::COMMAND_TIMEOUT,
    };
    let opened = open(settings).now_or_never().expect("at once").unwrap();
    ManifestSigner::new("registry", SigningKey::Ready(opened), Vec::new())
}

#[tokio::test]
async fn while_the_signer_is_down_a_package_stays_finalizing_and_the_job_says_why() {
    on_each_engine(async |engine| {
        let folder = tempfile::tempdir().unwrap();
        let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
        let mut signer = Some(program(folder.path(), &key));
        let app = engine
            .start_with(|settings| {
                stepwise(settings);
                settings.signing = signer.take().map(Arc::new);
            })
            .await;
        let producer = app.as_(Role::Producer);
        let package = package_of(&producer, "raw-evidence").await;
        let job = producer.finalizes(package).await;
        for _ in 0..3 {
            assert!(strongroom_registry::jobs::run_one(&app.registry, "test").await.unwrap());
            let seen = app.job(job).await;
            assert_eq!(
                (&seen["state"], &seen["error"]),
                (&json!("queued"), &json!("the signer of manifests failed: try again")),
                "{seen}"
            );
            assert_eq!(producer.package(package).await["status"], "finalizing");
        }
        assert!(!keys(&app, package).await.contains(&layout::package_document(package)));
        fs::write(folder.path().join("up"), "").unwrap();
        work(&app).await;
        is_signed_by(&app, package, key.public_key()).await;
    })
    .await;
}

#[tokio::test]
async fn a_signer_whose_signatures_are_not_its_keys_opens_the_package_again() {
    on_each_engine(async |engine| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("up"), "").unwrap();
        let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
        let mut signer = Some(program(folder.path(), &key));
        // Another key in the same place.
        let other = PrivateKey::generate(Algorithm::Ed25519).unwrap();
        fs::write(folder.path().join("key.pem"), &**other.to_pem(None).unwrap()).unwrap();
        let set = |settings: &mut Settings| settings.signing = signer.take().map(Arc::new);
        let app = engine.start_with(set).await;
        let producer = app.as_(Role::Producer);
        let package = package_of(&producer, "raw-evidence").await;
        let job = producer.finalizes(package).await;
        app.work_all().await;
        assert_eq!(producer.package(package).await["status"], "open");
        let job = app.job(job).await;
        assert_eq!(job["error"], "what signs manifests gave no signature of its key", "{job}");
        assert!(!keys(&app, package).await.contains(&layout::package_signature(package)));
    })
    .await;
}

#[tokio::test]
async fn a_key_in_openbao_signs_as_soon_as_its_token_is_good() {
    let Some(url) = endpoint_of("STRONGROOM_TEST_OPENBAO") else { return };
    let token = endpoint_of("STRONGROOM_TEST_OPENBAO_TOKEN").expect("set with the other");
    on_each_engine(async |engine| {
        for name in ["ed25519", "p256"] {
            let folder = tempfile::tempdir().unwrap();
            let place = folder.path().join("token");
            fs::write(&place, "s.expired").unwrap();
            let settings = OpenBaoSettings {
                service: ServiceSettings { url: url.clone(), ..ServiceSettings::default() },
                token: Secret("s.expired".to_owned()),
                namespace: None,
                key: format!("openbao:transit/{name}").parse().unwrap(),
            };
            let key = open(SignerSettings::OpenBao(OpenBaoSettings {
                token: Secret(token.clone()),
                ..settings.clone()
            }));
            let public_key = key.await.unwrap().public_key().clone();
            let from = place.clone();
            let source = move || fs::read_to_string(&from).map(Secret);
            let key = SigningKey::OpenBao { settings: settings.into(), token: Arc::new(source) };
            let mut signer = Some(ManifestSigner::new("registry", key, Vec::new()));
            let app = engine
                .start_with(|settings| {
                    stepwise(settings);
                    settings.signing = signer.take().map(Arc::new);
                })
                .await;
            let producer = app.as_(Role::Producer);
            let package = package_of(&producer, "raw-evidence").await;
            let job = producer.finalizes(package).await;
            assert!(strongroom_registry::jobs::run_one(&app.registry, "test").await.unwrap());
            let told = app.job(job).await;
            assert_eq!(told["state"], "queued", "{told}");
            assert_eq!(told["error"], "the registry may not use the key that signs manifests");
            assert_eq!(producer.package(package).await["status"], "finalizing");
            fs::write(&place, &token).unwrap();
            work(&app).await;
            is_signed_by(&app, package, &public_key).await;
        }
    })
    .await;
}
