//! What the server in the testkit makes of requests that `az://` never sends. It must refuse what the
//! reference says is refused, or the tests beside this one prove nothing.

use super::*;

/// A server with one blob under a policy, and that blob's version.
async fn under_a_policy(mode: PolicyMode) -> (AzureServer, String) {
    let server = start(ContainerSettings::immutable());
    let store = store_on(&server).await;
    let created = create(&store, Lock::NONE, "x").await.expect("created");
    let version = created.version.expect("a version").0;
    let mode = if mode == PolicyMode::Locked { "Locked" } else { "Unlocked" };
    let (status, _) = set_policy(&server, &version, 2, mode);
    assert_eq!(status, 200);
    (server, version)
}

fn set_policy(
    server: &AzureServer,
    version: &str,
    hours: i64,
    mode: &str,
) -> (u16, Option<String>) {
    let date = jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&in_hours(server, hours))
        .expect("a date");
    let headers = [
        ("x-ms-immutability-policy-until-date", date.as_str()),
        ("x-ms-immutability-policy-mode", mode),
    ];
    let query = format!("comp=immutabilityPolicies&versionid={version}");
    server.attack("PUT", KEY, &query, &headers)
}

fn remove_policy(server: &AzureServer, version: &str) -> (u16, Option<String>) {
    let query = format!("comp=immutabilityPolicies&versionid={version}");
    server.attack("DELETE", KEY, &query, &[])
}

fn delete(server: &AzureServer, version: &str) -> (u16, Option<String>) {
    server.attack("DELETE", KEY, &format!("versionid={version}"), &[])
}

fn refused(status: u16, code: &str) -> (u16, Option<String>) {
    (status, Some(code.to_owned()))
}

#[tokio::test]
async fn a_locked_policy_is_not_taken_away() {
    let (server, version) = under_a_policy(PolicyMode::Locked).await;
    let never = refused(409, "ImmutabilityPolicyDeleteOnLockedPolicy");
    assert_eq!(remove_policy(&server, &version), never);
    let immutable = refused(409, "BlobImmutableDueToPolicy");
    assert_eq!(set_policy(&server, &version, 1, "Locked"), immutable);
    assert_eq!(set_policy(&server, &version, 3, "Unlocked"), immutable);
    assert_eq!(set_policy(&server, &version, 3, "Locked"), (200, None));
}

#[tokio::test]
async fn an_unlocked_policy_is_shortened_and_taken_away_by_whoever_may_set_it() {
    let (server, version) = under_a_policy(PolicyMode::Unlocked).await;
    assert_eq!(set_policy(&server, &version, 1, "Unlocked"), (200, None));
    assert_eq!(server.attack("DELETE", KEY, "", &[]), (202, None));
    assert_eq!(delete(&server, &version), refused(409, "BlobImmutableDueToPolicy"));
    assert_eq!(remove_policy(&server, &version), (200, None));
    assert_eq!(delete(&server, &version), (202, None));
}

#[tokio::test]
async fn the_current_version_is_not_deleted_by_its_name() {
    let (server, version) = under_a_policy(PolicyMode::Locked).await;
    assert_eq!(delete(&server, &version), refused(403, "OperationNotAllowedOnRootBlob"));
}

#[tokio::test]
async fn a_date_in_the_past_or_none_is_no_policy() {
    let (server, version) = under_a_policy(PolicyMode::Unlocked).await;
    assert_eq!(set_policy(&server, &version, -1, "Unlocked"), refused(400, "InvalidHeaderValue"));
    let query = format!("comp=immutabilityPolicies&versionid={version}");
    let mode = [("x-ms-immutability-policy-mode", "Locked")];
    let missing = refused(400, "MissingRequiredHeader");
    assert_eq!(server.attack("PUT", KEY, &query, &mode), missing);
}

#[tokio::test]
async fn a_policy_given_with_an_upload_stays_unlocked_even_where_the_default_is_locked() {
    let server = start(ContainerSettings::immutable().default_policy(PolicyMode::Locked, 30));
    let until = in_hours(&server, 1);
    let date = jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&until)
        .expect("a date");
    let headers = [
        ("x-ms-blob-type", "BlockBlob"),
        ("x-ms-immutability-policy-until-date", date.as_str()),
        ("x-ms-immutability-policy-mode", "Locked"),
    ];
    assert_eq!(server.attack("PUT", KEY, "", &headers), (201, None));
    let policy = server.versions(KEY)[0].policy;
    assert_eq!(policy, Some(Policy { mode: PolicyMode::Unlocked, until }));
    // Another write makes another version, which gets the default.
    assert_eq!(server.attack("PUT", KEY, "", &headers[..1]), (201, None));
    let versions = server.versions(KEY);
    assert_eq!(versions.len(), 2);
    assert_eq!(versions[1].policy.expect("the default").mode, PolicyMode::Locked);
}

#[tokio::test]
async fn a_write_whose_condition_does_not_hold_is_refused() {
    let (server, _) = under_a_policy(PolicyMode::Unlocked).await;
    let put = |condition, value| {
        let headers = [("x-ms-blob-type", "BlockBlob"), (condition, value)];
        server.attack("PUT", KEY, "", &headers)
    };
    assert_eq!(put("if-none-match", "*"), refused(409, "BlobAlreadyExists"));
    assert_eq!(put("if-match", "\"0xother\""), refused(412, "ConditionNotMet"));
    let etag = format!("\"{}\"", server.versions(KEY)[0].etag);
    assert_eq!(put("if-match", &etag), (201, None));
}
