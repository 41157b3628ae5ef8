//! One text for both engines: how statements are named, listed and run.

/// A statement that is written here, by name. The texts differ where `postgres` says so only.
#[derive(Debug, Clone, Copy)]
pub(super) struct Statement {
    pub(super) name: &'static str,
    pub(super) sqlite: &'static str,
    pub(super) postgres: &'static str,
}

/// Declares named statements and `STATEMENTS`, the list of them that tests prepare on both engines.
///
/// `NAME = text;` is the same on both; `NAME = text, postgres adds text;` is the same but for an end, such as a
/// lock on the rows; `NAME = sqlite text, postgres text;` are two.
macro_rules! statements {
    (@one $name:ident = sqlite $sqlite:expr, postgres $postgres:expr) => {
        $crate::db::sql::Statement {
            name: stringify!($name), sqlite: $sqlite, postgres: $postgres,
        }
    };
    (@one $name:ident = ($($text:tt)+), postgres adds $end:literal) => {
        statements!(@one $name = sqlite concat!($($text)+), postgres concat!($($text)+, $end))
    };
    (@one $name:ident = ($($text:tt)+)) => {
        statements!(@one $name = sqlite concat!($($text)+), postgres concat!($($text)+))
    };
    ($($name:ident = {$($definition:tt)+})+) => {
        $(const $name: $crate::db::sql::Statement = statements!(@one $name = $($definition)+);)+
        /// Every statement of this module.
        #[cfg(test)]
        pub(super) const STATEMENTS: &[$crate::db::sql::Statement] = &[$($name),+];
    };
}

/// Expands `$run` for the engine of a session: `query` makes the statement's query, with its binds, and
/// `connection` is where it runs.
macro_rules! on_engine {
    ($session:expr, $statement:expr, ($($make:tt)+), [$($bind:expr),*], $end:ident) => {{
        let session: &mut $crate::db::Session = $session;
        let answer = match session.engine() {
            $crate::db::session::Engine::Sqlite(connection) => {
                on_engine!(@query sqlx::Sqlite, $statement.sqlite, $($make)+)$(.bind($bind))*.$end(connection).await
                    .map(on_engine!(@answer $end))
            }
            $crate::db::session::Engine::Postgres(connection) => {
                on_engine!(@query sqlx::Postgres, $statement.postgres, $($make)+)$(.bind($bind))*.$end(connection).await
                    .map(on_engine!(@answer $end))
            }
        };
        answer.map_err(|error| session.failed($statement.name, error))
    }};
    (@query $engine:ty, $text:expr, as $row:ty) => { sqlx::query_as::<$engine, $row>($text) };
    (@query $engine:ty, $text:expr, plain) => { sqlx::query::<$engine>($text) };
    (@answer execute) => { |done| done.rows_affected() };
    (@answer $end:ident) => { |rows| rows };
}

/// All rows of a statement.
macro_rules! rows {
    ($session:expr, $row:ty, $statement:expr $(, $bind:expr)* $(,)?) => {
        on_engine!($session, $statement, (as $row), [$($bind),*], fetch_all)
    };
}

/// The one row of a statement, if there is one.
macro_rules! row {
    ($session:expr, $row:ty, $statement:expr $(, $bind:expr)* $(,)?) => {
        on_engine!($session, $statement, (as $row), [$($bind),*], fetch_optional)
    };
}

/// How many rows a statement changed.
macro_rules! changed {
    ($session:expr, $statement:expr $(, $bind:expr)* $(,)?) => {
        on_engine!($session, $statement, (plain), [$($bind),*], execute)
    };
}
