//! A bundle that is in the store already: `already_stored` is earned, never assumed.

use std::sync::Arc;

use strongroom_core::bundle::Progress;
use strongroom_core::history::ObjectName;
use strongroom_core::receipt::{CreateOnly, Integrity, LockHow, RECEIPT_SCHEMA, Receipt, Status};

use super::super::protect::{self, Origin, Protected};
use super::super::stored::{
    Search, StoredBundle, leaves_other_versions, says_something_of_content, search_versions,
    verify_in_place,
};
use super::super::{EvidenceError, EvidenceErrorKind, kept, record};
use super::{Push, PushOutcome};
use crate::{ObjectKey, StorageErrorKind, VersionId};

impl Push<'_> {
    /// Something is under the key: proves that it is this bundle, holds its lock against what is
    /// asked, and strengthens it where it is weaker.
    pub(super) async fn keep_existing(
        &self,
        key: &ObjectKey,
        progress: Arc<dyn Progress>,
    ) -> Result<PushOutcome, EvidenceError> {
        let (current, here) = tokio::join!(
            verify_in_place(self.store, key, None, self.wanted()),
            self.source.verify_here(progress),
        );
        here?;
        match current {
            Ok(stored) => self.confirm(key, stored).await,
            Err(error) if says_something_of_content(&error) => {
                let search = search_versions(self.store, key, self.wanted()).await?;
                Err(self.conflict(key, search, error))
            }
            Err(error) if leaves_other_versions(&error) => {
                // What cannot be read may be anything; it hides no version that can.
                match search_versions(self.store, key, self.wanted()).await {
                    Ok(Some(search)) if search.found.is_some() => {
                        Err(self.conflict(key, Some(search), error))
                    }
                    _ => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// An Assay store keeps archives under their id alone: the same bytes there are the same
    /// bundle, other bytes are another one.
    pub(super) async fn keep_in_other_home(
        &self,
        home: String,
        progress: &Arc<dyn Progress>,
    ) -> Result<Option<PushOutcome>, EvidenceError> {
        let key = ObjectKey::new(home)?;
        match verify_in_place(self.store, &key, None, self.wanted()).await {
            Ok(stored) => {
                self.source.verify_here(Arc::clone(progress)).await?;
                self.confirm(&key, stored).await.map(Some)
            }
            Err(error) if says_something_of_content(&error) => Ok(None),
            // Denied: without the right to list, S3 does not tell that from absent.
            Err(error)
                if matches!(
                    error.kind(),
                    EvidenceErrorKind::Store(
                        StorageErrorKind::NotFound | StorageErrorKind::PermissionDenied
                    )
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn confirm(
        &self,
        key: &ObjectKey,
        stored: StoredBundle,
    ) -> Result<PushOutcome, EvidenceError> {
        let version = stored.info.version.as_ref();
        self.references(false).write(self.store, self.bundle_id()).await?;
        let object = Protected {
            key,
            version,
            origin: Origin::Found,
            bucket_lacks_locks: self.bucket_lacks_locks,
        };
        let protection = protect::protect(self.store, &object, &self.lock.asked).await?;
        let strengthened = protection.receipt.how == LockHow::AfterWrite;
        let others = self.other_versions(key, version).await?;
        let receipt = Receipt {
            schema: RECEIPT_SCHEMA.to_owned(),
            bundle_id: self.bundle_id(),
            run_ids: self.run_ids(),
            plan_sha256: self.request.plan_sha256(),
            archive_sha256: stored.bundle.archive_sha256(),
            store: self.store.url().to_owned(),
            endpoint: self.store.endpoint().map(str::to_owned),
            key: self.store.whole_key(key),
            version_id: version.map(|version| version.0.clone()),
            other_versions: others.map(|others| others.count()),
            etag: stored.info.etag.clone(),
            size_bytes: stored.info.size_bytes,
            integrity: Integrity::ReadBack,
            create_only: CreateOnly::Checked,
            lock: protection.receipt,
            encryption: stored.info.encryption.clone(),
            storage_class: stored.info.storage_class.clone(),
            stored_at: stored.info.last_modified,
            status: Status::AlreadyStored,
        };
        let mut warnings = Vec::new();
        if strengthened
            || !record::exists(self.store, self.bundle_id()).await?
            || self.hold_is_not_on_record(key, version).await?
        {
            warnings.extend(self.keep_record(&receipt).await?);
        }
        Ok(self.outcome(receipt, protection.refusal, warnings))
    }

    /// Whether a hold is asked for and no push has put one on record that is still open. The bit may be
    /// on by somebody else's hold, whose release must not take ours away.
    async fn hold_is_not_on_record(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<bool, EvidenceError> {
        if !self.lock.asked.legal_hold {
            return Ok(false);
        }
        let name = ObjectName {
            key: self.store.whole_key(key),
            version_id: version.map(|version| version.0.clone()),
        };
        let history = match kept::read_all(self.store, self.bundle_id()).await {
            Ok(kept) => kept.history(self.bundle_id()),
            // Without the right to list, no record is known.
            Err(error)
                if error.kind() == EvidenceErrorKind::Store(StorageErrorKind::PermissionDenied) =>
            {
                return Ok(true);
            }
            Err(error) => return Err(error),
        };
        let mut of_pushes = history.open_holds().filter(|(_, hold)| hold.by_push);
        Ok(!of_pushes.any(|(_, hold)| hold.objects.contains_key(&name)))
    }

    /// Names the version that still holds the bundle, or says that none does.
    fn conflict(
        &self,
        key: &ObjectKey,
        search: Option<Search>,
        error: EvidenceError,
    ) -> EvidenceError {
        let whole_key = self.store.whole_key(key);
        let (message, guidance) = match search {
            Some(search) => match (search.found, search.cut_short) {
                (Some(found), _) => (
                    format!(
                        "something else is under {whole_key}; version {} still holds the bundle",
                        found.info.version.unwrap_or(VersionId("null".to_owned()))
                    ),
                    "`evidence pull` still gives the right bytes; find out who writes here",
                ),
                (None, false) if search.unread => (
                    format!(
                        "something else is under {whole_key}, and no version that could be read \
                         holds the bundle"
                    ),
                    "look at the others with credentials that may read them",
                ),
                (None, false) => (
                    format!("something else is under {whole_key}, and no version holds the bundle"),
                    "remove what is there, with the rights that this takes, and push again",
                ),
                (None, true) => (
                    format!(
                        "something else is under {whole_key}, and none of its newest versions \
                         holds the bundle"
                    ),
                    "there are more versions than VERSIONS_SEARCHED_MAX: look at the older ones",
                ),
            },
            None => (
                format!(
                    "something else is under {whole_key}; whether an earlier version holds the \
                     bundle was not observed"
                ),
                "grant s3:ListBucketVersions, or remove what is there and push again",
            ),
        };
        // What is wrong with the current version is not told: it would read as if it were said of
        // the version that holds the bundle.
        tracing::debug!(%error, "the current version was refused");
        EvidenceError::new(EvidenceErrorKind::Conflict, message).with_guidance(guidance)
    }
}
