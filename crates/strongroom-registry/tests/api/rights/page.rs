//! The table of `docs/ROLES.md`.

use std::collections::BTreeMap;
use std::path::Path;

use strongroom_core::package::PackageStatus;
use strongroom_registry::auth::Role;

/// A line: who may do something, and to packages in which states.
#[derive(Debug)]
pub struct Line {
    roles: Vec<String>,
    /// Every state, where it is about no one package.
    pub states: Vec<PackageStatus>,
}

impl Line {
    /// Whether somebody of the role may; a producer: to packages of its own.
    pub fn allows(&self, role: Role) -> bool {
        let column = Role::ALL.iter().position(|other| *other == role).unwrap();
        match self.roles[column].as_str() {
            "yes" | "its own" => true,
            "no" => false,
            other => panic!("{other}: neither yes nor no"),
        }
    }
}

/// The page.
#[derive(Debug)]
pub struct Page {
    /// The lines, by their actions.
    lines: BTreeMap<String, Line>,
    /// What is about no one producer, and what a token is good for that is narrowed to one.
    open: Vec<String>,
}

impl Page {
    pub fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ROLES.md");
        let text = std::fs::read_to_string(path).unwrap();
        let mut rows = text.lines().filter(|line| line.starts_with('|')).map(|line| {
            line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>()
        });
        let head = rows.next().unwrap();
        assert_eq!(head[1..=Role::ALL.len()], Role::ALL.map(|role| role.as_str().to_owned()));
        let lines = rows.skip(1).map(|cells| {
            let states = match cells[Role::ALL.len() + 1].as_str() {
                "any" | "(about no one package)" => PackageStatus::ALL.to_vec(),
                listed => listed.split(", ").map(|state| state.parse().unwrap()).collect(),
            };
            (cells[0].clone(), Line { roles: cells[1..=Role::ALL.len()].to_vec(), states })
        });
        let (_, open) = text.rsplit_once("as far as its role is: ").unwrap();
        let open = open.trim_end().trim_end_matches('.').split(", ").map(str::to_owned);
        Self { lines: lines.collect(), open: open.collect() }
    }

    /// Whether a token that is narrowed to one producer is good for it.
    pub fn is_open(&self, action: &str) -> bool {
        self.open.iter().any(|open| open == action)
    }

    pub fn line(&self, action: &str) -> &Line {
        self.lines.get(action).unwrap_or_else(|| panic!("no line about: {action}"))
    }
}
