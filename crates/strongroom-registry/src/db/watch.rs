//! Where a test stands between the database and whoever uses it, so that each use can fail, lose its answer, or be the
//! last thing that a process does.

use std::panic::Location;
use std::sync::Arc;

use futures::future::BoxFuture;

use super::error::DbError;

/// A use of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// A connection to read with.
    Read,
    /// A transaction, from its begin to its commit.
    Write,
}

/// What is answered instead of what was done. One that never ends is never answered.
pub type Instead = BoxFuture<'static, DbError>;

/// Sees each use of a database before it begins.
pub trait Watch: Send + Sync {
    /// `place` is the file that the use stands in. An error is answered, and nothing is done; whatever comes back is
    /// answered after it was done.
    fn begins(
        &self,
        what: Use,
        place: &'static str,
    ) -> BoxFuture<'_, Result<Option<Instead>, DbError>>;
}

/// One use of a database that may be watched.
pub(super) struct Watched {
    watch: Option<Arc<dyn Watch>>,
    what: Use,
    place: &'static Location<'static>,
}

impl Watched {
    pub(super) fn new(
        watch: Option<Arc<dyn Watch>>,
        what: Use,
        place: &'static Location<'static>,
    ) -> Self {
        Self { watch, what, place }
    }

    /// Does it, or what the watch says.
    pub(super) async fn pass<T, E>(self, done: impl Future<Output = Result<T, E>>) -> Result<T, E>
    where
        E: From<DbError>,
    {
        let Some(watch) = &self.watch else { return done.await };
        let instead = watch.begins(self.what, self.place.file()).await?;
        let answer = done.await?;
        match instead {
            None => Ok(answer),
            Some(instead) => Err(instead.await.into()),
        }
    }
}
