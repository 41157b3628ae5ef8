//! Files with their places: both rows as they were written, in the order of a manifest, page by page.

use strongroom_core::package::FileStatus;

use super::fences::{new_file, new_location};
use super::support::{TestDb, on_both};
use crate::db::{FileRow, LocationRow, PackageRow, PlacedFile};

/// What no two columns that share a type have in common, so that none is taken for another.
fn placed(test: &TestDb, package: &PackageRow, path: &str) -> PlacedFile {
    let file = FileRow {
        relative_path: path.to_owned(),
        path_nfc: format!("{path} composed"),
        media_type: Some("text/plain".to_owned()),
        content_type: Some("text/html".to_owned()),
        status: FileStatus::Corrupt,
        object_key: "where it was to be".to_owned(),
        ..new_file(test, package)
    };
    let location = LocationRow {
        object_key: "where it is".to_owned(),
        version_id: Some("v7".to_owned()),
        storage_class: Some("STANDARD".to_owned()),
        ..new_location(test, &file)
    };
    PlacedFile { file, location }
}

async fn insert(test: &TestDb, placed: &PlacedFile, with_place: bool) {
    test.write((placed.clone(), with_place), |tx, (tenant, (placed, with_place))| {
        Box::pin(async move {
            let mut rows = tx.of(tenant);
            rows.insert_file(&placed.file).await?;
            match with_place {
                true => rows.insert_location(&placed.location).await,
                false => Ok(()),
            }
        })
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn files_come_with_their_places_in_the_order_of_their_paths_bytes() {
    on_both(|test| async move {
        let package = test.new_package();
        test.insert(&package).await.unwrap();
        let mut written = Vec::new();
        for path in ["b", "B", "a/b", "a.b", "\u{e9}"] {
            written.push(placed(&test, &package, path));
            insert(&test, written.last().unwrap(), true).await;
        }
        let mut unfinished = placed(&test, &package, "c");
        unfinished.file.status = FileStatus::Receiving;
        insert(&test, &unfinished, false).await;
        written.sort_by(|one, other| one.file.relative_path.cmp(&other.file.relative_path));
        let (mut read, mut session) = (Vec::<PlacedFile>::new(), test.db.read().await.unwrap());
        loop {
            let last = read.last().map(|last| (last.file.relative_path.clone(), last.file.id));
            let after = last.as_ref().map(|(path, id)| (path.as_str(), *id));
            let page = session.of(&test.tenant).placed_files(package.id, after, 2).await.unwrap();
            assert!(page.len() <= 2);
            if page.is_empty() {
                break;
            }
            read.extend(page);
        }
        assert_eq!(read, written);
    })
    .await;
}

#[tokio::test]
async fn a_stored_file_without_a_place_is_never_left_out() {
    on_both(|test| async move {
        let package = test.new_package();
        test.insert(&package).await.unwrap();
        insert(&test, &placed(&test, &package, "a"), true).await;
        insert(&test, &placed(&test, &package, "b"), false).await;
        let mut session = test.db.read().await.unwrap();
        assert!(session.of(&test.tenant).placed_files(package.id, None, 10).await.is_err());
    })
    .await;
}
