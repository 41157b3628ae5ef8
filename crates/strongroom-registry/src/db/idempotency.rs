//! Keys that make a request happen once: what it was, and what it made. Never what was answered.

use jiff::Timestamp;
use strongroom_core::Sha256Digest;
use uuid::Uuid;

use super::columns::{micros, text};
use super::error::DbError;
use super::scope::{TenantRead, TenantTx};
use super::session::Tx;

/// A key that was used.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct IdempotencyRow {
    /// Who used it.
    pub principal_id: Uuid,
    /// For which route.
    pub route: String,
    /// The key.
    pub key: String,
    /// The digest of the request.
    #[sqlx(try_from = "super::columns::Digest")]
    pub request_sha256: Sha256Digest,
    /// What the request made.
    pub resource_id: Uuid,
    /// When.
    #[sqlx(try_from = "super::columns::Micros")]
    pub created_at: Timestamp,
    /// The first moment at which it is forgotten.
    #[sqlx(try_from = "super::columns::Micros")]
    pub expires_at: Timestamp,
}

statements! {
    KEY = {(
        "SELECT principal_id, route, key, request_sha256, resource_id, created_at, expires_at \
         FROM idempotency_keys WHERE tenant_id = $1 AND principal_id = $2 AND route = $3 AND key = $4 \
         AND expires_at > $5"
    )}
    USE_KEY = {(
        "INSERT INTO idempotency_keys (tenant_id, principal_id, route, key, request_sha256, resource_id, \
         created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
         ON CONFLICT (tenant_id, principal_id, route, key) DO UPDATE SET \
         request_sha256 = excluded.request_sha256, resource_id = excluded.resource_id, \
         created_at = excluded.created_at, expires_at = excluded.expires_at \
         WHERE idempotency_keys.expires_at <= excluded.created_at"
    )}
    FORGET_KEYS = {("DELETE FROM idempotency_keys WHERE expires_at <= $1")}
}

impl TenantRead<'_> {
    /// What a key was used for, unless that is forgotten at `now`.
    pub async fn idempotency_key(
        &mut self,
        principal: Uuid,
        route: &str,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<IdempotencyRow>, DbError> {
        let (session, tenant) = self.parts();
        row!(session, IdempotencyRow, KEY, tenant, principal, route, text(key)?, micros(now))
    }
}

impl TenantTx<'_> {
    /// Uses a key, in the write that makes the resource. `None`: it is new, or was forgotten. Otherwise what it
    /// was used for before; then nothing must be made.
    pub async fn use_idempotency_key(
        &mut self,
        used: &IdempotencyRow,
    ) -> Result<Option<IdempotencyRow>, DbError> {
        let (session, tenant) = self.parts();
        let is_new = changed!(
            session,
            USE_KEY,
            tenant,
            used.principal_id,
            text(&used.route)?,
            text(&used.key)?,
            used.request_sha256.as_bytes().as_slice(),
            used.resource_id,
            micros(used.created_at),
            micros(used.expires_at),
        )? == 1;
        if is_new {
            return Ok(None);
        }
        self.idempotency_key(used.principal_id, &used.route, &used.key, used.created_at).await
    }
}

impl Tx {
    /// Forgets the keys of all tenants whose time is over; answers how many.
    pub async fn forget_idempotency_keys_of_any_tenant(
        &mut self,
        now: Timestamp,
    ) -> Result<u64, DbError> {
        changed!(self, FORGET_KEYS, micros(now))
    }
}
