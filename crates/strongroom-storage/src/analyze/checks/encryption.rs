//! Encryption at rest, as the store reports it for an object: nobody outside can see more.

use futures::FutureExt as _;
use http::Method;
use strongroom_core::observed::{Observed, Unobserved};

use super::Check;
use crate::analyze::lab::{Lab, SMALL_BYTES, unexpected};
use crate::analyze::verdict::{Depth, Outcome, Severity, judge, stop};

pub(super) const CHECKS: &[Check] = &[Check {
    id: "posture.encryption_applied",
    attack: "asking for the encryption of an object that was just written",
    expected: "the store reports one",
    holds: "what is written is reported to be encrypted at rest",
    fails: "what is written is not reported to be encrypted, although the bucket has a default encryption",
    remedy: "ask the provider; `store.sse` asks for encryption with each write",
    severity: Severity::Low,
    depth: Depth::Quick,
    requests_max: 3,
    run: |lab| applied(lab).boxed(),
}];

async fn applied(lab: &Lab) -> Outcome {
    if !matches!(lab.status.encryption, Observed::Observed(Some(_))) {
        return stop(Unobserved::NotProbed, "the bucket has no default encryption");
    }
    let key = lab.key("encryption/object")?;
    lab.put(&key, &lab.bytes(SMALL_BYTES)).await?;
    let reply = lab.ask(Method::HEAD, &key, None).await?;
    if !reply.is_success() {
        return unexpected("asking for an object", &reply);
    }
    let reported = reply.header("x-amz-server-side-encryption").is_some();
    judge(
        reported,
        if reported { "reported for the object" } else { "not reported for the object" },
    )
}
