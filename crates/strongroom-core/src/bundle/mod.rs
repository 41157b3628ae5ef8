//! Bundles: written deterministically, read strictly, verified as they stream.

mod error;

pub use error::{BundleError, Refusal};
