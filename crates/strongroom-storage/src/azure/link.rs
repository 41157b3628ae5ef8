//! Links to a version of a blob: a shared access signature of the service, by the account's key.
//!
//! <https://learn.microsoft.com/rest/api/storageservices/create-service-sas>
//!
//! Other credentials sign none: a token of an identity would need a key of its own from the service (a user
//! delegation SAS), and a SAS that we were given is not ours to hand on.

use std::fmt;

use jiff::SignedDuration;
use object_store::azure::AzureCredential;
use reqsign_core::hash::{base64_decode, base64_hmac_sha256};

use super::AzureStorage;
use crate::link::{Link, LinkAsk, unsupported};
use crate::{ObjectKey, Storage as _, StorageError, StorageErrorKind, VersionId};

/// The version of the service whose string to sign this is: with versions of blobs, and encryption scopes.
const SIGNED_VERSION: &str = "2020-12-06";

/// The account's key, which signs. It does not show.
#[derive(Clone)]
pub(super) struct AccountKey(Vec<u8>);

impl AccountKey {
    /// Reads a key as the service hands it out; `None` where it is none.
    pub(super) fn parse(base64: &str) -> Option<Self> {
        base64_decode(base64).ok().map(Self)
    }
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountKey([redacted])")
    }
}

/// See [`crate::Storage::link`].
pub(super) async fn link(
    store: &AzureStorage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    ask: &LinkAsk,
) -> Result<Link, StorageError> {
    let valid = ask.checked()?;
    let client = &store.client;
    let credential = client.credential().await?;
    // A key in the environment may lie beside credentials that are stronger.
    let (AzureCredential::AccessKey(_), Some(account_key)) = (&*credential, &client.account_key)
    else {
        return Err(unsupported());
    };
    let ends_at = SignedDuration::try_from(valid)
        .ok()
        .and_then(|valid| client.clock.now().checked_add(valid).ok())
        .ok_or_else(|| {
            StorageError::new(StorageErrorKind::Limit, "a link cannot end after the last of dates")
        })?;
    let address = &client.public_address;
    let whole_key = store.whole_key(key);
    let signed = Signed {
        resource: address.signed_name(&whole_key),
        ends_at: ends_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        // Azure itself has no other; a server of one's own may have to do without.
        protocol: if address.endpoint.starts_with("https:") { "https" } else { "https,http" },
        version: version.map(|version| version.0.as_str()),
        ask,
    };
    let signature = base64_hmac_sha256(&account_key.0, signed.text().as_bytes());
    Ok(Link::new(address.url_of(Some(&whole_key), &signed.query(signature))))
}

/// What is signed.
struct Signed<'a> {
    resource: String,
    ends_at: String,
    protocol: &'static str,
    version: Option<&'a str>,
    ask: &'a LinkAsk,
}

impl Signed<'_> {
    /// One version of a blob, or the blob.
    fn kind(&self) -> &'static str {
        if self.version.is_some() { "bv" } else { "b" }
    }

    /// The string to sign: field by field, in the order of the reference.
    fn text(&self) -> String {
        let ask = self.ask;
        [
            "r", // permissions: to read
            "",  // no start, so that a clock that is behind does not matter
            &self.ends_at,
            &self.resource,
            "", // no stored policy
            "", // from any address
            self.protocol,
            SIGNED_VERSION,
            self.kind(),
            self.version.unwrap_or_default(),
            "", // no encryption scope
            ask.cache_control,
            &ask.content_disposition,
            "", // no content encoding
            "", // no content language
            ask.content_type,
        ]
        .join("\n")
    }

    fn query(&self, signature: String) -> Vec<(&'static str, String)> {
        let ask = self.ask;
        let version = self.version.map(|version| ("versionid", version.to_owned()));
        let signed = [
            ("sv", SIGNED_VERSION.to_owned()),
            ("sr", self.kind().to_owned()),
            ("sp", "r".to_owned()),
            ("se", self.ends_at.clone()),
            ("spr", self.protocol.to_owned()),
            ("rscc", ask.cache_control.to_owned()),
            ("rscd", ask.content_disposition.clone()),
            ("rsct", ask.content_type.to_owned()),
            ("sig", signature),
        ];
        version.into_iter().chain(signed).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_key_does_not_show() {
        let key = AccountKey::parse("aHVudGVyMg==").unwrap();
        assert_eq!(key.0, b"hunter2");
        assert_eq!(format!("{key:?}"), "AccountKey([redacted])");
        assert!(AccountKey::parse("not base64!").is_none());
    }

    #[test]
    fn what_is_signed_has_every_field_of_the_reference_in_its_order() {
        let ask = LinkAsk {
            seconds: 60,
            content_type: "application/octet-stream",
            content_disposition: "attachment".to_owned(),
            cache_control: "no-store",
        };
        let signed = Signed {
            resource: "/blob/account/box/key".to_owned(),
            ends_at: "2026-11-22T12:00:00Z".to_owned(),
            protocol: "https",
            version: Some("2026-11-22T11:00:00.0000000Z"),
            ask: &ask,
        };
        let expected = "r\n\n2026-11-22T12:00:00Z\n/blob/account/box/key\n\n\nhttps\n2020-12-06\nbv\n\
                        2026-11-22T11:00:00.0000000Z\n\nno-store\nattachment\n\n\napplication/octet-stream";
        assert_eq!(signed.text(), expected);
        let query = signed.query("signature".to_owned());
        assert_eq!(query[0], ("versionid", "2026-11-22T11:00:00.0000000Z".to_owned()));
        assert_eq!(query.last(), Some(&("sig", "signature".to_owned())));
        let current = Signed { version: None, ..signed };
        assert!(current.text().contains("\nb\n\n\n"), "{}", current.text());
    }
}
