//! Lies of listings.

use strongroom_testkit::s3::Lie;

use super::{Store, both, locked};

/// The keys of two listings, the second page by page, and how many versions are told.
async fn listed(store: &Store) -> (String, String, usize) {
    for key in ["a", "b", "c", "a"] {
        store.client.put(&format!("/vault/{key}"), &[], b"x").await;
    }
    let whole = store.client.get("/vault?list-type=2").await.elements("Key").concat();
    let (mut paged, mut query) = (String::new(), "list-type=2&max-keys=1".to_owned());
    loop {
        let page = store.client.get(&format!("/vault?{query}")).await;
        paged += &page.elements("Key").concat();
        let Some(token) = page.element("NextContinuationToken") else { break };
        query = format!("continuation-token={token}&list-type=2&max-keys=1");
    }
    let versions = store.client.get("/vault?versions").await;
    (whole, paged, versions.elements("Version").len())
}

#[tokio::test]
async fn a_listing_may_not_tell_all() {
    let told = |whole: &str, paged: &str, versions| (whole.to_owned(), paged.to_owned(), versions);
    let honest = told("abc", "abc", 4);
    for (lie, lying) in [
        (Lie::ListingLags, told("", "abc", 4)),
        (Lie::ListingMissesKey, told("ab", "ab", 4)),
        (Lie::PagingSkips, told("abc", "a", 4)),
        (Lie::ListsNoOldVersions, told("abc", "abc", 3)),
    ] {
        let seen = both(lie, locked(), listed).await;
        assert_eq!(seen, (honest.clone(), lying), "{lie:?}");
    }
}

#[tokio::test]
async fn pages_of_versions_may_skip_too() {
    let seen = async |store: &Store| {
        for key in ["a", "b", "c"] {
            store.client.put(&format!("/vault/{key}"), &[], b"x").await;
        }
        store.client.get("/vault?key-marker=a&versions").await.elements("Key")
    };
    let (honest, lying) = both(Lie::PagingSkips, locked(), seen).await;
    assert_eq!((honest, lying), (vec!["b".to_owned(), "c".to_owned()], vec!["c".to_owned()]));
}
