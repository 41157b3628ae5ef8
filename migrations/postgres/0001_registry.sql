-- The registry's tables. The same numbers, tables, columns and constraints as in migrations/sqlite: a test
-- compares the two databases, and the states in each CHECK with the enums of strongroom-core.
--
-- Times are microseconds since 1970 in UTC. Digests are the 32 bytes of a SHA-256. Ids are UUID v7.
-- Every row of a tenant names it, and refers to others by tenant and id: no row can point at another
-- tenant's. Texts are ordered by their bytes, as SQLite orders them.

CREATE TABLE tenants (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    disabled_at BIGINT
);

INSERT INTO tenants (id, name, created_at) VALUES ('default', 'default', 0);

CREATE TABLE principals (
    id UUID NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('person', 'machine', 'system')),
    name TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    disabled_at BIGINT,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
);

CREATE TABLE tokens (
    id UUID NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL,
    principal_id UUID NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    -- The part of a token that finds its row, and that lists show. It authenticates nobody.
    public_id TEXT COLLATE "C" NOT NULL UNIQUE,
    token_sha256 BYTEA NOT NULL CHECK (length(token_sha256) = 32),
    role TEXT COLLATE "C" NOT NULL CHECK (role IN ('producer', 'operator', 'records-manager', 'auditor', 'admin')),
    -- The one producer that it is good for, where it is narrowed to one.
    producer TEXT COLLATE "C",
    created_by UUID,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    revoked_by UUID,
    last_used_at BIGINT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, principal_id) REFERENCES principals (tenant_id, id)
);
CREATE INDEX tokens_by_principal ON tokens (tenant_id, principal_id);

-- What a class means from some day on. A changed rule is a new row: packages keep the one they were made under.
CREATE TABLE retention_rules (
    id UUID NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    retention_class TEXT COLLATE "C" NOT NULL CHECK (retention_class IN ('transient', 'raw-evidence', 'summary-evidence',
        'release-evidence', 'permanent-record')),
    -- NULL: kept without a date, under a lock that is renewed.
    retention_days BIGINT CHECK (retention_days > 0),
    lock_mode TEXT COLLATE "C" NOT NULL CHECK (lock_mode IN ('governance', 'compliance')),
    lock_time TEXT COLLATE "C" NOT NULL CHECK (lock_time IN ('none', 'at_finalize', 'in_write')),
    lock_required BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    retired_at BIGINT,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX retention_rules_current ON retention_rules (tenant_id, retention_class)
    WHERE retired_at IS NULL;

CREATE TABLE artifact_packages (
    id UUID NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    name TEXT COLLATE "C" NOT NULL,
    producer TEXT COLLATE "C" NOT NULL,
    producer_version TEXT COLLATE "C",
    subject TEXT COLLATE "C",
    run_id TEXT COLLATE "C",
    retention_class TEXT COLLATE "C" NOT NULL CHECK (retention_class IN ('transient', 'raw-evidence', 'summary-evidence',
        'release-evidence', 'permanent-record')),
    rule_id UUID NOT NULL,
    -- What the producer asked for; what holds is expires_at.
    retention_days BIGINT CHECK (retention_days > 0),
    legal_hold_asked BOOLEAN NOT NULL,
    retention_declared BOOLEAN NOT NULL,
    status TEXT COLLATE "C" NOT NULL CHECK (status IN ('open', 'finalizing', 'finalized', 'deletion_requested',
        'deleting', 'deletion_blocked', 'deleted', 'abandoned')),
    lock_state TEXT COLLATE "C" NOT NULL CHECK (lock_state IN ('none', 'applying', 'held', 'advisory', 'partial',
        'failed')),
    created_at BIGINT NOT NULL,
    created_by UUID NOT NULL,
    declared_created_at BIGINT,
    finalized_at BIGINT,
    expires_at BIGINT,
    metadata JSONB NOT NULL,
    bundle_id BYTEA CHECK (length(bundle_id) = 32),
    manifest_sha256 BYTEA CHECK (length(manifest_sha256) = 32),
    -- The registry's signature of the manifest: noted before it is written, so that an attempt after a crash
    -- knows it again.
    signature_sha256 BYTEA CHECK (length(signature_sha256) = 32),
    signature_key_id BYTEA CHECK (length(signature_key_id) = 32),
    files_count BIGINT NOT NULL CHECK (files_count >= 0),
    size_bytes BIGINT NOT NULL CHECK (size_bytes >= 0),
    -- The storage target as it was resolved when the package was made: a later edit moves nothing.
    backend_id TEXT COLLATE "C" NOT NULL,
    storage_prefix TEXT COLLATE "C" NOT NULL,
    deletion_requested_at BIGINT,
    deletion_requested_by UUID,
    deletion_reason TEXT COLLATE "C",
    deletion_early BOOLEAN NOT NULL,
    grace_ticks_left BIGINT CHECK (grace_ticks_left >= 0),
    -- When a deletion was last taken back by a person: after its date the sweeper asks for none any more.
    deletion_cancelled_at BIGINT,
    -- Raised by each change: the ETag.
    version BIGINT NOT NULL CHECK (version > 0),
    -- Words made by the registry, which also adds one for the tenant.
    words TSVECTOR NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, rule_id) REFERENCES retention_rules (tenant_id, id)
);
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
CREATE INDEX packages_by_word ON artifact_packages USING gin (words);

-- metadata.key = value, by an index instead of by reading every document.
CREATE TABLE package_metadata (
    tenant_id TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    value_text TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    package_id UUID NOT NULL,
    PRIMARY KEY (tenant_id, key, value_text, created_at, package_id),
    FOREIGN KEY (tenant_id, package_id) REFERENCES artifact_packages (tenant_id, id)
);

CREATE TABLE artifact_files (
    id UUID NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL,
    package_id UUID NOT NULL,
    relative_path TEXT COLLATE "C" NOT NULL,
    -- The path in Unicode's composed form: two spellings of one path are one file.
    path_nfc TEXT COLLATE "C" NOT NULL,
    -- Declared by the producer, hence in the manifest. What an upload's header said is content_type.
    media_type TEXT COLLATE "C",
    content_type TEXT COLLATE "C",
    size_bytes BIGINT CHECK (size_bytes >= 0),
    sha256 BYTEA CHECK (length(sha256) = 32),
    status TEXT COLLATE "C" NOT NULL CHECK (status IN ('receiving', 'stored', 'missing', 'corrupt', 'deleting',
        'deleted')),
    object_key TEXT COLLATE "C" NOT NULL,
    created_by UUID NOT NULL,
    created_at BIGINT NOT NULL,
    stored_at BIGINT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, package_id) REFERENCES artifact_packages (tenant_id, id),
    CHECK (status NOT IN ('stored', 'missing', 'corrupt')
        OR (size_bytes IS NOT NULL AND sha256 IS NOT NULL AND stored_at IS NOT NULL))
);
-- Decides between two uploads of one path.
CREATE UNIQUE INDEX files_live_path ON artifact_files (tenant_id, package_id, path_nfc)
    WHERE status IN ('stored', 'missing', 'corrupt');
CREATE INDEX files_of_package ON artifact_files (tenant_id, package_id, relative_path, id);
CREATE INDEX files_receiving ON artifact_files (created_at, id) WHERE status = 'receiving';
CREATE INDEX files_given_up ON artifact_files (tenant_id, package_id, id)
    WHERE status = 'deleting' AND stored_at IS NULL;

CREATE TABLE storage_locations (
    id UUID NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL,
    package_id UUID NOT NULL,
    artifact_file_id UUID NOT NULL,
    backend_id TEXT COLLATE "C" NOT NULL,
    object_key TEXT COLLATE "C" NOT NULL,
    version_id TEXT COLLATE "C",
    etag TEXT COLLATE "C",
    storage_class TEXT COLLATE "C",
    status TEXT COLLATE "C" NOT NULL CHECK (status IN ('active', 'missing', 'corrupt', 'deleting', 'deleted')),
    integrity TEXT COLLATE "C" NOT NULL CHECK (integrity IN ('store_sha256', 'composite', 'payload_signed', 'read_back',
        'unobserved')),
    create_only TEXT COLLATE "C" NOT NULL CHECK (create_only IN ('enforced', 'checked', 'unsupported')),
    -- The lock as it was read back from the store at lock_read_at, or why it was not.
    lock_mode TEXT COLLATE "C" CHECK (lock_mode IN ('governance', 'compliance')),
    lock_retain_until BIGINT,
    lock_hold BOOLEAN NOT NULL,
    hold_was_set_before BOOLEAN NOT NULL,
    lock_read_at BIGINT,
    lock_unobserved TEXT COLLATE "C" CHECK (lock_unobserved IN ('unsupported_backend', 'not_probed', 'permission_denied',
        'would_lock', 'error')),
    retrieval_tier TEXT COLLATE "C" NOT NULL CHECK (retrieval_tier IN ('hot', 'warm', 'cold', 'archive')),
    restore_status TEXT COLLATE "C" NOT NULL CHECK (restore_status IN ('available', 'restore_requested',
        'restoring', 'restored', 'expired')),
    restore_requested_at BIGINT,
    restore_expires_at BIGINT,
    created_at BIGINT NOT NULL,
    last_verified_at BIGINT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, package_id) REFERENCES artifact_packages (tenant_id, id),
    FOREIGN KEY (tenant_id, artifact_file_id) REFERENCES artifact_files (tenant_id, id)
);
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
    id UUID NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL,
    package_id UUID NOT NULL,
    relative_path TEXT COLLATE "C" NOT NULL,
    path_nfc TEXT COLLATE "C" NOT NULL,
    media_type TEXT COLLATE "C",
    size_bytes BIGINT NOT NULL CHECK (size_bytes >= 0),
    -- Declared; of one that is stored, what it has.
    sha256 BYTEA CHECK (length(sha256) = 32),
    -- Upload-Metadata as it was sent: it is told to whoever looks.
    metadata TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL CHECK (status IN ('receiving', 'stored', 'ended')),
    -- How many bytes came, in parts without a gap.
    offset_bytes BIGINT NOT NULL CHECK (offset_bytes >= 0),
    -- Of one that is stored or ended: none once all of them were given up.
    parts_count BIGINT NOT NULL CHECK (parts_count >= 0),
    -- Until when somebody is making a file of the parts, by the database's time.
    storing_until BIGINT,
    -- Raised each time somebody begins to: who had it before has no say any more.
    storing_epoch BIGINT NOT NULL CHECK (storing_epoch >= 0),
    file_id UUID,
    created_by UUID NOT NULL,
    created_at BIGINT NOT NULL,
    -- Moves on with each part, and while somebody makes a file of them.
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, package_id) REFERENCES artifact_packages (tenant_id, id),
    FOREIGN KEY (tenant_id, file_id) REFERENCES artifact_files (tenant_id, id),
    CHECK (offset_bytes <= size_bytes),
    CHECK (status <> 'stored' OR (file_id IS NOT NULL AND sha256 IS NOT NULL))
);
CREATE INDEX uploads_of_package ON resumable_uploads (tenant_id, package_id, status, id);
CREATE INDEX uploads_expiring ON resumable_uploads (expires_at, id)
    WHERE status IN ('receiving', 'stored');
CREATE INDEX uploads_leaving_parts ON resumable_uploads (tenant_id, package_id, id)
    WHERE status <> 'receiving' AND parts_count > 0;

CREATE TABLE upload_parts (
    id UUID NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL,
    package_id UUID NOT NULL,
    upload_id UUID NOT NULL,
    offset_bytes BIGINT NOT NULL CHECK (offset_bytes >= 0),
    size_bytes BIGINT CHECK (size_bytes > 0),
    sha256 BYTEA CHECK (length(sha256) = 32),
    status TEXT COLLATE "C" NOT NULL CHECK (status IN ('receiving', 'stored', 'deleting')),
    object_key TEXT COLLATE "C" NOT NULL,
    version_id TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, upload_id) REFERENCES resumable_uploads (tenant_id, id),
    CHECK (status <> 'stored' OR (size_bytes IS NOT NULL AND sha256 IS NOT NULL))
);
CREATE INDEX parts_of_upload ON upload_parts (tenant_id, upload_id, status, offset_bytes);
CREATE INDEX parts_of_package ON upload_parts (tenant_id, package_id, status, id);
CREATE INDEX parts_receiving ON upload_parts (created_at, id) WHERE status = 'receiving';

-- Each `package.json`, and each record of it, that a finalizing was about to write: what a later attempt finds is the
-- registry's own where it is one of these only. They go when the package is finalized, or abandoned.
CREATE TABLE noted_documents (
    tenant_id TEXT COLLATE "C" NOT NULL,
    package_id UUID NOT NULL,
    sha256 BYTEA NOT NULL CHECK (length(sha256) = 32),
    is_signed BOOLEAN NOT NULL,
    PRIMARY KEY (tenant_id, package_id, sha256),
    FOREIGN KEY (tenant_id, package_id) REFERENCES artifact_packages (tenant_id, id)
);

CREATE TABLE retention_events (
    id UUID NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL,
    package_id UUID NOT NULL,
    event_type TEXT COLLATE "C" NOT NULL CHECK (event_type IN ('default_rule_applied', 'extended', 'hold_applied',
        'hold_released', 'deletion_eligible', 'deleted')),
    reason TEXT COLLATE "C" NOT NULL,
    created_by UUID,
    created_at BIGINT NOT NULL,
    previous_expires_at BIGINT,
    new_expires_at BIGINT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, package_id) REFERENCES artifact_packages (tenant_id, id)
);
CREATE INDEX retention_events_of_package ON retention_events (tenant_id, package_id, created_at, id);

CREATE TABLE legal_holds (
    id UUID NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL,
    package_id UUID NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    -- Nobody: the registry itself.
    placed_by UUID,
    placed_at BIGINT NOT NULL,
    released_by UUID,
    released_at BIGINT,
    release_reason TEXT COLLATE "C",
    -- How far the hold, or its release, has reached the store.
    reach TEXT COLLATE "C" NOT NULL CHECK (reach IN ('applying', 'held', 'advisory', 'partial', 'failed',
        'releasing', 'released')),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, package_id) REFERENCES artifact_packages (tenant_id, id),
    CHECK ((released_at IS NULL) = (released_by IS NULL))
);
CREATE INDEX holds_of_package ON legal_holds (tenant_id, package_id, placed_at, id);
CREATE INDEX holds_active ON legal_holds (tenant_id, package_id) WHERE released_at IS NULL;

-- Append-only. Rows of the registry itself name no package.
CREATE TABLE audit_events (
    id UUID NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    -- Given by the sequencer of the transparency log.
    log_index BIGINT,
    event_type TEXT COLLATE "C" NOT NULL,
    package_id UUID,
    file_id UUID,
    principal_id UUID,
    at BIGINT NOT NULL,
    record_sha256 BYTEA CHECK (length(record_sha256) = 32),
    details JSONB NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, log_index)
);
CREATE INDEX audit_events_by_time ON audit_events (tenant_id, at, id);
CREATE INDEX audit_events_of_package ON audit_events (tenant_id, package_id, at, id);
CREATE INDEX audit_events_of_principal ON audit_events (tenant_id, principal_id, at, id);
CREATE INDEX audit_events_of_type ON audit_events (tenant_id, event_type, at, id);
CREATE INDEX audit_events_unsequenced ON audit_events (tenant_id, id) WHERE log_index IS NULL;
CREATE INDEX audit_events_finalized ON audit_events (tenant_id, package_id, at, id)
    WHERE event_type = 'package_finalized';

CREATE FUNCTION audit_events_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit events are append-only';
END
$$;
CREATE TRIGGER audit_events_are_kept BEFORE DELETE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION audit_events_are_append_only();
CREATE TRIGGER audit_events_do_not_change
BEFORE UPDATE OF id, tenant_id, event_type, package_id, file_id, principal_id, at, record_sha256, details
    ON audit_events
    FOR EACH ROW EXECUTE FUNCTION audit_events_are_append_only();

CREATE TRIGGER audit_events_keep_their_place BEFORE UPDATE OF log_index ON audit_events
    FOR EACH ROW WHEN (OLD.log_index IS NOT NULL) EXECUTE FUNCTION audit_events_are_append_only();
CREATE TRIGGER audit_events_are_not_emptied BEFORE TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION audit_events_are_append_only();

-- Two people for what cannot be undone.
CREATE TABLE approvals (
    id UUID NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL CHECK (action IN ('hold_release', 'early_deletion')),
    package_id UUID NOT NULL,
    hold_id UUID,
    reason TEXT COLLATE "C" NOT NULL,
    requested_by UUID NOT NULL,
    requested_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    status TEXT COLLATE "C" NOT NULL CHECK (status IN ('pending', 'approved', 'withdrawn', 'used')),
    decided_by UUID,
    decided_at BIGINT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, package_id) REFERENCES artifact_packages (tenant_id, id),
    FOREIGN KEY (tenant_id, hold_id) REFERENCES legal_holds (tenant_id, id),
    CHECK (status NOT IN ('approved', 'used') OR (decided_by IS NOT NULL AND decided_by <> requested_by)),
    CHECK ((action = 'hold_release') = (hold_id IS NOT NULL))
);
CREATE UNIQUE INDEX approvals_pending_release ON approvals (tenant_id, hold_id)
    WHERE status = 'pending' AND hold_id IS NOT NULL;
CREATE UNIQUE INDEX approvals_pending_deletion ON approvals (tenant_id, package_id)
    WHERE status = 'pending' AND hold_id IS NULL;
CREATE INDEX approvals_of_package ON approvals (tenant_id, package_id, requested_at, id);

CREATE TABLE jobs (
    id UUID NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    kind TEXT COLLATE "C" NOT NULL,
    package_id UUID,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
    progress_done BIGINT NOT NULL CHECK (progress_done >= 0),
    progress_total BIGINT,
    attempts BIGINT NOT NULL CHECK (attempts >= 0),
    -- Compared with the database's time, as leases are.
    run_after BIGINT NOT NULL,
    lease_owner TEXT COLLATE "C",
    lease_until BIGINT,
    -- Raised by each claim: a worker whose epoch is over writes nothing.
    epoch BIGINT NOT NULL,
    payload JSONB NOT NULL,
    outcome JSONB,
    error TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, package_id) REFERENCES artifact_packages (tenant_id, id),
    CHECK ((state = 'running') = (lease_until IS NOT NULL))
);
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
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    principal_id UUID NOT NULL,
    route TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    request_sha256 BYTEA NOT NULL CHECK (length(request_sha256) = 32),
    resource_id UUID NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, principal_id, route, key)
);
CREATE INDEX idempotency_keys_expired ON idempotency_keys (expires_at);

CREATE TABLE metadata_schemas (
    id UUID NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    producer TEXT COLLATE "C" NOT NULL,
    schema JSONB NOT NULL,
    created_by UUID NOT NULL,
    created_at BIGINT NOT NULL,
    retired_at BIGINT,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX metadata_schemas_current ON metadata_schemas (tenant_id, producer)
    WHERE retired_at IS NULL;

-- One row of the whole registry: it counts the ticks that grace periods are measured in.
CREATE TABLE sweeper (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    ticks BIGINT NOT NULL CHECK (ticks >= 0),
    last_tick_at BIGINT,
    paused BOOLEAN NOT NULL,
    paused_at BIGINT,
    pause_reason TEXT COLLATE "C",
    confirmed_by UUID,
    confirmed_at BIGINT,
    -- Compared with the database's time: one look over all replicas.
    due_at BIGINT
);
INSERT INTO sweeper (id, ticks, paused) VALUES (1, 0, FALSE);
