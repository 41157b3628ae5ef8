//! Where bytes are, what was seen of them there, and under which lock.

use jiff::Timestamp;
use strongroom_core::observed::Unobserved;
use strongroom_core::package::{LocationStatus, RestoreStatus, RetrievalTier};
use strongroom_core::receipt::{CreateOnly, Integrity};
use strongroom_core::retention::LockMode;
use uuid::Uuid;

use super::TenantId;
use super::columns::{maybe_micros, maybe_text, micros, text};
use super::error::DbError;
use super::packages::FoundPackage;
use super::scope::{TenantRead, TenantTx};
use super::session::Session;

/// An object that holds a file's bytes.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct LocationRow {
    /// Its id.
    pub id: Uuid,
    /// The package of its file.
    pub package_id: Uuid,
    /// Its file.
    pub artifact_file_id: Uuid,
    /// The store.
    pub backend_id: String,
    /// The key there, prefix included.
    pub object_key: String,
    /// The version that was written, where the store has versions.
    pub version_id: Option<String>,
    /// The store's own name for these bytes.
    pub etag: Option<String>,
    /// The class that the store keeps it in.
    pub storage_class: Option<String>,
    /// What is known of the bytes.
    #[sqlx(try_from = "super::columns::Name")]
    pub status: LocationStatus,
    /// What vouches for the bytes, as a receipt says it.
    #[sqlx(try_from = "super::columns::Name")]
    pub integrity: Integrity,
    /// What kept the key from being overwritten, as a receipt says it.
    #[sqlx(try_from = "super::columns::Name")]
    pub create_only: CreateOnly,
    /// The mode of the lock that was read back.
    #[sqlx(try_from = "super::columns::MaybeName")]
    pub lock_mode: Option<LockMode>,
    /// The date of that lock.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub lock_retain_until: Option<Timestamp>,
    /// Whether the hold's bit was seen.
    pub lock_hold: bool,
    /// Whether it was there before ours: then a release of ours leaves it.
    pub hold_was_set_before: bool,
    /// When the lock was read back.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub lock_read_at: Option<Timestamp>,
    /// Why it was not, as a receipt says it.
    #[sqlx(try_from = "super::columns::MaybeName")]
    pub lock_unobserved: Option<Unobserved>,
    /// How far away its bytes are.
    #[sqlx(try_from = "super::columns::Name")]
    pub retrieval_tier: RetrievalTier,
    /// Whether they can be read now.
    #[sqlx(try_from = "super::columns::Name")]
    pub restore_status: RestoreStatus,
    /// When a restore was asked for.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub restore_requested_at: Option<Timestamp>,
    /// Until when the restored copy is there.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub restore_expires_at: Option<Timestamp>,
    /// When it was written.
    #[sqlx(try_from = "super::columns::Micros")]
    pub created_at: Timestamp,
    /// When its bytes were last read and found right.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub last_verified_at: Option<Timestamp>,
}

/// A location that a worker found, of whichever tenant.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct FoundLocation {
    /// Whose it is.
    #[sqlx(try_from = "String")]
    pub tenant_id: TenantId,
    /// The location.
    #[sqlx(flatten)]
    pub location: LocationRow,
}

macro_rules! location_columns {
    () => {
        "l.id, l.package_id, l.artifact_file_id, l.backend_id, l.object_key, l.version_id, l.etag, \
         l.storage_class, l.status, l.integrity, l.create_only, l.lock_mode, l.lock_retain_until, l.lock_hold, \
         l.hold_was_set_before, l.lock_read_at, l.lock_unobserved, l.retrieval_tier, l.restore_status, \
         l.restore_requested_at, l.restore_expires_at, l.created_at, l.last_verified_at"
    };
}
pub(super) use location_columns;

statements! {
    LOCATION = {(
        "SELECT ", location_columns!(), " FROM storage_locations l WHERE l.tenant_id = $1 AND l.id = $2"
    )}
    LOCATIONS_OF_FILE = {(
        "SELECT ", location_columns!(), " FROM storage_locations l \
         WHERE l.tenant_id = $1 AND l.artifact_file_id = $2 ORDER BY l.id"
    )}
    LOCATIONS_OF_PACKAGE = {(
        "SELECT ", location_columns!(), " FROM storage_locations l \
         WHERE l.tenant_id = $1 AND l.package_id = $2 AND l.id > $3 ORDER BY l.id LIMIT $4"
    )}
    DELETING_LOCATIONS = {(
        "SELECT ", location_columns!(), " FROM storage_locations l WHERE l.tenant_id = $1 AND l.package_id = $2 \
         AND l.status = 'deleting' AND l.id > $3 ORDER BY l.id LIMIT $4"
    )}
    INSERT_LOCATION = {(
        "INSERT INTO storage_locations (tenant_id, id, package_id, artifact_file_id, backend_id, object_key, \
         version_id, etag, storage_class, status, integrity, create_only, lock_mode, lock_retain_until, \
         lock_hold, hold_was_set_before, lock_read_at, lock_unobserved, retrieval_tier, restore_status, \
         restore_requested_at, restore_expires_at, created_at, last_verified_at) VALUES ($1, $2, $3, $4, $5, \
         $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)"
    )}
    UPDATE_LOCATION = {(
        "UPDATE storage_locations SET status = $4, integrity = $5, lock_mode = $6, lock_retain_until = $7, \
         lock_hold = $8, hold_was_set_before = $9, lock_read_at = $10, lock_unobserved = $11, \
         last_verified_at = $12, etag = $13 \
         WHERE tenant_id = $1 AND id = $2 AND status = $3"
    )}
    // Apart from the rest: a look at an archive and a look at a lock may take place at the same time.
    UPDATE_NEARNESS = {(
        "UPDATE storage_locations SET storage_class = $3, retrieval_tier = $4, restore_status = $5, \
         restore_requested_at = $6, restore_expires_at = $7 \
         WHERE tenant_id = $1 AND id = $2 AND status = 'active'"
    )}
    // Apart from the rest, for the same reason. What was seen of the lock says nothing of what is there now; whose the
    // hold's bit is, only where it is ours.
    FOUND_LOCATION = {(
        "UPDATE storage_locations SET status = $4, last_verified_at = COALESCE($5, last_verified_at), \
         lock_mode = NULL, lock_retain_until = NULL, lock_hold = (lock_hold AND NOT hold_was_set_before), \
         hold_was_set_before = FALSE, lock_read_at = NULL, lock_unobserved = $6 \
         WHERE tenant_id = $1 AND id = $2 AND status = $3"
    )}
    // The package is locked before; see `begin_deleting_location`.
    FENCE_LOCATION = {(
        "UPDATE storage_locations SET status = 'deleting' WHERE tenant_id = $1 AND id = $2 \
         AND status IN ('active', 'missing', 'corrupt') AND EXISTS (SELECT 1 FROM artifact_packages p \
         WHERE p.tenant_id = $1 AND p.id = storage_locations.package_id AND p.status = 'deleting' \
         AND (p.deletion_early OR p.expires_at <= $3)) AND NOT EXISTS (SELECT 1 FROM legal_holds h \
         WHERE h.tenant_id = $1 AND h.package_id = storage_locations.package_id AND h.released_at IS NULL)"
    )}
    // Led by the locks: those that end soon are few.
    DATED_PACKAGES_LAPSING = {(
        "SELECT DISTINCT p.tenant_id, p.id FROM storage_locations l CROSS JOIN artifact_packages p \
         WHERE p.tenant_id = l.tenant_id AND p.id = l.package_id AND l.status IN ('active', 'corrupt') \
         AND l.lock_retain_until IS NOT NULL AND l.lock_retain_until < $1 \
         AND p.status IN ('finalized', 'deletion_requested', 'deletion_blocked') \
         AND l.lock_retain_until / 1000000 < p.expires_at / 1000000 AND p.id > $2 ORDER BY p.id LIMIT $3"
    )}
    // Led by the packages: half a year ahead lie the locks of many that have a date, and need nothing.
    DATELESS_PACKAGES_LAPSING = {(
        "SELECT p.tenant_id, p.id FROM artifact_packages p WHERE p.expires_at IS NULL \
         AND p.status IN ('finalized', 'deletion_requested', 'deletion_blocked') AND p.id > $2 \
         AND EXISTS (SELECT 1 FROM storage_locations l WHERE l.tenant_id = p.tenant_id AND l.package_id = p.id \
         AND l.status IN ('active', 'corrupt') AND l.lock_retain_until IS NOT NULL AND l.lock_retain_until < $1) \
         ORDER BY p.id LIMIT $3"
    )}
    RESTORES_TO_LOOK_AT = {(
        "SELECT l.tenant_id, ", location_columns!(), " FROM storage_locations l \
         WHERE l.restore_status IN ('restore_requested', 'restoring', 'restored') AND l.status = 'active' \
         AND (l.restore_status <> 'restored' OR l.restore_expires_at <= $3) AND (l.restore_requested_at, l.id) > \
         ($1, $2) ORDER BY l.restore_requested_at, l.id LIMIT $4"
    )}
}

impl TenantRead<'_> {
    /// A location.
    pub async fn location(&mut self, id: Uuid) -> Result<Option<LocationRow>, DbError> {
        let (session, tenant) = self.parts();
        row!(session, LocationRow, LOCATION, tenant, id)
    }

    /// Where a file's bytes are, or were.
    pub async fn locations_of_file(&mut self, file: Uuid) -> Result<Vec<LocationRow>, DbError> {
        let (session, tenant) = self.parts();
        rows!(session, LocationRow, LOCATIONS_OF_FILE, tenant, file)
    }

    /// Locations of a package's files in the order of their ids, from after `after` on.
    pub async fn locations_of_package(
        &mut self,
        package: Uuid,
        after: Uuid,
        limit: u32,
    ) -> Result<Vec<LocationRow>, DbError> {
        let (session, tenant) = self.parts();
        rows!(session, LocationRow, LOCATIONS_OF_PACKAGE, tenant, package, after, i64::from(limit))
    }

    /// Those of them whose deletion began and whose end was not seen: none, most of the time.
    pub async fn deleting_locations(
        &mut self,
        package: Uuid,
        after: Uuid,
        limit: u32,
    ) -> Result<Vec<LocationRow>, DbError> {
        let (session, tenant) = self.parts();
        rows!(session, LocationRow, DELETING_LOCATIONS, tenant, package, after, i64::from(limit))
    }
}

impl TenantTx<'_> {
    /// Adds a location.
    pub async fn insert_location(&mut self, l: &LocationRow) -> Result<(), DbError> {
        let (session, tenant) = self.parts();
        changed!(
            session,
            INSERT_LOCATION,
            tenant,
            l.id,
            l.package_id,
            l.artifact_file_id,
            text(&l.backend_id)?,
            text(&l.object_key)?,
            maybe_text(l.version_id.as_deref())?,
            maybe_text(l.etag.as_deref())?,
            maybe_text(l.storage_class.as_deref())?,
            l.status.as_str(),
            l.integrity.as_str(),
            l.create_only.as_str(),
            l.lock_mode.map(mode_name),
            maybe_micros(l.lock_retain_until),
            l.lock_hold,
            l.hold_was_set_before,
            maybe_micros(l.lock_read_at),
            l.lock_unobserved.map(Unobserved::as_str),
            l.retrieval_tier.as_str(),
            l.restore_status.as_str(),
            maybe_micros(l.restore_requested_at),
            maybe_micros(l.restore_expires_at),
            micros(l.created_at),
            maybe_micros(l.last_verified_at),
        )
        .map(drop)
    }

    /// Writes what can change of a location, but for how near its bytes are, if it is still in the state `from`; tells
    /// whether it was.
    pub async fn update_location(
        &mut self,
        l: &LocationRow,
        from: LocationStatus,
    ) -> Result<bool, DbError> {
        let (session, tenant) = self.parts();
        let updated = changed!(
            session,
            UPDATE_LOCATION,
            tenant,
            l.id,
            from.as_str(),
            l.status.as_str(),
            l.integrity.as_str(),
            l.lock_mode.map(mode_name),
            maybe_micros(l.lock_retain_until),
            l.lock_hold,
            l.hold_was_set_before,
            maybe_micros(l.lock_read_at),
            l.lock_unobserved.map(Unobserved::as_str),
            maybe_micros(l.last_verified_at),
            maybe_text(l.etag.as_deref())?,
        )?;
        Ok(updated == 1)
    }

    /// Writes how near the bytes of a location are, if it is still there.
    pub async fn update_nearness(&mut self, l: &LocationRow) -> Result<(), DbError> {
        let (session, tenant) = self.parts();
        changed!(
            session,
            UPDATE_NEARNESS,
            tenant,
            l.id,
            maybe_text(l.storage_class.as_deref())?,
            l.retrieval_tier.as_str(),
            l.restore_status.as_str(),
            maybe_micros(l.restore_requested_at),
            maybe_micros(l.restore_expires_at),
        )
        .map(drop)
    }

    /// Writes that a look at a location found it otherwise, when it was read and right, and why nothing is known of its
    /// lock; tells whether it was still as it was.
    pub async fn found_location(
        &mut self,
        l: &LocationRow,
        to: LocationStatus,
        verified_at: Option<Timestamp>,
        lock_unobserved: Unobserved,
    ) -> Result<bool, DbError> {
        let (session, tenant) = self.parts();
        let updated = changed!(
            session,
            FOUND_LOCATION,
            tenant,
            l.id,
            l.status.as_str(),
            to.as_str(),
            maybe_micros(verified_at),
            lock_unobserved.as_str(),
        )?;
        Ok(updated == 1)
    }

    /// The fence of a deletion: after it, and only after it, an object's bytes may go. Taken when the package is
    /// `deleting`, its date is past at `now` or its deletion is early, and no hold is active; a hold that is being
    /// placed comes before or after it, never between. `false`: not taken, the bytes stay.
    pub async fn begin_deleting_location(
        &mut self,
        location: &LocationRow,
        now: Timestamp,
    ) -> Result<bool, DbError> {
        if self.share_package(location.package_id).await?.is_none() {
            return Ok(false);
        }
        let (session, tenant) = self.parts();
        let fenced = changed!(session, FENCE_LOCATION, tenant, location.id, micros(now))?;
        Ok(fenced == 1)
    }
}

impl Session {
    /// Packages whose date is later than a lock, also of a corrupt object, that ends before a moment, in the order of their ids after `after`.
    pub async fn dated_packages_lapsing_of_any_tenant(
        &mut self,
        before: Timestamp,
        after: Uuid,
        limit: u32,
    ) -> Result<Vec<FoundPackage>, DbError> {
        rows!(self, FoundPackage, DATED_PACKAGES_LAPSING, micros(before), after, i64::from(limit))
    }

    /// Packages without a date that have a lock, also of a corrupt object, that ends before a moment, in the order of their ids after `after`.
    pub async fn dateless_packages_lapsing_of_any_tenant(
        &mut self,
        before: Timestamp,
        after: Uuid,
        limit: u32,
    ) -> Result<Vec<FoundPackage>, DbError> {
        let before = micros(before);
        rows!(self, FoundPackage, DATELESS_PACKAGES_LAPSING, before, after, i64::from(limit))
    }

    /// Objects whose restore was asked for and has not ended, and those whose copy is over at `now`; the first asked
    /// for first.
    pub async fn restores_to_look_at_of_any_tenant(
        &mut self,
        after: Option<(Timestamp, Uuid)>,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<FoundLocation>, DbError> {
        let (at, id) = after.map_or((i64::MIN, Uuid::nil()), |(at, id)| (micros(at), id));
        rows!(self, FoundLocation, RESTORES_TO_LOOK_AT, at, id, micros(now), i64::from(limit))
    }
}

pub(super) fn mode_name(mode: LockMode) -> &'static str {
    match mode {
        LockMode::Governance => "governance",
        LockMode::Compliance => "compliance",
    }
}
