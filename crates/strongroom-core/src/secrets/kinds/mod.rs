//! The table of kinds, by family.
//!
//! Each row names the public page that describes the secret, so that a shape that changes can be looked
//! up. No row is an example of itself: examples are put together when tests run.

mod ai;
mod cloud;
mod code;
mod files;
mod generic;
mod messaging;
mod payment;
mod services;

use super::kind::SecretKind;

/// Every kind, family by family.
pub static KINDS: [&[SecretKind]; 8] = [
    cloud::KINDS,
    code::KINDS,
    ai::KINDS,
    messaging::KINDS,
    payment::KINDS,
    services::KINDS,
    files::KINDS,
    generic::KINDS,
];
