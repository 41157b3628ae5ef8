//! Azure Blob Storage in the test's own process, over real TCP, as far as its REST reference tells:
//! versions, entity tags, block lists, immutability policies and legal holds. It is no proof of what
//! Azure does: it is what its documents say, and each rule names the page it follows.
//!
//! ```no_run
//! # async fn script() {
//! use strongroom_testkit::azure::{AzureServer, ContainerSettings};
//!
//! let server = AzureServer::start("evidence", ContainerSettings::immutable());
//! // … a client at `server.endpoint()` …
//! assert_eq!(server.asked("comp=immutabilityPolicies").len(), 1);
//! # }
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`server`] | [`AzureServer`]: a container, a clock, what was asked, what is to be refused |
//! | `shared_key` `shared_access` | signatures, of requests and in links |
//! | `request` `answer` | one exchange |
//! | `state` | a container, its blobs and their versions |
//! | `operations` `write` `list` | what can be asked |
//! | `lock_rules` | what policies and holds allow |

mod answer;
mod list;
mod lock_rules;
mod operations;
mod request;
pub mod server;
mod shared_access;
mod shared_key;
mod state;
mod write;

pub use lock_rules::{Policy, PolicyMode};
pub use request::Asked;
pub use server::{ACCOUNT, ACCOUNT_KEY, AzureServer};
pub use state::{ContainerSettings, StoredVersion};
