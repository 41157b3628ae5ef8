//! Packages: one row each, from its creation to its tombstone.

use jiff::Timestamp;
use serde_json::Value;
use strongroom_core::package::{LockState, ManifestSignature, PackageStatus, RetentionClass};
use strongroom_core::signing::key::KeyId;
use strongroom_core::{BundleId, Sha256Digest};
use uuid::Uuid;

use super::columns::{count, json, maybe_count, maybe_micros, maybe_text, micros, text};
use super::error::{DbError, DbErrorKind};
use super::scope::{TenantRead, TenantTx};
use super::session::{Engine, Session};
use super::words;

/// A package.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct PackageRow {
    /// Its id.
    pub id: Uuid,
    /// What people call it.
    pub name: String,
    /// The name of the program that made it.
    pub producer: String,
    /// That program's version.
    pub producer_version: Option<String>,
    /// What it is about.
    pub subject: Option<String>,
    /// The run that made it.
    pub run_id: Option<String>,
    /// How long it is kept, by name.
    #[sqlx(try_from = "super::columns::Name")]
    pub retention_class: RetentionClass,
    /// The rule that its class meant when it was made.
    pub rule_id: Uuid,
    /// The days that the producer asked for.
    #[sqlx(try_from = "super::columns::MaybeCount")]
    pub retention_days: Option<u64>,
    /// Whether the producer asked for a hold.
    pub legal_hold_asked: bool,
    /// Whether the producer said anything of retention: then the manifest says it too.
    pub retention_declared: bool,
    /// Where it is in its life.
    #[sqlx(try_from = "super::columns::Name")]
    pub status: PackageStatus,
    /// How far its locks have reached the store.
    #[sqlx(try_from = "super::columns::Name")]
    pub lock_state: LockState,
    /// When the registry made it.
    #[sqlx(try_from = "super::columns::Micros")]
    pub created_at: Timestamp,
    /// Who had it made.
    pub created_by: Uuid,
    /// When its content was made, as the producer says.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub declared_created_at: Option<Timestamp>,
    /// When it became evidence.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub finalized_at: Option<Timestamp>,
    /// The first moment at which it may go; `None`: never by itself.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub expires_at: Option<Timestamp>,
    /// What the producer declared besides.
    #[sqlx(json)]
    pub metadata: Value,
    /// The identity of its manifest, since finalizing began.
    #[sqlx(try_from = "super::columns::MaybeDigest")]
    pub bundle_id: Option<BundleId>,
    /// The digest of its manifest's bytes.
    #[sqlx(try_from = "super::columns::MaybeDigest")]
    pub manifest_sha256: Option<Sha256Digest>,
    /// The digest of its manifest's signature, noted before that is written; kept where finalizing is given up, since
    /// the signature may be there.
    #[sqlx(try_from = "super::columns::MaybeDigest")]
    pub signature_sha256: Option<Sha256Digest>,
    /// The key that made it.
    #[sqlx(try_from = "super::columns::MaybeDigest")]
    pub signature_key_id: Option<KeyId>,
    /// Its files, counted when finalizing began; zero before.
    #[sqlx(try_from = "i64")]
    pub files_count: u64,
    /// Their bytes.
    #[sqlx(try_from = "i64")]
    pub size_bytes: u64,
    /// The store that its bytes go to.
    pub backend_id: String,
    /// The prefix in that store.
    pub storage_prefix: String,
    /// When its deletion was asked for.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub deletion_requested_at: Option<Timestamp>,
    /// By whom; `None` with a date: by the sweeper.
    pub deletion_requested_by: Option<Uuid>,
    /// Why; or why a deletion is blocked.
    pub deletion_reason: Option<String>,
    /// Whether it may go before its date.
    pub deletion_early: bool,
    /// Ticks of the sweeper until the deletion begins.
    #[sqlx(try_from = "super::columns::MaybeCount")]
    pub grace_ticks_left: Option<u64>,
    /// When a person last took a deletion back. After its date, only a person asks for another.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub deletion_cancelled_at: Option<Timestamp>,
    /// Raised by each change, from 1: the ETag.
    #[sqlx(try_from = "i64")]
    pub version: u64,
}

impl PackageRow {
    /// The signature of its manifest, as far as one was noted.
    pub fn signature(&self) -> Option<ManifestSignature> {
        let (sha256, key_id) = self.signature_sha256.zip(self.signature_key_id)?;
        Some(ManifestSignature { sha256, key_id })
    }

    /// Notes the signature of its manifest, or that there is none.
    pub(crate) fn note_signature(&mut self, signature: Option<ManifestSignature>) {
        self.signature_sha256 = signature.map(|signature| signature.sha256);
        self.signature_key_id = signature.map(|signature| signature.key_id);
    }
}

/// A package that a worker found, of whichever tenant.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct FoundPackage {
    /// Whose it is.
    #[sqlx(try_from = "String")]
    pub tenant_id: super::TenantId,
    /// Its id.
    pub id: Uuid,
}

/// A package whose date is past.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ExpiredPackage {
    /// Whose it is.
    #[sqlx(try_from = "String")]
    pub tenant_id: super::TenantId,
    /// Its id.
    pub id: Uuid,
    /// Its date.
    #[sqlx(try_from = "super::columns::Micros")]
    pub expires_at: Timestamp,
}

/// What a package is, and nothing else of it.
#[derive(sqlx::FromRow)]
struct StatusRow {
    #[sqlx(try_from = "super::columns::Name")]
    status: PackageStatus,
}

/// The columns of [`PackageRow`].
macro_rules! package_columns {
    () => {
        "p.id, p.name, p.producer, p.producer_version, p.subject, p.run_id, p.retention_class, p.rule_id, \
         p.retention_days, p.legal_hold_asked, p.status, p.lock_state, p.created_at, p.created_by, \
         p.declared_created_at, p.finalized_at, p.expires_at, p.metadata, p.bundle_id, p.manifest_sha256, \
         p.files_count, p.size_bytes, p.backend_id, p.storage_prefix, p.deletion_requested_at, \
         p.deletion_requested_by, p.deletion_reason, p.deletion_early, p.grace_ticks_left, p.version, \
         p.retention_declared, p.deletion_cancelled_at, p.signature_sha256, p.signature_key_id"
    };
}
pub(super) use package_columns;

macro_rules! one_package {
    () => {
        concat!(
            "SELECT ",
            package_columns!(),
            " FROM artifact_packages p WHERE p.tenant_id = $1 AND p.id = $2"
        )
    };
}

/// The columns that an insertion fills, in the order of its binds, but the words.
macro_rules! inserted_columns {
    () => {
        "tenant_id, id, name, producer, producer_version, subject, run_id, retention_class, rule_id, \
         retention_days, legal_hold_asked, status, lock_state, created_at, created_by, declared_created_at, \
         finalized_at, expires_at, metadata, bundle_id, manifest_sha256, files_count, size_bytes, backend_id, \
         storage_prefix, deletion_requested_at, deletion_requested_by, deletion_reason, deletion_early, \
         grace_ticks_left, version, retention_declared, deletion_cancelled_at, signature_sha256, \
         signature_key_id"
    };
}

macro_rules! inserted_binds {
    () => {
        "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, \
         $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35"
    };
}

macro_rules! package_status {
    () => {
        "SELECT p.status FROM artifact_packages p WHERE p.tenant_id = $1 AND p.id = $2"
    };
}

statements! {
    PACKAGE = {(one_package!())}
    LOCK_PACKAGE = {(one_package!()), postgres adds " FOR UPDATE"}
    PACKAGE_STATUS = {(package_status!())}
    LOCK_PACKAGE_STATUS = {(package_status!()), postgres adds " FOR UPDATE"}
    SHARE_PACKAGE = {(one_package!()), postgres adds " FOR SHARE"}
    INSERT_PACKAGE = {
        sqlite concat!("INSERT INTO artifact_packages (", inserted_columns!(), ") VALUES (",
            inserted_binds!(), ")"),
        postgres concat!("INSERT INTO artifact_packages (", inserted_columns!(), ", words) VALUES (",
            inserted_binds!(), ", array_to_tsvector($36))")
    }
    INSERT_WORDS = {
        sqlite "INSERT INTO package_text (rowid, words) \
            SELECT seq, $3 FROM artifact_packages WHERE tenant_id = $1 AND id = $2",
        postgres ""
    }
    INSERT_METADATA = {(
        "INSERT INTO package_metadata (tenant_id, key, value_text, created_at, package_id) \
         VALUES ($1, $2, $3, $4, $5)"
    )}
    UPDATE_PACKAGE = {(
        "UPDATE artifact_packages SET status = $4, lock_state = $5, finalized_at = $6, expires_at = $7, \
         bundle_id = $8, manifest_sha256 = $9, files_count = $10, size_bytes = $11, \
         deletion_requested_at = $12, deletion_requested_by = $13, deletion_reason = $14, \
         deletion_early = $15, grace_ticks_left = $16, deletion_cancelled_at = $17, \
         signature_sha256 = $18, signature_key_id = $19, version = version + 1 \
         WHERE tenant_id = $1 AND id = $2 AND version = $3"
    )}
    EXPIRED_PACKAGES = {(
        "SELECT p.tenant_id, p.id, p.expires_at FROM artifact_packages p \
         WHERE p.status = 'finalized' AND p.expires_at <= $1 \
         AND (p.deletion_cancelled_at IS NULL OR p.deletion_cancelled_at < p.expires_at) \
         AND NOT EXISTS (SELECT 1 FROM legal_holds h WHERE h.tenant_id = p.tenant_id \
         AND h.package_id = p.id AND h.released_at IS NULL) \
         AND (p.expires_at, p.id) > ($3, $4) ORDER BY p.expires_at, p.id LIMIT $2"
    )}
    PACKAGES_IN_STATE = {(
        "SELECT tenant_id, id FROM artifact_packages WHERE status = $1 \
         AND status IN ('open', 'finalizing', 'deletion_requested', 'deleting', 'deletion_blocked') \
         AND id > $2 ORDER BY id LIMIT $3"
    )}
    PACKAGES_WITH_LOCKS = {(
        "SELECT tenant_id, id FROM artifact_packages WHERE lock_state = $1 \
         AND lock_state IN ('applying', 'failed') AND id > $2 ORDER BY id LIMIT $3"
    )}
}

impl TenantRead<'_> {
    /// A package.
    pub async fn package(&mut self, id: Uuid) -> Result<Option<PackageRow>, DbError> {
        let (session, tenant) = self.parts();
        row!(session, PackageRow, PACKAGE, tenant, id)
    }

    /// What a package is.
    pub async fn package_status(&mut self, id: Uuid) -> Result<Option<PackageStatus>, DbError> {
        let (session, tenant) = self.parts();
        let row = row!(session, StatusRow, PACKAGE_STATUS, tenant, id)?;
        Ok(row.map(|row| row.status))
    }
}

impl TenantTx<'_> {
    /// A package, which no other write changes or relies on until this one ends.
    pub async fn lock_package(&mut self, id: Uuid) -> Result<Option<PackageRow>, DbError> {
        let (session, tenant) = self.parts();
        row!(session, PackageRow, LOCK_PACKAGE, tenant, id)
    }

    /// Waits until no other write changes a package or relies on it, and lets none until this one ends. Of SQLite there is
    /// one writer, so nothing is asked.
    pub async fn have_package(&mut self, id: Uuid) -> Result<(), DbError> {
        let (session, tenant) = self.parts();
        match session.engine() {
            Engine::Sqlite(_) => Ok(()),
            Engine::Postgres(_) => {
                row!(session, StatusRow, LOCK_PACKAGE_STATUS, tenant, id).map(drop)
            }
        }
    }

    /// A package, which no other write changes until this one ends; others may rely on it too.
    pub async fn share_package(&mut self, id: Uuid) -> Result<Option<PackageRow>, DbError> {
        let (session, tenant) = self.parts();
        row!(session, PackageRow, SHARE_PACKAGE, tenant, id)
    }

    /// Adds a package, and what a search finds it by. Its version must be 1.
    pub async fn insert_package(&mut self, package: &PackageRow) -> Result<(), DbError> {
        let words = words::of_package(self.tenant(), package);
        self.insert_package_row(package, &words).await?;
        let (session, tenant) = self.parts();
        if matches!(session.engine(), Engine::Sqlite(_)) {
            changed!(session, INSERT_WORDS, tenant, package.id, words.join(" "))?;
        }
        let created_at = micros(package.created_at);
        for (key, value) in words::pairs_of(&package.metadata) {
            let (session, tenant) = self.parts();
            changed!(
                session,
                INSERT_METADATA,
                tenant,
                key,
                value.as_ref(),
                created_at,
                package.id
            )?;
        }
        Ok(())
    }

    async fn insert_package_row(
        &mut self,
        p: &PackageRow,
        words: &[String],
    ) -> Result<(), DbError> {
        let metadata = json(&p.metadata)?;
        let (retention_days, grace) =
            (maybe_count(p.retention_days)?, maybe_count(p.grace_ticks_left)?);
        let (files_count, size_bytes, version) =
            (count(p.files_count)?, count(p.size_bytes)?, count(p.version)?);
        let (name, producer) = (text(&p.name)?, text(&p.producer)?);
        let (producer_version, subject) =
            (maybe_text(p.producer_version.as_deref())?, maybe_text(p.subject.as_deref())?);
        let run_id = maybe_text(p.run_id.as_deref())?;
        let deletion_reason = maybe_text(p.deletion_reason.as_deref())?;
        let bundle_id = p.bundle_id.as_ref().map(|id| id.0.as_bytes().as_slice());
        let manifest_sha256 = p.manifest_sha256.as_ref().map(|digest| digest.as_bytes().as_slice());
        let signature_sha256 =
            p.signature_sha256.as_ref().map(|digest| digest.as_bytes().as_slice());
        let signature_key_id = p.signature_key_id.as_ref().map(|id| id.0.as_bytes().as_slice());
        let (session, tenant) = self.parts();
        macro_rules! bound {
            ($query:expr) => {
                $query
                    .bind(tenant)
                    .bind(p.id)
                    .bind(name)
                    .bind(producer)
                    .bind(producer_version)
                    .bind(subject)
                    .bind(run_id)
                    .bind(p.retention_class.as_str())
                    .bind(p.rule_id)
                    .bind(retention_days)
                    .bind(p.legal_hold_asked)
                    .bind(p.status.as_str())
                    .bind(p.lock_state.as_str())
                    .bind(micros(p.created_at))
                    .bind(p.created_by)
                    .bind(maybe_micros(p.declared_created_at))
                    .bind(maybe_micros(p.finalized_at))
                    .bind(maybe_micros(p.expires_at))
                    .bind(&metadata)
                    .bind(bundle_id)
                    .bind(manifest_sha256)
                    .bind(files_count)
                    .bind(size_bytes)
                    .bind(&p.backend_id)
                    .bind(&p.storage_prefix)
                    .bind(maybe_micros(p.deletion_requested_at))
                    .bind(p.deletion_requested_by)
                    .bind(deletion_reason)
                    .bind(p.deletion_early)
                    .bind(grace)
                    .bind(version)
                    .bind(p.retention_declared)
                    .bind(maybe_micros(p.deletion_cancelled_at))
                    .bind(signature_sha256)
                    .bind(signature_key_id)
            };
        }
        // The one statement whose binds differ: PostgreSQL keeps the words in the row.
        let inserted = match session.engine() {
            Engine::Sqlite(connection) => {
                bound!(sqlx::query(INSERT_PACKAGE.sqlite)).execute(connection).await.map(drop)
            }
            Engine::Postgres(connection) => bound!(sqlx::query(INSERT_PACKAGE.postgres))
                .bind(words)
                .execute(connection)
                .await
                .map(drop),
        };
        inserted.map_err(|error| session.failed(INSERT_PACKAGE.name, error))
    }

    /// Writes what can change of a package: its states, dates, digests and deletion. Refused as
    /// [`DbErrorKind::Stale`] unless the row still has `package.version`; answers the new version.
    pub async fn update_package(&mut self, p: &PackageRow) -> Result<u64, DbError> {
        let (session, tenant) = self.parts();
        let updated = changed!(
            session,
            UPDATE_PACKAGE,
            tenant,
            p.id,
            count(p.version)?,
            p.status.as_str(),
            p.lock_state.as_str(),
            maybe_micros(p.finalized_at),
            maybe_micros(p.expires_at),
            p.bundle_id.as_ref().map(|id| id.0.as_bytes().as_slice()),
            p.manifest_sha256.as_ref().map(|digest| digest.as_bytes().as_slice()),
            count(p.files_count)?,
            count(p.size_bytes)?,
            maybe_micros(p.deletion_requested_at),
            p.deletion_requested_by,
            maybe_text(p.deletion_reason.as_deref())?,
            p.deletion_early,
            maybe_count(p.grace_ticks_left)?,
            maybe_micros(p.deletion_cancelled_at),
            p.signature_sha256.as_ref().map(|digest| digest.as_bytes().as_slice()),
            p.signature_key_id.as_ref().map(|id| id.0.as_bytes().as_slice()),
        )?;
        if updated == 0 {
            return Err(DbError::new(DbErrorKind::Stale, "the package was changed by another"));
        }
        Ok(p.version + 1)
    }
}

/// What the workers look for. Each answers whose the package is, and what follows is done within that tenant.
impl Session {
    /// Finalized packages whose date is past and that neither a hold nor a person's word since keeps, the longest
    /// overdue first, from after `after` on.
    pub async fn expired_packages_of_any_tenant(
        &mut self,
        now: Timestamp,
        after: Option<&ExpiredPackage>,
        limit: u32,
    ) -> Result<Vec<ExpiredPackage>, DbError> {
        let (at, id) =
            after.map_or((i64::MIN, Uuid::nil()), |last| (micros(last.expires_at), last.id));
        rows!(self, ExpiredPackage, EXPIRED_PACKAGES, micros(now), i64::from(limit), at, id)
    }

    /// Packages in `status`, in the order of their ids after `after`. Finds none that are `finalized`, `deleted`
    /// or `abandoned`: nothing is left to do for those, and they are the most.
    pub async fn packages_in_state_of_any_tenant(
        &mut self,
        status: PackageStatus,
        after: Uuid,
        limit: u32,
    ) -> Result<Vec<FoundPackage>, DbError> {
        rows!(self, FoundPackage, PACKAGES_IN_STATE, status.as_str(), after, i64::from(limit))
    }

    /// Packages whose locks are `applying` or `failed`, in the order of their ids after `after`.
    pub async fn packages_with_locks_of_any_tenant(
        &mut self,
        lock_state: LockState,
        after: Uuid,
        limit: u32,
    ) -> Result<Vec<FoundPackage>, DbError> {
        rows!(self, FoundPackage, PACKAGES_WITH_LOCKS, lock_state.as_str(), after, i64::from(limit))
    }
}
