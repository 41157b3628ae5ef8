//! `strongroom package …` against a registry: from an empty package to a cancelled deletion.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use std::path::Path;

use serde_json::Value;

use crate::schema::assert_valid;
use crate::served::{Served, admin_token, strongroom};

/// A registry, its token, and files to put into it.
struct Place {
    served: Served,
    token: String,
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let served = Served::start(&directory.path().join("registry"));
        let token = admin_token(&directory.path().join("registry"));
        Self { served, token, directory }
    }

    fn write(&self, name: &str, content: &str) -> String {
        let path = self.directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }

    /// What the registry answers.
    fn asks(&self, path: &str) -> Value {
        let answer = self.served.ask("GET", &format!("/api/v1{path}"), &self.token, "");
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    /// What `strongroom package …` prints, which is of this schema.
    #[track_caller]
    fn package(&self, arguments: &[&str], schema: &str) -> Value {
        let arguments = [&["--format", "json", "package"], arguments].concat();
        let (code, printed, told) = strongroom(&self.served, &self.token, &arguments);
        assert_eq!(code, Some(0), "{told}");
        let document: Value = serde_json::from_str(&printed).unwrap();
        assert_valid(&document, schema);
        document
    }

    /// How `strongroom package …` is refused.
    #[track_caller]
    fn refused(&self, arguments: &[&str], code: i32) -> String {
        let arguments = [&["package"], arguments].concat();
        let (exit, _, told) = strongroom(&self.served, &self.token, &arguments);
        assert_eq!(exit, Some(code), "{told}");
        told
    }
}

#[test]
fn a_package_is_filled_sealed_kept_longer_held_and_nearly_deleted() {
    let place = Place::new();
    place.write("run/report.json", "{\"ok\":true}\n");
    place.write("run/logs/a b.log", "one\n");
    let sbom = place.write("sbom.json", "{}\n");
    let run = place.path("run");

    let create = ["create", "--subject", "shop/cart", "--retention-class", "release-evidence"];
    let created = place.package(&create, "package-created");
    assert_eq!((&created["status"], &created["name"]), (&"open".into(), &"shop/cart".into()));
    let id = created["package_id"].as_str().unwrap();

    let uploaded = place.package(&["upload", id, &run], "package-uploaded");
    assert_eq!((&uploaded["stored"], &uploaded["already_stored"]), (&2.into(), &0.into()));
    let again = place.package(&["upload", id, &run], "package-uploaded");
    assert_eq!((&again["stored"], &again["already_stored"]), (&0.into(), &2.into()));
    assert_eq!(again["files"][0]["file_id"], uploaded["files"][0]["file_id"]);
    let named = ["upload", id, &sbom, "--path", "reports/sbom.json"];
    let named = place.package(&named, "package-uploaded");
    assert_eq!(named["files"][0]["path"], "reports/sbom.json");
    let under = place.package(&["upload", id, &run, "--path", "second/"], "package-uploaded");
    assert_eq!(under["files"][0]["path"], "second/logs/a b.log");
    place.write("other/report.json", "{\"ok\":false}\n");
    place.refused(&["upload", id, &place.path("other")], 6);

    place.refused(&["manifest", id], 6);
    let finalized = place.package(&["finalize", id], "package-finalized");
    assert_eq!(finalized["status"], "finalized");
    let manifest = place.package(&["manifest", id], "package");
    assert_eq!(manifest["bundle_id"], finalized["bundle_id"]);
    assert_eq!(manifest["files"].as_array().unwrap().len(), 5);
    let told = place.refused(&["upload", id, &run], 6);
    assert!(told.contains("finalized: it takes no more files"), "{told}");

    let extend = ["extend", id, "--until", "2090-01-01", "--reason", "warranty"];
    let extended = place.package(&extend, "package-change");
    assert_eq!(extended["expires_at"], "2090-01-01T00:00:00Z");
    place.refused(&["extend", id, "--until", "90d", "--reason", "shorter"], 5);

    let hold = ["hold", "place", id, "--reason", "case 17"];
    let hold = place.package(&hold, "package-change");
    let hold_id = hold["hold_id"].as_str().unwrap();
    let delete = ["delete", "request", id, "--early", "--reason", "pushed by mistake"];
    place.refused(&delete, 5);
    let holds = place.package(&["hold", "list", id], "package-holds");
    assert_eq!(holds["holds"][0]["hold_id"], hold_id);
    let release = ["hold", "release", id, hold_id, "--reason", "case 17 closed"];
    assert_eq!(place.package(&release, "package-change")["change"], "hold_release");
    let requested = place.package(&delete, "package-change");
    assert_eq!(requested["status"], "deletion_requested");
    assert_eq!(requested["awaits_approval"], false);
    let cancel = ["delete", "cancel", id, "--reason", "still needed"];
    assert_eq!(place.package(&cancel, "package-change")["status"], "finalized");
    let holds = place.package(&["hold", "list", id], "package-holds");
    assert_eq!(holds["holds"][0]["release_reason"], "case 17 closed");
    assert_eq!(place.served.end().0, 0);
}

#[test]
fn a_package_is_given_up_while_it_is_open_and_not_held() {
    let place = Place::new();
    let report = place.write("report.json", "{}\n");
    let created = place.package(&["create", "--subject", "shop"], "package-created");
    let id = created["package_id"].as_str().unwrap();
    place.package(&["upload", id, &report], "package-uploaded");
    let hold = place.package(&["hold", "place", id, "--reason", "case 17"], "package-change");
    let told = place.refused(&["abandon", id], 5);
    assert!(told.contains("a legal hold is on the package"), "{told}");
    let release = ["hold", "release", id, hold["hold_id"].as_str().unwrap(), "--reason", "closed"];
    place.package(&release, "package-change");
    let abandoned = place.package(&["abandon", id], "package-change");
    assert_eq!(
        (&abandoned["change"], &abandoned["status"]),
        (&"abandonment".into(), &"abandoned".into())
    );
    assert_eq!(abandoned.get("expires_at"), None);
    let told = place.refused(&["upload", id, &report], 6);
    assert!(told.contains("abandoned"), "{told}");
    place.refused(&["abandon", id], 6);
    assert_eq!(place.served.end().0, 0);
}

#[test]
fn a_package_is_made_once_under_a_key_and_people_are_told_in_words() {
    let place = Place::new();
    let create = ["create", "--subject", "shop", "--idempotency-key", "build-7"];
    let once = place.package(&create, "package-created");
    let twice = place.package(&create, "package-created");
    assert_eq!(once["package_id"], twice["package_id"]);
    place.refused(&["create", "--subject", "other", "--idempotency-key", "build-7"], 2);
    let other = place.package(&["create", "--subject", "shop"], "package-created");
    assert_ne!(once["package_id"], other["package_id"]);

    let id = once["package_id"].as_str().unwrap();
    let hold = ["package", "hold", "place", id, "--reason", "case 17"];
    let (_, shown, _) = strongroom(&place.served, &place.token, &hold);
    assert!(shown.starts_with("held\n") && shown.contains(id), "{shown}");
    let file = place.write("one.txt", "1\n");
    let upload = ["package", "upload", id, &file];
    let (_, shown, _) = strongroom(&place.served, &place.token, &upload);
    assert!(shown.starts_with("1 file was stored\n"), "{shown}");
    let told = place.refused(&["create", "--metadata", "password=hunter2hunter2"], 5);
    assert!(told.contains("/metadata/password") && !told.contains("hunter2"), "{told}");
}

#[test]
fn a_time_finer_than_what_is_kept_is_refused_before_anything_is_sent() {
    let place = Place::new();
    place.write("run/report.json", "{}\n");
    let run = place.path("run");
    let at = |time: &'static str| {
        ["package", "push", &run, "--finalize", "--created-at", time].map(String::from)
    };
    let run_with = |time| {
        let arguments = at(time);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        strongroom(&place.served, &place.token, &[&["--format", "json"], &arguments[..]].concat())
    };
    let (code, _, told) = run_with("2026-11-21T12:00:00.1234567Z");
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("finer than a microsecond") && told.contains("six digits"), "{told}");

    let kept = "2026-11-21T12:00:00.123456Z";
    let (code, pushed, told) = run_with(kept);
    assert_eq!(code, Some(0), "{told}");
    let pushed: Value = serde_json::from_str(&pushed).unwrap();
    let archive = place.path("direct.tar.gz");
    let bundle = ["--format", "json", "evidence", "bundle", &run, "--output", &archive];
    let bundle = [&bundle[..], &["--created-at", kept]].concat();
    let (_, bundled, told) = strongroom(&place.served, &place.token, &bundle);
    let bundled: Value = serde_json::from_str(&bundled).expect(&told);
    assert_eq!(pushed["bundle_id"], bundled["bundle_id"]);
    let shown = strongroom(&place.served, &place.token, &["--format", "json", "package", "list"]).1;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["packages"].as_array().unwrap().len(), 1, "{shown}");
}

#[test]
fn packages_are_listed_by_the_time_and_by_several_facts_at_once() {
    let place = Place::new();
    let create = |name: &str, metadata: &[&str]| {
        let facts = metadata.iter().flat_map(|fact| ["--metadata", fact]);
        let create: Vec<&str> = ["create", "--name", name].into_iter().chain(facts).collect();
        place.package(&create, "package-created");
    };
    create("one", &["branch=main", "suite=nightly"]);
    create("two", &["branch=main", "suite=smoke"]);
    let listed = |more: &[&str]| -> Vec<String> {
        let list = [&["--format", "json", "package", "list"], more].concat();
        let (code, printed, told) = strongroom(&place.served, &place.token, &list);
        assert_eq!(code, Some(0), "{told}");
        let page: Value = serde_json::from_str(&printed).unwrap();
        let packages = page["packages"].as_array().unwrap().iter();
        packages.map(|package| package["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(listed(&["--metadata", "branch=main"]), ["two", "one"]);
    assert_eq!(listed(&["--metadata", "branch=main", "--metadata", "suite=smoke"]), ["two"]);
    assert_eq!(listed(&["--after", "2020-01-01", "--before", "2090-01-01"]).len(), 2);
    assert_eq!(listed(&["--after", "2090-01-01"]), [""; 0]);
    assert_eq!(listed(&["--before", "2020-01-01T00:00:00Z"]), [""; 0]);
    let many = ["a=1", "b=2", "c=3", "d=4"].map(|fact| ["--metadata", fact]).concat();
    let told = place.refused(&[&["list"][..], &many].concat(), 2);
    assert!(told.contains("METADATA_FILTERS_MAX"), "{told}");
}

#[test]
fn what_was_given_up_is_pushed_anew_and_no_push_ends_well_without_it() {
    let place = Place::new();
    place.write("run/report.txt", "all is well");
    let run = place.path("run");
    let open = place.package(&["push", &run], "package-pushed");
    assert_eq!((open["status"].as_str(), open.get("bundle_id")), (Some("open"), None));
    let given_up = open["package_id"].as_str().unwrap();
    let path = format!("/api/v1/packages/{given_up}/abandon");
    let abandoned = place.served.ask("POST", &path, &place.token, "");
    assert!(abandoned.starts_with("HTTP/1.1 2"), "{abandoned}");

    let pushed = place.package(&["push", &run, "--finalize"], "package-pushed");
    assert_eq!(pushed["status"], "finalized");
    assert_ne!(pushed["package_id"], open["package_id"]);
    let again = place.package(&["push", &run, "--finalize"], "package-pushed");
    assert_eq!(again["package_id"], pushed["package_id"]);
}

#[test]
fn a_file_that_was_found_damaged_is_not_taken_for_stored() {
    let place = Place::new();
    place.write("run/a.txt", "all is well");
    place.write("run/b.txt", "that ends well");
    let run = place.path("run");
    let open = place.package(&["push", &run], "package-pushed");
    let id = open["package_id"].as_str().unwrap();
    let listed = place.asks(&format!("/packages/{id}/files"));
    let file = format!("/files/{}", listed["files"][0]["file_id"].as_str().unwrap());
    let key = place.asks(&file)["locations"][0]["object_key"].as_str().unwrap().to_owned();
    let kept = place.directory.path().join("registry/store").join(key);
    let aside = kept.with_extension("aside");
    std::fs::rename(&kept, &aside).unwrap();
    let told = place.asks(&format!("{file}/download"));
    assert_eq!(told["type"], "urn:strongroom:problem:corrupt");

    for again in [&["push", &run][..], &["push", &run, "--finalize"], &["upload", id, &run]] {
        let told = place.refused(again, 3);
        assert!(told.contains("run/a.txt was stored, and has since been found missing"), "{told}");
        assert!(told.contains("`strongroom package abandon`"), "{told}");
    }
    std::fs::rename(&aside, &kept).unwrap();
    place.package(&["finalize", id], "package-finalized");
    let pushed = place.package(&["push", &run, "--finalize"], "package-pushed");
    assert_eq!((&pushed["package_id"], &pushed["status"]), (&id.into(), &"finalized".into()));
    let (_, log) = place.served.end();
    let sent = log.lines().filter(|line| line.contains("\"method\":\"PUT\"")).count();
    assert_eq!(sent, 2, "both of them once: {log}");
}

#[test]
fn a_token_in_a_file_that_others_can_read_is_closed_and_told() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().join("registry");
    Served::start(&data_dir).end();
    let file = data_dir.join("admin-token");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let again = Served::start(&data_dir);
    assert!(again.told.contains("was open to others than its owner"), "{}", again.told);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!again.told.contains(&admin_token(&data_dir)), "told again: {}", again.told);
}

/// As on a disk that is full: what cannot be written is not good for anything, and the next start makes it.
#[test]
fn a_first_token_that_cannot_be_kept_is_not_made() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().join("registry");
    let in_the_way = data_dir.join("admin-token");
    std::fs::create_dir_all(&in_the_way).unwrap();
    let serve = |data_dir: &Path| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_strongroom"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data_dir);
        command.env_clear().env("HOME", data_dir);
        command
    };
    let output = serve(&data_dir).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("cannot write the administrator's token"), "{told}");
    std::fs::remove_dir(&in_the_way).unwrap();
    let served = Served::start(&data_dir);
    let token = admin_token(&data_dir);
    assert!(served.ask("GET", "/api/v1/packages", &token, "").starts_with("HTTP/1.1 200 "));
}
