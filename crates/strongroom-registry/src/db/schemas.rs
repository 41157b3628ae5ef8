//! Schemas that a producer's metadata must match, where one is registered.

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::columns::{json, micros, text};
use super::error::DbError;
use super::scope::{TenantRead, TenantTx};

/// A JSON Schema for the metadata of one producer's packages.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct SchemaRow {
    /// Its id.
    pub id: Uuid,
    /// The producer.
    pub producer: String,
    /// The schema.
    #[sqlx(json)]
    pub schema: Value,
    /// Who registered it.
    pub created_by: Uuid,
    /// When.
    #[sqlx(try_from = "super::columns::Micros")]
    pub created_at: Timestamp,
    /// When another, or none, took its place.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub retired_at: Option<Timestamp>,
}

statements! {
    SCHEMA = {(
        "SELECT id, producer, schema, created_by, created_at, retired_at FROM metadata_schemas \
         WHERE tenant_id = $1 AND id = $2"
    )}
    CURRENT_SCHEMA = {(
        "SELECT id, producer, schema, created_by, created_at, retired_at FROM metadata_schemas \
         WHERE tenant_id = $1 AND producer = $2 AND retired_at IS NULL"
    )}
    CURRENT_SCHEMAS = {(
        "SELECT id, producer, schema, created_by, created_at, retired_at FROM metadata_schemas \
         WHERE tenant_id = $1 AND retired_at IS NULL AND producer > $2 ORDER BY producer LIMIT $3"
    )}
    RETIRE_SCHEMA = {(
        "UPDATE metadata_schemas SET retired_at = $3 \
         WHERE tenant_id = $1 AND producer = $2 AND retired_at IS NULL"
    )}
    INSERT_SCHEMA = {(
        "INSERT INTO metadata_schemas (tenant_id, id, producer, schema, created_by, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6)"
    )}
}

impl TenantRead<'_> {
    /// A schema, in force or retired.
    pub async fn schema(&mut self, id: Uuid) -> Result<Option<SchemaRow>, DbError> {
        let (session, tenant) = self.parts();
        row!(session, SchemaRow, SCHEMA, tenant, id)
    }

    /// The schema that a producer's metadata must match now.
    pub async fn current_schema(&mut self, producer: &str) -> Result<Option<SchemaRow>, DbError> {
        let (session, tenant) = self.parts();
        row!(session, SchemaRow, CURRENT_SCHEMA, tenant, text(producer)?)
    }

    /// Schemas in force, in the order of their producers, from after `after` on.
    pub async fn current_schemas(
        &mut self,
        after: &str,
        limit: u32,
    ) -> Result<Vec<SchemaRow>, DbError> {
        let (session, tenant) = self.parts();
        rows!(session, SchemaRow, CURRENT_SCHEMAS, tenant, text(after)?, i64::from(limit))
    }
}

impl TenantTx<'_> {
    /// Registers a schema; the producer's one before, if any, is retired at the same moment.
    pub async fn replace_schema(&mut self, schema: &SchemaRow) -> Result<(), DbError> {
        self.retire_schema(&schema.producer, schema.created_at).await?;
        let (session, tenant) = self.parts();
        changed!(
            session,
            INSERT_SCHEMA,
            tenant,
            schema.id,
            text(&schema.producer)?,
            json(&schema.schema)?,
            schema.created_by,
            micros(schema.created_at),
        )
        .map(drop)
    }

    /// Retires a producer's schema; tells whether there was one.
    pub async fn retire_schema(&mut self, producer: &str, at: Timestamp) -> Result<bool, DbError> {
        let (session, tenant) = self.parts();
        Ok(changed!(session, RETIRE_SCHEMA, tenant, text(producer)?, micros(at))? == 1)
    }
}
