//! Where credentials come from, besides Strongroom's own settings: each member of the usual chain is
//! asked by a real push, and proxies are kept away from what only this machine may ask.

use std::fs;

use serde_json::json;
use strongroom_testkit::s3::BucketSettings;
use strongroom_testkit::s3::server::{ACCESS_KEY, SECRET_KEY};
use strongroom_testkit::{S3Server, Services};

use crate::Desk;

const LATER: &str = "2999-01-01T00:00:00Z";

fn server() -> S3Server {
    S3Server::builder().bucket("vault", BucketSettings::versioned()).start_blocking()
}

/// A desk whose own settings hold no credentials.
fn desk_at(server: &S3Server) -> Desk {
    Desk::at(server)
        .without("STRONGROOM_STORE_ACCESS_KEY")
        .without("STRONGROOM_STORE_SECRET_KEY")
        .with("AWS_EC2_METADATA_DISABLED", "true")
}

fn write(desk: &Desk, name: &str, text: &str) -> String {
    let path = desk.folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn keys() -> String {
    format!("aws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n")
}

/// What container and instance services answer.
fn role() -> String {
    let role = json!({
        "Code": "Success",
        "AccessKeyId": ACCESS_KEY,
        "SecretAccessKey": SECRET_KEY,
        "Token": "session",
        "Expiration": LATER,
    });
    role.to_string()
}

#[test]
fn the_environments_own_keys() {
    let server = server();
    let desk = desk_at(&server)
        .with("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .with("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
    desk.push().assert_kept("stored");
}

#[test]
fn a_profile_among_the_credentials() {
    let server = server();
    let desk = desk_at(&server).with("STRONGROOM_STORE_PROFILE", "evidence");
    let text = format!("[default]\naws_access_key_id = other\n\n[evidence]\n{}", keys());
    write(&desk, ".aws/credentials", &text);
    desk.push().assert_kept("stored");
}

#[test]
fn a_profile_in_the_configuration_file_that_the_environment_names() {
    let server = server();
    let desk = desk_at(&server);
    let file = write(&desk, "elsewhere/config", &format!("[profile evidence]\n{}", keys()));
    desk.with("AWS_CONFIG_FILE", &file)
        .with("AWS_PROFILE", "evidence")
        .push()
        .assert_kept("stored");
}

#[test]
fn a_profile_whose_program_gives_them() {
    let server = server();
    let desk = desk_at(&server).with("STRONGROOM_STORE_PROFILE", "evidence");
    let answer = json!({
        "Version": 1,
        "AccessKeyId": ACCESS_KEY,
        "SecretAccessKey": SECRET_KEY,
        "Expiration": LATER,
    });
    let file = write(&desk, "keys.json", &answer.to_string());
    let text = format!("[profile evidence]\ncredential_process = /bin/cat {file}\n");
    write(&desk, ".aws/config", &text);
    desk.push().assert_kept("stored");
}

#[test]
fn a_profile_asked_for_by_name_that_gives_none_exits_8_and_nobody_else_is_asked() {
    let server = server();
    let container = Services::start();
    container.answer("GET /role", role());
    let desk = desk_at(&server)
        .with("STRONGROOM_STORE_PROFILE", "evidnece")
        .with("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .with("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .with("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{}/role", container.endpoint()));
    write(&desk, ".aws/credentials", &format!("[evidence]\n{}", keys()));
    let refused = desk.push();
    refused.assert_failed(8, "the profile that is asked for gives no credentials");
    assert!(refused.stderr.contains("~/.aws/config"), "{}", refused.stderr);
    assert!(container.asked().is_empty() && server.requests().is_empty());
}

#[test]
fn no_credentials_at_all_exit_8() {
    let server = server();
    let refused = desk_at(&server).push();
    refused.assert_failed(8, "no usable credentials");
    assert!(server.requests().is_empty());
}

/// A bucket over https, so that a proxy for plain http is none for the bucket.
fn desk_behind_a_proxy(proxy: &Services) -> (S3Server, Desk) {
    let builder = S3Server::builder().bucket("vault", BucketSettings::versioned());
    let server = builder.tls().start_blocking();
    let desk = desk_at(&server).with("HTTP_PROXY", &proxy.endpoint());
    let desk = desk.with("http_proxy", &proxy.endpoint());
    let ca_file = write(&desk, "ca.pem", server.ca_pem().unwrap());
    (server, desk.with("STRONGROOM_STORE_CA", &ca_file))
}

#[test]
fn a_containers_role_never_by_a_proxy() {
    let (proxy, container) = (Services::start(), Services::start());
    let (_server, desk) = desk_behind_a_proxy(&proxy);
    container.answer("GET /role", role());
    let token = write(&desk, "token", "who-i-am\n");
    let desk = desk
        .with("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{}/role", container.endpoint()))
        .with("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &token);
    desk.push().assert_kept("stored");
    assert!(container.asked()[0].headers.contains("authorization: who-i-am"));
    assert!(proxy.asked().is_empty(), "{:?}", proxy.asked());
}

#[test]
fn an_instances_role_never_by_a_proxy() {
    let (proxy, instance) = (Services::start(), Services::start());
    let (_server, desk) = desk_behind_a_proxy(&proxy);
    let folder = "/latest/meta-data/iam/security-credentials/";
    instance.answer("PUT /latest/api/token", "ticket");
    instance.answer(&format!("GET {folder}"), "runner");
    instance.answer(&format!("GET {folder}runner"), role());
    let desk = desk
        .without("AWS_EC2_METADATA_DISABLED")
        .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", &instance.endpoint());
    desk.push().assert_kept("stored");
    let asked = instance.asked();
    assert!(asked[1].headers.contains("x-aws-ec2-metadata-token: ticket"), "{asked:?}");
    assert!(proxy.asked().is_empty(), "{:?}", proxy.asked());
}

#[test]
fn a_web_identity_by_the_token_service_and_the_proxy_for_https() {
    let server = server();
    let sts = Services::start_in_the_name_of(&["sts.us-east-1.amazonaws.com"]);
    sts.answer(
        "POST /",
        format!(
            "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>\
             <AccessKeyId>{ACCESS_KEY}</AccessKeyId>\
             <SecretAccessKey>{SECRET_KEY}</SecretAccessKey>\
             <SessionToken>session</SessionToken><Expiration>{LATER}</Expiration>\
             </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
        ),
    );
    let desk = desk_at(&server);
    let token = write(&desk, "token", "signed-by-the-ci");
    let authorities = write(&desk, "ca.pem", sts.ca_pem().unwrap());
    let desk = desk
        .with("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/evidence")
        .with("AWS_WEB_IDENTITY_TOKEN_FILE", &token)
        .with("AWS_REGION", "us-east-1")
        .with("AWS_STS_REGIONAL_ENDPOINTS", "regional")
        .with("HTTPS_PROXY", &sts.endpoint())
        .with("SSL_CERT_FILE", &authorities);
    desk.push().assert_kept("stored");
    let asked = sts.asked();
    assert_eq!(asked[0].what, "CONNECT sts.us-east-1.amazonaws.com:443");
    assert!(asked[1].body.contains("WebIdentityToken=signed-by-the-ci"), "{asked:?}");
    assert!(asked[1].body.contains("role%2Fevidence"), "{asked:?}");
}
