//! Every bound of the database layer, by name.

/// Writes that wait for SQLite's one writer; a further one waits before it is queued.
pub const WRITES_QUEUED_MAX: usize = 1_024;
/// Writes that one transaction of SQLite's writer commits together.
pub const WRITES_IN_GROUP_MAX: usize = 256;
/// How long a write waits to be queued before it is refused as busy.
pub const WRITE_QUEUE_WAIT_MS_MAX: u64 = 15_000;
/// How long one write may run inside the writer; it must wait for nothing but the database.
pub const WRITE_RUN_MS_MAX: u64 = 10_000;
/// How long SQLite waits for another process that writes to the same file.
pub const SQLITE_BUSY_MS_MAX: u64 = 5_000;
/// Connections that read from SQLite at the same time.
pub const SQLITE_READERS_MAX: u32 = 8;
/// KiB of pages that SQLite's writer keeps in memory.
pub const SQLITE_WRITER_CACHE_KIB: u32 = 8_192;
/// Bytes that SQLite's write-ahead log keeps on the disk after a checkpoint.
pub const SQLITE_WAL_BYTES_KEPT: u64 = 64 << 20;
/// Connections to PostgreSQL of one process.
pub const POSTGRES_CONNECTIONS_MAX: u32 = 32;
/// How long anyone waits for a connection.
pub const CONNECTION_WAIT_MS_MAX: u64 = 10_000;
/// Runs of a write on PostgreSQL that keeps losing against others (serialization failure, deadlock).
pub const WRITE_ATTEMPTS_MAX: u32 = 12;
/// Runs of a write on PostgreSQL that meets a row which another made meanwhile.
pub const WRITE_CONFLICT_ATTEMPTS_MAX: u32 = 3;
/// The longest pause between two runs of one write.
pub const WRITE_PAUSE_MS_MAX: u64 = 200;

/// Rows in one page of a listing.
pub const PAGE_ROWS_MAX: u32 = 1_000;
/// Rows that one page of a search looks at. A page that ends here may be short, even empty, and still have a
/// next one: no combination of filters reads a million rows in one request.
pub const SEARCH_ROWS_SCANNED_MAX: u32 = 1_500;
/// Different words of one package that a search finds it by.
pub const PACKAGE_WORDS_MAX: usize = 512;
/// Pairs of metadata that one search asks for.
pub const METADATA_FILTERS_MAX: usize = 3;
/// Words of one search.
pub const SEARCH_WORDS_MAX: usize = 16;
/// Bytes of one word; what is longer is cut.
pub const WORD_BYTES_MAX: usize = 64;
/// Pairs of one package's metadata that a search finds it by.
pub const METADATA_PAIRS_MAX: usize = 256;
/// Bytes of a metadata value that a search finds; a longer one is found by its words only.
pub const METADATA_VALUE_BYTES_MAX: usize = 512;
/// Bytes of a tenant's id.
pub const TENANT_ID_BYTES_MAX: usize = 63;
