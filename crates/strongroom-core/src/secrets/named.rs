//! Secrets that are told by the names that lead to them: in a field, and anywhere in a JSON value.

use std::ops::Range;

use serde_json::Value;

use super::places::{whole_places, without};
use super::{SecretFinder, SecretMatch, find_in};

/// Names of the value of a pair, in small letters, whose other half is the real name of it:
/// `{"name": "DB_PASSWORD", "value": …}`.
const VALUES_OF_PAIRS: [&str; 4] = ["value", "parametervalue", "defaultvalue", "val"];
/// Names of the other half.
const NAMES_OF_PAIRS: [&str; 5] = ["name", "key", "parameterkey", "variable", "id"];

/// The names that lead to a value, as far as they can make it a secret.
#[derive(Debug, Clone, Default)]
pub struct Names<'a>(Vec<Option<&'a str>>);

impl<'a> Names<'a> {
    /// None.
    pub fn none() -> Self {
        Self::default()
    }

    /// Goes a step further. What cannot tell of a secret takes part in nothing.
    pub fn push(&mut self, name: &'a str) {
        self.0.push(SecretFinder::shared().is_telling(name).then_some(name));
    }

    /// Goes back a step.
    pub fn pop(&mut self) {
        self.0.pop();
    }

    /// The nearest first.
    fn telling(&self) -> impl Iterator<Item = &'a str> {
        self.0.iter().rev().copied().flatten()
    }
}

/// Whether a member of this name holds the value of a pair.
pub fn is_value_of_a_pair(name: &str) -> bool {
    VALUES_OF_PAIRS.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Whether a member of this name holds the name of a pair.
pub fn is_name_of_a_pair(name: &str) -> bool {
    NAMES_OF_PAIRS.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// The name that another member of the object gives to this one.
pub fn name_of_pair<'a>(
    object: &'a serde_json::Map<String, Value>,
    member: &str,
) -> Option<&'a str> {
    if !is_value_of_a_pair(member) {
        return None;
    }
    object.iter().find(|(name, _)| is_name_of_a_pair(name)).and_then(|(_, value)| value.as_str())
}

/// The secrets in a text that is given to these names, by the order of their places.
pub fn find_in_value(names: &Names<'_>, text: &str) -> Vec<SecretMatch> {
    let mut found = find_in(text);
    for name in names.telling() {
        let before = format!("{}:\"", Value::from(name));
        let given = format!("{before}{text}\"");
        for one in find_in(&given) {
            let end = (one.end - before.len().min(one.end)).min(text.len());
            let start = one.start.saturating_sub(before.len());
            let is_told = |other: &SecretMatch| {
                (!one.kind.is_specific || other.kind.id == one.kind.id)
                    && other.start < end
                    && start < other.end
            };
            if start < end && !found.iter().any(is_told) {
                found.push(SecretMatch { kind: one.kind, start, end });
            }
        }
    }
    found.sort_by_key(|one| (one.start, one.end));
    found
}

/// The places of the secrets in a text that is given to these names.
pub fn places_in_value(names: &Names<'_>, text: &str) -> Vec<Range<usize>> {
    whole_places(text, &find_in_value(names, text))
}

/// A JSON value with every secret in its strings and numbers replaced; `None` where it holds none. A secret
/// in a name is left: it is in the value's text, where [`redacted`](super::redacted) finds it.
pub fn value_without_secrets<'a>(names: &mut Names<'a>, value: &'a Value) -> Option<Value> {
    match value {
        Value::String(text) => without(text, &places_in_value(names, text)).map(Value::String),
        Value::Number(number) => {
            let text = number.to_string();
            without(&text, &places_in_value(names, &text)).map(Value::String)
        }
        Value::Array(items) => {
            let mut redacted = items
                .iter()
                .enumerate()
                .filter_map(|(at, item)| value_without_secrets(names, item).map(|item| (at, item)));
            let first = redacted.next()?;
            let rest: Vec<_> = redacted.collect();
            let mut items = items.clone();
            std::iter::once(first).chain(rest).for_each(|(at, item)| items[at] = item);
            Some(Value::Array(items))
        }
        Value::Object(object) => {
            let mut redacted = Vec::new();
            for (name, member) in object {
                names.push(name_of_pair(object, name).unwrap_or(name));
                redacted.extend(value_without_secrets(names, member).map(|member| (name, member)));
                names.pop();
            }
            if redacted.is_empty() {
                return None;
            }
            let mut object = object.clone();
            redacted.into_iter().for_each(|(name, member)| {
                object.insert(name.clone(), member);
            });
            Some(Value::Object(object))
        }
        Value::Null | Value::Bool(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(value: &Value) -> String {
        let redacted = value_without_secrets(&mut Names::none(), value);
        redacted.unwrap_or_else(|| value.clone()).to_string()
    }

    #[test]
    fn a_value_is_hidden_wherever_the_name_stands_that_tells_of_it() {
        let secret = "Kv9mGQfI&dwwQyS";
        let key = "q7Zr2Lk9Wd4Xs8Bn3Vc6Mf1Hj5Tg0PyAuEoR";
        let values = [
            json!({"password": secret}),
            json!({"password": {"current": {"since": "2026", "is": secret}}}),
            json!({"passwords": ["public", secret]}),
            json!({"client_secret": {"value": key}}),
            json!({"env": [{"name": "DB_PASSWORD", "value": secret}]}),
            json!({"env": [{"value": secret, "Name": "DB_PASS"}]}),
            json!({"line": format!("{{\"password\":\"{secret}\"}}")}),
            json!({"db_password": 83_651_972_u64}),
        ];
        for value in values {
            let shown = shown(&value);
            assert!(shown.contains("[redacted]"), "{shown}");
            assert!(![secret, key, "83651972"].iter().any(|part| shown.contains(part)), "{shown}");
        }
    }

    #[test]
    fn what_is_no_secret_is_shown() {
        let values = [
            json!({"password": true, "pass": 12, "passed": 118, "token": null}),
            json!({"password": {"type": "string", "minLength": 12}}),
            json!({"env": [{"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db-1"}}}]}),
            json!({"secret_scan": {"digest": "0123456789abcdef0123456789abcdef01234567"}}),
        ];
        for value in values {
            assert_eq!(shown(&value), value.to_string());
        }
    }

    #[test]
    fn one_value_under_many_names_is_told_once() {
        let mut names = Names::none();
        for name in ["client_secret", "deploy_token", "api_key", "value"] {
            names.push(name);
        }
        let found = find_in_value(&names, "q7Zr2Lk9Wd4Xs8Bn3Vc6Mf1Hj5Tg0PyAuEoR");
        let kinds: Vec<&str> = found.iter().map(|one| one.kind.id).collect();
        assert_eq!(kinds, ["generic-api-key"]);
    }
}
