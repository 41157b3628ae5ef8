//! Listing: in the byte order of keys, page by page, by folder.

use bytes::Bytes;

use crate::conformance::run::{Departure, OrFinding as _, Run, Verdict, check};
use crate::{ListRequest, StorageErrorKind};

/// In the order of their bytes: `-` and `.` come before `/`, and `/` before letters and digits.
const NAMES: [&str; 7] = ["B", "a", "a-b", "a.b", "b/1", "b/2/x", "b0"];

/// The objects that the cases of this group list; the first case makes them.
async fn objects(run: &Run<'_>) -> Result<String, Departure> {
    for name in NAMES {
        let key = run.key(&format!("listing/{name}"))?;
        let created = run.store.create(&key, Bytes::from("x").into(), &Default::default()).await;
        match created {
            Err(made) if made.kind() == StorageErrorKind::AlreadyExists => {}
            created => drop(created.or_finding("create_failed")?),
        }
    }
    Ok(format!("{}listing/", run.prefix()))
}

/// Every entry of a listing, without `prefix`, and the number of pages.
async fn entries(
    run: &Run<'_>,
    mut request: ListRequest,
    under: &str,
) -> Result<(Vec<String>, usize), Departure> {
    let mut entries = Vec::new();
    let mut pages = 0;
    loop {
        let page = run.store.list(&request).await.or_finding("list_failed")?;
        pages += 1;
        let objects = page.objects.into_iter().map(|object| object.key);
        let mut on_page: Vec<String> = objects.collect();
        let in_order = on_page.is_sorted() && page.folders.is_sorted();
        check(in_order, "not_in_byte_order", on_page.join(" "))?;
        on_page.extend(page.folders);
        on_page.sort();
        entries.extend(on_page);
        // More pages than entries can only be pages without an end.
        check(pages <= 2 * NAMES.len(), "pages_without_end", pages)?;
        match page.next {
            Some(next) => request.page = Some(next),
            None => break,
        }
    }
    let strip = |entry: String| entry.strip_prefix(under).map(str::to_owned).unwrap_or(entry);
    Ok((entries.into_iter().map(strip).collect(), pages))
}

async fn check_entries(
    run: &Run<'_>,
    request: ListRequest,
    under: &str,
    expected: &[&str],
) -> Result<usize, Departure> {
    let (seen, pages) = entries(run, request, under).await?;
    check(seen == expected, "other_entries", seen.join(" "))?;
    Ok(pages)
}

pub(super) async fn order(run: &Run<'_>) -> Verdict {
    let prefix = objects(run).await?;
    let request = ListRequest { prefix: prefix.clone(), ..ListRequest::default() };
    check_entries(run, request, &prefix, &NAMES).await.map(drop)
}

pub(super) async fn pages(run: &Run<'_>) -> Verdict {
    let prefix = objects(run).await?;
    let request = ListRequest { prefix: prefix.clone(), limit: Some(3), ..ListRequest::default() };
    let pages = check_entries(run, request, &prefix, &NAMES).await?;
    check(pages >= 3, "limit_ignored", format_args!("{pages} pages"))
}

pub(super) async fn start_after(run: &Run<'_>) -> Verdict {
    let prefix = objects(run).await?;
    let request = ListRequest {
        start_after: Some(format!("{prefix}a-b")),
        limit: Some(2),
        prefix: prefix.clone(),
        ..ListRequest::default()
    };
    check_entries(run, request, &prefix, &NAMES[3..]).await?;
    let between = ListRequest {
        start_after: Some(format!("{prefix}b/1x")),
        prefix: prefix.clone(),
        ..ListRequest::default()
    };
    check_entries(run, between, &prefix, &NAMES[5..]).await.map(drop)
}

pub(super) async fn folders(run: &Run<'_>) -> Verdict {
    let prefix = objects(run).await?;
    let request = ListRequest { by_folder: true, prefix: prefix.clone(), ..ListRequest::default() };
    check_entries(run, request, &prefix, &["B", "a", "a-b", "a.b", "b/", "b0"]).await?;
    let inside =
        ListRequest { by_folder: true, prefix: format!("{prefix}b/"), ..ListRequest::default() };
    check_entries(run, inside, &prefix, &["b/1", "b/2/"]).await.map(drop)
}

pub(super) async fn pages_of_folders(run: &Run<'_>) -> Verdict {
    let prefix = objects(run).await?;
    let request = ListRequest {
        by_folder: true,
        limit: Some(1),
        prefix: prefix.clone(),
        ..ListRequest::default()
    };
    check_entries(run, request, &prefix, &["B", "a", "a-b", "a.b", "b/", "b0"]).await.map(drop)
}

pub(super) async fn prefix_inside_a_name(run: &Run<'_>) -> Verdict {
    let prefix = objects(run).await?;
    let request = ListRequest { prefix: format!("{prefix}a"), ..ListRequest::default() };
    check_entries(run, request, &prefix, &["a", "a-b", "a.b"]).await.map(drop)
}

pub(super) async fn nothing(run: &Run<'_>) -> Verdict {
    let prefix = format!("{}listing-of-nothing/", run.prefix());
    let request = ListRequest { prefix: prefix.clone(), ..ListRequest::default() };
    check_entries(run, request, &prefix, &[]).await.map(drop)
}
