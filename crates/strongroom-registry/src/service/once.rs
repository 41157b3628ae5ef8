//! Requests that may come twice and are done once: their key is written with what they made, in one transaction.

use jiff::SignedDuration;
use strongroom_core::Sha256Digest;
use uuid::Uuid;

use super::Registry;
use crate::auth::Principal;
use crate::db::IdempotencyRow;
use crate::error::{ErrorKind, ServiceError};

/// For how long a key is remembered.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);

/// Under which key a request came (draft-ietf-httpapi-idempotency-key-header).
#[derive(Debug, Clone)]
pub struct Once {
    /// The route: the same key elsewhere is another one.
    pub route: &'static str,
    /// The key, as the client chose it.
    pub key: String,
    /// The digest of the request's body: another body under the same key is refused.
    pub request: Sha256Digest,
}

/// A key that was used already.
#[derive(Debug)]
pub(crate) struct UsedBefore(pub(crate) IdempotencyRow);

impl UsedBefore {
    /// What the key made, if it came with the same request.
    pub(crate) fn resource_for(self, once: Option<&Once>) -> Result<Uuid, ServiceError> {
        if once.is_none_or(|once| once.request != self.0.request_sha256) {
            return Err(ServiceError::new(
                ErrorKind::KeyReused,
                "this idempotency key came with another request before",
            )
            .with_guidance("use a new key for each new request"));
        }
        Ok(self.0.resource_id)
    }
}

impl Registry {
    /// What a request made that came before under the same key.
    pub(crate) async fn made_before(
        &self,
        who: &Principal,
        once: &Once,
    ) -> Result<Option<Uuid>, ServiceError> {
        let mut session = self.db().read().await?;
        let mut rows = session.of(&who.tenant);
        let now = self.clock().now();
        let used = rows.idempotency_key(who.id, once.route, &once.key, now).await?;
        used.map(|used| UsedBefore(used).resource_for(Some(once))).transpose()
    }

    pub(crate) fn idempotency_row(
        &self,
        who: &Principal,
        once: &Once,
        made: Uuid,
    ) -> IdempotencyRow {
        let created_at = self.clock().now();
        IdempotencyRow {
            principal_id: who.id,
            route: once.route.to_owned(),
            key: once.key.clone(),
            request_sha256: once.request,
            resource_id: made,
            created_at,
            expires_at: created_at.checked_add(REMEMBERED).unwrap_or(created_at),
        }
    }
}
