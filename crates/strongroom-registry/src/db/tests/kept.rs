//! What is kept as it was written: audit events, used keys, and decisions that take two.

use jiff::SignedDuration;
use serde_json::json;
use strongroom_core::Sha256Digest;
use uuid::Uuid;

use super::support::{TestDb, on_both};
use crate::db::engine::Opened;
use crate::db::{
    ApprovalAction, ApprovalRow, ApprovalStatus, AuditEventRow, AuditFilter, DbErrorKind,
    IdempotencyRow,
};

/// Runs a statement that the registry has not, and tells whether it was refused.
async fn is_refused(test: &TestDb, statement: &'static str) -> bool {
    // SQLite's readers cannot write, so this connection is another.
    match &test.db.opened {
        Opened::Sqlite(_) => {
            let pool = sqlx::SqlitePool::connect(&test.url).await.unwrap();
            sqlx::query(statement).execute(&pool).await.is_err()
        }
        Opened::Postgres(_) => {
            let pool = sqlx::PgPool::connect(&test.url).await.unwrap();
            sqlx::query(statement).execute(&pool).await.is_err()
        }
    }
}

fn new_event(test: &TestDb, event_type: &str) -> AuditEventRow {
    AuditEventRow {
        id: test.clock.new_id(),
        log_index: None,
        event_type: event_type.to_owned(),
        package_id: Some(Uuid::from_u128(1)),
        file_id: None,
        principal_id: Some(test.actor),
        at: test.clock.now(),
        record_sha256: Some(Sha256Digest::from_bytes([1; 32])),
        details: json!({"files": 3}),
    }
}

async fn insert_event(test: &TestDb, event: &AuditEventRow) {
    test.write(event.clone(), |tx, (tenant, event)| {
        Box::pin(async move { tx.of(tenant).insert_audit_event(event).await })
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn the_database_refuses_to_change_or_remove_an_audit_event() {
    on_both(|test| async move {
        let event = new_event(&test, "package_created");
        insert_event(&test, &event).await;
        for refused in [
            "DELETE FROM audit_events",
            "UPDATE audit_events SET event_type = 'other'",
            "UPDATE audit_events SET at = at + 1",
            "UPDATE audit_events SET principal_id = NULL",
            "UPDATE audit_events SET package_id = NULL",
            "UPDATE audit_events SET file_id = package_id",
            "UPDATE audit_events SET record_sha256 = NULL",
            "UPDATE audit_events SET details = '{}'",
            "UPDATE audit_events SET id = package_id",
            "UPDATE audit_events SET tenant_id = 'other'",
            "TRUNCATE audit_events",
        ] {
            assert!(is_refused(&test, refused).await, "{refused}");
        }
        // Its place in the log is given once, and stays.
        assert!(!is_refused(&test, "UPDATE audit_events SET log_index = 4").await);
        assert!(is_refused(&test, "UPDATE audit_events SET log_index = 5").await);
        assert!(is_refused(&test, "UPDATE audit_events SET log_index = NULL").await);
        let mut session = test.db.read().await.unwrap();
        let page = session.of(&test.tenant).audit_events(&AuditFilter::default(), None, 10).await;
        assert_eq!(page.unwrap().rows, [AuditEventRow { log_index: Some(4), ..event }]);
    })
    .await;
}

#[tokio::test]
async fn audit_events_are_paged_newest_first_by_each_filter() {
    on_both(|test| async move {
        let mut events = Vec::new();
        for number in 0..4 {
            let event = new_event(&test, if number == 1 { "other" } else { "asked" });
            insert_event(&test, &event).await;
            events.insert(0, event);
        }
        let other = events.remove(2);
        let filters = [
            AuditFilter { event_type: Some("asked".to_owned()), ..Default::default() },
            AuditFilter {
                event_type: Some("asked".to_owned()),
                package_id: other.package_id,
                principal_id: Some(test.actor),
                from: Some(events[2].at),
                before: Some(events[0].at + SignedDuration::from_micros(1)),
            },
        ];
        let mut session = test.db.read().await.unwrap();
        for filter in filters {
            let mut rows = session.of(&test.tenant);
            let first = rows.audit_events(&filter, None, 2).await.unwrap();
            assert_eq!(first.rows, events[..2]);
            let second = rows.audit_events(&filter, first.next, 2).await.unwrap();
            assert_eq!((second.rows.as_slice(), second.next), (&events[2..], None));
        }
        let nobody = AuditFilter { principal_id: Some(Uuid::from_u128(9)), ..Default::default() };
        let none = session.of(&test.tenant).audit_events(&nobody, None, 2).await.unwrap();
        assert!(none.rows.is_empty());
    })
    .await;
}

async fn use_key(test: &TestDb, key: &IdempotencyRow) -> Option<IdempotencyRow> {
    test.write(key.clone(), |tx, (tenant, key)| {
        Box::pin(async move { tx.of(tenant).use_idempotency_key(key).await })
    })
    .await
    .unwrap()
}

fn new_key(test: &TestDb) -> IdempotencyRow {
    let created_at = test.clock.now();
    IdempotencyRow {
        principal_id: test.actor,
        route: "create".to_owned(),
        key: "k".to_owned(),
        request_sha256: Sha256Digest::from_bytes([1; 32]),
        resource_id: test.clock.new_id(),
        created_at,
        expires_at: created_at + SignedDuration::from_hours(1),
    }
}

#[tokio::test]
async fn a_used_key_answers_what_it_was_used_for_until_its_time_is_over() {
    on_both(|test| async move {
        let first = new_key(&test);
        assert_eq!(use_key(&test, &first).await, None);
        let again =
            IdempotencyRow { request_sha256: Sha256Digest::from_bytes([2; 32]), ..new_key(&test) };
        assert_eq!(use_key(&test, &again).await, Some(first.clone()));
        for another in [
            IdempotencyRow { principal_id: Uuid::from_u128(5), ..again.clone() },
            IdempotencyRow { route: "other".to_owned(), ..again.clone() },
            IdempotencyRow { key: "K".to_owned(), ..again.clone() },
        ] {
            assert_eq!(use_key(&test, &another).await, None, "{another:?}");
        }
        let over = IdempotencyRow { created_at: first.expires_at, ..again.clone() };
        let over =
            IdempotencyRow { expires_at: over.created_at + SignedDuration::from_hours(1), ..over };
        assert_eq!(use_key(&test, &over).await, None);
        assert_eq!(use_key(&test, &over).await, Some(over.clone()));
        let forgotten = test.write(over.created_at, |tx, (_, now)| {
            Box::pin(async move { tx.forget_idempotency_keys_of_any_tenant(*now).await })
        });
        assert_eq!(forgotten.await.unwrap(), 0);
        let forgotten = test.write(over.expires_at, |tx, (_, now)| {
            Box::pin(async move { tx.forget_idempotency_keys_of_any_tenant(*now).await })
        });
        assert_eq!(forgotten.await.unwrap(), 4);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_use_one_key_at_once_one_is_the_first() {
    on_both(|test| async move {
        let writers: Vec<_> = (0..10)
            .map(|_| {
                let (test, key) = (test.clone(), new_key(&test));
                tokio::spawn(async move { (key.resource_id, use_key(&test, &key).await) })
            })
            .collect();
        let (mut first, mut told) = (Vec::new(), Vec::new());
        for writer in writers {
            match writer.await.unwrap() {
                (resource, None) => first.push(resource),
                (_, Some(used)) => told.push(used.resource_id),
            }
        }
        assert_eq!(first.len(), 1);
        assert_eq!(told, vec![first[0]; 9]);
    })
    .await;
}

#[tokio::test]
async fn an_approval_is_anothers_and_is_spent_once() {
    on_both(|test| async move {
        let package = test.new_package();
        test.insert(&package).await.unwrap();
        let asked_at = test.clock.now();
        let asked = ApprovalRow {
            id: test.clock.new_id(),
            action: ApprovalAction::EarlyDeletion,
            package_id: package.id,
            hold_id: None,
            reason: "asked".to_owned(),
            requested_by: test.actor,
            requested_at: asked_at,
            expires_at: asked_at + SignedDuration::from_hours(1),
            status: ApprovalStatus::Pending,
            decided_by: None,
            decided_at: None,
        };
        let insert = |approval: ApprovalRow| {
            test.write(approval, |tx, (tenant, approval)| {
                Box::pin(async move { tx.of(tenant).insert_approval(approval).await })
            })
        };
        insert(asked.clone()).await.unwrap();
        let twice = insert(ApprovalRow { id: test.clock.new_id(), ..asked.clone() }).await;
        assert_eq!(twice.unwrap_err().kind(), DbErrorKind::Conflict);
        let approve = |by: Uuid| {
            test.write((asked.id, by, asked_at), |tx, (tenant, (id, by, at))| {
                Box::pin(async move {
                    tx.of(tenant).decide_approval(*id, ApprovalStatus::Approved, *by, *at).await
                })
            })
        };
        let spend = |now| {
            test.write((asked.id, now), |tx, (tenant, (id, now))| {
                Box::pin(async move { tx.of(tenant).use_approval(*id, *now).await })
            })
        };
        assert!(!spend(asked_at).await.unwrap());
        assert_eq!(approve(test.actor).await.unwrap_err().kind(), DbErrorKind::Refused);
        assert!(approve(Uuid::from_u128(5)).await.unwrap());
        assert!(!approve(Uuid::from_u128(6)).await.unwrap());
        assert!(!spend(asked.expires_at).await.unwrap());
        assert!(spend(asked_at).await.unwrap());
        assert!(!spend(asked_at).await.unwrap());
    })
    .await;
}
