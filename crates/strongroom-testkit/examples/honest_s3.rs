//! Serves the in-process S3 of the tests, with one bucket, until standard input ends: so that the
//! analysis can be run against it from outside.
//!
//! usage: honest_s3 BUCKET   (prints the endpoint)

use std::io::Read as _;

use strongroom_testkit::S3Server;
use strongroom_testkit::s3::BucketSettings;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bucket = std::env::args().nth(1).ok_or("usage: honest_s3 BUCKET")?;
    let settings = BucketSettings::locked().encryption("AES256", None).public_access_blocked(true);
    let server =
        S3Server::builder().refuses_skewed_clocks().bucket(&bucket, settings).start_blocking();
    println!("{}", server.endpoint());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
