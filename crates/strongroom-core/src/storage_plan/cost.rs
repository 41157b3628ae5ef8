//! What a plan may cost: an estimate from a table of prices, in whole millionths of a currency.

use serde::{Deserialize, Serialize};

use super::document::{PlannedObject, StoreKind, Target};
use crate::limits;

/// The schema of a table of prices.
pub const PRICES_SCHEMA: &str = "strongroom.prices/v1";
/// The table that counts where nobody names another.
const DEFAULT: &str = include_str!("prices.json");

/// Requests that read: what a push asks of each object that it locks, and of the bucket.
const READS_PER_OBJECT: u64 = 6;
const READS_PER_PUSH: u64 = 12;
/// Requests that write besides the object itself: a lock that is set after the write, a probe.
const WRITES_PER_OBJECT: u64 = 2;
/// What goes in one request, and the size of the parts of what does not.
const PART_BYTES: u64 = 7 << 20;

/// A table of prices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// Always [`PRICES_SCHEMA`].
    pub schema: String,
    /// The currency of every row (ISO 4217).
    pub currency: String,
    /// What to know of the table as a whole.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
    /// The rows.
    pub rows: Vec<PriceRow>,
}

/// What one provider asks in one place for one class of storage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceRow {
    /// Its name in the table.
    pub id: String,
    /// Who asks it.
    pub provider: String,
    /// The kind of store that it is for.
    pub kind: StoreKind,
    /// Where.
    pub region: String,
    /// The class of storage, by the provider's own name.
    pub storage_class: String,
    /// For so many bytes, a month.
    pub storage: Price,
    /// For so many requests that write.
    pub writes: Price,
    /// For so many requests that read.
    pub reads: Price,
    /// Smaller objects are charged as if they had so many bytes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub object_bytes_min: Option<u64>,
    /// What is kept for less is charged for so many days.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub days_min: Option<u32>,
    /// The page that it is from.
    pub source: String,
    /// The day on which it was read.
    pub as_of: jiff::civil::Date,
}

/// So many millionths of the currency for so many units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Millionths of the currency.
    pub micros: u64,
    /// For so many units.
    pub per: u64,
}

/// A table that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PricesError {
    /// Not of its schema.
    #[error("the table of prices is not of the schema {PRICES_SCHEMA}: {0}")]
    Malformed(String),
    /// More rows than [`limits::PRICE_ROWS_MAX`].
    #[error("the table of prices has more rows than PRICE_ROWS_MAX ({})", limits::PRICE_ROWS_MAX)]
    TooLong,
    /// A price for no units at all.
    #[error("a row of the table of prices has a price for 0 units")]
    PerNothing,
    /// Two rows of one name.
    #[error("two rows of the table of prices have the same id")]
    SameId,
}

impl Prices {
    /// The table that comes with this program.
    pub fn default_table() -> Result<Self, PricesError> {
        let table: Self = serde_json::from_str(DEFAULT)
            .map_err(|error| PricesError::Malformed(error.to_string()))?;
        table.checked()
    }

    /// This table, if it can be reckoned with.
    pub fn checked(self) -> Result<Self, PricesError> {
        if self.schema != PRICES_SCHEMA {
            return Err(PricesError::Malformed("it names another schema".to_owned()));
        }
        if self.rows.len() > limits::PRICE_ROWS_MAX {
            return Err(PricesError::TooLong);
        }
        let is_bad =
            |row: &PriceRow| [row.storage, row.writes, row.reads].iter().any(|p| p.per == 0);
        if self.rows.iter().any(is_bad) {
            return Err(PricesError::PerNothing);
        }
        let mut ids: Vec<&str> = self.rows.iter().map(|row| row.id.as_str()).collect();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(PricesError::SameId);
        }
        Ok(self)
    }
}

/// What a plan may cost, by each row that fits its store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostEstimate {
    /// Always true: prices differ by place, contract and day.
    pub is_estimate: bool,
    /// Where the prices are from: `default`, or the name of a file.
    pub prices: String,
    /// The currency (ISO 4217). Amounts are whole millionths of it, rounded up.
    pub currency: String,
    /// What is reckoned with.
    pub quantities: Quantities,
    /// The rows, in the order of the table; none where nothing in it fits.
    pub rows: Vec<CostRow>,
}

/// What is reckoned with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quantities {
    /// Objects that are kept.
    pub objects: u64,
    /// Their bytes, at most.
    pub size_bytes: u64,
    /// Requests that write, at most.
    pub write_requests: u64,
    /// Requests that read, at most.
    pub read_requests: u64,
    /// Days to the end of the dated lock; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub days: Option<u32>,
}

/// What one row of the table comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostRow {
    /// The row of the table.
    pub id: String,
    /// Whose price.
    pub provider: String,
    /// Where.
    pub region: String,
    /// For which class.
    pub storage_class: String,
    /// Storage, a month.
    pub monthly_micros: u64,
    /// The requests of the push, once.
    pub push_micros: u64,
    /// Storage to the end of the dated lock, and the requests; absent where there is no date.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retention_micros: Option<u64>,
    /// The page that the price is from.
    pub source: String,
    /// The day on which it was read.
    pub as_of: jiff::civil::Date,
}

/// What these objects may cost. `days` is how long they are locked.
pub fn estimate(
    prices: &Prices,
    named: &str,
    target: &Target,
    objects: &[PlannedObject],
    days: Option<u32>,
) -> CostEstimate {
    let mut quantities = Quantities {
        objects: 0,
        size_bytes: 0,
        write_requests: 0,
        read_requests: READS_PER_PUSH,
        days,
    };
    for object in objects {
        let size_bytes = object.size_bytes_at_most();
        quantities.objects += 1;
        quantities.size_bytes = quantities.size_bytes.saturating_add(size_bytes);
        quantities.write_requests += writes(size_bytes);
        quantities.read_requests += READS_PER_OBJECT;
    }
    let fits = |row: &&PriceRow| {
        let class = target.storage_class.as_deref();
        row.kind == target.kind && class.is_none_or(|class| class == row.storage_class)
    };
    let rows = prices.rows.iter().filter(fits).map(|row| cost(row, objects, &quantities)).collect();
    let currency = prices.currency.clone();
    CostEstimate { is_estimate: true, prices: named.to_owned(), currency, quantities, rows }
}

fn writes(size_bytes: u64) -> u64 {
    match size_bytes {
        0..=PART_BYTES => 1 + WRITES_PER_OBJECT,
        // To begin, each part and a probe of one, to complete.
        _ => 3 + size_bytes.div_ceil(PART_BYTES) + WRITES_PER_OBJECT,
    }
}

fn cost(row: &PriceRow, objects: &[PlannedObject], quantities: &Quantities) -> CostRow {
    let smallest = row.object_bytes_min.unwrap_or(0);
    let charged: u128 =
        objects.iter().map(|object| u128::from(object.size_bytes_at_most().max(smallest))).sum();
    let requests = |number: u64, price: Price| reckoned(u128::from(number), price, 1, 1);
    let push_micros = requests(quantities.write_requests, row.writes)
        .saturating_add(requests(quantities.read_requests, row.reads));
    let retention_micros = quantities.days.map(|days| {
        let days = days.max(row.days_min.unwrap_or(0));
        // A month is a twelfth of 365.25 days.
        reckoned(charged * u128::from(days), row.storage, 48, 1_461).saturating_add(push_micros)
    });
    CostRow {
        id: row.id.clone(),
        provider: row.provider.clone(),
        region: row.region.clone(),
        storage_class: row.storage_class.clone(),
        monthly_micros: reckoned(charged, row.storage, 1, 1),
        push_micros,
        retention_micros,
        source: row.source.clone(),
        as_of: row.as_of,
    }
}

/// `units * price * times / by`, rounded up; what is beyond any bill is the largest number.
fn reckoned(units: u128, price: Price, times: u128, by: u128) -> u64 {
    let product =
        units.checked_mul(u128::from(price.micros)).and_then(|one| one.checked_mul(times));
    let Some(product) = product else { return u64::MAX };
    u64::try_from(product.div_ceil(u128::from(price.per) * by)).unwrap_or(u64::MAX)
}

/// Millionths as a decimal amount: `0.000253`, `12.50`. At least two digits after the point.
pub fn in_decimals(micros: u64) -> String {
    let (whole, rest) = (micros / 1_000_000, micros % 1_000_000);
    let digits = format!("{rest:06}");
    let shown = digits.trim_end_matches('0').len().max(2);
    format!("{whole}.{}", &digits[..shown])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage_plan::document::{ObjectKind, WrittenBy};

    fn object(size_bytes: u64) -> PlannedObject {
        PlannedObject {
            kind: ObjectKind::Bundle,
            written_by: WrittenBy::Push,
            path: None,
            key: "k".to_owned(),
            sha256: None,
            size_bytes: Some(size_bytes),
            size_bytes_max: None,
            retention: None,
            legal_hold: false,
            decided_at_push: Vec::new(),
        }
    }

    fn target(storage_class: Option<&str>) -> Target {
        Target {
            kind: StoreKind::S3,
            store: "s3://evidence".to_owned(),
            endpoint: None,
            bucket: Some("evidence".to_owned()),
            prefix: String::new(),
            account: None,
            storage_class: storage_class.map(str::to_owned),
            encryption: None,
            kms_key_id: None,
        }
    }

    /// 10 a GB and month, 1 for a thousand writes, nothing for reads.
    fn plain() -> Prices {
        let row = serde_json::json!({
            "id": "plain", "provider": "P", "kind": "s3", "region": "r", "storage_class": "STANDARD",
            "storage": {"micros": 10_000_000, "per": 1_000_000_000},
            "writes": {"micros": 1_000_000, "per": 1_000}, "reads": {"micros": 0, "per": 1},
            "source": "https://example.org/prices", "as_of": "2026-01-01",
        });
        let table = serde_json::json!({
            "schema": PRICES_SCHEMA, "currency": "EUR", "rows": [row],
        });
        serde_json::from_value::<Prices>(table).unwrap().checked().unwrap()
    }

    fn one(prices: &Prices, objects: &[PlannedObject], days: Option<u32>) -> CostRow {
        let estimate = estimate(prices, "p.json", &target(None), objects, days);
        estimate.rows.into_iter().next().unwrap()
    }

    #[test]
    fn storage_and_requests_are_reckoned_in_whole_millionths() {
        let row = one(&plain(), &[object(500_000_000)], Some(1_461));
        assert_eq!(row.monthly_micros, 5_000_000);
        // 1,461 days are four years: 48 months.
        assert_eq!(row.retention_micros, Some(240_000_000 + row.push_micros));
        // To begin, 69 + 3 parts of 7 MiB at most, and what comes with each object, at 0.001 each.
        assert_eq!(row.push_micros, (3 + 500_000_000_u64.div_ceil(7 << 20) + 2) * 1_000);
    }

    #[test]
    fn what_is_less_than_a_millionth_is_rounded_up_and_nothing_is_nothing() {
        assert_eq!(one(&plain(), &[object(1)], None).monthly_micros, 1);
        assert_eq!(one(&plain(), &[object(0)], None).monthly_micros, 0);
    }

    #[test]
    fn small_objects_and_short_times_are_charged_as_the_row_says() {
        let mut prices = plain();
        prices.rows[0].object_bytes_min = Some(100_000_000);
        prices.rows[0].days_min = Some(1_461);
        let row = one(&prices, &[object(1), object(2)], Some(1));
        assert_eq!(row.monthly_micros, 2_000_000);
        assert_eq!(row.retention_micros, Some(96_000_000 + row.push_micros));
    }

    #[test]
    fn a_class_that_no_row_has_gets_no_estimate() {
        let of_class = |class| {
            estimate(&plain(), "p.json", &target(Some(class)), &[object(1)], None).rows.len()
        };
        assert_eq!((of_class("STANDARD"), of_class("GLACIER")), (1, 0));
    }

    #[test]
    fn what_no_integer_holds_is_the_largest_one() {
        let row = one(&plain(), &[object(u64::MAX), object(u64::MAX)], Some(u32::MAX));
        assert_eq!(row.retention_micros, Some(u64::MAX));
    }

    #[test]
    fn amounts_are_shown_with_the_digits_that_they_have() {
        let table = [(0, "0.00"), (253, "0.000253"), (12_500_000, "12.50"), (1_230_000, "1.23")];
        for (micros, shown) in table {
            assert_eq!(in_decimals(micros), shown);
        }
    }

    #[test]
    fn the_default_table_names_page_and_day_of_every_price() {
        let table = Prices::default_table().unwrap();
        assert!(table.note.as_ref().is_some_and(|note| note.contains("estimate")));
        assert!(table.rows.len() >= 5);
        for row in &table.rows {
            assert!(row.source.starts_with("https://"), "{}", row.id);
        }
    }

    #[test]
    fn a_table_that_cannot_be_reckoned_with_is_refused() {
        let refused = |change: fn(&mut Prices)| {
            let mut prices = plain();
            change(&mut prices);
            prices.checked().unwrap_err()
        };
        assert_eq!(refused(|prices| prices.rows[0].reads.per = 0), PricesError::PerNothing);
        let twice = |prices: &mut Prices| prices.rows.push(prices.rows[0].clone());
        assert_eq!(refused(twice), PricesError::SameId);
        let other = |prices: &mut Prices| prices.schema = "strongroom.prices/v2".to_owned();
        assert!(matches!(refused(other), PricesError::Malformed(_)));
    }
}
