//! How packages go: asked for, counted, taken back; and the clock that it all hangs on.

use jiff::Timestamp;
use strongroom_core::package::{PackageStatus, RetentionClass};

use super::{
    APPROVAL_LASTS, Asked, HOUR, Job, Looked, Model, Package, ROLLING_LOCK, Refused, count,
    second_person,
};

impl Model {
    pub fn request_deletion(
        &mut self,
        package: usize,
        early: bool,
        by: usize,
    ) -> Result<(), Refused> {
        let (now, takes_two, ticks) = (self.now, self.takes_two, self.ticks);
        let package = &mut self.packages[package];
        package.may_be_deleted()?;
        if package.status == PackageStatus::DeletionRequested {
            return Ok(());
        }
        let is_past = package.expires_at.is_some_and(|date| date <= now);
        if package.is_held() || !(is_past || early) {
            return Err("retained");
        }
        if !(early && takes_two) {
            package.request_deletion(early, ticks);
        } else if package.early_asked.is_none_or(|asked| asked.until <= now) {
            package.early_asked = Some(Asked { by, until: now + APPROVAL_LASTS });
            package.event("approval_requested");
        }
        Ok(())
    }

    pub fn approve_deletion(&mut self, package: usize, by: usize) -> Result<(), Refused> {
        let (now, ticks) = (self.now, self.ticks);
        let package = &mut self.packages[package];
        package.may_be_deleted()?;
        second_person(package.early_asked, by, now)?;
        if package.status == PackageStatus::DeletionRequested {
            return Ok(());
        }
        if package.is_held() {
            return Err("retained");
        }
        package.early_asked = None;
        package.request_deletion(true, ticks);
        Ok(())
    }

    pub fn cancel_deletion(&mut self, package: usize) -> Result<(), Refused> {
        let now = self.now;
        let package = &mut self.packages[package];
        match package.status {
            PackageStatus::DeletionRequested | PackageStatus::DeletionBlocked => {}
            _ => return Err("wrong-state"),
        }
        package.decided("deletion_cancelled");
        package.cancelled_at = Some(now);
        (package.status, package.deletion) = (PackageStatus::Finalized, None);
        package.reach_store();
        Ok(())
    }

    pub fn has_jumped(&self) -> bool {
        self.last_look.is_some_and(|at| self.now.duration_since(at).abs() > HOUR)
    }

    pub fn tick(&mut self) -> Looked {
        if !self.paused && self.has_jumped() {
            self.paused = true;
            count(&mut self.events, "deletion_paused");
        }
        let mut looked = Looked { paused: self.paused, ..Looked::default() };
        let (now, paused) = (self.now, self.paused);
        if !paused {
            self.ticks += 1;
            self.last_look = Some(now);
        }
        for package in &mut self.packages {
            if !paused {
                package.time_goes_by(now, self.ticks, &mut looked);
            }
            let is_lapsing = package.class == RetentionClass::PermanentRecord
                && package.may_be_deleted().is_ok()
                && package.locked_until.is_some_and(|until| until < now + ROLLING_LOCK / 2);
            if is_lapsing || matches!(package.locks, "applying" | "failed") {
                looked.jobs += u64::from(package.enqueue(Job::Apply));
            }
        }
        self.keys.retain(|_, (_, _, until)| *until > now);
        looked
    }

    pub fn confirm_clock(&mut self) {
        (self.paused, self.last_look) = (false, Some(self.now));
        count(&mut self.events, "clock_confirmed");
    }

    /// `Err`: only a job that failed is tried again, and only where no other does its work.
    pub fn retry(&mut self, package: usize, job: Job, has_failed: bool) -> Result<(), Refused> {
        let package = &mut self.packages[package];
        if !has_failed {
            return Err("wrong-state");
        }
        if !package.enqueue(job) {
            return Err("conflict");
        }
        let at = package.failed.iter().position(|failed| *failed == job).unwrap();
        package.failed.remove(at);
        count(&mut self.events, "job_retried");
        Ok(())
    }
}

impl Package {
    fn time_goes_by(&mut self, now: Timestamp, ticks: u64, looked: &mut Looked) {
        if let (PackageStatus::DeletionRequested, Some(deletion)) =
            (self.status, &mut self.deletion)
        {
            deletion.grace = deletion.grace.map(|left| left - 1);
            if deletion.grace == Some(0) {
                deletion.grace = None;
                self.status = PackageStatus::Deleting;
                self.event("deletion_begun");
                self.enqueue(Job::Delete);
                looked.begun += 1;
            }
        }
        let is_past = self.expires_at.is_some_and(|date| date <= now);
        // A person who takes a deletion back after the date says that it stays.
        let is_kept = self.cancelled_at.zip(self.expires_at).is_some_and(|(at, date)| at >= date);
        if self.status == PackageStatus::Finalized && is_past && !self.is_held() && !is_kept {
            self.request_deletion(false, ticks);
            looked.requested += 1;
        }
        if self.status == PackageStatus::Deleting {
            looked.jobs += u64::from(self.enqueue(Job::Delete));
        }
    }
}
