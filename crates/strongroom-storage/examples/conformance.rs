//! Runs the conformance suite against a store of your own:
//!
//! ```text
//! cargo run -p strongroom-storage --features conformance --example conformance -- s3://bucket/prefix
//! ```
//!
//! Settings come from `STRONGROOM_STORE_ENDPOINT`, `_REGION`, `_PATH_STYLE`, `_ALLOW_HTTP`, `_CA`,
//! `_ACCESS_KEY`, `_SECRET_KEY`, and credentials otherwise from the provider's usual places. The
//! exit code is 0 when every case passed or was skipped, 12 when something was found, 2 for wrong
//! usage, 1 when the store cannot be opened.
//!
//! It writes below the prefix and cleans up. Locks that it sets are of mode governance and last 90
//! seconds, so the versions under them stay that long: they are listed at the end.

use std::process::ExitCode;

use strongroom_storage::Clock;
use strongroom_storage::conformance::{ConformanceOptions, run};
use strongroom_storage::open::{Secret, StaticCredentials, StoreSettings, open};

const USAGE: &str = "usage: conformance URL [--json] [--no-locks] [--accept-default-retention]

  URL                         s3://bucket/prefix, az://container/prefix, file:///path or memory://
  --json                      print the report as JSON
  --no-locks                  set no lock
  --accept-default-retention  write to a store that locks every write by itself";

const FINDINGS: u8 = 12;
const WRONG_USAGE: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    let mut options = ConformanceOptions::new(Clock::system());
    let mut url = None;
    let mut json = false;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--json" => json = true,
            "--no-locks" => options.set_locks = false,
            "--accept-default-retention" => options.accept_default_retention = true,
            _ if argument.starts_with('-') || url.is_some() => return wrong_usage(),
            _ => url = Some(argument),
        }
    }
    let Some(url) = url else { return wrong_usage() };
    let store = match open(&settings(url), options.clock.clone()).await {
        Ok(store) => store,
        Err(refused) => {
            eprintln!("error: {refused}");
            refused.guidance().into_iter().for_each(|guidance| eprintln!("help: {guidance}"));
            return ExitCode::FAILURE;
        }
    };
    let report = run(store.as_ref(), &options).await;
    match serde_json::to_string_pretty(&report) {
        Ok(text) if json => println!("{text}"),
        _ => print!("{report}"),
    }
    match report.findings().count() {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(FINDINGS),
    }
}

fn wrong_usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(WRONG_USAGE)
}

fn settings(url: String) -> StoreSettings {
    let is_true = |name| matches!(variable(name).as_deref(), Some("1" | "true" | "yes"));
    let path_style =
        variable("STRONGROOM_STORE_PATH_STYLE").map(|_| is_true("STRONGROOM_STORE_PATH_STYLE"));
    let keys = (variable("STRONGROOM_STORE_ACCESS_KEY"), variable("STRONGROOM_STORE_SECRET_KEY"));
    StoreSettings {
        url,
        endpoint: variable("STRONGROOM_STORE_ENDPOINT"),
        region: variable("STRONGROOM_STORE_REGION").or_else(|| variable("AWS_REGION")),
        path_style,
        allow_http: is_true("STRONGROOM_STORE_ALLOW_HTTP"),
        ca_file: variable("STRONGROOM_STORE_CA").map(Into::into),
        profile: variable("AWS_PROFILE"),
        credentials: match keys {
            (Some(access_key), Some(secret_key)) => Some(StaticCredentials {
                access_key,
                secret_key: Secret(secret_key),
                session_token: None,
            }),
            _ => None,
        },
        ..StoreSettings::default()
    }
}

#[allow(clippy::disallowed_methods)] // the one place of this program where the environment comes in
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
