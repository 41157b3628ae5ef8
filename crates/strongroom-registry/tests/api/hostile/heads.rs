//! Heads of requests that are huge, many-fielded or no HTTP.

use strongroom_registry::auth::Role;

use super::sockets::{Listening, head, impatient, statuses};
use crate::engines::Engine;

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_and_nothing_of_it_is_looked_at() {
    let app = Engine::Sqlite.start().await;
    let listening = Listening::start(&app, impatient()).await;
    let plain = head(&app, Role::Auditor, "GET", "/packages");
    let many: String = (0..5_000).map(|number| format!("x-{number}: y\r\n")).collect();
    let long = format!("x-long: {}\r\n", "y".repeat(1 << 20));
    for fields in [many, long] {
        let answered = listening.send(format!("{plain}{fields}\r\n")).await;
        assert!(statuses(&answered).iter().all(|status| *status == "431"), "{answered}");
    }
    for bytes in [1 << 16, 1 << 20] {
        let path = format!("/packages?text={}", "y".repeat(bytes));
        let answered =
            listening.send(format!("{}\r\n", head(&app, Role::Auditor, "GET", &path))).await;
        let statuses = statuses(&answered);
        assert!(statuses.iter().all(|status| ["414", "431"].contains(status)), "{answered}");
    }
    listening.end().await;
}

#[tokio::test]
async fn what_is_no_http_is_refused() {
    let app = Engine::Sqlite.start().await;
    let listening = Listening::start(&app, impatient()).await;
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET /api/v1/packages\r\n\r\n",
        b"GET /api/v1/packages HTTP/9.9\r\n\r\n",
        b"G\xffT / HTTP/1.1\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx: \x00\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\n x: folded\r\n\r\n",
        b"\r\n\r\n\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\ngarbage that is no frame of anything",
    ] {
        let answered = listening.send_and_hang_up(bytes).await;
        let refused = statuses(&answered).iter().all(|status| *status == "400");
        assert!(refused, "{:?}: {answered}", String::from_utf8_lossy(bytes));
    }
    listening.end().await;
}

#[tokio::test]
async fn other_ways_to_name_a_path_lead_nowhere_else() {
    let app = Engine::Sqlite.start().await;
    let package = app.as_(Role::Operator).new_package().await;
    let listening = Listening::start(&app, impatient()).await;
    for path in [
        format!("//packages/{package}"),
        format!("/packages//{package}"),
        format!("/packages/{package}/"),
        format!("/./packages/{package}"),
        format!("/x/../packages/{package}"),
        format!("/x/%2e%2e/packages/{package}"),
        format!("/packages%2f{package}"),
        format!("/packages/{package}%00"),
        format!("/packages/{package};x=y"),
        "/packages/%ff%fe".to_owned(),
        "/metadata-schemas/%ff".to_owned(),
        "/tokens/..%2f..%2fadmin-token".to_owned(),
    ] {
        let answered =
            listening.send(format!("{}\r\n", head(&app, Role::Admin, "GET", &path))).await;
        let statuses = statuses(&answered);
        assert!(["400", "404", "405"].contains(&statuses[0]), "{path}: {answered}");
        assert!(answered.contains("application/problem+json"), "{path}: {answered}");
    }
    listening.end().await;
}
