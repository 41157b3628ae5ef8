//! Clients that are slow: each wait has an end.

use jiff::SignedDuration;
use strongroom_registry::auth::Role;

use super::sockets::{Listening, head, impatient, statuses};
use crate::engines::Engine;

#[tokio::test]
async fn a_head_that_does_not_end_is_cut_at_its_limit() {
    let app = Engine::Sqlite.start().await;
    let listening = Listening::start(&app, impatient()).await;
    for begun in ["", "P", "G", "GET /api/v1/packages HTTP/1.1\r\nhost: a\r\nx: "] {
        let mut slow = listening.connect().await;
        slow.write(begun).await;
        let answered = slow.rest().await;
        assert!(statuses(&answered).iter().all(|status| *status == "408"), "{begun}: {answered}");
    }
    listening.end().await;
}

#[tokio::test]
async fn a_body_that_does_not_end_is_cut_at_its_limit() {
    let app = Engine::Sqlite
        .start_with(|settings| {
            settings.limits.idle_body = SignedDuration::from_millis(50);
        })
        .await;
    let listening = Listening::start(&app, impatient()).await;
    let package = app.as_(Role::Producer).new_package().await;
    for (method, path, media_type) in [
        ("POST", "/packages".to_owned(), "application/json"),
        ("PUT", format!("/packages/{package}/files/a"), "application/octet-stream"),
        ("POST", format!("/packages/{package}/files"), "multipart/form-data; boundary=b"),
    ] {
        let head = head(&app, Role::Producer, method, &path);
        let mut slow = listening.connect().await;
        slow.write(format!("{head}content-type: {media_type}\r\ncontent-length: 50\r\n\r\n{{"))
            .await;
        let answered = slow.rest().await;
        assert_eq!(statuses(&answered), ["400"], "{path}: {answered}");
        assert!(answered.contains("urn:strongroom:problem:"), "{path}: {answered}");
    }
    listening.end().await;
}
