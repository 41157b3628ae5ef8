//! The steps of a flow, counted: each can go wrong in each of the ways in which what is far away goes wrong, or be the
//! last one that a process takes.
//!
//! What takes steps hands each through [`Steps::take`]: a store by [`SteppedStore`](crate::SteppedStore), a
//! database by whatever seam it has.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use tokio::sync::Notify;

/// What somebody does in the middle of somebody else's flow.
pub type Meanwhile = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// What becomes of a step.
#[derive(Clone)]
pub enum What {
    /// It fails, and nothing was done.
    FailsBefore,
    /// It is done, or refused, and the answer is lost.
    AnswerLost,
    /// Nothing was done, and nothing ever comes back: the process ended.
    StopsBefore,
    /// Some of the bytes that it stores were taken, and nothing ever comes back. Of a step that stores none it is
    /// the same as [`What::StopsBefore`].
    StopsInside,
    /// It is done, and nothing ever comes back.
    StopsAfter,
    /// Somebody does this first.
    Meanwhile(Meanwhile),
}

impl What {
    /// Each way to go wrong.
    pub const ALL: [Self; 5] = [
        Self::FailsBefore,
        Self::AnswerLost,
        Self::StopsBefore,
        Self::StopsInside,
        Self::StopsAfter,
    ];

    /// Whether whoever takes the step hears of it.
    pub fn is_answered(&self) -> bool {
        !matches!(self, Self::StopsBefore | Self::StopsInside | Self::StopsAfter)
    }
}

impl fmt::Debug for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FailsBefore => "FailsBefore",
            Self::AnswerLost => "AnswerLost",
            Self::StopsBefore => "StopsBefore",
            Self::StopsInside => "StopsInside",
            Self::StopsAfter => "StopsAfter",
            Self::Meanwhile(_) => "Meanwhile",
        })
    }
}

/// A step, in words: the same flow taken again has the same ones.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Step {
    /// Who is asked for what.
    pub name: String,
    /// Whether anything may be otherwise after it.
    pub changes: bool,
}

impl Step {
    /// A step after which everything is as it was.
    pub fn asks(name: impl Into<String>) -> Self {
        Self { name: name.into(), changes: false }
    }

    /// A step after which something is otherwise.
    pub fn changes(name: impl Into<String>) -> Self {
        Self { name: name.into(), changes: true }
    }
}

/// Counts steps, and has one of them go wrong.
#[derive(Debug, Default)]
pub struct Steps {
    inner: Mutex<Inner>,
    stopped: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    taken: Vec<Step>,
    plan: Option<(usize, What)>,
    happened: bool,
}

impl Steps {
    /// Counts, and lets everything pass.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Counts from here, and has this become of the `nth` step, counted from 1; once.
    pub fn plan(&self, nth: usize, what: What) {
        *self.inner() = Inner { plan: Some((nth, what)), ..Inner::default() };
    }

    /// Counts from here, and lets everything pass.
    pub fn watch(&self) {
        *self.inner() = Inner::default();
    }

    /// The steps since the count began, by when they began. From here on everything passes.
    pub fn taken(&self) -> Vec<Step> {
        let mut inner = self.inner();
        inner.plan = None;
        std::mem::take(&mut inner.taken)
    }

    /// Whether what was planned came about. From here on everything passes.
    pub fn happened(&self) -> bool {
        let mut inner = self.inner();
        inner.plan = None;
        inner.happened
    }

    /// Waits for a step that never comes back.
    pub async fn stopped(&self) {
        self.stopped.notified().await;
    }

    /// Never comes back.
    pub async fn stop<T>(&self) -> T {
        self.stopped.notify_one();
        std::future::pending().await
    }

    /// Counts a step that begins, and tells what is to become of it: nothing, most of the time.
    pub fn begin(&self, step: Step) -> Option<What> {
        let mut inner = self.inner();
        inner.taken.push(step);
        let (nth, what) = inner.plan.take()?;
        if nth != inner.taken.len() {
            inner.plan = Some((nth, what));
            return None;
        }
        inner.happened = true;
        Some(what)
    }

    /// Takes a step as it was planned. `lost` is what a caller hears whose connection is gone.
    pub async fn take<T, E>(
        &self,
        step: Step,
        call: impl Future<Output = Result<T, E>>,
        lost: impl FnOnce() -> E,
    ) -> Result<T, E> {
        match self.begin(step) {
            None => call.await,
            Some(what) => self.go_wrong(what, call, lost).await,
        }
    }

    pub(crate) async fn go_wrong<T, E>(
        &self,
        what: What,
        call: impl Future<Output = Result<T, E>>,
        lost: impl FnOnce() -> E,
    ) -> Result<T, E> {
        match what {
            What::FailsBefore => Err(lost()),
            What::StopsBefore | What::StopsInside => self.stop().await,
            // A refusal is an answer too.
            What::AnswerLost => {
                drop(call.await);
                Err(lost())
            }
            What::StopsAfter => {
                drop(call.await);
                self.stop().await
            }
            What::Meanwhile(somebody) => {
                somebody().await;
                call.await
            }
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn a_refusal_is_lost_like_any_other_answer() {
        for answer in [Ok("done"), Err("refused")] {
            for (what, heard) in [
                (What::AnswerLost, Some(Err("lost"))),
                (What::FailsBefore, Some(Err("lost"))),
                (What::StopsAfter, None),
                (What::StopsBefore, None),
            ] {
                let steps = Steps::new();
                steps.plan(1, what.clone());
                let taken = steps.take(Step::asks("a"), async { answer }, || "lost");
                assert_eq!(taken.now_or_never(), heard, "{what:?} of {answer:?}");
                assert!(steps.happened());
            }
        }
    }
}
