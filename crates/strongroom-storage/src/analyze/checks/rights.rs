//! What these credentials may do that a writer of evidence need not be able to do.

use futures::FutureExt as _;
use http::Method;
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::retention::Period;

use super::Check;
use crate::analyze::lab::{Lab, SMALL_BYTES, mode_name};
use crate::analyze::verdict::{Depth, Outcome, Severity, enforced, not_enforced, stop};
use crate::s3::request::Request;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "rights.delete_version",
        attack: "deleting a version that is not locked",
        expected: "refused: these credentials do not hold s3:DeleteObjectVersion",
        holds: "these credentials cannot delete what is not locked",
        fails: "these credentials can delete what is not locked",
        remedy: "take s3:DeleteObjectVersion away from whoever writes evidence (the analysis can then not clean \
                 up behind itself)",
        severity: Severity::Low,
        depth: Depth::Quick,
        requests_max: 4,
        run: |lab| delete_version(lab).boxed(),
    },
    Check {
        id: "rights.lock_configuration",
        attack: "writing the bucket's Object Lock configuration as it is",
        expected: "refused: these credentials do not hold s3:PutBucketObjectLockConfiguration",
        holds: "these credentials cannot change the bucket's default retention",
        fails: "these credentials can change the bucket's default retention",
        remedy: "take s3:PutBucketObjectLockConfiguration away from whoever writes evidence",
        severity: Severity::Low,
        depth: Depth::Quick,
        requests_max: 4,
        run: |lab| lock_configuration(lab).boxed(),
    },
];

async fn delete_version(lab: &Lab) -> Outcome {
    let key = lab.key("rights/delete")?;
    let Some(version) = lab.put(&key, &lab.bytes(SMALL_BYTES)).await? else {
        return stop(Unobserved::UnsupportedBackend, "the bucket keeps no versions");
    };
    if !matches!(lab.locks.default_retention.value(), Some(None) | None) {
        return stop(Unobserved::NotProbed, "the bucket locks every version by itself");
    }
    let reply = lab.delete(&key, Some(&version), false).await?;
    match (reply.is_success(), reply.is_denied()) {
        (true, _) => not_enforced(format!("{}: deleted", reply.words())),
        (false, true) => enforced(reply.words()),
        (false, false) => stop(Unobserved::Error, reply.words()),
    }
}

/// Nothing changes: what was read is what is written.
async fn lock_configuration(lab: &Lab) -> Outcome {
    // Read anew: somebody may have changed it since the run began.
    let locks = lab.store.bucket_locks().await?;
    let Observed::Observed(default) = &locks.default_retention else {
        return stop(Unobserved::NotProbed, "not tried: the configuration could not be read");
    };
    if locks.takes_locks != Observed::Observed(true) {
        return stop(Unobserved::NotProbed, "not tried: the bucket has no Object Lock");
    }
    let rule = default.map(|default| {
        let mode = mode_name(default.mode);
        let period = match default.period {
            Period::Days(days) => format!("<Days>{days}</Days>"),
            Period::Years(years) => format!("<Years>{years}</Years>"),
        };
        format!("<Rule><DefaultRetention><Mode>{mode}</Mode>{period}</DefaultRetention></Rule>")
    });
    let document = format!(
        "<ObjectLockConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <ObjectLockEnabled>Enabled</ObjectLockEnabled>{}</ObjectLockConfiguration>",
        rule.unwrap_or_default()
    );
    let request = Request::bucket(Method::PUT).query("object-lock", "").xml(document)?;
    let reply = lab.raw()?.send(&request).await?;
    match (reply.is_success(), reply.is_denied()) {
        (true, _) => not_enforced(format!("{}: accepted", reply.words())),
        (false, true) => enforced(reply.words()),
        (false, false) => stop(Unobserved::Error, reply.words()),
    }
}
