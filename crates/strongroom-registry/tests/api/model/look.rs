//! Holds what is seen of a registry against the model, and against what must never be.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};
use strongroom_core::layout;
use strongroom_core::package::record::{PackageRecord, read};
use strongroom_core::package::{FileStatus, PackageStatus, RetentionClass};
use strongroom_storage::{ObjectKey, Storage as _};

use super::identity;
use super::reference::{Counts, Job, Package};
use super::step::PATHS;
use super::story::Story;
use super::world::World;
use crate::files::{bytes_at, keys_below};

/// Events of a page, of which a sequence has several at times.
const EVENTS: usize = 200;

/// What was seen of a package when it was looked at last.
#[derive(Debug, Default)]
pub struct Seen {
    expires_at: Option<Timestamp>,
    keys: BTreeSet<String>,
    records: BTreeMap<String, PackageRecord>,
}

impl World {
    /// Looks at a package.
    pub(super) async fn look_at(&mut self, number: usize) {
        let document = self.auditor.get(&format!("/packages/{}", self.ids[number])).await.json();
        self.check_document(number, &document).await;
        self.check_files(number).await;
        let events = self.events(number).await;
        assert_eq!(events, self.model.packages[number].events, "its log");
        self.check_bucket(number, &document).await;
    }

    /// Looks at every package, and at what is about none.
    pub(super) async fn look_at_all(&mut self) {
        for number in 0..self.ids.len() {
            self.look_at(number).await;
        }
        let events = self.events_at("/audit-events").await;
        let about_none = |event: &&Value| event.get("package_id").is_none();
        let mut events = counts(events.iter().filter(about_none));
        events.retain(|kind, _| !matches!(kind.as_str(), "token_created" | "retention_rule_set"));
        assert_eq!(events, self.model.events, "the log of the registry");
    }

    async fn check_document(&mut self, number: usize, document: &Value) {
        let package = &self.model.packages[number];
        let text = |name: &str| document[name].as_str().unwrap_or_default().to_owned();
        let date = |name: &str| document[name].as_str().map(|date| date.parse().unwrap());
        assert_eq!(text("status"), package.status.as_str(), "{document}");
        assert_eq!(date("expires_at"), package.expires_at, "{document}");
        assert_eq!(date("created_at"), Some(package.created_at));
        assert_eq!(text("lock_state"), package.locks, "{document}");
        let holds = package.holds.iter().filter(|hold| hold.is_active).count();
        assert_eq!(document["active_holds"], json!(holds), "{document}");
        assert_eq!(document.get("deletion").map(deletion), told(package, self.model.now));
        match (document["bundle_id"].as_str(), package.status) {
            (None, PackageStatus::Open | PackageStatus::Finalizing | PackageStatus::Abandoned) => {}
            (Some(id), PackageStatus::Finalizing) => assert_eq!(id, identity(package).to_string()),
            (id, _) => assert_eq!(id, package.bundle_id.map(|id| id.to_string()).as_deref()),
        }
        let files = package.files.iter().filter(|file| file.was_stored).count();
        if package.status != PackageStatus::Abandoned {
            assert_eq!(document["files_count"], json!(files), "{document}");
        }
        let seen = &mut self.seen[number];
        let now = package.expires_at;
        assert!(
            now >= seen.expires_at,
            "a date never moves earlier: {:?} {now:?}",
            seen.expires_at
        );
        seen.expires_at = now;
    }

    async fn check_files(&self, number: usize) {
        let package = &self.model.packages[number];
        let told = self.file_states(number).await;
        let mut expected: Vec<_> =
            package.files.iter().map(|file| (file.path.to_owned(), file.status)).collect();
        let mut told: Vec<_> = told.into_iter().map(|(path, status, _)| (path, status)).collect();
        told.sort();
        expected.sort();
        assert_eq!(told, expected, "its files");
    }

    async fn file_states(&self, number: usize) -> Vec<(String, FileStatus, String)> {
        let page = self.auditor.get(&self.path(number, "files?limit=200")).await.json();
        let text = |file: &Value, name: &str| file[name].as_str().unwrap().to_owned();
        let files = page["files"].as_array().unwrap().iter();
        let states = files.map(|file| {
            (text(file, "path"), text(file, "status").parse().unwrap(), text(file, "file_id"))
        });
        states.collect()
    }

    async fn events(&self, number: usize) -> Counts {
        counts(self.events_at(&self.path(number, "audit-events")).await.iter())
    }

    /// All events of a log, page by page.
    async fn events_at(&self, path: &str) -> Vec<Value> {
        let (mut events, mut cursor) = (Vec::new(), String::new());
        loop {
            let query = format!("{path}?limit={EVENTS}{cursor}");
            let mut page = self.auditor.get(&query).await.json();
            events.append(page["events"].as_array_mut().unwrap());
            let Some(next) = page["next"].as_str() else { return events };
            cursor = format!("&cursor={next}");
        }
    }

    /// The bytes, the records, and the rows tell one story.
    async fn check_bucket(&mut self, number: usize, document: &Value) {
        let keys = keys_below(&*self.memory, &layout::package_folder(self.ids[number])).await;
        let keys: BTreeSet<String> = keys.into_iter().collect();
        let package = &self.model.packages[number];
        for (file, id) in package.files.iter().zip(&self.files[number]) {
            let key = id.map(|id| layout::package_file(self.ids[number], id));
            let is_there = key.as_ref().is_some_and(|key| keys.contains(key));
            match file.status {
                FileStatus::Stored => assert!(is_there, "{file:?}"),
                FileStatus::Deleted => assert!(!is_there, "{file:?}"),
                _ => {}
            }
        }
        let objects = keys.iter().filter(|key| key.contains("/files/")).count();
        let explained = package.files.iter().filter(|file| file.status != FileStatus::Deleted);
        assert!(objects <= explained.count(), "an object that no row explains");
        // What an upload left that came to nothing was never evidence.
        let evidence = self.files[number].iter().flatten();
        let evidence: BTreeSet<String> =
            evidence.map(|id| layout::package_file(self.ids[number], *id)).collect();
        let mut gone = self.seen[number].keys.difference(&keys);
        if gone.any(|key| evidence.contains(key)) {
            expect_it_may_go(package, self.model.now, self.model.ticks);
        }
        for key in keys.iter().filter(|key| key.contains("/records/")) {
            if !self.seen[number].records.contains_key(key) {
                let record = read(&bytes_at(&*self.memory, key).await).unwrap();
                self.seen[number].records.insert(key.clone(), record);
            }
        }
        self.seen[number].keys = keys;
        let records = &self.seen[number].records;
        assert!(
            records.keys().all(|key| self.seen[number].keys.contains(key)),
            "a record is never deleted"
        );
        let story = Story::of(records.values());
        story.expect(package, document);
        for (kind, expected) in &package.records {
            let written = story.kinds.get(kind).copied().unwrap_or_default();
            let is_right =
                if package.had_outage { written >= *expected } else { written == *expected };
            assert!(is_right, "{kind}: {written} records, and {expected} decisions");
        }
    }

    /// Takes over what a run that a store failed left behind: any of its objects may be gone, or its deletion begun.
    pub(super) async fn adopt(&mut self, number: usize, job: Job) {
        let document = self.auditor.get(&format!("/packages/{}", self.ids[number])).await.json();
        let states = self.file_states(number).await;
        let events = self.events(number).await;
        let manifest = layout::package_manifest(self.ids[number]);
        let has_manifest = keys_below(&*self.memory, &manifest).await.contains(&manifest);
        let package = &mut self.model.packages[number];
        match job {
            Job::Finalize => {
                // The first that was written stands, also where an attempt of other files failed since.
                if has_manifest && package.manifest.is_none() {
                    package.manifest = Some(identity(package).0);
                }
            }
            Job::Apply => {
                let locks = document["lock_state"].as_str().unwrap();
                if locks == "failed" {
                    package.locks = "failed";
                }
                take_files(package, &self.files[number], &states);
                package.events = events;
            }
            Job::Delete => {
                let is_blocked = document["status"] == PackageStatus::DeletionBlocked.as_str();
                if is_blocked && package.failed.contains(&Job::Delete) {
                    package.status = PackageStatus::DeletionBlocked;
                }
                take_files(package, &self.files[number], &states);
                package.events = events;
            }
            Job::CleanUp => {
                // Each path once: of what came to nothing the states alone are told.
                take_files(package, &self.files[number], &states);
                take_given_up(package, &states);
                package.events = events;
            }
        }
    }

    /// The store holds what is decided, on every object.
    pub(super) async fn expect_locks(&self) {
        for (number, package) in self.model.packages.iter().enumerate() {
            let is_evidence = matches!(
                package.status,
                PackageStatus::Finalized | PackageStatus::DeletionRequested
            );
            if !is_evidence || package.locks == "failed" || !package.jobs.is_empty() {
                continue;
            }
            for key in &self.seen[number].keys {
                let lock = self.memory.lock(&ObjectKey::new(key.clone()).unwrap(), None).await;
                let lock = lock.unwrap().certain();
                assert_eq!(lock.legal_hold, package.is_held(), "{key}");
                let date = package.expires_at.filter(|date| *date > self.model.now);
                let has_lock = package.class != RetentionClass::Transient;
                if let Some(date) = date.filter(|_| has_lock && !key.contains("/records/")) {
                    let until = lock.retention.expect("a lock").retain_until;
                    assert!(until >= date, "{key}: {until} {date}");
                }
            }
        }
    }
}

fn counts<'a>(events: impl Iterator<Item = &'a Value>) -> Counts {
    let mut counts = Counts::new();
    for event in events {
        *counts.entry(event["type"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    counts
}

/// Whether it is early, the looks that are left, and whether it waits for a second person.
type Told = (bool, Option<u64>, bool);

fn deletion(document: &Value) -> Told {
    let awaits = document["awaits_approval"].as_bool().unwrap_or_default();
    (document["early"].as_bool().unwrap(), document["grace_ticks_left"].as_u64(), awaits)
}

fn told(package: &Package, now: Timestamp) -> Option<Told> {
    match package.deletion {
        Some(deletion) => Some((deletion.early, deletion.grace.map(u64::from), false)),
        None => package.awaits_second(now).then_some((true, None, true)),
    }
}

/// What is held never goes, nor what is not due, nor before its grace.
fn expect_it_may_go(package: &Package, now: Timestamp, ticks: u64) {
    if package.status == PackageStatus::Abandoned || package.deletion.is_none() {
        assert!(!package.is_held(), "what is held was deleted");
        return;
    }
    let deletion = package.deletion.unwrap();
    assert!(!package.is_held(), "what is held was deleted");
    let is_past = package.expires_at.is_some_and(|date| date <= now);
    assert!(is_past || deletion.early, "what is not due was deleted");
    assert!(deletion.goes_on || ticks >= deletion.since + 2, "its grace was cut short");
}

/// Files whose deletion may have been begun, undone or done.
fn take_files(
    package: &mut Package,
    ids: &[Option<uuid::Uuid>],
    states: &[(String, FileStatus, String)],
) {
    for (file, id) in package.files.iter_mut().zip(ids) {
        let Some(id) = id.map(|id| id.to_string()) else { continue };
        let (_, status, _) = states.iter().find(|(_, _, other)| *other == id).unwrap();
        assert!(file.status != FileStatus::Deleted || *status == FileStatus::Deleted);
        file.status = *status;
    }
}

/// Uploads that came to nothing, whose remains may be gone by now.
fn take_given_up(package: &mut Package, states: &[(String, FileStatus, String)]) {
    for path in PATHS {
        let left = |status: FileStatus| {
            let is_it =
                |(other, told, _): &&(String, FileStatus, String)| other == path && *told == status;
            states.iter().filter(is_it).count()
        };
        let going = package.files.iter_mut().filter(|file| file.path == path && !file.was_stored);
        let mut gone = left(FileStatus::Deleted);
        for file in going {
            file.status = if gone > 0 { FileStatus::Deleted } else { FileStatus::Deleting };
            gone = gone.saturating_sub(1);
        }
    }
}
