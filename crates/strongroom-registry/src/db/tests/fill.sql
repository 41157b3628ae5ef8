-- 20000 packages with what belongs to them, of values as a registry has them, for PostgreSQL's statistics.
CREATE FUNCTION pg_temp.id(n BIGINT) RETURNS UUID LANGUAGE sql IMMUTABLE AS
    $f$ SELECT lpad(to_hex(n), 32, '0')::uuid $f$;

INSERT INTO artifact_packages (id, tenant_id, name, producer, subject, run_id, retention_class, rule_id,
    legal_hold_asked, retention_declared, status, lock_state, created_at, created_by, expires_at, metadata,
    files_count, size_bytes, backend_id, storage_prefix, deletion_early, version, words)
SELECT pg_temp.id(n), 'default', 'package', 'producer-' || n % 4, 'subject-' || n % 200, 'run-' || n % 5000,
    (ARRAY['transient', 'raw-evidence'])[1 + n % 2], '$rule', FALSE, FALSE,
    CASE WHEN n % 2 = 0 THEN 'deleted' ELSE 'finalized' END, 'held', n, pg_temp.id(6 + n % 3), n, '{}', 1, 1, 'local', 'e',
    FALSE, 1, array_to_tsvector(ARRAY['tenant0default0', 'w' || n % 100])
FROM generate_series(1, 20000) n;

INSERT INTO package_metadata (tenant_id, key, value_text, created_at, package_id)
SELECT 'default', 'repo', 'r' || n % 50, n, pg_temp.id(n) FROM generate_series(1, 20000) n;

INSERT INTO artifact_files (id, tenant_id, package_id, relative_path, path_nfc, size_bytes, sha256, status, object_key,
    created_by, created_at, stored_at)
SELECT pg_temp.id(n * 4 + f), 'default', pg_temp.id(n), 'file-' || f, 'file-' || f, 1, sha256('x'), 'stored', 'k',
    pg_temp.id(1), n, n FROM generate_series(1, 20000) n, generate_series(0, 3) f;

INSERT INTO storage_locations (id, tenant_id, package_id, artifact_file_id, backend_id, object_key, status, integrity,
    create_only, lock_hold, hold_was_set_before, retrieval_tier, restore_status, created_at)
SELECT id, tenant_id, package_id, id, 'local', 'k', 'active', 'store_sha256', 'checked', FALSE, FALSE, 'hot', 'available',
    created_at FROM artifact_files;

INSERT INTO audit_events (id, tenant_id, log_index, event_type, package_id, principal_id, at, details)
SELECT pg_temp.id(n), 'default', CASE WHEN n < 79000 THEN n END, 'type-' || n % 20, pg_temp.id(n % 20000),
    pg_temp.id(n % 30), n, '{}' FROM generate_series(1, 80000) n;

INSERT INTO jobs (id, tenant_id, kind, package_id, state, progress_done, attempts, run_after, lease_until, epoch, payload,
    created_at)
SELECT pg_temp.id(n), 'default', (ARRAY['finalize', 'apply-retention', 'clean-up'])[1 + n % 3], pg_temp.id(n),
    CASE WHEN n % 100 = 0 THEN 'queued' WHEN n % 100 = 1 THEN 'running' WHEN n % 1000 = 2 THEN 'failed' ELSE 'done' END, 0, 0, n, CASE WHEN n % 100 = 1 THEN n END, 0, '{}', n
FROM generate_series(1, 20000) n;

INSERT INTO retention_events (id, tenant_id, package_id, event_type, reason, created_by, created_at)
SELECT pg_temp.id(n), 'default', pg_temp.id(1 + n % 5000), 'extended', 'asked', pg_temp.id(1), n FROM generate_series(1, 20000) n;

INSERT INTO legal_holds (id, tenant_id, package_id, reason, placed_by, placed_at, reach)
SELECT pg_temp.id(n), 'default', pg_temp.id(n), 'asked', pg_temp.id(1), n, 'held' FROM generate_series(1, 20000, 7) n;

ANALYZE;
