//! The same on real stores, which `scripts/test` starts and names.

use strongroom_storage::evidence::audit::Class;
use strongroom_storage::{ListRequest, ObjectKey};

use super::*;

/// A bucket of its own on a real server, as our store and as seen by another client.
struct Bucket {
    client: S3Client,
    name: String,
    store: Arc<dyn Storage>,
}

enum Kind {
    /// Neither versions nor locks.
    Plain,
    Locked,
}

impl Bucket {
    /// `None` where the server was not started.
    async fn new(server: &str, kind: Kind) -> Option<Self> {
        let client = S3Client::of_server(server)?;
        let name = format!("audit-{}", Clock::system().new_id());
        match kind {
            Kind::Plain => client.create_bucket(&name).await,
            Kind::Locked => client.create_lock_bucket(&name).await,
        }
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
        Some(Self { client, name, store })
    }
}

/// A bucket without versions, where a listing of versions has nothing to say.
async fn a_plain_bucket_is_audited_too(server: &str) {
    let Some(Bucket { client, name, store }) = Bucket::new(server, Kind::Plain).await else {
        return;
    };
    let plans = Vault::new(BucketSettings::plain()).await;
    let (kept, gone) = (plans.plan("kept", None), plans.plan("gone", None));
    push_to(&*store, kept, false).await;
    let gone = push_to(&*store, gone, false).await;
    let untouched = whole(audit(&*store, &reading(), pending(), |_, _| ()).await);
    assert_eq!(found(&untouched), BTreeSet::new());
    assert_eq!(untouched.looked_at.bundles, 2);
    client.request(http::Method::DELETE, &name, &gone.key, "", &[], "").await;
    let report = whole(audit(&*store, &everything(), pending(), |_, _| ()).await);
    assert_eq!(found(&report), [of("bundle_missing", &gone)].into());
}

/// A bucket with Object Lock, tampered with through another client: garbage over one bundle, a delete
/// marker over another, a version that is deleted, references and objects that lead to nothing.
async fn an_audit_finds_what_another_client_did(server: &str) {
    let Some(bucket) = Bucket::new(server, Kind::Locked).await else { return };
    let Bucket { client, name, store } = &bucket;
    let plans = Vault::new(BucketSettings::plain()).await;
    let mut receipts = Vec::new();
    for (seed, days) in
        [("over", Some(1)), ("marker", Some(1)), ("gone", None), ("hidden", Some(1))]
    {
        receipts.push(push_to(&**store, plans.plan(seed, days), false).await);
    }
    let untouched = whole(audit(&**store, &reading(), pending(), |_, _| ()).await);
    assert_eq!(found(&untouched), BTreeSet::new());
    assert_eq!((untouched.looked_at.locks, untouched.looked_at.locks_unobserved), (3, 0));
    let untouched = whole(audit(&**store, &everything(), pending(), |_, _| ()).await);
    assert_eq!(found(&untouched), BTreeSet::new());

    let [over, marker, gone, hidden] = receipts.as_slice() else { panic!("four receipts") };
    let planted = client.put(name, &over.key, "garbage").await;
    assert!(planted.status.is_success(), "{planted:?}");
    client.request(http::Method::DELETE, name, &marker.key, "", &[], "").await;
    client.delete_version(name, &gone.key, gone.version_id.as_deref().unwrap()).await;
    for key in keys_of(&**store, hidden.bundle_id).await {
        client.request(http::Method::DELETE, name, &key, "", &[], "").await;
    }
    let foreign = unknown("foreign");
    let key = format!("team/{}", layout::run_reference("r", foreign));
    client.put(name, &key, foreign.to_string()).await;
    client.put(name, "team/bundles/readme.txt", "hello").await;

    let expected = |of_bytes| {
        BTreeSet::from([
            of(of_bytes, over),
            of("delete_marker", marker),
            of("bundle_missing", gone),
            of("delete_marker", hidden),
            of("records_deleted", hidden),
            ("reference_without_bundle", foreign.to_string()),
            ("foreign_object", "team/bundles/readme.txt".to_owned()),
        ])
    };
    let report = whole(audit(&**store, &everything(), pending(), |_, _| ()).await);
    assert_eq!(found(&report), expected("object_replaced"));
    let report = whole(audit(&**store, &reading(), pending(), |_, _| ()).await);
    assert_eq!(found(&report), expected("bytes_wrong"));
    assert_eq!(report.worst(), Some(Class::Bytes));
}

/// Every key of a bundle, prefix included.
async fn keys_of(store: &dyn Storage, id: BundleId) -> Vec<String> {
    let page = store.list(&ListRequest::default()).await.unwrap();
    let objects = page.objects.into_iter().filter(|object| object.key.contains(&id.to_string()));
    objects.map(|object| store.whole_key(&ObjectKey::new(object.key).unwrap())).collect()
}

#[tokio::test]
async fn on_ceph_an_audit_finds_what_another_client_did() {
    an_audit_finds_what_another_client_did("STRONGROOM_TEST_CEPH").await;
}

#[tokio::test]
async fn on_seaweedfs_an_audit_finds_what_another_client_did() {
    an_audit_finds_what_another_client_did("STRONGROOM_TEST_SEAWEEDFS").await;
}

#[tokio::test]
async fn on_ceph_a_plain_bucket_is_audited_too() {
    a_plain_bucket_is_audited_too("STRONGROOM_TEST_CEPH").await;
}

#[tokio::test]
async fn on_seaweedfs_a_plain_bucket_is_audited_too() {
    a_plain_bucket_is_audited_too("STRONGROOM_TEST_SEAWEEDFS").await;
}
