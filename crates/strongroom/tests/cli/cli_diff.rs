//! Two bundles side by side: what differs, how that is shown, and how it ends.

use std::fs;

use serde_json::{Value, json};
use strongroom_core::signing::key::{Algorithm, PrivateKey};
use strongroom_testkit::S3Server;
use strongroom_testkit::s3::BucketSettings;

use crate::cavra_directory::write_directory;
use crate::cli_bucket::on;
use crate::cli_signing::trust;
use crate::room::{Outcome, Room};
use crate::schema::assert_valid;

/// Bundles what is in `folder` as `folder.tar.gz`; returns its id.
pub(crate) fn bundle(room: &Room, folder: &str, declared: &[&str]) -> String {
    let out = format!("{folder}.tar.gz");
    let bundle = ["evidence", "bundle", folder, "-o", &out, "--format", "json"];
    let made = room.run(&[&bundle[..], declared].concat()).exits(0).json();
    made["bundle_id"].as_str().expect("an id").to_owned()
}

/// A run that went well, and one that did not.
fn two_runs() -> Room {
    let room = Room::new();
    let log = |end: &str| {
        let steps: String = (1..=12).map(|step| format!("step {step} done\n")).collect();
        format!("{steps}{end}")
    };
    let report = |failed: u32, message: &str| json!({"passed": 118, "failed": failed, "tests": [{"name": "opens"}, {"name": "locks", "message": message}]});
    room.write("one/report.json", report(0, "").to_string());
    room.write("two/report.json", report(1, "expected COMPLIANCE, found GOVERNANCE").to_string());
    room.write("one/logs/run.log", log("all done\n"));
    room.write("two/logs/run.log", log("1 failed"));
    room.write("one/events.ndjson", "{\"id\":1,\"ms\":10}\n{\"id\":2,\"ms\":10}\n");
    room.write("two/events.ndjson", "{\"id\":1,\"ms\":10}\n{\"ms\":12,\"id\":2}\n");
    room.write("one/screen.png", b"\x89PNG\0one");
    room.write("two/screen.png", b"\x89PNG\0two");
    room.write("one/before.txt", "the same under another name\n");
    room.write("two/after.txt", "the same under another name\n");
    room.write("one/gone.txt", "gone\n");
    room.write("two/come.csv", "a,b\n");
    room.write("one/same.txt", "same\n");
    room.write("two/same.txt", "same\n");
    let declared = |run_id, status, days| {
        [
            "--run-id",
            run_id,
            "--subject",
            "acme/widget",
            "--metadata",
            status,
            "--retention-days",
            days,
        ]
    };
    bundle(&room, "one", &declared("41", "result_status=passed", "2555"));
    bundle(&room, "two", &declared("42", "result_status=failed", "30"));
    room
}

const DIFF: [&str; 4] = ["evidence", "diff", "one.tar.gz", "two.tar.gz"];

fn diff(room: &Room, more: &[&str]) -> Outcome {
    room.run(&[&DIFF[..], more].concat())
}

fn paths(document: &Value, kind: &str) -> Vec<String> {
    let files = document["files"][kind].as_array().expect("files").iter();
    let path = |file: &Value| file["path"].as_str().or(file["to"].as_str()).map(str::to_owned);
    files.filter_map(path).collect()
}

#[test]
fn people_and_programs_see_what_differs() {
    let room = two_runs();
    room.snapshot("people_see_what_differs", &diff(&room, &[]).exits(0).stdout);
    let document = diff(&room, &["--format", "json"]).exits(0).json();
    assert_valid(&document, "diff");
    assert_eq!(document["is_same"], false);
    assert_eq!(paths(&document, "removed"), ["gone.txt"]);
    assert_eq!(paths(&document, "added"), ["come.csv"]);
    assert_eq!(paths(&document, "renamed"), ["after.txt"]);
    let changed = ["events.ndjson", "logs/run.log", "report.json", "screen.png"];
    assert_eq!(paths(&document, "changed"), changed);
    let kinds: Vec<&Value> =
        (0..4).map(|at| &document["files"]["changed"][at]["inside"]["as"]).collect();
    assert_eq!(kinds, ["ndjson", "text", "json", "not_looked_at"]);
    assert_eq!(document["retention"]["judgement"], "weaker");
    assert_eq!(document["signers"]["judgement"], "unobserved");
    let in_lines = diff(&room, &["--format", "ndjson"]).exits(0);
    assert_eq!(serde_json::from_str::<Value>(&in_lines.stdout).expect("one line"), document);
}

#[test]
fn a_summary_of_a_job_is_markdown() {
    let room = two_runs();
    let page = diff(&room, &["--format", "markdown"]).exits(0).stdout;
    room.snapshot("a_diff_as_markdown", &page);
    let kept = diff(&room, &["--format", "markdown", "-o", "summary.md"]).exits(0);
    assert_eq!(kept.stdout, "");
    assert_eq!(fs::read_to_string(room.path("summary.md")).expect("a page"), page);
    let refused = room.run(&["evidence", "verify", "one.tar.gz", "--format", "markdown"]).exits(2);
    assert!(refused.stderr.contains("only `evidence diff` prints Markdown"), "{}", refused.stderr);
}

#[test]
fn what_is_the_same_is_said_to_be() {
    let room = two_runs();
    let same = room.run(&["evidence", "diff", "one.tar.gz", "one.tar.gz", "--fail-on", "any"]);
    let same = same.exits(0).stdout;
    assert!(same.starts_with("the same evidence\n") && same.contains("7 the same"), "{same}");
    // Another run of the same evidence: told, and no difference.
    bundle(&room, "one", &["--run-id", "43", "--subject", "acme/widget", "--force"]);
    fs::rename(room.path("one.tar.gz"), room.path("again.tar.gz")).expect("renamed");
    bundle(&room, "one", &["--run-id", "41", "--subject", "acme/widget"]);
    let again =
        ["evidence", "diff", "one.tar.gz", "again.tar.gz", "--format=json", "--fail-on=any"];
    let again = room.run(&again).exits(0).json();
    assert_eq!((&again["is_same"], &again["fields"][0]["field"]), (&json!(true), &json!("run_id")));
}

#[test]
fn only_a_kind_that_is_named_fails() {
    let room = two_runs();
    let all = [
        "removed",
        "changed",
        "added",
        "renamed",
        "metadata-changed",
        "retention-weaker",
        "retention-changed",
        "any",
    ];
    for kind in all {
        let failed = diff(&room, &["--format", "json", "--fail-on", kind]).exits(12);
        assert_eq!(failed.json()["failed"], json!([kind]));
        assert_valid(&failed.json_error(), "error");
        assert!(failed.stderr.contains(kind), "{}", failed.stderr);
        // Nothing of it is so the other way round, or in the same.
        let same = ["evidence", "diff", "one.tar.gz", "one.tar.gz", "--fail-on", kind];
        room.run(&same).exits(0);
    }
    let back = ["evidence", "diff", "two.tar.gz", "one.tar.gz", "--fail-on", "retention-weaker"];
    room.run(&back).exits(0);
    let several =
        diff(&room, &["--format=json", "--fail-on", "added,renamed", "--fail-on=removed"]);
    assert_eq!(several.exits(12).json()["failed"], json!(["added", "renamed", "removed"]));
    diff(&room, &["--fail-on", "deleted"]).exits(2);
    let unseen = diff(&room, &["--fail-on", "signer-changed"]).exits(2);
    assert!(unseen.stderr.contains("--base-signature"), "{}", unseen.stderr);
}

#[test]
fn a_side_that_does_not_verify_ends_as_verify_does() {
    let room = two_runs();
    let archive = fs::read(room.path("two.tar.gz")).expect("a bundle");
    let middle = archive.len() / 2;
    room.write("cut.tar.gz", &archive[..middle]);
    room.write("no-bundle.tar.gz", "no bundle\n");
    for (base, candidate, named) in [
        ("one.tar.gz", "cut.tar.gz", "cut.tar.gz"),
        ("cut.tar.gz", "one.tar.gz", "cut.tar.gz"),
        ("no-bundle.tar.gz", "one.tar.gz", "no-bundle.tar.gz"),
    ] {
        let refused = room.run(&["evidence", "diff", base, candidate, "--format", "json"]).exits(3);
        assert!(refused.stdout.is_empty(), "{}", refused.stdout);
        let message = refused.json_error()["message"].to_string();
        assert!(message.contains(named), "{message}");
        let verified = room.run(&["evidence", "verify", named, "--format", "json"]).exits(3);
        assert_eq!(verified.json_error()["message"].to_string(), message);
    }
    room.run(&["evidence", "diff", "one.tar.gz", "absent.tar.gz"]).exits(1);
}

#[test]
fn which_is_the_base_is_never_guessed() {
    let room = two_runs();
    for arguments in [
        &["one.tar.gz"][..],
        &["one.tar.gz", "two.tar.gz", "--baseline", "one.tar.gz"],
        &["one.tar.gz", "run:latest"],
        &["-", "-"],
        &["sha256:12", "one.tar.gz"],
        &["one.tar.gz", "two.tar.gz", "two.tar.gz"],
    ] {
        room.run(&[&["evidence", "diff"], arguments].concat()).exits(2);
    }
    let named = ["evidence", "diff", "two.tar.gz", "--baseline", "one.tar.gz", "--format", "json"];
    assert_eq!(
        room.run(&named).exits(0).json(),
        diff(&room, &["--format", "json"]).exits(0).json()
    );
    let archive = fs::read(room.path("one.tar.gz")).expect("a bundle");
    let mut piped = room.command();
    let piped = piped.args(["evidence", "diff", "-", "two.tar.gz", "--format", "json"]);
    let piped = Outcome::of(piped.write_stdin(archive).output().expect("it runs")).exits(0).json();
    assert_eq!(piped["files"], diff(&room, &["--format", "json"]).exits(0).json()["files"]);
}

#[test]
fn a_report_that_cannot_be_kept_is_told_first() {
    let room = two_runs();
    let refused = diff(&room, &["-o", "nowhere/summary.md"]).exits(2);
    assert!(refused.stderr.contains("cannot be written"), "{}", refused.stderr);
}

#[test]
fn names_and_texts_of_others_stay_what_they_are() {
    let room = Room::new();
    let names = [
        "`|<b>.txt",
        "<!-- x.txt",
        "\u{202e}gnp.txt",
        "@everyone #1.txt",
        "bell\u{7}.txt",
        "</summary></details><img src=x>.txt",
    ];
    // A slash would make a folder of it.
    let names = names.map(|name| name.replace('/', "\u{2215}"));
    for (at, name) in names.iter().enumerate() {
        room.write(&format!("one/{name}"), format!("```\n</details>\u{1b}[2J{at}\n"));
        room.write(&format!("two/{name}"), format!("```\n</details>\u{200b}{at}\n"));
    }
    bundle(&room, "one", &["--metadata", "a=1"]);
    bundle(&room, "two", &["--metadata", "a=\u{1b}]0;x\u{7}|`"]);
    let shown = diff(&room, &[]).exits(0).stdout;
    let page = diff(&room, &["--format", "markdown"]).exits(0).stdout;
    for text in [&shown, &page] {
        let odd = |one: char| one.is_control() && one != '\n';
        assert!(!text.contains(odd) && !text.contains(['\u{202e}', '\u{200b}']), "{text}");
    }
    // Outside of code spans and blocks nothing of theirs is read as HTML or Markdown.
    let mut fence = None;
    for line in page.lines() {
        let ticks = line.chars().take_while(|one| *one == '`').count();
        match fence {
            Some(opened) if line.len() == opened && ticks == opened => fence = None,
            Some(opened) => assert!(ticks < opened, "{line}"),
            None if ticks >= 3 && line.ends_with("diff") => fence = Some(ticks),
            None => {
                let outside = outside_of_code(line);
                assert!(!outside.contains(['@', '#', '!']) || line.starts_with('#'), "{line}");
                let ours = ["<details><summary>", "</summary>", "</details>"];
                let rest = ours.iter().fold(outside, |rest, tag| rest.replace(tag, ""));
                assert!(!rest.contains(['<', '>']), "{line}");
            }
        }
    }
    assert_eq!(fence, None);
}

/// A line without its code spans and `<code>` elements.
fn outside_of_code(line: &str) -> String {
    let mut rest = line.to_owned();
    while let Some(start) = rest.find("<code>") {
        let end = rest[start..].find("</code>").expect("an end") + start;
        rest.replace_range(start..end + "</code>".len(), "");
    }
    while let Some(start) = rest.find('`') {
        let fence: String = rest[start..].chars().take_while(|one| *one == '`').collect();
        let after = start + fence.len();
        let end = rest[after..].find(&fence).expect("an end") + after;
        rest.replace_range(start..end + fence.len(), "");
    }
    rest
}

#[test]
fn ten_thousand_changed_files_are_all_named_and_pages_stay_short() {
    const FILES: usize = 10_000;
    let room = Room::new();
    for side in ["one", "two"] {
        for at in 0..FILES {
            room.write(&format!("{side}/{:03}/{at}.txt", at / 100), format!("{side}\n"));
        }
        bundle(&room, side, &[]);
    }
    let document = diff(&room, &["--format", "json"]).exits(0).json();
    assert_valid(&document, "diff");
    assert_eq!(paths(&document, "changed").len(), FILES);
    let reasons = document["files"]["changed"].as_array().expect("files").iter();
    let beyond = reasons.filter(|file| file["inside"]["reason"] == "files_limit").count();
    assert_eq!(beyond, FILES - strongroom_core::limits::DIFF_FILES_MAX);
    let page = diff(&room, &["--format", "markdown"]).exits(0).stdout;
    assert!(page.len() < 1 << 20, "{} bytes", page.len());
    assert!(page.contains("And 9,800 files more."), "{page}");
}

#[test]
fn who_signed_is_told_where_anybody_looks() {
    let room = two_runs();
    let keys = ["security", "somebody"].map(|name| {
        let key = PrivateKey::generate(Algorithm::Ed25519).expect("a key");
        room.write(&format!("{name}.pem"), key.to_pem(None).expect("PEM").as_bytes());
        (name, key)
    });
    trust(&room, "trust.json", &keys[0].1);
    for (bundle, key, out) in [
        ("one.tar.gz", "security", "one.json"),
        ("two.tar.gz", "security", "two.json"),
        ("two.tar.gz", "somebody", "two-by-another.json"),
    ] {
        let key = format!("{key}.pem");
        let sign = ["evidence", "sign", bundle, "--private-key", &key, "--signer", "ci", "-o", out];
        room.run(&sign).exits(0);
    }
    let by = |base: &str, candidate: &str, more: &[&str]| {
        let named = ["--format=json", "--base-signature", base, "--candidate-signature", candidate];
        diff(&room, &[&named[..], &["--fail-on", "signer-changed"], more].concat())
    };
    let judged = |outcome: Outcome| {
        let document = outcome.json();
        assert_valid(&document, "diff");
        document["signers"]["judgement"].clone()
    };
    assert_eq!(judged(by("one.json", "two.json", &[]).exits(0)), "same");
    assert_eq!(judged(by("one.json", "two-by-another.json", &[]).exits(12)), "changed");
    let trusting = ["--trust-root", "trust.json"];
    assert_eq!(judged(by("one.json", "two.json", &trusting).exits(0)), "same");
    // What somebody signed whom nobody believes is not enough, as in `verify`.
    by("one.json", "two-by-another.json", &trusting).exits(4);
    let unasked = [&trusting[..], &["--require-signatures", "0"]].concat();
    assert_eq!(judged(by("one.json", "two-by-another.json", &unasked).exits(12)), "changed");
    diff(&room, &["--base-signature", "one.tar.gz"]).exits(3);
}

#[test]
fn a_cavra_directory_is_held_against_another_one_and_against_an_archive() {
    let room = two_runs();
    write_directory(&room, None);
    fs::rename(room.path("bundle"), room.path("before")).expect("renamed");
    write_directory(&room, None);
    let same = ["evidence", "diff", "before", "bundle", "--format", "json", "--fail-on", "any"];
    let same = room.run(&same).exits(0).json();
    assert_valid(&same, "diff");
    assert_eq!((&same["base"]["format"], &same["is_same"]), (&json!("cavra/v1"), &json!(true)));
    let other = ["evidence", "diff", "before", "one.tar.gz", "--format", "json"];
    let other = room.run(&other).exits(0).json();
    assert_valid(&other, "diff");
    assert_eq!(other["fields"][0]["field"], "format");
    // The policy's hold is not asked for any more.
    assert_eq!(other["retention"]["judgement"], "weaker");
    room.write("bundle/planted.txt", "not listed\n");
    room.run(&["evidence", "diff", "before", "bundle"]).exits(3);
}

/// A room on a bucket.
fn on_a_bucket() -> (S3Server, Room) {
    let server = S3Server::builder().bucket("evidence", BucketSettings::locked()).start_blocking();
    let room = on(Room::new(), &server);
    (server, room)
}

/// Pushes `run/`, which holds this text, with these declarations; returns its id.
pub(crate) fn push(room: &Room, text: &str, declared: &[&str]) -> String {
    room.write("run/result.txt", text);
    let push = ["evidence", "push", "run", "--format", "json"];
    let receipt = room.run(&[&push[..], declared].concat()).exits(0).json();
    receipt["bundle_id"].as_str().expect("an id").to_owned()
}

#[test]
fn bundles_in_a_store_are_named_by_id_and_by_run() {
    let (server, room) = on_a_bucket();
    let (one, two) =
        (push(&room, "one\n", &["--run-id", "41"]), push(&room, "two\n", &["--run-id", "42"]));
    let by = |base: &str, candidate: &str| {
        room.run(&["evidence", "diff", base, candidate, "--format", "json"])
    };
    let by_id = by(&one, &two).exits(0).json();
    assert_valid(&by_id, "diff");
    assert_eq!(
        (&by_id["base"]["bundle_id"], &by_id["candidate"]["bundle_id"]),
        (&json!(one), &json!(two))
    );
    assert!(by_id["base"]["version_id"].is_string() && by_id["base"]["key"].is_string());
    assert_eq!(by_id["files"]["changed"][0]["inside"]["as"], "text");
    assert_eq!(by_id["signers"]["judgement"], "same");
    let by_run = by("run:41", "run:42").exits(0).json();
    assert_eq!(by_run["files"], by_id["files"]);
    assert_eq!(by_run["base"]["run_id"], "41");
    by("run:43", "run:42").exits(7);
    by(&format!("sha256:{}", "0".repeat(64)), &two).exits(7);

    // Of two nobody knows which is meant.
    push(&room, "three\n", &["--run-id", "42"]);
    let several = by("run:41", "run:42").exits(6);
    assert!(several.stderr.contains(&two), "{}", several.stderr);

    // Garbage on top hides nothing, and is told.
    server.bucket("evidence").plant_over(&format!("team/bundles/{one}.tar.gz"), "garbage");
    let below = by(&one, &two).exits(0);
    assert_eq!(below.json()["files"], by_id["files"]);
    assert!(below.stderr.contains("is something else"), "{}", below.stderr);
    assert_eq!(room.names(), ["run"]);
}

/// The base that `run:latest` finds for what is in `run/`, and why.
pub(crate) fn latest(room: &Room, text: &str, declared: &[&str], more: &[&str]) -> Outcome {
    room.write("run/result.txt", text);
    bundle(room, "run", &[declared, &["--force"]].concat());
    let diff = ["evidence", "diff", "run.tar.gz", "--baseline", "run:latest", "--format", "json"];
    room.run(&[&diff[..], more].concat())
}

pub(crate) const WIDGET: [&str; 2] = ["--subject", "acme/widget"];

pub(crate) fn ended(status: &str) -> Vec<String> {
    let status = format!("result_status={status}");
    [WIDGET[0], WIDGET[1], "--metadata", &status].map(str::to_owned).to_vec()
}

#[test]
fn the_last_good_run_is_the_newest_of_its_subject_that_verifies_and_went_well() {
    let (server, room) = on_a_bucket();
    let pushed = |text: &str, status: &str| {
        let declared = ended(status);
        push(&room, text, &declared.iter().map(String::as_str).collect::<Vec<_>>())
    };
    latest(&room, "now\n", &WIDGET, &[]).exits(7);
    let good = pushed("good\n", "Passed");
    let failed = pushed("failed\n", "failed");
    push(&room, "another's\n", &["--subject", "acme/gadget"]);
    let found = latest(&room, "now\n", &WIDGET, &[]).exits(0).json();
    assert_valid(&found, "diff");
    assert_eq!(found["base"]["bundle_id"], json!(good));
    let why = &found["baseline"];
    assert_eq!((&why["chosen_by"], &why["of"]), (&json!("subject"), &json!("acme/widget")));
    assert_eq!(why["result_status"], "Passed");
    let passed_over: Vec<&Value> =
        why["passed_over"].as_array().expect("some").iter().map(|one| &one["bundle_id"]).collect();
    assert!(passed_over.is_empty() || passed_over == [&json!(failed)], "{passed_over:?}");

    // What is good is what the caller says.
    let failing = latest(&room, "now\n", &WIDGET, &["--good-status", "FAILED"]).exits(0).json();
    assert_eq!(failing["base"]["bundle_id"], json!(failed));

    // The candidate itself is no baseline, though it is in the store.
    let itself = push(&room, "now\n", &WIDGET);
    let found = latest(&room, "now\n", &WIDGET, &[]).exits(0).json();
    assert_eq!(
        (&found["candidate"]["bundle_id"], &found["base"]["bundle_id"]),
        (&json!(itself), &json!(good))
    );

    // A reference proves nothing: one that leads to another subject's bundle, and one to garbage.
    let bucket = server.bucket("evidence");
    let other = ["--subject", "acme/gadget", "--metadata", "result_status=passed"];
    let other = push(&room, "another's again\n", &other);
    bucket.put(&format!("team/subjects/acme%2Fwidget/{other}.ref"), other.clone());
    let garbage = format!("sha256:{}", "f".repeat(64));
    bucket.put(&format!("team/subjects/acme%2Fwidget/{garbage}.ref"), garbage.clone());
    bucket.put(&format!("team/bundles/{garbage}.tar.gz"), "garbage");
    let index = bucket.keys_under("team/index/").into_iter().next().expect("an entry");
    let (day, _) = index.rsplit_once('/').expect("a day");
    bucket.put(&format!("{day}/{garbage}.ref"), garbage.clone());
    let found = latest(&room, "now\n", &WIDGET, &["--good-status", "passed"]).exits(0);
    assert!(found.stderr.contains(&format!("{garbage} is no baseline")), "{}", found.stderr);
    assert_eq!(found.json()["base"]["bundle_id"], json!(good));
}

#[test]
fn a_bundle_without_a_subject_is_held_against_its_producers_last_and_that_is_told() {
    let (_server, room) = on_a_bucket();
    let one = push(&room, "one\n", &["--producer", "scanner@1"]);
    push(&room, "other\n", &["--producer", "linter@1"]);
    let found = latest(&room, "now\n", &["--producer", "scanner@2"], &[]).exits(0).json();
    assert_eq!(found["base"]["bundle_id"], json!(one));
    assert_eq!(found["baseline"]["chosen_by"], "producer");
    assert_eq!(found["baseline"]["result_status"], Value::Null);
    let shown = room.run(&["evidence", "diff", "run.tar.gz", "--baseline", "run:latest"]).exits(0);
    assert!(shown.stdout.contains("declares no subject"), "{}", shown.stdout);
    assert!(shown.stdout.contains("nothing says how its run ended"), "{}", shown.stdout);
    let neither = latest(&room, "now\n", &[], &[]).exits(5);
    assert!(neither.stderr.contains("neither a subject nor a producer"), "{}", neither.stderr);
}

#[test]
fn the_newest_of_several_good_ones_is_taken() {
    let room = Room::new();
    let store = room.store();
    let room = room.env("STRONGROOM_STORE_URL", store);
    let ids: Vec<String> = (0..5).map(|at| push(&room, &format!("{at}\n"), &WIDGET)).collect();
    let found = latest(&room, "now\n", &WIDGET, &[]).exits(0).json();
    assert_eq!(found["base"]["bundle_id"], json!(ids[4]));
    // A delete marker's fate: what is not there any more is passed over, and told.
    fs::remove_file(room.stored(&format!("bundles/{}.tar.gz", ids[4]))).expect("removed");
    let found = latest(&room, "now\n", &WIDGET, &[]).exits(0).json();
    assert_eq!(found["base"]["bundle_id"], json!(ids[3]));
    assert_eq!(found["baseline"]["passed_over"][0]["bundle_id"], json!(ids[4]));
}
