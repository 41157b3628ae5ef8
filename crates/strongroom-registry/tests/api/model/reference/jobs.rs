//! What a job that no store fails does, by what is there before it.

use jiff::Timestamp;
use strongroom_core::package::{FileStatus, PackageStatus, RetentionClass};

use super::{ATTEMPTS_MAX, Job, LOCKED, Model, Package, ROLLING_LOCK, Ran, Store};
use crate::model::identity;

impl Model {
    /// Runs a live job.
    pub fn run(&mut self, package: usize, job: Job, store: &Store<'_>) -> Ran {
        let (now, is_in_doubt) = (self.now, self.paused || self.has_jumped());
        let package = &mut self.packages[package];
        let ran = match job {
            Job::Finalize => package.finalize(now),
            Job::Apply => package.apply(now, store),
            Job::Delete => package.delete(is_in_doubt, store),
            Job::CleanUp => package.clean_up(store),
        };
        package.ran(job, ran)
    }

    /// Runs a live job that a store fails. What of its objects is gone is told afterwards.
    pub fn fail(&mut self, package: usize, job: Job) -> Ran {
        let package = &mut self.packages[package];
        package.had_outage = true;
        if job == Job::Apply && package.locks == "applying" {
            package.locks = "failed";
        }
        let ran = package.ran(job, Ran::Again);
        if job == Job::Finalize && ran == Ran::Failed {
            package.open_again();
        }
        ran
    }
}

impl Package {
    /// Counts an attempt; where it was the last, a job that is to be tried again waits for a person.
    fn ran(&mut self, job: Job, ran: Ran) -> Ran {
        let attempts = self.jobs.remove(&job).expect("a live job") + 1;
        let ran = if ran == Ran::Again && attempts >= ATTEMPTS_MAX { Ran::Failed } else { ran };
        match ran {
            Ran::Done => {}
            Ran::Again => drop(self.jobs.insert(job, attempts)),
            Ran::Failed => self.failed.push(job),
        }
        ran
    }

    fn open_again(&mut self) {
        self.status = PackageStatus::Open;
        self.event("finalize_failed");
    }

    fn finalize(&mut self, now: Timestamp) -> Ran {
        match self.status {
            PackageStatus::Finalizing => {}
            PackageStatus::Open | PackageStatus::Abandoned => return Ran::Failed,
            _ => return Ran::Done,
        }
        let id = identity(self);
        if self.manifest.is_some_and(|before| before != id.0) {
            self.open_again();
            return Ran::Failed;
        }
        (self.status, self.bundle_id) = (PackageStatus::Finalized, Some(id));
        self.decided("package_finalized");
        let is_past = self.expires_at.is_some_and(|date| date <= now);
        let has_lock = self.class != RetentionClass::Transient && !is_past;
        self.locks = if has_lock || self.is_held() { LOCKED } else { "none" };
        if self.class == RetentionClass::PermanentRecord {
            self.locked_until = Some(now + ROLLING_LOCK);
        }
        // An attempt that was given up may have left the bit of a hold that ended since.
        if !self.holds.is_empty() && !self.is_held() {
            self.locks = "applying";
            self.enqueue(Job::Apply);
        }
        Ran::Done
    }

    fn apply(&mut self, now: Timestamp, store: &Store<'_>) -> Ran {
        match self.status {
            PackageStatus::Finalized
            | PackageStatus::DeletionRequested
            | PackageStatus::DeletionBlocked => {}
            PackageStatus::Finalizing => return Ran::Again,
            _ => return Ran::Done,
        }
        if !self.jobs.contains_key(&Job::Delete) {
            self.settle(store);
        }
        if self.class == RetentionClass::PermanentRecord
            && self.locked_until.is_some_and(|until| until <= now + ROLLING_LOCK / 2)
        {
            self.locked_until = Some(now + ROLLING_LOCK);
        }
        let is_in_doubt =
            |file: &super::File| file.was_stored && file.status == FileStatus::Deleting;
        if self.files.iter().any(is_in_doubt) {
            self.locks = "failed";
            return Ran::Again;
        }
        self.event("retention_applied");
        self.locks = if self.asks() { LOCKED } else { "none" };
        Ran::Done
    }

    /// Objects whose deletion was begun and stopped.
    fn settle(&mut self, store: &Store<'_>) {
        for number in 0..self.files.len() {
            if self.files[number].was_stored && self.files[number].status == FileStatus::Deleting {
                let is_there = (store.has)(number);
                self.files[number].status =
                    if is_there { FileStatus::Stored } else { FileStatus::Deleted };
                self.event("file_deletion_stopped");
            }
        }
    }

    fn delete(&mut self, is_in_doubt: bool, store: &Store<'_>) -> Ran {
        if self.status != PackageStatus::Deleting {
            self.settle(store);
            return Ran::Done;
        }
        let left = |file: &super::File| file.was_stored && file.status != FileStatus::Deleted;
        if is_in_doubt && self.files.iter().any(left) {
            return Ran::Done;
        }
        let mut is_refused = false;
        for number in 0..self.files.len() {
            if !left(&self.files[number]) {
                continue;
            }
            if (store.has)(number) && (store.forbids)(number) {
                is_refused = true;
                self.files[number].status = FileStatus::Stored;
                self.event("file_deletion_refused");
            } else {
                self.files[number].status = FileStatus::Deleted;
                self.event("file_deleted");
            }
        }
        if is_refused {
            self.status = PackageStatus::DeletionBlocked;
            self.decided("deletion_blocked");
        } else {
            (self.status, self.locks) = (PackageStatus::Deleted, "none");
            self.decided("package_deleted");
        }
        Ran::Done
    }

    /// What a store was asked to lock until a date, by an attempt to finalize that was given up, waits for a person. The
    /// bit of a hold of ours is cleared: what is held is not abandoned.
    fn clean_up(&mut self, store: &Store<'_>) -> Ran {
        let is_abandoned = self.status == PackageStatus::Abandoned;
        let mut ran = Ran::Done;
        for (number, file) in self.files.iter_mut().enumerate() {
            let is_left = !file.was_stored && file.status == FileStatus::Deleting;
            if !(is_left || is_abandoned && file.status != FileStatus::Deleted) {
                continue;
            }
            if (store.has)(number) && (store.is_dated)(number) {
                (file.status, ran) = (FileStatus::Deleting, Ran::Failed);
            } else {
                file.status = FileStatus::Deleted;
            }
        }
        if is_abandoned {
            self.event("package_cleaned_up");
        }
        ran
    }
}
