//! Every SQL statement, on SQLite and PostgreSQL. Nothing else of the registry knows either.
//!
//! ```text
//! let package = db.read().await?.of(&tenant).package(id).await?;
//! db.write((tenant, hold), |tx, (tenant, hold)| {
//!     Box::pin(async move { tx.of(tenant).insert_hold(hold).await })
//! })
//! .await?;
//! ```
//!
//! | module | what |
//! |---|---|
//! | `engine` | [`Db`]: opened by its URL; reads, writes, the schema's version |
//! | `sqlite` | one writer that commits many writes at once, and readers beside it |
//! | `postgres` | a transaction a write, run again when it lost against another |
//! | `session` | [`Session`] reads, [`Tx`] writes too; neither reaches a tenant's rows by itself |
//! | `scope` | [`TenantRead`] and [`TenantTx`]: the same within one tenant |
//! | `sql` | the macros that run one text on both engines, and the list of all statements |
//! | `columns` | how times, digests and named states are kept |
//! | `limits` | every bound of the database layer |
//! | `error` | [`DbError`] |
//! | `watch` | where tests stand between the database and its users |
//! | `migrations` | the schema, the same numbers on both engines |
//! | `tenants` `principals` `tokens` | who |
//! | `packages` `search` `words` `files` `locations` `placed_files` | what, and where its bytes are |
//! | `noted_documents` | what is about to be written beside them |
//! | `uploads` `upload_parts` | files that come in several requests |
//! | `retention` `holds` `approvals` `audit` `schemas` | what was decided, by whom, under which rules |
//! | `jobs` `sweeper` `idempotency` | what is still to be done, and what was done already |

#[macro_use]
mod sql;

mod approvals;
mod audit;
mod columns;
mod engine;
mod error;
mod files;
mod holds;
mod idempotency;
mod jobs;
pub mod limits;
mod locations;
mod migrations;
mod noted_documents;
mod packages;
mod placed_files;
mod postgres;
mod principals;
mod retention;
mod schemas;
mod scope;
mod search;
mod session;
mod sqlite;
mod sweeper;
mod tenants;
mod tokens;
mod upload_parts;
mod uploads;
mod watch;
mod words;

#[cfg(test)]
mod tests;

pub use approvals::{ApprovalAction, ApprovalRow, ApprovalStatus};
pub use audit::{AuditEventRow, AuditFilter};
pub use engine::Db;
pub use error::{DbError, DbErrorKind};
pub use files::{FileRow, FileTotals, FoundFile};
pub use holds::{HoldReach, HoldRow};
pub use idempotency::IdempotencyRow;
pub use jobs::{FailedJob, JobEnd, JobLease, JobRow, JobState};
pub use locations::{FoundLocation, LocationRow};
pub use noted_documents::NotedDocument;
pub use packages::{ExpiredPackage, FoundPackage, PackageRow};
pub use placed_files::PlacedFile;
pub use principals::{PrincipalKind, PrincipalRow};
pub use retention::{RetentionEventRow, RetentionEventType, RuleRow};
pub use schemas::SchemaRow;
pub use scope::{TenantId, TenantRead, TenantTx};
pub use search::{Cursor, ListedPackage, PackageFilter, Page};
pub use session::{Session, Tx};
pub use sweeper::SweeperRow;
pub use tenants::TenantRow;
pub use tokens::{TokenHolder, TokenRow};
pub use upload_parts::{FoundPart, PartRow, PartState};
pub use uploads::{FoundUpload, UploadLease, UploadRow, UploadState};
pub use watch::{Instead, Use, Watch};
