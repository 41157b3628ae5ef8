//! What flags declare about a bundle. All of it enters the manifest, and so the id.

use clap::ArgMatches;
use clap::parser::ValueSource;
use jiff::Timestamp;
use serde_json::{Map, Value};
use strongroom_core::bundle::{Declarations, Producer, RetentionRequest};

use super::Context;
use crate::cli::DeclarationArgs;
use crate::environment::Environment;
use crate::failure::Failure;

/// What [`DeclarationArgs`] leaves out, because a push means something else by it.
#[derive(Debug, Default)]
pub struct OfTheBundle {
    /// The run that made the evidence.
    pub run_id: Option<String>,
    /// Whether a legal hold is asked for.
    pub legal_hold: bool,
}

/// Reads the declarations.
pub fn declared(
    args: &DeclarationArgs,
    bundle: OfTheBundle,
    context: &Context,
) -> Result<Declarations, Failure> {
    let retention = RetentionRequest {
        class: args.retention_class.clone(),
        days: args.retention_days,
        legal_hold: bundle.legal_hold.then_some(true),
    };
    Ok(Declarations {
        producer: args.producer.as_deref().map(producer).transpose()?,
        subject: args.subject.clone(),
        run_id: bundle.run_id,
        created_at: match args.created_at {
            Some(created_at) => Some(created_at),
            None => source_date_epoch(context.config.environment())?,
        },
        retention: (retention != RetentionRequest::default()).then_some(retention),
        metadata: metadata(&metadata_lines(&args.metadata, &context.matches))?,
    })
}

/// `NAME[@VERSION]`: the version follows the last `@`, as names may hold one (`@scope/tool@1.2`).
fn producer(text: &str) -> Result<Producer, Failure> {
    let (name, version) = match text.rsplit_once('@') {
        Some((name, version)) if !name.is_empty() => (name, Some(version)),
        _ => (text, None),
    };
    if name.is_empty() || version.is_some_and(str::is_empty) {
        return Err(Failure::usage("--producer is NAME or NAME@VERSION, neither of them empty"));
    }
    Ok(Producer { name: name.to_owned(), version: version.map(ToOwned::to_owned) })
}

/// In the environment, several facts stand in one variable, one a line.
fn metadata_lines(given: &[String], matches: &ArgMatches) -> Vec<String> {
    if matches.value_source("metadata") != Some(ValueSource::EnvVariable) {
        return given.to_vec();
    }
    let lines = given.iter().flat_map(|text| text.lines());
    lines.filter(|line| !line.trim().is_empty()).map(ToOwned::to_owned).collect()
}

fn metadata(given: &[String]) -> Result<Option<Map<String, Value>>, Failure> {
    let mut facts = Map::new();
    for fact in given {
        let Some((key, value)) = fact.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            return Err(Failure::usage("--metadata is KEY=VALUE"));
        };
        if facts.insert(key.to_owned(), Value::String(value.to_owned())).is_some() {
            return Err(Failure::usage(format!("--metadata names the key `{key}` twice")));
        }
    }
    Ok((!facts.is_empty()).then_some(facts))
}

/// The time that reproducible builds agree on (reproducible-builds.org/specs/source-date-epoch).
fn source_date_epoch(environment: &Environment) -> Result<Option<Timestamp>, Failure> {
    let Some(text) = environment.text("SOURCE_DATE_EPOCH") else { return Ok(None) };
    let seconds = text.parse().ok().filter(|seconds| *seconds >= 0);
    let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map(Some).ok_or_else(|| {
        Failure::usage("SOURCE_DATE_EPOCH is not a number of seconds since 1970")
            .with_help("unset it, or declare the time with --created-at")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_producers_version_follows_the_last_at() {
        let table = [
            ("tool", "tool", None),
            ("tool@1.2", "tool", Some("1.2")),
            ("@scope/tool", "@scope/tool", None),
            ("@scope/tool@1.2", "@scope/tool", Some("1.2")),
        ];
        for (text, name, version) in table {
            let producer = producer(text).expect(text);
            assert_eq!((producer.name.as_str(), producer.version.as_deref()), (name, version));
        }
        assert!(producer("").is_err() && producer("tool@").is_err());
    }

    #[test]
    fn metadata_is_text_under_keys_that_differ() {
        let facts = metadata(&["a=1".into(), "b=x=y".into(), "c=".into()]).expect("facts");
        let facts = Value::Object(facts.expect("some"));
        assert_eq!(facts, serde_json::json!({"a": "1", "b": "x=y", "c": ""}));
        assert!(metadata(&["a=1".into(), "a=2".into()]).is_err());
        assert!(metadata(&["a".into()]).is_err() && metadata(&["=a".into()]).is_err());
        assert_eq!(metadata(&[]), Ok(None));
    }

    #[test]
    fn source_date_epoch_is_seconds_or_refused() {
        let at = |text| source_date_epoch(&Environment::from([("SOURCE_DATE_EPOCH", text)]));
        let noon = Timestamp::from_second(1_795_262_400).expect("a time");
        assert_eq!(at("1795262400"), Ok(Some(noon)));
        assert_eq!(at(""), Ok(None));
        assert!(at("yesterday").is_err() && at("-1").is_err());
    }
}
