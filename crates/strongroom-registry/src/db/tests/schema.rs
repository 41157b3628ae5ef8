//! The two schemas are one, and the states in them are those of the code.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_core::observed::Unobserved;
use strongroom_core::package::{
    FileStatus, LocationStatus, LockState, PackageStatus, RestoreStatus, RetentionClass,
    RetrievalTier, RuleLock,
};
use strongroom_core::receipt::{CreateOnly, Integrity};

use super::support::{TestDb, on_both};
use crate::auth::Role;
use crate::db::engine::Opened;
use crate::db::session::Engine;
use crate::db::{
    ApprovalAction, ApprovalStatus, Db, DbErrorKind, HoldReach, JobState, PartState, PrincipalKind,
    RetentionEventType, UploadState,
};

const SQLITE: &str = include_str!("../../../../../migrations/sqlite/0001_registry.sql");
const POSTGRES: &str = include_str!("../../../../../migrations/postgres/0001_registry.sql");

/// What only one engine has: its way of finding words.
const DIFFERENCES: [&str; 2] = ["artifact_packages.seq", "artifact_packages.words"];

/// Each column, and whether it may be NULL.
async fn columns(test: &TestDb) -> BTreeMap<String, bool> {
    const OF_SQLITE: &str = "SELECT m.name || '.' || c.name, c.\"notnull\" = 0 FROM sqlite_master m \
        JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' \
        AND m.name NOT LIKE '_sqlx_%' AND m.name NOT LIKE 'package_text%'";
    const OF_POSTGRES: &str = "SELECT table_name || '.' || column_name, is_nullable = 'YES' \
        FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%'";
    let mut session = test.db.read().await.unwrap();
    let rows: Vec<(String, bool)> = match session.engine() {
        Engine::Sqlite(connection) => {
            sqlx::query_as(OF_SQLITE).fetch_all(connection).await.unwrap()
        }
        Engine::Postgres(connection) => {
            sqlx::query_as(OF_POSTGRES).fetch_all(connection).await.unwrap()
        }
    };
    rows.into_iter().filter(|(name, _)| !DIFFERENCES.contains(&name.as_str())).collect()
}

#[tokio::test]
async fn both_engines_have_the_same_tables_and_columns() {
    let seen = std::sync::Mutex::new(Vec::new());
    on_both(|test| {
        let seen = &seen;
        async move {
            let columns = columns(&test).await;
            assert!(columns.len() > 150, "{}", columns.len());
            seen.lock().unwrap().push(columns);
        }
    })
    .await;
    let seen = seen.into_inner().unwrap();
    assert!(seen.windows(2).all(|two| two[0] == two[1]), "{seen:#?}");
}

/// Constraints and indexes, without what the engines spell differently.
fn constraints(schema: &str) -> BTreeSet<String> {
    let joined = schema.replace("\n        ", " ").replace("\n    WHERE", " WHERE");
    let lines = joined.lines().map(|line| line.trim().replace(" COLLATE \"C\"", ""));
    lines
        .filter(|line| !line.starts_with("--"))
        .filter(|line| {
            ["CHECK", "UNIQUE", "FOREIGN", "INDEX"].iter().any(|word| line.contains(word))
        })
        .map(|line| {
            ["INTEGER", "BIGINT", "BOOLEAN", "BLOB", "BYTEA", "UUID", "JSONB", "TEXT"]
                .iter()
                .fold(line, |line, name| line.replace(name, "type"))
        })
        .collect()
}

#[test]
fn both_engines_have_the_same_constraints_and_indexes() {
    let (sqlite, postgres) = (constraints(SQLITE), constraints(POSTGRES));
    assert!(sqlite.len() > 70, "{}", sqlite.len());
    let differing: Vec<_> = sqlite.symmetric_difference(&postgres).collect();
    assert_eq!(
        differing,
        [
            "CREATE INDEX packages_by_word ON artifact_packages USING gin (words);",
            "UNIQUE (tenant_id, id),"
        ]
    );
}

/// The names in the CHECK of `column` of `table`.
fn listed(schema: &str, table: &str, column: &str) -> Vec<String> {
    let (_, body) = schema.split_once(&format!("CREATE TABLE {table} (")).unwrap();
    let (body, _) = body.split_once("\n)").unwrap();
    let (_, check) = body.split_once(&format!("CHECK ({column} IN (")).unwrap();
    let (names, _) = check.split_once("))").unwrap();
    names.split(',').map(|name| name.trim().trim_matches('\'').to_owned()).collect()
}

#[test]
fn each_check_lists_the_states_of_its_enum() {
    macro_rules! names {
        ($Enum:ty) => {
            <$Enum>::ALL.iter().map(|state| state.as_str().to_owned()).collect::<Vec<_>>()
        };
    }
    let expected = [
        ("artifact_packages", "status", names!(PackageStatus)),
        ("artifact_packages", "lock_state", names!(LockState)),
        ("artifact_packages", "retention_class", names!(RetentionClass)),
        ("retention_rules", "retention_class", names!(RetentionClass)),
        ("retention_rules", "lock_time", names!(RuleLock)),
        ("artifact_files", "status", names!(FileStatus)),
        ("storage_locations", "status", names!(LocationStatus)),
        ("storage_locations", "integrity", names!(Integrity)),
        ("storage_locations", "create_only", names!(CreateOnly)),
        ("storage_locations", "lock_unobserved", names!(Unobserved)),
        ("storage_locations", "retrieval_tier", names!(RetrievalTier)),
        ("storage_locations", "restore_status", names!(RestoreStatus)),
        ("retention_events", "event_type", names!(RetentionEventType)),
        ("legal_holds", "reach", names!(HoldReach)),
        ("approvals", "action", names!(ApprovalAction)),
        ("approvals", "status", names!(ApprovalStatus)),
        ("jobs", "state", names!(JobState)),
        ("principals", "kind", names!(PrincipalKind)),
        ("tokens", "role", names!(Role)),
        ("resumable_uploads", "status", names!(UploadState)),
        ("upload_parts", "status", names!(PartState)),
    ];
    for (table, column, names) in expected {
        for schema in [SQLITE, POSTGRES] {
            assert_eq!(listed(schema, table, column), names, "{table}.{column}");
        }
    }
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    on_both(|test| async move {
        test.db.expect_current_schema().await.unwrap();
        let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
            VALUES (9999, 'later', TRUE, $1, 0)";
        // SQLite's readers cannot write, so this connection is another.
        match &test.db.opened {
            Opened::Sqlite(_) => {
                let pool = sqlx::SqlitePool::connect(&test.url).await.unwrap();
                sqlx::query(newer).bind(b"x".as_slice()).execute(&pool).await.unwrap();
            }
            Opened::Postgres(_) => {
                let pool = sqlx::PgPool::connect(&test.url).await.unwrap();
                sqlx::query(newer).bind(b"x".as_slice()).execute(&pool).await.unwrap();
            }
        }
        for refused in [test.db.migrate().await, test.db.expect_current_schema().await] {
            let refused = refused.unwrap_err();
            assert_eq!(refused.kind(), DbErrorKind::NewerSchema);
            assert!(refused.guidance().is_some());
        }
        assert_eq!(test.db.schema_version().await.unwrap(), Some(9999));
    })
    .await;
}

#[tokio::test]
async fn an_empty_database_has_no_version_and_says_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("db").display());
    let db = Db::open(&url).await.unwrap();
    assert_eq!(db.schema_version().await.unwrap(), None);
    let refused = db.expect_current_schema().await.unwrap_err();
    assert_eq!(refused.kind(), DbErrorKind::NotMigrated);
    assert_eq!(refused.guidance(), Some("run `strongroom migrate`"));
    db.migrate().await.unwrap();
    db.migrate().await.unwrap();
    db.expect_current_schema().await.unwrap();
}
