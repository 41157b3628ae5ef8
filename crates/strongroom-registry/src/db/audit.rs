//! What happened: one row each, in the transaction that did it. No row is changed or removed, which the database
//! itself refuses; only the log's index is given later.

use jiff::Timestamp;
use serde_json::Value;
use strongroom_core::Sha256Digest;
use uuid::Uuid;

use super::columns::{json, micros, text};
use super::error::DbError;
use super::limits;
use super::scope::{TenantRead, TenantTx};
use super::search::{Cursor, Page};

/// An event.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct AuditEventRow {
    /// Its id.
    pub id: Uuid,
    /// Its place in the transparency log, once it has one.
    #[sqlx(try_from = "super::columns::MaybeCount")]
    pub log_index: Option<u64>,
    /// What happened.
    pub event_type: String,
    /// To which package.
    pub package_id: Option<Uuid>,
    /// To which file.
    pub file_id: Option<Uuid>,
    /// By whom; `None`: the registry itself.
    pub principal_id: Option<Uuid>,
    /// When.
    #[sqlx(try_from = "super::columns::Micros")]
    pub at: Timestamp,
    /// The record in the bucket that says the same.
    #[sqlx(try_from = "super::columns::MaybeDigest")]
    pub record_sha256: Option<Sha256Digest>,
    /// What else is to be said. No secret, no name of a person.
    #[sqlx(json)]
    pub details: Value,
}

/// What a list of events asks. The first that is given leads by an index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// The package.
    pub package_id: Option<Uuid>,
    /// Who did it.
    pub principal_id: Option<Uuid>,
    /// What happened.
    pub event_type: Option<String>,
    /// At this moment or later.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub before: Option<Timestamp>,
}

macro_rules! events {
    ($lead:literal) => {
        concat!(
            "SELECT e.id, e.log_index, e.event_type, e.package_id, e.file_id, e.principal_id, e.at, \
             e.record_sha256, e.details FROM audit_events e WHERE e.tenant_id = $1 AND (e.at, e.id) < ($2, $3) \
             AND e.at >= $4",
            $lead,
            " AND (CAST($5 AS UUID) IS NULL OR e.package_id = $5) AND (CAST($6 AS UUID) IS NULL OR e.principal_id = $6) \
             AND (CAST($7 AS TEXT) IS NULL OR e.event_type = $7) ORDER BY e.at DESC, e.id DESC LIMIT $8"
        )
    };
}

statements! {
    EVENTS = {(events!(""))}
    EVENTS_OF_PACKAGE = {(events!(" AND e.package_id = $5"))}
    EVENTS_OF_PRINCIPAL = {(events!(" AND e.principal_id = $6"))}
    EVENTS_OF_TYPE = {(events!(" AND e.event_type = $7"))}
    INSERT_EVENT = {(
        "INSERT INTO audit_events (tenant_id, id, log_index, event_type, package_id, file_id, principal_id, at, \
         record_sha256, details) VALUES ($1, $2, NULL, $3, $4, $5, $6, $7, $8, $9)"
    )}
    FINALIZED_EVENT = {(
        "SELECT e.id, e.log_index, e.event_type, e.package_id, e.file_id, e.principal_id, e.at, \
         e.record_sha256, e.details FROM audit_events e WHERE e.tenant_id = $1 AND e.package_id = $2 \
         AND e.event_type = 'package_finalized' ORDER BY e.at DESC, e.id DESC LIMIT 1"
    )}
    UNSEQUENCED_EVENTS = {(
        "SELECT id, log_index, event_type, package_id, file_id, principal_id, at, record_sha256, details \
         FROM audit_events WHERE tenant_id = $1 AND log_index IS NULL ORDER BY id LIMIT $2"
    )}
}

impl TenantRead<'_> {
    /// Events, the newest first, at most `limit` (itself at most [`limits::PAGE_ROWS_MAX`]).
    pub async fn audit_events(
        &mut self,
        filter: &AuditFilter,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<AuditEventRow>, DbError> {
        let limit = limit.clamp(1, limits::PAGE_ROWS_MAX);
        let lead = if filter.package_id.is_some() {
            &EVENTS_OF_PACKAGE
        } else if filter.principal_id.is_some() {
            &EVENTS_OF_PRINCIPAL
        } else if filter.event_type.is_some() {
            &EVENTS_OF_TYPE
        } else {
            &EVENTS
        };
        let cursor = Cursor::before(after, filter.before);
        let (session, tenant) = self.parts();
        let rows = rows!(
            session,
            AuditEventRow,
            lead,
            tenant,
            cursor.at,
            cursor.id,
            filter.from.map_or(i64::MIN, micros),
            filter.package_id,
            filter.principal_id,
            filter.event_type.as_deref(),
            i64::from(limit) + 1,
        )?;
        Ok(Page::cut(rows, limit, |event| Cursor { at: micros(event.at), id: event.id }))
    }

    /// The event that made a package evidence, the last one where there are several. Found by an index of its own,
    /// however much happened to the package since.
    pub async fn finalized_event(
        &mut self,
        package: Uuid,
    ) -> Result<Option<AuditEventRow>, DbError> {
        let (session, tenant) = self.parts();
        row!(session, AuditEventRow, FINALIZED_EVENT, tenant, package)
    }

    /// Events that have no place in the transparency log yet, in the order of their ids.
    pub async fn unsequenced_audit_events(
        &mut self,
        limit: u32,
    ) -> Result<Vec<AuditEventRow>, DbError> {
        let (session, tenant) = self.parts();
        rows!(session, AuditEventRow, UNSEQUENCED_EVENTS, tenant, i64::from(limit))
    }
}

impl TenantTx<'_> {
    /// Adds an event, which has no place in the log yet.
    pub async fn insert_audit_event(&mut self, event: &AuditEventRow) -> Result<(), DbError> {
        let (session, tenant) = self.parts();
        changed!(
            session,
            INSERT_EVENT,
            tenant,
            event.id,
            text(&event.event_type)?,
            event.package_id,
            event.file_id,
            event.principal_id,
            micros(event.at),
            event.record_sha256.as_ref().map(|digest| digest.as_bytes().as_slice()),
            json(&event.details)?,
        )
        .map(drop)
    }
}
