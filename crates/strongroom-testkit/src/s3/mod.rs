//! An S3 server in the test's own process, over real TCP, so that child processes reach it too.
//!
//! Signatures are checked and XML is real (crate `s3s`); objects live in memory, with versions,
//! Object Lock and digests checked as AWS documents them. [`S3Server::faults`] makes it misbehave,
//! one request at a time; a [`Lie`] makes it a store that is not what it says; [`S3Server::requests`]
//! tells what it was asked.
//!
//! ```no_run
//! # async fn script() {
//! use strongroom_testkit::s3::{BucketSettings, Lie, Op, S3Server};
//!
//! let server = S3Server::builder().bucket("evidence", BucketSettings::locked()).start().await;
//! server.faults().on(Op::PutObject).nth(2).answer(503);
//! // … a client at `server.endpoint()` …
//! assert_eq!(server.count(Op::PutObject), 3);
//!
//! let liar = S3Server::builder().bucket("evidence", BucketSettings::locked());
//! let liar = liar.lie(Lie::DropsLockOnMultipart).start().await;
//! # }
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`server`] | [`S3Server`] and its builder |
//! | [`bucket`] | [`BucketView`]: the test as another client, past every check |
//! | [`fault`] | [`Faults`]: which request, and what happens to it |
//! | [`lie`] | [`Lie`]: how the store is not what it says, always |
//! | [`gate`] | [`Gate`]: requests wait, the test opens |
//! | [`request`] | [`Op`], [`SeenRequest`]: what the server was asked |
//! | [`user`] | [`User`], [`Right`]: who may do what |
//! | [`tls`] | a certificate authority of the server's own |

mod answer;
pub mod bucket;
mod credentials;
mod digests;
pub mod fault;
pub mod gate;
mod layer;
pub mod lie;
mod lock_rules;
mod operations;
mod presigned;
mod refusal;
pub mod request;
pub mod server;
mod sigv4;
mod state;
pub mod tls;
pub mod user;

pub use bucket::{BucketSettings, BucketView, StoredVersion, Versioning};
pub use fault::{Fault, Faults};
pub use gate::Gate;
pub use lie::{Lie, Lies};
pub use request::{Op, SeenRequest};
pub use server::{S3Server, S3ServerBuilder};
pub use user::{Right, User};
