//! What a finalizing was about to write: by it a later attempt knows a document for the registry's own.

use strongroom_core::Sha256Digest;
use uuid::Uuid;

use super::error::DbError;
use super::scope::{TenantRead, TenantTx};

/// A `package.json`, or a record of a finalizing, that was noted before it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct NotedDocument {
    /// The digest of its bytes.
    #[sqlx(try_from = "super::columns::Digest")]
    pub sha256: Sha256Digest,
    /// Whether it names a signature of the manifest.
    pub is_signed: bool,
}

statements! {
    NOTED_DOCUMENT = {(
        "SELECT sha256, is_signed FROM noted_documents WHERE tenant_id = $1 AND package_id = $2 AND sha256 = $3"
    )}
    NOTE_DOCUMENT = {(
        "INSERT INTO noted_documents (tenant_id, package_id, sha256, is_signed) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (tenant_id, package_id, sha256) DO NOTHING"
    )}
    FORGET_DOCUMENTS = {(
        "DELETE FROM noted_documents WHERE tenant_id = $1 AND package_id = $2"
    )}
}

impl TenantRead<'_> {
    /// The document of this digest, if one was noted for the package.
    pub async fn noted_document(
        &mut self,
        package: Uuid,
        sha256: &Sha256Digest,
    ) -> Result<Option<NotedDocument>, DbError> {
        let (session, tenant) = self.parts();
        let sha256 = sha256.as_bytes().as_slice();
        row!(session, NotedDocument, NOTED_DOCUMENT, tenant, package, sha256)
    }
}

impl TenantTx<'_> {
    /// Notes a document that is about to be written.
    pub async fn note_document(
        &mut self,
        package: Uuid,
        noted: &NotedDocument,
    ) -> Result<(), DbError> {
        let (session, tenant) = self.parts();
        let sha256 = noted.sha256.as_bytes().as_slice();
        changed!(session, NOTE_DOCUMENT, tenant, package, sha256, noted.is_signed).map(drop)
    }

    /// Forgets what was noted: one of the documents stands, or none is taken any more.
    pub async fn forget_documents(&mut self, package: Uuid) -> Result<(), DbError> {
        let (session, tenant) = self.parts();
        changed!(session, FORGET_DOCUMENTS, tenant, package).map(drop)
    }
}
