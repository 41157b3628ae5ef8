//! Bundles looked over: what is found, how it is told, and that no secret is told with it.

use std::fs;

use boon::{Compiler, Draft, Schemas};
use serde_json::{Value, json};
use strongroom_core::Sha256Digest;
use strongroom_core::signing::key::Algorithm;

use crate::cli_signing;
use crate::planted;
use crate::room::{Outcome, Room};
use crate::schema::assert_valid;

const LINT: [&str; 3] = ["evidence", "lint", "b.tar.gz"];
/// Declarations that leave nothing to say against.
const DECLARED: [&str; 10] = [
    "--subject",
    "acme/widget",
    "--run-id",
    "42",
    "--producer",
    "tool@1.2.3",
    "--created-at",
    "2026-01-01T00:00:00Z",
    "--retention-days",
    "2555",
];

/// Bundles `results/`, declared as it should be, and more.
fn bundle(room: &Room, more: &[&str]) {
    let what = ["evidence", "bundle", "results", "-o", "b.tar.gz", "--force"];
    let known = ["--metadata", "result_status=passed"];
    room.run(&[&what[..], &DECLARED, &known, more].concat()).exits(0);
}

fn lint(room: &Room, more: &[&str]) -> Outcome {
    room.run(&[&LINT[..], more].concat())
}

fn json(room: &Room, more: &[&str]) -> Value {
    let report = lint(room, &[more, &["--format", "json"]].concat()).json();
    assert_valid(&report, "lint");
    report
}

fn rules(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().expect("findings");
    findings.iter().map(|finding| finding["rule"].as_str().expect("a rule")).collect()
}

fn token(seed: char) -> String {
    ["npm", "_", "q7Zr2Lk9Wd4Xs8Bn3Vc6Mf1Hj5Tg0PyAuEo"].concat() + &seed.to_string()
}

/// Holds a log against OASIS's own schema of SARIF 2.1.0.
#[track_caller]
fn assert_sarif(log: &Value) {
    let schema: Value =
        serde_json::from_str(include_str!("sarif-schema-2.1.0.json")).expect("the schema");
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.set_default_draft(Draft::V7);
    compiler.enable_format_assertions();
    let url = "http://schema.invalid/sarif.json";
    compiler.add_resource(url, schema).expect("a resource");
    let compiled = compiler.compile(url, &mut schemas).expect("a schema");
    if let Err(error) = schemas.validate(log, compiled) {
        panic!("{error:#}\n{log:#}");
    }
}

#[test]
fn people_see_what_weighs_most_first_within_80_columns() {
    let room = Room::with_results().env("COLUMNS", "80");
    room.write("results/logs/build.log", format!("one\n  token {}\n", token('a')));
    room.write("results/README.md", "a");
    room.write("results/readme.md", "b");
    room.run(&["evidence", "bundle", "results", "-o", "b.tar.gz", "--subject", "test"]).exits(0);
    let shown = lint(&room, &["--regime", "sec-17a-4"]).exits(12);
    room.snapshot("people_see_what_was_found", &shown.stdout);
    assert!(
        shown.stdout.lines().skip(1).all(|line| line.chars().count() <= 80),
        "{}",
        shown.stdout
    );
    assert!(shown.stderr.contains("findings of severity error"), "{}", shown.stderr);
    bundle(&room, &[]);
    let explained = room.run(&["evidence", "lint", "--explain", "names.differ-in-case"]).exits(0);
    room.snapshot("people_get_a_rule_explained", &explained.stdout);
}

#[test]
fn every_secret_is_found_wherever_it_stands_and_never_printed() {
    let room = Room::new();
    let planted = planted::secrets();
    for (id, secret) in &planted {
        room.write(&format!("results/content/{id}.log"), format!("one\nvalue {secret} end\n"));
        // A name of a file has 255 bytes at most, and no path two slashes together.
        if secret.len() < 200 && !secret.contains("//") {
            room.write(&format!("results/names/{secret} x"), "a");
        }
    }
    let (forms, given) = (planted::forms(), planted::given());
    for (at, (_, form, _)) in forms.iter().enumerate() {
        room.write(&format!("results/forms/{at}.txt"), format!("one\n{form}\nend\n"));
    }
    let kept = planted.iter().map(|(id, secret)| format!("kept_{id}={secret}"));
    let told_by_name = given.iter().map(|(_, name, value, _)| format!("{name}={value}"));
    let metadata: Vec<String> = kept.chain(told_by_name).collect();
    let flags: Vec<&str> = metadata.iter().flat_map(|each| ["--metadata", each]).collect();
    bundle(&room, &flags);

    let report = json(&room, &["--fail-on", "never"]);
    let findings = report["findings"].as_array().expect("findings");
    for (id, secret) in &planted {
        let rule = format!("secret.{id}");
        let is_at = |place: Value| {
            findings.iter().any(|finding| {
                let found = finding["place"].as_object().expect("a place");
                let same = |(key, value): (&String, &Value)| found.get(key) == Some(value);
                finding["rule"] == *rule && place.as_object().expect("a place").iter().all(same)
            })
        };
        assert!(
            is_at(json!({"kind": "file", "path": format!("content/{id}.log"), "line": 2})),
            "{id}"
        );
        assert!(is_at(json!({"kind": "field", "field": format!("/metadata/kept_{id}")})), "{id}");
        let is_a_name = secret.len() < 200 && !secret.contains("//");
        assert!(!is_a_name || is_at(json!({"kind": "name"})), "{id}");
    }

    for (at, (id, form, _)) in forms.iter().enumerate() {
        let path = format!("forms/{at}.txt");
        let rule = format!("secret.{id}");
        let is_it = |finding: &Value| finding["rule"] == *rule && finding["place"]["path"] == *path;
        assert!(findings.iter().any(is_it), "{id}: {form}");
    }
    for (id, name, ..) in &given {
        let (rule, field) = (format!("secret.{id}"), format!("/metadata/{name}"));
        let is_it =
            |finding: &Value| finding["rule"] == *rule && finding["place"]["field"] == *field;
        assert!(findings.iter().any(is_it), "{id}: {name}");
    }

    let baseline = ["--write-baseline", "known.json", "-o", "report.txt"];
    for more in [
        &["--format", "human"],
        &["--format", "json"],
        &["--format", "ndjson"],
        &["--format", "sarif"],
    ] {
        let told = lint(&room, more).exits(12);
        refuse_values(&told.stdout);
        refuse_values(&told.stderr);
    }
    lint(&room, &baseline).exits(12);
    for file in ["known.json", "report.txt"] {
        refuse_values(&fs::read_to_string(room.path(file)).expect("written"));
    }
    assert_sarif(&lint(&room, &["--format", "sarif"]).json());
}

/// Nothing of any secret may stand in `told`.
#[track_caller]
pub(crate) fn refuse_values(told: &str) {
    let planted = planted::secrets().into_iter().map(|(id, _)| (id, planted::drawn(id)));
    let forms = planted::forms().into_iter().map(|(id, _, parts)| (id, parts));
    let given = planted::given().into_iter().map(|(id, _, _, parts)| (id, parts));
    for (id, parts) in planted.chain(forms).chain(given) {
        for part in parts {
            assert!(!told.contains(&part), "{id}: {part}");
        }
    }
}

#[test]
fn what_nobody_sees_in_a_name_is_shown() {
    let room = Room::new();
    room.write("results/a\u{200b}b\u{2028}c.txt", ["npm", "_", "x"].concat());
    bundle(&room, &[]);
    let told = lint(&room, &[]).stdout;
    assert!(told.contains("a\\u{200b}b\\u{2028}c.txt"), "{told}");
    assert!(!told.contains('\u{200b}') && !told.contains('\u{2028}'), "{told}");
}

#[test]
fn sarif_is_valid_and_leads_to_file_line_rule_and_help() {
    let room = Room::with_results();
    room.write("results/a b/log #1.txt", format!("one\nü {}\n", token('a')));
    room.write("results/CON", "a");
    let mut binary = vec![1; 4096];
    binary.extend(format!("text after bytes: {}\n", token('b')).bytes());
    room.write("results/mixed.bin", binary);
    bundle(&room, &["--metadata", "owner=jane@example.org"]);
    let told = lint(&room, &["--format", "sarif", "-o", "out.sarif"]).exits(12);
    assert!(told.stdout.starts_with("looked over sha256:"), "people still see it: {}", told.stdout);
    let log: Value =
        serde_json::from_slice(&fs::read(room.path("out.sarif")).expect("written")).expect("JSON");
    assert_sarif(&log);
    let mut broken = log.clone();
    broken["runs"][0]["results"][0]["level"] = "loud".into();
    assert!(std::panic::catch_unwind(|| assert_sarif(&broken)).is_err(), "the schema is looked at");

    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    let results = run["results"].as_array().expect("results");
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("fits");
        assert_eq!(rules[index]["id"], result["ruleId"]);
        let fingerprint = result["partialFingerprints"]["strongroomLint/v1"].as_str();
        assert_eq!(fingerprint.map(str::len), Some(32));
    }
    let at = |id: &str| {
        let result = results.iter().find(|result| result["ruleId"] == id).expect(id);
        result["locations"][0].clone()
    };
    let secret = at("secret.npm-token");
    assert_eq!(secret["physicalLocation"]["artifactLocation"]["uri"], "a%20b/log%20%231.txt");
    assert_eq!(secret["physicalLocation"]["region"], json!({"startLine": 2, "startColumn": 3}));
    assert_eq!(
        at("personal.email")["logicalLocations"][0]["fullyQualifiedName"],
        "/metadata/owner"
    );
    let offsets = results.iter().filter_map(|result| {
        result["locations"][0]["physicalLocation"]["region"]["byteOffset"].as_u64()
    });
    assert_eq!(offsets.collect::<Vec<_>>(), [4096 + 18]);

    let again = lint(&room, &["--format", "sarif"]).json();
    assert_eq!(again, log, "the same bundle, the same log");
    let refused = room.run(&["evidence", "show", "b.tar.gz", "--format", "sarif"]).exits(2);
    assert!(refused.stderr.contains("only `evidence lint` prints SARIF"), "{}", refused.stderr);
}

#[test]
fn what_fails_is_what_was_asked_for() {
    let room = Room::with_results();
    bundle(&room, &[]);
    // No signature was shown, which is a warning; and media types are undeclared, which is a note.
    for (fail_on, exit) in [("error", 0), ("warning", 12), ("note", 12), ("never", 0)] {
        lint(&room, &["--fail-on", fail_on]).exits(exit);
    }
    lint(&room, &[]).exits(0);
    let report = json(&room, &["--fail-on", "note"]);
    assert_eq!(rules(&report), ["signature.none-shown", "content.undeclared-media-type"]);
    assert_eq!(report["counts"], json!({"error": 0, "warning": 1, "note": 1}));
    let report = json(&room, &["--regime", "eu-ai-act-18"]);
    assert_eq!(rules(&report)[0], "retention.below-regime");
    assert_eq!(report["regime"]["days"], 3653);
}

#[test]
fn of_a_bundle_that_does_not_verify_nothing_is_told() {
    let room = Room::with_results();
    room.write("results/secret.log", token('a'));
    bundle(&room, &[]);
    let mut archive = fs::read(room.path("b.tar.gz")).expect("a bundle");
    let at = archive.len() - 40;
    archive[at] ^= 1;
    room.write("b.tar.gz", &archive);
    let refused =
        lint(&room, &["--format", "sarif", "-o", "out.sarif", "--write-baseline", "known.json"]);
    let refused = refused.exits(3);
    assert_eq!(refused.stdout, "");
    assert!(!room.path("out.sarif").exists() && !room.path("known.json").exists());
    lint(&room, &["--max-archive-bytes", "10"]).exits(10);
    room.run(&["evidence", "lint", "none.tar.gz"]).exits(1);
    room.run(&["evidence", "lint"]).exits(2);
}

#[test]
fn what_is_known_is_counted_and_what_is_new_is_told() {
    let room = Room::with_results();
    room.write("results/a.log", format!("{}\n", token('a')));
    bundle(&room, &[]);
    lint(&room, &["--write-baseline", "known.json"]).exits(12);
    let known: Value =
        serde_json::from_slice(&fs::read(room.path("known.json")).expect("written")).expect("JSON");
    assert_valid(&known, "lint-baseline");

    // The next run has the same secret on another line, which changes nothing; then another one beside it.
    room.write("results/a.log", format!("first\nsecond\n{}\n", token('a')));
    bundle(&room, &["--metadata", "attempt=2"]);
    let report = json(&room, &["--baseline", "known.json"]);
    assert_eq!((rules(&report), &report["suppressed"]["baseline"]), (vec![], &json!(3)));
    room.write("results/a.log", format!("{}\n{}\n", token('b'), token('a')));
    bundle(&room, &[]);
    let told = lint(&room, &["--baseline", "known.json"]).exits(12);
    assert!(told.stdout.contains("at a.log:2:1"), "{}", told.stdout);
    assert!(told.stdout.contains("1 error; 3 in the baseline"), "{}", told.stdout);

    room.write("other.json", "{\"schema\": \"strongroom.lint-baseline/v2\", \"findings\": []}");
    for file in ["other.json", "b.tar.gz"] {
        lint(&room, &["--baseline", file]).exits(2);
    }
    lint(&room, &["--baseline", "absent.json"]).exits(1);
}

#[test]
fn a_configuration_turns_rules_off_and_allows_what_somebody_says_why() {
    let room = Room::with_results();
    room.write("results/fixtures/key.log", token('a'));
    room.write("results/real.log", token('b'));
    bundle(&room, &[]);
    let configuration = "\
fail_on: warning
rules:
  content.undeclared-media-type: off
  signature.none-shown: note
allow:
  - paths: [\"fixtures/**\"]
    rules: [secret.npm-token]
    reason: made for tests
";
    room.write("lint.yaml", configuration);
    let report = json(&room, &["--lint-config", "lint.yaml"]);
    assert_eq!(rules(&report), ["secret.npm-token", "signature.none-shown"]);
    assert_eq!(report["findings"][0]["place"]["path"], "real.log");
    assert_eq!(
        (&report["suppressed"]["allowed"], &report["fail_on"]),
        (&json!(1), &json!("warning"))
    );
    // One that merely lies there is nobody's word.
    room.write("strongroom-lint.yaml", "rules:\n  secret.npm-token: off\n");
    assert_eq!(json(&room, &[])["counts"]["error"], 2);
    room.write("lint.yaml", "rules:\n  secret.npm-tokn: off\n");
    let refused = lint(&room, &["--lint-config", "lint.yaml"]).exits(2);
    assert!(
        refused.stderr.contains("lint.yaml:2: there is no rule of this id"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("did you mean `secret.npm-token`?"), "{}", refused.stderr);
}

#[test]
fn signatures_that_are_shown_are_held_against_trust_roots() {
    let (room, _key) = cli_signing::room(Algorithm::Ed25519);
    room.run(&[&cli_signing::SIGN[..], &["-o", "s.json"]].concat()).exits(0);
    let about_signatures = |more: &[&str]| {
        let report = json(&room, more);
        let all = rules(&report).into_iter().filter(|rule| rule.starts_with("signature."));
        all.map(str::to_owned).collect::<Vec<_>>()
    };
    let trusting = ["--signature", "s.json", "--trust-root", "trust.json"];
    assert_eq!(about_signatures(&[]), ["signature.none-shown"]);
    assert_eq!(about_signatures(&trusting[..2]), ["signature.unchecked"]);
    assert_eq!(about_signatures(&trusting), Vec::<String>::new());
    let more = [&trusting[..], &["--require-signatures", "2"]].concat();
    assert_eq!(about_signatures(&more), ["signature.not-enough"]);
    room.write("results/more", "another bundle");
    room.run(&["evidence", "bundle", "results", "-o", "b.tar.gz", "--force"]).exits(0);
    assert_eq!(about_signatures(&trusting), ["signature.not-enough", "signature.not-valid"]);
}

#[test]
fn standard_input_and_ten_thousand_files_are_looked_over() {
    let room = Room::new();
    for number in 0..10_000 {
        let content = if number % 2 == 0 { token('a') } else { "nothing\n".to_owned() };
        room.write(&format!("results/{:02}/{number}.log", number % 100), content);
    }
    bundle(&room, &[]);
    let archive = fs::read(room.path("b.tar.gz")).expect("a bundle");
    let mut command = room.command();
    command.args(["evidence", "lint", "-", "--format", "json"]).write_stdin(archive);
    let report = Outcome::of(command.output().expect("it runs")).exits(12).json();
    assert_eq!(
        (&report["counts"]["error"], &report["looked_at"]["files"]),
        (&json!(5_000), &json!(10_000))
    );
    let shown = lint(&room, &[]).exits(12).stdout;
    assert!(shown.contains("and 4,990 more places"), "{shown}");
}

#[test]
fn weak_cavra_directories_are_told() {
    let room = Room::new();
    let policy = json!({
        "schema_version": "cavra.evidence.retention.v1", "session_id": "s-1",
        "created_at": "2026-01-01T00:00:00Z", "retention_days": 30,
        "retain_until": "2025-01-01T00:00:00Z", "legal_hold": false,
    });
    let evidence = json!({"session_id": "s-1", "note": token('a')});
    let files =
        [("evidence.json", evidence.to_string()), ("retention-policy.json", policy.to_string())];
    let listed: Vec<_> = files
        .iter()
        .map(|(path, text)| {
            room.write(&format!("bundle/{path}"), text);
            json!({"path": path, "sha256": Sha256Digest::of(text.as_bytes()).to_hex(), "bytes": text.len()})
        })
        .collect();
    // As Python writes it, which is what the digest is over.
    let listed: Vec<String> = listed
        .iter()
        .map(|file| {
            format!(
                "{{\"bytes\": {}, \"path\": {}, \"sha256\": {}}}",
                file["bytes"], file["path"], file["sha256"]
            )
        })
        .collect();
    let body = format!(
        "{{\"created_at\": \"2026-01-01T00:00:00Z\", \"files\": [{}], \"product\": \"CAVRA\", \"schema_version\": \"cavra.evidence.bundle.v1\"}}",
        listed.join(", ")
    );
    let digest = Sha256Digest::of(body.as_bytes()).to_hex();
    let signature =
        format!(", \"signature\": {{\"algorithm\": \"SHA256\", \"value\": \"{digest}\"}}}}");
    room.write(
        "bundle/manifest.json",
        format!("{}{signature}", body.trim_end_matches('}').to_owned() + ""),
    );
    let report = room.run(&["evidence", "lint", "bundle", "--format", "json"]).exits(12).json();
    assert_valid(&report, "lint");
    let expected = [
        "cavra.digest-as-signature",
        "clock.retained-until-past",
        "secret.npm-token",
        "cavra.absent-documents",
        "retention.days-disagree",
        "signature.none-shown",
        "cavra.no-signer",
    ];
    assert_eq!(rules(&report), expected);
    assert_eq!(report["format"], "cavra/v1");
    room.write("bundle/unlisted.txt", "a");
    room.run(&["evidence", "lint", "bundle"]).exits(3);
}

#[test]
fn the_rules_are_those_of_the_page() {
    let room = Room::new();
    let document = room.run(&["evidence", "lint", "--rules", "--format", "json"]).exits(0).json();
    assert_valid(&document, "lint-rules");
    let one = room.run(&["evidence", "lint", "--explain", "secret.jwt"]).exits(2);
    assert!(one.stderr.contains("there is no rule of this id"), "{}", one.stderr);
    let all = room.run(&["evidence", "lint", "--explain", "--format", "json"]).exits(0).json();
    assert_eq!(all["rules"], document["rules"]);
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/LINT.md");
    let text = fs::read_to_string(page).expect("the page");
    let (before, _) = text.split_once("## Rules\n").expect("its rules");
    let expected = format!("{before}{}", rules_of_the_page(&document));
    if std::env::vars_os().any(|(name, _)| name == "STRONGROOM_WRITE_EXPECTED") {
        fs::write(page, expected).expect("written");
        return;
    }
    assert!(text == expected, "docs/LINT.md: run this test with STRONGROOM_WRITE_EXPECTED=1");
}

/// The part of the page that follows from the rules.
fn rules_of_the_page(document: &Value) -> String {
    let text = |rule: &Value, name: &str| rule[name].as_str().expect("a text").to_owned();
    let rules = document["rules"].as_array().expect("rules");
    let (secrets, others): (Vec<&Value>, Vec<&Value>) =
        rules.iter().partition(|rule| text(rule, "id").starts_with("secret."));
    let mut page = "## Rules\n".to_owned();
    for rule in others {
        let (id, severity, summary) =
            (text(rule, "id"), text(rule, "severity"), text(rule, "summary"));
        page.push_str(&format!(
            "\n### {id}\n**{severity}.** {summary}. {}\n",
            text(rule, "explanation")
        ));
    }
    page.push_str("\n### Secrets\n");
    page.push_str(
        "One rule for each kind; `--explain ID` names the page that describes its shape.\n\n",
    );
    page.push_str("| rule | | what |\n|---|---|---|\n");
    for rule in secrets {
        let what = text(rule, "summary").trim_start_matches("Secret: ").to_owned();
        page.push_str(&format!(
            "| `{}` | {} | {what} |\n",
            text(rule, "id"),
            text(rule, "severity")
        ));
    }
    page
}
