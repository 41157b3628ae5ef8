//! Random sequences of what can be decided about a package, against a small model of what may come of it.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use strongroom_core::package::{LocationStatus, PackageStatus};
use strongroom_registry::auth::Role;
use uuid::Uuid;

use crate::app::{Client, TestApp};
use crate::evidence::{finalized, keys, locations, locks, row, stepwise, tick, work};

const FILES: u32 = 2;
/// Sequences of one run.
const SEQUENCES: u32 = 32;

#[derive(Debug, Clone)]
enum Step {
    Extend {
        days: u32,
    },
    Hold,
    /// The n-th of the holds so far.
    Release(usize),
    Delete {
        early: bool,
    },
    Cancel,
    /// Time goes by, less than what would look like a jump, and the sweeper looks.
    Tick {
        minutes: u8,
    },
    /// Jobs are run.
    Work,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0_u32..40).prop_map(|days| Step::Extend { days }),
        3 => Just(Step::Hold),
        3 => (0_usize..4).prop_map(Step::Release),
        4 => any::<bool>().prop_map(|early| Step::Delete { early }),
        1 => Just(Step::Cancel),
        6 => (0_u8..60).prop_map(|minutes| Step::Tick { minutes }),
        4 => Just(Step::Work),
    ]
}

/// What was acknowledged: a few lines beside the whole registry.
struct Model {
    expires_at: Timestamp,
    holds: Vec<(String, bool)>,
    early: bool,
    gone: usize,
}

impl Model {
    fn is_held(&self) -> bool {
        self.holds.iter().any(|(_, is_active)| *is_active)
    }
}

struct Run {
    app: TestApp,
    manager: Client,
    id: Uuid,
    model: Model,
}

impl Run {
    async fn new() -> Self {
        let app = TestApp::start_with(stepwise).await;
        // A day before its date, so that sequences come to both sides of it.
        let id = finalized(&app, "transient", FILES).await;
        app.clock.advance(SignedDuration::from_hours(24 * 7 - 1));
        let manager = app.as_(Role::RecordsManager);
        let expires_at = row(&app, id).await.expires_at.unwrap();
        let model = Model { expires_at, holds: Vec::new(), early: false, gone: 0 };
        Self { app, manager, id, model }
    }

    async fn post(&self, path: &str, body: serde_json::Value) -> Option<serde_json::Value> {
        let answer = self.manager.post(&format!("/packages/{}/{path}", self.id), body).await;
        assert!(!answer.status.is_server_error(), "{answer:?}");
        answer.status.is_success().then(|| answer.json())
    }

    async fn take(&mut self, step: &Step) {
        let reason = "reason";
        match step {
            Step::Extend { days } => {
                let ask = json!({ "days": days, "reason": reason });
                if let Some(made) = self.post("retention/extensions", ask).await {
                    let new: Timestamp = made["expires_at"].as_str().unwrap().parse().unwrap();
                    assert!(new > self.model.expires_at, "a date only moves later");
                    self.model.expires_at = new;
                    self.model.early = false;
                }
            }
            Step::Hold => {
                if let Some(hold) = self.post("retention/holds", json!({ "reason": reason })).await
                {
                    let hold = hold["hold_id"].as_str().unwrap().to_owned();
                    self.model.holds.push((hold, true));
                    self.model.early = false;
                }
            }
            Step::Release(nth) => {
                let Some((hold, is_active)) = self.model.holds.get(*nth).cloned() else { return };
                let path = format!("retention/holds/{hold}/release");
                let released = self.post(&path, json!({ "reason": reason })).await;
                assert_eq!(released.is_some(), is_active);
                self.model.holds[*nth].1 = false;
            }
            Step::Delete { early } => {
                let before = row(&self.app, self.id).await;
                let ask = json!({ "reason": reason, "early": early });
                if self.post("deletion", ask).await.is_some() {
                    assert!(!self.model.is_held(), "what is held is not asked for");
                    if before.status != PackageStatus::DeletionRequested {
                        let is_past = self.model.expires_at <= self.app.clock.now();
                        assert!(is_past || *early, "nor what is not due");
                        self.model.early = *early;
                    }
                }
            }
            Step::Cancel => {
                if self.post("deletion/cancel", json!({ "reason": reason })).await.is_some() {
                    self.model.early = false;
                }
            }
            Step::Tick { minutes } => {
                self.app.clock.advance(SignedDuration::from_mins(i64::from(*minutes)));
                assert!(!tick(&self.app).await.paused);
            }
            Step::Work => work(&self.app).await,
        }
        self.check().await;
    }

    /// What must hold after each step.
    async fn check(&mut self) {
        let package = row(&self.app, self.id).await;
        assert_eq!(package.expires_at, Some(self.model.expires_at), "nothing else moves the date");
        let keys = keys(&self.app, self.id).await;
        let left = keys.iter().filter(|key| key.contains("/files/")).count();
        let gone = FILES as usize - left;
        if gone > self.model.gone {
            assert!(!self.model.is_held(), "what is held is never deleted");
            let is_past = self.model.expires_at <= self.app.clock.now();
            assert!(is_past || self.model.early, "nor what is not due");
        }
        self.model.gone = gone;
        if self.model.is_held() {
            let status = package.status;
            let is_kept = !matches!(
                status,
                PackageStatus::DeletionRequested | PackageStatus::Deleting | PackageStatus::Deleted
            );
            assert!(is_kept, "a hold wins: {status}");
        }
        for location in locations(&self.app, self.id).await {
            if location.status == LocationStatus::Active {
                assert!(keys.contains(&location.object_key), "{location:?}");
            }
        }
    }

    /// In the end every job is run, and the store holds what is held.
    async fn end(&mut self) {
        work(&self.app).await;
        tick(&self.app).await;
        work(&self.app).await;
        self.check().await;
        let package = row(&self.app, self.id).await;
        if package.status == PackageStatus::Deleted {
            assert_eq!(self.model.gone, FILES as usize);
            return;
        }
        for (key, lock) in locks(&self.app, self.id).await {
            assert_eq!(lock.certain().legal_hold, self.model.is_held(), "{key}");
        }
    }
}

#[test]
fn no_sequence_shortens_a_date_or_deletes_what_is_held() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = Config {
        cases: SEQUENCES,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    };
    let sequences = prop::collection::vec(step(), 1..40);
    TestRunner::new(config)
        .run(&sequences, |steps| {
            runtime.block_on(async {
                let mut run = Run::new().await;
                // The clock that was turned before the first look.
                tick(&run.app).await;
                for step in &steps {
                    run.take(step).await;
                }
                run.end().await;
            });
            Ok(())
        })
        .unwrap();
}
