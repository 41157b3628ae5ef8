//! Every bound on untrusted input, by name. A refusal by one of these names it and exits 10.

/// Bytes of a native bundle's `manifest.json`.
pub const MANIFEST_BYTES_MAX: u64 = 64 << 20;
/// Files in one bundle.
pub const FILES_MAX: usize = 100_000;
/// Folders that are walked for one bundle; links may lead into one folder more than once.
pub const FOLDERS_MAX: usize = 100_000;
/// Bytes of one file in a bundle.
pub const FILE_BYTES_MAX: u64 = 5 << 40;
/// Bytes of one archive (compressed), unless raised.
pub const ARCHIVE_BYTES_MAX: u64 = 100 << 30;
/// Bytes of one path inside a bundle.
pub const PATH_BYTES_MAX: usize = 1_024;
/// Nesting of JSON arrays and objects.
pub const JSON_DEPTH_MAX: usize = 64;
/// Bytes of one JSON string, after unescaping.
pub const JSON_STRING_BYTES_MAX: usize = 1 << 20;
/// The largest integer that every JSON reader keeps exactly (I-JSON, RFC 7493 section 2.2).
pub const JSON_INTEGER_MAX: u64 = (1 << 53) - 1;
/// Uncompressed bytes for each compressed byte, once past [`DECOMPRESSION_GRACE_BYTES`].
/// Deflate cannot exceed 1,032.
pub const DECOMPRESSION_RATIO_MAX: u64 = 1_000;
/// Uncompressed bytes that are let through before the ratio counts.
pub const DECOMPRESSION_GRACE_BYTES: u64 = 64 << 20;

/// The longest lock that is ever asked of a store: 100 years, the most that any provider takes.
pub const LOCK_DAYS_MAX: u32 = 36_500;
/// How far this machine's clock and the store's may be apart before anything dated is written.
pub const CLOCK_SKEW_SECONDS_MAX: u64 = 300;

/// Bytes of a run id, a subject, a producer name.
pub const NAME_BYTES_MAX: usize = 256;
/// Bytes of a reference, receipt or record read back from a store.
pub const RECORD_BYTES_MAX: u64 = 1 << 20;
/// Records of one bundle that a reindex reads; whoever may write can plant any number.
pub const RECORDS_READ_MAX: usize = 10_000;
/// Objects that one record names; a longer list is kept as several records. Each name takes two keys'
/// worth of bytes at most, so that a record stays below [`RECORD_BYTES_MAX`].
pub const RECORD_OBJECTS_MAX: usize = 256;
/// Detached signatures of one bundle that are locked with it.
pub const ATTESTATIONS_MAX: usize = 10_000;
/// Bytes of a detached signature, statement and predicate included.
pub const ATTESTATION_BYTES_MAX: u64 = 16 << 20;
/// Subjects of one statement.
pub const STATEMENT_SUBJECTS_MAX: usize = 1_000;
/// Time-stamp tokens in one signature file.
pub const TIMESTAMPS_MAX: usize = 16;
/// Keys in one collection of trust roots.
pub const TRUST_ROOTS_MAX: usize = 10_000;
/// Bytes of a collection of trust roots.
pub const TRUST_ROOTS_BYTES_MAX: u64 = 16 << 20;
/// Bytes of a key file.
pub const KEY_BYTES_MAX: u64 = 64 << 10;
/// Bytes of a private key's passphrase.
pub const PASSPHRASE_BYTES_MAX: u64 = 4_096;
/// Bytes of the reason for a hold or an extension, and of a name that somebody gives themselves.
pub const REASON_BYTES_MAX: usize = 4_096;
/// Runs that one receipt names; a push writes two at most.
pub const RECEIPT_RUN_IDS_MAX: usize = 16;
/// Entries in one page of a listing; S3 gives no more either.
pub const LIST_PAGE_ENTRIES_MAX: usize = 1_000;

/// Names in one JSON object (the same bound as Assay's verifier has).
pub const JSON_NAMES_MAX: usize = 10_000;
/// Values of a JSON document that are kept as a tree: each costs up to a hundred bytes of memory.
pub const JSON_VALUES_MAX: usize = 100_000;
/// Bytes of the original name and of the comment in a gzip header, each.
pub const GZIP_TEXT_BYTES_MAX: usize = 4_096;

/// Bytes of an Assay v1 archive.
pub const ASSAY_ARCHIVE_BYTES_MAX: u64 = 100 << 20;
/// Bytes of an Assay v1 archive after decompression.
pub const ASSAY_DECODED_BYTES_MAX: u64 = 1 << 30;
/// Bytes of an Assay v1 `manifest.json`.
pub const ASSAY_MANIFEST_BYTES_MAX: u64 = 10 << 20;
/// Bytes of an Assay v1 `events.ndjson`.
pub const ASSAY_EVENTS_BYTES_MAX: u64 = 500 << 20;
/// Events in an Assay v1 bundle.
pub const ASSAY_EVENTS_MAX: u64 = 100_000;
/// Bytes of one line of an Assay v1 `events.ndjson`, without its line feed.
pub const ASSAY_LINE_BYTES_MAX: usize = 1 << 20;
/// Bytes of a path in an Assay v1 bundle.
pub const ASSAY_PATH_BYTES_MAX: usize = 256;
/// Names in one JSON object of an Assay v1 bundle.
pub const ASSAY_JSON_NAMES_MAX: usize = 10_000;

/// Bytes of a store's answer to a question (a listing is the longest).
pub const STORE_ANSWER_BYTES_MAX: u64 = 8 << 20;
/// Bytes that are read of a store's refusal.
pub const STORE_REFUSAL_BYTES_MAX: u64 = 64 << 10;

/// Bytes of a CAVRA `manifest.json`.
pub const CAVRA_MANIFEST_BYTES_MAX: u64 = 1 << 20;
/// Files that a CAVRA manifest lists. One record names them all, and the manifest.
pub const CAVRA_FILES_MAX: usize = RECORD_OBJECTS_MAX - 1;
/// Bytes of a path in a CAVRA directory.
pub const CAVRA_PATH_BYTES_MAX: usize = 256;
/// Folders in a CAVRA directory, and how deep they lie in each other.
pub const CAVRA_FOLDERS_MAX: usize = 255;
/// Bytes of one of the JSON documents of a CAVRA directory.
pub const CAVRA_DOCUMENT_BYTES_MAX: u64 = 16 << 20;
/// Bytes of the shared secret of an HS256 signature.
pub const CAVRA_SECRET_BYTES_MAX: u64 = 64 << 10;
/// Digits of one integer in Python's JSON: what Python itself reads.
pub const PYTHON_INTEGER_DIGITS_MAX: usize = 4_300;

/// Bytes of a time-stamp token: a signature and a chain of certificates.
pub const TIMESTAMP_BYTES_MAX: usize = 64 << 10;
/// Bytes of a time-stamp authority's answer.
pub const TIMESTAMP_ANSWER_BYTES_MAX: usize = TIMESTAMP_BYTES_MAX + 1024;
/// Certificates in one token.
pub const TIMESTAMP_CERTIFICATES_MAX: usize = 16;
/// Bytes of a file of time-stamp authorities.
pub const TIMESTAMP_AUTHORITIES_BYTES_MAX: usize = 1 << 20;
/// Certificates in a file of time-stamp authorities.
pub const TIMESTAMP_AUTHORITIES_MAX: usize = 256;
/// Characters that are told of what a time-stamp authority says when it refuses.
pub const TIMESTAMP_REFUSAL_CHARACTERS_MAX: usize = 200;

/// Bytes of one signature by an external command: a P-256 one has 72 at most.
pub const SIGNATURE_BYTES_MAX: usize = 1_024;
/// Bytes of a key service's answer; one about a key lists all its versions.
pub const KEY_SERVICE_ANSWER_BYTES_MAX: usize = 1 << 20;

/// Bytes of text that are looked at for one secret, from its keyword on.
pub const SECRET_BYTES_MAX: usize = 8 << 10;
/// Bytes before its keyword in which a secret may begin.
pub const SECRET_LOOKBEHIND_BYTES: usize = 128;

/// Findings that one report of a linter names; the rest is counted.
pub const LINT_FINDINGS_MAX: usize = 10_000;
/// Findings of one rule that are named for one place; the rest is counted.
pub const LINT_FINDINGS_PER_PLACE_MAX: usize = 100;
/// Characters that are shown of a path or of the name of a field in a finding.
pub const LINT_PLACE_CHARACTERS_MAX: usize = 400;
/// Characters of one pattern of paths in a linter's configuration.
pub const LINT_PATTERN_CHARACTERS_MAX: usize = 1_024;
/// Patterns of paths in a linter's configuration.
pub const LINT_PATTERNS_MAX: usize = 1_000;
/// Bytes of a linter's configuration.
pub const LINT_CONFIGURATION_BYTES_MAX: u64 = 1 << 20;
/// Bytes of a file of findings that are known.
pub const LINT_BASELINE_BYTES_MAX: u64 = 16 << 20;

/// Bytes of a file that a comparison looks into, on either side.
pub const DIFF_FILE_BYTES_MAX: u64 = 4 << 20;
/// Bytes of all the files that a comparison looks into, of both sides together: they are held in memory.
pub const DIFF_CONTENT_BYTES_MAX: u64 = 32 << 20;
/// Files that a comparison looks into.
pub const DIFF_FILES_MAX: usize = 1_000;
/// Pairs of lines, records or items that may have to be held against each other in one file: those that
/// are left of the one side between what both sides begin and end with, times those of the other.
pub const DIFF_PAIRS_MAX: u64 = 1 << 29;
/// The same of all files together: some seconds.
pub const DIFF_PAIRS_ALL_MAX: u64 = 1 << 32;
/// Stretches of changed lines that are shown of one file.
pub const DIFF_HUNKS_MAX: usize = 20;
/// Lines that are shown of one file, unchanged ones around changed ones included.
pub const DIFF_LINES_MAX: usize = 200;
/// Changed values of a JSON document or record that are shown.
pub const DIFF_VALUES_MAX: usize = 100;
/// Changed records of a file of records that are shown.
pub const DIFF_RECORDS_MAX: usize = 50;
/// Characters that are shown of a line, a value or a pointer.
pub const DIFF_CHARACTERS_MAX: usize = 200;
/// Lines, values and records that are shown of all files together.
pub const DIFF_SHOWN_MAX: usize = 5_000;

/// Bytes of a storage plan.
pub const PLAN_BYTES_MAX: u64 = 4 << 20;
/// Bytes of a table of prices.
pub const PRICES_BYTES_MAX: u64 = 1 << 20;
/// Rows of a table of prices.
pub const PRICE_ROWS_MAX: usize = 1_000;

/// Bytes of the metadata that a package declares, as canonical JSON: its first record holds it, and stays
/// below [`RECORD_BYTES_MAX`].
pub const PACKAGE_METADATA_BYTES_MAX: usize = 256 << 10;
/// Nesting of that metadata: less than [`JSON_DEPTH_MAX`], since records and documents embed it.
pub const PACKAGE_METADATA_DEPTH_MAX: usize = 32;
/// Values in that metadata: less than [`JSON_VALUES_MAX`], for the same reason.
pub const PACKAGE_METADATA_VALUES_MAX: usize = 10_000;
/// Secrets in what a package declares that one refusal names.
pub const DECLARED_SECRETS_MAX: usize = 20;
/// Bytes of a `package.json`: a row with its location and its lock for each of [`FILES_MAX`] files, and the
/// manifest.
pub const PACKAGE_DOCUMENT_BYTES_MAX: u64 = 512 << 20;
/// Folders that lie in each other, of files that a registry takes from a folder of its server.
pub const LOCAL_FOLDERS_DEEP_MAX: usize = 64;
/// Days of the lock on what is kept without a date, renewed when half of them are over.
pub const ROLLING_LOCK_DAYS: u32 = 365;
