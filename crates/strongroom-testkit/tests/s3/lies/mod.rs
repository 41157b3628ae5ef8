//! Every lie beside the truth: the same requests to a store that is honest and to one that lies in
//! this one way.

mod create_only;
mod credentials;
mod integrity;
mod listings;
mod lost_locks;
mod names;
mod posture;
mod unkept_locks;
mod versions;
mod visibility;

use strongroom_testkit::s3::{BucketSettings, Lie, Right, User};
use strongroom_testkit::{S3Server, TestClock};

use crate::client::Client;
use crate::locking::clock;

/// A store with one bucket, `vault`.
struct Store {
    server: S3Server,
    client: Client,
    /// Somebody who may not bypass governance.
    guest: Client,
    /// Somebody who may read.
    reader: Client,
    /// The clock by which signatures are judged.
    signatures: TestClock,
}

impl Store {
    async fn new(settings: BucketSettings, lie: Option<Lie>) -> Self {
        let guest = User::new("guest", "guest-secret").without(Right::BypassGovernance);
        let reader = User::new("reader", "reader-secret").read_only();
        let signatures = TestClock::system();
        let builder = S3Server::builder()
            .bucket("vault", settings)
            .user(guest.clone())
            .user(reader.clone())
            .clock(clock())
            .signature_clock(signatures.clone())
            .refuses_skewed_clocks()
            .part_bytes_min(1);
        let server = lie.into_iter().fold(builder, |builder, lie| builder.lie(lie)).start().await;
        let client = Client::owner(&server);
        let (guest, reader) = (Client::of(&server, &guest), Client::of(&server, &reader));
        Self { server, client, guest, reader, signatures }
    }
}

/// What is seen of an honest store, and of one that lies.
async fn both<T>(lie: Lie, settings: BucketSettings, look: impl AsyncFn(&Store) -> T) -> (T, T) {
    let honest = Store::new(settings.clone(), None).await;
    let lying = Store::new(settings, Some(lie)).await;
    (look(&honest).await, look(&lying).await)
}

fn locked() -> BucketSettings {
    BucketSettings::locked()
}

#[test]
fn every_lie_has_a_test() {
    let tests = [
        include_str!("create_only.rs"),
        include_str!("credentials.rs"),
        include_str!("integrity.rs"),
        include_str!("listings.rs"),
        include_str!("lost_locks.rs"),
        include_str!("names.rs"),
        include_str!("posture.rs"),
        include_str!("unkept_locks.rs"),
        include_str!("versions.rs"),
        include_str!("visibility.rs"),
    ]
    .concat();
    let words: Vec<&str> = tests.split(|c: char| !c.is_alphanumeric()).collect();
    for lie in Lie::ALL {
        assert!(words.contains(&format!("{lie:?}").as_str()), "{lie:?} has no test");
    }
}

#[tokio::test]
async fn a_store_may_begin_to_lie_and_end_it() {
    let store = Store::new(locked(), None).await;
    let (lies, client) = (store.server.lies(), &store.client);
    let deleted =
        async || client.delete_version(&client.put_locked("COMPLIANCE").await, false).await;
    assert_eq!(deleted().await, 403);
    lies.begin(Lie::DeletesLockedVersions);
    assert!(lies.tells(Lie::DeletesLockedVersions));
    assert_eq!(deleted().await, 204);
    lies.end(Lie::DeletesLockedVersions);
    assert_eq!(deleted().await, 403);
}
