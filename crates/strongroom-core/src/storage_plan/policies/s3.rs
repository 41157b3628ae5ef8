//! The rights of three roles at S3, as IAM policies; and what the bucket itself says to everybody.
//!
//! An explicit Deny stands beside each Allow: Ceph RGW asks for `s3:BypassGovernanceRetention` only where
//! a policy denies it, and a role that gets another policy later must not gain what it is denied here.
//!
//! `deploy/aws-s3-object-lock` gives its roles at least what these allow: `tests.rs` holds the one against the
//! other.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::Policy;
use crate::layout;
use crate::storage_plan::document::{PlannedLock, Target};

/// The lifecycle rule, by the name that `deploy/aws-s3-object-lock` gives it too: one rule, whoever sets it.
const LIFECYCLE_RULE: &str = "strongroom-abort-unfinished-uploads";
/// What writing under a KMS key takes, which is read back.
const WRITE_UNDER_THE_KEY: [&str; 2] = ["kms:Decrypt", "kms:GenerateDataKey"];
/// What reading under it takes.
const READ_UNDER_THE_KEY: [&str; 1] = ["kms:Decrypt"];

/// What nobody who uploads, extends or audits may do.
const DESTROY: [&str; 12] = [
    "s3:BypassGovernanceRetention",
    "s3:DeleteBucket",
    "s3:DeleteBucketPolicy",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:PutBucketAcl",
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketVersioning",
    "s3:PutLifecycleConfiguration",
    "s3:PutObjectAcl",
];

pub(super) fn policies(target: &Target, lock: &PlannedLock) -> Vec<Policy> {
    vec![
        Policy {
            path: "policies/upload.json",
            purpose: with_the_key(
                target,
                "IAM policy of the role that pushes: writes and reads back, under the folders of a push \
                 only; deletes nothing, and shortens no lock",
            ),
            content: upload(target, lock),
        },
        Policy {
            path: "policies/retention.json",
            purpose: with_the_key(
                target,
                "IAM policy of the role that extends locks and places or releases holds; it uploads no \
                 evidence",
            ),
            content: retention(target),
        },
        Policy {
            path: "policies/audit.json",
            purpose: with_the_key(
                target,
                "IAM policy of the role that audits and checks: reads all, writes nothing",
            ),
            content: audit(target),
        },
        Policy {
            path: "policies/bucket-policy.json",
            purpose: "what the bucket says to everybody: TLS only, no bypass of governance".into(),
            content: bucket_policy(target),
        },
        Policy {
            path: "policies/lifecycle.json",
            purpose:
                "lifecycle rule that removes the parts of unfinished uploads; it touches no object"
                    .into(),
            content: lifecycle(),
        },
    ]
}

fn bucket(target: &Target) -> String {
    format!("arn:{}:s3:::{}", partition(target), target.bucket.as_deref().unwrap_or_default())
}

/// The part of AWS that the bucket is in, as its endpoint tells, or the ARN of its key.
fn partition(target: &Target) -> &str {
    let host = target.endpoint.as_deref().unwrap_or_default();
    if host.ends_with(".amazonaws.com.cn") {
        return "aws-cn";
    }
    if host.ends_with(".amazonaws.com") && host.contains("us-gov-") {
        return "aws-us-gov";
    }
    let of_the_key = key_arn(target).and_then(|arn| arn.split(':').nth(1));
    of_the_key.filter(|partition| !partition.is_empty()).unwrap_or("aws")
}

/// The key that objects are encrypted with, where a policy can name it.
fn key_arn(target: &Target) -> Option<&str> {
    target.kms_key_id.as_deref().filter(|key| key.starts_with("arn:"))
}

/// The right to that key, without which an encrypted object is neither written nor read.
fn use_the_key(target: &Target, actions: &[&str]) -> Option<Value> {
    key_arn(target).map(|key| allow("UseTheKey", actions, &json!([key])))
}

/// What a policy is for; and that it is not enough, where no policy can name the key.
fn with_the_key(target: &Target, purpose: &'static str) -> Cow<'static, str> {
    match (&target.kms_key_id, key_arn(target)) {
        (Some(_), None) => format!(
            "{purpose}; NOT in it: the right to the KMS key, which the plan does not name by its ARN"
        )
        .into(),
        _ => purpose.into(),
    }
}

/// Everything under some folders of the store.
fn under(target: &Target, folders: &[&str]) -> Vec<String> {
    let bucket = bucket(target);
    folders.iter().map(|folder| format!("{bucket}/{}{folder}*", target.prefix)).collect()
}

fn policy(statements: Vec<Value>) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn allow(id: &str, actions: &[&str], resource: &Value) -> Value {
    json!({"Sid": id, "Effect": "Allow", "Action": actions, "Resource": resource})
}

fn deny(id: &str, actions: &[&str], target: &Target) -> Value {
    let bucket = bucket(target);
    let objects = format!("{bucket}/*");
    json!({"Sid": id, "Effect": "Deny", "Action": actions, "Resource": [bucket, objects]})
}

fn upload(target: &Target, lock: &PlannedLock) -> Value {
    let evidence = [layout::BUNDLES, layout::ATTESTATIONS, layout::RECORDS];
    let references = [layout::INDEX, layout::RUNS, layout::SUBJECTS];
    let written = under(target, &[&evidence[..], &references[..]].concat());
    let mut statements = vec![
        allow(
            "WriteOnceAndReadBack",
            &["s3:AbortMultipartUpload", "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"],
            &json!(written),
        ),
        allow(
            "SeeTheDefaultLock",
            &["s3:GetBucketObjectLockConfiguration"],
            &json!([bucket(target)]),
        ),
    ];
    let mut locks = Vec::new();
    if lock.retention.is_some() {
        locks.extend(["s3:GetObjectRetention", "s3:PutObjectRetention"]);
    }
    if lock.legal_hold {
        locks.extend(["s3:GetObjectLegalHold", "s3:PutObjectLegalHold"]);
    } else if lock.retention.is_some() {
        locks.push("s3:GetObjectLegalHold");
    }
    if !locks.is_empty() {
        statements.push(allow("LockAndReadBack", &locks, &json!(under(target, &evidence))));
    }
    statements.extend(use_the_key(target, &WRITE_UNDER_THE_KEY));
    statements.push(deny("DestroyNothing", &DESTROY, target));
    policy(statements)
}

fn retention(target: &Target) -> Value {
    let evidence = [layout::BUNDLES, layout::ATTESTATIONS, layout::RECORDS];
    let mut statements = vec![
        allow(
            "ReadAndLock",
            &[
                "s3:GetObject",
                "s3:GetObjectLegalHold",
                "s3:GetObjectRetention",
                "s3:GetObjectVersion",
                "s3:PutObjectLegalHold",
                "s3:PutObjectRetention",
            ],
            &json!(under(target, &evidence)),
        ),
        allow("PutItOnRecord", &["s3:PutObject"], &json!(under(target, &[layout::RECORDS]))),
        list(target),
        allow(
            "SeeTheDefaultLock",
            &["s3:GetBucketObjectLockConfiguration"],
            &json!([bucket(target)]),
        ),
    ];
    statements.extend(use_the_key(target, &WRITE_UNDER_THE_KEY));
    statements.push(deny("DestroyNothing", &DESTROY, target));
    policy(statements)
}

fn audit(target: &Target) -> Value {
    let mut forbidden = DESTROY.to_vec();
    forbidden.extend([
        "s3:AbortMultipartUpload",
        "s3:PutEncryptionConfiguration",
        "s3:PutObject",
        "s3:PutObjectLegalHold",
        "s3:PutObjectRetention",
        "s3:RestoreObject",
    ]);
    let mut statements = vec![
        allow(
            "ReadAll",
            &[
                "s3:GetObject",
                "s3:GetObjectLegalHold",
                "s3:GetObjectRetention",
                "s3:GetObjectVersion",
            ],
            &json!(under(target, &[""])),
        ),
        list(target),
        allow(
            "SeeTheSettings",
            &[
                "s3:GetBucketAcl",
                "s3:GetBucketObjectLockConfiguration",
                "s3:GetBucketPolicy",
                "s3:GetBucketPolicyStatus",
                "s3:GetBucketPublicAccessBlock",
                "s3:GetBucketVersioning",
                "s3:GetEncryptionConfiguration",
                "s3:GetLifecycleConfiguration",
            ],
            &json!([bucket(target)]),
        ),
    ];
    statements.extend(use_the_key(target, &READ_UNDER_THE_KEY));
    statements.push(deny("WriteNothing", &forbidden, target));
    policy(statements)
}

fn list(target: &Target) -> Value {
    let actions = json!(["s3:ListBucket", "s3:ListBucketVersions"]);
    let mut statement =
        json!({"Sid": "List", "Effect": "Allow", "Action": actions, "Resource": [bucket(target)]});
    if !target.prefix.is_empty() {
        let prefix = format!("{}*", target.prefix);
        statement["Condition"] = json!({"StringLike": {"s3:prefix": [prefix]}});
    }
    statement
}

fn bucket_policy(target: &Target) -> Value {
    let mut tls = deny("TlsOnly", &["s3:*"], target);
    tls["Principal"] = json!("*");
    tls["Condition"] = json!({"Bool": {"aws:SecureTransport": "false"}});
    let mut bypass = deny("NoBypass", &["s3:BypassGovernanceRetention"], target);
    bypass["Principal"] = json!("*");
    policy(vec![tls, bypass])
}

fn lifecycle() -> Value {
    json!({"Rules": [{
        "ID": LIFECYCLE_RULE,
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2},
    }]})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::LockMode;
    use crate::storage_plan::document::{LongerDefault, PlannedRetention, StoreKind};

    fn target(prefix: &str) -> Target {
        Target {
            kind: StoreKind::S3,
            store: "s3://evidence".to_owned(),
            endpoint: None,
            bucket: Some("evidence".to_owned()),
            prefix: prefix.to_owned(),
            account: None,
            storage_class: None,
            encryption: Some("aws:kms".to_owned()),
            kms_key_id: Some("arn:aws:kms:us-east-1:1:key/k".to_owned()),
        }
    }

    fn lock(legal_hold: bool) -> PlannedLock {
        let mode = LockMode::Governance;
        PlannedLock {
            retention: Some(PlannedRetention { mode, days: Some(30), until: None }),
            legal_hold,
            longer_default: LongerDefault::Refuse,
            if_stored_now: None,
        }
    }

    fn allowed(policy: &Value) -> Vec<(String, String)> {
        let statements = policy["Statement"].as_array().unwrap();
        let allow = statements.iter().filter(|one| one["Effect"] == "Allow");
        let pairs = allow.flat_map(|one| {
            let resources = one["Resource"].as_array().unwrap();
            let actions = one["Action"].as_array().unwrap();
            actions.iter().flat_map(move |action| {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                resources.iter().map(move |resource| (text(action), text(resource)))
            })
        });
        pairs.collect()
    }

    #[test]
    fn what_a_role_may_do_to_objects_ends_at_the_prefix() {
        for policy in policies(&target("team/"), &lock(true)).iter().take(3) {
            for (action, resource) in allowed(&policy.content) {
                let is_ours = resource.starts_with("arn:aws:s3:::evidence/team/")
                    || resource == "arn:aws:s3:::evidence"
                    || action.starts_with("kms:");
                assert!(is_ours, "{}: {action} on {resource}", policy.path);
            }
        }
    }

    #[test]
    fn every_role_has_the_key_and_where_no_policy_can_name_it_that_is_said() {
        let all = policies(&target(""), &lock(false));
        let of_the_key = |policy: &Policy| -> Vec<String> {
            let pairs = allowed(&policy.content).into_iter();
            let key = pairs.filter(|(_, resource)| resource.ends_with(":key/k"));
            key.map(|(action, _)| action).collect()
        };
        assert_eq!(of_the_key(&all[0]), WRITE_UNDER_THE_KEY);
        assert_eq!(of_the_key(&all[1]), WRITE_UNDER_THE_KEY);
        assert_eq!(of_the_key(&all[2]), READ_UNDER_THE_KEY);
        assert!(all.iter().all(|policy| !policy.purpose.contains("NOT")));
        let mut unnamed = target("");
        unnamed.kms_key_id = Some("alias/evidence".to_owned());
        for policy in policies(&unnamed, &lock(false)).iter().take(3) {
            assert!(
                policy.purpose.contains("NOT in it: the right to the KMS key"),
                "{}",
                policy.path
            );
            assert!(!policy.content.to_string().contains("kms:"), "{}", policy.path);
        }
    }

    #[test]
    fn a_bucket_outside_of_the_first_partition_has_its_own() {
        for (endpoint, key, partition) in [
            ("https://s3.cn-north-1.amazonaws.com.cn", None, "aws-cn"),
            ("https://s3.us-gov-west-1.amazonaws.com", None, "aws-us-gov"),
            ("https://s3.eu-central-1.amazonaws.com", None, "aws"),
            ("https://s3.example.org", Some("arn:aws-cn:kms:cn-north-1:1:key/k"), "aws-cn"),
            ("https://s3.us-gov-west-1.example.org", None, "aws"),
        ] {
            let target = Target {
                endpoint: Some(endpoint.to_owned()),
                kms_key_id: key.map(str::to_owned),
                ..target("")
            };
            assert_eq!(bucket(&target), format!("arn:{partition}:s3:::evidence"), "{endpoint}");
        }
    }

    #[test]
    fn no_role_is_allowed_what_it_is_denied_and_none_deletes() {
        for policy in policies(&target(""), &lock(true)).iter().take(3) {
            let statements = policy.content["Statement"].as_array().unwrap();
            let deny = statements.iter().find(|one| one["Effect"] == "Deny").unwrap();
            let denied = deny["Action"].as_array().unwrap();
            for (action, _) in allowed(&policy.content) {
                assert!(!denied.contains(&json!(action)), "{}: {action}", policy.path);
                assert!(!action.contains("Delete") && !action.contains('*'), "{action}");
            }
            assert!(denied.contains(&json!("s3:BypassGovernanceRetention")));
        }
    }

    #[test]
    fn the_auditor_writes_nothing_and_the_uploader_administers_nothing() {
        let all = policies(&target(""), &lock(false));
        for (action, _) in allowed(&all[2].content) {
            let reads = ["s3:Get", "s3:List", "kms:Decrypt"];
            assert!(reads.iter().any(|read| action.starts_with(read)), "{action}");
        }
        let uploads: Vec<_> =
            allowed(&all[0].content).into_iter().map(|(action, _)| action).collect();
        assert!(!uploads.contains(&"s3:PutObjectLegalHold".to_owned()), "no hold is asked for");
        assert!(uploads.contains(&"kms:GenerateDataKey".to_owned()));
    }
}
