//! `secret.…`: one rule for each kind of secret.

use std::borrow::Cow;

use crate::lint::finding::Findings;
use crate::lint::place::{Place, Spot};
use crate::lint::rule::Rule;
use crate::lint::severity::Severity;
use crate::secrets::{KINDS, Names, SecretKind, find_in, find_in_value};

/// The rules of this family.
pub(in crate::lint) fn rules() -> Vec<Rule> {
    KINDS.iter().flat_map(|family| family.iter()).map(rule).collect()
}

fn rule(kind: &'static SecretKind) -> Rule {
    let how = match kind.is_specific {
        true => "It is told by its shape, which its issuer or its standard describes",
        false => {
            "It is told by the name that it is given to and by looking drawn at random, so it may be none"
        }
    };
    let explanation = format!(
        "Evidence is kept for years, copied, and cannot be deleted while it is locked: a secret in it is out for \
         good. {how}: {}. Revoke it where it was issued, first of all; then keep it from the output of \
         the run and bundle again. If it is known to be none, or to be worth nothing, allow it in the \
         configuration by the path of the file.",
        kind.documentation
    );
    Rule {
        id: Cow::Owned(id_of(kind)),
        severity: if kind.is_specific { Severity::Error } else { Severity::Warning },
        summary: Cow::Owned(format!("Secret: {}", kind.name)),
        explanation: Cow::Owned(explanation),
    }
}

fn id_of(kind: &SecretKind) -> String {
    format!("secret.{}", kind.id)
}

/// Looks for secrets in a name. `path` is that of the file, if it is one's name.
pub(in crate::lint) fn check(
    text: &str,
    place: &dyn Fn() -> Place,
    path: Option<&str>,
    findings: &mut Findings,
) {
    let whose = if path.is_some() { "the name of a file " } else { "" };
    for one in find_in(text) {
        let message = format!("{whose}holds what looks like a secret: {}", one.kind.name);
        findings.add(&id_of(one.kind), place(), path, message);
    }
}

/// Looks for secrets in the value of a field, to which these names lead.
pub(in crate::lint) fn check_value(
    names: &Names<'_>,
    text: &str,
    place: &dyn Fn() -> Place,
    findings: &mut Findings,
) {
    for one in find_in_value(names, text) {
        let message = format!("holds what looks like a secret: {}", one.kind.name);
        findings.add(&id_of(one.kind), place(), None, message);
    }
}

/// Takes a secret that was found in the content of a file.
pub(in crate::lint) fn in_file(
    kind: &'static SecretKind,
    spot: Spot,
    path: &str,
    shown_path: &str,
    findings: &mut Findings,
) {
    let place = Place::File { path: shown_path.to_owned(), spot: Some(spot) };
    let message = format!("holds what looks like a secret: {}", kind.name);
    findings.add(&id_of(kind), place, Some(path), message);
}
