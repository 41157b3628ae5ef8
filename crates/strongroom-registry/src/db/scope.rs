//! A tenant's rows. Every query of one is a method here or in the modules that add to these types, and none of
//! these types can be made without a tenant.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::str::FromStr;

use super::error::{DbError, DbErrorKind};
use super::limits;
use super::session::{Session, Tx};

/// Who owns a row: a slug of lower-case letters, digits and single hyphens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(String);

impl TenantId {
    /// The tenant of a registry that has no other.
    pub fn default_tenant() -> Self {
        Self("default".to_owned())
    }

    /// The slug.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TenantId {
    type Err = DbError;

    fn from_str(slug: &str) -> Result<Self, DbError> {
        let parts_are_words = slug.split('-').all(|part| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        });
        if slug.len() > limits::TENANT_ID_BYTES_MAX || !parts_are_words {
            return Err(DbError::new(
                DbErrorKind::Refused,
                "a tenant's id is at most 63 lower-case letters, digits and single hyphens between them",
            ));
        }
        Ok(Self(slug.to_owned()))
    }
}

impl TryFrom<String> for TenantId {
    type Error = DbError;

    fn try_from(slug: String) -> Result<Self, DbError> {
        slug.parse()
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads the rows of one tenant.
pub struct TenantRead<'s> {
    session: &'s mut Session,
    tenant: &'s TenantId,
}

impl<'s> TenantRead<'s> {
    pub(super) fn new(session: &'s mut Session, tenant: &'s TenantId) -> Self {
        Self { session, tenant }
    }

    /// The connection, and the tenant to bind first.
    pub(super) fn parts(&mut self) -> (&mut Session, &str) {
        (self.session, self.tenant.as_str())
    }

    /// Whose rows these are.
    pub fn tenant(&self) -> &TenantId {
        self.tenant
    }
}

/// Reads and changes the rows of one tenant.
pub struct TenantTx<'s>(TenantRead<'s>);

impl<'s> TenantTx<'s> {
    pub(super) fn new(tx: &'s mut Tx, tenant: &'s TenantId) -> Self {
        Self(TenantRead::new(tx, tenant))
    }
}

impl<'s> Deref for TenantTx<'s> {
    type Target = TenantRead<'s>;

    fn deref(&self) -> &TenantRead<'s> {
        &self.0
    }
}

impl<'s> DerefMut for TenantTx<'s> {
    fn deref_mut(&mut self) -> &mut TenantRead<'s> {
        &mut self.0
    }
}
