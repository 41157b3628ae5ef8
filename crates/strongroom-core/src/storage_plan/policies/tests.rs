//! The policies of a plan against those of the reference deployments, which are written down a second time:
//! whoever has a role of `deploy/` can do what the plan asks of it.

use serde_json::Value;

use super::*;
use crate::retention::LockMode;
use crate::storage_plan::document::{LongerDefault, PlannedRetention};

const KEY: &str = "arn:aws:kms:us-east-1:1:key/k";
/// The plan's file, and the deployment's.
const S3_ROLES: [(&str, &str); 3] = [
    (
        "policies/upload.json",
        include_str!("../../../../../deploy/aws-s3-object-lock/policies/upload.json"),
    ),
    (
        "policies/retention.json",
        include_str!("../../../../../deploy/aws-s3-object-lock/policies/retention-admin.json"),
    ),
    (
        "policies/audit.json",
        include_str!("../../../../../deploy/aws-s3-object-lock/policies/audit.json"),
    ),
];
const AZURE_ROLES: [(&str, &str); 3] = [
    (
        "policies/upload-role.json",
        include_str!("../../../../../deploy/azure-blob-immutability/roles/upload.json"),
    ),
    (
        "policies/retention-role.json",
        include_str!("../../../../../deploy/azure-blob-immutability/roles/retention-admin.json"),
    ),
    (
        "policies/audit-role.json",
        include_str!("../../../../../deploy/azure-blob-immutability/roles/audit.json"),
    ),
];

fn target(kind: StoreKind) -> Target {
    Target {
        kind,
        store: "s3://evidence/team".to_owned(),
        endpoint: None,
        bucket: Some("evidence".to_owned()),
        prefix: "team/".to_owned(),
        account: None,
        storage_class: None,
        encryption: Some("aws:kms".to_owned()),
        kms_key_id: Some(KEY.to_owned()),
    }
}

/// A lock, and no hold: the deployment's uploader may place none.
fn lock(retention: Option<u32>) -> PlannedLock {
    let mode = LockMode::Governance;
    PlannedLock {
        retention: retention.map(|days| PlannedRetention { mode, days: Some(days), until: None }),
        legal_hold: false,
        longer_default: LongerDefault::Refuse,
        if_stored_now: None,
    }
}

/// A list, or its one element.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

/// Each action with each resource that statements of this effect name.
fn pairs<'a>(policy: &'a Value, effect: &str) -> Vec<(&'a str, &'a str)> {
    let statements = policy["Statement"].as_array().unwrap().iter();
    let pairs = statements.filter(|one| one["Effect"] == effect).flat_map(|one| {
        let actions = texts(&one["Action"]).into_iter();
        actions.flat_map(|action| {
            texts(&one["Resource"]).into_iter().map(move |resource| (action, resource))
        })
    });
    pairs.collect()
}

/// Whether a pattern of a policy, where `*` stands for anything at its end, has what another one has.
fn has(pattern: &str, what: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => what.starts_with(start),
        None => pattern == what,
    }
}

#[test]
fn a_role_of_the_deployment_is_allowed_what_the_plan_allows_it_and_denied_none_of_it() {
    let planned = policies(&target(StoreKind::S3), &lock(Some(30)));
    for (path, deployed) in S3_ROLES {
        let filled = deployed
            .replace("${PARTITION}", "aws")
            .replace("${BUCKET}", "evidence")
            .replace("${PREFIX}", "team/")
            .replace("${KMS_KEY_ARN}", KEY);
        let deployed: Value = serde_json::from_str(&filled).unwrap();
        let planned = planned.iter().find(|policy| policy.path == path).unwrap();
        let allowed = pairs(&planned.content, "Allow");
        assert!(allowed.contains(&("kms:Decrypt", KEY)), "{path}");
        for (action, resource) in allowed {
            let covers =
                |(pattern, place): &(&str, &str)| has(pattern, action) && has(place, resource);
            assert!(pairs(&deployed, "Allow").iter().any(covers), "{path}: {action} on {resource}");
            assert!(!pairs(&deployed, "Deny").iter().any(covers), "{path}: {action} is denied");
        }
    }
}

#[test]
fn both_call_the_lifecycle_rule_by_one_name() {
    let controls = include_str!("../../../../../deploy/aws-s3-object-lock/parts/controls.sh");
    let planned = policies(&target(StoreKind::S3), &lock(None));
    let rule = planned.iter().find(|policy| policy.path == "policies/lifecycle.json").unwrap();
    let id = &rule.content["Rules"][0]["ID"];
    assert!(controls.contains(&format!("ID: {id}")), "{id}");
}

#[test]
fn a_role_of_the_deployment_at_azure_can_do_what_the_plan_asks_where_the_container_locks() {
    let planned = policies(&target(StoreKind::Azure), &lock(None));
    for (path, deployed) in AZURE_ROLES {
        let deployed: Value = serde_json::from_str(deployed).unwrap();
        let planned = planned.iter().find(|policy| policy.path == path).unwrap();
        for kind in ["Actions", "DataActions"] {
            let given = texts(&deployed[kind]);
            for action in texts(&planned.content[kind]) {
                assert!(given.contains(&action), "{path}: {action}");
            }
        }
    }
}
