//! Searching packages: newest first, a page at a time.
//!
//! One filter leads, by an index that has the packages in the order of a page; the others are looked at row by
//! row, and a page looks at a named number of rows at most. The words of a text lead before all others, for no
//! index but their own finds them.

use jiff::Timestamp;
use strongroom_core::package::{PackageStatus, RetentionClass};
use uuid::Uuid;

use super::columns::micros;
use super::error::{DbError, DbErrorKind};
use super::limits;
use super::packages::{PackageRow, package_columns};
use super::scope::TenantRead;
use super::session::Engine;
use super::words;

/// What a search asks of a package. All of it must hold; an empty one asks nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackageFilter {
    /// Who had it made.
    pub created_by: Option<Uuid>,
    /// The program that made it.
    pub producer: Option<String>,
    /// What it is about.
    pub subject: Option<String>,
    /// The run that made it.
    pub run_id: Option<String>,
    /// Its class.
    pub retention_class: Option<RetentionClass>,
    /// Its state.
    pub status: Option<PackageStatus>,
    /// Made at this moment or later.
    pub created_from: Option<Timestamp>,
    /// Made before this moment.
    pub created_before: Option<Timestamp>,
    /// Pairs of its metadata, at most [`limits::METADATA_FILTERS_MAX`].
    pub metadata: Vec<(String, String)>,
    /// Words that its name, producer, subject, run or metadata has, in any order.
    pub text: Option<String>,
}

/// A package that was found, and what a list tells of it besides.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct ListedPackage {
    /// The package.
    #[sqlx(flatten)]
    pub package: PackageRow,
    /// Legal holds that are on it now.
    #[sqlx(try_from = "i64")]
    pub active_holds: u64,
}

/// Where a page ended. The next one begins after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The time of the last row, in microseconds.
    pub at: i64,
    /// Its id.
    pub id: Uuid,
}

impl Cursor {
    const START: Self = Self { at: i64::MAX, id: Uuid::max() };

    /// The earlier of two places to begin after: the end of the page before, and a moment that is outside.
    pub(super) fn before(after: Option<Self>, before: Option<Timestamp>) -> Self {
        let after = after.unwrap_or(Self::START);
        match before.map(micros) {
            // What was made at the moment itself is outside: no id is less than none.
            Some(at) if at <= after.at => Self { at, id: Uuid::nil() },
            _ => after,
        }
    }
}

/// Some rows, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<R> {
    /// The rows. A search that looked at many rows in vain may answer fewer than asked for, even none.
    pub rows: Vec<R>,
    /// Where the next page begins; `None` where there is none.
    pub next: Option<Cursor>,
}

impl<R> Page<R> {
    /// The page of `limit` rows out of up to one more.
    pub(super) fn cut(mut rows: Vec<R>, limit: u32, cursor_of: impl Fn(&R) -> Cursor) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| has_more).map(cursor_of);
        Self { rows, next }
    }
}

/// The values that are asked for exactly.
macro_rules! has_values {
    () => {
        " AND (CAST($7 AS TEXT) IS NULL OR p.producer = $7) AND (CAST($8 AS TEXT) IS NULL OR p.subject = $8) \
         AND (CAST($9 AS TEXT) IS NULL OR p.run_id = $9)"
    };
}

macro_rules! has_pair {
    ($key:literal, $value:literal) => {
        concat!(
            " AND (CAST(",
            $key,
            " AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM package_metadata m WHERE m.tenant_id = $1 AND m.key = ",
            $key,
            " AND m.value_text = ",
            $value,
            " AND m.created_at = p.created_at AND m.package_id = p.id))"
        )
    };
}

/// `$1` tenant, `$2 $3` cursor, `$4` rows to look at, `$5` from; of those `$6` rows after the first `$18`, by
/// `$7…$11` and `$19` equalities and `$12…$17` pairs of the metadata. The order is said twice, of the rows that are
/// looked at and of the page, by columns that both engines know to be the same: then neither sorts.
macro_rules! page {
    ($lead:expr, $keys:literal, $order:literal, $page_order:literal, $residual:expr) => {
        concat!(
            "WITH looked_at AS (SELECT ",
            package_columns!(),
            $keys,
            " FROM ",
            $lead,
            " ORDER BY ",
            $order,
            " LIMIT $4) SELECT p.*, (SELECT count(*) FROM legal_holds h WHERE h.tenant_id = $1 \
             AND h.package_id = p.id AND h.released_at IS NULL) AS active_holds FROM looked_at p WHERE \
             (CAST($10 AS TEXT) IS NULL OR p.retention_class = $10) AND (CAST($11 AS TEXT) IS NULL OR p.status = $11) \
             AND (CAST($19 AS UUID) IS NULL OR p.created_by = $19)",
            has_pair!("$14", "$15"),
            has_pair!("$16", "$17"),
            $residual,
            " ORDER BY ",
            $page_order,
            " LIMIT $6 OFFSET $18"
        )
    };
}

/// The rows of one tenant before the cursor, with a further condition.
macro_rules! packages_where {
    ($condition:literal) => {
        page!(
            concat!(
                "artifact_packages p WHERE p.tenant_id = $1 AND (p.created_at, p.id) < ($2, $3) \
                 AND p.created_at >= $5",
                $condition
            ),
            "",
            "p.created_at DESC, p.id DESC",
            "p.created_at DESC, p.id DESC",
            concat!(has_values!(), has_pair!("$12", "$13"))
        )
    };
}

statements! {
    PACKAGES = {(packages_where!(""))}
    PACKAGES_OF_PRODUCER = {(packages_where!(" AND p.producer = $7"))}
    PACKAGES_OF_SUBJECT = {(packages_where!(" AND p.subject = $8"))}
    PACKAGES_OF_RUN = {(packages_where!(" AND p.run_id = $9"))}
    PACKAGES_OF_CLASS = {(packages_where!(" AND p.retention_class = $10"))}
    PACKAGES_OF_STATUS = {(packages_where!(" AND p.status = $11"))}
    PACKAGES_OF_CREATOR = {(packages_where!(" AND p.created_by = $19"))}
    PACKAGES_WITH_PAIR = {(page!(
        "package_metadata d JOIN artifact_packages p ON p.tenant_id = d.tenant_id AND p.id = d.package_id \
         WHERE d.tenant_id = $1 AND d.key = $12 AND d.value_text = $13 \
         AND (d.created_at, d.package_id) < ($2, $3) AND d.created_at >= $5",
        ", d.created_at AS led_at, d.package_id AS led_id",
        "d.created_at DESC, d.package_id DESC",
        "p.led_at DESC, p.led_id DESC",
        has_values!()
    ))}
    // `$20` the words, `$21` before. SQLite finds them in the order of registration, which is not quite that of
    // their times: so there the times are looked at row by row. PostgreSQL chooses between the words' index and that of
    // an exact value, so it is told of both before it reads, and once: of a value that is asked for again on the page it
    // expects few rows, and then reads them all before it sorts.
    PACKAGES_WITH_WORDS = {
        sqlite page!(
            "package_text t CROSS JOIN artifact_packages p ON p.seq = t.rowid \
             WHERE package_text MATCH $20 AND p.tenant_id = $1 AND t.rowid < \
             coalesce((SELECT c.seq FROM artifact_packages c WHERE c.tenant_id = $1 AND c.id = $3), \
             9223372036854775807)",
            ", t.rowid AS led_by",
            "t.rowid DESC",
            "p.led_by DESC",
            concat!(" AND p.created_at >= $5 AND p.created_at < $21", has_values!(), has_pair!("$12", "$13"))
        ),
        postgres page!(
            concat!(
                "artifact_packages p WHERE p.tenant_id = $1 AND (p.created_at, p.id) < ($2, $3) \
                 AND p.created_at >= $5 AND p.words @@ CAST($20 AS tsquery) AND p.created_at < $21",
                has_values!()
            ),
            "",
            "p.created_at DESC, p.id DESC",
            "p.created_at DESC, p.id DESC",
            has_pair!("$12", "$13")
        )
    }
}

/// A statement's binds.
struct Query<'f> {
    lead: &'static super::sql::Statement,
    filter: &'f PackageFilter,
    after: Option<Cursor>,
    words: Option<Words>,
}

/// The words that lead, in the language of their engine.
enum Words {
    Sqlite(String),
    Postgres(String),
}

impl TenantRead<'_> {
    /// The packages that `filter` finds, newest first, at most `limit` (itself at most
    /// [`limits::PAGE_ROWS_MAX`]) from `after` on.
    pub async fn search_packages(
        &mut self,
        filter: &PackageFilter,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<ListedPackage>, DbError> {
        if filter.metadata.len() > limits::METADATA_FILTERS_MAX {
            return Err(DbError::new(
                DbErrorKind::Refused,
                "too many pairs of metadata in one search",
            ));
        }
        let limit = limit.clamp(1, limits::PAGE_ROWS_MAX);
        let query = Query::of(self, filter, after);
        let rows = self.page_of(&query, filter, i64::from(limit) + 1, 0).await?;
        let mut page = Page::cut(rows, limit, cursor_of);
        if page.next.is_none() && query.looks_at_rows() {
            // All rows that were looked at may have been too few: the next page goes on behind the last of them.
            let led = query.led();
            let last = i64::from(limits::SEARCH_ROWS_SCANNED_MAX) - 1;
            let ends = self.page_of(&query, &led, 1, last).await?;
            page.next = ends.first().map(cursor_of);
        }
        Ok(page)
    }

    async fn page_of(
        &mut self,
        query: &Query<'_>,
        residual: &PackageFilter,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<ListedPackage>, DbError> {
        let pair = |index: usize| {
            residual.metadata.get(index).map(|(key, value)| (key.as_str(), value.as_str()))
        };
        let key = |index| pair(index).map(|(key, _)| key);
        let value = |index| pair(index).map(|(_, value)| value);
        let (session, tenant) = self.parts();
        // The words of SQLite lead without a time: there it is one of the filters.
        let (times, cursor) = match &query.words {
            Some(Words::Sqlite(_)) => (residual, query.after.unwrap_or(Cursor::START)),
            _ => (query.filter, Cursor::before(query.after, query.filter.created_before)),
        };
        let before = times.created_before.map_or(i64::MAX, micros);
        macro_rules! page {
            ($($more:expr),*) => {
                rows!(
                    session,
                    ListedPackage,
                    query.lead,
                    tenant,
                    cursor.at,
                    cursor.id,
                    i64::from(limits::SEARCH_ROWS_SCANNED_MAX),
                    times.created_from.map_or(i64::MIN, micros),
                    limit,
                    residual.producer.as_deref(),
                    residual.subject.as_deref(),
                    residual.run_id.as_deref(),
                    residual.retention_class.map(RetentionClass::as_str),
                    residual.status.map(PackageStatus::as_str),
                    key(0),
                    value(0),
                    key(1),
                    value(1),
                    key(2),
                    value(2),
                    offset,
                    residual.created_by
                    $(, $more)*
                )
            };
        }
        match &query.words {
            Some(Words::Sqlite(words) | Words::Postgres(words)) => page!(words, before),
            None => page!(),
        }
    }
}

fn cursor_of(ListedPackage { package, .. }: &ListedPackage) -> Cursor {
    Cursor { at: micros(package.created_at), id: package.id }
}

impl<'f> Query<'f> {
    fn of(read: &mut TenantRead<'_>, filter: &'f PackageFilter, after: Option<Cursor>) -> Self {
        let asked = filter.text.as_deref().map(words::of_search).unwrap_or_default();
        let words = (!asked.is_empty()).then(|| Words::of(read, filter, asked));
        Self { lead: filter.lead(words.is_some()), filter, after, words }
    }

    /// What of the filter its lead finds by itself.
    fn led(&self) -> PackageFilter {
        let filter = self.filter;
        let mut led = PackageFilter::default();
        match (&self.words, self.lead.name) {
            (Some(Words::Sqlite(_)), _) => {}
            (Some(Words::Postgres(_)), _) => {
                led.producer.clone_from(&filter.producer);
                led.subject.clone_from(&filter.subject);
                led.run_id.clone_from(&filter.run_id);
            }
            (None, "PACKAGES_OF_RUN") => led.run_id.clone_from(&filter.run_id),
            (None, "PACKAGES_OF_SUBJECT") => led.subject.clone_from(&filter.subject),
            (None, "PACKAGES_WITH_PAIR") => led.metadata.extend(filter.metadata.first().cloned()),
            (None, "PACKAGES_OF_STATUS") => led.status = filter.status,
            (None, "PACKAGES_OF_CREATOR") => led.created_by = filter.created_by,
            (None, "PACKAGES_OF_PRODUCER") => led.producer.clone_from(&filter.producer),
            (None, "PACKAGES_OF_CLASS") => led.retention_class = filter.retention_class,
            (None, _) => {}
        }
        led
    }

    /// Whether rows that the lead finds are looked at by other filters.
    fn looks_at_rows(&self) -> bool {
        let mut by_row = PackageFilter { text: None, ..self.filter.clone() };
        if !matches!(self.words, Some(Words::Sqlite(_))) {
            (by_row.created_from, by_row.created_before) = (None, None);
        }
        by_row != self.led()
    }
}

impl Words {
    fn of(read: &mut TenantRead<'_>, filter: &PackageFilter, mut words: Vec<String>) -> Self {
        let tenant = read.tenant().clone();
        let (session, _) = read.parts();
        match session.engine() {
            Engine::Sqlite(_) => {
                // What has an exact value has its words: the index then reads fewer that have not.
                let exact = [&filter.producer, &filter.subject, &filter.run_id];
                words.extend(exact.into_iter().flatten().flat_map(|text| words::of_search(text)));
                Self::Sqlite(words::fts5(&tenant, &words))
            }
            Engine::Postgres(_) => Self::Postgres(words::tsquery(&tenant, &words)),
        }
    }
}

impl PackageFilter {
    /// The statement of the filter that most likely finds the fewest.
    fn lead(&self, has_words: bool) -> &'static super::sql::Statement {
        if has_words {
            &PACKAGES_WITH_WORDS
        } else if self.run_id.is_some() {
            &PACKAGES_OF_RUN
        } else if self.subject.is_some() {
            &PACKAGES_OF_SUBJECT
        } else if !self.metadata.is_empty() {
            &PACKAGES_WITH_PAIR
        } else if self.status.is_some_and(|status| status != PackageStatus::Finalized) {
            &PACKAGES_OF_STATUS
        } else if self.created_by.is_some() {
            &PACKAGES_OF_CREATOR
        } else if self.producer.is_some() {
            &PACKAGES_OF_PRODUCER
        } else if self.retention_class.is_some() {
            &PACKAGES_OF_CLASS
        } else if self.status.is_some() {
            &PACKAGES_OF_STATUS
        } else {
            &PACKAGES
        }
    }
}
