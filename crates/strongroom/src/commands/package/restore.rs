//! `strongroom package restore`: bytes that lie in an archive are asked for.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use strongroom_registry::documents::{RestoreAsk, RestoreDocument};
use uuid::Uuid;

use super::waiting::{self, Awaited};
use crate::cli::PackageRestoreArgs;
use crate::client::{Client, new_key};
use crate::commands::Context;
use crate::output::{Block, count};

/// The schema that a restore is printed under.
const SCHEMA: &str = "strongroom.package-restored/v1";
/// What is waited for first.
const AWAITED: Awaited = Awaited {
    verb: "asking the store",
    steps: "objects",
    failed: "not every object was asked for",
    help: "mend that and run the same again; an operator can see what the store answered",
};
/// How soon it is looked whether the bytes are there; twice as long before each further time.
const LOOK_FIRST: Duration = Duration::from_millis(250);
/// How seldom it is looked at most. A store takes minutes to days.
const LOOK_EVERY_MAX: Duration = Duration::from_mins(1);

/// How far it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    /// The store is being asked.
    Requested,
    /// The package can be pulled.
    Readable,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    package_id: Uuid,
    job_id: Uuid,
    status: Status,
    available: u64,
    awaited: u64,
    unobserved: u64,
}

/// Asks for a package's archived bytes, and waits for them where that is asked.
pub async fn run(args: PackageRestoreArgs, client: &Client, context: &Context) -> Result<()> {
    let (id, ask) = (args.package_id, RestoreAsk { days: args.days });
    let asked = client.restore(id, &ask, &new_key(&context.clock)).await?;
    let mut status = Status::Requested;
    if args.wait {
        waiting::done(client.job(asked.job_id).await?, &AWAITED, client, context).await?;
        readable(id, client, context).await?;
        status = Status::Readable;
    }
    let RestoreDocument { package_id, job_id, available, awaited, unobserved } = asked;
    let document =
        Document { schema: SCHEMA, package_id, job_id, status, available, awaited, unobserved };
    context.console.result(
        |console| {
            let headline = match status {
                Status::Requested => "the store is asked for what lies in its archive",
                Status::Readable => "the package can be pulled",
            };
            let files = |number| count(number, "file", "files");
            let block = Block::new(headline)
                .row("package", package_id.to_string())
                .row("job", job_id.to_string());
            if status == Status::Readable {
                return block.render(console);
            }
            block
                .row("with a copy", files(available))
                .row("archived", files(awaited))
                .row("not known", files(unobserved))
                .render(console)
        },
        &document,
    )?;
    if status == Status::Requested {
        context.console.note("it takes the store minutes to days: --wait waits for it, and `package pull` tells whether it is there");
    }
    Ok(())
}

/// Waits until the package can be pulled.
async fn readable(id: Uuid, client: &Client, context: &Context) -> Result<()> {
    let package = client.package(id).await?;
    let mut wait = LOOK_FIRST;
    while !client.can_be_pulled(&package).await? {
        if wait == LOOK_FIRST {
            context
                .console
                .note("the store was asked, and brings it: this waits until it is there");
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LOOK_EVERY_MAX);
    }
    Ok(())
}
