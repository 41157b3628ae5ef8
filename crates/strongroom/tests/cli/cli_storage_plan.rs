//! `evidence storage-plan`, and `evidence push --plan`: what is planned, checked and kept to.

use std::fs;

use serde_json::{Value, json};
use strongroom_core::Sha256Digest;
use strongroom_core::retention::LockMode;
use strongroom_testkit::S3Server;
use strongroom_testkit::s3::{BucketSettings, Right, User};

use crate::cavra_directory::write_directory;
use crate::room::{Room, names_in};
use crate::schema::assert_valid;

const TLS_ONLY: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*",
    "Action": "s3:*", "Resource": ["arn:aws:s3:::evidence", "arn:aws:s3:::evidence/*"],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}"#;
const AT: &str = "s3://evidence/team";

fn good() -> BucketSettings {
    BucketSettings::locked()
        .encryption("AES256", None)
        .public_access_blocked(true)
        .policy(TLS_ONLY)
        .aborts_unfinished_after(2)
}

/// A server with one bucket over TLS, and a room with an archive that is configured for it.
fn bucket(settings: BucketSettings) -> (S3Server, Room) {
    as_user(settings, None)
}

fn as_user(settings: BucketSettings, user: Option<User>) -> (S3Server, Room) {
    let builder = S3Server::builder().bucket("evidence", settings).tls();
    let builder = match &user {
        Some(user) => builder.user(user.clone()),
        None => builder,
    };
    let server = builder.start_blocking();
    let room = Room::with_results();
    room.write("ca.pem", server.ca_pem().expect("TLS"));
    let user = user.unwrap_or_else(|| server.owner().clone());
    let room = room
        .env("STRONGROOM_STORE_ENDPOINT", server.endpoint())
        .env("STRONGROOM_STORE_CA", "ca.pem")
        .env("STRONGROOM_STORE_REGION", "us-east-1")
        .env("STRONGROOM_STORE_ACCESS_KEY", user.access_key())
        .env("STRONGROOM_STORE_SECRET_KEY", user.secret_key());
    archived(&room);
    (server, room)
}

fn archived(room: &Room) {
    let bundle = ["evidence", "bundle", "results", "-o", "run.tar.gz", "--run-id", "42"];
    room.run(&bundle).exits(0);
}

/// Plans the archive for the room's bucket, and answers the plan.
fn planned(room: &Room, more: &[&str]) -> Value {
    let plan = ["evidence", "storage-plan", "run.tar.gz", "-o", "plan", "--store", AT];
    room.run(&[&plan[..], more, &["--format=json"]].concat()).exits(0).json()
}

fn file(room: &Room, name: &str) -> String {
    fs::read_to_string(room.path(name)).expect(name)
}

/// Nothing but the name of a lock mode.
#[track_caller]
fn assert_nobody_is_called_compliant(text: &str) {
    let rest = text.replace("COMPLIANCE", "").replace("compliance-mapping.md", "");
    let rest = rest.replace("\"compliance\"", "").to_ascii_lowercase();
    assert!(!rest.contains("complian"), "{rest}");
}

#[test]
fn a_plan_is_a_folder_that_appears_whole() {
    let room = Room::with_results();
    archived(&room);
    let flags = ["--s3-bucket", "evidence", "--s3-prefix", "/team/", "--retention-days", "2555"];
    let plan =
        ["evidence", "storage-plan", "run.tar.gz", "--output", "plan", "--mode", "compliance"];
    let shown = room.run(&[&plan[..], &flags, &["--format=json"]].concat()).exits(0);
    let document = shown.json();
    assert_valid(&document, "storage-plan");
    assert_eq!(shown.stdout, file(&room, "plan/storage-plan.json"), "the file is what is printed");
    assert_eq!(names_in(&room.path("plan")), ["policies", "storage-plan.json", "storage-plan.md"]);
    let policies =
        ["audit.json", "bucket-policy.json", "lifecycle.json", "retention.json", "upload.json"];
    assert_eq!(names_in(&room.path("plan/policies")), policies);
    for policy in document["policies"].as_array().expect("policies") {
        let text = file(&room, &format!("plan/{}", policy["path"].as_str().expect("a path")));
        assert_eq!(policy["sha256"], Sha256Digest::of(text.as_bytes()).to_string());
    }
    let keys = document["objects"].as_array().expect("objects").iter();
    let archive = document["objects"][2]["sha256"].clone();
    assert!(
        keys.map(|one| one["key"].as_str().expect("a key")).all(|key| key.starts_with("team/"))
    );
    assert_eq!(
        archive,
        Sha256Digest::of(&fs::read(room.path("run.tar.gz")).expect("it")).to_string()
    );
    assert_eq!(document["target"]["endpoint"], json!(null), "no region is named");
    let region = ["--store-region=eu-central-1", "-o", "there", "--format=json"];
    let there = room.run(&[&plan[..3], &flags, &region].concat()).exits(0).json();
    assert_eq!(there["target"]["endpoint"], "https://s3.eu-central-1.amazonaws.com");

    // What is there stays, and an empty folder is taken.
    let again = room.run(&[&plan[..], &flags].concat()).exits(6);
    assert!(again.stderr.contains("is no empty folder"), "{}", again.stderr);
    fs::create_dir(room.path("empty")).expect("made");
    let into = ["evidence", "storage-plan", "run.tar.gz", "-o", "empty"];
    room.run(&[&into[..], &flags].concat()).exits(0);
}

#[test]
fn the_page_and_the_document_of_a_plan() {
    let room = Room::with_results();
    let plan = ["evidence", "storage-plan", "results", "-o", "plan", "--s3-bucket", "evidence"];
    let flags = ["--s3-prefix=team", "--mode=compliance", "--default-retention-days=30"];
    let declared = ["--retention-days", "2555", "--subject", "acme/widget", "--legal-hold"];
    let more = ["--run-id", "nightly | `42`"];
    let shown = room.run(&[&plan[..], &flags, &declared, &more].concat()).exits(0).stdout;
    let page = file(&room, "plan/storage-plan.md");
    let mut document: Value =
        serde_json::from_str(&file(&room, "plan/storage-plan.json")).expect("JSON");
    assert_valid(&document, "storage-plan");
    document["planned_at"] = json!("[time]");
    document["content_sha256"] = json!("[digest]");
    document["lock"]["if_stored_now"] = json!("[time]");
    let document = serde_json::to_string_pretty(&document).expect("JSON");
    insta::with_settings!({
        omit_expression => true,
        filters => [
            (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "[time]"),
            (r"(?m)^(\| SHA-256 of `storage-plan.json` \| `)[0-9a-f]{64}", "${1}[digest]"),
            (r"(?m)^(  digest +)sha256:[0-9a-f]{64}$", "${1}[digest]"),
        ],
    }, {
        insta::assert_snapshot!("storage-plan", shown);
        insta::assert_snapshot!("storage-plan-page", page);
        insta::assert_snapshot!("storage-plan-document", document);
        for policy in ["upload", "retention", "audit", "bucket-policy"] {
            let text = file(&room, &format!("plan/policies/{policy}.json"));
            insta::assert_snapshot!(format!("storage-plan-{policy}"), text);
        }
    });
    for text in [&shown, &page, &document] {
        assert_nobody_is_called_compliant(text);
    }
}

#[test]
fn azure_is_planned_by_account_and_container() {
    let room = Room::with_results();
    let plan = ["evidence", "storage-plan", "results", "-o", "plan", "--retention-days", "30"];
    let at = ["--azure-account", "acct", "--azure-container", "box", "--format=json"];
    let document = room.run(&[&plan[..], &at].concat()).exits(0).json();
    assert_valid(&document, "storage-plan");
    assert_eq!(document["target"]["account"], "acct");
    assert_eq!(document["target"]["endpoint"], "https://acct.blob.core.windows.net");
    let roles = ["audit-role.json", "retention-role.json", "upload-role.json"];
    assert_eq!(names_in(&room.path("plan/policies")), roles);
    let rows = document["costs"]["rows"].as_array().expect("rows");
    assert!(!rows.is_empty() && rows.iter().all(|row| row["provider"] == "Azure Blob"));
}

#[test]
fn a_store_is_named_once() {
    let room = Room::with_results();
    let plan = ["evidence", "storage-plan", "results", "-o", "plan", "--s3-bucket", "evidence"];
    for more in [
        &["--store", "s3://other"][..],
        &["--check", "s3://other"],
        &["--azure-account", "a", "--azure-container", "c"],
    ] {
        room.run(&[&plan[..], more].concat()).exits(2);
    }
    room.run(&plan[..3]).exits(2);
    assert_eq!(room.names(), ["results"]);
}

#[test]
fn a_table_of_prices_is_json_or_yaml_and_is_reckoned_in_whole_millionths() {
    let room = Room::with_results();
    archived(&room);
    let default = include_str!("../../../strongroom-core/src/storage_plan/prices.json");
    assert_valid(&serde_json::from_str(default).expect("JSON"), "prices");
    let row = "  - {id: own, provider: Own, kind: s3, region: cellar, storage_class: STANDARD,\n    \
               storage: {micros: 1000000, per: 1000}, writes: {micros: 1000000, per: 1},\n    \
               reads: {micros: 0, per: 1}, source: 'https://example.org/p', as_of: 2026-11-01}\n";
    let table = format!("schema: strongroom.prices/v1\ncurrency: EUR\nrows:\n{row}");
    room.write("prices.yaml", &table);
    let document = planned(&room, &["--prices", "prices.yaml", "--retain-until", "30d"]);
    assert_valid(&document, "storage-plan");
    let costs = &document["costs"];
    assert_eq!((&costs["currency"], &costs["prices"]), (&json!("EUR"), &json!("prices.yaml")));
    let bytes = costs["quantities"]["size_bytes"].as_u64().expect("bytes");
    assert_eq!(costs["rows"][0]["monthly_micros"], bytes * 1_000);
    let writes = costs["quantities"]["write_requests"].as_u64().expect("writes");
    assert_eq!(costs["rows"][0]["push_micros"], writes * 1_000_000);

    for broken in [
        "rows: []",
        "[1, 2",
        &table.replace("per: 1}", "per: 0}"),
        &table.replace("EUR\n", "EUR\nmore: 1\n"),
    ] {
        room.write("broken.yaml", broken);
        let plan = ["evidence", "storage-plan", "run.tar.gz", "-o", "other", "--store", AT];
        let refused = room.run(&[&plan[..], &["--prices", "broken.yaml"]].concat()).exits(2);
        assert!(refused.stderr.contains("broken.yaml:"), "{}", refused.stderr);
    }
}

#[test]
fn a_bucket_that_is_set_up_well_is_as_planned_and_a_bad_one_exits_5() {
    let (server, room) = bucket(good().default_retention(LockMode::Compliance, 30));
    let check = ["evidence", "storage-plan", "run.tar.gz", "--check", AT, "--retention-days=2555"];
    let strict = ["--mode", "compliance", "--default-retention-days", "30"];
    let check = [&check[..], &strict].concat();
    let shown = room.run(&check).exits(0);
    assert_nobody_is_called_compliant(&shown.stdout);
    // Seven years from today.
    let (_, date) = shown.stdout.split_once("locked until ").expect("a date");
    let text = shown.stdout.replace(&date[.."2033-11-20".len()], "[date]");
    room.snapshot("storage-plan-check", &text.replace(&server.endpoint(), "[endpoint]"));
    let document = room.run(&[&check[..], &["--format=json", "-o", "plan"]].concat()).exits(0);
    assert_valid(&document.json(), "storage-check");
    assert_eq!(document.stdout, file(&room, "plan/storage-check.json"));
    assert_nobody_is_called_compliant(&document.stdout);
    assert_nobody_is_called_compliant(&file(&room, "plan/storage-check.md"));

    server.bucket("evidence").set_up(good().default_retention(LockMode::Governance, 7));
    let bad = room.run(&check).exits(5);
    assert!(bad.stdout.starts_with("not as planned"), "{}", bad.stdout);
    assert!(bad.stderr.contains("(default_retention)"), "{}", bad.stderr);
    let shown = "default retention   missing: GOVERNANCE for 7 days; wanted: at least\n";
    assert!(bad.stdout.contains(shown), "{}", bad.stdout);
    assert_eq!(server.bucket("evidence").keys(), [""; 0]);
}

#[test]
fn the_page_of_a_check() {
    let (server, room) = bucket(BucketSettings::versioned());
    let check = ["evidence", "storage-plan", "run.tar.gz", "--check", AT, "-o", "plan"];
    room.run(&[&check[..], &["--retention-days=30"]].concat()).exits(5);
    let page = file(&room, "plan/storage-check.md").replace(&server.endpoint(), "[endpoint]");
    assert_nobody_is_called_compliant(&page);
    room.snapshot("storage-plan-check-page", &page);
}

#[test]
fn what_was_not_seen_exits_5_unless_that_is_accepted() {
    let user = User::new("uploader", "uploaders-secret").without(Right::ReadSettings);
    let (_server, room) = as_user(good(), Some(user));
    let check = ["evidence", "storage-plan", "run.tar.gz", "--check", AT, "--retention-days=30"];
    let unseen = room.run(&check).exits(5);
    assert!(unseen.stdout.starts_with("not all was seen"), "{}", unseen.stdout);
    assert!(unseen.stderr.contains("tls_only, versioning, encryption"), "{}", unseen.stderr);
    room.run(&[&check[..], &["--allow-unobserved"]].concat()).exits(0);
}

#[test]
fn a_push_keeps_to_its_plan_and_names_it() {
    let (_server, room) = bucket(good());
    let plan = planned(&room, &["--retention-days", "30", "--run-id", "nightly"]);
    let sha256 = Sha256Digest::of(file(&room, "plan/storage-plan.json").as_bytes()).to_string();
    let push =
        ["evidence", "push", "run.tar.gz", "--store", AT, "--plan", "plan/storage-plan.json"];
    let approved = ["--plan-sha256", &sha256];
    let receipt = room.run(&[&push[..], &approved, &["--format=json"]].concat()).exits(0).json();
    assert_valid(&receipt, "receipt");
    assert_eq!(receipt["plan_sha256"], sha256);
    assert_eq!(receipt["key"], plan["objects"][3]["key"]);
    assert_eq!(receipt["run_ids"], json!(["42", "nightly"]));
    assert_eq!(receipt["lock"]["mode"], "governance");
    let shown = room.run(&push).exits(0).stdout;
    assert!(shown.contains(&format!("plan        {sha256}")), "{shown}");
}

#[test]
fn a_plan_that_is_not_kept_to_is_refused_before_anything_is_written() {
    let (server, room) = bucket(good());
    planned(&room, &["--retention-days", "30"]);
    let push =
        ["evidence", "push", "run.tar.gz", "--store", AT, "--plan", "plan/storage-plan.json"];
    let other = format!("sha256:{}", "0".repeat(64));
    let refused = room.run(&[&push[..], &["--plan-sha256", &other]].concat()).exits(3);
    assert!(refused.stderr.contains("not the one that was approved"), "{}", refused.stderr);
    for flags in [&["--retain-until", "1d"][..], &["--legal-hold"], &["--lock", "governance"]] {
        room.run(&[&push[..], flags].concat()).exits(2);
    }
    room.run(&["evidence", "push", "results", "--store", AT, "--plan", "plan/storage-plan.json"])
        .exits(5);
    let elsewhere = ["evidence", "push", "run.tar.gz", "--store", "s3://evidence/other"];
    room.run(&[&elsewhere[..], &["--plan", "plan/storage-plan.json"]].concat()).exits(5);
    let edited = file(&room, "plan/storage-plan.json").replace("\"days\": 30", "\"days\": 1");
    room.write("plan/storage-plan.json", edited);
    let refused = room.run(&push).exits(3);
    assert!(refused.stderr.contains("changed since it was made"), "{}", refused.stderr);
    assert_eq!(server.bucket("evidence").keys(), [""; 0]);
}

#[test]
fn a_cavra_directory_is_planned_file_by_file_and_pushed_so() {
    let (server, room) = bucket(good());
    write_directory(&room, None);
    let plan = ["evidence", "storage-plan", "bundle", "-o", "plan", "--store", AT];
    let document = room.run(&[&plan[..], &["--format=json"]].concat()).exits(0).json();
    assert_valid(&document, "storage-plan");
    // The policy asks for a date and a hold.
    assert_eq!(document["lock"]["retention"]["until"], "2090-01-01T00:00:00Z");
    assert_eq!(document["lock"]["legal_hold"], true);
    let objects = document["objects"].as_array().expect("objects");
    let files: Vec<&Value> = objects.iter().filter(|one| one["path"].is_string()).collect();
    assert_eq!(files.len(), 4);
    assert_eq!(files[3]["path"], "manifest.json", "the manifest is planned, and last");
    let push = ["evidence", "push", "bundle", "--store", AT, "--plan", "plan/storage-plan.json"];
    let upload = room.run(&[&push[..], &["--format=json"]].concat()).exits(0).json();
    assert_valid(&upload, "upload");
    assert!(upload["plan_sha256"].is_string());
    for (planned, stored) in files.iter().zip(upload["objects"].as_array().expect("objects")) {
        assert_eq!(planned["key"], stored["key"]);
        assert_eq!(planned["sha256"], stored["sha256"]);
    }
    let written = server.bucket("evidence").keys().len();
    assert_eq!(written, objects.len(), "references, files and the record, and nothing else");
    let check = ["evidence", "storage-plan", "bundle", "--check", AT, "--format=json"];
    let checked = room.run(&check).exits(0).json();
    let verified = checked["objects"].as_array().expect("rows").iter();
    assert_eq!(verified.filter(|row| row["standing"] == "verified").count(), 5);
}

#[test]
fn an_assay_archive_is_planned_under_both_of_its_identities() {
    let Some(folder) = std::env::vars_os().find(|(name, _)| name == "STRONGROOM_FIXTURES") else {
        return;
    };
    let path = std::path::PathBuf::from(folder.1).join("assay/examples/ci-test-bundle.tar.gz");
    let (_server, room) = bucket(good());
    fs::copy(path, room.path("run.tar.gz")).expect("copied");
    let plan = planned(&room, &["--retention-days", "30"]);
    assert_valid(&plan, "storage-plan");
    assert_eq!(plan["bundle"]["format"], "assay/v1");
    let objects = plan["objects"].as_array().expect("objects");
    let archive = objects.iter().find(|one| one["kind"] == "bundle").expect("an archive");
    let sha256 = archive["sha256"].as_str().expect("a digest").strip_prefix("sha256:").expect("it");
    assert!(archive["key"].as_str().expect("a key").ends_with(&format!("/{sha256}.tar.gz")));
    let push =
        ["evidence", "push", "run.tar.gz", "--store", AT, "--plan", "plan/storage-plan.json"];
    let receipt = room.run(&[&push[..], &["--format=json"]].concat()).exits(0).json();
    assert_eq!(receipt["key"], archive["key"]);
}
