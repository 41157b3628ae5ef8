//! Every kind of secret is found where one is, and told by its own name; what only looks like one is not.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/planted.rs"]
mod planted;

use strongroom_core::secrets::{KINDS, Names, find_in, find_in_value, redacted};

fn kinds_in(text: &str) -> Vec<&'static str> {
    let mut kinds: Vec<_> = find_in(text).iter().map(|one| one.kind.id).collect();
    kinds.dedup();
    kinds
}

#[test]
fn every_kind_is_planted() {
    let mut planted: Vec<&str> = planted::secrets().iter().map(|(id, _)| *id).collect();
    let mut known: Vec<&str> =
        KINDS.iter().flat_map(|family| family.iter()).map(|kind| kind.id).collect();
    planted.sort_unstable();
    known.sort_unstable();
    assert_eq!(planted, known);
}

#[test]
fn each_is_found_once_by_its_own_name_wherever_it_stands() {
    for (id, secret) in planted::secrets() {
        let texts = [
            secret.clone(),
            format!("line one\nvalue {secret} and more\n"),
            format!("\"{secret}\""),
            format!("({secret})"),
            format!("größer {secret}\r\n"),
            format!("{{\"log\":\"line one\\n{secret}\"}}"),
            format!("key\\t{secret} x"),
            format!("\u{1b}[32m{secret} \u{1b}[0m"),
            format!("\\u001b[0;32m{secret} x"),
            format!("?q=%20{secret} x"),
            format!("\\u00e9{secret} x"),
        ];
        for text in texts {
            assert_eq!(kinds_in(&text), [id], "{text}");
            assert_eq!(find_in(&text).len(), 1, "{text}");
        }
    }
}

#[test]
fn what_only_looks_like_one_is_none() {
    for text in planted::near_misses() {
        assert_eq!(kinds_in(&text), Vec::<&str>::new(), "{text}");
    }
}

#[test]
fn a_redacted_text_holds_nothing_of_the_secret() {
    for (id, secret) in planted::secrets() {
        let shown = redacted(&format!("before {secret} after")).expect(id);
        assert!(shown.starts_with("before ") && shown.contains("[redacted]"), "{id}: {shown}");
        for part in planted::drawn(id) {
            assert!(!shown.contains(&part), "{id}: {shown}");
        }
    }
}

#[test]
fn every_other_form_is_found_and_hidden() {
    for (id, form, parts) in planted::forms() {
        let text = format!("before\n{form}\nafter");
        assert!(kinds_in(&text).contains(&id), "{id}: {:?} in {form}", kinds_in(&text));
        let shown = redacted(&text).expect(id);
        assert!(shown.starts_with("before\n") && shown.ends_with("after"), "{id}: {shown}");
        for part in parts {
            assert!(!shown.contains(&part), "{id}: {shown}");
        }
    }
}

#[test]
fn a_value_is_told_by_its_name() {
    for (id, name, value, _) in planted::given() {
        assert!(!kinds_in(&value).contains(&id), "{id} without its name");
        let mut names = Names::none();
        for step in ["metadata", name, "value"] {
            names.push(step);
        }
        let found = find_in_value(&names, &value);
        assert_eq!(
            found.iter().map(|one| one.kind.id).collect::<Vec<_>>(),
            [id],
            "{name}: {value}"
        );
        assert!(value.get(found[0].start..found[0].end).is_some_and(|part| part.len() >= 8));
    }
}
