//! Signatures: made, and held against whom one believes.

mod key_source;
mod made;
mod sign;
mod trust;

pub use self::key_source::public_key_at;
pub use self::made::{MadeBy, not_signed};
pub use self::sign::{attest, sign};
pub use self::trust::{Trusting, refuse_no_signature, refuse_unmet, rows};
