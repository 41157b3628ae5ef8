//! The operations on evidence, one a file. They know bundles and [`Storage`](crate::Storage), and
//! nothing of any one backend.
//!
//! | module | what |
//! |---|---|
//! | [`push`] | a bundle or a directory into a store: references, bundle, lock, receipt, record |
//! | [`pull`] | a bundle, or all bundles of a run, out of a store, proven before they appear |
//! | [`baseline`] | which stored bundle another one is to be held against |
//! | [`storage_plan`] | what a push would write where, held against a store, and kept to by a push |
//! | [`list`] | what a run or a day holds, at the cost of the answer |
//! | [`reindex`] | references rebuilt from bundles and records |
//! | [`audit`] | what a whole store or a run holds, held against what its records promise |
//! | [`retention`] | the locks on stored evidence: shown beside what records promise, and extended |
//! | [`hold`] | legal holds on stored evidence: placed and released |
//! | [`prove`] | everything that an auditor needs offline, in one folder |
//! | [`signature`] | detached signatures beside stored evidence: attached, and read back |
//! | [`cavra`] | CAVRA directories: an object for each file, and a record of them all |
//! | `guarded` | what is locked with a bundle: the version that holds it, its signatures, its records |
//! | `kept` | the records of a bundle, read back |
//! | `lock_change` | what changing locks comes to, object by object |
//! | `stored` | reading and verifying what a store holds, and finding the version that is right |
//! | `protect` | a lock asked for, read back, set where it is missing |
//! | `lock_plan` | which lock to send: the join of what is asked and the bucket's default |

pub mod audit;
pub mod baseline;
pub mod cavra;
mod error;
mod guarded;
pub mod hold;
mod kept;
pub mod list;
mod lock_change;
mod lock_plan;
mod protect;
pub mod prove;
pub mod pull;
pub mod push;
mod record;
mod references;
pub mod reindex;
pub mod retention;
pub mod signature;
pub mod storage_plan;
mod stored;

pub use baseline::{Baseline, BaselineRequest};
pub use cavra::{CavraOutcome, CavraPush};
pub use error::{EvidenceError, EvidenceErrorKind};
pub use guarded::ObjectRole;
pub use hold::{PlaceRequest, Placement, Release, ReleaseRequest};
pub use list::{BundleState, ListQuery, ListedBundle, Listing};
pub use lock_change::{Asker, LockChange, ObjectOutcome, ObjectState};
pub use lock_plan::{LockAsk, LockPlan};
pub use pull::{PullRequest, Pulled, RunPull};
pub use push::{Push, PushOutcome, PushRequest, PushSource};
pub use reindex::ReindexReport;
pub use retention::{ExtendRequest, Extension, RetentionReport, Standing, show_retention};
