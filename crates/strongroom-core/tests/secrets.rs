//! Every kind of secret is found where one is, and told by its own name; what only looks like one is not.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/planted.rs"]
mod planted;

use strongroom_core::secrets::{KINDS, find_in, redacted};

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
