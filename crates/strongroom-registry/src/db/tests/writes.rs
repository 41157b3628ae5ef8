//! Many writers at once: all are answered, and each write is made wholly or not at all.

use super::support::{TestDb, on_both};
use crate::db::{DbError, DbErrorKind, PackageRow, TenantTx};

const WRITERS: usize = 200;

async fn count(test: &TestDb) -> usize {
    let mut session = test.db.read().await.unwrap();
    let page = session.of(&test.tenant).search_packages(&Default::default(), None, 1_000).await;
    page.unwrap().rows.len()
}

async fn insert_and_fail(rows: &mut TenantTx<'_>, package: &PackageRow) -> Result<(), DbError> {
    rows.insert_package(package).await?;
    Err(DbError::new(DbErrorKind::Stale, "changed its mind"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_hundred_writers_each_is_answered_once_and_the_failing_leave_nothing() {
    on_both(|test| async move {
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| {
                let (test, package) = (test.clone(), test.new_package());
                tokio::spawn(async move {
                    let fails = number % 3 == 0;
                    test.write((package, fails), |tx, (tenant, (package, fails))| {
                        Box::pin(async move {
                            let mut rows = tx.of(tenant);
                            if *fails {
                                return insert_and_fail(&mut rows, package).await;
                            }
                            rows.insert_package(package).await
                        })
                    })
                    .await
                })
            })
            .collect();
        let mut made = 0;
        for (number, writer) in writers.into_iter().enumerate() {
            match writer.await.unwrap() {
                Ok(()) => made += 1,
                Err(error) => {
                    assert_eq!((number % 3, error.kind()), (0, DbErrorKind::Stale), "{error}");
                }
            }
        }
        assert_eq!(made, WRITERS - WRITERS.div_ceil(3));
        assert_eq!(count(&test).await, made, "{}", test.url);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_caller_that_stops_waiting_leaves_all_of_its_write_or_nothing() {
    on_both(|test| async move {
        let mut pairs = Vec::new();
        for polls in 0..60_u32 {
            let (first, second) = (test.new_package(), test.new_package());
            pairs.push((first.id, second.id));
            let write = test.write((first, second), |tx, (tenant, (first, second))| {
                Box::pin(async move {
                    tx.of(tenant).insert_package(first).await?;
                    tokio::task::yield_now().await;
                    tx.of(tenant).insert_package(second).await
                })
            });
            // Dropped after a growing number of polls, wherever it then is.
            let mut write = Box::pin(write);
            for _ in 0..polls {
                if futures::poll!(&mut write).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        // A write that comes after all of them.
        test.insert(&test.new_package()).await.unwrap();
        let mut session = test.db.read().await.unwrap();
        for (first, second) in pairs {
            let mut rows = session.of(&test.tenant);
            let first = rows.package(first).await.unwrap().is_some();
            assert_eq!(first, rows.package(second).await.unwrap().is_some(), "{}", test.url);
        }
    })
    .await;
}

#[tokio::test]
async fn a_write_that_goes_on_after_a_failed_statement_is_refused_and_leaves_nothing() {
    on_both(|test| async move {
        let (there, new) = (test.new_package(), test.new_package());
        test.insert(&there).await.unwrap();
        let id = new.id;
        let refused = test
            .write((there, new), |tx, (tenant, (there, new))| {
                Box::pin(async move {
                    tx.of(tenant).insert_package(new).await?;
                    let again = tx.of(tenant).insert_package(there).await;
                    assert_eq!(again.unwrap_err().kind(), DbErrorKind::Conflict);
                    Ok(())
                })
            })
            .await;
        assert_eq!(refused.unwrap_err().kind(), DbErrorKind::Failed, "{}", test.url);
        let mut session = test.db.read().await.unwrap();
        assert_eq!(session.of(&test.tenant).package(id).await.unwrap(), None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writes_that_read_and_change_one_row_under_its_lock_lose_no_change() {
    on_both(|test| async move {
        let package = test.new_package();
        test.insert(&package).await.unwrap();
        let writers: Vec<_> = (0..50)
            .map(|_| {
                let (test, id) = (test.clone(), package.id);
                tokio::spawn(async move {
                    test.write(id, |tx, (tenant, id)| {
                        Box::pin(async move {
                            let mut rows = tx.of(tenant);
                            let mut row = rows.lock_package(*id).await?.unwrap();
                            row.files_count += 1;
                            rows.update_package(&row).await
                        })
                    })
                    .await
                    .unwrap()
                })
            })
            .collect();
        let mut versions = Vec::new();
        for writer in writers {
            versions.push(writer.await.unwrap());
        }
        versions.sort_unstable();
        assert_eq!(versions, (2..52).collect::<Vec<_>>(), "{}", test.url);
        let mut session = test.db.read().await.unwrap();
        let row = session.of(&test.tenant).package(package.id).await.unwrap().unwrap();
        assert_eq!((row.files_count, row.version), (50, 51));
    })
    .await;
}

#[tokio::test]
async fn a_panic_in_a_write_ends_that_write_only() {
    let directory = tempfile::tempdir().unwrap();
    let test = TestDb::at(format!("sqlite:{}", directory.path().join("db").display())).await;
    let package = test.new_package();
    let answer = test
        .write(package.clone(), |tx, (tenant, package)| {
            Box::pin(async move {
                tx.of(tenant).insert_package(package).await?;
                panic!("on purpose")
            })
        })
        .await;
    let answer: Result<(), DbError> = answer;
    assert_eq!(answer.unwrap_err().kind(), DbErrorKind::Failed);
    test.insert(&package).await.unwrap();
    assert_eq!(count(&test).await, 1);
}

#[tokio::test]
async fn after_closing_a_write_is_refused_and_what_was_queued_before_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("db").display());
    let test = TestDb::at(url.clone()).await;
    let queued: Vec<_> = (0..20)
        .map(|_| {
            let (test, package) = (test.clone(), test.new_package());
            tokio::spawn(async move { test.insert(&package).await })
        })
        .collect();
    for write in queued {
        write.await.unwrap().unwrap();
    }
    test.db.close().await;
    let refused = test.insert(&test.new_package()).await.unwrap_err();
    assert_eq!(refused.kind(), DbErrorKind::Closed);
    let again = crate::db::Db::open(&url).await.unwrap();
    let mut session = again.read().await.unwrap();
    let page = session.of(&test.tenant).search_packages(&Default::default(), None, 100).await;
    assert_eq!(page.unwrap().rows.len(), 20);
}
