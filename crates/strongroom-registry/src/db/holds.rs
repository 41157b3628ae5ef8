//! Legal holds. They have no date and they stack: what any of them holds, nothing deletes.

use jiff::Timestamp;
use strongroom_core::package::locks::Reach;
use uuid::Uuid;

use super::columns::{maybe_micros, maybe_text, micros, named_state, text};
use super::error::DbError;
use super::scope::{TenantRead, TenantTx};

named_state! {
    /// How far a hold, or its release, has reached the store.
    pub enum HoldReach: "the reach of a hold" {
        /// A job is setting the hold on the objects.
        Applying = "applying",
        /// Each object was read back with it, and the store keeps it there.
        Held = "held",
        /// Each object was read back with it, and only Strongroom itself keeps it there: whoever reaches the store by
        /// another way can delete.
        Advisory = "advisory",
        /// The store has no holds for some of them; the registry alone keeps those.
        Partial = "partial",
        /// The store should hold some of them and does not, yet.
        Failed = "failed",
        /// A job is taking it off those objects that no other hold keeps.
        Releasing = "releasing",
        /// It is off.
        Released = "released",
    }
}

/// Of a hold that is active, by the weakest of its package's objects.
impl From<Reach> for HoldReach {
    fn from(weakest: Reach) -> Self {
        match weakest {
            Reach::Held => Self::Held,
            Reach::Advisory => Self::Advisory,
            Reach::Partial => Self::Partial,
            Reach::Failed => Self::Failed,
        }
    }
}

/// A hold on a package.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct HoldRow {
    /// Its id.
    pub id: Uuid,
    /// The package.
    pub package_id: Uuid,
    /// Why.
    pub reason: String,
    /// Who placed it; `None`: the registry itself.
    pub placed_by: Option<Uuid>,
    /// When.
    #[sqlx(try_from = "super::columns::Micros")]
    pub placed_at: Timestamp,
    /// Who released it.
    pub released_by: Option<Uuid>,
    /// When; `None`: it is active.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub released_at: Option<Timestamp>,
    /// Why it was released.
    pub release_reason: Option<String>,
    /// How far it, or its release, has reached the store.
    #[sqlx(try_from = "super::columns::Name")]
    pub reach: HoldReach,
}

macro_rules! hold_columns {
    () => {
        "id, package_id, reason, placed_by, placed_at, released_by, released_at, release_reason, reach"
    };
}

statements! {
    HOLD = {("SELECT ", hold_columns!(), " FROM legal_holds WHERE tenant_id = $1 AND id = $2")}
    HOLDS = {(
        "SELECT ", hold_columns!(), " FROM legal_holds WHERE tenant_id = $1 AND package_id = $2 \
         ORDER BY placed_at, id"
    )}
    ACTIVE_HOLDS = {(
        "SELECT ", hold_columns!(), " FROM legal_holds WHERE tenant_id = $1 AND package_id = $2 \
         AND released_at IS NULL ORDER BY placed_at, id"
    )}
    INSERT_HOLD = {(
        "INSERT INTO legal_holds (tenant_id, id, package_id, reason, placed_by, placed_at, released_by, \
         released_at, release_reason, reach) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
    )}
    RELEASE_HOLD = {(
        "UPDATE legal_holds SET released_at = $3, released_by = $4, release_reason = $5, reach = 'releasing' \
         WHERE tenant_id = $1 AND id = $2 AND released_at IS NULL"
    )}
    SET_HOLD_REACH = {(
        "UPDATE legal_holds SET reach = $4 WHERE tenant_id = $1 AND id = $2 AND reach = $3"
    )}
}

impl TenantRead<'_> {
    /// A hold.
    pub async fn hold(&mut self, id: Uuid) -> Result<Option<HoldRow>, DbError> {
        let (session, tenant) = self.parts();
        row!(session, HoldRow, HOLD, tenant, id)
    }

    /// All holds that a package ever had, in the order of their placing.
    pub async fn holds(&mut self, package: Uuid) -> Result<Vec<HoldRow>, DbError> {
        let (session, tenant) = self.parts();
        rows!(session, HoldRow, HOLDS, tenant, package)
    }

    /// Those that hold it now.
    pub async fn active_holds(&mut self, package: Uuid) -> Result<Vec<HoldRow>, DbError> {
        let (session, tenant) = self.parts();
        rows!(session, HoldRow, ACTIVE_HOLDS, tenant, package)
    }
}

impl TenantTx<'_> {
    /// Places a hold. Lock the package before: a fence of its deletion is then taken before or after, never
    /// between.
    pub async fn insert_hold(&mut self, hold: &HoldRow) -> Result<(), DbError> {
        let (session, tenant) = self.parts();
        changed!(
            session,
            INSERT_HOLD,
            tenant,
            hold.id,
            hold.package_id,
            text(&hold.reason)?,
            hold.placed_by,
            micros(hold.placed_at),
            hold.released_by,
            maybe_micros(hold.released_at),
            maybe_text(hold.release_reason.as_deref())?,
            hold.reach.as_str(),
        )
        .map(drop)
    }

    /// Releases a hold, whose release then has to reach the store; tells whether it was active.
    pub async fn release_hold(
        &mut self,
        id: Uuid,
        at: Timestamp,
        by: Uuid,
        reason: &str,
    ) -> Result<bool, DbError> {
        let (session, tenant) = self.parts();
        Ok(changed!(session, RELEASE_HOLD, tenant, id, micros(at), by, text(reason)?)? == 1)
    }

    /// Notes how far a hold has reached the store, if it is still at `from`; tells whether it was.
    pub async fn set_hold_reach(
        &mut self,
        id: Uuid,
        from: HoldReach,
        to: HoldReach,
    ) -> Result<bool, DbError> {
        let (session, tenant) = self.parts();
        Ok(changed!(session, SET_HOLD_REACH, tenant, id, from.as_str(), to.as_str())? == 1)
    }
}
