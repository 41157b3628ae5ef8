//! A database that can be interrupted as a store can.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::{BoxFuture, ready};
use strongroom_registry::db::{DbError, DbErrorKind, Instead, Use, Watch};
use strongroom_testkit::steps::{Step, Steps, What};

/// A database of which each use is a step.
pub struct SteppedDb(pub Arc<Steps>);

impl Watch for SteppedDb {
    fn begins(
        &self,
        what: Use,
        place: &'static str,
    ) -> BoxFuture<'_, Result<Option<Instead>, DbError>> {
        async move {
            let place = place.rsplit_once("/src/").map_or(place, |(_, place)| place);
            let step = match what {
                Use::Read => Step::asks(format!("rows: read by {place}")),
                Use::Write => Step::changes(format!("rows: write by {place}")),
            };
            match self.0.begin(step) {
                None => Ok(None),
                Some(What::FailsBefore) => Err(lost()),
                Some(What::StopsBefore | What::StopsInside) => self.0.stop().await,
                Some(What::AnswerLost) => Ok(Some(ready(lost()).boxed())),
                Some(What::StopsAfter) => {
                    let steps = Arc::clone(&self.0);
                    Ok(Some(async move { steps.stop().await }.boxed()))
                }
                Some(What::Meanwhile(somebody)) => {
                    somebody().await;
                    Ok(None)
                }
            }
        }
        .boxed()
    }
}

fn lost() -> DbError {
    DbError::new(DbErrorKind::Unreachable, "the connection was lost")
}
