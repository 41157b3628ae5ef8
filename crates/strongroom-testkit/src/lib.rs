//! What the tests stand on: stores that misbehave on demand, clocks that tests turn, and run
//! directories that look like real ones.
//!
//! | module | what |
//! |---|---|
//! | [`s3`] | an S3 server in the test's own process, over real TCP, with faults to inject |
//! | [`clock`] | time that a test holds in its hand |
//! | [`fixtures`] | run directories and big files, the same for the same seed |

pub mod clock;
pub mod fixtures;
pub mod s3;

pub use clock::TestClock;
pub use s3::S3Server;
