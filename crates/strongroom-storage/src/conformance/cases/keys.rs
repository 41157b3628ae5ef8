//! Keys of every kind come back as they went in.

use bytes::Bytes;

use crate::ListRequest;
use crate::conformance::run::{Departure, OrFinding as _, Run, Verdict, check, found};

/// Stores something different under each name, reads it back, and finds it in a listing.
async fn of_names(run: &Run<'_>, group: &str, names: &[&str]) -> Verdict {
    let mut keys = Vec::new();
    for name in names {
        keys.push(run.key(&format!("keys/{group}/{name}"))?);
    }
    for (at, key) in keys.iter().enumerate() {
        run.create(key, body_of(at)).await?;
    }
    for (at, key) in keys.iter().enumerate() {
        let read = run.read(key, None, 100).await.or_finding("key_not_read")?;
        check(read == body_of(at), "keys_mixed_up", format_args!("name {at} of {group}"))?;
    }
    let listed = listed_under(run, &format!("keys/{group}/")).await?;
    match keys.iter().position(|key| !listed.iter().any(|listed| listed == key.as_str())) {
        None => check(listed.len() == keys.len(), "other_keys_listed", listed.len()),
        Some(at) => found("key_not_listed", format_args!("name {at} of {group}")),
    }
}

fn body_of(at: usize) -> Bytes {
    Bytes::from(format!("object {at}"))
}

async fn listed_under(run: &Run<'_>, folder: &str) -> Result<Vec<String>, Departure> {
    let prefix = format!("{}{folder}", run.prefix());
    let request = ListRequest { prefix, ..ListRequest::default() };
    let page = run.store.list(&request).await.or_finding("list_failed")?;
    Ok(page.objects.into_iter().map(|object| object.key).collect())
}

pub(super) async fn reserved_characters(run: &Run<'_>) -> Verdict {
    let names =
        ["a b", "a+b", "a&b=c?d#e", "sha256:0", "a'b\"c", "a*b(c)!", "a,b;c@d$e", "a\\b|c^d`"];
    of_names(run, "reserved", &names).await
}

pub(super) async fn percent_signs(run: &Run<'_>) -> Verdict {
    of_names(run, "percent", &["a%20b", "a b", "a%2Fb", "%", "%%41", "%25"]).await
}

pub(super) async fn unicode(run: &Run<'_>) -> Verdict {
    of_names(run, "unicode", &["grün", "証拠", "🔒", "а", "a"]).await
}

/// Two spellings of one text (NFC and NFD) are two keys.
pub(super) async fn normal_forms(run: &Run<'_>) -> Verdict {
    of_names(run, "forms", &["\u{e9}", "e\u{301}"]).await
}

pub(super) async fn upper_and_lower_case(run: &Run<'_>) -> Verdict {
    of_names(run, "case", &["name", "Name", "NAME"]).await
}

pub(super) async fn long_segment(run: &Run<'_>) -> Verdict {
    of_names(run, "segment", &[&"s".repeat(256), &"s".repeat(600)]).await
}

pub(super) async fn long_key(run: &Run<'_>) -> Verdict {
    let name = "0123456789abcdef/".repeat(50);
    of_names(run, "long", &[name.trim_end_matches('/')]).await
}

/// `a` and `a/b` are both objects; `a` is no folder.
pub(super) async fn object_beside_folder(run: &Run<'_>) -> Verdict {
    of_names(run, "beside", &["a", "a/b", "a/b/c"]).await
}
