//! Packages in each state, brought there as packages are.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use strongroom_core::package::PackageStatus;
use strongroom_registry::auth::Role;
use strongroom_registry::db::{DbError, JobRow, TenantId};
use uuid::Uuid;

use crate::app::{Client, TestApp};
use crate::evidence::{row, tick, work};

/// A package, and what belongs to it.
#[derive(Debug, Clone, Copy)]
pub struct Made {
    pub id: Uuid,
    pub file: Uuid,
    /// A hold that is active where that can be; released otherwise.
    pub hold: Uuid,
    /// An upload in several requests: unfinished where that can be, a file otherwise.
    pub upload: Uuid,
    pub job: Uuid,
    /// Not the package's: a token that is there.
    pub token: Uuid,
}

/// Packages by their state, and whether they have a hold.
#[derive(Debug)]
pub struct Pool {
    by_state: BTreeMap<(PackageStatus, bool), Vec<Made>>,
    pub token: Uuid,
}

/// A package on its way to the state that it is wanted in.
struct Wanted {
    status: PackageStatus,
    has_hold: bool,
    made: Made,
}

impl Pool {
    /// One of each to look at, and one for each that is wanted.
    pub async fn make(app: &TestApp, wanted: Vec<(PackageStatus, bool)>) -> Self {
        let tokens = app.as_(Role::Admin).get("/tokens").await.json();
        let token = tokens["tokens"][0]["token_id"].as_str().unwrap().parse().unwrap();
        let mut all = Vec::new();
        let one_of_each = PackageStatus::ALL.iter().flat_map(|one| [(*one, false), (*one, true)]);
        for (status, has_hold) in one_of_each.chain(wanted) {
            all.push(Wanted { status, has_hold, made: open(app, token).await });
        }
        bring(app, &mut all).await;
        let mut by_state = BTreeMap::new();
        for Wanted { status, has_hold, mut made } in all {
            assert_eq!(row(app, made.id).await.status, status);
            let mut session = app.registry.db().read().await.unwrap();
            let tenant = TenantId::default_tenant();
            let jobs = session.of(&tenant).jobs_of_package(made.id, 10).await.unwrap();
            made.job = jobs.last().unwrap().id;
            by_state.entry((status, has_hold)).or_insert_with(Vec::new).push(made);
        }
        Self { by_state, token }
    }

    /// One in that state; `spends`: nobody else gets it.
    pub fn take(&mut self, status: PackageStatus, has_hold: bool, spends: bool) -> Made {
        let made = self.by_state.get_mut(&(status, has_hold)).unwrap();
        match spends {
            true => made.pop().expect("one for each that is wanted"),
            false => made[0],
        }
    }
}

async fn open(app: &TestApp, token: Uuid) -> Made {
    let producer = app.as_(Role::Producer);
    // Of a class without locks: a store's own would stop its deletion.
    let ask = json!({ "name": "a package", "retention": { "class": "transient" } });
    let made = producer.posts("/packages", ask).await;
    let id = made["package_id"].as_str().unwrap().parse().unwrap();
    let file = producer.stores(id, "a", b"content").await;
    // Of the same path: nothing is missing of it, so that the package can be finalized.
    let upload = producer.begins(id, "a", 7).await;
    // Like one that an upload leaves which came to nothing: of an open package there is no other.
    let job = app.registry.clock().new_id();
    let job = JobRow::queued(job, "clean-up", id, json!({}), app.clock.now());
    let queued = app.registry.db().write(job, |tx, job| {
        let tenant = TenantId::default_tenant();
        Box::pin(async move { tx.of(&tenant).enqueue_job(job).await })
    });
    let queued: Result<_, DbError> = queued.await;
    queued.unwrap();
    Made { id, file, hold: id, upload, job: id, token }
}

/// In an order in which no look of the sweeper and no job brings on what is where it shall be.
async fn bring(app: &TestApp, all: &mut [Wanted]) {
    use PackageStatus::{
        Abandoned, Deleted, Deleting, DeletionBlocked, DeletionRequested, Finalized, Finalizing,
        Open,
    };
    let (producer, manager) = (app.as_(Role::Producer), app.as_(Role::RecordsManager));
    for one in all.iter().filter(|one| one.status != Open) {
        producer.sends_from(one.made.upload, 0, b"content").await;
    }
    for one in all.iter().filter(|one| !matches!(one.status, Open | Abandoned | Finalizing)) {
        finalize(&producer, one.made.id).await;
    }
    work(app).await;
    for one in all.iter_mut().filter(|one| one.has_hold && one.status != DeletionBlocked) {
        one.made.hold = hold(&manager, one.made.id).await;
        // Nothing that is held is asked to go.
        if !matches!(one.status, Open | Finalizing | Finalized) {
            release(&manager, &one.made).await;
        }
    }
    work(app).await;
    for one in all.iter().filter(|one| matches!(one.status, Deleted | DeletionBlocked)) {
        request_deletion(&manager, one.made.id).await;
    }
    tick(app).await;
    for one in all.iter_mut().filter(|one| one.status == DeletionBlocked) {
        one.made.hold = hold(&manager, one.made.id).await;
        if !one.has_hold {
            release(&manager, &one.made).await;
        }
    }
    work(app).await;
    for one in all.iter().filter(|one| one.status == Deleting) {
        request_deletion(&manager, one.made.id).await;
    }
    tick(app).await;
    for one in all.iter() {
        match one.status {
            DeletionRequested => request_deletion(&manager, one.made.id).await,
            Finalizing => finalize(&producer, one.made.id).await,
            Abandoned => {
                drop(
                    producer
                        .posts(&format!("/packages/{}/abandon", one.made.id), Value::Null)
                        .await,
                );
            }
            Open | Finalized | Deleting | DeletionBlocked | Deleted => {}
        }
    }
}

async fn finalize(producer: &Client, id: Uuid) {
    producer.posts(&format!("/packages/{id}/finalize"), Value::Null).await;
}

async fn request_deletion(manager: &Client, id: Uuid) {
    let ask = json!({ "reason": "a reason", "early": true });
    manager.posts(&format!("/packages/{id}/deletion"), ask).await;
}

async fn release(manager: &Client, made: &Made) {
    let path = format!("/packages/{}/retention/holds/{}/release", made.id, made.hold);
    manager.posts(&path, json!({ "reason": "a reason" })).await;
}

async fn hold(manager: &Client, id: Uuid) -> Uuid {
    let ask = json!({ "reason": "a reason" });
    let hold = manager.posts(&format!("/packages/{id}/retention/holds"), ask).await;
    hold["hold_id"].as_str().unwrap().parse().unwrap()
}
