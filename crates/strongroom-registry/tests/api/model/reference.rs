//! The registry as a few hundred lines in memory: what each call is answered with, and what is there after it. It
//! knows neither HTTP nor SQL nor a store; what a run that a store failed left behind is told to it.

mod going;
mod jobs;
mod reading;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use strongroom_core::package::{FileStatus, PackageStatus, RetentionClass};
use strongroom_core::{BundleId, Sha256Digest};

/// Looks of the sweeper that a deletion waits for.
pub const GRACE_TICKS: u32 = 2;
/// Attempts of a job.
pub const ATTEMPTS_MAX: u32 = 2;
/// What is said of locks that are as they should be, in a store in memory: nobody but Strongroom keeps them.
pub const LOCKED: &str = "advisory";
const DAY: SignedDuration = SignedDuration::from_hours(24);
const HOUR: SignedDuration = SignedDuration::from_hours(1);
const ROLLING_LOCK: SignedDuration = SignedDuration::from_hours(24 * 365);
const APPROVAL_LASTS: SignedDuration = SignedDuration::from_hours(72);
const KEY_LASTS: SignedDuration = SignedDuration::from_hours(24);

/// The end of a problem's type.
pub type Refused = &'static str;
/// How often there is each.
pub type Counts = BTreeMap<String, usize>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Job {
    Finalize,
    Apply,
    Delete,
    CleanUp,
}

impl Job {
    pub fn of(kind: &str) -> Self {
        match kind {
            "finalize" => Self::Finalize,
            "apply-retention" => Self::Apply,
            "delete-package" => Self::Delete,
            "clean-up" => Self::CleanUp,
            other => panic!("a job of the kind {other}"),
        }
    }
}

/// How a run of a job ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ran {
    Done,
    /// It is tried again.
    Again,
    /// It waits for a person.
    Failed,
}

/// What a producer says of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declared {
    pub subject: u8,
    pub kind: u8,
    pub class: RetentionClass,
    pub hold: bool,
}

/// A word that waits for a second person's.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    by: usize,
    until: Timestamp,
}

#[derive(Debug, Clone)]
pub struct File {
    pub path: &'static str,
    pub bytes: &'static [u8],
    pub status: FileStatus,
    /// Whether it was ever stored; else it is what an upload left that came to nothing.
    pub was_stored: bool,
}

#[derive(Debug, Clone, Default)]
pub struct Hold {
    pub is_active: bool,
    pub asked: Option<Asked>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion {
    pub early: bool,
    pub grace: Option<u32>,
    /// The tick at which it was asked for.
    pub since: u64,
    /// Whether it was blocked before, and so had its grace.
    pub goes_on: bool,
}

#[derive(Debug, Clone)]
pub struct Package {
    pub owner: usize,
    /// What it was declared to be about.
    pub subject: u8,
    /// What else was declared.
    pub kind: u8,
    pub class: RetentionClass,
    /// Whether a hold was asked for when it was made.
    pub hold_declared: bool,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub status: PackageStatus,
    pub locks: &'static str,
    /// What a rolling lock was brought to.
    pub locked_until: Option<Timestamp>,
    pub files: Vec<File>,
    pub holds: Vec<Hold>,
    pub deletion: Option<Deletion>,
    /// When a person last took one back.
    pub cancelled_at: Option<Timestamp>,
    pub early_asked: Option<Asked>,
    /// Live jobs, and how often each was tried.
    pub jobs: BTreeMap<Job, u32>,
    /// Jobs that wait for a person.
    pub failed: Vec<Job>,
    pub bundle_id: Option<BundleId>,
    /// The manifest that an attempt that was given up left behind.
    pub manifest: Option<Sha256Digest>,
    pub events: Counts,
    pub records: Counts,
    /// Whether a store failed a job of it: then a record may be there whose row is not, or twice.
    pub had_outage: bool,
}

#[derive(Debug, Clone)]
pub struct Model {
    pub now: Timestamp,
    /// Whether a release and an early deletion take two people.
    pub takes_two: bool,
    pub packages: Vec<Package>,
    /// Who used which key for which package, and until when it is remembered.
    pub keys: BTreeMap<(usize, u8), (Declared, usize, Timestamp)>,
    pub ticks: u64,
    pub last_look: Option<Timestamp>,
    pub paused: bool,
    /// Events of no package.
    pub events: Counts,
}

/// What a look of the sweeper does.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Looked {
    pub paused: bool,
    pub requested: u64,
    pub begun: u64,
    pub jobs: u64,
}

/// What is known of a store before a job is run.
pub struct Store<'a> {
    /// Whether the object of the n-th file of the package is there.
    pub has: &'a dyn Fn(usize) -> bool,
    /// Whether a lock of it forbids its deletion.
    pub forbids: &'a dyn Fn(usize) -> bool,
    /// Whether its lock's date does so, and not the bit of a hold alone.
    pub is_dated: &'a dyn Fn(usize) -> bool,
}

fn count(counts: &mut Counts, what: &str) {
    *counts.entry(what.to_owned()).or_default() += 1;
}

impl Package {
    pub fn is_held(&self) -> bool {
        self.holds.iter().any(|hold| hold.is_active)
    }

    /// Whether an early deletion waits for a second person.
    pub fn awaits_second(&self, now: Timestamp) -> bool {
        self.early_asked.is_some_and(|asked| asked.until > now)
    }

    pub fn stored(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.status == FileStatus::Stored)
    }

    /// Whether the store is asked for locks.
    pub fn asks(&self) -> bool {
        self.class != RetentionClass::Transient || self.is_held()
    }

    /// The same on record and in the log.
    fn decided(&mut self, what: &str) {
        count(&mut self.records, what);
        count(&mut self.events, what);
    }

    fn event(&mut self, what: &str) {
        count(&mut self.events, what);
    }

    fn enqueue(&mut self, job: Job) -> bool {
        let is_new = !self.jobs.contains_key(&job);
        self.jobs.entry(job).or_default();
        is_new
    }

    fn may_be_decided(&self) -> Result<(), Refused> {
        match self.status {
            PackageStatus::Deleted | PackageStatus::Abandoned => Err("wrong-state"),
            _ => Ok(()),
        }
    }

    fn may_be_deleted(&self) -> Result<(), Refused> {
        match self.status {
            PackageStatus::Finalized
            | PackageStatus::DeletionRequested
            | PackageStatus::DeletionBlocked => Ok(()),
            _ => Err("wrong-state"),
        }
    }

    /// A hold or a later date wins against a deletion.
    fn stop_deletion(&mut self) {
        match self.status {
            PackageStatus::DeletionRequested => {
                (self.status, self.deletion) = (PackageStatus::Finalized, None);
            }
            PackageStatus::Deleting => {
                self.status = PackageStatus::DeletionBlocked;
                count(&mut self.records, "deletion_blocked");
            }
            _ => {}
        }
    }

    /// What was decided has to reach the store.
    fn reach_store(&mut self) {
        if self.status != PackageStatus::Open {
            self.locks = "applying";
            self.enqueue(Job::Apply);
        }
    }

    fn release(&mut self, hold: usize) {
        self.holds[hold] = Hold::default();
        self.decided("hold_released");
        self.reach_store();
    }

    fn request_deletion(&mut self, early: bool, since: u64) {
        self.decided("deletion_requested");
        let is_blocked = self.status == PackageStatus::DeletionBlocked;
        let grace = (!is_blocked).then_some(GRACE_TICKS);
        self.deletion = Some(Deletion { early, grace, since, goes_on: is_blocked });
        if is_blocked {
            self.status = PackageStatus::Deleting;
            self.enqueue(Job::Delete);
        } else {
            self.status = PackageStatus::DeletionRequested;
        }
    }
}

impl Model {
    pub fn new(now: Timestamp, takes_two: bool) -> Self {
        Self {
            now,
            takes_two,
            packages: Vec::new(),
            keys: BTreeMap::new(),
            ticks: 0,
            last_look: None,
            paused: false,
            events: Counts::new(),
        }
    }

    pub fn create(
        &mut self,
        owner: usize,
        asked: Declared,
        key: Option<u8>,
    ) -> Result<usize, Refused> {
        let Declared { subject, kind, class, hold } = asked;
        if let Some(key) = key
            && let Some((before, package, until)) = self.keys.get(&(owner, key))
            && *until > self.now
        {
            return if *before == asked { Ok(*package) } else { Err("idempotency-key-reused") };
        }
        let mut package = Package {
            owner,
            subject,
            kind,
            class,
            hold_declared: hold,
            created_at: self.now,
            expires_at: class.default_days().map(|days| self.now + DAY * days as i32),
            status: PackageStatus::Open,
            locks: "none",
            locked_until: None,
            files: Vec::new(),
            holds: Vec::new(),
            deletion: None,
            cancelled_at: None,
            early_asked: None,
            jobs: BTreeMap::new(),
            failed: Vec::new(),
            bundle_id: None,
            manifest: None,
            events: Counts::new(),
            records: Counts::new(),
            had_outage: false,
        };
        package.decided("package_created");
        // What has no date is under a hold of the registry's own.
        let holds = u8::from(package.expires_at.is_none()) + u8::from(hold);
        for _ in 0..holds {
            package.decided("hold_placed");
            package.holds.push(Hold { is_active: true, asked: None });
        }
        self.packages.push(package);
        let made = self.packages.len() - 1;
        if let Some(key) = key {
            self.keys.insert((owner, key), (asked, made, self.now + KEY_LASTS));
        }
        Ok(made)
    }

    /// `Ok(false)`: the very same is stored already.
    pub fn upload(
        &mut self,
        package: usize,
        path: &'static str,
        bytes: &'static [u8],
        declared: Option<&[u8]>,
    ) -> Result<bool, Refused> {
        let package = &mut self.packages[package];
        if package.status != PackageStatus::Open {
            return Err("wrong-state");
        }
        let is_in = |file: &str, folder: &str| {
            file.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
        };
        if package.stored().any(|file| is_in(file.path, path) || is_in(path, file.path)) {
            return Err("conflict");
        }
        let there = package.stored().find(|file| file.path == path).map(|file| file.bytes);
        if let Some(there) = there {
            return match declared {
                Some(declared) if declared != there => Err("conflict"),
                Some(declared) if declared != bytes => Err("body-mismatch"),
                _ if there == bytes => Ok(false),
                _ => Err("conflict"),
            };
        }
        let (status, answer) = if declared.is_some_and(|declared| declared != bytes) {
            (FileStatus::Deleted, Err("body-mismatch"))
        } else {
            package.event("file_stored");
            (FileStatus::Stored, Ok(true))
        };
        let was_stored = status == FileStatus::Stored;
        package.files.push(File { path, bytes, status, was_stored });
        answer
    }

    pub fn finalize(&mut self, package: usize) -> Result<(), Refused> {
        let package = &mut self.packages[package];
        match package.status {
            PackageStatus::Finalizing | PackageStatus::Finalized => Ok(()),
            PackageStatus::Open if package.stored().count() > 0 => {
                package.status = PackageStatus::Finalizing;
                package.event("finalize_requested");
                package.enqueue(Job::Finalize);
                Ok(())
            }
            _ => Err("wrong-state"),
        }
    }

    pub fn abandon(&mut self, package: usize) -> Result<(), Refused> {
        let package = &mut self.packages[package];
        if package.status != PackageStatus::Open {
            return Err("wrong-state");
        }
        if package.is_held() {
            return Err("retained");
        }
        package.status = PackageStatus::Abandoned;
        package.decided("package_abandoned");
        package.enqueue(Job::CleanUp);
        Ok(())
    }

    pub fn extend(&mut self, package: usize, days: u32) -> Result<(), Refused> {
        let (now, package) = (self.now, &mut self.packages[package]);
        package.may_be_decided()?;
        let new = now + DAY * days as i32;
        match package.expires_at {
            Some(before) if new > before => {}
            _ => return Err("policy-not-met"),
        }
        package.decided("retention_extended");
        package.stop_deletion();
        package.expires_at = Some(new);
        package.reach_store();
        Ok(())
    }

    pub fn hold(&mut self, package: usize) -> Result<(), Refused> {
        let package = &mut self.packages[package];
        package.may_be_decided()?;
        package.decided("hold_placed");
        package.stop_deletion();
        package.holds.push(Hold { is_active: true, asked: None });
        package.reach_store();
        Ok(())
    }

    pub fn release(&mut self, package: usize, hold: usize, by: usize) -> Result<(), Refused> {
        let (now, takes_two) = (self.now, self.takes_two);
        let package = &mut self.packages[package];
        package.may_be_decided()?;
        if !package.holds[hold].is_active {
            return Err("wrong-state");
        }
        if !takes_two {
            package.release(hold);
        } else if package.holds[hold].asked.is_none_or(|asked| asked.until <= now) {
            package.holds[hold].asked = Some(Asked { by, until: now + APPROVAL_LASTS });
            package.event("approval_requested");
        }
        Ok(())
    }

    pub fn approve_release(
        &mut self,
        package: usize,
        hold: usize,
        by: usize,
    ) -> Result<(), Refused> {
        let (now, package) = (self.now, &mut self.packages[package]);
        package.may_be_decided()?;
        if !package.holds[hold].is_active {
            return Err("wrong-state");
        }
        second_person(package.holds[hold].asked, by, now)?;
        package.release(hold);
        Ok(())
    }
}

fn second_person(asked: Option<Asked>, by: usize, now: Timestamp) -> Result<(), Refused> {
    match asked {
        Some(asked) if asked.until > now && asked.by == by => Err("forbidden"),
        Some(asked) if asked.until > now => Ok(()),
        _ => Err("conflict"),
    }
}
