//! Tokens: made, listed, revoked. Whoever makes one sees its secret once, and nobody ever again.

use jiff::Timestamp;
use strongroom_core::retention::Period;
use uuid::Uuid;

use super::names::check_name;
use super::{Registry, cursor};
use crate::auth::{Action, Principal, Resource, Secret, authorize};
use crate::db::{AuditEventRow, PrincipalKind, PrincipalRow, TenantId, TokenRow};
use crate::documents::{NewToken, TokenCreated, TokenDocument, TokenPage, TokenQuery};
use crate::error::{ErrorKind, ServiceError};

/// Days that a token is good for unless it is said.
const TOKEN_DAYS_DEFAULT: u32 = 90;
/// Days that a token is good for at most.
const TOKEN_DAYS_MAX: u32 = 3_650;

/// A token and its holder, ready to be written.
struct Made {
    tenant: TenantId,
    principal: PrincipalRow,
    token: TokenRow,
    event: AuditEventRow,
}

impl Registry {
    /// Makes a token for somebody new.
    pub async fn create_token(
        &self,
        who: &Principal,
        ask: NewToken,
    ) -> Result<TokenCreated, ServiceError> {
        authorize(who, Action::WriteTokens, Resource::Registry)?;
        let now = self.clock().now();
        let days = ask.days.unwrap_or(TOKEN_DAYS_DEFAULT);
        if days == 0 || days > TOKEN_DAYS_MAX {
            return Err(ServiceError::new(
                ErrorKind::Unprocessable,
                format!("a token is good for 1 to {TOKEN_DAYS_MAX} days (TOKEN_DAYS_MAX)"),
            ));
        }
        let expires_at = Period::Days(days).after(now).map_err(ServiceError::internal)?;
        let secret = Secret::generate()?;
        self.make_token(&who.tenant, ask, secret, Some(expires_at), Some(who.id)).await
    }

    /// Makes a token without being asked by anybody who has one: for the one who has the data directory.
    pub async fn create_operator_token(
        &self,
        tenant: &TenantId,
        ask: NewToken,
    ) -> Result<TokenCreated, ServiceError> {
        self.take_operator_token(tenant, ask, Secret::generate()?).await
    }

    /// The same for a secret that was generated, and kept where it has to be, before it is good for anything.
    pub async fn take_operator_token(
        &self,
        tenant: &TenantId,
        ask: NewToken,
        secret: Secret,
    ) -> Result<TokenCreated, ServiceError> {
        let now = self.clock().now();
        let expires_at = match ask.days {
            Some(days) => Some(Period::Days(days).after(now).map_err(ServiceError::internal)?),
            None => None,
        };
        self.make_token(tenant, ask, secret, expires_at, None).await
    }

    async fn make_token(
        &self,
        tenant: &TenantId,
        ask: NewToken,
        secret: Secret,
        expires_at: Option<Timestamp>,
        created_by: Option<Uuid>,
    ) -> Result<TokenCreated, ServiceError> {
        let name = ask.name.trim();
        check_name("name", name)?;
        if let Some(producer) = &ask.producer {
            check_name("producer", producer)?;
        }
        let now = self.clock().now();
        let principal = PrincipalRow {
            id: self.clock().new_id(),
            kind: PrincipalKind::Machine,
            // Names of principals are one of a kind; of tokens they need not be.
            name: format!("{name} ({})", secret.id()),
            created_at: now,
            disabled_at: None,
        };
        let token = TokenRow {
            id: self.clock().new_id(),
            principal_id: principal.id,
            name: name.to_owned(),
            public_id: secret.id().to_owned(),
            token_sha256: secret.hash().0,
            role: ask.role,
            producer: ask.producer,
            created_by,
            created_at: now,
            expires_at,
            revoked_at: None,
            revoked_by: None,
            last_used_at: None,
        };
        let details = serde_json::json!({ "token_id": token.id, "role": ask.role, "principal_id": principal.id });
        let event = self.event("token_created", created_by, details);
        let document = document(&token);
        let made = Made { tenant: tenant.clone(), principal, token, event };
        self.db()
            .write_rows(made, |tx, made| {
                Box::pin(async move {
                    let mut rows = tx.of(&made.tenant);
                    rows.insert_principal(&made.principal).await?;
                    rows.insert_token(&made.token).await?;
                    rows.insert_audit_event(&made.event).await
                })
            })
            .await?;
        Ok(TokenCreated { secret, token: document })
    }

    /// Tokens of the tenant, the newest first.
    pub async fn tokens(
        &self,
        who: &Principal,
        query: TokenQuery,
    ) -> Result<TokenPage, ServiceError> {
        authorize(who, Action::ReadTokens, Resource::Registry)?;
        self.tokens_of(&who.tenant, query).await
    }

    /// The same for the one who has the data directory.
    pub async fn tokens_of(
        &self,
        tenant: &TenantId,
        query: TokenQuery,
    ) -> Result<TokenPage, ServiceError> {
        let limit = self.page_entries(query.limit)?;
        let after = query.cursor.as_deref().map(cursor::from_text).transpose()?;
        let mut session = self.db().read().await?;
        let page = session.of(tenant).tokens(after, limit).await?;
        let tokens = page.rows.iter().map(document).collect();
        Ok(TokenPage { tokens, next: page.next.map(cursor::to_text) })
    }

    /// Revokes a token at once.
    pub async fn revoke_token(&self, who: &Principal, id: Uuid) -> Result<(), ServiceError> {
        authorize(who, Action::WriteTokens, Resource::Registry)?;
        self.revoke_token_of(&who.tenant, id, Some(who.id)).await
    }

    /// The same; `by` is nobody where the one who has the database did it.
    pub async fn revoke_token_of(
        &self,
        tenant: &TenantId,
        id: Uuid,
        by: Option<Uuid>,
    ) -> Result<(), ServiceError> {
        if self.db().read().await?.of(tenant).token(id).await?.is_none() {
            return Err(ServiceError::not_found());
        }
        let event = self.event("token_revoked", by, serde_json::json!({ "token_id": id }));
        let input = (tenant.clone(), id, self.clock().now(), by, event);
        self.db()
            .write_rows(input, |tx, (tenant, id, now, by, event)| {
                Box::pin(async move {
                    let mut rows = tx.of(tenant);
                    if rows.revoke_token(*id, *now, by.unwrap_or(Uuid::nil())).await? {
                        rows.insert_audit_event(event).await?;
                    }
                    Ok(())
                })
            })
            .await
            .map_err(ServiceError::from)
    }
}

fn document(token: &TokenRow) -> TokenDocument {
    TokenDocument {
        token_id: token.id,
        name: token.name.clone(),
        prefix: format!("{}{}", crate::auth::token::PREFIX, token.public_id),
        role: token.role,
        producer: token.producer.clone(),
        principal_id: token.principal_id,
        created_at: token.created_at,
        expires_at: token.expires_at,
        revoked_at: token.revoked_at,
        last_used_at: token.last_used_at,
    }
}
