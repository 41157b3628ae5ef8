//! Tenants.

use jiff::Timestamp;

use super::columns::{maybe_micros, micros, text};
use super::error::DbError;
use super::scope::TenantId;
use super::session::{Session, Tx};

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct TenantRow {
    /// Its slug.
    #[sqlx(try_from = "String")]
    pub id: TenantId,
    /// What people call it.
    pub name: String,
    /// When it was made.
    #[sqlx(try_from = "super::columns::Micros")]
    pub created_at: Timestamp,
    /// When it was shut out.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub disabled_at: Option<Timestamp>,
}

statements! {
    TENANT = {("SELECT id, name, created_at, disabled_at FROM tenants WHERE id = $1")}
    TENANTS = {("SELECT id, name, created_at, disabled_at FROM tenants WHERE id > $1 ORDER BY id LIMIT $2")}
    INSERT_TENANT = {("INSERT INTO tenants (id, name, created_at, disabled_at) VALUES ($1, $2, $3, $4)")}
}

impl Session {
    /// A tenant.
    pub async fn tenant(&mut self, id: &TenantId) -> Result<Option<TenantRow>, DbError> {
        row!(self, TenantRow, TENANT, id.as_str())
    }

    /// All tenants, in the order of their ids, from after `after` on.
    pub async fn tenants(
        &mut self,
        after: Option<&TenantId>,
        limit: u32,
    ) -> Result<Vec<TenantRow>, DbError> {
        rows!(self, TenantRow, TENANTS, after.map_or("", TenantId::as_str), i64::from(limit))
    }
}

impl Tx {
    /// Adds a tenant.
    pub async fn insert_tenant(&mut self, tenant: &TenantRow) -> Result<(), DbError> {
        changed!(
            self,
            INSERT_TENANT,
            tenant.id.as_str(),
            text(&tenant.name)?,
            micros(tenant.created_at),
            maybe_micros(tenant.disabled_at),
        )
        .map(drop)
    }
}
