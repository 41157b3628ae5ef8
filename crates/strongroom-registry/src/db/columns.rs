//! How values that no engine knows are kept: times as microseconds, digests as bytes, states as their names.

use std::str::FromStr;

use jiff::Timestamp;
use serde_json::Value;
use sqlx::types::Json;
use strongroom_core::signing::key::KeyId;
use strongroom_core::{BundleId, Sha256Digest};

use super::error::{DbError, DbErrorKind};

/// A time in a column: microseconds since 1970, which cuts what is finer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub(super) struct Micros(i64);

/// A time that may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub(super) struct MaybeMicros(Option<i64>);

pub(super) fn micros(time: Timestamp) -> i64 {
    time.as_microsecond()
}

pub(super) fn maybe_micros(time: Option<Timestamp>) -> Option<i64> {
    time.map(micros)
}

impl TryFrom<Micros> for Timestamp {
    type Error = jiff::Error;

    fn try_from(micros: Micros) -> Result<Self, jiff::Error> {
        Self::from_microsecond(micros.0)
    }
}

impl TryFrom<MaybeMicros> for Option<Timestamp> {
    type Error = jiff::Error;

    fn try_from(micros: MaybeMicros) -> Result<Self, jiff::Error> {
        micros.0.map(Timestamp::from_microsecond).transpose()
    }
}

/// A whole number of a column that is never negative.
pub(super) fn count(value: u64) -> Result<i64, DbError> {
    i64::try_from(value).map_err(|error| {
        DbError::new(DbErrorKind::Refused, "a number beyond 2^63").with_source(error)
    })
}

/// The same of one that may be absent.
pub(super) fn maybe_count(value: Option<u64>) -> Result<Option<i64>, DbError> {
    value.map(count).transpose()
}

/// What a statement counted.
pub(super) fn counted(row: Option<(i64,)>) -> u64 {
    row.map_or(0, |(counted,)| u64::try_from(counted).unwrap_or_default())
}

/// A number that may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub(super) struct MaybeCount(Option<i64>);

impl TryFrom<MaybeCount> for Option<u64> {
    type Error = std::num::TryFromIntError;

    fn try_from(count: MaybeCount) -> Result<Self, Self::Error> {
        count.0.map(u64::try_from).transpose()
    }
}

impl TryFrom<MaybeCount> for Option<u32> {
    type Error = std::num::TryFromIntError;

    fn try_from(count: MaybeCount) -> Result<Self, Self::Error> {
        count.0.map(u32::try_from).transpose()
    }
}

/// The name of a state.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub(super) struct Name(pub(super) String);

/// The name of a state, if there is one.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub(super) struct MaybeName(pub(super) Option<String>);

/// Reads enums of the core by their names.
macro_rules! named_column {
    ($($Enum:ty),+ $(,)?) => {$(
        impl TryFrom<$crate::db::columns::Name> for $Enum {
            type Error = <$Enum as std::str::FromStr>::Err;

            fn try_from(name: $crate::db::columns::Name) -> Result<Self, Self::Error> {
                name.0.parse()
            }
        }
    )+};
}

/// Declares an enum whose variants are kept by name: `ALL`, `as_str`, `FromStr`, and the reading of it.
macro_rules! named_state {
    (
        $(#[$meta:meta])*
        pub enum $Enum:ident: $what:literal {
            $($(#[$variant_meta:meta])* $Variant:ident = $name:literal,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $Enum {
            $($(#[$variant_meta])* $Variant,)+
        }

        impl $Enum {
            /// Every variant.
            pub const ALL: &'static [Self] = &[$(Self::$Variant,)+];

            /// Its stable name.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$Variant => $name,)+
                }
            }
        }

        impl std::fmt::Display for $Enum {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $Enum {
            type Err = $crate::db::DbError;

            fn from_str(text: &str) -> Result<Self, $crate::db::DbError> {
                match text {
                    $($name => Ok(Self::$Variant),)+
                    _ => Err($crate::db::DbError::new(
                        $crate::db::DbErrorKind::Malformed,
                        concat!("not ", $what),
                    )),
                }
            }
        }

        $crate::db::columns::named_column!($Enum);
    };
}

pub(super) use {named_column, named_state};

named_column!(
    strongroom_core::package::FileStatus,
    strongroom_core::package::LocationStatus,
    strongroom_core::package::LockState,
    strongroom_core::package::PackageStatus,
    strongroom_core::package::RestoreStatus,
    strongroom_core::package::RetentionClass,
    strongroom_core::package::RetrievalTier,
    strongroom_core::package::RuleLock,
    strongroom_core::receipt::CreateOnly,
    strongroom_core::receipt::Integrity,
    strongroom_core::retention::LockMode,
    crate::auth::Role,
);

impl TryFrom<MaybeName> for Option<strongroom_core::retention::LockMode> {
    type Error = strongroom_core::retention::UnknownLockMode;

    fn try_from(name: MaybeName) -> Result<Self, Self::Error> {
        name.0.as_deref().map(FromStr::from_str).transpose()
    }
}

impl TryFrom<MaybeName> for Option<strongroom_core::observed::Unobserved> {
    type Error = strongroom_core::package::UnknownName;

    fn try_from(name: MaybeName) -> Result<Self, Self::Error> {
        name.0.as_deref().map(FromStr::from_str).transpose()
    }
}

/// 32 bytes.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub(super) struct Digest(Vec<u8>);

/// 32 bytes, or none.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub(super) struct MaybeDigest(Option<Vec<u8>>);

fn digest(bytes: Vec<u8>) -> Result<Sha256Digest, DbError> {
    let bytes: [u8; 32] = bytes
        .try_into()
        .map_err(|_| DbError::new(DbErrorKind::Malformed, "a digest that is not 32 bytes"))?;
    Ok(Sha256Digest::from_bytes(bytes))
}

impl TryFrom<Digest> for Sha256Digest {
    type Error = DbError;

    fn try_from(bytes: Digest) -> Result<Self, DbError> {
        digest(bytes.0)
    }
}

impl TryFrom<MaybeDigest> for Option<Sha256Digest> {
    type Error = DbError;

    fn try_from(bytes: MaybeDigest) -> Result<Self, DbError> {
        bytes.0.map(digest).transpose()
    }
}

impl TryFrom<MaybeDigest> for Option<BundleId> {
    type Error = DbError;

    fn try_from(bytes: MaybeDigest) -> Result<Self, DbError> {
        Ok(bytes.0.map(digest).transpose()?.map(BundleId))
    }
}

impl TryFrom<MaybeDigest> for Option<KeyId> {
    type Error = DbError;

    fn try_from(bytes: MaybeDigest) -> Result<Self, DbError> {
        Ok(bytes.0.map(digest).transpose()?.map(KeyId))
    }
}

/// A text that both engines hold: PostgreSQL has no NUL.
pub(super) fn text(text: &str) -> Result<&str, DbError> {
    if text.contains('\0') {
        return Err(DbError::new(DbErrorKind::Refused, "a text with a NUL character"));
    }
    Ok(text)
}

/// The same of one that may be absent.
pub(super) fn maybe_text(value: Option<&str>) -> Result<Option<&str>, DbError> {
    value.map(text).transpose()
}

/// A JSON document that both engines hold.
pub(super) fn json(value: &Value) -> Result<Json<&Value>, DbError> {
    fn check(value: &Value) -> Result<(), DbError> {
        match value {
            Value::String(string) => text(string).map(drop),
            Value::Array(values) => values.iter().try_for_each(check),
            Value::Object(fields) => {
                fields.iter().try_for_each(|(name, value)| text(name).and_then(|_| check(value)))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        }
    }
    check(value)?;
    Ok(Json(value))
}
