//! How many requests it takes to list a run and a day, and to pull one bundle, in a bucket with many
//! references: run by `scripts/bench` with the built program.
//!
//! usage: list_cost PROGRAM REFERENCES

mod asker;

use std::error::Error;
use std::path::Path;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use strongroom_core::{BundleId, Sha256Digest, layout};
use strongroom_testkit::s3::{BucketSettings, BucketView};
use strongroom_testkit::{S3Server, TestClock, fixtures};

use self::asker::{Asker, BUCKET};

const BUNDLES_A_DAY: usize = 1_000;
const BUNDLES_A_RUN: usize = 10;
const FIRST_DAY: &str = "2026-01-01";
/// The day and the run that are asked for lie in the middle.
const DAY_ASKED: &str = "2026-01-02";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, program, references] = arguments.as_slice() else {
        return Err("usage: list_cost PROGRAM REFERENCES".into());
    };
    let references: usize = references.parse()?;

    let first_day: Date = FIRST_DAY.parse()?;
    let clock = TestClock::fixed(noon(first_day)?);
    let server = S3Server::builder()
        .bucket(BUCKET, BucketSettings::plain())
        .clock(clock.clone())
        .start_blocking();
    let scratch = tempfile::tempdir()?;
    let measured = scratch.path().join("memory");
    let asker = Asker { program: program.clone(), server, measured };

    fill(&asker.server.bucket(BUCKET), &clock, first_day, references)?;
    // A push needs the present; what was listed before keeps its day.
    clock.advance(clock_behind(&clock));
    let run_asked = run_id(BUNDLES_A_DAY);
    let pulled = scratch.path().join("pulled.tar.gz");
    let id = push_one(&asker, scratch.path())?;

    let day_after = DAY_ASKED.parse::<Date>()?.tomorrow()?.to_string();
    let rows = [
        asker.ask("list --run-id", &["list", "--run-id", &run_asked], bundles_named)?,
        asker.ask(
            "list --after, --before: one day",
            &["list", "--after", DAY_ASKED, "--before", &day_after],
            bundles_named,
        )?,
        asker.ask("list --limit 10", &["list", "--limit", "10"], bundles_named)?,
        asker.ask(
            "pull --bundle-id",
            &["pull", "--bundle-id", &id, "--out", &pulled.display().to_string()],
            bundles_named,
        )?,
    ];
    println!("[{}]", rows.join(",\n"));
    Ok(())
}

/// Bundles and their references: a thousand a day, ten a run.
fn fill(
    bucket: &BucketView,
    clock: &TestClock,
    first_day: Date,
    references: usize,
) -> Result<(), Box<dyn Error>> {
    let mut day = first_day;
    for number in 0..references {
        if number > 0 && number % BUNDLES_A_DAY == 0 {
            day = day.tomorrow()?;
            clock.advance(SignedDuration::from_hours(24));
        }
        let id: BundleId =
            format!("sha256:{}", Sha256Digest::of(format!("{number}").as_bytes()).to_hex())
                .parse()?;
        bucket.put(&layout::index_reference(day, id), id.to_string());
        bucket.put(&layout::run_reference(&run_id(number), id), id.to_string());
        bucket.put(&layout::bundle(id), "a bundle that a listing does not open");
    }
    Ok(())
}

fn run_id(number: usize) -> String {
    format!("run-{}", number / BUNDLES_A_RUN)
}

fn noon(day: Date) -> Result<Timestamp, jiff::Error> {
    Ok(day.at(12, 0, 0, 0).to_zoned(TimeZone::UTC)?.timestamp())
}

fn clock_behind(clock: &TestClock) -> SignedDuration {
    TestClock::system().now().duration_since(clock.now())
}

fn push_one(asker: &Asker, scratch: &Path) -> Result<String, Box<dyn Error>> {
    let directory = scratch.join("run");
    fixtures::write_run_directory(&directory)?;
    let receipt = asker.run(&["push", &directory.display().to_string()])?;
    let (_, rest) = receipt.split_once("\"bundle_id\":").ok_or("a receipt names its bundle")?;
    Ok(rest.split('"').nth(1).ok_or("a receipt names its bundle")?.to_owned())
}

/// How many bundles a printed answer names.
fn bundles_named(printed: &str) -> usize {
    printed.matches("\"bundle_id\"").count()
}
