//! Changes of one package: asked for as they are, of a version (`If-Match`), and twice under one key (`Idempotency-Key`).

use axum::body::Body;
use axum::http::{Method, header};
use serde_json::{Value, json};

use super::reference::{Model, Refused};
use super::step::{How, Step};
use super::world::{World, agree};
use crate::app::{Answer, Client};

/// A change: who asks for it, where, and with which body.
struct Change {
    who: Client,
    path: String,
    body: Value,
}

impl Change {
    /// Asks for it, with one more header.
    async fn with(&self, name: &'static str, value: &str) -> Answer {
        let request = self
            .who
            .request(Method::POST, &self.path)
            .header(header::CONTENT_TYPE, "application/json")
            .header(name, value);
        let body = if self.body.is_null() { Body::empty() } else { self.body.to_string().into() };
        self.who.send(request.body(body).unwrap()).await
    }
}

impl Model {
    fn decide(&mut self, package: usize, step: &Step) -> Result<(), Refused> {
        match *step {
            Step::Finalize { .. } => self.finalize(package),
            Step::Abandon { .. } => self.abandon(package),
            Step::Extend { days, .. } => self.extend(package, days),
            Step::Hold { .. } => self.hold(package),
            Step::Release { hold, by, .. } => {
                let hold = hold % self.packages[package].holds.len();
                self.release(package, hold, by)
            }
            Step::ApproveRelease { hold, by, .. } => {
                let hold = hold % self.packages[package].holds.len();
                self.approve_release(package, hold, by)
            }
            Step::Delete { early, by, .. } => self.request_deletion(package, early, by),
            Step::ApproveDelete { by, .. } => self.approve_deletion(package, by),
            Step::Cancel { .. } => self.cancel_deletion(package),
            _ => unreachable!("it changes no package"),
        }
    }
}

impl World {
    /// How a change is asked for; none where there is no hold to be released.
    fn change(&self, package: usize, step: &Step, reason: &str) -> Option<Change> {
        let owner = &self.producers[self.model.packages[package].owner];
        let hold = |nth: usize| {
            let holds = &self.holds[package];
            (!holds.is_empty()).then(|| format!("retention/holds/{}", holds[nth % holds.len()]))
        };
        let why = json!({ "reason": reason });
        let (who, rest, body) = match *step {
            Step::Finalize { .. } => (owner, "finalize".to_owned(), Value::Null),
            Step::Abandon { .. } => (owner, "abandon".to_owned(), Value::Null),
            Step::Extend { days, .. } => {
                let ask = json!({ "days": days, "reason": reason });
                (&self.managers[0], "retention/extensions".to_owned(), ask)
            }
            Step::Hold { by, .. } => (&self.managers[by], "retention/holds".to_owned(), why),
            Step::Release { hold: nth, by, .. } => {
                (&self.managers[by], format!("{}/release", hold(nth)?), why)
            }
            Step::ApproveRelease { hold: nth, by, .. } => {
                (&self.managers[by], format!("{}/release/approve", hold(nth)?), Value::Null)
            }
            Step::Delete { early, by, .. } => {
                let ask = json!({ "reason": reason, "early": early });
                (&self.managers[by], "deletion".to_owned(), ask)
            }
            Step::ApproveDelete { by, .. } => {
                (&self.managers[by], "deletion/approve".to_owned(), Value::Null)
            }
            Step::Cancel { .. } => (&self.managers[0], "deletion/cancel".to_owned(), why),
            _ => unreachable!("it changes no package"),
        };
        Some(Change { who: who.clone(), path: self.path(package, &rest), body })
    }

    /// Asks for a change.
    pub(super) async fn ask(&mut self, package: usize, step: &Step) {
        let Some(change) = self.change(package, step, "a reason") else { return };
        let answer = change.who.post(&change.path, change.body).await;
        let expected = self.model.decide(package, step);
        self.heard(package, step, &answer, expected);
    }

    /// Asks for it under conditions.
    pub(super) async fn ask_under(&mut self, package: usize, step: &Step, how: How) {
        let Some(change) = self.change(package, step, "a reason") else { return };
        let before = self.model.clone();
        let expected = self.model.decide(package, step);
        match how {
            How::OfItsVersion => {
                let tag = format!("\"{}\"", self.version(package).await);
                let answer = change.with("if-match", &tag).await;
                self.heard(package, step, &answer, expected);
            }
            How::OfAnotherVersion => {
                self.model = before;
                let tag = format!("\"{}\"", self.version(package).await + 1);
                let problem = change.with("if-match", &tag).await.problem();
                let is_expected = |why| expected == Err(why);
                assert!(
                    problem == "precondition-failed" || is_expected(problem.as_str()),
                    "{problem}: {step:?}"
                );
            }
            How::Twice | How::WithAnotherBody => {
                let key = format!("once-{}", self.model.now);
                let answer = change.with("idempotency-key", &key).await;
                self.heard(package, step, &answer, expected);
                let again = change.with("idempotency-key", &key).await;
                agree(&again, expected);
                let made = |answer: &Answer| answer.json()["hold_id"].clone();
                assert_eq!(made(&again), made(&answer), "the same once more");
                if how == How::WithAnotherBody {
                    self.ask_otherwise(package, step, &key, &before, expected).await;
                }
            }
        }
    }

    /// Asks under a key that was used for another body.
    async fn ask_otherwise(
        &mut self,
        package: usize,
        step: &Step,
        key: &str,
        before: &Model,
        expected: Result<(), Refused>,
    ) {
        let Some(other) = self.change(package, step, "another reason") else { return };
        if other.body.is_null() {
            return;
        }
        let answer = other.with("idempotency-key", key).await;
        // What changes nothing uses no key.
        let uses_key = !(matches!(step, Step::Delete { .. }) && before.is_asked_to_go(package));
        match expected {
            Ok(()) if uses_key => agree::<()>(&answer, Err("idempotency-key-reused")),
            _ => agree(&answer, expected),
        }
    }

    fn heard(
        &mut self,
        package: usize,
        step: &Step,
        answer: &Answer,
        expected: Result<(), Refused>,
    ) {
        agree(answer, expected);
        if let (Step::Hold { .. }, Ok(())) = (step, expected) {
            self.holds[package].push(answer.field("hold_id").as_str().unwrap().parse().unwrap());
        }
    }

    async fn version(&self, package: usize) -> u64 {
        let path = format!("/packages/{}", self.ids[package]);
        self.auditor.get(&path).await.json()["version"].as_u64().unwrap()
    }
}
