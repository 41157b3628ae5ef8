//! Somebody who was recognised. Only a token that was found, compared and in time makes one.

use uuid::Uuid;

use super::Role;
use crate::db::TenantId;

/// Who asks.
#[derive(Debug, Clone)]
pub struct Principal {
    /// A random id: it stands in records and rows, and says nothing of the person.
    pub id: Uuid,
    /// Whose data they work with.
    pub tenant: TenantId,
    /// What they may do.
    pub role: Role,
    /// The producer for whom a token is good, where it is narrowed to one.
    pub producer: Option<String>,
}
