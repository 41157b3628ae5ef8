//! Files out again: whole or in part, and never wrong without an error.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use strongroom_registry::api::router::router;
use strongroom_registry::auth::Role;
use tower::ServiceExt as _;

use crate::app::{Answer, Client, on_both};
use crate::files::replace;

async fn with(
    client: &Client,
    method: Method,
    path: &str,
    name: header::HeaderName,
    value: &str,
) -> Answer {
    client.send(client.request(method, path).header(name, value).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_range_of_a_file_is_sent_as_the_standard_has_it() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let file = producer.stores(package, "a/b%20c.txt", b"0123456789").await;
        let path = format!("/files/{file}/download");
        let whole = producer.get(&path).await;
        assert_eq!((whole.status, whole.body.as_ref()), (StatusCode::OK, &b"0123456789"[..]));
        assert_eq!(whole.header("content-length"), "10");
        assert_eq!(whole.header("accept-ranges"), "bytes");
        assert_eq!(whole.header("content-disposition"), "attachment; filename*=UTF-8''b%20c.txt");
        let tag = whole.header("etag").to_owned();
        let part = with(&producer, Method::GET, &path, header::RANGE, "bytes=3-5").await;
        assert_eq!((part.status, part.body.as_ref()), (StatusCode::PARTIAL_CONTENT, &b"345"[..]));
        assert_eq!(part.header("content-range"), "bytes 3-5/10");
        assert_eq!(part.header("content-length"), "3");
        assert_eq!(part.header("etag"), tag);
        let beyond = with(&producer, Method::GET, &path, header::RANGE, "bytes=10-").await;
        assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
        assert_eq!(beyond.header("content-range"), "bytes */10");
        assert_eq!(beyond.problem(), "range-not-satisfiable");
        let had = with(&producer, Method::GET, &path, header::IF_NONE_MATCH, &tag).await;
        assert_eq!((had.status, had.body.len()), (StatusCode::NOT_MODIFIED, 0));
        let head = with(&producer, Method::HEAD, &path, header::ACCEPT, "*/*").await;
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
        assert_eq!((head.header("content-length"), head.header("etag")), ("10", tag.as_str()));
        let events =
            app.as_(Role::Auditor).get(&format!("/packages/{package}/audit-events")).await.json();
        let retrieved = events["events"].as_array().unwrap().iter();
        let retrieved = retrieved.filter(|event| event["type"] == "retrieval_requested").count();
        assert_eq!(retrieved, 2, "the whole and the part: {events}");
    })
    .await;
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let file = producer.stores(package, "empty", b"").await;
        let read = producer.get(&format!("/files/{file}/download")).await;
        assert_eq!((read.status, read.body.len()), (StatusCode::OK, 0));
    })
    .await;
}

#[tokio::test]
async fn other_bytes_than_were_stored_never_end_well() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let file = producer.stores(package, "a", b"true").await;
        let key = app.objects(package).await.remove(0);
        replace(&*app.store, &key, b"lies").await;
        let request: Request<Body> = producer
            .request(Method::GET, &format!("/files/{file}/download"))
            .body(Body::empty())
            .unwrap();
        let response = router(&app.registry).oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert!(response.into_body().collect().await.is_err(), "the body must break off");
        replace(&*app.store, &key, b"longer than it was").await;
        let refused = producer.get(&format!("/files/{file}/download")).await;
        assert_eq!(
            (refused.status, refused.problem().as_str()),
            (StatusCode::BAD_GATEWAY, "corrupt")
        );
    })
    .await;
}

#[tokio::test]
async fn a_strangers_file_is_none_at_all() {
    on_both(|app| async move {
        let (one, other) = (app.as_(Role::Producer), app.another(Role::Producer).await);
        let package = one.new_package().await;
        let file = one.stores(package, "a", b"x").await;
        let nobodys = other.get(&format!("/files/{}", uuid::Uuid::nil())).await;
        for path in [
            format!("/files/{file}"),
            format!("/files/{file}/download"),
            format!("/packages/{package}/files"),
            format!("/packages/{package}/manifest"),
            format!("/packages/{package}/bundle"),
        ] {
            let theirs = other.get(&path).await;
            assert_eq!(
                (theirs.status, &theirs.body),
                (StatusCode::NOT_FOUND, &nobodys.body),
                "{path}"
            );
        }
        let put = other.put_file(package, "b", b"x").await;
        assert_eq!((put.status, &put.body), (StatusCode::NOT_FOUND, &nobodys.body));
    })
    .await;
}
