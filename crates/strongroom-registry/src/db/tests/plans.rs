//! How the engines find what they are asked: by an index, in the order of the page, and no more than a page needs.

use sqlx::Row as _;

use super::statements;
use super::support::{TestDb, on_both};
use crate::db::session::Engine;
use crate::db::sql::Statement;

/// Those that sort by intention: the holds of one package, the places of one file, and the packages of the locks that
/// end soon, which are many objects' each.
const SORTING_A_FEW: [&str; 3] = ["ACTIVE_HOLDS", "LOCATIONS_OF_FILE", "DATED_PACKAGES_LAPSING"];

/// Statements, and the index that each must be led by.
const LEADS: [(&str, &str); 38] = [
    ("PACKAGES", "packages_by_time"),
    ("PACKAGES_OF_PRODUCER", "packages_by_producer"),
    ("PACKAGES_OF_SUBJECT", "packages_by_subject"),
    ("PACKAGES_OF_RUN", "packages_by_run"),
    ("PACKAGES_OF_CLASS", "packages_by_class"),
    ("PACKAGES_OF_STATUS", "packages_by_status"),
    ("PACKAGES_OF_CREATOR", "packages_by_creator"),
    ("PACKAGES_WITH_PAIR", "package_metadata_pkey"),
    ("EVENTS", "audit_events_by_time"),
    ("EVENTS_OF_PACKAGE", "audit_events_of_package"),
    ("EVENTS_OF_PRINCIPAL", "audit_events_of_principal"),
    ("EVENTS_OF_TYPE", "audit_events_of_type"),
    ("UNSEQUENCED_EVENTS", "audit_events_unsequenced"),
    ("CLAIM", "jobs_claimable"),
    ("CLAIM_LAPSED", "jobs_leased"),
    ("JOBS", "jobs_by_time"),
    ("JOBS_OF_STATE", "jobs_by_state"),
    ("JOBS_OF_KIND", "jobs_by_kind"),
    ("JOBS_OF_STATE_AND_KIND", "jobs_by_state_and_kind"),
    ("JOBS_OF_PACKAGE", "jobs_of_package"),
    ("LAST_JOB", "jobs_of_package_by_kind"),
    ("LIVE_JOB", "jobs_live"),
    ("LIVE_FILE_IN_THE_WAY", "files_live_path"),
    ("STORE_FILE", "files_live_path"),
    ("RECEIVING_FILES", "files_receiving"),
    ("GIVEN_UP_FILES", "files_given_up"),
    ("RETENTION_EVENTS", "retention_events_of_package"),
    ("FILES_OF_PACKAGE", "files_of_package"),
    ("LIVE_FILES_OF_PACKAGE", "files_of_package"),
    ("PLACED_FILES_OF_PACKAGE", "files_of_package"),
    ("PLACED_FILES_OF_PACKAGE", "locations_of_file"),
    ("LOCATIONS_OF_PACKAGE", "locations_of_package"),
    ("LOCATIONS_OF_FILE", "locations_of_file"),
    ("DELETING_LOCATIONS", "locations_deleting"),
    ("EXPIRED_PACKAGES", "packages_due"),
    ("DATED_PACKAGES_LAPSING", "locations_lapsing"),
    ("DATELESS_PACKAGES_LAPSING", "packages_dateless"),
    ("FINALIZED_EVENT", "audit_events_finalized"),
];

fn statement(name: &str) -> &'static Statement {
    statements::all().find(|statement| statement.name == name).unwrap()
}

/// The steps of SQLite's plan. It looks at no values, so none are bound.
async fn sqlite_plan(connection: &mut sqlx::SqliteConnection, statement: &Statement) -> String {
    let explain = format!("EXPLAIN QUERY PLAN {}", statement.sqlite);
    let rows = sqlx::query(sqlx::AssertSqlSafe(explain)).fetch_all(connection).await.unwrap();
    let steps: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
    steps.join("\n")
}

#[tokio::test]
async fn sqlite_reads_no_table_from_end_to_end_and_sorts_nothing_long() {
    on_both(|test| async move {
        let mut session = test.db.read().await.unwrap();
        let Engine::Sqlite(connection) = session.engine() else { return };
        let mut wrong = Vec::new();
        for statement in statements::all() {
            let plan = sqlite_plan(connection, statement).await;
            // `p` is the page that a co-routine hands on, `t` what the words find.
            let scans = plan.lines().filter(|step| step.starts_with("SCAN")).any(|step| {
                !["SCAN p", "SCAN CONSTANT ROW"].contains(&step)
                    && !step.starts_with("SCAN t VIRTUAL")
            });
            let sorts = plan.contains("TEMP B-TREE") && !SORTING_A_FEW.contains(&statement.name);
            if scans || sorts || plan.contains("MATERIALIZE") {
                wrong.push(format!("{}: {plan}", statement.name));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    })
    .await;
}

#[tokio::test]
async fn sqlite_leads_each_page_by_the_index_that_is_made_for_it() {
    on_both(|test| async move {
        let mut session = test.db.read().await.unwrap();
        let Engine::Sqlite(connection) = session.engine() else { return };
        for (name, index) in LEADS {
            let plan = sqlite_plan(connection, statement(name)).await;
            let led = match index {
                "package_metadata_pkey" => plan.contains(
                    "SEARCH d USING PRIMARY KEY (tenant_id=? AND key=? \
                    AND value_text=? AND created_at>?",
                ),
                index => plan.contains(&format!(" INDEX {index} (")),
            };
            assert!(led, "{name} is not led by {index}:\n{plan}");
        }
        let words = sqlite_plan(connection, statement("PACKAGES_WITH_WORDS")).await;
        let (found, read) =
            (words.find("SCAN t VIRTUAL"), words.find("SEARCH p USING INTEGER PRIMARY KEY"));
        assert!(found.is_some() && found < read, "{words}");
        // Each upload asks it, by each of its parts: never of all files of a package.
        for name in ["LIVE_FILE_IN_THE_WAY", "STORE_FILE"] {
            let path = sqlite_plan(connection, statement(name)).await;
            let by_path = "INDEX files_live_path (tenant_id=? AND package_id=? AND path_nfc";
            assert_eq!(path.matches(by_path).count(), 2, "{path}");
        }
        // Under a package's lock: of parts, of which there may be very many, none is read.
        let parts = sqlite_plan(connection, statement("COUNT_GOING_PARTS")).await;
        assert!(parts.contains("COVERING INDEX parts_of_package ("), "{parts}");
        let files = sqlite_plan(connection, statement("COUNT_GIVEN_UP_FILES")).await;
        assert!(files.contains("INDEX files_given_up ("), "{files}");
    })
    .await;
}

/// Fills PostgreSQL with rows like those of a registry, and lets it count them.
async fn fill(test: &TestDb) -> sqlx::PgPool {
    let pool = sqlx::PgPool::connect(&test.url).await.unwrap();
    let text = include_str!("fill.sql").replace("$rule", &test.rule.to_string());
    sqlx::raw_sql(sqlx::AssertSqlSafe(text)).execute(&pool).await.unwrap();
    pool
}

/// Values for the binds of each statement of [`LEADS`], as literals.
fn literals(name: &str) -> Vec<&'static str> {
    const ID: &str = "'00000000-0000-0000-0000-000000000007'::uuid";
    const LAST: [&str; 2] = ["9223372036854775807", "'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid"];
    let page = |set: &[(usize, &'static str)]| {
        let mut values =
            vec!["'default'", LAST[0], LAST[1], "5000", "(-9223372036854775808)", "101"];
        values.extend(["NULL"; 11]);
        values.extend(["0", "NULL", "NULL", LAST[0]]);
        for (place, value) in set {
            values[place - 1] = value;
        }
        values
    };
    let events = |place: usize, value: &'static str| {
        let mut values = vec!["'default'", LAST[0], LAST[1], "0", "NULL", "NULL", "NULL", "101"];
        values[place - 1] = value;
        values
    };
    let jobs =
        |filters: &[&'static str]| [&["'default'", LAST[0], LAST[1], "101"], filters].concat();
    let in_the_way = ["'default'", ID, "'a/b'", "'a/b/'", "'a/b0'", "'a'", "NULL", "NULL", "NULL"];
    match name {
        "PACKAGES" => page(&[]),
        "PACKAGES_OF_PRODUCER" => page(&[(7, "'producer-2'")]),
        "PACKAGES_OF_SUBJECT" => page(&[(8, "'subject-7'")]),
        "PACKAGES_OF_RUN" => page(&[(9, "'run-70'")]),
        "PACKAGES_OF_CLASS" => page(&[(10, "'transient'")]),
        "PACKAGES_OF_STATUS" => page(&[(11, "'deleted'")]),
        "PACKAGES_OF_CREATOR" => page(&[(19, ID)]),
        "PACKAGES_WITH_PAIR" => page(&[(12, "'repo'"), (13, "'r7'")]),
        "PACKAGES_WITH_WORDS" => page(&[(20, "'''w7'' & ''tenant0default0'''")]),
        "EVENTS" => events(4, "0"),
        "EVENTS_OF_PACKAGE" => events(5, ID),
        "EVENTS_OF_PRINCIPAL" => events(6, ID),
        "EVENTS_OF_TYPE" => events(7, "'type-7'"),
        "UNSEQUENCED_EVENTS" => vec!["'default'", "100"],
        "CLAIM" | "CLAIM_LAPSED" => vec!["15000", "'w'", "20000"],
        "JOBS" => jobs(&[]),
        "JOBS_OF_STATE" => jobs(&["'failed'"]),
        "JOBS_OF_KIND" => jobs(&["'clean-up'"]),
        "JOBS_OF_STATE_AND_KIND" => jobs(&["'failed'", "'clean-up'"]),
        "JOBS_OF_PACKAGE" => vec!["'default'", ID, "100"],
        "LAST_JOB" => vec!["'default'", ID, "'clean-up'"],
        "LIVE_JOB" => vec!["'default'", "'clean-up'", ID],
        "LIVE_FILE_IN_THE_WAY" => in_the_way.to_vec(),
        "STORE_FILE" => [&in_the_way[..], &[ID, "'stored'", "1", "sha256('x')", "7"]].concat(),
        "RECEIVING_FILES" => vec!["15", "100"],
        "GIVEN_UP_FILES" => vec!["'default'", ID, ID, "100"],
        "RETENTION_EVENTS" => vec!["'default'", ID, "0", ID, "100"],
        "FILES_OF_PACKAGE" | "LIVE_FILES_OF_PACKAGE" | "PLACED_FILES_OF_PACKAGE" => {
            vec!["'default'", ID, "''", ID, "100"]
        }
        "LOCATIONS_OF_PACKAGE" | "DELETING_LOCATIONS" => vec!["'default'", ID, ID, "100"],
        "LOCATIONS_OF_FILE" => vec!["'default'", ID],
        "EXPIRED_PACKAGES" => vec!["15", "100", "(-9223372036854775808)", ID],
        "DATED_PACKAGES_LAPSING" | "DATELESS_PACKAGES_LAPSING" => vec!["15", ID, "100"],
        "FINALIZED_EVENT" => vec!["'default'", ID],
        _ => panic!("no literals for {name}"),
    }
}

/// PostgreSQL's plan as it runs, with the rows that each step gave.
async fn postgres_plan(pool: &sqlx::PgPool, name: &str) -> String {
    postgres_plan_of(pool, name, literals(name)).await
}

async fn postgres_plan_of(pool: &sqlx::PgPool, name: &str, literals: Vec<&str>) -> String {
    let mut text = statement(name).postgres.to_owned();
    for (place, value) in literals.iter().enumerate().rev() {
        text = text.replace(&format!("${}", place + 1), value);
    }
    let explain =
        format!("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) {text}");
    let mut transaction = pool.begin().await.unwrap();
    let steps: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(explain))
        .fetch_all(&mut *transaction)
        .await
        .unwrap();
    transaction.rollback().await.unwrap();
    steps.join("\n")
}

#[tokio::test]
async fn postgres_leads_each_page_by_an_index_and_reads_no_more_than_the_page() {
    on_both(|test| async move {
        if matches!(test.db.read().await.unwrap().engine(), Engine::Sqlite(_)) {
            return;
        }
        let pool = fill(&test).await;
        let mut wrong = Vec::new();
        for (name, index) in LEADS {
            let plan = postgres_plan(&pool, name).await;
            let reads_many = plan.lines().any(|step| {
                let rows =
                    step.split("rows=").nth(1).and_then(|rows| rows.split([' ', ')']).next());
                rows.and_then(|rows| rows.parse::<f64>().ok()).is_some_and(|rows| rows > 200.0)
            });
            let sorts = plan.contains("Sort Key") && !SORTING_A_FEW.contains(&name);
            if !plan.contains(index) || plan.contains("Seq Scan") || sorts || reads_many {
                wrong.push(format!("{name} by {index}:\n{plan}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
        let words = postgres_plan(&pool, "PACKAGES_WITH_WORDS").await;
        assert!(!words.contains("Seq Scan"), "{words}");
        // With an exact value beside the words its own index leads: it has the packages in the order of the page.
        let mut of_producer = literals("PACKAGES_WITH_WORDS");
        of_producer[6] = "'producer-3'";
        of_producer[19] = "'''tenant0default0'''";
        let words = postgres_plan_of(&pool, "PACKAGES_WITH_WORDS", of_producer).await;
        assert!(words.contains("packages_by_producer"), "{words}");
        for claim in ["CLAIM", "CLAIM_LAPSED"] {
            let plan = postgres_plan(&pool, claim).await;
            assert!(plan.contains("InitPlan"), "the choice may be made for each row:\n{plan}");
        }
    })
    .await;
}
