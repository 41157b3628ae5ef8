//! The words that core has for states and classes, and the forms of digests, as schemas of the API's document. Core
//! itself knows nothing of the API.

use std::borrow::Cow;

use strongroom_core::{observed, package, receipt};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::db;

macro_rules! words {
    ($($name:ident = $words:ty: $about:literal;)*) => {$(
        #[doc = $about]
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let words = <$words>::ALL.iter().map(|word| word.as_str());
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .description(Some($about))
                    .enum_values(Some(words))
                    .into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    )*};
}

words! {
    PackageStatus = package::PackageStatus: "Where a package is in its life.";
    RetentionClass = package::RetentionClass: "What a package is, which says how long it is kept at least.";
    LockState = package::LockState: "How far a package's locks have reached the store. `held`: each object was read back under the lock that it should have, which is the store's to keep. `advisory`: the same, and only Strongroom itself keeps it, so whoever reaches the store by another way can delete. `partial`: the store cannot hold some of them, or they are missing. `failed`: it should, and does not yet.";
    HoldReach = db::HoldReach: "How far a hold, or its release, has reached the store; `held`, `advisory`, `partial` and `failed` as for the locks of a package.";
    FileStatus = package::FileStatus: "Where a file is in its life.";
    LocationStatus = package::LocationStatus: "What is known of an object.";
    Integrity = receipt::Integrity: "Who vouches for the bytes: the store by their digest, by a composite of the digests of their parts, or by refusing what is not of its signed digest; or somebody read them back.";
    CreateOnly = receipt::CreateOnly: "Whether the store itself refuses a second object of the key; `checked` was looked at before and after.";
    Unobserved = observed::Unobserved: "Why something is not known of an object.";
    RetrievalTier = package::RetrievalTier: "How fast bytes can be had.";
    RestoreStatus = package::RestoreStatus: "Whether bytes can be had now.";
    JobState = db::JobState: "Where a job is in its life.";
}

/// A SHA-256 digest.
#[derive(Debug, Clone, Copy)]
pub struct Sha256;

impl PartialSchema for Sha256 {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A SHA-256 digest: `sha256:` and 64 hexadecimal digits."))
            .pattern(Some("^sha256:[0-9a-f]{64}$"))
            .into()
    }
}

impl ToSchema for Sha256 {}

/// A pair of a package's metadata that is looked for.
#[derive(Debug, Clone, Copy)]
pub struct MetadataPair;

impl PartialSchema for MetadataPair {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("`KEY=VALUE`, of a package's metadata."))
            .min_length(Some(1))
            .max_length(Some(1_024))
            .pattern(Some("="))
            .into()
    }
}

impl ToSchema for MetadataPair {}

/// Bytes as they are.
#[derive(Debug, Clone, Copy)]
pub struct Bytes;

impl PartialSchema for Bytes {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(utoipa::openapi::SchemaFormat::KnownFormat(
                utoipa::openapi::KnownFormat::Binary,
            )))
            .description(Some("Bytes as they are."))
            .into()
    }
}

impl ToSchema for Bytes {}
