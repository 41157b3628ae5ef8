//! Who asks, and what they may do.
//!
//! | module | what |
//! |---|---|
//! | [`role`] | the five roles |
//! | [`action`] | everything that can be asked for, and in which states of a package |
//! | [`authorize`](mod@authorize) | role, action and state become an answer: one function |
//! | [`token`] | secrets that are shown once and kept as digests |
//! | [`principal`] | somebody who was recognised |

pub mod action;
pub mod authorize;
pub mod principal;
pub mod role;
pub mod token;

pub use action::Action;
pub use authorize::{Resource, Verdict, authorize, decide};
pub use principal::Principal;
pub use role::Role;
pub use token::{Secret, TokenHash};
