-- The registry's tables. The same numbers, tables, columns and constraints as in migrations/postgres: a test
-- compares the two databases, and the states in each CHECK with the enums of strongroom-core.
--
-- Times are microseconds since 1970 in UTC. Digests are the 32 bytes of a SHA-256. Ids are UUID v7.
-- Every row of a tenant names it, and refers to others by tenant and id: no row can point at another
-- tenant's.

CREATE TABLE tenants (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    disabled_at INTEGER
) STRICT;

INSERT INTO tenants (id, name, created_at) VALUES ('default', 'default', 0);

CREATE TABLE principals (
    id BLOB NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    kind TEXT NOT NULL CHECK (kind IN ('person', 'machine', 'system')),
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    disabled_at INTEGER,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
) STRICT;

CREATE TABLE tokens (
    id BLOB NOT NULL,
    tenant_id TEXT NOT NULL,
    principal_id BLOB NOT NULL,
    name TEXT NOT NULL,
    -- The part of a token that finds its row, and that lists show. It authenticates nobody.
    public_id TEXT NOT NULL UNIQUE,
    token_sha256 BLOB NOT NULL CHECK (length(token_sha256) = 32),
    role TEXT NOT NULL CHECK (role IN ('producer', 'operator', 'records-manager', 'auditor', 'admin')),
    -- The one producer that it is good for, where it is narrowed to one.
    producer TEXT,
    created_by BLOB,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    revoked_by BLOB,
    last_used_at INTEGER,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, principal_id) REFERENCES principals (tenant_id, id)
) STRICT;
CREATE INDEX tokens_by_principal ON tokens (tenant_id, principal_id);

-- What a class means from some day on. A changed rule is a new row: packages keep the one they were made under.
CREATE TABLE retention_rules (
    id BLOB NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    retention_class TEXT NOT NULL CHECK (retention_class IN ('transient', 'raw-evidence', 'summary-evidence',
        'release-evidence', 'permanent-record')),
    -- NULL: kept without a date, under a lock that is renewed.
    retention_days INTEGER CHECK (retention_days > 0),
    lock_mode TEXT NOT NULL CHECK (lock_mode IN ('governance', 'compliance')),
    lock_time TEXT NOT NULL CHECK (lock_time IN ('none', 'at_finalize', 'in_write')),
    lock_required INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    retired_at INTEGER,
    PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX retention_rules_current ON retention_rules (tenant_id, retention_class)
    WHERE retired_at IS NULL;

CREATE TABLE artifact_packages (
    -- The row of package_text; grows with each package.
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    producer TEXT NOT NULL,
    producer_version TEXT,
    subject TEXT,
    run_id TEXT,
    retention_class TEXT NOT NULL CHECK (retention_class IN ('transient', 'raw-evidence', 'summary-evidence',
        'release-evidence', 'permanent-record')),
    rule_id BLOB NOT NULL,
    -- What the producer asked for; what holds is expires_at.
    retention_days INTEGER CHECK (retention_days > 0),
    legal_hold_asked INTEGER NOT NULL,
    retention_declared INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('open', 'finalizing', 'finalized', 'deletion_requested',
        'deleting', 'deletion_blocked', 'deleted', 'abandoned')),
    lock_state TEXT NOT NULL CHECK (lock_state IN ('none', 'applying', 'held', 'advisory', 'partial',
        'failed')),
    created_at INTEGER NOT NULL,
    created_by BLOB NOT NULL,
    declared_created_at INTEGER,
    finalized_at INTEGER,
    expires_at INTEGER,
    metadata TEXT NOT NULL,
    bundle_id BLOB CHECK (length(bundle_id) = 32),
    manifest_sha256 BLOB CHECK (length(manifest_sha256) = 32),
    -- The registry's signature of the manifest: noted before it is written, so that an attempt after a crash
    -- knows it again.
    signature_sha256 BLOB CHECK (length(signature_sha256) = 32),
    signature_key_id BLOB CHECK (length(signature_key_id) = 32),
    files_count INTEGER NOT NULL CHECK (files_count >= 0),
    size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
    -- The storage target as it was resolved when the package was made: a later edit moves nothing.
    backend_id TEXT NOT NULL,
    storage_prefix TEXT NOT NULL,
    deletion_requested_at INTEGER,
    deletion_requested_by BLOB,
    deletion_reason TEXT,
    deletion_early INTEGER NOT NULL,
    grace_ticks_left INTEGER CHECK (grace_ticks_left >= 0),
    -- When a deletion was last taken back by a person: after its date the sweeper asks for none any more.
    deletion_cancelled_at INTEGER,
    -- Raised by each change: the ETag.
    version INTEGER NOT NULL CHECK (version > 0),
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, rule_id) REFERENCES retention_rules (tenant_id, id)
) STRICT;
CREATE INDEX packages_by_time ON artifact_packages (tenant_id, created_at, id);
CREATE INDEX packages_by_creator ON artifact_packages (tenant_id, created_by, created_at, id);
CREATE INDEX packages_by_producer ON artifact_packages (tenant_id, producer, created_at, id);
CREATE INDEX packages_by_subject ON artifact_packages (tenant_id, subject, created_at, id);
CREATE INDEX packages_by_run ON artifact_packages (tenant_id, run_id, created_at, id);
CREATE INDEX packages_by_class ON artifact_packages (tenant_id, retention_class, created_at, id);
CREATE INDEX packages_by_status ON artifact_packages (tenant_id, status, created_at, id);
CREATE INDEX packages_by_bundle ON artifact_packages (tenant_id, bundle_id);
-- What the workers look for, over all tenants; most packages are in none of these.
CREATE INDEX packages_due ON artifact_packages (expires_at, id) WHERE status = 'finalized';
CREATE INDEX packages_moving ON artifact_packages (status, id)
    WHERE status IN ('open', 'finalizing', 'deletion_requested', 'deleting', 'deletion_blocked');
CREATE INDEX packages_unlocked ON artifact_packages (lock_state, id)
    WHERE lock_state IN ('applying', 'failed');
-- Locks without a date, which are renewed for ever.
CREATE INDEX packages_dateless ON artifact_packages (id)
    WHERE expires_at IS NULL AND status IN ('finalized', 'deletion_requested', 'deletion_blocked');

-- The words of each package under its seq, and no copy of its text. Words are made by the registry, which also
-- adds one for the tenant.
CREATE VIRTUAL TABLE package_text USING fts5(words, content = '', columnsize = 0,
    detail = none, tokenize = 'ascii');

-- metadata.key = value, by an index instead of by reading every document.
CREATE TABLE package_metadata (
    tenant_id TEXT NOT NULL,
    key TEXT NOT NULL,
    value_text TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    package_id BLOB NOT NULL,
    PRIMARY KEY (tenant_id, key, value_text, created_at, package_id),
    FOREIGN KEY (tenant_id, package_id) REFERENCES artifact_packages (tenant_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE artifact_files (
    id BLOB NOT NULL,
    tenant_id TEXT NOT NULL,
    package_id BLOB NOT NULL,
    relative_path TEXT NOT NULL,
    -- The path in Unicode's composed form: two spellings of one path are one file.
    path_nfc TEXT NOT NULL,
    -- Declared by the producer, hence in the manifest. What an upload's header said is content_type.
    media_type TEXT,
    content_type TEXT,
    size_bytes INTEGER CHECK (size_bytes >= 0),
    sha256 BLOB CHECK (length(sha256) = 32),
    status TEXT NOT NULL CHECK (status IN ('receiving', 'stored', 'missing', 'corrupt', 'deleting',
        'deleted')),
    object_key TEXT NOT NULL,
    created_by BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    stored_at INTEGER,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, package_id) REFERENCES artifact_packages (tenant_id, id),
    CHECK (status NOT IN ('stored', 'missing', 'corrupt')
        OR (size_bytes IS NOT NULL AND sha256 IS NOT NULL AND stored_at IS NOT NULL))
) STRICT;
-- Decides between two uploads of one path.
CREATE UNIQUE INDEX files_live_path ON artifact_files (tenant_id, package_id, path_nfc)
    WHERE status IN ('stored', 'missing', 'corrupt');
CREATE INDEX files_of_package ON artifact_files (tenant_id, package_id, relative_path, id);
CREATE INDEX files_receiving ON artifact_files (created_at, id) WHERE status = 'receiving';
CREATE INDEX files_given_up ON artifact_files (tenant_id, package_id, id)
    WHERE status = 'deleting' AND stored_at IS NULL;

CREATE TABLE storage_locations (
    id BLOB NOT NULL,
    tenant_id TEXT NOT NULL,
    package_id BLOB NOT NULL,
    artifact_file_id BLOB NOT NULL,
    backend_id TEXT NOT NULL,
    object_key TEXT NOT NULL,
    version_id TEXT,
    etag TEXT,
    storage_class TEXT,
    status TEXT NOT NULL CHECK (status IN ('active', 'missing', 'corrupt', 'deleting', 'deleted')),
    integrity TEXT NOT NULL CHECK (integrity IN ('store_sha256', 'composite', 'payload_signed', 'read_back',
        'unobserved')),
    create_only TEXT NOT NULL CHECK (create_only IN ('enforced', 'checked', 'unsupported')),
    -- The lock as it was read back from the store at lock_read_at, or why it was not.
    lock_mode TEXT CHECK (lock_mode IN ('governance', 'compliance')),
    lock_retain_until INTEGER,
    lock_hold INTEGER NOT NULL,
    hold_was_set_before INTEGER NOT NULL,
    lock_read_at INTEGER,
    lock_unobserved TEXT CHECK (lock_unobserved IN ('unsupported_backend', 'not_probed', 'permission_denied',
        'would_lock', 'error')),
    retrieval_tier TEXT NOT NULL CHECK (retrieval_tier IN ('hot', 'warm', 'cold', 'archive')),
    restore_status TEXT NOT NULL CHECK (restore_status IN ('available', 'restore_requested',
        'restoring', 'restored', 'expired')),
    restore_requested_at INTEGER,
    restore_expires_at INTEGER,
    created_at INTEGER NOT NULL,
    last_verified_at INTEGER,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, package_id) REFERENCES artifact_packages (tenant_id, id),
    FOREIGN KEY (tenant_id, artifact_file_id) REFERENCES artifact_files (tenant_id, id)
) STRICT;
CREATE INDEX locations_of_package ON storage_locations (tenant_id, package_id, id);
CREATE INDEX locations_of_file ON storage_locations (tenant_id, artifact_file_id);
CREATE INDEX locations_deleting ON storage_locations (tenant_id, package_id, id) WHERE status = 'deleting';
CREATE INDEX locations_restoring ON storage_locations (restore_requested_at, id)
    WHERE restore_status IN ('restore_requested', 'restoring', 'restored');
CREATE INDEX locations_lapsing ON storage_locations (lock_retain_until, id)
    WHERE status IN ('active', 'corrupt') AND lock_retain_until IS NOT NULL;
CREATE INDEX locations_lapsing_of_package ON storage_locations (tenant_id, package_id, lock_retain_until)
    WHERE status IN ('active', 'corrupt') AND lock_retain_until IS NOT NULL;

-- Files that come in several requests (tus), until they are stored as files are.
CREATE TABLE resumable_uploads (
    id BLOB NOT NULL,
    tenant_id TEXT NOT NULL,
    package_id BLOB NOT NULL,
    relative_path TEXT NOT NULL,
    path_nfc TEXT NOT NULL,
    media_type TEXT,
    size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
    -- Declared; of one that is stored, what it has.
    sha256 BLOB CHECK (length(sha256) = 32),
    -- Upload-Metadata as it was sent: it is told to whoever looks.
    metadata TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('receiving', 'stored', 'ended')),
    -- How many bytes came, in parts without a gap.
    offset_bytes INTEGER NOT NULL CHECK (offset_bytes >= 0),
    -- Of one that is stored or ended: none once all of them were given up.
    parts_count INTEGER NOT NULL CHECK (parts_count >= 0),
    -- Until when somebody is making a file of the parts, by the database's time.
    storing_until INTEGER,
    -- Raised each time somebody begins to: who had it before has no say any more.
    storing_epoch INTEGER NOT NULL CHECK (storing_epoch >= 0),
    file_id BLOB,
    created_by BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    -- Moves on with each part, and while somebody makes a file of them.
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, package_id) REFERENCES artifact_packages (tenant_id, id),
    FOREIGN KEY (tenant_id, file_id) REFERENCES artifact_files (tenant_id, id),
    CHECK (offset_bytes <= size_bytes),
    CHECK (status <> 'stored' OR (file_id IS NOT NULL AND sha256 IS NOT NULL))
) STRICT;
CREATE INDEX uploads_of_package ON resumable_uploads (tenant_id, package_id, status, id);
CREATE INDEX uploads_expiring ON resumable_uploads (expires_at, id)
    WHERE status IN ('receiving', 'stored');
CREATE INDEX uploads_leaving_parts ON resumable_uploads (tenant_id, package_id, id)
    WHERE status <> 'receiving' AND parts_count > 0;

CREATE TABLE upload_parts (
    id BLOB NOT NULL,
    tenant_id TEXT NOT NULL,
    package_id BLOB NOT NULL,
    upload_id BLOB NOT NULL,
    offset_bytes INTEGER NOT NULL CHECK (offset_bytes >= 0),
    size_bytes INTEGER CHECK (size_bytes > 0),
    sha256 BLOB CHECK (length(sha256) = 32),
    status TEXT NOT NULL CHECK (status IN ('receiving', 'stored', 'deleting')),
    object_key TEXT NOT NULL,
    version_id TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, upload_id) REFERENCES resumable_uploads (tenant_id, id),
    CHECK (status <> 'stored' OR (size_bytes IS NOT NULL AND sha256 IS NOT NULL))
) STRICT;
CREATE INDEX parts_of_upload ON upload_parts (tenant_id, upload_id, status, offset_bytes);
CREATE INDEX parts_of_package ON upload_parts (tenant_id, package_id, status, id);
CREATE INDEX parts_receiving ON upload_parts (created_at, id) WHERE status = 'receiving';

-- Each `package.json`, and each record of it, that a finalizing was about to write: what a later attempt finds is the
-- registry's own where it is one of these only. They go when the package is finalized, or abandoned.
CREATE TABLE noted_documents (
    tenant_id TEXT NOT NULL,
    package_id BLOB NOT NULL,
    sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
    is_signed INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, package_id, sha256),
    FOREIGN KEY (tenant_id, package_id) REFERENCES artifact_packages (tenant_id, id)
) STRICT;

CREATE TABLE retention_events (
    id BLOB NOT NULL,
    tenant_id TEXT NOT NULL,
    package_id BLOB NOT NULL,
    event_type TEXT NOT NULL CHECK (event_type IN ('default_rule_applied', 'extended', 'hold_applied',
        'hold_released', 'deletion_eligible', 'deleted')),
    reason TEXT NOT NULL,
    created_by BLOB,
    created_at INTEGER NOT NULL,
    previous_expires_at INTEGER,
    new_expires_at INTEGER,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, package_id) REFERENCES artifact_packages (tenant_id, id)
) STRICT;
CREATE INDEX retention_events_of_package ON retention_events (tenant_id, package_id, created_at, id);

CREATE TABLE legal_holds (
    id BLOB NOT NULL,
    tenant_id TEXT NOT NULL,
    package_id BLOB NOT NULL,
    reason TEXT NOT NULL,
    -- Nobody: the registry itself.
    placed_by BLOB,
    placed_at INTEGER NOT NULL,
    released_by BLOB,
    released_at INTEGER,
    release_reason TEXT,
    -- How far the hold, or its release, has reached the store.
    reach TEXT NOT NULL CHECK (reach IN ('applying', 'held', 'advisory', 'partial', 'failed',
        'releasing', 'released')),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, package_id) REFERENCES artifact_packages (tenant_id, id),
    CHECK ((released_at IS NULL) = (released_by IS NULL))
) STRICT;
CREATE INDEX holds_of_package ON legal_holds (tenant_id, package_id, placed_at, id);
CREATE INDEX holds_active ON legal_holds (tenant_id, package_id) WHERE released_at IS NULL;

-- Append-only. Rows of the registry itself name no package.
CREATE TABLE audit_events (
    id BLOB NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    -- Given by the sequencer of the transparency log.
    log_index INTEGER,
    event_type TEXT NOT NULL,
    package_id BLOB,
    file_id BLOB,
    principal_id BLOB,
    at INTEGER NOT NULL,
    record_sha256 BLOB CHECK (length(record_sha256) = 32),
    details TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, log_index)
) STRICT;
CREATE INDEX audit_events_by_time ON audit_events (tenant_id, at, id);
CREATE INDEX audit_events_of_package ON audit_events (tenant_id, package_id, at, id);
CREATE INDEX audit_events_of_principal ON audit_events (tenant_id, principal_id, at, id);
CREATE INDEX audit_events_of_type ON audit_events (tenant_id, event_type, at, id);
CREATE INDEX audit_events_unsequenced ON audit_events (tenant_id, id) WHERE log_index IS NULL;
CREATE INDEX audit_events_finalized ON audit_events (tenant_id, package_id, at, id)
    WHERE event_type = 'package_finalized';

CREATE TRIGGER audit_events_are_kept BEFORE DELETE ON audit_events
BEGIN
    SELECT RAISE(ABORT, 'audit events are append-only');
END;
CREATE TRIGGER audit_events_do_not_change
BEFORE UPDATE OF id, tenant_id, event_type, package_id, file_id, principal_id, at, record_sha256, details
    ON audit_events
BEGIN
    SELECT RAISE(ABORT, 'audit events are append-only');
END;

CREATE TRIGGER audit_events_keep_their_place BEFORE UPDATE OF log_index ON audit_events
WHEN OLD.log_index IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, 'audit events are append-only');
END;

-- Two people for what cannot be undone.
CREATE TABLE approvals (
    id BLOB NOT NULL,
    tenant_id TEXT NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('hold_release', 'early_deletion')),
    package_id BLOB NOT NULL,
    hold_id BLOB,
    reason TEXT NOT NULL,
    requested_by BLOB NOT NULL,
    requested_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'approved', 'withdrawn', 'used')),
    decided_by BLOB,
    decided_at INTEGER,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, package_id) REFERENCES artifact_packages (tenant_id, id),
    FOREIGN KEY (tenant_id, hold_id) REFERENCES legal_holds (tenant_id, id),
    CHECK (status NOT IN ('approved', 'used') OR (decided_by IS NOT NULL AND decided_by <> requested_by)),
    CHECK ((action = 'hold_release') = (hold_id IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX approvals_pending_release ON approvals (tenant_id, hold_id)
    WHERE status = 'pending' AND hold_id IS NOT NULL;
CREATE UNIQUE INDEX approvals_pending_deletion ON approvals (tenant_id, package_id)
    WHERE status = 'pending' AND hold_id IS NULL;
CREATE INDEX approvals_of_package ON approvals (tenant_id, package_id, requested_at, id);

CREATE TABLE jobs (
    id BLOB NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    kind TEXT NOT NULL,
    package_id BLOB,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
    progress_done INTEGER NOT NULL CHECK (progress_done >= 0),
    progress_total INTEGER,
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    -- Compared with the database's time, as leases are.
    run_after INTEGER NOT NULL,
    lease_owner TEXT,
    lease_until INTEGER,
    -- Raised by each claim: a worker whose epoch is over writes nothing.
    epoch INTEGER NOT NULL,
    payload TEXT NOT NULL,
    outcome TEXT,
    error TEXT,
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, package_id) REFERENCES artifact_packages (tenant_id, id),
    CHECK ((state = 'running') = (lease_until IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX jobs_live ON jobs (tenant_id, kind, package_id)
    WHERE state IN ('queued', 'running');
CREATE INDEX jobs_claimable ON jobs (run_after, id) WHERE state = 'queued';
CREATE INDEX jobs_leased ON jobs (lease_until, id) WHERE state = 'running';
CREATE INDEX jobs_failed ON jobs (kind, finished_at, id) WHERE state = 'failed';
CREATE INDEX jobs_by_time ON jobs (tenant_id, created_at, id);
CREATE INDEX jobs_by_state ON jobs (tenant_id, state, created_at, id);
CREATE INDEX jobs_by_kind ON jobs (tenant_id, kind, created_at, id);
CREATE INDEX jobs_by_state_and_kind ON jobs (tenant_id, state, kind, created_at, id);
CREATE INDEX jobs_of_package ON jobs (tenant_id, package_id, created_at, id);
CREATE INDEX jobs_of_package_by_kind ON jobs (tenant_id, package_id, kind, created_at, id);

CREATE TABLE idempotency_keys (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    principal_id BLOB NOT NULL,
    route TEXT NOT NULL,
    key TEXT NOT NULL,
    request_sha256 BLOB NOT NULL CHECK (length(request_sha256) = 32),
    resource_id BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, principal_id, route, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_expired ON idempotency_keys (expires_at);

CREATE TABLE metadata_schemas (
    id BLOB NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    producer TEXT NOT NULL,
    schema TEXT NOT NULL,
    created_by BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    retired_at INTEGER,
    PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX metadata_schemas_current ON metadata_schemas (tenant_id, producer)
    WHERE retired_at IS NULL;

-- One row of the whole registry: it counts the ticks that grace periods are measured in.
CREATE TABLE sweeper (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    ticks INTEGER NOT NULL CHECK (ticks >= 0),
    last_tick_at INTEGER,
    paused INTEGER NOT NULL,
    paused_at INTEGER,
    pause_reason TEXT,
    confirmed_by BLOB,
    confirmed_at INTEGER,
    -- Compared with the database's time: one look over all replicas.
    due_at INTEGER
) STRICT;
INSERT INTO sweeper (id, ticks, paused) VALUES (1, 0, 0);

-- How many rows an index leads to. SQLite has no idea of its own: to it, all rows of a tenant are about ten, so that
-- the index by time looks as good as any. These numbers, of a registry with a million packages, make the same plan
-- for every database. `idx` is the table's name where the table is its own index.
ANALYZE;
DELETE FROM sqlite_stat1;
DELETE FROM sqlite_stat4;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('artifact_packages', 'sqlite_autoindex_artifact_packages_1', '1000000 1000000 1'),
    ('artifact_packages', 'packages_by_time', '1000000 1000000 1 1'),
    ('artifact_packages', 'packages_by_creator', '1000000 1000000 10000 1 1'),
    ('artifact_packages', 'packages_by_producer', '1000000 1000000 10000 1 1'),
    ('artifact_packages', 'packages_by_subject', '1000000 1000000 100 1 1'),
    ('artifact_packages', 'packages_by_run', '1000000 1000000 10 1 1'),
    ('artifact_packages', 'packages_by_class', '1000000 1000000 200000 1 1'),
    ('artifact_packages', 'packages_by_status', '1000000 1000000 100000 1 1'),
    ('artifact_packages', 'packages_by_bundle', '1000000 1000000 1'),
    ('artifact_packages', 'packages_due', '1000000 1 1'),
    ('artifact_packages', 'packages_moving', '1000 200 1'),
    ('artifact_packages', 'packages_unlocked', '1000 500 1'),
    ('artifact_packages', 'packages_dateless', '10000 1'),
    ('package_metadata', 'package_metadata', '10000000 10000000 1000000 1000 1 1'),
    ('artifact_files', 'sqlite_autoindex_artifact_files_1', '10000000 10000000 1'),
    ('artifact_files', 'files_live_path', '10000000 10000000 10 1'),
    ('artifact_files', 'files_of_package', '10000000 10000000 10 1 1'),
    ('artifact_files', 'files_receiving', '1000 1 1'),
    ('artifact_files', 'files_given_up', '1000 1000 10 1'),
    ('resumable_uploads', 'sqlite_autoindex_resumable_uploads_1', '10000 10000 1'),
    ('resumable_uploads', 'uploads_of_package', '10000 10000 4 4 1'),
    ('resumable_uploads', 'uploads_expiring', '10000 1 1'),
    ('upload_parts', 'sqlite_autoindex_upload_parts_1', '1000000 1000000 1'),
    ('upload_parts', 'parts_of_upload', '1000000 1000000 100 100 1'),
    ('upload_parts', 'parts_of_package', '1000000 1000000 400 400 1'),
    ('upload_parts', 'parts_receiving', '1000 1 1'),
    ('storage_locations', 'sqlite_autoindex_storage_locations_1', '10000000 10000000 1'),
    ('storage_locations', 'locations_of_package', '10000000 10000000 10 1'),
    ('storage_locations', 'locations_of_file', '10000000 10000000 1'),
    ('storage_locations', 'locations_restoring', '1000 1 1'),
    ('storage_locations', 'locations_lapsing', '10000000 10 1'),
    ('storage_locations', 'locations_lapsing_of_package', '10000000 10000000 10 1'),
    ('retention_events', 'sqlite_autoindex_retention_events_1', '1000000 1000000 1'),
    ('retention_events', 'retention_events_of_package', '1000000 1000000 2 1 1'),
    ('legal_holds', 'sqlite_autoindex_legal_holds_1', '100000 100000 1'),
    ('legal_holds', 'holds_of_package', '100000 100000 2 1 1'),
    ('legal_holds', 'holds_active', '50000 50000 1'),
    ('audit_events', 'sqlite_autoindex_audit_events_1', '10000000 10000000 1'),
    ('audit_events', 'sqlite_autoindex_audit_events_2', '10000000 10000000 1000'),
    ('audit_events', 'audit_events_by_time', '10000000 10000000 1 1'),
    ('audit_events', 'audit_events_of_package', '10000000 10000000 10 1 1'),
    ('audit_events', 'audit_events_of_principal', '10000000 10000000 100000 1 1'),
    ('audit_events', 'audit_events_of_type', '10000000 10000000 500000 1 1'),
    ('audit_events', 'audit_events_unsequenced', '1000 1000 1'),
    ('audit_events', 'audit_events_finalized', '1000000 1000000 1 1 1'),
    ('jobs', 'sqlite_autoindex_jobs_1', '1000000 1000000 1'),
    ('jobs', 'jobs_live', '1000 1000 200 1'),
    ('jobs', 'jobs_claimable', '1000 1 1'),
    ('jobs', 'jobs_leased', '100 1 1'),
    ('jobs', 'jobs_failed', '100 50 1 1'),
    ('jobs', 'jobs_by_time', '1000000 1000000 1 1'),
    ('jobs', 'jobs_by_state', '1000000 1000000 200000 1 1'),
    ('jobs', 'jobs_by_kind', '1000000 1000000 200000 1 1'),
    ('jobs', 'jobs_by_state_and_kind', '1000000 1000000 200000 50000 1 1'),
    ('jobs', 'jobs_of_package', '1000000 1000000 2 1 1'),
    ('jobs', 'jobs_of_package_by_kind', '1000000 1000000 2 1 1 1');
