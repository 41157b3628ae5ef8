//! One table of signature files, some of which only one reader or another would take, held against both that
//! judge them: Strongroom, and the script in a proof. Neither may believe what the other does not.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::{Value, json};
use strongroom_core::Sha256Digest;
use strongroom_core::signing::key::{Algorithm, PrivateKey};
use strongroom_core::signing::statement::EVIDENCE;
use strongroom_testkit::S3Server;
use strongroom_testkit::s3::BucketSettings;

use crate::cli_bucket::on;
use crate::cli_prove::check;
use crate::cli_signing::room;

const KIND: &str = "application/vnd.in-toto+json";

/// The table: what is done to the right statement, or to the right file, and whether it still counts.
struct Table {
    key: PrivateKey,
    id: String,
    cases: Vec<(String, Vec<u8>, bool)>,
}

impl Table {
    fn statement(&self) -> Value {
        let digest = self.id.trim_start_matches("sha256:");
        json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "manifest.json", "digest": {"sha256": digest}}],
            "predicateType": "urn:strongroom:attestation:evidence:v1",
            "predicate": {"signer": "ci", "signed_at": "2026-03-01T10:00:00Z"},
        })
    }

    /// The file of this payload, signed by a key that is believed.
    fn file(&self, payload: &[u8]) -> Value {
        let mut message = format!("DSSEv1 {} {KIND} {} ", KIND.len(), payload.len()).into_bytes();
        message.extend(payload);
        json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {"publicKey": {"hint": self.key.public_key().id().to_string()}},
            "dsseEnvelope": {
                "payload": STANDARD.encode(payload),
                "payloadType": KIND,
                "signatures": [{"sig": STANDARD.encode(self.key.sign(&message))}],
            },
        })
    }

    fn payload(&mut self, name: &str, counts: bool, payload: &[u8]) {
        let file = self.file(payload).to_string().into_bytes();
        self.cases.push((name.to_owned(), file, counts));
    }

    fn said(&mut self, name: &str, counts: bool, change: impl Fn(&mut Value)) {
        let mut statement = self.statement();
        change(&mut statement);
        self.payload(name, counts, statement.to_string().as_bytes());
    }

    fn signed_at(&mut self, counts: bool, texts: &[&str]) {
        for text in texts {
            self.said(text, counts, |it| it["predicate"]["signed_at"] = json!(text));
        }
    }

    fn written(&mut self, name: &str, counts: bool, change: impl Fn(&mut Value)) {
        let mut file = self.file(self.statement().to_string().as_bytes());
        change(&mut file);
        self.cases.push((name.to_owned(), file.to_string().into_bytes(), counts));
    }

    fn statements(&mut self) {
        let right = self.statement().to_string();
        self.payload("as it should be", true, right.as_bytes());
        self.payload("white space", true, format!(" {right}\n").as_bytes());
        self.payload("byte order mark", false, format!("\u{feff}{right}").as_bytes());
        let wide: Vec<u8> = right.encode_utf16().flat_map(u16::to_le_bytes).collect();
        self.payload("UTF-16", false, &wide);
        let open = right.strip_suffix('}').expect("an object").to_owned();
        let with = |more: &str| format!("{open},{more}}}");
        self.payload("an unknown name", true, with(r#""x":1"#).as_bytes());
        self.payload(
            "a name twice",
            false,
            with(r#""_type":"https://in-toto.io/Statement/v1""#).as_bytes(),
        );
        self.payload("NaN", false, with(r#""x":NaN"#).as_bytes());
        self.payload("a number that is none", false, with(r#""x":1e400"#).as_bytes());
        self.payload(
            "an integer of 20 digits",
            false,
            with(r#""x":12345678901234567890"#).as_bytes(),
        );
        self.payload("half a surrogate pair", false, with(r#""x":"\ud800""#).as_bytes());

        self.signed_at(true, &["2026-03-01T10:00:00+02:00", "2026-03-01T10:00:00.123456789Z"]);
        self.signed_at(
            false,
            &[
                "2026-03-01T10:00:00+0000",
                "2026-03-01T10:00:00+00",
                "2026-03-01T10:00:00+00:00[UTC]",
                "2026-03-01T10:00:00,5Z",
                "2026-03-01 10:00:00Z",
                "2026-03-01t10:00:00z",
                "2026-03-01T10:00Z",
                "20260301T100000Z",
                "2026-02-28T23:59:60Z",
                "2026-02-28T24:00:00Z",
                "2026-03-01T10:00:00",
                "2026-03-01T10:00:00+24:00",
                "2026-02-30T10:00:00Z",
                "9999-12-31T23:59:59Z",
                "",
            ],
        );
        self.said("a time that is a number", false, |it| it["predicate"]["signed_at"] = json!(0));
        self.said("no time", false, |it| it["predicate"]["signed_at"] = Value::Null);
        self.said("nobody", false, |it| it["predicate"]["signer"] = json!(""));
        self.said("a long name", false, |it| it["predicate"]["signer"] = json!("x".repeat(257)));
        self.said("no predicate", false, |it| it["predicate"] = Value::Null);
        self.said("another predicate", false, |it| {
            it["predicate"] = json!({"verdict": "rejected"})
        });
        self.said("another type", false, |it| it["predicateType"] = json!("urn:x:y"));
        self.said("an older statement", false, |it| {
            it["_type"] = json!("https://in-toto.io/Statement/v0.1")
        });

        let upper = self.id.trim_start_matches("sha256:").to_uppercase();
        self.said("capital digits", false, |it| {
            it["subject"][0]["digest"]["sha256"] = json!(upper)
        });
        self.said("no subject", false, |it| it["subject"] = json!([]));
        let beside = |name: &'static str, more: Value| (name, more);
        for (counts, (name, more)) in [
            (
                true,
                beside(
                    "a subject by another digest",
                    json!({"name": "x", "digest": {"sha512": "aa"}}),
                ),
            ),
            (true, beside("a subject without a digest", json!({"name": "x"}))),
            (false, beside("a subject whose digest is null", json!({"name": "x", "digest": null}))),
            (false, beside("a digest that is a number", json!({"digest": {"sha256": 5}}))),
            (false, beside("a digest that is a list", json!({"digest": {"sha256": ["a"]}}))),
            (false, beside("a digest that is short", json!({"digest": {"sha256": "aa"}}))),
        ] {
            self.said(name, counts, |it| {
                it["subject"].as_array_mut().expect("subjects").push(more.clone());
            });
        }
        self.said("too many subjects", false, |it| {
            it["subject"] = json!(vec![it["subject"][0].clone(); 1_001]);
        });
    }

    fn files(&mut self) {
        let material = "verificationMaterial";
        self.written("an unknown field", true, |it| it["x"] = json!(1));
        self.written("how v0.3 was first named", true, |it| {
            it["mediaType"] = json!("application/vnd.dev.sigstore.bundle+json;version=0.3");
        });
        for media in [
            "application/vnd.dev.sigstore.bundle+json;version=0.2",
            "application/vnd.dev.sigstore.bundlexyz",
        ] {
            self.written(media, false, |it| it["mediaType"] = json!(media));
        }
        self.written("time stamps that are null", true, |it| {
            it[material]["timestampVerificationData"] = Value::Null;
        });
        for (name, counts, tokens) in [
            ("no list of time stamps", true, json!({})),
            ("a list that is null", false, json!({"rfc3161Timestamps": null})),
            (
                "a time stamp that is none",
                true,
                json!({"rfc3161Timestamps": [{"signedTimestamp": "AAAA"}]}),
            ),
            (
                "a time stamp that is no base64",
                false,
                json!({"rfc3161Timestamps": [{"signedTimestamp": "!"}]}),
            ),
            (
                "too many time stamps",
                false,
                json!({"rfc3161Timestamps": vec![json!({"signedTimestamp": "AAAA"}); 17]}),
            ),
        ] {
            self.written(name, counts, |it| {
                it[material]["timestampVerificationData"] = tokens.clone()
            });
        }
        self.written("a certificate too", false, |it| {
            it[material]["certificate"] = json!({"rawBytes": "AAAA"})
        });
        self.written("a chain too", false, |it| it[material]["x509CertificateChain"] = json!({}));
        self.written("another kind of payload", false, |it| {
            it["dsseEnvelope"]["payloadType"] = json!("text/plain")
        });
        self.written("two signatures", false, |it| {
            let signatures = it["dsseEnvelope"]["signatures"].as_array_mut().expect("signatures");
            signatures.push(json!({"sig": "AAAA"}));
        });
        let digest = *self.key.public_key().id().0.as_bytes();
        for (name, counts, hint) in [
            ("a key in hexadecimal digits", true, hex(&digest)),
            ("a key in capital digits", false, hex(&digest).to_uppercase()),
            ("a key in base64", true, STANDARD.encode(digest)),
            ("a key without padding", false, STANDARD.encode(digest).replace('=', "")),
        ] {
            self.written(name, counts, |it| it[material]["publicKey"]["hint"] = json!(hint));
        }

        let right = self.statement().to_string();
        // Both letters that only one alphabet has.
        let payload = format!("{} ", right.replace(r#""ci""#, r#""ÿþ~ÿþ~ÿ>>>???""#));
        let text = STANDARD.encode(&payload);
        assert!(text.contains('+') && text.contains('/'), "{text}");
        for (name, counts, text) in [
            ("the other alphabet", true, URL_SAFE.encode(&payload)),
            ("two alphabets", false, text.replace('+', "-")),
            ("a line end in base64", false, format!("{text}\n")),
        ] {
            let mut file = self.file(payload.as_bytes());
            file["dsseEnvelope"]["payload"] = json!(text);
            self.cases.push((name.to_owned(), file.to_string().into_bytes(), counts));
        }
        let file = self.file(right.as_bytes()).to_string();
        self.cases.push((
            "a mark before the file".to_owned(),
            format!("\u{feff}{file}").into(),
            false,
        ));
        let twice = file.replacen(
            '{',
            r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","#,
            1,
        );
        self.cases.push(("a name twice in the file".to_owned(), twice.into(), false));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn strongroom_and_the_script_believe_the_same_files() {
    let server = S3Server::builder().bucket("evidence", BucketSettings::locked()).start_blocking();
    let (room, key) = room(Algorithm::Ed25519);
    let room = on(room, &server);
    let pushed = room.run(&["evidence", "push", "b.tar.gz", "--format", "json"]).exits(0).json();
    let id = pushed["bundle_id"].as_str().expect("an id").to_owned();
    let mut table = Table { key, id, cases: Vec::new() };
    table.statements();
    table.files();

    let folder = format!("team/attestations/{}", table.id);
    for (_, file, _) in &table.cases {
        let name = Sha256Digest::of(file).to_hex();
        server.bucket("evidence").put(&format!("{folder}/{name}.sigstore.json"), file.clone());
    }
    let prove = ["evidence", "prove", &table.id, "-o", "proof", "--trust-root", "trust.json"];
    let proof = room.run(&[&prove[..], &["--format", "json"]].concat()).exits(0).json();
    let (code, text) = check(&room.path("proof"));
    assert_eq!(code, 0, "{text}");
    let seen = proof["bundles"][0]["checked"]["signatures"].as_array().expect("signatures");
    assert_eq!(seen.len(), table.cases.len(), "each case is a file of its own");
    let mut wrong = Vec::new();
    for (name, file, counts) in &table.cases {
        let digest = Sha256Digest::of(file).to_hex();
        let is_it = |one: &&Value| one["source"].as_str().is_some_and(|at| at.contains(&digest));
        let here = seen.iter().find(is_it).cloned().unwrap_or_default();
        let there = text.lines().find(|line| line.contains(&digest)).unwrap_or_default();
        // An attestation is valid, and counts only where it is asked for.
        let counts_here = here["state"] == "valid" && here["predicate_type"] == EVIDENCE;
        if counts_here != *counts || there.starts_with("ok ") != *counts {
            wrong.push(format!("{name}: {here} here, and for the script {there}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whoever attests that they reject a bundle does not stand for it.
#[test]
fn an_attestation_cannot_pass_for_a_signature() {
    let (room, _key) = room(Algorithm::Ed25519);
    room.write("no.json", r#"{"verdict":"rejected"}"#);
    let attest = [
        "evidence",
        "attest",
        "b.tar.gz",
        "--predicate",
        "no.json",
        "--private-key",
        "key.pem",
        "-o",
        "s.json",
    ];
    let own = "urn:strongroom:attestation:evidence:v1";
    let refused = room.run(&[&attest[..], &["--type", own]].concat()).exits(2);
    assert!(refused.stderr.contains("evidence sign"), "{}", refused.stderr);
    assert!(!room.path("s.json").exists());
}
