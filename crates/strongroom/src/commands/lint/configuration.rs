//! `strongroom-lint.yaml`: which rules are off, which weigh more or less, what is allowed in which files.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use serde::Deserialize;
use serde_saphyr::Spanned;
use strongroom_core::limits::{LINT_CONFIGURATION_BYTES_MAX, LINT_PATTERNS_MAX};
use strongroom_core::lint::{Allowed, Pattern, Regime, Rule, Settings, Severity, rule};

use super::rules;
use crate::bounded_file;
use crate::cli::FailOn;
use crate::config::refused_where;
use crate::exit::Exit;
use crate::failure::Failure;

const KNOWN: &str = "known here: fail_on, regime, rules.ID: off|note|warning|error, allow: a list of {paths, rules, reason}";

/// What a file says.
#[derive(Debug, Default)]
pub struct Configuration {
    pub settings: Settings,
    pub fail_on: Option<FailOn>,
    pub regime: Option<&'static Regime>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Document {
    fail_on: Option<Spanned<String>>,
    regime: Option<Spanned<String>>,
    rules: BTreeMap<String, Spanned<String>>,
    allow: Vec<Allow>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Allow {
    paths: Vec<Spanned<String>>,
    #[serde(default)]
    rules: Vec<Spanned<String>>,
    /// Why: for whoever reads the file. Something is allowed only where somebody says why.
    reason: Spanned<String>,
}

/// Reads a file.
pub fn read(path: &Path) -> Result<Configuration> {
    let (name, bytes_max) = ("LINT_CONFIGURATION_BYTES_MAX", LINT_CONFIGURATION_BYTES_MAX);
    let text = bounded_file::read_text(path, name, bytes_max)?;
    Ok(parse(path, &text)?)
}

fn parse(path: &Path, text: &str) -> Result<Configuration, Failure> {
    // An empty file, or one of comments only, is YAML's null.
    let document: Option<Document> =
        serde_saphyr::from_str(text).map_err(|error| refused_where(path, &error, KNOWN))?;
    let document = document.unwrap_or_default();
    let at =
        |line: u64, problem: &str| Failure::usage(format!("{}:{line}: {problem}", path.display()));
    let mut settings = Settings::default();
    for (id, word) in &document.rules {
        let line = word.referenced.line();
        let rule = known(id, |problem| at(line, problem))?;
        let severity =
            match word.value.as_str() {
                "off" => None,
                word => Some(word.parse::<Severity>().map_err(|_| {
                    at(line, "a rule is off, note, warning or error").with_help(KNOWN)
                })?),
            };
        settings.severities.insert(&*rule.id, severity);
    }
    let mut patterns = 0;
    for allow in &document.allow {
        let line = allow.reason.referenced.line();
        if allow.reason.value.trim().is_empty() {
            return Err(at(line, "the reason is empty").with_help("say why it is allowed"));
        }
        let rules = allow.rules.iter().map(|id| {
            let rule = known(&id.value, |problem| at(id.referenced.line(), problem))?;
            Ok::<&'static str, Failure>(&*rule.id)
        });
        let paths = allow.paths.iter().map(|pattern| {
            let line = pattern.referenced.line();
            Pattern::new(&pattern.value).map_err(|error| at(line, &error.to_string()))
        });
        let allowed = Allowed {
            rules: rules.collect::<Result<_, _>>()?,
            paths: paths.collect::<Result<_, _>>()?,
        };
        patterns += allowed.paths.len();
        settings.allowed.push(allowed);
    }
    if patterns > LINT_PATTERNS_MAX {
        let message = format!(
            "{}: more patterns than the limit LINT_PATTERNS_MAX: {LINT_PATTERNS_MAX}",
            path.display()
        );
        return Err(Failure::new(Exit::Limit, message));
    }
    let fail_on = document.fail_on.map(|word| {
        let unknown = || at(word.referenced.line(), "fail_on is error, warning, note or never");
        FailOn::named(&word.value).ok_or_else(unknown)
    });
    let regime = document.regime.map(|word| {
        let unknown = || {
            at(word.referenced.line(), "there is no regime of this name")
                .with_help("`strongroom evidence lint --rules` lists them")
        };
        Regime::named(&word.value).ok_or_else(unknown)
    });
    Ok(Configuration { settings, fail_on: fail_on.transpose()?, regime: regime.transpose()? })
}

/// The rule of this id, which must be there: what is mistyped would be off by nobody's will.
fn known(id: &str, refused: impl Fn(&str) -> Failure) -> Result<&'static Rule, Failure> {
    rule::rule(id).ok_or_else(|| {
        let help = rules::unknown(id).help().map(ToOwned::to_owned);
        refused("there is no rule of this id").with_help(help.unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        parse(Path::new("lint.yaml"), text).expect_err(text).to_string()
    }

    #[test]
    fn a_file_says_what_counts_and_what_is_allowed() {
        let text = "\
fail_on: warning
regime: eu-ai-act-19
rules:
  content.undeclared-media-type: off
  personal.email: error
allow:
  - paths: [\"fixtures/**\"]
    rules: [secret.private-key]
    reason: keys made for tests
";
        let read = parse(Path::new("lint.yaml"), text).expect("a good file");
        assert_eq!(read.fail_on, Some(FailOn::Warning));
        assert_eq!(read.regime.map(|regime| regime.name), Some("eu-ai-act-19"));
        assert_eq!(read.settings.severities["content.undeclared-media-type"], None);
        assert_eq!(read.settings.severities["personal.email"], Some(Severity::Error));
        assert_eq!(read.settings.allowed[0].rules, ["secret.private-key"]);
        assert!(parse(Path::new("lint.yaml"), "# nothing\n").is_ok());
    }

    #[test]
    fn what_is_not_known_is_refused_with_its_line() {
        let table = [
            ("rule:\n  a: off\n", "lint.yaml:1: unknown key `rule`"),
            ("rules:\n  secret.github-tokn: off\n", "lint.yaml:2: there is no rule of this id"),
            (
                "rules:\n  personal.email: loud\n",
                "lint.yaml:2: a rule is off, note, warning or error",
            ),
            ("fail_on: sometimes\n", "lint.yaml:1: fail_on is error, warning, note or never"),
            ("regime: mine\n", "lint.yaml:1: there is no regime of this name"),
            (
                "allow:\n  - paths: [/etc/**]\n    reason: why\n",
                "lint.yaml:2: a pattern of paths is relative, like `fixtures/**` or `*.pem`",
            ),
            (
                "allow:\n  - paths: [\"**\"]\n    rules: [secret.none]\n    reason: why\n",
                "lint.yaml:3: there is no rule of this id",
            ),
            ("allow:\n  - paths: [\"**\"]\n    reason: \"\"\n", "lint.yaml:3: the reason is empty"),
        ];
        for (text, told) in table {
            assert_eq!(refusal(text), told);
        }
        assert!(parse(Path::new("x"), "allow:\n  - paths: [a]\n").is_err(), "without a reason");
    }
}
