//! What tests of locks do to the key `k` of the bucket `vault`.

use http::Method;
use jiff::Timestamp;
use strongroom_testkit::TestClock;

use crate::client::{Answer, Client};

pub(crate) const NOW: &str = "2026-11-21T12:00:00Z";
pub(crate) const EARLIER: &str = "2026-11-20T12:00:00Z";
pub(crate) const SOON: &str = "2026-11-21T13:00:00Z";
pub(crate) const LATER: &str = "2026-11-22T12:00:00Z";
pub(crate) const MUCH_LATER: &str = "2026-12-21T12:00:00Z";
pub(crate) const BYPASS: (&str, &str) = ("x-amz-bypass-governance-retention", "true");
pub(crate) const HOLD: (&str, &str) = ("x-amz-object-lock-legal-hold", "ON");

/// A clock that stands at [`NOW`].
pub(crate) fn clock() -> TestClock {
    TestClock::fixed(NOW.parse::<Timestamp>().unwrap())
}

/// The headers of a lock.
pub(crate) fn lock<'a>(mode: &'a str, until: &'a str) -> [(&'a str, &'a str); 2] {
    [("x-amz-object-lock-mode", mode), ("x-amz-object-lock-retain-until-date", until)]
}

fn retention(mode: &str, until: &str) -> String {
    format!(
        "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Mode>{mode}</Mode>\
         <RetainUntilDate>{until}</RetainUntilDate></Retention>"
    )
}

impl Client {
    /// Writes `k` and answers its version.
    pub(crate) async fn put_k(&self, headers: &[(&str, &str)]) -> String {
        let put = self.put_checked("/vault/k", headers, b"bytes").await;
        assert_eq!(put.status, 200, "{}", put.text());
        put.header("x-amz-version-id").unwrap_or("null").to_owned()
    }

    /// Writes `k` under a lock until [`LATER`], and answers its version.
    pub(crate) async fn put_locked(&self, mode: &str) -> String {
        self.put_k(&lock(mode, LATER)).await
    }

    pub(crate) async fn retain(&self, version: &str, mode: &str, until: &str, bypass: bool) -> u16 {
        let headers: &[_] = if bypass { &[BYPASS] } else { &[] };
        self.retain_by(version, &retention(mode, until), headers).await.status
    }

    /// PutObjectRetention with a body of one's own.
    pub(crate) async fn retain_by(
        &self,
        version: &str,
        xml: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let path = format!("/vault/k?retention&versionId={version}");
        self.put_checked(&path, headers, xml.as_bytes()).await
    }

    pub(crate) async fn hold(&self, version: &str, status: &str) -> u16 {
        let xml = format!("<LegalHold><Status>{status}</Status></LegalHold>");
        let path = format!("/vault/k?legal-hold&versionId={version}");
        self.put_checked(&path, &[], xml.as_bytes()).await.status
    }

    pub(crate) async fn delete_version(&self, version: &str, bypass: bool) -> u16 {
        let headers: &[_] = if bypass { &[BYPASS] } else { &[] };
        let path = format!("/vault/k?versionId={version}");
        self.send(Method::DELETE, &path, headers, b"").await.unwrap().status
    }

    /// DeleteObjects of keys, each with or without a version.
    pub(crate) async fn delete_batch(
        &self,
        objects: &[(&str, Option<&str>)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let objects: String = objects
            .iter()
            .map(|(key, version)| match version {
                None => format!("<Object><Key>{key}</Key></Object>"),
                Some(version) => {
                    format!("<Object><Key>{key}</Key><VersionId>{version}</VersionId></Object>")
                }
            })
            .collect();
        self.post_checked("/vault?delete", headers, &format!("<Delete>{objects}</Delete>")).await
    }

    /// PutObjectLockConfiguration with a default retention of one's own words.
    pub(crate) async fn set_default(&self, bucket: &str, default: &str) -> Answer {
        let xml = format!(
            "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>\
             <DefaultRetention>{default}</DefaultRetention></Rule></ObjectLockConfiguration>"
        );
        self.put_checked(&format!("/{bucket}?object-lock"), &[], xml.as_bytes()).await
    }

    /// Mode and date of a lock as GetObjectRetention tells them, or the refusal's code twice.
    pub(crate) async fn lock_of(&self, key: &str) -> (String, String) {
        let seen = self.get(&format!("/vault/{key}?retention")).await;
        match (seen.element("Mode"), seen.element("RetainUntilDate")) {
            (Some(mode), Some(until)) => {
                let until: Timestamp = until.parse().unwrap();
                (mode, until.to_string())
            }
            _ => (seen.refusal().1, seen.refusal().1),
        }
    }

    /// The state of a legal hold as GetObjectLegalHold tells it, or the refusal's code.
    pub(crate) async fn hold_of(&self, key: &str) -> String {
        let seen = self.get(&format!("/vault/{key}?legal-hold")).await;
        seen.element("Status").unwrap_or_else(|| seen.refusal().1)
    }
}
