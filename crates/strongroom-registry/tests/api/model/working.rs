//! Jobs, run one at a time: of each what came of it, also where the store failed it.

use std::collections::BTreeMap;

use serde_json::Value;
use strongroom_core::layout;
use strongroom_registry::jobs::run_one;
use strongroom_storage::{ObjectKey, Storage as _};
use strongroom_testkit::steps::What;
use uuid::Uuid;

use super::reference::{Job, Ran, Store};
use super::step::Outage;
use super::world::{World, agree};

/// More runs than all jobs of a sequence take.
const RUNS_MAX: usize = 500;

/// A job as it is listed.
#[derive(Debug, Clone, PartialEq)]
struct Listed {
    package: usize,
    kind: Job,
    state: String,
    attempts: u64,
}

impl World {
    pub(super) async fn retry(&mut self, nth: usize) {
        let jobs = self.jobs().await;
        if jobs.is_empty() {
            return;
        }
        let (id, job) = jobs.iter().nth(nth % jobs.len()).unwrap();
        let answer = self.admin.post(&format!("/jobs/{id}/retry"), Value::Null).await;
        agree(&answer, self.model.retry(job.package, job.kind, job.state == "failed"));
    }

    pub(super) async fn work_all(&mut self) {
        for _ in 0..RUNS_MAX {
            if !self.work(None).await {
                return;
            }
        }
        panic!("the work never ends");
    }

    /// Has one job run; tells whether there was one.
    pub(super) async fn work(&mut self, outage: Option<Outage>) -> bool {
        let (before, objects) = (self.jobs().await, self.objects().await);
        if let Some(Outage { call, is_done }) = outage {
            let what = if is_done { What::AnswerLost } else { What::FailsBefore };
            self.store.steps().plan(call, what);
        }
        let is_run = run_one(&self.app.registry, "test").await.unwrap();
        let is_failed = self.store.steps().happened() && outage.is_some();
        let after = self.jobs().await;
        let run = after.iter().find(|(id, job)| before.get(*id).is_some_and(|was| was != *job));
        assert_eq!(is_run, run.is_some(), "{before:?} {after:?}");
        let Some((_, Listed { package, kind, state, .. })) = run else {
            assert!(self.model.packages.iter().all(|package| package.jobs.is_empty()));
            return false;
        };
        let ran = match state.as_str() {
            "done" => Ran::Done,
            "queued" => Ran::Again,
            _ => Ran::Failed,
        };
        let expected = if is_failed && ran != Ran::Done {
            let expected = self.model.fail(*package, *kind);
            self.adopt(*package, *kind).await;
            expected
        } else {
            let objects = &objects[*package];
            let (has, forbids) = (|n: usize| objects[n].0, |n: usize| objects[n].1);
            let is_dated = |n: usize| objects[n].2;
            self.model.packages[*package].had_outage |= is_failed;
            self.model.run(
                *package,
                *kind,
                &Store { has: &has, forbids: &forbids, is_dated: &is_dated },
            )
        };
        assert_eq!(ran, expected, "{kind:?} of {:?}", self.model.packages[*package]);
        self.look_at(*package).await;
        true
    }

    /// Of each file of each package whether its object is there, whether a lock keeps it there, and whether that has a
    /// date.
    async fn objects(&self) -> Vec<Vec<(bool, bool, bool)>> {
        let mut all = Vec::new();
        for (package, files) in self.files.iter().enumerate() {
            let mut objects = Vec::new();
            for file in files {
                let Some(file) = file else {
                    objects.push((false, false, false));
                    continue;
                };
                let key = layout::package_file(self.ids[package], *file);
                let key = ObjectKey::new(key).unwrap();
                let lock = self.memory.lock(&key, None).await.ok().map(|lock| lock.certain());
                let is_dated = lock.as_ref().is_some_and(|lock| {
                    let until = lock.retention.map(|retention| retention.retain_until);
                    until.is_some_and(|until| until > self.model.now)
                });
                let is_kept = is_dated || lock.as_ref().is_some_and(|lock| lock.legal_hold);
                objects.push((lock.is_some(), is_kept, is_dated));
            }
            all.push(objects);
        }
        all
    }

    /// Every job, by its id.
    async fn jobs(&self) -> BTreeMap<String, Listed> {
        let page = self.admin.get("/jobs?limit=200").await.json();
        assert!(page.get("next").is_none(), "more jobs than are looked at");
        let listed = page["jobs"].as_array().unwrap().iter().map(|job| {
            let text = |name: &str| job[name].as_str().unwrap().to_owned();
            let id: Uuid = text("package_id").parse().unwrap();
            let package = self.ids.iter().position(|other| *other == id).unwrap();
            let (kind, state) = (Job::of(&text("kind")), text("state"));
            let attempts = job["attempts"].as_u64().unwrap();
            (text("job_id"), Listed { package, kind, state, attempts })
        });
        listed.collect()
    }
}
