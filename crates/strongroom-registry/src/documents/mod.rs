//! What crosses the API, both ways: plain documents, and the parameters of queries, the same for the service and for
//! its clients. A field that does not apply is absent, never null. Times are RFC 3339 in UTC, digests `sha256:` and 64
//! hexadecimal digits, sizes bytes, ids UUIDs.
//!
//! | module | what |
//! |---|---|
//! | [`package`] | packages, and pages of them |
//! | [`file`](mod@file) | their files, and where the bytes are |
//! | [`retention`] | extensions, legal holds, deletion |
//! | [`job`] | work that goes on after the answer |
//! | [`administration`] | tokens, backends, metadata schemas, the sweeper |
//! | [`audit`] | who did what, when |
//! | [`words`] | what core calls states and classes |

pub mod administration;
pub mod audit;
pub mod file;
pub mod job;
pub mod package;
pub mod retention;
pub mod words;

pub use administration::{
    BackendDocument, BackendPage, ClockConfirmation, NewToken, SchemaDocument, SchemaPage,
    SchemaQuery, SweeperDocument, TokenCreated, TokenDocument, TokenPage, TokenQuery,
};
pub use audit::{AuditEventDocument, AuditPage, AuditQuery};
pub use file::{
    DownloadQuery, FileDocument, FilePage, FileQuery, LocalFilesAsk, LocationDocument,
    LockDocument, UploadStatus, UploadedFile, UploadedFiles,
};
pub use job::{JobDocument, JobPage, JobProgress, JobQuery};
pub use package::{
    NewPackage, PackageDocument, PackagePage, PackageQuery, ProducerDocument, RetentionAsk,
    SignatureDocument,
};
pub use retention::{
    DeletionAsk, DeletionDocument, ExtensionAsk, ExtensionDocument, HoldAsk, HoldDocument,
    HoldPage, HoldReleaseAsk, ReasonAsk, RestoreAsk, RestoreDocument,
};
