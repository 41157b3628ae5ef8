//! The rights of three roles at Azure, as custom role definitions. Nothing of this was run against Azure:
//! the actions are those that its REST reference names for the requests that Strongroom sends.
//!
//! Unlike the uploader of `deploy/azure-blob-immutability`, whose container locks every blob by its policy, the
//! uploader of a plan that locks sets the lock of each blob, and so has the right to.
//!
//! Azure grants a custom role at a resource group, and assigns it at a container. Whoever may set a policy
//! may take an unlocked one away: the two are one right there.

use serde_json::{Value, json};

use super::Policy;
use crate::storage_plan::document::{PlannedLock, Target};

const BLOBS: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs";
const CONTAINER: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/read";

pub(super) fn policies(target: &Target, lock: &PlannedLock) -> Vec<Policy> {
    let takes_a_lock = lock.retention.is_some() || lock.legal_hold;
    vec![
        Policy {
            path: "policies/upload-role.json",
            purpose: "role definition of the identity that pushes; assign it at the container"
                .into(),
            content: role(target, "upload", &["read", "write", "add/action"], takes_a_lock),
        },
        Policy {
            path: "policies/retention-role.json",
            purpose:
                "role definition of the identity that extends locks and places or releases holds"
                    .into(),
            content: role(target, "retention", &["read", "write", "add/action"], true),
        },
        Policy {
            path: "policies/audit-role.json",
            purpose: "role definition of the identity that audits: reads all, writes nothing"
                .into(),
            content: role(target, "audit", &["read"], false),
        },
    ]
}

fn role(target: &Target, name: &str, verbs: &[&str], locks: bool) -> Value {
    let mut data_actions: Vec<String> =
        verbs.iter().map(|verb| format!("{BLOBS}/{verb}")).collect();
    let mut not_data_actions: Vec<String> =
        ["delete", "deleteBlobVersion/action", "permanentDelete/action"]
            .iter()
            .map(|verb| format!("{BLOBS}/{verb}"))
            .collect();
    let locking = format!("{BLOBS}/immutableStorage/runAsSuperUser/action");
    match locks {
        true => data_actions.push(locking),
        false => not_data_actions.push(locking),
    }
    let container = target.bucket.as_deref().unwrap_or_default();
    let account = target.account.as_deref().unwrap_or("{account}");
    json!({
        "Name": format!("Strongroom {name} ({account}/{container})"),
        "IsCustom": true,
        "Description": format!("Strongroom: {name} of evidence in the container {container} of {account}"),
        "Actions": [CONTAINER],
        "NotActions": [],
        "DataActions": data_actions,
        "NotDataActions": not_data_actions,
        "AssignableScopes": ["/subscriptions/{subscription-id}/resourceGroups/{resource-group}"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage_plan::document::{LongerDefault, StoreKind};

    #[test]
    fn who_asks_for_no_lock_gets_no_right_to_lock_and_nobody_deletes() {
        let target = Target {
            kind: StoreKind::Azure,
            store: "az://box".to_owned(),
            endpoint: None,
            bucket: Some("box".to_owned()),
            prefix: String::new(),
            account: Some("account".to_owned()),
            storage_class: None,
            encryption: None,
            kms_key_id: None,
        };
        let longer_default = LongerDefault::Refuse;
        let lock =
            PlannedLock { retention: None, legal_hold: false, longer_default, if_stored_now: None };
        let all = policies(&target, &lock);
        let has = |policy: &Policy, part: &str| {
            let actions = policy.content["DataActions"].as_array().unwrap();
            actions.iter().any(|action| action.as_str().unwrap().contains(part))
        };
        assert!(!has(&all[0], "immutableStorage") && has(&all[1], "immutableStorage"));
        assert!(!has(&all[2], "write") && all.iter().all(|policy| !has(policy, "elete")));
    }
}
