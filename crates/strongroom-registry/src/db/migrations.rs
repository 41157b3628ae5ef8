//! The schema, embedded. Each number stands for the same step on both engines.

use std::borrow::Cow;

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Number, name, and the texts for SQLite and PostgreSQL.
const MIGRATIONS: &[(i64, &str, &str, &str)] = &[(
    1,
    "registry",
    include_str!("../../../../migrations/sqlite/0001_registry.sql"),
    include_str!("../../../../migrations/postgres/0001_registry.sql"),
)];

/// The number of the last step that this program knows.
pub(super) const VERSION: i64 = MIGRATIONS[MIGRATIONS.len() - 1].0;

pub(super) fn sqlite() -> Migrator {
    migrator(|(_, _, sqlite, _)| sqlite)
}

pub(super) fn postgres() -> Migrator {
    migrator(|(_, _, _, postgres)| postgres)
}

fn migrator(
    text: impl Fn(&'static (i64, &'static str, &'static str, &'static str)) -> &'static str,
) -> Migrator {
    let migrations = MIGRATIONS.iter().map(|migration| {
        Migration::new(
            migration.0,
            Cow::Borrowed(migration.1),
            MigrationType::Simple,
            text(migration).into_sql_str(),
            false,
        )
    });
    Migrator::with_migrations(migrations.collect())
}
