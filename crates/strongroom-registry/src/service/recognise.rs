//! A token becomes somebody. What is wrong with one is told to the log only: a stranger learns nothing of it.

use jiff::{SignedDuration, Timestamp};

use super::Registry;
use crate::auth::{Principal, Secret, TokenHash};
use crate::db::TokenHolder;
use crate::error::{ErrorKind, ServiceError};

/// How old a token's note of its last use may grow before it is written anew: a write a request would be one too many.
const LAST_USE_STALE: SignedDuration = SignedDuration::from_hours(1);

impl Registry {
    /// Who bears this token, if it is good now.
    pub async fn recognise(&self, token: Option<&str>) -> Result<Principal, ServiceError> {
        let Some(token) = token else {
            return Err(ServiceError::new(
                ErrorKind::Unauthenticated,
                "the request bears no token",
            )
            .with_guidance("send it with Authorization: Bearer srt_…"));
        };
        let secret =
            Secret::parse(token).ok_or_else(|| unknown("it has not the shape of a token"))?;
        let holder = self.db().read().await?.token_of_any_tenant(secret.id()).await?;
        let holder = holder.ok_or_else(|| unknown("there is no such token"))?;
        let now = self.clock().now();
        if TokenHash(holder.token.token_sha256) != secret.hash() {
            return Err(unknown("its secret part is wrong"));
        }
        if let Some(why) = shut_out(&holder, now) {
            return Err(unknown(why));
        }
        self.note_use(&holder, now).await;
        Ok(Principal {
            id: holder.token.principal_id,
            tenant: holder.tenant_id,
            role: holder.token.role,
            producer: holder.token.producer,
        })
    }

    /// Notes the use of a token now and then. That this fails is no reason to refuse.
    async fn note_use(&self, holder: &TokenHolder, now: Timestamp) {
        let seen = holder.token.last_used_at;
        if seen.is_some_and(|seen| now.duration_since(seen) < LAST_USE_STALE) {
            return;
        }
        let input = (holder.tenant_id.clone(), holder.token.id, now);
        let noted = self
            .db()
            .write_rows(input, |tx, (tenant, id, now)| {
                Box::pin(async move { tx.of(tenant).touch_token(*id, *now).await })
            })
            .await;
        if let Err(error) = noted {
            tracing::warn!(%error, "the use of a token was not noted");
        }
    }
}

fn shut_out(holder: &TokenHolder, now: Timestamp) -> Option<&'static str> {
    if holder.token.revoked_at.is_some() {
        Some("it is revoked")
    } else if holder.token.expires_at.is_some_and(|end| end <= now) {
        Some("it is expired")
    } else if holder.principal_disabled_at.is_some() {
        Some("its holder is shut out")
    } else if holder.tenant_disabled_at.is_some() {
        Some("its tenant is shut out")
    } else {
        None
    }
}

fn unknown(why: &'static str) -> ServiceError {
    ServiceError::new(ErrorKind::Unauthenticated, "the token is not good")
        .with_guidance("ask an administrator for a new one")
        .with_source(std::io::Error::other(why))
}
