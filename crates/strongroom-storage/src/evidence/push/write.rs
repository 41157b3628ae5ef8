//! Writing a bundle that is not there yet, and observing what came of it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use strongroom_core::bundle::Progress;
use strongroom_core::layout;
use strongroom_core::observed::Observed;
use strongroom_core::receipt::{CreateOnly, Integrity, RECEIPT_SCHEMA, Receipt, Status};

use super::super::protect::{self, Origin, Protected};
use super::super::references::{self, day_of};
use super::super::stored::{panicked, verify_in_place};
use super::super::{EvidenceError, EvidenceErrorKind};

use super::source::Sent;
use super::{Push, PushOutcome};
use crate::blocking::stream_reader;
use crate::versions::OtherVersions;
use crate::{
    CreateOptions, Created, ObjectInfo, ObjectKey, SINGLE_WRITE_BYTES_MAX, StorageErrorKind,
    VersionId,
};

impl Push<'_> {
    /// Stores the bundle. `None`: something is under the key by now.
    pub(super) async fn write(
        &self,
        key: &ObjectKey,
        progress: Arc<dyn Progress>,
    ) -> Result<Option<PushOutcome>, EvidenceError> {
        let (body, producing, gate) = self.source.body(progress);
        let options = self.create_options();
        // The object appears only after the body has ended, the body ends only when the gate is
        // open, and the gate opens only when the bundle is verified and its references are there.
        let referencing = async {
            let sent = producing.await.map_err(panicked)??;
            self.references(true).write(self.store, self.bundle_id()).await?;
            gate.open();
            Ok::<_, EvidenceError>(sent)
        };
        let (uploaded, referenced) =
            tokio::join!(self.store.create(key, body, &options), referencing);
        let created = match uploaded {
            Ok(created) => created,
            Err(error) if error.kind() == StorageErrorKind::AlreadyExists => return Ok(None),
            // What ended the body says more than that it ended.
            Err(error) if error.kind() == StorageErrorKind::BodyFailed => {
                return Err(referenced.err().unwrap_or_else(|| error.into()));
            }
            Err(error) => return Err(self.explain_refused_write(error)),
        };
        let sent = referenced?;
        if created.size_bytes != sent.size_bytes {
            return Err(differs("the store was sent another number of bytes than were verified"));
        }
        let version = created.version.clone();
        match self.observe(key, created, sent).await {
            Ok(outcome) => Ok(Some(outcome)),
            Err(error) => Err(stored_all_the_same(error, version.as_ref())),
        }
    }

    fn create_options(&self) -> CreateOptions {
        let metadata = BTreeMap::from([
            ("strongroom-bundle-id".to_owned(), self.bundle_id().to_string()),
            ("strongroom-index-day".to_owned(), day_of(self.store_now).to_string()),
        ]);
        CreateOptions { content_type: Some("application/gzip"), metadata, lock: self.lock.to_send }
    }

    fn explain_refused_write(&self, error: crate::StorageError) -> EvidenceError {
        // A backend says `Unsupported` of a lock only; any other refusal has its own meaning.
        if error.kind() == StorageErrorKind::Unsupported && !self.lock.to_send.is_none() {
            return EvidenceError::new(
                EvidenceErrorKind::RetentionNotMet,
                "the store refused the bundle with the lock that was asked for: nothing was stored",
            )
            .with_guidance(
                "see `strongroom evidence store-status`: the bucket needs Object Lock; or pass \
                 --allow-unlocked to store without a lock",
            )
            .with_source(error);
        }
        error.into()
    }

    /// Reads back what was written: the object, its bytes where nothing else vouches for them, its
    /// lock, its other versions. Then keeps the receipt.
    async fn observe(
        &self,
        key: &ObjectKey,
        mut created: Created,
        sent: Sent,
    ) -> Result<PushOutcome, EvidenceError> {
        let seen = created.info.take();
        let version = created.version.as_ref();
        let object = Protected {
            key,
            version,
            origin: Origin::Written {
                lock_in_write: created.lock_in_write,
                visible_from: created.visible_from,
            },
            bucket_lacks_locks: self.bucket_lacks_locks,
        };
        // The lock first: every moment without it counts.
        let protection = protect::protect(self.store, &object, &self.lock_target()).await?;
        let (info, integrity) = self.look_at(key, &created, &sent, seen).await?;
        if info.size_bytes != sent.size_bytes {
            return Err(differs("the store holds another number of bytes than were sent"));
        }
        let create_only = self.create_only(&created).await?;
        let others = self.other_versions(key, version).await?;
        let mut warnings = Vec::new();
        if let Some(warning) = others.as_ref().and_then(OtherVersions::warning) {
            self.check_current(key, version).await?;
            warnings.push(warning);
        }
        if create_only == CreateOnly::Unsupported {
            warnings.push(
                "this store refuses conditional writes: immutability is looked for, not enforced"
                    .to_owned(),
            );
        }
        let receipt = Receipt {
            schema: RECEIPT_SCHEMA.to_owned(),
            bundle_id: self.bundle_id(),
            run_ids: self.run_ids(),
            plan_sha256: self.request.plan_sha256(),
            archive_sha256: sent.archive_sha256,
            store: self.store.url().to_owned(),
            endpoint: self.store.endpoint().map(str::to_owned),
            key: self.store.whole_key(key),
            version_id: created.version.map(|version| version.0),
            other_versions: others.map(|others| others.count()),
            etag: created.etag.or(info.etag),
            size_bytes: sent.size_bytes,
            integrity,
            create_only,
            lock: protection.receipt,
            encryption: info.encryption,
            storage_class: info.storage_class,
            stored_at: created.stored_at.or(info.last_modified),
            status: Status::Stored,
        };
        warnings.extend(self.keep_record(&receipt).await?);
        Ok(self.outcome(receipt, protection.refusal, warnings))
    }

    /// What the store says of the version that was written, unless it was `seen` already; and its
    /// bytes, where nothing else vouches for them.
    async fn look_at(
        &self,
        key: &ObjectKey,
        created: &Created,
        sent: &Sent,
        seen: Option<ObjectInfo>,
    ) -> Result<(ObjectInfo, Integrity), EvidenceError> {
        let version = created.version.as_ref();
        let other_bytes = || differs("the store gives back other bytes than were sent");
        let integrity = created.vouched(sent.archive_sha256).ok_or_else(other_bytes)?;
        if integrity != Integrity::Unobserved || !self.request.verify_on_push {
            let info = match seen {
                Some(info) => info,
                None => self.store.head(key, version).await?,
            };
            return Ok((info, integrity));
        }
        let object = self.store.read(key, version, None).await?;
        let (mut reader, feed) = stream_reader(object.stream);
        let hashing = tokio::task::spawn_blocking(move || {
            let mut hashing = HashingSink::default();
            let copied = io::copy(&mut reader, &mut hashing);
            (copied, reader.take_failure(), hashing.0.finish())
        });
        let (hashed, ()) = tokio::join!(hashing, feed);
        let (copied, failure, sha256) = hashed.map_err(panicked)?;
        if let Some(failure) = failure {
            return Err(failure.into());
        }
        copied
            .map_err(|error| EvidenceError::new(EvidenceErrorKind::LocalFile, error.to_string()))?;
        if sha256 != sent.archive_sha256 {
            return Err(other_bytes());
        }
        Ok((object.info, Integrity::ReadBack))
    }

    /// A small bundle is written like a reference, so the reference shows what the store does with
    /// a second write of this kind.
    async fn create_only(&self, created: &Created) -> Result<CreateOnly, EvidenceError> {
        if created.create_only != CreateOnly::Checked || created.size_bytes > SINGLE_WRITE_BYTES_MAX
        {
            return Ok(created.create_only);
        }
        let reference = layout::index_reference(day_of(self.store_now), self.bundle_id());
        let key = ObjectKey::new(reference)?;
        let body = references::body(self.bundle_id());
        match self.store.probe_create_only(&key, &body).await {
            Ok(Observed::Observed(true)) => Ok(CreateOnly::Enforced),
            Ok(_) => Ok(CreateOnly::Checked),
            Err(error) => {
                tracing::debug!(kind = ?error.kind(), "create-only was not probed");
                Ok(CreateOnly::Checked)
            }
        }
    }

    /// Where there are other versions, the current one may not be ours: it must be the same bundle.
    async fn check_current(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<(), EvidenceError> {
        let current: ObjectInfo = self.store.head(key, None).await?;
        if current.version.as_ref() == version {
            return Ok(());
        }
        verify_in_place(self.store, key, current.version.as_ref(), self.wanted())
            .await
            .map(|_| ())
            .map_err(|error| self.something_else_on_top(error, version))
    }

    fn something_else_on_top(
        &self,
        error: EvidenceError,
        version: Option<&VersionId>,
    ) -> EvidenceError {
        if !super::super::stored::says_something_of_content(&error) {
            return error;
        }
        let ours = version.map_or("unknown", |version| version.0.as_str());
        EvidenceError::new(
            EvidenceErrorKind::Conflict,
            format!(
                "the bundle is stored as version {ours}, and something else was put on top of it"
            ),
        )
        .with_guidance("`evidence pull` still finds the bundle; find out who writes to this prefix")
        .with_source(error)
    }
}

#[derive(Default)]
struct HashingSink(strongroom_core::digest::Sha256Hasher);

impl io::Write for HashingSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The bundle is there, whatever failed after: never lose that word.
fn stored_all_the_same(error: EvidenceError, version: Option<&VersionId>) -> EvidenceError {
    let says_more = matches!(
        error.kind(),
        EvidenceErrorKind::Store(StorageErrorKind::Integrity)
            | EvidenceErrorKind::Conflict
            | EvidenceErrorKind::PartlyDone
            | EvidenceErrorKind::Bundle(_)
    );
    if says_more {
        return error;
    }
    let version = version.map(|version| format!(" as version {version}")).unwrap_or_default();
    let message = format!("the bundle is stored{version}, but not all of it was observed: {error}");
    let again = "push the same bundle again: it is looked at, locked and recorded then";
    let is_denied = error.kind() == EvidenceErrorKind::Store(StorageErrorKind::PermissionDenied);
    let (kind, guidance) = match error.guidance() {
        // Again would be in vain before the right is given.
        Some(guidance) if is_denied => (error.kind(), format!("{guidance}; then {again}")),
        _ => (EvidenceErrorKind::PartlyDone, again.to_owned()),
    };
    EvidenceError::new(kind, message).with_guidance(guidance).with_source(error)
}

fn differs(message: &'static str) -> EvidenceError {
    EvidenceError::new(EvidenceErrorKind::Store(StorageErrorKind::Integrity), message)
        .with_guidance("the store, or something between, changes data: do not use it")
}
