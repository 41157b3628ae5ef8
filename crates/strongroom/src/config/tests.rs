use std::path::Path;

use strongroom_storage::open::{Secret, StoreSettings};

use super::*;
use crate::cli;

/// The configuration of `strongroom evidence push x FLAGS…` under an environment and a file.
fn config(flags: &[&str], environment: impl Into<Environment>, file: &str) -> Config {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("strongroom.yaml");
    std::fs::write(&path, file).expect("written");
    let command = ["strongroom", "evidence", "push", "x"];
    let mut matches =
        cli::command().try_get_matches_from(command.iter().chain(flags)).expect("good flags");
    while let Some((_, inner)) = matches.remove_subcommand() {
        matches = inner;
    }
    Config::load(&matches, Some(path), environment.into()).expect("a configuration")
}

/// What a configuration says of a store.
fn choice(config: &Config) -> Result<StoreChoice, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(config.store())
}

fn store(config: &Config) -> StoreSettings {
    match choice(config).expect("a store") {
        StoreChoice::Named(settings) | StoreChoice::Embedded(settings) => *settings,
    }
}

fn refusal(config: &Config) -> String {
    choice(config).expect_err("refused").to_string()
}

#[test]
fn a_flag_beats_the_environment_beats_the_file_beats_the_default() {
    let file = "store:\n  url: s3://file\n  region: of-file\n  endpoint: https://file\n";
    let environment =
        [("STRONGROOM_STORE_REGION", "of-environment"), ("STRONGROOM_STORE_ENDPOINT", "https://e")];
    let config = config(&["--store-region", "of-flag"], environment, file);
    let origin = |setting| config.get(setting).expect("a value").origin.to_string();
    assert_eq!(store(&config).region.as_deref(), Some("of-flag"));
    assert_eq!(origin(&settings::REGION), "flag --store-region");
    assert_eq!(store(&config).endpoint.as_deref(), Some("https://e"));
    assert_eq!(origin(&settings::ENDPOINT), "environment STRONGROOM_STORE_ENDPOINT");
    assert_eq!(store(&config).url, "s3://file");
    assert!(origin(&settings::URL).ends_with("strongroom.yaml:2"));
    assert!(!store(&config).allow_http);
    assert_eq!(origin(&settings::ALLOW_HTTP), "default");
}

#[test]
fn our_own_names_beat_the_providers() {
    let environment = [
        ("AWS_REGION", "of-aws"),
        ("AWS_DEFAULT_REGION", "default-of-aws"),
        ("AWS_ENDPOINT_URL", "https://aws"),
        ("STRONGROOM_STORE_ENDPOINT", "https://ours"),
    ];
    let config = config(&["--store", "s3://a"], environment, "");
    assert_eq!(store(&config).region.as_deref(), Some("of-aws"));
    assert_eq!(store(&config).endpoint.as_deref(), Some("https://ours"));
}

#[test]
fn switches_are_read_wherever_they_stand() {
    let file = "store:\n  allow_http: true\n  path_style: false\n";
    let environment = [("STRONGROOM_STORE_PATH_STYLE", "yes")];
    let seen =
        store(&config(&["--store", "s3://a", "--store-allow-http=false"], environment, file));
    assert_eq!((seen.allow_http, seen.path_style), (false, Some(true)));
    let seen =
        store(&config(&["--store", "s3://a", "--store-allow-http"], Environment::default(), ""));
    assert!(seen.allow_http);
}

#[test]
fn bucket_and_prefix_make_the_url() {
    let file = "store:\n  bucket: evidence\n  prefix: team/a/\n";
    let of_the_file = config(&[], Environment::default(), file);
    assert_eq!(store(&of_the_file).url, "s3://evidence/team/a");
    let with_prefix = config(&["--store-prefix", "/b"], Environment::default(), file);
    assert_eq!(store(&with_prefix).url, "s3://evidence/b");
}

#[test]
fn what_a_weaker_layer_says_of_another_store_is_left_out() {
    let file = "store:\n  url: s3://evidence\n  prefix: team\n";
    let url = |flags: &[&str]| store(&config(flags, Environment::default(), file)).url;
    assert_eq!(url(&[]), "s3://evidence/team");
    assert_eq!(url(&["--store", "s3://other"]), "s3://other");
    assert_eq!(url(&["--store-bucket", "other"]), "s3://other");
}

#[test]
fn a_store_that_is_named_twice_in_one_layer_is_refused() {
    let config = config(&["--store", "s3://a", "--store-bucket", "b"], Environment::default(), "");
    assert_eq!(
        refusal(&config),
        "the store is named twice: by flag --store and by flag --store-bucket"
    );
}

#[test]
fn without_a_store_the_embedded_one_serves_but_not_on_a_build_machine() {
    let home = "XDG_DATA_HOME";
    let embedded = config(&[], [(home, "/srv/me/da ta"), ("CI", "")], "");
    assert!(matches!(choice(&embedded), Ok(StoreChoice::Embedded(_))));
    if cfg!(target_os = "linux") {
        assert_eq!(store(&embedded).url, "file:///srv/me/da%20ta/strongroom/store");
    }
    let on_a_build_machine = config(&[], [(home, "/srv/me"), ("CI", "true")], "");
    assert!(refusal(&on_a_build_machine).contains("CI is set"));
    assert!(choice(&config(&[], [(home, "/srv/me"), ("CI", "false")], "")).is_ok());
    let homeless = config(&[], Environment::default(), "");
    assert!(refusal(&homeless).contains("no home directory"));
}

#[test]
fn keys_come_outright_or_by_reference_and_never_by_halves() {
    let directory = tempfile::tempdir().expect("a directory");
    let secret = directory.path().join("secret");
    std::fs::write(&secret, "from-file\n").expect("written");
    let file = format!(
        "store:\n  url: s3://a\n  access_key_ref: env:MY_KEY\n  secret_key_ref: file:{}\n",
        secret.display()
    );
    let by_reference = store(&config(&[], [("MY_KEY", "key")], &file));
    let credentials = by_reference.credentials.expect("credentials");
    assert_eq!(credentials.access_key, "key");
    assert!(credentials.secret_key == Secret("from-file".into()));

    let outright = [
        ("STRONGROOM_STORE_ACCESS_KEY", "outright"),
        ("STRONGROOM_STORE_SECRET_KEY", "secret"),
        ("STRONGROOM_STORE_SESSION_TOKEN", "token"),
    ];
    let credentials = store(&config(&[], outright, &file)).credentials.expect("credentials");
    assert_eq!(credentials.access_key, "outright");
    assert!(credentials.session_token == Some(Secret("token".into())));

    let half = config(&[], [("STRONGROOM_STORE_ACCESS_KEY", "outright")], &file);
    assert!(refusal(&half).starts_with("only one of STRONGROOM_STORE_ACCESS_KEY"));
    let half = "store:\n  url: s3://a\n  access_key_ref: env:MY_KEY\n";
    let half = config(&[], [("MY_KEY", "key")], half);
    assert!(refusal(&half).starts_with("only one of store.access_key_ref"));
    assert!(
        store(&config(&["--store", "s3://a"], Environment::default(), "")).credentials.is_none()
    );
}

#[test]
fn openbao_is_found_by_its_own_variables_before_those_of_vault() {
    let file =
        "store:\n  url: s3://a\n  access_key_ref: env:K\n  secret_key_ref: bao:secret/data/s#key\n";
    let told = |environment: &[(&str, &str)]| {
        let pad = |at: usize| environment.get(at).copied().unwrap_or(("NOTHING", ""));
        refusal(&config(&[], [("K", "key"), pad(0), pad(1), pad(2)], file))
    };
    assert_eq!(told(&[]), "bao:secret/data/s#key: nothing says where OpenBao is");
    let vault = ("VAULT_ADDR", "http://127.0.0.1:1");
    assert_eq!(told(&[vault]), "bao:secret/data/s#key: there is no token for OpenBao");
    let unread = told(&[vault, ("BAO_TOKEN_PATH", "/nowhere/token")]);
    assert!(unread.contains("file:/nowhere/token could not be read"), "{unread}");
    let unreached = told(&[vault, ("VAULT_TOKEN", "hunter2")]);
    assert_eq!(unreached, "bao:secret/data/s#key: OpenBao cannot be reached");
    let ours = told(&[vault, ("BAO_TOKEN", "hunter2"), ("BAO_ADDR", "http://bao.example:8200")]);
    assert_eq!(ours, "bao:secret/data/s#key: OpenBao would be asked over plain http");
}

#[test]
fn a_secret_in_the_file_is_refused_with_its_line_and_not_repeated() {
    let file = "store:\n  url: s3://a\n  access_key_ref: env:K\n  secret_key_ref: hunter2hunter2\n";
    let refusal = refusal(&config(&[], [("K", "key")], file));
    assert!(refusal.contains("strongroom.yaml:4"), "{refusal}");
    assert!(!refusal.contains("hunter2"), "{refusal}");
}

#[test]
fn credentials_in_a_url_are_refused_and_not_repeated() {
    for flags in [
        ["--store", "s3://key:hunter2@bucket", "--store-region", "r"],
        ["--store", "s3://bucket", "--store-endpoint", "https://key:hunter2@host"],
        ["--store", "s3://bucket", "--store-public-endpoint", "https://key:hunter2@host"],
    ] {
        let refusal = refusal(&config(&flags, Environment::default(), ""));
        assert!(!refusal.contains("hunter2"), "{refusal}");
    }
}

#[test]
fn an_encryption_key_goes_with_kms_only() {
    let of = |flags: &[&str]| {
        let flags: Vec<&str> = ["--store", "s3://a"].iter().chain(flags).copied().collect();
        choice(&config(&flags, Environment::default(), "")).map(|_| ()).map_err(|e| e.to_string())
    };
    assert!(of(&["--store-sse", "aws:kms", "--store-kms-key-id", "k"]).is_ok());
    assert!(of(&["--store-sse", "AES256"]).is_ok());
    assert!(of(&["--store-sse", "AES256", "--store-kms-key-id", "k"]).is_err());
    assert!(of(&["--store-kms-key-id", "k"]).is_err());
    assert!(of(&["--store-sse", "rot13"]).is_err());
}

#[test]
fn how_to_push_is_configured_like_everything_else() {
    let file = "push:\n  lock: compliance\n  verify_on_push: false\n";
    let settings = config(&["--allow-unlocked"], [("STRONGROOM_PUSH_AUTO_PUSH", "1")], file)
        .push()
        .expect("settings");
    assert_eq!(settings.lock, LockMode::Compliance);
    assert!(!settings.lock_is_explicit && !settings.verify_on_push);
    assert!(settings.allow_unlocked && settings.auto_push);
    let refused = config(&["--lock", "forever"], Environment::default(), "").push();
    assert!(refused.expect_err("refused").to_string().contains("flag --lock"));
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let matches = cli::command().get_matches_from(["strongroom", "completions", "bash"]);
    let missing = Some(Path::new("/nowhere/strongroom.yaml").to_owned());
    let error = Config::load(&matches, missing, Environment::default()).expect_err("refused");
    assert!(error.to_string().starts_with("/nowhere/strongroom.yaml could not be read"));
}
