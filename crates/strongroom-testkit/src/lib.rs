//! What the tests stand on: stores that misbehave on demand, clocks that tests turn, and run
//! directories that look like real ones.
//!
//! | module | what |
//! |---|---|
//! | [`azure`] | Azure Blob Storage in the test's own process, after its REST reference |
//! | [`s3`] | an S3 server in the test's own process, over real TCP, with faults to inject and lies to tell |
//! | [`services`] | what hands out credentials, and a proxy |
//! | [`softhsm`] | a token of SoftHSM for one test alone |
//! | [`client`] | another S3 client, to make buckets and to attack what was stored |
//! | [`clock`] | time that a test holds in its hand |
//! | [`fixtures`] | run directories and big files, the same for the same seed |
//! | [`steps`] | the steps of a flow, each of which can go wrong or be the last |
//! | [`stepped_store`] | a store of which each call is such a step |

pub mod azure;
pub mod client;
pub mod clock;
pub mod fixtures;
pub mod s3;
pub mod services;
pub mod softhsm;
pub mod stepped_store;
pub mod steps;

pub use azure::AzureServer;
pub use client::S3Client;
pub use clock::TestClock;
pub use s3::S3Server;
pub use services::Services;
pub use softhsm::SoftHsm;
pub use stepped_store::SteppedStore;
