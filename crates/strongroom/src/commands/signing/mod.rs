//! Signatures: made, and held against whom one believes.

mod key_source;
mod made;
mod sign;
mod trust;

pub use self::made::MadeBy;
pub use self::sign::{attest, sign};
pub use self::trust::{Trusting, refuse_no_signature, refuse_unmet, rows};
