//! Links: the address of one version, which whoever has it can read, for a while and without credentials. It is a
//! secret for as long as it is good, so nothing shows it but [`Link::reveal`].

use std::fmt;
use std::time::Duration;

use crate::{StorageError, StorageErrorKind};

/// The longest that a link is good for.
pub const LINK_SECONDS_MAX: u32 = 300;

/// The address of one version, with a signature in it. Neither its debug nor its display form tells anything.
#[derive(Clone, PartialEq, Eq)]
pub struct Link(String);

impl Link {
    /// Takes an address with its signature.
    pub(crate) fn new(url: String) -> Self {
        Self(url)
    }

    /// The whole, for whoever it is meant for. It is not to be logged or kept.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link([redacted])")
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What a link is to be good for. The header fields are a part of what is signed: the store sends them with the
/// bytes, and whoever changes them has no link any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkAsk {
    /// For how long: 1 to [`LINK_SECONDS_MAX`]. It ends earlier with the credentials that sign it.
    pub seconds: u32,
    /// The `Content-Type` of the store's answer.
    pub content_type: &'static str,
    /// Its `Content-Disposition`: printable ASCII.
    pub content_disposition: String,
    /// Its `Cache-Control`.
    pub cache_control: &'static str,
}

impl LinkAsk {
    /// For how long, where that and the header fields can be.
    pub(crate) fn checked(&self) -> Result<Duration, StorageError> {
        if !(1..=LINK_SECONDS_MAX).contains(&self.seconds) {
            return Err(StorageError::new(
                StorageErrorKind::Limit,
                format!("a link is good for 1 to {LINK_SECONDS_MAX} seconds (LINK_SECONDS_MAX)"),
            ));
        }
        let fields = [self.content_type, &self.content_disposition, self.cache_control];
        if fields.iter().any(|field| !field.bytes().all(|byte| matches!(byte, b' '..=b'~'))) {
            return Err(StorageError::new(
                StorageErrorKind::InvalidRequest,
                "a header for the store is not printable ASCII",
            ));
        }
        Ok(Duration::from_secs(self.seconds.into()))
    }
}

/// Links are made by stores that have a server, with credentials that can sign one.
pub(crate) fn unsupported() -> StorageError {
    StorageError::new(
        StorageErrorKind::Unsupported,
        "this store makes no links with these credentials",
    )
    .with_guidance("S3 makes them, and Azure with the account's key; elsewhere bytes are streamed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(seconds: u32, content_disposition: &str) -> LinkAsk {
        LinkAsk {
            seconds,
            content_type: "application/octet-stream",
            content_disposition: content_disposition.to_owned(),
            cache_control: "no-store",
        }
    }

    #[test]
    fn a_link_does_not_show() {
        let link = Link::new("https://store.example/key?X-Amz-Signature=hunter2".to_owned());
        assert_eq!(format!("{link} {link:?} {:?}", Some(&link)), {
            let shown = "Link([redacted])";
            format!("{shown} {shown} Some({shown})")
        });
        assert!(link.reveal().ends_with("hunter2"));
    }

    #[test]
    fn a_link_is_good_for_five_minutes_at_most_and_its_fields_are_printable() {
        assert_eq!(ask(300, "attachment").checked().unwrap(), Duration::from_secs(300));
        for seconds in [0, 301, u32::MAX] {
            let refused = ask(seconds, "attachment").checked().unwrap_err();
            assert_eq!(refused.kind(), StorageErrorKind::Limit);
            assert!(refused.to_string().contains("300"), "{refused}");
        }
        for field in ["attachment\r\nset-cookie: a=b", "attachment; filename=\u{e9}"] {
            let refused = ask(60, field).checked().unwrap_err();
            assert_eq!(refused.kind(), StorageErrorKind::InvalidRequest);
        }
    }
}
