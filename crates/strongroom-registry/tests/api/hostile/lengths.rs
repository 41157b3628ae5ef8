//! Bodies that are longer or shorter than they say, or say it twice: what is stored is one whole body or nothing, and no
//! byte of a body is taken for a request.

use strongroom_registry::auth::Role;
use uuid::Uuid;

use super::sockets::{Listening, head, impatient, statuses};
use crate::app::TestApp;
use crate::engines::Engine;

struct World {
    app: TestApp,
    listening: Listening,
    package: Uuid,
}

impl World {
    async fn start() -> Self {
        let app = Engine::Sqlite.start().await;
        let listening = Listening::start(&app, impatient()).await;
        let package = app.as_(Role::Producer).new_package().await;
        Self { app, listening, package }
    }

    /// An upload with these header lines and this body, and all that was answered.
    async fn put(&self, name: &str, fields: &str, body: &str) -> String {
        let path = format!("/packages/{}/files/{name}", self.package);
        let head = head(&self.app, Role::Producer, "PUT", &path);
        self.listening.send(format!("{head}{fields}\r\n{body}")).await
    }

    /// The same by somebody who then hangs up.
    async fn put_and_hang_up(&self, name: &str, fields: &str, body: &str) -> String {
        let path = format!("/packages/{}/files/{name}", self.package);
        let head = head(&self.app, Role::Producer, "PUT", &path);
        self.listening.send_and_hang_up(format!("{head}{fields}\r\n{body}")).await
    }

    /// The files that are stored, each with its size.
    async fn stored(&self) -> Vec<(String, u64)> {
        let path = format!("/packages/{}/files?stored=true", self.package);
        let page = self.app.as_(Role::Producer).get(&path).await.json();
        let files = page["files"].as_array().unwrap().iter();
        files
            .map(|file| {
                (file["path"].as_str().unwrap().to_owned(), file["size_bytes"].as_u64().unwrap())
            })
            .collect()
    }
}

#[tokio::test]
async fn a_body_shorter_than_it_says_stores_nothing() {
    let world = World::start().await;
    for fields in ["content-length: 50\r\n", "transfer-encoding: chunked\r\n"] {
        let answered = world.put_and_hang_up("short", fields, "32\r\nonly this").await;
        assert!(statuses(&answered).iter().all(|status| *status == "400"), "{fields}: {answered}");
    }
    assert_eq!(world.stored().await, []);
    world.app.work_all().await;
    assert_eq!(world.app.objects(world.package).await, [""; 0]);
    world.listening.end().await;
}

#[tokio::test]
async fn what_comes_after_a_body_is_no_part_of_it_and_no_request_of_somebody_else() {
    let world = World::start().await;
    let answered =
        world.put("long", "content-length: 5\r\n", "helloDELETE / GARBAGE\r\n\r\n").await;
    assert_eq!(statuses(&answered), ["201", "400"], "{answered}");
    let chunked = "transfer-encoding: chunked\r\n";
    let answered = world.put("chunked", chunked, "5\r\nhello\r\n0\r\n\r\nGARBAGE\r\n\r\n").await;
    assert_eq!(statuses(&answered), ["201", "400"], "{answered}");
    assert_eq!(world.stored().await, [("chunked".to_owned(), 5), ("long".to_owned(), 5)]);
    world.listening.end().await;
}

#[tokio::test]
async fn a_body_whose_length_is_said_in_two_ways_is_never_cut_into_two_requests() {
    let world = World::start().await;
    let smuggled = head(&world.app, Role::Producer, "GET", "/packages");
    let chunk = format!("{:x}\r\n{smuggled}\r\n\r\n0\r\n\r\n", smuggled.len() + 2);
    for (number, fields) in [
        "content-length: 4\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 4\r\n",
        "content-length: 4\r\ncontent-length: 5\r\n",
        "content-length: 4, 5\r\n",
        "content-length: +4\r\n",
        "content-length: -4\r\n",
        "content-length: 0x4\r\n",
        "content-length: 99999999999999999999\r\n",
        "transfer-encoding: xchunked\r\n",
        "transfer-encoding: chunked, identity\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
        "transfer-encoding : chunked\r\n",
        "transfer-encoding:\x0bchunked\r\n",
    ]
    .into_iter()
    .enumerate()
    {
        let answered = world.put(&number.to_string(), fields, &chunk).await;
        let statuses = statuses(&answered);
        assert!(
            !statuses.contains(&"200"),
            "{fields:?}: a smuggled request was answered: {answered}"
        );
        assert!((1..=2).contains(&statuses.len()), "{fields:?}: {answered}");
        let whole = smuggled.len() as u64 + 2;
        for (path, size) in world.stored().await {
            assert_eq!(size, whole, "{fields:?}: a part of a body was stored as {path}");
        }
    }
    world.listening.end().await;
}

#[tokio::test]
async fn a_lie_about_the_digest_stores_nothing() {
    let world = World::start().await;
    let (right, wrong) = ("LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=", "A".repeat(43) + "=");
    let hex = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let zeros = "0".repeat(64);
    for (fields, status) in [
        (format!("repr-digest: sha-256=:{wrong}:\r\n"), "400"),
        (format!("x-content-sha256: {zeros}\r\n"), "400"),
        (format!("repr-digest: sha-256=:{right}:\r\nx-content-sha256: {zeros}\r\n"), "400"),
        (format!("repr-digest: sha-256=:{right}:\r\nrepr-digest: sha-256=:{wrong}:\r\n"), "400"),
        (format!("repr-digest: sha-256=:{right}:, sha-256=:{wrong}:\r\n"), "400"),
        ("repr-digest: sha-256\r\n".to_owned(), "400"),
        ("repr-digest: \u{e9}\r\n".to_owned(), "400"),
        // Another algorithm says nothing to us, and the digest that does is held against the bytes.
        (format!("repr-digest: sha-512=:{wrong}:, sha-256=:{wrong}:\r\n"), "400"),
        (
            format!("repr-digest: md5=:{wrong}:, sha-256=:{right}:\r\nx-content-sha256: {hex}\r\n"),
            "201",
        ),
    ] {
        let fields = format!("content-length: 5\r\nconnection: close\r\n{fields}");
        let answered = world.put("digest", &fields, "hello").await;
        assert_eq!(statuses(&answered), [status], "{fields}: {answered}");
    }
    assert_eq!(world.stored().await, [("digest".to_owned(), 5)]);
    world.app.work_all().await;
    assert_eq!(world.app.objects(world.package).await.len(), 1);
    world.listening.end().await;
}
