//! JSON Schemas that the metadata of a producer's packages is held against.

use boon::{Compiler, Schemas};
use serde_json::Value;

use super::names::check_name;
use super::{Registry, cursor};
use crate::auth::{Action, Principal, Resource, authorize};
use crate::db::{SchemaRow, TenantId};
use crate::documents::{NewPackage, SchemaDocument, SchemaPage, SchemaQuery};
use crate::error::{ErrorKind, ServiceError};

/// Where a schema seems to be while it is compiled. Nothing is fetched from anywhere.
const PLACE: &str = "strongroom:metadata-schema";
/// Bytes of one schema: a page of them is in memory at once.
const SCHEMA_BYTES_MAX: usize = 64 << 10;

impl Registry {
    /// The schemas that hold now, by producer.
    pub async fn schemas(
        &self,
        who: &Principal,
        query: SchemaQuery,
    ) -> Result<SchemaPage, ServiceError> {
        authorize(who, Action::ReadSchemas, Resource::Registry)?;
        let limit = self.page_entries(query.limit)?;
        let after = query.cursor.as_deref().map(producer_of).transpose()?.unwrap_or_default();
        let mut session = self.db().read().await?;
        let mut rows = session.of(&who.tenant);
        let mut found = match &who.producer {
            None => rows.current_schemas(&after, limit + 1).await?,
            Some(own) => rows.current_schema(own).await?.into_iter().collect(),
        };
        let has_more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let last = found.last().filter(|_| has_more);
        let next = last.map(|last| hex::encode(&last.producer));
        Ok(SchemaPage { schemas: found.into_iter().map(document).collect(), next })
    }

    /// Sets the schema of a producer. Packages that are there already stay as they are.
    pub async fn put_schema(
        &self,
        who: &Principal,
        producer: String,
        schema: Value,
    ) -> Result<SchemaDocument, ServiceError> {
        authorize(who, Action::WriteSchemas, Resource::Registry)?;
        check_name("producer", &producer)?;
        if schema.to_string().len() > SCHEMA_BYTES_MAX {
            return Err(ServiceError::new(
                ErrorKind::Unprocessable,
                format!("a schema has up to {SCHEMA_BYTES_MAX} bytes (SCHEMA_BYTES_MAX)"),
            ));
        }
        compile(&schema)?;
        let row = SchemaRow {
            id: self.clock().new_id(),
            producer,
            schema,
            created_by: who.id,
            created_at: self.clock().now(),
            retired_at: None,
        };
        let details = serde_json::json!({ "schema_id": row.id, "producer": row.producer });
        let event = self.event("metadata_schema_set", Some(who.id), details);
        let document = document(row.clone());
        let input: (TenantId, _, _) = (who.tenant.clone(), row, event);
        self.db()
            .write_rows(input, |tx, (tenant, row, event)| {
                Box::pin(async move {
                    let mut rows = tx.of(tenant);
                    rows.replace_schema(row).await?;
                    rows.insert_audit_event(event).await
                })
            })
            .await?;
        Ok(document)
    }

    /// Refuses metadata that is not as its producer's schema says.
    pub(crate) async fn check_schema(
        &self,
        tenant: &TenantId,
        ask: &NewPackage,
    ) -> Result<(), ServiceError> {
        let Some(producer) = &ask.producer else { return Ok(()) };
        let mut session = self.db().read().await?;
        let Some(row) = session.of(tenant).current_schema(&producer.name).await? else {
            return Ok(());
        };
        let (schemas, index) = compile(&row.schema)?;
        let metadata = Value::Object(ask.metadata.clone());
        schemas.validate(&metadata, index).map_err(|error| {
            // Where it is wrong is told, by a pointer into what they sent; what stands there is not.
            let place = innermost(&error);
            ServiceError::new(
                ErrorKind::PolicyNotMet,
                format!("the metadata is not as the schema of its producer says, at {place}"),
            )
            .with_guidance("GET /api/v1/metadata-schemas shows the schema")
        })
    }
}

/// The producer after which a page goes on.
fn producer_of(cursor: &str) -> Result<String, ServiceError> {
    let producer = hex::decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let producer = producer.filter(|producer| check_name("producer", producer).is_ok());
    producer.ok_or_else(cursor::wrong)
}

/// The place of the first thing that is wrong: a rule of the schema, which is ours to show.
fn innermost(error: &boon::ValidationError<'_, '_>) -> String {
    let mut inner = error;
    while let Some(cause) = inner.causes.first() {
        inner = cause;
    }
    let rule = inner.schema_url.rsplit_once('#').map_or("", |(_, rule)| rule);
    format!("the rule {rule:?}")
}

/// Loads nothing: a schema that refers to another document is refused.
struct NoLoader;

impl boon::UrlLoader for NoLoader {
    fn load(&self, _: &str) -> Result<Value, Box<dyn std::error::Error>> {
        Err("schemas refer to nothing outside of themselves".into())
    }
}

fn compile(schema: &Value) -> Result<(Schemas, boon::SchemaIndex), ServiceError> {
    // What is wrong with it is told in its own words: it is not even for the log.
    let refused = |_: boon::CompileError| {
        ServiceError::new(
            ErrorKind::Unprocessable,
            "this is no JSON Schema (2020-12) that stands by itself",
        )
    };
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.use_loader(Box::new(NoLoader));
    compiler.add_resource(PLACE, schema.clone()).map_err(refused)?;
    let index = compiler.compile(PLACE, &mut schemas).map_err(refused)?;
    Ok((schemas, index))
}

fn document(row: SchemaRow) -> SchemaDocument {
    SchemaDocument { producer: row.producer, schema: row.schema, created_at: row.created_at }
}
