use serde_json::json;

use super::*;
use crate::bundle::{Producer, RetentionRequest};

fn token() -> String {
    ["ghp", "_", "q7Zr2Lk9Wd4Xs8Bn3Vc6Mf1Hj5Tg0PyAuEoR"].concat()
}

fn with_metadata(metadata: Value) -> Declarations {
    Declarations { metadata: metadata.as_object().cloned(), ..Declarations::default() }
}

/// The fields in which secrets were found.
#[track_caller]
fn fields(name: &str, declared: &Declarations) -> Vec<String> {
    match check(name, declared) {
        Ok(()) => Vec::new(),
        Err(DeclarationRefused::Secrets(secrets)) => {
            secrets.into_iter().map(|one| format!("{} {}", one.field, one.kind)).collect()
        }
        Err(other) => panic!("{other}"),
    }
}

#[track_caller]
fn refusal(name: &str, declared: &Declarations) -> (Refusal, String) {
    match check(name, declared) {
        Err(DeclarationRefused::Rule(error)) => (error.refusal(), error.to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_producers_declare_passes() {
    let declared = Declarations {
        producer: Some(Producer { name: "guide-board".into(), version: Some("0.4.1".into()) }),
        subject: Some("shop/checkout".into()),
        run_id: Some("2026-11-21-17".into()),
        retention: Some(RetentionRequest {
            class: Some("raw-evidence".into()),
            days: Some(365),
            legal_hold: Some(true),
        }),
        ..with_metadata(json!({
            "repo_slug": "shop/checkout",
            "source_commits": {"shop": "9b8aa39d6cf1f1c2b7a4e4c5b0c6e7f8a9b0c1d2"},
            "tool_versions": ["a 1.2", "b 3"],
            "notes": "two lines\nand a tab\t",
            "result_status": null,
        }))
    };
    assert_eq!(fields("nightly run", &declared), Vec::<String>::new());
}

#[test]
fn a_secret_is_refused_wherever_it_stands_and_is_told_by_its_place_and_kind() {
    let token = token();
    let nothing = Declarations::default();
    assert_eq!(fields(&token, &nothing), ["/name github-token"]);
    let subject = Declarations { subject: Some(format!("x {token}")), ..nothing.clone() };
    assert_eq!(fields("x", &subject), ["/subject github-token"]);
    let run = Declarations { run_id: Some(token.clone()), ..nothing.clone() };
    assert_eq!(fields("x", &run), ["/run_id github-token"]);
    let producer = Some(Producer { name: "x".into(), version: Some(token.clone()) });
    let producer = Declarations { producer, ..nothing };
    assert_eq!(fields("x", &producer), ["/producer/version github-token"]);
    let deep = with_metadata(json!({"steps": [{"log": "fine"}, {"log": format!("got {token}")}]}));
    assert_eq!(fields("x", &deep), ["/metadata/steps/1/log github-token"]);
    let named = with_metadata(json!({"a": {token.clone(): 1}}));
    assert_eq!(fields("x", &named), ["/metadata/a/[redacted] github-token"]);

    let refused = check("x", &deep).unwrap_err();
    assert!(!refused.to_string().contains(&token[4..]), "{refused}");
    assert!(!format!("{refused:?}").contains(&token[4..]));
    assert!(refused.guidance().is_some_and(|line| line.contains("revoke")));
}

#[test]
fn a_value_is_a_secret_by_the_name_that_it_is_given_to() {
    let password = with_metadata(json!({"database_password": "Tr0ub4dor&3x9Q"}));
    assert_eq!(fields("x", &password).len(), 1);
    let listed = with_metadata(json!({"database_password": ["Tr0ub4dor&3x9Q"]}));
    assert_eq!(fields("x", &listed).len(), 1);
    let innocent = with_metadata(json!({"database_name": "Tr0ub4dor&3x9Q"}));
    assert_eq!(fields("x", &innocent).len(), 0);
}

#[test]
fn a_value_is_a_secret_by_a_name_further_up_or_beside_it() {
    for (metadata, field) in [
        (
            json!({"db": {"password": {"current": "Tr0ub4dor&3x9"}}}),
            "/metadata/db/password/current",
        ),
        (
            json!({"env": [{"name": "DB_PASSWORD", "value": "Tr0ub4dor&3x9"}]}),
            "/metadata/env/0/value",
        ),
    ] {
        let told = fields("x", &with_metadata(metadata));
        assert!(told.iter().any(|told| told.starts_with(field)), "{told:?}");
    }
}

#[test]
fn a_refusal_names_a_bounded_number_of_secrets() {
    let many: Vec<String> = (0..DECLARED_SECRETS_MAX + 5).map(|_| token()).collect();
    assert_eq!(fields("x", &with_metadata(json!({"list": many}))).len(), DECLARED_SECRETS_MAX);
}

#[test]
fn the_path_of_a_file_is_looked_at_too() {
    let refused = check_text("path", &format!("logs/{}.log", token())).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "what is declared holds what looks like a secret: /path (GitHub token)"
    );
    assert!(check_text("path", "logs/run.log").is_ok());
}

#[test]
fn names_are_bounded_and_readable() {
    let nothing = Declarations::default();
    assert_eq!(refusal("", &nothing), (Refusal::Format, "name is empty".into()));
    assert_eq!(refusal("a\nb", &nothing).0, Refusal::Format);
    assert_eq!(
        refusal(&"é".repeat(129), &nothing),
        (Refusal::Limit, "name is over the limit NAME_BYTES_MAX: 256".into())
    );
    let subject = Declarations { subject: Some("\u{1b}[31m".into()), ..nothing };
    assert_eq!(refusal("x", &subject).1, "subject holds a control character");
}

#[test]
fn metadata_is_bounded_and_holds_no_control_characters() {
    let fits = "x".repeat(PACKAGE_METADATA_BYTES_MAX - r#"{"a":""}"#.len());
    assert!(check("x", &with_metadata(json!({"a": fits}))).is_ok());
    let (limit, message) = refusal("x", &with_metadata(json!({"a": format!("{fits}x")})));
    assert_eq!(limit, Refusal::Limit);
    assert!(message.contains("PACKAGE_METADATA_BYTES_MAX"), "{message}");
    for bad in [json!({"a": "nul\0"}), json!({"a": ["\u{1b}[2J"]}), json!({"a": {"b\n": 1}})] {
        assert_eq!(refusal("x", &with_metadata(bad)).0, Refusal::Format);
    }
    let deep = |depth: usize| (1..depth).fold(json!(1), |inner, _| json!([inner]));
    let deepest = json!({"a": deep(PACKAGE_METADATA_DEPTH_MAX)});
    assert!(check("x", &with_metadata(deepest)).is_ok());
    let deeper = json!({"a": deep(PACKAGE_METADATA_DEPTH_MAX + 1)});
    assert_eq!(refusal("x", &with_metadata(deeper)).0, Refusal::Limit);
    let many = json!({"a": vec![0; PACKAGE_METADATA_VALUES_MAX]});
    assert_eq!(refusal("x", &with_metadata(many)).0, Refusal::Limit);
    let exact = with_metadata(json!({"a": 9_007_199_254_740_993_u64}));
    assert_eq!(refusal("x", &exact).0, Refusal::Format, "not every reader keeps it");
}

#[test]
fn a_time_finer_than_what_is_kept_is_refused_with_what_to_do() {
    let declared = |time: &str| Declarations {
        created_at: Some(time.parse().unwrap()),
        ..Declarations::default()
    };
    for time in
        ["2026-11-21T12:00:00Z", "2026-11-21T12:00:00.123456Z", "1960-01-01T00:00:00.000001Z"]
    {
        assert_eq!(fields("run", &declared(time)), Vec::<String>::new(), "{time}");
    }
    for time in ["2026-11-21T12:00:00.1234567Z", "1960-01-01T00:00:00.000000001Z"] {
        let (kind, told) = refusal("run", &declared(time));
        assert_eq!(kind, Refusal::Format);
        assert!(told.starts_with("created_at is finer than a microsecond"), "{told}");
        let guidance = check("run", &declared(time)).unwrap_err().guidance().map(str::to_owned);
        assert!(guidance.is_some_and(|text| text.contains("six digits")), "{time}");
    }
}
