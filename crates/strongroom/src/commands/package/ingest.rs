//! `strongroom package ingest`

use anyhow::Result;
use serde::Serialize;
use strongroom_registry::documents::LocalFilesAsk;
use uuid::Uuid;

use super::waiting::{self, Awaited};
use crate::cli::PackageIngestArgs;
use crate::client::{Client, new_key};
use crate::commands::Context;
use crate::output::{Block, count};

/// The schema that an ingestion is printed under.
const SCHEMA: &str = "strongroom.package-ingested/v1";
/// What is waited for.
const AWAITED: Awaited = Awaited {
    verb: "ingesting",
    steps: "files",
    failed: "not every file was ingested",
    help: "mend that and run the same again: what is stored is not stored twice",
};

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    package_id: Uuid,
    job_id: Uuid,
    state: String,
    files: u64,
}

/// Has the registry store files of a folder of its server.
pub async fn run(args: PackageIngestArgs, client: &Client, context: &Context) -> Result<()> {
    let ask = LocalFilesAsk { root: args.root, path: args.path, prefix: args.to };
    let mut job = client.ingest(args.package_id, &ask, &new_key(&context.clock)).await?;
    if !args.no_wait {
        job = waiting::done(job, &AWAITED, client, context).await?;
    }
    let document = Document {
        schema: SCHEMA,
        package_id: args.package_id,
        job_id: job.job_id,
        state: job.state,
        files: job.progress.done,
    };
    context.console.result(
        |console| {
            let ingested = match document.state.as_str() {
                "done" => count(document.files, "file was ingested", "files were ingested"),
                _ => "files are being ingested".to_owned(),
            };
            Block::new(ingested)
                .row("package", document.package_id.to_string())
                .row("job", document.job_id.to_string())
                .render(console)
        },
        &document,
    )
}
