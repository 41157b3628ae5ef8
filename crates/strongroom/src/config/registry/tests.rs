use std::collections::BTreeSet;

use super::*;
use crate::cli;
use crate::environment::Environment;

/// The configuration of `strongroom check-config FLAGS…` under an environment and a file that was named.
fn config(flags: &[&str], environment: impl Into<Environment>, file: &str) -> Config {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("strongroom.yaml");
    std::fs::write(&path, file).expect("written");
    let command = ["strongroom", "check-config"];
    let mut matches =
        cli::command().try_get_matches_from(command.iter().chain(flags)).expect("good flags");
    while let Some((_, inner)) = matches.remove_subcommand() {
        matches = inner;
    }
    Config::load(&matches, Some(path), environment.into()).expect("a configuration")
}

fn home() -> Environment {
    [("HOME", "/home/me")].into()
}

fn refused(config: &Config) -> Vec<String> {
    let refused = config.registry().expect_err("refused");
    refused.iter().map(ToString::to_string).collect()
}

#[test]
fn nothing_configured_is_what_the_registry_itself_takes_for_granted() {
    let choice = config(&[], home(), "").registry().expect("settings");
    let data_dir = choice.settings.data_dir.clone();
    let mut embedded =
        Settings::embedded(data_dir, strongroom_registry::config::LISTEN_DEFAULT.parse().unwrap());
    embedded.database_url = choice.settings.database_url.clone();
    assert_eq!(format!("{:?}", choice.settings), format!("{embedded:?}"));
    assert!(choice.settings.data_dir.ends_with("strongroom/registry"));
    assert!(choice.database.is_none() && !choice.is_api_only);
    let url = choice.settings.database_url.expect("an embedded one");
    assert!(url.reveal().starts_with("sqlite:/home/me/"), "{url:?}");
}

#[test]
fn every_key_can_stand_in_a_file_and_reaches_the_settings() {
    let file = "\
registry:
  listen: 0.0.0.0:1
  data_dir: /var/lib/strongroom
  database_url: postgres://strongroom@db/registry
  api_only: true
  worker_listen: 0.0.0.0:2
  deletion: {sweep_every_s: 2, grace_ticks: 3, delete_expired: false, clock_jump_max_s: 4}
  dual_control: {hold_release: true, early_deletion: true}
  local_ingestion: {roots: {nightly: /srv/nightly, builds: /srv/builds}}
  jobs:
    workers: 5
    lease_s: 16
    poll_every_ms: 107
    back_off_ms: 108
    attempts_max: 9
    objects_at_once: 10
  signing:
    key: openbao:transit/evidence@3
    signer: evidence-team
    openbao_url: https://bao.example:8200
    openbao_token_ref: file:/run/secrets/bao
    openbao_namespace: team
    timestamp_urls: https://tsa.example/tsr https://tsb.example
    service_ca: /etc/ca.pem
    service_allow_http: true
  connections: {at_once: 19, per_peer: 20, head_s: 21, idle_s: 22}
  downloads: {redirect: on_request, link_s: 25, redirect_from_bytes: 26}
  limits:
    json_bytes_max: 2048
    file_bytes_max: 12
    idle_body_s: 13
    idle_reader_s: 23
    request_s: 14
    requests_at_once: 15
    uploads_at_once: 16
    upload_lifetime_s: 61
    bundles_at_once: 24
    page_entries_max: 17
    drain_s: 18
  retention:
    allow_advisory_lock: true
    transient: {days: 1}
    raw-evidence: {days: 2, mode: compliance, lock: in_write, lock_required: true}
    summary-evidence: {lock: none}
    release-evidence: {days: 3650}
    permanent-record: {mode: compliance}
";
    let config = config(&[], home(), file);
    let choice = config.registry().expect("settings");
    assert!(choice.is_api_only);
    assert_eq!(choice.worker_listen, Some("0.0.0.0:2".parse().unwrap()));
    let mut told = format!("{:#?}", choice.settings);
    told.retain(|letter| !letter.is_whitespace());
    for part in [
        "listen:0.0.0.0:1",
        "\"/var/lib/strongroom\"",
        "DatabaseUrl(postgres:[redacted])",
        "sweep_every:2s",
        "grace_ticks:3",
        "delete_expired:false",
        "clock_jump_max:4s",
        "hold_release:true,early_deletion:true",
        "local_roots:{\"builds\":\"/srv/builds\",\"nightly\":\"/srv/nightly\",}",
        "workers:5",
        "lease:16s",
        "poll_every:107000000ns",
        "back_off:108000000ns",
        "attempts_max:9",
        "objects_at_once:10",
        "at_once:19,per_peer:20,head:21s,idle:22s",
        "redirects:OnRequest,link:25s,redirect_from_bytes:26",
        "idle_reader:23s",
        "bundles_at_once:24",
        "json_bytes_max:2048",
        "file_bytes_max:12",
        "idle_body:13s",
        "request:14s",
        "requests_at_once:15",
        "uploads_at_once:16",
        "upload_lifetime:61s",
        "page_entries_max:17",
        "drain:18s",
        "allow_advisory_lock:true",
        "class:Transient,days:Some(1,),mode:Governance,lock:None,lock_required:false",
        "class:RawEvidence,days:Some(2,),mode:Compliance,lock:InWrite,lock_required:true",
        "class:SummaryEvidence,days:Some(730,),mode:Governance,lock:None,lock_required:false",
        "class:ReleaseEvidence,days:Some(3650,),mode:Governance,lock:AtFinalize,lock_required:false",
        "class:PermanentRecord,days:None,mode:Compliance,lock:AtFinalize,lock_required:false",
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    let mut told = format!("{:#?}", choice.signing.expect("a key"));
    told.retain(|letter| !letter.is_whitespace());
    let service =
        |url: &str| format!("url:\"{url}\",allow_http:true,ca_file:Some(\"/etc/ca.pem\",)");
    for part in [
        "signer:\"evidence-team\"".to_owned(),
        "mount:\"transit\",name:\"evidence\",version:Some(3,)".to_owned(),
        service("https://bao.example:8200"),
        "File(\"/run/secrets/bao\",)".to_owned(),
        "namespace:Some(\"team\",)".to_owned(),
        service("https://tsa.example/tsr"),
        service("https://tsb.example"),
    ] {
        assert!(told.contains(&part), "{part} is not in {told}");
    }
    let untouched: Vec<&str> = config
        .registry_values()
        .iter()
        .filter(|shown| shown.value.as_ref().is_none_or(|value| value.origin == Origin::Default))
        .map(|shown| shown.key.setting.key)
        .filter(|key| !key.starts_with("registry.retention."))
        .collect();
    assert_eq!(
        untouched,
        [
            "registry.database_url_file",
            "registry.database_url_ref",
            // Of other places for a key.
            "registry.signing.passphrase_ref",
            "registry.signing.command_args",
            "registry.signing.public_key",
        ]
    );
}

#[test]
fn a_flag_beats_the_environment_beats_the_file() {
    let file = "registry:\n  listen: 127.0.0.1:1\n  jobs: {workers: 7, attempts_max: 3}\n";
    let environment = [
        ("HOME", "/home/me"),
        ("STRONGROOM_LISTEN", "127.0.0.1:2"),
        ("STRONGROOM_REGISTRY_JOBS_WORKERS", "8"),
        ("STRONGROOM_REGISTRY_RETENTION_RAW_EVIDENCE_DAYS", "30"),
        ("STRONGROOM_REGISTRY_LOCAL_INGESTION_ROOTS", "a=/srv/a,b=/srv/b"),
    ];
    let config = config(&["--listen", "127.0.0.1:3"], environment, file);
    let settings = config.registry().expect("settings").settings;
    assert_eq!(settings.listen.port(), 3);
    assert_eq!((settings.jobs.workers, settings.jobs.attempts_max), (8, 3));
    assert_eq!(settings.rules.of(RetentionClass::RawEvidence).days, Some(30));
    assert_eq!(settings.local_roots["b"], std::path::Path::new("/srv/b"));
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_its_place_and_its_bounds() {
    let file = "\
registry:
  listen: localhost
  worker_listen: 8641
  deletion: {grace_ticks: 0}
  local_ingestion: {roots: {nightly: srv/nightly}}
  jobs: {workers: 65}
  retention:
    transient: {lock_required: true}
    raw-evidence: {days: 0, mode: strict}
  downloads: {redirect: always, link_s: 301}
";
    let environment = [("HOME", "/home/me"), ("STRONGROOM_REGISTRY_LIMITS_DRAIN_S", "soon")];
    let told = refused(&config(&[], environment, file));
    let expected = [
        "registry.listen is an IP address and a port, such as 127.0.0.1:8640 (",
        "registry.worker_listen is an IP address and a port, such as 127.0.0.1:8640 (",
        "registry.retention.raw-evidence.days is a whole number of days, 1 to 36500 (",
        "registry.retention.raw-evidence.mode is one of governance, compliance (",
        "registry.retention.transient: a lock cannot be required where `lock` is `none`",
        "registry.deletion.grace_ticks is a whole number of ticks, 1 to 1000000 (",
        "registry.local_ingestion.roots: the folder of `nightly` is no absolute path (",
        "registry.downloads.redirect is one of never, on_request, by_default (",
        "registry.downloads.link_s is a whole number of seconds, 1 to 300 (",
        "registry.jobs.workers is a whole number of jobs, 1 to 64 (",
        "registry.limits.drain_s is a whole number of seconds, 1 to 3600 (environment STRONGROOM_REGISTRY_LIMITS_DRAIN_S)",
    ];
    for expected in expected {
        assert!(told.iter().any(|told| told.starts_with(expected)), "{expected}: {told:#?}");
    }
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    assert!(told.iter().any(|told| told.ends_with("strongroom.yaml:4)")), "{told:#?}");
}

#[test]
fn a_password_stands_in_the_environment_or_in_a_file_of_its_own_and_nowhere_else() {
    let url = "postgres://me:hunter2@db/registry";
    let told = refused(&config(&[], home(), &format!("registry:\n  database_url: {url}\n")));
    assert!(told[0].starts_with("a password does not stand in a configuration file"), "{told:?}");
    assert!(!told[0].contains("hunter2"), "{told:?}");
    let told = refused(&config(&["--database-url", url], home(), ""));
    assert!(told[0].starts_with("a password in an argument can be read"), "{told:?}");

    let environment = [("HOME", "/home/me"), ("STRONGROOM_DATABASE_URL", url)];
    let by_environment = config(&[], environment, "");
    let settings = by_environment.registry().expect("settings").settings;
    assert_eq!(settings.database_url.expect("known").reveal(), url);
    let shown = format!("{:?}", by_environment.registry_values());
    assert!(!shown.contains("hunter2") && shown.contains("[redacted]@db/registry"), "{shown}");

    let directory = tempfile::tempdir().expect("a directory");
    let secret = directory.path().join("url");
    std::fs::write(&secret, format!("{url}\n")).expect("written");
    let path = secret.to_str().expect("UTF-8");
    let by_file = config(&["--database-url-file", path], home(), "");
    let settings = by_file.registry().expect("settings").settings;
    assert_eq!(settings.database_url.expect("known").reveal(), url);
    assert!(!format!("{:?}", by_file.registry_values()).contains("hunter2"));

    let both = ["--database-url-file", path, "--database-url", "postgres://me@db/other"];
    let told = refused(&config(&both, home(), ""));
    assert!(told[0].starts_with("the database is named twice: by flag"), "{told:?}");
    let told = refused(&config(&["--database-url-file", "/nowhere/url"], home(), ""));
    assert!(told[0].contains("could not be read"), "{told:?}");
    let told = refused(&config(&["--database-url-ref", url], home(), ""));
    assert!(told[0].starts_with("registry.database_url_ref is file:PATH, env:NAME or bao:"));
    assert!(!told[0].contains("hunter2"), "{told:?}");
    let refers = config(&["--database-url-ref", "bao:secret/data/db#url"], home(), "");
    let choice = refers.registry().expect("settings");
    assert!(choice.settings.database_url.is_none() && choice.database_secret().is_some());
    let both = ["--database-url-file", path, "--database-url-ref", "env:URL"];
    let told = refused(&config(&both, home(), ""));
    assert!(told[0].starts_with("the database is named twice: by flag"), "{told:?}");

    std::fs::write(&secret, "one\ntwo\n").expect("written");
    let told = refused(&config(&["--database-url-file", path], home(), ""));
    assert!(told[0].contains("one line"), "{told:?}");
}

#[test]
fn each_key_has_its_own_name_in_the_environment_which_is_made_of_it() {
    let mut names = BTreeSet::new();
    let short = [
        "listen",
        "data_dir",
        "database_url",
        "database_url_file",
        "database_url_ref",
        "api_only",
        "worker_listen",
    ];
    for key in keys::all() {
        let [name] = key.setting.environment else { panic!("{}", key.setting.key) };
        let path = key.setting.key.strip_prefix("registry.").expect("of the section");
        let path = path.to_ascii_uppercase().replace(['.', '-'], "_");
        let expected = match short.contains(&path.to_ascii_lowercase().as_str()) {
            true => format!("STRONGROOM_{path}"),
            false => format!("STRONGROOM_REGISTRY_{path}"),
        };
        assert_eq!(**name, expected);
        assert!(names.insert(*name), "{name}");
    }
    assert_eq!(names.len(), 69);
}

#[test]
fn what_a_found_file_says_of_a_registry_has_no_say_and_is_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("strongroom.yaml");
    std::fs::write(&path, "registry:\n  listen: 0.0.0.0:1\n  jobs: {workers: 9}\n").unwrap();
    let text = std::fs::read(&path).unwrap();
    let mut config = config(&[], home(), "");
    config.files =
        vec![crate::config::file::of_bytes(&path, Some(text), FileKind::Found).expect("a file")];
    let settings = config.registry().expect("settings").settings;
    assert_eq!((settings.listen.port(), settings.jobs.workers), (8640, 4));
    let told = config.left_out_of_the_registry().expect("told");
    assert!(told.contains("no say in registry.listen, registry.jobs.workers"), "{told}");
}

/// The table of docs/REGISTRY.md is made of the keys: `STRONGROOM_WRITE_EXPECTED=1` writes it.
#[test]
fn the_documented_table_is_that_of_the_keys() {
    let mut table = String::from("| key | takes | default | |\n|---|---|---|---|\n");
    for key in keys::all() {
        let takes = match key.takes {
            Takes::Text(kind) => kind.to_owned(),
            Takes::Switch => "`true`, `false`".to_owned(),
            Takes::Whole(unit, least, most) => format!("{unit}, {least} to {most}"),
            Takes::OneOf(words) => {
                words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
            }
        };
        let default = key.setting.default.map(|text| format!("`{text}`")).unwrap_or_default();
        let name = key.setting.key.trim_start_matches("registry.");
        table.push_str(&format!("| `{name}` | {takes} | {default} | {} |\n", key.what));
    }
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/REGISTRY.md");
    let text = std::fs::read_to_string(page).expect("the page");
    let (begin, end) = ("<!-- keys: made from the code by a test -->\n", "<!-- end of keys -->");
    let (before, rest) = text.split_once(begin).expect("where the table begins");
    let (documented, after) = rest.split_once(end).expect("where it ends");
    #[allow(clippy::disallowed_methods)] // whether to write is asked of whoever runs the test
    let writes = std::env::var_os("STRONGROOM_WRITE_EXPECTED").is_some();
    if writes {
        std::fs::write(page, format!("{before}{begin}\n{table}\n{end}{after}")).expect("written");
        return;
    }
    assert_eq!(documented.trim(), table.trim(), "STRONGROOM_WRITE_EXPECTED=1 writes it");
}

fn signing(file: &str) -> SigningChoice {
    let file = format!("registry:\n  signing: {file}\n");
    config(&[], home(), &file).registry().expect("settings").signing.expect("a key")
}

#[test]
fn a_key_that_signs_is_in_a_file_behind_a_program_or_in_openbao() {
    let choice = signing("{key: file:/k.pem, passphrase_ref: env:PASS}");
    assert_eq!((choice.signer.as_str(), choice.authorities.len()), ("registry", 0));
    let KeyPlace::Private { key, passphrase } = choice.key else { panic!("{choice:?}") };
    assert_eq!(key.to_string(), "file:/k.pem");
    assert_eq!(passphrase.expect("one").to_string(), "env:PASS");
    let choice = signing("{key: 'command:/bin/sign', command_args: a  -b, public_key: /k.pub.pem}");
    let KeyPlace::Command { argv, public_key } = choice.key else { panic!("{choice:?}") };
    assert_eq!(argv, ["/bin/sign", "a", "-b"]);
    assert_eq!(public_key.to_str(), Some("/k.pub.pem"));
    let none = config(&[], home(), "").registry().expect("settings");
    assert!(none.signing.is_none(), "nothing signs unless it is told to");
}

#[test]
fn a_secret_that_stands_where_its_place_is_named_is_refused_and_never_shown() {
    for (file, told) in [
        ("{key: hunter2}", "registry.signing.key is file:PATH, env:NAME,"),
        ("{key: 'bao:secret/x#hunter2'}", "registry.signing.key is file:PATH, env:NAME,"),
        (
            "{key: file:/k.pem, passphrase_ref: hunter2}",
            "registry.signing.passphrase_ref is file:PATH, env:NAME or bao:PATH#FIELD, and never the secret",
        ),
        (
            "{key: openbao:transit/x, openbao_url: https://bao, openbao_token_ref: hunter2}",
            "registry.signing.openbao_token_ref is file:PATH or env:NAME, and never the secret",
        ),
    ] {
        let config = config(&[], home(), &format!("registry:\n  signing: {file}\n"));
        let refused = refused(&config);
        assert!(refused[0].starts_with(told) && refused.len() == 1, "{refused:?}");
        let shown = format!("{refused:?} {:?}", config.registry_values());
        assert!(!shown.contains("hunter2") && shown.contains("[redacted]"), "{shown}");
    }
}

#[test]
fn what_is_said_of_another_key_than_the_one_that_signs_is_refused() {
    for (file, told) in [
        ("{timestamp_urls: https://tsa}", "registry.signing.timestamp_urls: it signs nothing"),
        ("{public_key: /k.pem}", "registry.signing.public_key: it signs nothing without"),
        ("{key: env:K, public_key: /k}", "registry.signing.public_key: it goes with command:"),
        ("{key: env:K, openbao_url: u}", "registry.signing.openbao_url: it goes with openbao:"),
        ("{key: 'command:x'}", "registry.signing.public_key is needed, too"),
        ("{key: openbao:a/b, openbao_token_ref: env:T}", "registry.signing.openbao_url is needed"),
        ("{key: openbao:a/b, openbao_url: https://b}", "registry.signing.openbao_token_ref is n"),
        ("{key: env:K, signer: ''}", "registry.signing.signer is a name of 1 to 256 bytes"),
    ] {
        let refused = refused(&config(&[], home(), &format!("registry:\n  signing: {file}\n")));
        assert!(refused[0].starts_with(told) && refused.len() == 1, "{file}: {refused:?}");
    }
}
