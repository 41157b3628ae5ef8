//! TLS: an authority that is not trusted exits 2, one that is named in `ca_file` works.

use std::fs;

use strongroom_testkit::S3Server;
use strongroom_testkit::s3::tls::unrelated_ca_pem;
use strongroom_testkit::s3::{BucketSettings, S3ServerBuilder};

use crate::Desk;

fn builder() -> S3ServerBuilder {
    S3Server::builder().bucket("vault", BucketSettings::versioned())
}

#[test]
fn an_authority_that_nobody_trusts_exits_2() {
    let server = builder().tls().start_blocking();
    Desk::at(&server).push().assert_failed(2, "an authority that is not trusted");
    assert!(server.requests().is_empty());
}

#[test]
fn the_authority_in_the_ca_file_is_trusted() {
    let server = builder().tls().start_blocking();
    let desk = Desk::at(&server);
    let ca_file = desk.folder.path().join("ca.pem");
    fs::write(&ca_file, server.ca_pem().unwrap()).unwrap();
    let desk = desk.with("STRONGROOM_STORE_CA", ca_file.to_str().unwrap());
    desk.push().assert_kept("stored");
}

#[test]
fn another_authority_in_the_ca_file_exits_2() {
    let server = builder().tls().start_blocking();
    let desk = Desk::at(&server);
    let ca_file = desk.folder.path().join("ca.pem");
    fs::write(&ca_file, unrelated_ca_pem()).unwrap();
    let desk = desk.with("STRONGROOM_STORE_CA", ca_file.to_str().unwrap());
    desk.push().assert_failed(2, "an authority that is not trusted");
}

#[test]
fn a_ca_file_that_is_none_exits_2() {
    let server = builder().tls().start_blocking();
    let desk = Desk::at(&server);
    let ca_file = desk.folder.path().join("ca.pem");
    fs::write(&ca_file, "no certificate").unwrap();
    desk.with("STRONGROOM_STORE_CA", ca_file.to_str().unwrap())
        .push()
        .assert_failed(2, "certificate");
}

#[test]
fn https_to_a_server_that_speaks_http_exits_2() {
    let server = builder().start_blocking();
    let https = server.endpoint().replace("http://", "https://");
    let desk = Desk::at(&server).with("STRONGROOM_STORE_ENDPOINT", &https);
    desk.push().assert_failed(2, "TLS");
}
