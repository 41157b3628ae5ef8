//! `strongroom keys`: made here or by openssl, read from everywhere, and never shown.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::Value;

use crate::room::{Outcome, Room};
use crate::schema::assert_valid;

const ALGORITHMS: [&str; 2] = ["ed25519", "p256"];

fn shown(room: &Room, arguments: &[&str]) -> Value {
    let arguments = [&["keys", "show", "--format", "json"], arguments].concat();
    let document = room.run(&arguments).exits(0).json();
    assert_valid(&document, "key");
    document
}

/// Runs a line of a shell in the room, with the program as `$strongroom`.
fn shell(room: &Room, line: &str) -> Outcome {
    let mut bash = Command::new("bash");
    room.dress(&mut bash).args(["-euo", "pipefail", "-c", line]);
    bash.env("strongroom", assert_cmd::cargo::cargo_bin("strongroom"));
    bash.env("PATH", "/usr/local/bin:/usr/bin:/bin");
    Outcome::of(bash.output().expect("bash runs"))
}

#[test]
fn a_new_key_is_its_owners_alone_and_shows_as_the_same_from_both_halves() {
    for algorithm in ALGORITHMS {
        let room = Room::new();
        let generate = ["keys", "generate", "--algorithm", algorithm, "-o", "key.pem"];
        let options = ["--public-key", "pub.pem", "--format", "json"];
        let made = room.run(&[&generate[..], &options].concat()).exits(0).json();
        assert_valid(&made, "key");
        let mode =
            |name| fs::metadata(room.path(name)).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode("key.pem"), 0o600);
        assert_eq!(mode("pub.pem") & 0o444, 0o444);
        let (private, public) = (shown(&room, &["key.pem"]), shown(&room, &["pub.pem"]));
        assert_eq!(
            (&private["holds"], &public["holds"]),
            (&"private_key".into(), &"public_key".into())
        );
        for name in ["key_id", "algorithm", "public_key"] {
            assert_eq!((&made[name], &private[name]), (&private[name], &public[name]), "{name}");
        }
        let pem = fs::read_to_string(room.path("pub.pem")).expect("there");
        assert_eq!(made["public_key"], Value::from(pem));
    }
}

#[test]
fn people_see_what_to_do_next_with_a_key() {
    let room = Room::new();
    let generate = ["keys", "generate", "--algorithm", "ed25519", "-o"];
    let text = room.run(&[&generate[..], &["key.pem"]].concat()).exits(0).stdout;
    let without_id = |text: &str| {
        let at = text.find("sha256:").expect("an id");
        text.replace(&text[at..at + 71], "[key id]")
    };
    room.snapshot("a_new_key", &without_id(&text));
    let more = ["other.pem", "--public-key", "other.pub.pem"];
    let text = room.run(&[&generate[..], &more].concat()).exits(0).stdout;
    assert!(text.contains("trust-root create --public-key other.pub.pem"), "{text}");
}

#[test]
fn nothing_private_is_ever_shown() {
    let room = Room::new().env("KEY_PASSPHRASE", "correct horse");
    for (name, options) in
        [("plain.pem", &[][..]), ("locked.pem", &["--passphrase-env", "KEY_PASSPHRASE"])]
    {
        let generate = ["keys", "generate", "--algorithm", "p256", "-vv", "-o", name];
        let made = room.run(&[&generate[..], options].concat()).exits(0);
        let shown = room.run(&[&["keys", "show", "-vv", name], options].concat()).exits(0);
        let pem = fs::read_to_string(room.path(name)).expect("there");
        let body: Vec<&str> = pem.lines().filter(|line| !line.starts_with("--")).collect();
        for text in [&made.stdout, &made.stderr, &shown.stdout, &shown.stderr] {
            for line in &body[..body.len() - 1] {
                assert!(!text.contains(line), "{name}: {text}");
            }
            assert!(!text.contains("correct horse"), "{name}: {text}");
        }
    }
}

#[test]
fn what_is_there_is_not_overwritten_without_force() {
    let room = Room::new();
    room.write("pub.pem", "mine");
    let generate = ["keys", "generate", "--algorithm", "ed25519", "-o"];
    let refused = room.run(&[&generate[..], &["pub.pem"]].concat()).exits(6);
    assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
    let refused = room.run(&[&generate[..], &["key.pem", "--public-key", "pub.pem"]].concat());
    refused.exits(6);
    assert_eq!(room.names(), ["pub.pem"], "nothing is written where one of two is there");
    assert_eq!(fs::read(room.path("pub.pem")).expect("there"), b"mine");
    room.run(&[&generate[..], &["key.pem", "--public-key", "key.pem"]].concat()).exits(2);
    room.run(&[&generate[..], &["."]].concat()).exits(2);
    room.run(&[&generate[..], &["pub.pem", "--force"]].concat()).exits(0);
    let mode = fs::metadata(room.path("pub.pem")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "what is replaced does not lend its mode");
}

#[test]
fn a_key_is_read_from_a_file_a_pipe_a_variable_and_a_descriptor() {
    let room = Room::new();
    let generate = ["keys", "generate", "--algorithm", "ed25519", "-o", "key.pem"];
    room.run(&generate).exits(0);
    let expected = shown(&room, &["key.pem"]);
    for line in [
        "$strongroom keys show --format json - <key.pem",
        "cat key.pem | $strongroom keys show --format json -",
        "KEY=$(cat key.pem) $strongroom keys show --format json --private-key-env KEY",
        "$strongroom keys show --format json --private-key-fd 7 7<key.pem",
        "$strongroom keys show --format json --private-key-fd 7 7< <(cat key.pem)",
        "STRONGROOM_PRIVATE_KEY_FD=0 $strongroom keys show --format json <key.pem",
        // A flag beats the environment.
        "STRONGROOM_PRIVATE_KEY_ENV=ELSE $strongroom keys show --format json key.pem",
    ] {
        assert_eq!(shell(&room, line).exits(0).json(), expected, "{line}");
    }
    for (line, code) in [
        ("$strongroom keys show", 2),
        ("$strongroom keys show key.pem --private-key-fd 7", 2),
        ("$strongroom keys show --private-key-env MISSING", 2),
        ("$strongroom keys show --private-key-fd 77", 1),
        ("$strongroom keys show missing.pem", 1),
        ("head -c 65537 /dev/zero | $strongroom keys show -", 10),
        ("echo garbage | $strongroom keys show -", 3),
    ] {
        let refused = shell(&room, line).exits(code);
        assert!(refused.stderr.contains("error: "), "{line}: {}", refused.stderr);
    }
}

#[test]
fn a_key_file_that_is_open_to_others_is_warned_of() {
    let room = Room::new();
    room.run(&["keys", "generate", "--algorithm", "ed25519", "-o", "key.pem"]).exits(0);
    let warned = |mode| {
        fs::set_permissions(room.path("key.pem"), Permissions::from_mode(mode)).expect("set");
        room.run(&["keys", "show", "key.pem", "-q"]).exits(0).stderr
    };
    assert_eq!(warned(0o600), "");
    assert!(warned(0o640).contains("warning: key.pem holds a private key"));
    let public = shown(&room, &["key.pem"])["public_key"].as_str().expect("text").to_owned();
    room.write("key.pem", public);
    assert_eq!(warned(0o644), "", "a public key is anybody's");
}

#[test]
fn keys_of_openssl_are_read_also_encrypted() {
    let room = Room::new().env("SECRET", "correct horse");
    room.write("passphrase", "correct horse\nsecond line\n");
    for (algorithm, options) in [
        ("Ed25519", "-algorithm ed25519"),
        ("ECDSA-P256-SHA256", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"),
    ] {
        let line = format!("openssl genpkey {options} -out plain.pem");
        shell(&room, &line).exits(0);
        shell(&room, "openssl pkey -in plain.pem -aes256 -passout env:SECRET -out locked.pem")
            .exits(0);
        shell(
            &room,
            "openssl pkcs8 -topk8 -scrypt -in plain.pem -passout env:SECRET -out scrypt.pem",
        )
        .exits(0);
        shell(&room, "openssl pkey -in plain.pem -pubout -out pub.pem").exits(0);
        let digest =
            shell(&room, "openssl pkey -in plain.pem -pubout -outform DER | sha256sum").exits(0);
        let plain = shown(&room, &["plain.pem"]);
        assert_eq!(plain["algorithm"], algorithm);
        assert_eq!(plain["key_id"], format!("sha256:{}", &digest.stdout[..64]));
        assert_eq!(plain["public_key"], fs::read_to_string(room.path("pub.pem")).expect("there"));
        for locked in ["locked.pem", "scrypt.pem"] {
            let by_file = shown(&room, &[locked, "--passphrase-file", "passphrase"]);
            let by_variable = shown(&room, &[locked, "--passphrase-env", "SECRET"]);
            assert_eq!((&by_file["key_id"], &by_file), (&plain["key_id"], &by_variable));
            assert_eq!(by_file["holds"], "encrypted_private_key");
            let missing = room.run(&["keys", "show", locked]).exits(2).stderr;
            assert!(missing.contains("--passphrase-file"), "{missing}");
            room.write("wrong", "wrong\n");
            room.run(&["keys", "show", locked, "--passphrase-file", "wrong"]).exits(2);
            room.write("empty", "\n");
            room.run(&["keys", "show", locked, "--passphrase-file", "empty"]).exits(2);
        }
    }
}

#[test]
fn keys_made_here_are_read_by_openssl() {
    let room = Room::new().env("SECRET", "correct horse");
    for algorithm in ALGORITHMS {
        let generate = ["keys", "generate", "--force", "--algorithm", algorithm, "-o", "key.pem"];
        for options in [&[][..], &["--passphrase-env", "SECRET"]] {
            room.run(&[&generate[..], options].concat()).exits(0);
            let line = "openssl pkey -in key.pem -passin env:SECRET -pubout";
            let public = shell(&room, line).exits(0).stdout;
            let document = shown(&room, &[&["key.pem"][..], options].concat());
            assert_eq!(document["public_key"], public, "{algorithm}");
        }
    }
}

#[test]
fn a_key_of_another_kind_is_told_and_helped() {
    let room = Room::new();
    for (make, says) in [
        ("openssl genrsa -out key.pem 2048", "not an Ed25519 or P-256 key"),
        (
            "openssl ecparam -name secp384r1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out key.pem",
            "not an Ed25519 or P-256 key",
        ),
        ("openssl ecparam -name prime256v1 -genkey -noout -out key.pem", "openssl pkcs8 -topk8"),
    ] {
        shell(&room, make).exits(0);
        let refused = room.run(&["keys", "show", "key.pem"]).exits(3).stderr;
        assert!(refused.starts_with("error: key.pem: ") && refused.contains(says), "{refused}");
    }
}
