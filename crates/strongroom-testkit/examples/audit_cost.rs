//! How many requests, how long and how much memory it takes to audit a bucket with many bundles, each
//! with a record that promises a lock: run by `scripts/bench` with the built program.
//!
//! usage: audit_cost PROGRAM BUNDLES

mod asker;

use std::error::Error;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use strongroom_core::retention::{LockMode, Retention};
use strongroom_core::{BundleId, Sha256Digest, layout};
use strongroom_testkit::S3Server;
use strongroom_testkit::s3::{BucketSettings, BucketView};

use self::asker::{Asker, BUCKET};

const BUNDLES_A_RUN: usize = 10;
const LOCK_DAYS: u32 = 30;
const BUNDLE: &str = "a bundle whose bytes nobody reads";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, program, bundles] = arguments.as_slice() else {
        return Err("usage: audit_cost PROGRAM BUNDLES".into());
    };
    let bundles: usize = bundles.parse()?;
    let settings = BucketSettings::locked().default_retention(LockMode::Governance, LOCK_DAYS);
    let server = S3Server::builder().bucket(BUCKET, settings).start_blocking();
    let scratch = tempfile::tempdir()?;
    let asker = Asker { program: program.clone(), server, measured: scratch.path().join("memory") };
    fill(&asker.server.bucket(BUCKET), bundles, asker.server.clock().now())?;
    let rows = [
        asker.ask("audit --dry-run", &["audit", "--dry-run"], bundles_told)?,
        asker.ask("audit", &["audit"], bundles_told)?,
        asker.ask("audit --sample 1/10", &["audit", "--sample", "1/10"], bundles_told)?,
    ];
    println!("[{}]", rows.join(",\n"));
    Ok(())
}

/// Bundles under the bucket's default lock, each with its references and a record of that lock.
fn fill(bucket: &BucketView, bundles: usize, now: Timestamp) -> Result<(), Box<dyn Error>> {
    let day = now.to_zoned(TimeZone::UTC).date();
    // A little less than what the bucket gives: each object is written at its own moment.
    let promised = SignedDuration::from_hours(24 * i64::from(LOCK_DAYS));
    let promised = Retention { mode: LockMode::Governance, retain_until: now + promised };
    for number in 0..bundles {
        let id = BundleId(Sha256Digest::of(number.to_string().as_bytes()));
        let run = format!("run-{}", number / BUNDLES_A_RUN);
        let key = layout::bundle(id);
        bucket.put(&layout::index_reference(day, id), id.to_string());
        bucket.put(&layout::run_reference(&run, id), id.to_string());
        bucket.put(&key, BUNDLE);
        let version = bucket.versions(&key).pop().ok_or("a bundle that was put has a version")?.id;
        let record =
            format!("{}00000000-0000-7000-8000-{number:012x}.json", layout::records_of(id));
        bucket.put(&record, receipt(id, &key, &version, promised));
    }
    Ok(())
}

fn receipt(id: BundleId, key: &str, version: &str, promised: Retention) -> String {
    let Retention { mode, retain_until } = promised;
    let archive = Sha256Digest::of(BUNDLE.as_bytes());
    let size = BUNDLE.len();
    format!(
        r#"{{"schema": "strongroom.receipt/v1", "bundle_id": "{id}", "archive_sha256": "{archive}",
            "store": "s3://{BUCKET}", "key": "{key}", "version_id": "{version}",
            "size_bytes": {size}, "integrity": "read_back", "create_only": "checked",
            "lock": {{"mode": "{mode}", "retain_until": "{retain_until}", "legal_hold": false,
                      "enforced_by": "store", "how": "bucket_default"}},
            "status": "stored"}}"#
    )
}

/// How many bundles the printed document says that it is about.
fn bundles_told(printed: &str) -> usize {
    let number = printed.split_once("\"bundles\": ").map(|(_, rest)| {
        rest.bytes()
            .take_while(u8::is_ascii_digit)
            .fold(0, |number, digit| number * 10 + usize::from(digit - b'0'))
    });
    number.unwrap_or_default()
}
