//! The built program beside a server that counts what it asks.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use strongroom_testkit::S3Server;
use strongroom_testkit::s3::server::{ACCESS_KEY, REGION, SECRET_KEY};

/// The bucket that it is pointed at.
pub(crate) const BUCKET: &str = "evidence";

/// The program beside the server that counts what it asks.
pub(crate) struct Asker {
    pub(crate) program: String,
    pub(crate) server: S3Server,
    /// Where the peak of its memory is written, in KiB.
    pub(crate) measured: PathBuf,
}

impl Asker {
    /// One row: what was asked, how many answers came, for how many requests, in what time, with how
    /// much memory.
    pub(crate) fn ask(
        &self,
        what: &str,
        arguments: &[&str],
        answers: impl FnOnce(&str) -> usize,
    ) -> Result<String, Box<dyn Error>> {
        self.server.reset_requests();
        let started = Instant::now();
        let printed = self.run(arguments)?;
        let ms = started.elapsed().as_millis();
        let answers = answers(&printed);
        let requests = self.server.requests().len();
        let peak_mib = fs::read_to_string(&self.measured)?.trim().parse::<u64>()? >> 10;
        Ok(format!(
            r#"{{"what": "{what}", "answers": {answers}, "requests": {requests}, "ms": {ms}, "peak_mib": {peak_mib}}}"#
        ))
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Result<String, Box<dyn Error>> {
        let done = Command::new("/usr/bin/time")
            .args(["--format", "%M", "--output"])
            .args([&self.measured, Path::new(&self.program)])
            .arg("evidence")
            .args(arguments)
            .args(["--format", "json"])
            .env("STRONGROOM_STORE_URL", format!("s3://{BUCKET}"))
            .env("STRONGROOM_STORE_ENDPOINT", self.server.endpoint())
            .env("STRONGROOM_STORE_REGION", REGION)
            .env("STRONGROOM_STORE_ALLOW_HTTP", "true")
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .stdin(Stdio::null())
            .output()?;
        if !done.status.success() {
            return Err(String::from_utf8_lossy(&done.stderr).into_owned().into());
        }
        Ok(String::from_utf8(done.stdout)?)
    }
}
