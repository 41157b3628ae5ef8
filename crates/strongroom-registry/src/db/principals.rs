//! Who acts. Everything else names a principal by its random id; only these rows have names.

use jiff::Timestamp;
use uuid::Uuid;

use super::columns::{maybe_micros, micros, named_state, text};
use super::error::DbError;
use super::scope::{TenantRead, TenantTx};

named_state! {
    /// What kind of actor it is.
    pub enum PrincipalKind: "a kind of principal" {
        /// A human being.
        Person = "person",
        /// A program that holds a token.
        Machine = "machine",
        /// The registry itself, such as its sweeper.
        System = "system",
    }
}

/// An actor.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PrincipalRow {
    /// Its random id.
    pub id: Uuid,
    /// What kind of actor it is.
    #[sqlx(try_from = "super::columns::Name")]
    pub kind: PrincipalKind,
    /// Its name, one of a kind within the tenant.
    pub name: String,
    /// When it was made.
    #[sqlx(try_from = "super::columns::Micros")]
    pub created_at: Timestamp,
    /// When it was shut out.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub disabled_at: Option<Timestamp>,
}

statements! {
    PRINCIPAL = {(
        "SELECT id, kind, name, created_at, disabled_at FROM principals WHERE tenant_id = $1 AND id = $2"
    )}
    PRINCIPALS = {(
        "SELECT id, kind, name, created_at, disabled_at FROM principals \
         WHERE tenant_id = $1 AND name > $2 ORDER BY name LIMIT $3"
    )}
    INSERT_PRINCIPAL = {(
        "INSERT INTO principals (tenant_id, id, kind, name, created_at, disabled_at) \
         VALUES ($1, $2, $3, $4, $5, $6)"
    )}
}

impl TenantRead<'_> {
    /// An actor.
    pub async fn principal(&mut self, id: Uuid) -> Result<Option<PrincipalRow>, DbError> {
        let (session, tenant) = self.parts();
        row!(session, PrincipalRow, PRINCIPAL, tenant, id)
    }

    /// Actors in the order of their names, from after `after` on.
    pub async fn principals(
        &mut self,
        after: &str,
        limit: u32,
    ) -> Result<Vec<PrincipalRow>, DbError> {
        let (session, tenant) = self.parts();
        rows!(session, PrincipalRow, PRINCIPALS, tenant, text(after)?, i64::from(limit))
    }
}

impl TenantTx<'_> {
    /// Adds an actor. A second one of the same name is a conflict.
    pub async fn insert_principal(&mut self, principal: &PrincipalRow) -> Result<(), DbError> {
        let (session, tenant) = self.parts();
        changed!(
            session,
            INSERT_PRINCIPAL,
            tenant,
            principal.id,
            principal.kind.as_str(),
            text(&principal.name)?,
            micros(principal.created_at),
            maybe_micros(principal.disabled_at),
        )
        .map(drop)
    }
}
