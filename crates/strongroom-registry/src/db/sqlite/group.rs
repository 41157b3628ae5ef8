//! The writer's task: takes what is queued, commits it together, answers.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::sqlite::SqlitePool;
use tokio::sync::{mpsc, oneshot};

use super::super::error::{DbError, DbErrorKind};
use super::super::limits;
use super::super::session::Tx;

pub(super) enum Message {
    Write(Box<dyn Queued>),
    /// Commit what came before, take no more, say when the file is closed.
    Close(oneshot::Sender<()>),
}

/// A write in the queue.
pub(super) trait Queued: Send {
    /// Whether anyone still waits for it.
    fn is_wanted(&self) -> bool;
    /// Runs it, keeps its answer, and tells whether what it did shall stay.
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, bool>;
    /// Gives its answer, unless the commit failed.
    fn answer(self: Box<Self>, committed: Result<(), DbError>);
}

pub(super) struct QueuedWrite<I, T, E, F> {
    input: I,
    work: F,
    outcome: Option<Result<T, E>>,
    answer: oneshot::Sender<Result<T, E>>,
}

impl<I, T, E, F> QueuedWrite<I, T, E, F> {
    pub(super) fn new(input: I, work: F, answer: oneshot::Sender<Result<T, E>>) -> Self {
        Self { input, work, outcome: None, answer }
    }
}

impl<I, T, E, F> Queued for QueuedWrite<I, T, E, F>
where
    I: Send + Sync,
    T: Send,
    E: From<DbError> + Send,
    F: for<'t> Fn(&'t mut Tx, &'t I) -> BoxFuture<'t, Result<T, E>> + Send + Sync,
{
    fn is_wanted(&self) -> bool {
        !self.answer.is_closed()
    }

    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, bool> {
        Box::pin(async move {
            tx.forget_failures();
            let work =
                AssertUnwindSafe(async { (self.work)(tx, &self.input).await }).catch_unwind();
            let limit = Duration::from_millis(limits::WRITE_RUN_MS_MAX);
            let outcome = match tokio::time::timeout(limit, work).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_panic)) => Err(failed("a write ended in a panic").into()),
                Err(_elapsed) => Err(failed("a write took longer than any may").into()),
            };
            let outcome = outcome.and_then(|value| {
                tx.refuse_if_failed()?;
                Ok(value)
            });
            let stays = outcome.is_ok();
            self.outcome = Some(outcome);
            stays
        })
    }

    fn answer(self: Box<Self>, committed: Result<(), DbError>) {
        let answer = match committed {
            Ok(()) => self.outcome.unwrap_or_else(|| Err(failed("a write was not run").into())),
            Err(error) => Err(error.into()),
        };
        // Nobody listens when the caller stopped waiting.
        let _ = self.answer.send(answer);
    }
}

fn failed(message: &'static str) -> DbError {
    DbError::new(DbErrorKind::Failed, message)
}

/// Serves the queue until it is closed.
pub(super) async fn commit_groups(pool: SqlitePool, mut queue: mpsc::Receiver<Message>) {
    let mut tx = None;
    let mut closing = None;
    while let Some(message) = queue.recv().await {
        let first = match message {
            Message::Write(write) if !write.is_wanted() => continue,
            Message::Write(write) => write,
            Message::Close(done) => {
                queue.close();
                closing = Some(done);
                continue;
            }
        };
        let mut open = match tx.take() {
            Some(open) => open,
            None => match pool.acquire().await {
                Ok(connection) => Tx::sqlite(connection),
                Err(error) => {
                    first.answer(Err(DbError::of_connection(error)));
                    continue;
                }
            },
        };
        let mut group = Group { writes: Vec::new(), closing: None };
        let committed = group.commit(&mut open, first, &mut queue).await;
        if let Some(done) = group.closing.take() {
            queue.close();
            closing = Some(done);
        }
        // A transaction may still be open in a connection that failed: it is not used again.
        match &committed {
            Ok(()) => tx = Some(open),
            Err(_) => open.give_up().await,
        }
        for write in group.writes {
            write.answer(committed.as_ref().map(|_| ()).map_err(DbError::again));
        }
        if let Err(error) = committed {
            tracing::error!(%error, cause = ?std::error::Error::source(&error), "a commit failed");
        }
    }
    drop(tx);
    pool.close().await;
    if let Some(done) = closing {
        // Whoever closed may be gone.
        let _ = done.send(());
    }
}

/// Writes of one transaction.
struct Group {
    writes: Vec<Box<dyn Queued>>,
    closing: Option<oneshot::Sender<()>>,
}

impl Group {
    /// Runs `first` and whatever is queued meanwhile, and commits. An error concerns all of them.
    ///
    /// Few writes fail, so none has a savepoint at first, which would be two statements more for each. Where one does
    /// fail, all is undone and all run again, each under one.
    async fn commit(
        &mut self,
        tx: &mut Tx,
        first: Box<dyn Queued>,
        queue: &mut mpsc::Receiver<Message>,
    ) -> Result<(), DbError> {
        self.writes.push(first);
        control(tx, "BEGIN IMMEDIATE").await?;
        let mut ran = 0;
        while let Some(write) = self.writes.get_mut(ran) {
            if !write.run(tx).await {
                control(tx, "ROLLBACK").await?;
                return self.commit_one_by_one(tx).await;
            }
            ran += 1;
            self.take_one(queue);
        }
        control(tx, "COMMIT").await
    }

    /// Queues up one more write, if one waits and there is room.
    fn take_one(&mut self, queue: &mut mpsc::Receiver<Message>) {
        while self.closing.is_none() && self.writes.len() < limits::WRITES_IN_GROUP_MAX {
            match queue.try_recv() {
                Ok(Message::Write(write)) if !write.is_wanted() => {}
                Ok(Message::Write(write)) => return self.writes.push(write),
                Ok(Message::Close(done)) => self.closing = Some(done),
                Err(_) => return,
            }
        }
    }

    /// Runs each write, also the one that failed: what it was refused by was undone. Commits what stays.
    async fn commit_one_by_one(&mut self, tx: &mut Tx) -> Result<(), DbError> {
        control(tx, "BEGIN IMMEDIATE").await?;
        for write in &mut self.writes {
            control(tx, "SAVEPOINT one_write").await?;
            if !write.run(tx).await {
                control(tx, "ROLLBACK TO one_write").await?;
            }
            control(tx, "RELEASE one_write").await?;
        }
        control(tx, "COMMIT").await
    }
}

async fn control(tx: &mut Tx, statement: &'static str) -> Result<(), DbError> {
    tx.control(statement).await
}
