//! HTTP: thin. A handler takes a request apart, calls a service, and presents what it answers.
//!
//! | module | what |
//! |---|---|
//! | [`router`] | every route: the table of contents |
//! | [`packages`] | make, find and read packages |
//! | [`retention`] [`deletion`] [`restores`] | longer, held, gone; brought back from an archive |
//! | [`uploads`] [`form`] [`local_files`] [`files`] | files in; listed, seen |
//! | [`downloads`] `sending` | files, a package's documents and its bundle out |
//! | [`resumable`] [`tus_fields`] | a file in several requests, by the tus protocol |
//! | [`completion`] | finalize, abandon |
//! | [`administration`] | tokens, backends, metadata schemas, the sweeper |
//! | [`audit`] [`jobs`] | what was done, and what is being done |
//! | [`health`] | is it alive, is it ready, how does it fare |
//! | [`problem`] | errors as documents |
//! | [`openapi`] [`answers`] [`refusals`] | the API's own document, and what it says of answers and refusals |
//! | [`extract`] | what handlers take from a request |
//! | [`digest_fields`] [`byte_range`] | header fields about bodies |
//! | [`admission`] | how many requests are worked on, and for how long |
//! | [`observe`] | one id and one line for each request |

pub mod administration;
pub mod admission;
pub mod answers;
pub mod audit;
pub mod byte_range;
pub mod completion;
pub mod deletion;
pub mod digest_fields;
pub mod downloads;
pub mod extract;
pub mod files;
pub mod form;
pub mod health;
pub mod jobs;
pub mod local_files;
pub mod observe;
pub mod openapi;
pub mod packages;
pub mod problem;
pub mod refusals;
pub mod restores;
pub mod resumable;
pub mod retention;
pub mod router;
mod sending;
pub mod tus_fields;
pub mod uploads;
