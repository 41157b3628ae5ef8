//! Enums whose variants have one stable name each: in JSON, in database columns, in messages.

/// A text that names no variant. Holds nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not {what}: one of {names}")]
pub struct UnknownName {
    /// What should have been named.
    pub(crate) what: &'static str,
    /// The names that there are.
    pub(crate) names: &'static str,
}

/// Declares an enum with one name for each variant: `ALL`, `as_str`, `FromStr` and serde all speak of the same names.
/// What it is in words, it says itself.
macro_rules! named_enum {
    (
        $(#[$meta:meta])*
        pub enum $Enum:ident: $what:literal {
            $($(#[$variant_meta:meta])* $Variant:ident = $name:literal,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[derive(serde::Serialize, serde::Deserialize)]
        pub enum $Enum {
            $($(#[$variant_meta])* #[serde(rename = $name)] $Variant,)+
        }

        impl $Enum {
            /// Every variant, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$Variant,)+];

            /// Its stable name.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$Variant => $name,)+
                }
            }
        }

        impl std::str::FromStr for $Enum {
            type Err = $crate::package::UnknownName;

            fn from_str(text: &str) -> Result<Self, $crate::package::UnknownName> {
                match text {
                    $($name => Ok(Self::$Variant),)+
                    _ => Err($crate::package::UnknownName {
                        what: $what,
                        names: $crate::package::named::listed!($($name),+),
                    }),
                }
            }
        }
    };
}

/// The same, with the name as its words.
macro_rules! named {
    ($(#[$meta:meta])* pub enum $Enum:ident: $what:literal $variants:tt) => {
        $crate::package::named::named_enum! { $(#[$meta])* pub enum $Enum: $what $variants }

        impl std::fmt::Display for $Enum {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

/// Joins names as they are told to people.
macro_rules! listed {
    ($first:literal $(, $more:literal)*) => { concat!("`", $first, "`", $(", `", $more, "`"),*) };
}

pub(crate) use {listed, named, named_enum};
