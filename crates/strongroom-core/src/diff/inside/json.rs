//! JSON, value by value, each at its pointer (RFC 6901).

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value};

use super::lines::{Stretch, stretches};
use super::room::Room;
use super::shown::Shown;
use crate::secrets::{Names, name_of_pair};

/// What changed in a JSON document. Nothing did where only its spelling is another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ValueChanges {
    /// The values, as far as they are named.
    pub changes: Vec<ValueChange>,
    /// How many more there are.
    pub changes_unnamed: u64,
}

/// A value that was added, removed or replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ValueChange {
    /// Where it is in the candidate; in the base where it was removed. Empty for the whole document.
    pub pointer: Shown,
    /// Where it was in the base, where that is another place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_pointer: Option<Shown>,
    /// What it was, as JSON; absent where it was added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<Shown>,
    /// What it is; absent where it was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidate: Option<Shown>,
}

impl ValueChanges {
    /// Whether no value changed.
    pub fn is_none(&self) -> bool {
        self.changes.is_empty() && self.changes_unnamed == 0
    }
}

/// One step of a pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step<'a> {
    Name(&'a str),
    At(usize),
}

/// Holds two documents side by side, and names at most `named_max` changes.
pub(in crate::diff) fn between(
    base: &Value,
    candidate: &Value,
    named_max: usize,
    room: &mut Room,
) -> ValueChanges {
    let mut walk = Walk {
        found: ValueChanges::default(),
        named_max,
        room,
        base_path: Vec::new(),
        candidate_path: Vec::new(),
        names: Names::none(),
    };
    walk.both(base, candidate);
    walk.found
}

struct Walk<'a, 'r> {
    found: ValueChanges,
    named_max: usize,
    room: &'r mut Room,
    base_path: Vec<Step<'a>>,
    candidate_path: Vec<Step<'a>>,
    /// The names that lead there, on either side: what one of them makes a secret may be the other's value.
    names: Names<'a>,
}

impl<'a> Walk<'a, '_> {
    fn both(&mut self, base: &'a Value, candidate: &'a Value) {
        match (base, candidate) {
            _ if base == candidate => {}
            (Value::Object(left), Value::Object(right)) => self.objects(left, right),
            (Value::Array(left), Value::Array(right)) => self.arrays(left, right),
            _ => self.tell(Some(base), Some(candidate)),
        }
    }

    fn objects(&mut self, base: &'a Map<String, Value>, candidate: &'a Map<String, Value>) {
        let names: BTreeSet<&'a String> = base.keys().chain(candidate.keys()).collect();
        for name in names {
            let step = Step::Name(name.as_str());
            let of_pairs = [base, candidate].map(|object| name_of_pair(object, name));
            let names = of_pairs.map(|of_pair| of_pair.unwrap_or(name));
            names.iter().for_each(|name| self.names.push(name));
            self.at(step, step, |walk| match (base.get(name), candidate.get(name)) {
                (Some(left), Some(right)) => walk.both(left, right),
                (left, right) => walk.tell(left, right),
            });
            names.iter().for_each(|_| self.names.pop());
        }
    }

    /// Items that are equal stand for each other, in their order. Of those between, as many as went came
    /// in their places; where the numbers differ nobody knows which became which. Of too many items each
    /// is held against the one in its place.
    fn arrays(&mut self, base: &'a [Value], candidate: &'a [Value]) {
        let left: Vec<&Value> = base.iter().collect();
        let right: Vec<&Value> = candidate.iter().collect();
        let place_by_place = || {
            let both = left.len().min(right.len());
            vec![
                Stretch { base: 0..both, candidate: 0..both },
                Stretch { base: both..left.len(), candidate: both..right.len() },
            ]
        };
        for stretch in stretches(&left, &right, self.room).unwrap_or_else(place_by_place) {
            if stretch.base.len() == stretch.candidate.len() {
                for (left, right) in stretch.base.zip(stretch.candidate) {
                    self.at(Step::At(left), Step::At(right), |walk| {
                        walk.both(&base[left], &candidate[right]);
                    });
                }
                continue;
            }
            for at in stretch.base {
                self.at(Step::At(at), Step::At(at), |walk| walk.tell(Some(&base[at]), None));
            }
            for at in stretch.candidate {
                self.at(Step::At(at), Step::At(at), |walk| walk.tell(None, Some(&candidate[at])));
            }
        }
    }

    fn at(&mut self, base: Step<'a>, candidate: Step<'a>, look: impl FnOnce(&mut Self)) {
        self.base_path.push(base);
        self.candidate_path.push(candidate);
        look(self);
        self.base_path.pop();
        self.candidate_path.pop();
    }

    fn tell(&mut self, base: Option<&'a Value>, candidate: Option<&'a Value>) {
        if self.found.changes.len() >= self.named_max {
            self.found.changes_unnamed += 1;
            return;
        }
        let path = if candidate.is_some() { &self.candidate_path } else { &self.base_path };
        let moved = base.is_some() && candidate.is_some() && self.base_path != self.candidate_path;
        self.found.changes.push(ValueChange {
            pointer: pointer(path),
            base_pointer: moved.then(|| pointer(&self.base_path)),
            base: base.map(|value| Shown::of_value(&mut self.names, value)),
            candidate: candidate.map(|value| Shown::of_value(&mut self.names, value)),
        });
    }
}

fn pointer(path: &[Step<'_>]) -> Shown {
    let mut text = String::new();
    for step in path {
        text.push('/');
        match step {
            Step::Name(name) => text.push_str(&name.replace('~', "~0").replace('/', "~1")),
            Step::At(at) => text.push_str(&at.to_string()),
        }
    }
    Shown::of_text(&text)
}
