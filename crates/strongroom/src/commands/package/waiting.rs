//! The wait for a job of a registry's.

use std::time::Duration;

use anyhow::Result;
use strongroom_registry::documents::JobDocument;

use crate::client::Client;
use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Counter;

/// How soon it is asked how far a job is; twice as long before each further time.
const LOOK_FIRST: Duration = Duration::from_millis(25);
/// How seldom it is asked at most.
const LOOK_EVERY_MAX: Duration = Duration::from_millis(500);

/// What is waited for, in words.
pub struct Awaited {
    /// What is being done.
    pub verb: &'static str,
    /// What a step is, of several.
    pub steps: &'static str,
    /// What is so where the job failed.
    pub failed: &'static str,
    /// What can be done about it.
    pub help: &'static str,
}

/// Waits for a job to end well.
pub async fn done(
    mut job: JobDocument,
    awaited: &Awaited,
    client: &Client,
    context: &Context,
) -> Result<JobDocument> {
    let counter = Counter::new(context.console.shows_progress(), awaited.verb, awaited.steps);
    let mut wait = LOOK_FIRST;
    loop {
        match job.state.as_str() {
            "done" => return Ok(job),
            "failed" => {
                let why = job.error.unwrap_or_else(|| "the registry does not say why".to_owned());
                // Where no step was done, nothing was.
                let exit = if job.progress.done > 0 { Exit::Partial } else { Exit::Failed };
                return Err(Failure::new(exit, format!("{}: {why}", awaited.failed))
                    .with_help(awaited.help)
                    .into());
            }
            _ => tokio::time::sleep(wait).await,
        }
        wait = (wait * 2).min(LOOK_EVERY_MAX);
        job = client.job(job.job_id).await?;
        counter.set(job.progress.done);
    }
}
