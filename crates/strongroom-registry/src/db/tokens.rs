//! Tokens: what is kept of them finds and recognises one, and cannot be turned back into it.

use jiff::Timestamp;
use strongroom_core::Sha256Digest;
use uuid::Uuid;

use super::TenantId;
use super::columns::{maybe_micros, maybe_text, micros, text};
use super::error::DbError;
use super::limits;
use super::scope::{TenantRead, TenantTx};
use super::search::{Cursor, Page};
use super::session::Session;
use crate::auth::Role;

/// A token.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct TokenRow {
    /// Its id.
    pub id: Uuid,
    /// Who acts by it.
    pub principal_id: Uuid,
    /// What people call it.
    pub name: String,
    /// The part of it that finds this row.
    pub public_id: String,
    /// The digest of the whole.
    #[sqlx(try_from = "super::columns::Digest")]
    pub token_sha256: Sha256Digest,
    /// What its bearer may do.
    #[sqlx(try_from = "super::columns::Name")]
    pub role: Role,
    /// The one producer that it is good for, where it is narrowed to one.
    pub producer: Option<String>,
    /// Who made it; `None`: the registry itself.
    pub created_by: Option<Uuid>,
    /// When.
    #[sqlx(try_from = "super::columns::Micros")]
    pub created_at: Timestamp,
    /// The first moment at which it is good for nothing.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub revoked_at: Option<Timestamp>,
    /// By whom.
    pub revoked_by: Option<Uuid>,
    /// When it was last seen, within some minutes.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub last_used_at: Option<Timestamp>,
}

/// A token, whose it is, and whether they are still let in.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct TokenHolder {
    /// Whose data it reaches.
    #[sqlx(try_from = "String")]
    pub tenant_id: TenantId,
    /// The token.
    #[sqlx(flatten)]
    pub token: TokenRow,
    /// When its principal was shut out.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub principal_disabled_at: Option<Timestamp>,
    /// When its tenant was.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub tenant_disabled_at: Option<Timestamp>,
}

macro_rules! token_columns {
    () => {
        "k.id, k.principal_id, k.name, k.public_id, k.token_sha256, k.role, k.producer, k.created_by, \
         k.created_at, k.expires_at, k.revoked_at, k.revoked_by, k.last_used_at"
    };
}

statements! {
    TOKEN_HOLDER = {(
        "SELECT k.tenant_id, ", token_columns!(), ", p.disabled_at AS principal_disabled_at, \
         t.disabled_at AS tenant_disabled_at FROM tokens k \
         JOIN principals p ON p.tenant_id = k.tenant_id AND p.id = k.principal_id \
         JOIN tenants t ON t.id = k.tenant_id WHERE k.public_id = $1"
    )}
    TOKEN = {("SELECT ", token_columns!(), " FROM tokens k WHERE k.tenant_id = $1 AND k.id = $2")}
    TOKENS = {(
        "SELECT ", token_columns!(), " FROM tokens k WHERE k.tenant_id = $1 AND k.id < $2 ORDER BY k.id DESC LIMIT $3"
    )}
    MAKER = {("SELECT created_by FROM tokens WHERE tenant_id = $1 AND principal_id = $2 ORDER BY id LIMIT 1")}
    INSERT_TOKEN = {(
        "INSERT INTO tokens (tenant_id, id, principal_id, name, public_id, token_sha256, role, producer, \
         created_by, created_at, expires_at, revoked_at, revoked_by, last_used_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
    )}
    REVOKE_TOKEN = {(
        "UPDATE tokens SET revoked_at = $3, revoked_by = $4 \
         WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL"
    )}
    TOUCH_TOKEN = {(
        "UPDATE tokens SET last_used_at = $3 WHERE tenant_id = $1 AND id = $2 \
         AND (last_used_at IS NULL OR last_used_at < $3)"
    )}
}

impl Session {
    /// The token that this public part finds. The tenant is not known before: it is what the token tells.
    pub async fn token_of_any_tenant(
        &mut self,
        public_id: &str,
    ) -> Result<Option<TokenHolder>, DbError> {
        row!(self, TokenHolder, TOKEN_HOLDER, text(public_id)?)
    }
}

impl TenantRead<'_> {
    /// A token.
    pub async fn token(&mut self, id: Uuid) -> Result<Option<TokenRow>, DbError> {
        let (session, tenant) = self.parts();
        row!(session, TokenRow, TOKEN, tenant, id)
    }

    /// Who made the token of a principal; `None` where the registry itself did, or there is none.
    pub async fn maker_of(&mut self, principal: Uuid) -> Result<Option<Uuid>, DbError> {
        let (session, tenant) = self.parts();
        let maker = row!(session, (Option<Uuid>,), MAKER, tenant, principal)?;
        Ok(maker.and_then(|(maker,)| maker))
    }

    /// Tokens, the newest first as their ids have it, at most `limit` (itself at most [`limits::PAGE_ROWS_MAX`]).
    pub async fn tokens(
        &mut self,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<TokenRow>, DbError> {
        let limit = limit.clamp(1, limits::PAGE_ROWS_MAX);
        let before = after.map_or(Uuid::max(), |after| after.id);
        let (session, tenant) = self.parts();
        let rows = rows!(session, TokenRow, TOKENS, tenant, before, i64::from(limit) + 1)?;
        Ok(Page::cut(rows, limit, |row| Cursor { at: micros(row.created_at), id: row.id }))
    }
}

impl TenantTx<'_> {
    /// Adds a token.
    pub async fn insert_token(&mut self, token: &TokenRow) -> Result<(), DbError> {
        let (session, tenant) = self.parts();
        changed!(
            session,
            INSERT_TOKEN,
            tenant,
            token.id,
            token.principal_id,
            text(&token.name)?,
            text(&token.public_id)?,
            token.token_sha256.as_bytes().as_slice(),
            token.role.as_str(),
            maybe_text(token.producer.as_deref())?,
            token.created_by,
            micros(token.created_at),
            maybe_micros(token.expires_at),
            maybe_micros(token.revoked_at),
            token.revoked_by,
            maybe_micros(token.last_used_at),
        )
        .map(drop)
    }

    /// Revokes a token; tells whether it was not revoked before.
    pub async fn revoke_token(
        &mut self,
        id: Uuid,
        at: Timestamp,
        by: Uuid,
    ) -> Result<bool, DbError> {
        let (session, tenant) = self.parts();
        Ok(changed!(session, REVOKE_TOKEN, tenant, id, micros(at), by)? == 1)
    }

    /// Notes that a token was seen. Meant to be called now and then, not for each request.
    pub async fn touch_token(&mut self, id: Uuid, at: Timestamp) -> Result<(), DbError> {
        let (session, tenant) = self.parts();
        changed!(session, TOUCH_TOKEN, tenant, id, micros(at)).map(drop)
    }
}
