//! A package becomes evidence: its manifest is stored first, every pinned version is read again, locked and read
//! back, and then it is said so, in the bucket and in the rows.
//!
//! | module | what |
//! |---|---|
//! | `objects` | every file's object: verified, locked, its rows brought up to date |
//! | `documents` | `manifest.json`, `package.json`, the records: written or found, and locked |
//! | `signature` | the manifest's signature, where this process has a key |
//! | `conclude` | the last transaction; and the way back, where finalizing is given up |
//!
//! Run again after any stop, it finds what was done: documents are create-only and looked at where they are there
//! already, and a file that this job has read is not read again.

mod conclude;
mod documents;
mod objects;
mod signature;

use serde_json::{Value, json};
use strongroom_core::bundle::ManifestFile;
use strongroom_core::package::expiry;
use strongroom_core::package::locks::{Reach, Reached};
use strongroom_core::package::manifest::FrozenManifest;
use strongroom_core::package::record::LockSummary;
use strongroom_core::package::{PackageStatus, RetentionRule};
use strongroom_core::receipt::LockReceipt;
use strongroom_core::retention::Lock;
use strongroom_storage::keep;
use strongroom_storage::{ObjectKey, VersionId};

use super::Attempt;
use super::bring::has_none_to_give;
use super::objects::Object;
use crate::backends::Backend;
use crate::db::{HoldRow, PackageRow, PlacedFile, RetentionEventRow};
use crate::error::{ErrorKind, ServiceError};
use crate::service::frozen::{each_placed_file, manifest_file, manifest_of};

/// Retention events of a package that its document tells of.
const EXTENSIONS_MAX: u32 = 10_000;
/// Steps besides the files and the signature: the manifest, `package.json`, the record.
const DOCUMENTS: u64 = 3;

/// Everything that an attempt goes by.
struct Finalizing<'a> {
    attempt: &'a Attempt,
    backend: Backend,
    package: PackageRow,
    rule: RetentionRule,
    holds: Vec<HoldRow>,
    /// Whether there ever was a hold of ours: then a bit that is on already may be an earlier attempt's.
    was_ever_held: bool,
    extensions: Vec<RetentionEventRow>,
    /// What every object is to be under.
    target: Lock,
    /// Whether the bucket was seen to take no locks at all.
    lacks_locks: bool,
    /// Whether there is a signature to be made, or to be found.
    is_signed: bool,
}

/// The locks that were read back so far.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    summary: LockSummary,
    /// How far the objects were brought to what they should be under.
    reached: Reached,
}

impl Tally {
    fn add(&mut self, held: &Held) {
        self.summary.add(&held.receipt, held.covers);
        self.reached.add(held.reach);
    }
}

/// A lock as it was read back.
struct Held {
    receipt: LockReceipt,
    /// Whether it is at least what was asked for.
    covers: bool,
    reach: Reach,
}

/// Makes a package evidence. What cannot succeed by itself opens it again, and says why.
pub(super) async fn perform(attempt: &Attempt) -> Result<Value, ServiceError> {
    match finalize(attempt).await {
        Err(error) if attempt.gives_up(&error) => {
            conclude::open_again(attempt, &error).await?;
            Err(error)
        }
        outcome => outcome,
    }
}

async fn finalize(attempt: &Attempt) -> Result<Value, ServiceError> {
    let (package, files) = load(attempt).await?;
    match package.status {
        PackageStatus::Finalizing => {}
        PackageStatus::Open | PackageStatus::Abandoned => {
            return Err(ServiceError::new(
                ErrorKind::WrongState,
                format!("the package is {}: finalizing was given up", package.status),
            ));
        }
        // Done before, and only its end was not heard of.
        _ => return Ok(json!({ "bundle_id": package.bundle_id })),
    }
    let work = Finalizing::prepare(attempt, package).await?;
    attempt.expect(files.len() as u64 + DOCUMENTS + u64::from(work.is_signed));
    let manifest = manifest_of(&work.package, files).await?;
    work.run(manifest).await
}

/// The package, and what its manifest says of its files: the rows do not change while it is `finalizing`.
async fn load(attempt: &Attempt) -> Result<(PackageRow, Vec<ManifestFile>), ServiceError> {
    let mut session = attempt.registry().db().read().await?;
    let mut rows = session.of(attempt.tenant());
    let package = rows.package(attempt.package_id()?).await?.ok_or_else(ServiceError::not_found)?;
    let mut files = Vec::new();
    if package.status == PackageStatus::Finalizing {
        let take = |placed: PlacedFile| {
            files.push(manifest_file(placed.file)?);
            Ok(())
        };
        each_placed_file(&mut rows, package.id, take).await?;
    }
    Ok((package, files))
}

impl<'a> Finalizing<'a> {
    async fn prepare(attempt: &'a Attempt, package: PackageRow) -> Result<Self, ServiceError> {
        let registry = attempt.registry();
        let backend = registry.backends().get(&package.backend_id)?.clone();
        let (rule, holds, was_ever_held, extensions) = {
            let mut session = registry.db().read().await?;
            let mut rows = session.of(attempt.tenant());
            let rule = rows.rule_of(&package).await?;
            let holds = rows.active_holds(package.id).await?;
            let was_ever_held = !rows.holds(package.id).await?.is_empty();
            let extensions = rows.retention_events(package.id, None, EXTENSIONS_MAX).await?;
            (RetentionRule::from(&rule), holds, was_ever_held, extensions)
        };
        let store_now = keep::clock_check(&*backend.store, registry.clock().now()).await?;
        let is_held = !holds.is_empty();
        let target = expiry::target(rule.lock_mode(), package.expires_at, is_held, None, store_now)
            .map_err(ServiceError::internal)?;
        refuse_advisory(&rule, &backend, registry.settings().allow_advisory_lock)?;
        let bucket = backend.store.bucket_locks().await?;
        let lacks_locks = bucket.takes_locks.value() == Some(&false);
        if rule.lock_required && lacks_locks {
            return Err(not_held(
                "the store takes no locks, and the retention class requires them",
            ));
        }
        let mut work = Self {
            attempt,
            backend,
            package,
            rule,
            holds,
            was_ever_held,
            extensions,
            target,
            lacks_locks,
            is_signed: false,
        };
        work.is_signed = work.shall_be_signed().await?;
        Ok(work)
    }

    async fn run(&self, manifest: FrozenManifest) -> Result<Value, ServiceError> {
        let FrozenManifest { manifest, bytes, id } = manifest;
        let mut tally = Tally::default();
        let stored = self.store_manifest(bytes.into()).await?;
        self.note_identity(id).await?;
        self.hold_and_count(&stored, &mut tally).await?;
        self.attempt.step();
        let files = self.verify_all(&mut tally).await?;
        self.hold_records(&mut tally).await?;
        self.refuse_if_short(&tally)?;
        let signature = self.store_signature(id).await?;
        if let Some(signature) = &signature {
            self.hold_and_count(&signature.object, &mut tally).await?;
        }
        if self.is_signed {
            self.attempt.step();
        }
        let signed = signature.as_ref().map(|signature| signature.signature);
        let document = self.store_document(id, manifest, files, signed, &tally).await?;
        // The first `package.json` stands: what it does not tell of is told of nowhere.
        let signature = signature.filter(|_| document.signature.is_some());
        self.hold_and_count(&document.object, &mut tally).await?;
        self.attempt.step();
        let record = self.store_record(&document, &tally).await?;
        self.hold_and_count(&record.object, &mut tally).await?;
        self.refuse_if_short(&tally)?;
        self.attempt.step();
        self.conclude(&document, signature.as_ref(), record.sha256, &tally).await
    }

    /// Brings one object under the lock that it should have, and reads it back.
    async fn hold(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<Held, ServiceError> {
        let locked = keep::lock(&*self.backend.store, key, version, self.target).await?;
        let cannot =
            locked.beyond_asked.is_some() || has_none_to_give(self.lacks_locks, &locked.receipt);
        let reach = Reach::of(locked.covers, cannot, self.backend.store.locks_enforced_by());
        Ok(Held { covers: locked.covers, receipt: locked.receipt, reach })
    }

    async fn hold_and_count(&self, object: &Object, tally: &mut Tally) -> Result<(), ServiceError> {
        tally.add(&self.hold(&object.key, object.version.as_ref()).await?);
        Ok(())
    }

    /// What a class requires is held by the store itself, as read back; or nothing is called evidence.
    fn refuse_if_short(&self, tally: &Tally) -> Result<(), ServiceError> {
        if !self.rule.lock_required || self.target.retention.is_none() {
            return Ok(());
        }
        let short = tally.reached.partial + tally.reached.failed;
        if short > 0 {
            let objects = tally.summary.objects;
            return Err(not_held(format!(
                "the store does not hold {short} of {objects} objects under the lock that the retention class requires"
            )));
        }
        if tally.reached.advisory > 0 {
            return Err(not_held(
                "the store itself enforces no lock, and the retention class requires one",
            ));
        }
        Ok(())
    }
}

/// A package may be of a rule that was taken when the configuration accepted more than it does now.
fn refuse_advisory(
    rule: &RetentionRule,
    backend: &Backend,
    accepts_advisory: bool,
) -> Result<(), ServiceError> {
    let enforced_by = backend.store.locks_enforced_by();
    rule.check_enforced_by(enforced_by, accepts_advisory).map_err(|error| {
        ServiceError::new(ErrorKind::StoreRefused, error.to_string()).with_guidance(
            "abandon the package and make it anew, in a bucket that was made with Object Lock; or accept that: \
             registry.retention.allow_advisory_lock",
        )
    })
}

fn not_held(message: impl Into<std::borrow::Cow<'static, str>>) -> ServiceError {
    ServiceError::new(ErrorKind::StoreRefused, message).with_guidance(
        "use a bucket that was made with Object Lock, or a class that requires no lock",
    )
}
