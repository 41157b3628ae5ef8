//! Lies about keys and metadata.

use strongroom_testkit::s3::Lie;

use super::{Store, both, locked};

#[tokio::test]
async fn metadata_may_be_lost_or_mangled() {
    let seen = async |store: &Store| {
        store.client.put("/vault/k", &[("x-amz-meta-run", "Run-1")], b"x").await;
        let head = store.client.head("/vault/k").await;
        head.header("x-amz-meta-run").map(str::to_owned)
    };
    let run = |text: &str| Some(text.to_owned());
    assert_eq!(both(Lie::LosesMetadata, locked(), seen).await, (run("Run-1"), None));
    assert_eq!(both(Lie::LowercasesMetadata, locked(), seen).await, (run("Run-1"), run("run-1")));
}

#[tokio::test]
async fn an_odd_key_may_become_another() {
    let seen = async |store: &Store| {
        store.client.put("/vault/a//b", &[], b"x").await;
        let listed = store.client.get("/vault?list-type=2").await.elements("Key");
        (store.client.get("/vault/a//b").await.status, listed)
    };
    let (honest, lying) = both(Lie::NormalisesKeys, locked(), seen).await;
    assert_eq!(honest, (200, vec!["a//b".to_owned()]));
    assert_eq!(lying, (404, vec!["a/b".to_owned()]));
}
