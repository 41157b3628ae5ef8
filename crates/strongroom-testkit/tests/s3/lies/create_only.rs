//! Lies about what is there already.

use futures::future::join_all;
use strongroom_testkit::s3::{BucketSettings, Lie};

use super::{Store, both, locked};
use crate::uploads::Upload;

const CREATE: [(&str, &str); 1] = [("if-none-match", "*")];

/// The statuses of a create-only PUT and a create-only completion over an object.
async fn over_an_object(store: &Store) -> (u16, u16) {
    store.client.put("/vault/k", &CREATE, b"one").await;
    store.client.put("/vault/big", &CREATE, b"one").await;
    let put = store.client.put("/vault/k", &CREATE, b"two").await;
    let completion = Upload::of(&store.client, &[], b"two").await.complete(&CREATE).await;
    (put.status, completion.status)
}

#[tokio::test]
async fn create_only_may_be_ignored() {
    let honest = (412, 412);
    let seen = async |lie, settings| both(lie, settings, over_an_object).await;
    let on_put = seen(Lie::IgnoresCreateOnlyOnPut, locked()).await;
    assert_eq!(on_put, (honest, (200, 412)));
    let on_completion = seen(Lie::IgnoresCreateOnlyOnCompletion, locked()).await;
    assert_eq!(on_completion, (honest, (412, 200)));
    let with_versions = Lie::IgnoresCreateOnlyWithVersions;
    assert_eq!(seen(with_versions, locked()).await, (honest, (200, 200)));
    assert_eq!(seen(with_versions, BucketSettings::plain()).await, (honest, honest));
}

/// How many of five racers create, by PUT and by completion.
async fn winners(store: &Store) -> (usize, usize) {
    let created = |answers: Vec<crate::client::Answer>| {
        answers.iter().filter(|answer| answer.status == 200).count()
    };
    let puts = (0..5).map(|_| store.client.put("/vault/k", &CREATE, b"x"));
    let puts = created(join_all(puts).await);
    let uploads = join_all((0..5).map(|_| Upload::of(&store.client, &[], b"x"))).await;
    let completions =
        created(join_all(uploads.iter().map(|upload| upload.complete(&CREATE))).await);
    (puts, completions)
}

#[tokio::test]
async fn create_only_may_be_no_single_step() {
    let (honest, lying) = both(Lie::RacesCreateOnlyOnPut, locked(), winners).await;
    assert_eq!(honest, (1, 1));
    assert!(lying.0 > 1 && lying.1 == 1, "{lying:?}");
    let (honest, lying) = both(Lie::RacesCreateOnlyOnCompletion, locked(), winners).await;
    assert_eq!(honest, (1, 1));
    assert!(lying.0 == 1 && lying.1 > 1, "{lying:?}");
    // One after the other they are refused: only a race shows the lie.
    let sequential = both(Lie::RacesCreateOnlyOnPut, locked(), over_an_object).await;
    assert_eq!(sequential, ((412, 412), (412, 412)));
}

#[tokio::test]
async fn a_delete_marker_may_be_in_the_way_of_a_create() {
    let over_a_marker = async |store: &Store| {
        store.client.put("/vault/k", &CREATE, b"one").await;
        store.client.delete("/vault/k").await;
        store.client.put("/vault/k", &CREATE, b"two").await.status
    };
    assert_eq!(both(Lie::RefusesCreateOverMarker, locked(), over_a_marker).await, (200, 412));
}
