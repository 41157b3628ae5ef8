//! Every statement is prepared on both engines, so that SQL is checked before it runs.

use std::collections::BTreeSet;

use sqlx::Executor as _;

use super::support::on_both;
use crate::db::session::Engine;
use crate::db::sql::Statement;
use crate::db::{
    approvals, audit, engine, files, holds, idempotency, jobs, locations, noted_documents,
    packages, placed_files, principals, retention, schemas, search, sweeper, tenants, tokens,
    upload_parts, uploads,
};

pub(super) fn all() -> impl Iterator<Item = &'static Statement> {
    [
        approvals::STATEMENTS,
        audit::STATEMENTS,
        engine::STATEMENTS,
        files::STATEMENTS,
        holds::STATEMENTS,
        idempotency::STATEMENTS,
        jobs::STATEMENTS,
        locations::STATEMENTS,
        noted_documents::STATEMENTS,
        packages::STATEMENTS,
        placed_files::STATEMENTS,
        principals::STATEMENTS,
        retention::STATEMENTS,
        schemas::STATEMENTS,
        search::STATEMENTS,
        sweeper::STATEMENTS,
        tenants::STATEMENTS,
        tokens::STATEMENTS,
        upload_parts::STATEMENTS,
        uploads::STATEMENTS,
    ]
    .into_iter()
    .flatten()
}

#[tokio::test]
async fn every_statement_is_understood_by_both_engines() {
    on_both(|test| async move {
        let mut wrong = Vec::new();
        for statement in all() {
            let mut session = test.db.read().await.unwrap();
            let prepared = match session.engine() {
                Engine::Sqlite(connection) => connection
                    .prepare(sqlx::SqlSafeStr::into_sql_str(statement.sqlite))
                    .await
                    .map(drop),
                Engine::Postgres(connection) if !statement.postgres.is_empty() => connection
                    .prepare(sqlx::SqlSafeStr::into_sql_str(statement.postgres))
                    .await
                    .map(drop),
                Engine::Postgres(_) => Ok(()),
            };
            if let Err(error) = prepared {
                wrong.push(format!("{}: {error}", statement.name));
            }
        }
        assert!(wrong.is_empty(), "{}\n{}", test.url, wrong.join("\n"));
    })
    .await;
}

#[test]
fn no_two_statements_share_a_name_and_few_have_a_text_for_each_engine() {
    let names: BTreeSet<_> = all().map(|statement| statement.name).collect();
    assert_eq!(names.len(), all().count());
    let differing: Vec<_> = all()
        .filter(|statement| !statement.postgres.starts_with(statement.sqlite))
        .map(|statement| statement.name)
        .collect();
    assert_eq!(
        differing,
        ["NOW", "CLAIM", "CLAIM_LAPSED", "INSERT_PACKAGE", "INSERT_WORDS", "PACKAGES_WITH_WORDS"]
    );
}
