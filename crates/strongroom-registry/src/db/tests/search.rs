//! What a search finds, in which order, page by page.

use jiff::Timestamp;
use serde_json::json;
use strongroom_core::package::{PackageStatus, RetentionClass};
use uuid::Uuid;

use super::support::{TestDb, on_both};
use crate::db::{
    Cursor, DbErrorKind, ListedPackage, PackageFilter, PackageRow, TenantId, TenantRow, limits,
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// A package with a name of its own, made in that second.
fn package(test: &TestDb, number: u128, second: i64) -> PackageRow {
    let metadata = json!({});
    PackageRow {
        id: id(number),
        created_at: at(second),
        name: format!("p{number}"),
        metadata,
        ..test.new_package()
    }
}

async fn insert_all(test: &TestDb, packages: &[PackageRow]) {
    for some in packages.chunks(250) {
        let work = test.write(some.to_vec(), |tx, (tenant, packages)| {
            Box::pin(async move {
                for package in packages {
                    tx.of(tenant).insert_package(package).await?;
                }
                Ok(())
            })
        });
        work.await.unwrap();
    }
}

/// The names on all pages of `limit` rows.
async fn pages(test: &TestDb, filter: &PackageFilter, limit: u32) -> Vec<Vec<String>> {
    let mut session = test.db.read().await.unwrap();
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let page = session.of(&test.tenant).search_packages(filter, after, limit).await.unwrap();
        pages.push(page.rows.into_iter().map(|listed| listed.package.name).collect());
        assert!(page.next.is_none() || page.next != after, "a page that ends where it began");
        after = page.next;
        if after.is_none() {
            return pages;
        }
    }
}

async fn found(test: &TestDb, filter: PackageFilter) -> Vec<String> {
    pages(test, &filter, 100).await.concat()
}

fn text(text: &str) -> PackageFilter {
    PackageFilter { text: Some(text.to_owned()), ..Default::default() }
}

fn pair(key: &str, value: &str) -> PackageFilter {
    PackageFilter { metadata: vec![(key.to_owned(), value.to_owned())], ..Default::default() }
}

/// Two packages that differ in all that a filter asks.
async fn insert_two_unlike(test: &TestDb) -> PackageFilter {
    let other = PackageRow {
        producer: "other".to_owned(),
        subject: None,
        run_id: Some("run-8".to_owned()),
        retention_class: RetentionClass::Transient,
        status: PackageStatus::Abandoned,
        created_by: id(99),
        metadata: json!({"suite": "nightly", "attempt": 4}),
        ..package(test, 1, 1)
    };
    let asked = PackageRow {
        metadata: json!({"suite": "smoke", "attempt": 3, "tags": ["a", "b"]}),
        ..package(test, 2, 2)
    };
    insert_all(test, &[other, asked]).await;
    let pairs = [("suite", "smoke"), ("attempt", "3"), ("tags", "b")];
    PackageFilter {
        created_by: Some(test.actor),
        producer: Some("assay".to_owned()),
        subject: Some("shop/cart".to_owned()),
        run_id: Some("run-7".to_owned()),
        retention_class: Some(RetentionClass::RawEvidence),
        status: Some(PackageStatus::Open),
        created_from: Some(at(2)),
        created_before: Some(at(3)),
        metadata: pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec(),
        text: Some("SMOKE p2".to_owned()),
    }
}

/// One filter for each thing that `all` asks.
fn one_by_one(all: &PackageFilter) -> Vec<PackageFilter> {
    let none = PackageFilter::default;
    let mut filters = vec![
        PackageFilter { created_by: all.created_by, ..none() },
        PackageFilter { producer: all.producer.clone(), ..none() },
        PackageFilter { subject: all.subject.clone(), ..none() },
        PackageFilter { run_id: all.run_id.clone(), ..none() },
        PackageFilter { retention_class: all.retention_class, ..none() },
        PackageFilter { status: all.status, ..none() },
        PackageFilter { created_from: all.created_from, ..none() },
        PackageFilter { text: all.text.clone(), ..none() },
    ];
    filters.extend(all.metadata.iter().map(|(key, value)| pair(key, value)));
    filters
}

/// Both, as far as `PackageFilter` can say it.
fn both(one: &PackageFilter, other: &PackageFilter) -> PackageFilter {
    PackageFilter {
        created_by: one.created_by.or(other.created_by),
        producer: one.producer.clone().or(other.producer.clone()),
        subject: one.subject.clone().or(other.subject.clone()),
        run_id: one.run_id.clone().or(other.run_id.clone()),
        retention_class: one.retention_class.or(other.retention_class),
        status: one.status.or(other.status),
        created_from: one.created_from.or(other.created_from),
        created_before: one.created_before.or(other.created_before),
        metadata: [one.metadata.clone(), other.metadata.clone()].concat(),
        text: one.text.clone().or(other.text.clone()),
    }
}

#[tokio::test]
async fn each_filter_and_each_two_of_them_find_the_package_and_not_the_other() {
    on_both(|test| async move {
        let all = insert_two_unlike(&test).await;
        assert_eq!(found(&test, PackageFilter::default()).await, ["p2", "p1"]);
        assert_eq!(found(&test, all.clone()).await, ["p2"]);
        let single = one_by_one(&all);
        for (index, one) in single.iter().enumerate() {
            assert_eq!(found(&test, one.clone()).await, ["p2"], "{one:?}");
            for other in &single[index + 1..] {
                assert_eq!(found(&test, both(one, other)).await, ["p2"], "{one:?} {other:?}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_filter_beside_the_leading_one_is_looked_at_too() {
    on_both(|test| async move {
        let all = insert_two_unlike(&test).await;
        let without_pairs = PackageFilter { metadata: Vec::new(), ..all.clone() };
        let misfits = [
            PackageFilter { created_by: Some(id(99)), ..Default::default() },
            PackageFilter { producer: Some("other".to_owned()), ..Default::default() },
            PackageFilter { subject: Some("other".to_owned()), ..Default::default() },
            PackageFilter { run_id: Some("run-8".to_owned()), ..Default::default() },
            PackageFilter {
                retention_class: Some(RetentionClass::Transient),
                ..Default::default()
            },
            PackageFilter { status: Some(PackageStatus::Abandoned), ..Default::default() },
            PackageFilter { created_from: Some(at(3)), ..Default::default() },
            PackageFilter { created_before: Some(at(2)), ..Default::default() },
            pair("suite", "nightly"),
            text("p1"),
        ];
        for misfit in &misfits {
            for one in one_by_one(&all) {
                let filter = both(misfit, &one);
                // Where the two ask the same thing, `both` is the misfit alone.
                if filter != *misfit {
                    assert!(found(&test, filter).await.is_empty(), "{misfit:?} {one:?}");
                }
            }
            assert!(found(&test, both(misfit, &without_pairs)).await.is_empty(), "{misfit:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_moment_of_a_bound_belongs_to_from_and_not_to_before() {
    on_both(|test| async move {
        let packages: Vec<_> = (1..=4).map(|n| package(&test, n, n as i64)).collect();
        insert_all(&test, &packages).await;
        let between = PackageFilter {
            created_from: Some(at(2)),
            created_before: Some(at(4)),
            ..Default::default()
        };
        assert_eq!(pages(&test, &between, 1).await, [["p3"], ["p2"]]);
        let words = PackageFilter { text: Some("nightly".to_owned()), ..between.clone() };
        assert!(found(&test, words).await.is_empty());
        let words = PackageFilter { text: Some("assay".to_owned()), ..between };
        assert_eq!(pages(&test, &words, 1).await, [["p3"], ["p2"]]);
    })
    .await;
}

#[tokio::test]
async fn pages_cut_packages_of_one_moment_by_their_ids_and_repeat_none() {
    on_both(|test| async move {
        let packages: Vec<_> = (1..=7)
            .map(|n| PackageRow { metadata: json!({"suite": "smoke"}), ..package(&test, n, 5) })
            .collect();
        insert_all(&test, &packages).await;
        let newest_first = ["p7", "p6", "p5", "p4", "p3", "p2", "p1"];
        for filter in [
            PackageFilter::default(),
            PackageFilter { producer: Some("assay".to_owned()), ..Default::default() },
            PackageFilter { created_by: Some(test.actor), ..Default::default() },
            pair("suite", "smoke"),
            text("smoke"),
        ] {
            for limit in [1, 2, 3, 7, 8] {
                let pages = pages(&test, &filter, limit).await;
                assert_eq!(pages.concat(), newest_first, "{limit} {filter:?}");
                assert_eq!(pages.len(), 7_usize.div_ceil(limit as usize), "{limit} {filter:?}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_exact_value_and_a_word_find_a_package_that_has_more_words_than_are_kept() {
    on_both(|test| async move {
        let many: Vec<String> =
            (0..limits::PACKAGE_WORDS_MAX).map(|number| format!("a{number}")).collect();
        let exact = ["zulu last", "zebra/zoo", "zz-9"].map(str::to_owned);
        let [producer, subject, run_id] = exact.clone();
        let wordy = PackageRow {
            producer,
            subject: Some(subject),
            run_id: Some(run_id),
            metadata: json!({ "words": many }),
            ..package(&test, 1, 1)
        };
        insert_all(&test, &[wordy]).await;
        let [producer, subject, run_id] = exact.map(Some);
        for asked in [
            PackageFilter { producer, ..text("a0") },
            PackageFilter { subject, ..text("a0") },
            PackageFilter { run_id, ..text("a0") },
        ] {
            assert_eq!(found(&test, asked.clone()).await, ["p1"], "{asked:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_page_that_looked_at_many_rows_in_vain_is_short_and_has_a_next_one() {
    on_both(|test| async move {
        // The two that are asked for come after so many others that one page does not reach them.
        let rows = limits::SEARCH_ROWS_SCANNED_MAX as i64 + 10;
        let mut packages: Vec<_> = (1..=rows).map(|n| package(&test, n as u128, n)).collect();
        for package in &mut packages[..2] {
            package.status = PackageStatus::Deleted;
        }
        for package in &mut packages {
            package.metadata = json!({"suite": "smoke"});
        }
        insert_all(&test, &packages).await;
        let with_status =
            |filter: PackageFilter, status| PackageFilter { status: Some(status), ..filter };
        for led in [pair("suite", "smoke"), text("smoke")] {
            let pages = pages(&test, &with_status(led.clone(), PackageStatus::Deleted), 100).await;
            assert_eq!(pages, [vec![], vec!["p2".to_owned(), "p1".to_owned()]], "{led:?}");
            let none = with_status(led, PackageStatus::Finalized);
            assert!(found(&test, none).await.is_empty());
        }
        let old = PackageFilter { created_before: Some(at(3)), ..text("smoke") };
        assert_eq!(found(&test, old).await, ["p2", "p1"]);
    })
    .await;
}

#[tokio::test]
async fn words_are_found_in_any_order_case_and_spelling() {
    on_both(|test| async move {
        let declared = PackageRow {
            name: "Größe ①".to_owned(),
            subject: Some("ＦＵＬＬ/width".to_owned()),
            metadata: json!({"note": {"deep": ["Caf\u{e9} \"quoted\" AND"]}, "count": 5}),
            ..package(&test, 1, 1)
        };
        insert_all(&test, &[declared, package(&test, 2, 2)]).await;
        for words in [
            "größe",
            "GRÖSSE GRÖßE",
            "1 größe",
            "full WIDTH",
            "width full",
            "cafe\u{301}",
            "CAF\u{c9}",
            "quoted",
            "and",
            "deep note",
            "assay caf\u{e9}",
            "\"quoted\" OR",
            "note*",
            "-note",
            "run 7 deep",
            "1.4.0 deep",
        ] {
            let hits = found(&test, text(words)).await;
            let expected = !["GRÖSSE GRÖßE", "\"quoted\" OR"].contains(&words);
            assert_eq!(hits == ["Größe ①"], expected, "{words}: {hits:?}");
        }
        for words in ["größ", "notes", "5", "nowhere"] {
            assert!(found(&test, text(words)).await.is_empty(), "{words}");
        }
        // No word at all asks nothing.
        assert_eq!(found(&test, text(" -- ")).await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn pairs_are_those_at_the_top_of_the_document_and_in_its_lists() {
    on_both(|test| async move {
        let declared = PackageRow {
            metadata: json!({"s": "a b", "n": 7, "f": 1.5, "t": true, "z": null, "l": ["x", 8, false],
                "o": {"k": "v"}, "": "empty"}),
            ..package(&test, 1, 1)
        };
        insert_all(&test, &[declared]).await;
        for (key, value) in
            [("s", "a b"), ("n", "7"), ("f", "1.5"), ("t", "true"), ("l", "x"), ("l", "8"), ("l", "false"), ("", "empty")]
        {
            assert_eq!(found(&test, pair(key, value)).await, ["p1"], "{key}={value}");
        }
        for (key, value) in [("s", "a"), ("s", "A B"), ("z", "null"), ("o", "v"), ("k", "v"), ("l", "y"), ("x", "l")] {
            assert!(found(&test, pair(key, value)).await.is_empty(), "{key}={value}");
        }
        let mut session = test.db.read().await.unwrap();
        let filter = PackageFilter { metadata: vec![("s".into(), "a".into()); 4], ..Default::default() };
        let refused = session.of(&test.tenant).search_packages(&filter, None, 1).await.unwrap_err();
        assert_eq!(refused.kind(), DbErrorKind::Refused);
    })
    .await;
}

#[tokio::test]
async fn a_tenant_finds_nothing_of_another_that_has_the_same_ids_and_values() {
    on_both(|test| async move {
        let other = TestDb { tenant: "other".parse::<TenantId>().unwrap(), ..test.clone() };
        let row = TenantRow {
            id: other.tenant.clone(),
            name: "other".to_owned(),
            created_at: at(0),
            disabled_at: None,
        };
        other
            .write(row, |tx, (_, row)| Box::pin(async move { tx.insert_tenant(row).await }))
            .await
            .unwrap();
        other.insert_actor_and_rule().await;
        let metadata = json!({"suite": "smoke"});
        let mine = PackageRow { metadata, ..package(&test, 1, 1) };
        insert_all(&test, std::slice::from_ref(&mine)).await;
        insert_all(&other, &[PackageRow { name: "theirs".to_owned(), ..mine.clone() }]).await;
        insert_all(&other, &[PackageRow { id: id(2), name: "more".to_owned(), ..mine.clone() }])
            .await;
        for filter in [
            PackageFilter::default(),
            PackageFilter { created_by: Some(test.actor), ..Default::default() },
            PackageFilter { run_id: mine.run_id.clone(), ..Default::default() },
            PackageFilter { status: Some(mine.status), ..Default::default() },
            pair("suite", "smoke"),
            text("smoke"),
            both(&text("smoke"), &pair("suite", "smoke")),
        ] {
            assert_eq!(found(&test, filter.clone()).await, ["p1"], "{filter:?}");
            assert_eq!(found(&other, filter.clone()).await, ["more", "theirs"], "{filter:?}");
        }
        assert!(found(&test, text("theirs")).await.is_empty());
        let mut session = test.db.read().await.unwrap();
        assert_eq!(session.of(&test.tenant).package(id(2)).await.unwrap(), None);
        let after = Some(Cursor { at: i64::MAX, id: id(2) });
        let page = session.of(&test.tenant).search_packages(&text("smoke"), after, 10).await;
        let rows = page.unwrap().rows;
        assert_eq!(rows, [ListedPackage { package: mine, active_holds: 0 }]);
    })
    .await;
}
