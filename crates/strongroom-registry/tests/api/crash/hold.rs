//! A legal hold that comes in the middle of a deletion, before each of its steps: whatever has not begun to go by then
//! stays, and is held.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use axum::http::StatusCode;
use futures::FutureExt as _;
use serde_json::json;
use strongroom_core::package::{LocationStatus, PackageStatus};
use strongroom_registry::auth::Role;
use strongroom_testkit::steps::{Meanwhile, Step, What};
use uuid::Uuid;

use super::aftermath::{Before, settle};
use super::bench::Bench;
use crate::app::TestApp;
use crate::evidence::{locations, locks, row};

/// How things were when the hold had been answered.
#[derive(Debug)]
struct Heard {
    status: StatusCode,
    /// Keys of the objects that were there, and whose deletion had not begun.
    whole: BTreeSet<String>,
    /// How many had begun to go, which is too late.
    going: usize,
}

/// Places a hold, and looks what is there.
fn holds(app: &TestApp, package: Uuid, heard: &Arc<OnceLock<Heard>>) -> Meanwhile {
    let (app, heard) = (app.clone(), Arc::clone(heard));
    Arc::new(move || {
        let (app, heard) = (app.clone(), Arc::clone(&heard));
        async move {
            let path = format!("/packages/{package}/retention/holds");
            let manager = app.as_(Role::RecordsManager);
            let status = manager.post(&path, json!({ "reason": "matter" })).await.status;
            let (mut whole, mut going) = (BTreeSet::new(), 0);
            for location in locations(&app, package).await {
                match location.status {
                    LocationStatus::Active => drop(whole.insert(location.object_key)),
                    LocationStatus::Deleted => {}
                    _ => going += 1,
                }
            }
            heard.set(Heard { status, whole, going }).unwrap();
        }
        .boxed()
    })
}

impl Bench {
    /// Takes the flow, with a hold before one of its steps; answers how many objects it came in time for.
    async fn held_before(&mut self, number: usize, step: &Step) -> Option<usize> {
        let subject = self.prepare().await;
        let before = Before::of(&self.app, &subject).await;
        let heard = Arc::default();
        let meanwhile = holds(&self.app, subject.package, &heard);
        self.steps.plan(number, What::Meanwhile(meanwhile));
        self.flow.act(&self.app, &subject).await;
        let case = format!("a hold on {}, before step {number}: {step:?}", self.place());
        assert!(self.steps.happened(), "it did not come so far: {case}");
        assert_eq!(self.steps.taken().get(number - 1), Some(step), "another step: {case}");
        settle(&self.app, self.flow).await;
        // What a panic tells of, where something is not as it should be.
        eprintln!("{case}: {heard:?}");
        before.hold_against(&self.app, &subject).await;
        let heard = heard.get().expect("an answer");
        let status = row(&self.app, subject.package).await.status;
        if heard.status == StatusCode::CONFLICT {
            assert_eq!((heard.whole.len(), heard.going), (0, 0), "{case}: refused, and not gone");
            assert_eq!(status, PackageStatus::Deleted, "{case}");
            return None;
        }
        assert_eq!(heard.status, StatusCode::CREATED, "{case}");
        let is_kept = matches!(status, PackageStatus::Finalized | PackageStatus::DeletionBlocked);
        assert!(is_kept, "{case}: {status}");
        let there = locks(&self.app, subject.package).await;
        for key in &heard.whole {
            let (_, lock) = there.iter().find(|(there, _)| there == key).expect("it is deleted");
            assert!(lock.certain().legal_hold, "{case}: {key} is not held");
        }
        Some(heard.whole.len())
    }

    /// Takes the flow of a deletion of two files, with a hold before each of its steps in turn.
    pub async fn held_before_every_step(mut self) {
        let listed = self.steps().await;
        let mut saved = BTreeSet::new();
        for (number, step) in (1..).zip(&listed) {
            saved.insert(self.held_before(number, step).await);
        }
        let every = [None, Some(0), Some(1), Some(2)];
        assert_eq!(saved, BTreeSet::from(every), "it came at every stage of the deletion");
        self.end().await;
    }
}
