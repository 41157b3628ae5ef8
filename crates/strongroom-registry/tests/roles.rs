//! `docs/ROLES.md` says what the one function that decides says, cell by cell.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use std::fmt::Write as _;
use std::path::Path;

use strongroom_core::package::PackageStatus;
use strongroom_registry::auth::{Action, Role, Verdict, decide};

/// The page, made from the decisions.
fn page() -> String {
    let mut page = String::from(
        "# Who may do what\n\n\
         Made by a test from the function that decides (`crates/strongroom-registry/src/auth/authorize.rs`); another \
         asks the running\nservice each cell, by every route (`crates/strongroom-registry/tests/api/rights`). A token has \
         one role. What a\nrole may never do is answered with 403; what it may, but not in this state of the package, \
         with 409. A producer sees the\npackages that it made: any other is answered with 404, like one that was never \
         there. An administrator may do everything, and\nwhere two people are asked for, is one of them.\n\n",
    );
    page.push_str("| action |");
    for role in Role::ALL {
        write!(page, " {role} |").unwrap();
    }
    page.push_str(" in these states of a package |\n|---|");
    page.push_str(&"---|".repeat(Role::ALL.len() + 1));
    page.push('\n');
    for action in Action::ALL {
        write!(page, "| {} |", action.as_str()).unwrap();
        for role in Role::ALL {
            write!(page, " {} |", cell(role, action)).unwrap();
        }
        writeln!(page, " {} |", states(action)).unwrap();
    }
    page.push_str(
        "\nA token may be narrowed to one producer. Of packages it then reaches only those that name this producer: any \
         other is answered\nwith 404. It is not good for what reaches beyond them: ",
    );
    let beyond = Action::ALL
        .into_iter()
        .filter(|action| action.states().is_some() && !action.is_open_to_narrowed());
    let beyond: Vec<&str> = beyond.map(Action::as_str).collect();
    write!(
        page,
        "{}. Of the rest it is good for these, as far as its role is: ",
        beyond.join(", ")
    )
    .unwrap();
    let open: Vec<&str> = Action::ALL
        .into_iter()
        .filter(|action| action.states().is_none() && action.is_open_to_narrowed())
        .map(Action::as_str)
        .collect();
    writeln!(page, "{}.", open.join(", ")).unwrap();
    page
}

fn cell(role: Role, action: Action) -> &'static str {
    if decide(role, action, true, None) != Verdict::Allowed {
        "no"
    } else if role == Role::Producer && action.states().is_some() {
        "its own"
    } else {
        "yes"
    }
}

fn states(action: Action) -> String {
    let allowed: Vec<&str> = PackageStatus::ALL
        .iter()
        .filter(|status| decide(Role::Admin, action, true, Some(**status)) == Verdict::Allowed)
        .map(|status| status.as_str())
        .collect();
    match action.states() {
        None => "(about no one package)".to_owned(),
        Some(_) if allowed.len() == PackageStatus::ALL.len() => "any".to_owned(),
        Some(_) => allowed.join(", "),
    }
}

#[allow(clippy::disallowed_methods)] // where the environment comes in
fn is_asked_to_write() -> bool {
    std::env::vars_os().any(|(name, _)| name == "STRONGROOM_WRITE_EXPECTED")
}

#[test]
fn the_page_about_roles_is_what_is_decided() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ROLES.md");
    if is_asked_to_write() {
        std::fs::write(&path, page()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, page(), "STRONGROOM_WRITE_EXPECTED=1 makes it again");
}

#[test]
fn of_a_package_that_is_not_theirs_producers_learn_nothing_and_others_what_the_page_says() {
    for action in Action::ALL {
        for role in Role::ALL {
            for status in PackageStatus::ALL {
                let verdict = decide(role, action, false, Some(*status));
                let may = decide(role, action, true, None) == Verdict::Allowed;
                let in_state = action.states().is_none_or(|states| states.contains(status));
                let expected = match (role, may, in_state) {
                    (Role::Producer, _, _) => Verdict::Hidden,
                    (_, false, _) => Verdict::Forbidden,
                    (_, true, false) => Verdict::WrongState,
                    (_, true, true) => Verdict::Allowed,
                };
                assert_eq!(verdict, expected, "{role} {action:?} {status}");
            }
        }
    }
}
