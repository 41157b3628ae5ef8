//! Passwords and keys that are told by where they stand: in a URL, in a header, behind a name.

use super::super::kind::{Check, SecretKind};

pub(super) const KINDS: &[SecretKind] = &[
    SecretKind::named(
        "database-url-password",
        "database URL with a password",
        "https://www.postgresql.org/docs/current/libpq-connect.html",
        &[
            "postgres://", "postgresql://", "mysql://", "mariadb://", "mongodb://", "mongodb+srv://", "redis://",
            "rediss://", "amqp://", "amqps://", "mssql://", "sqlserver://", "clickhouse://", "cassandra://", "nats://",
        ],
        r#"[A-Za-z+]{4,11}://[^\s:/@"'<>]{0,128}:([^\s/@"'<>]{3,128})@[A-Za-z0-9\[]"#,
    )
    .checked(Check::Varied),
    SecretKind::named(
        "url-password",
        "URL with a password",
        "https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1",
        &["http://", "https://", "ftp://", "sftp://", "ssh://", "smtp://", "smtps://", "imap://", "imaps://", "ldap://", "ldaps://", "git://"],
        r#"[A-Za-z]{3,5}://[^\s:/@"'<>]{1,128}:([^\s/@"'<>]{4,128})@[A-Za-z0-9\[]"#,
    )
    .checked(Check::Varied)
    .generic(),
    SecretKind::named(
        "basic-authorization",
        "Basic credentials in a header",
        "https://www.rfc-editor.org/rfc/rfc7617",
        &["authorization"],
        r#"(?i:authorization)["']?\s{0,4}[:=]\s{0,4}["']?(?i:basic)\s{1,4}([A-Za-z0-9+/]{8,}={0,2})"#,
    )
    .checked(Check::BasicCredentials),
    SecretKind::named(
        "bearer-authorization",
        "bearer token in a header",
        "https://www.rfc-editor.org/rfc/rfc6750",
        &["authorization"],
        r#"(?i:authorization)["']?\s{0,4}[:=]\s{0,4}["']?(?i:bearer|token)\s{1,4}([A-Za-z0-9+/=_.~-]{20,})"#,
    )
    .checked(Check::Random)
    .generic(),
    SecretKind::named(
        "password",
        "password",
        "https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html",
        &["password", "passwd", "passphrase"],
        r#"(?i:password|passwd|passphrase)[0-9]?["']?\s{0,4}(?::=|=>|[:=])\s{0,4}["']?([^\s"'`,;<>(){}\[\]|&\\]{8,128})"#,
    )
    .checked(Check::Password)
    .generic(),
    SecretKind::named(
        "generic-api-key",
        "API key",
        "https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html",
        &["api_key", "apikey", "api-key", "access_key", "accesskey", "access-key"],
        r#"(?i:api|access)[_-]?(?i:key)["']?\s{0,4}(?::=|=>|[:=])\s{0,4}["']?([A-Za-z0-9+/_.~-]{16,199}={0,2})"#,
    )
    .checked(Check::Random)
    .generic(),
    SecretKind::named(
        "generic-secret",
        "secret",
        "https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html",
        &["secret"],
        r#"(?i:secret)(?:[_-]?(?i:key|value))?["']?\s{0,4}(?::=|=>|[:=])\s{0,4}["']?([A-Za-z0-9+/_.~-]{16,199}={0,2})"#,
    )
    .checked(Check::Random)
    .generic(),
    SecretKind::named(
        "generic-token",
        "token",
        "https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html",
        &["token"],
        r#"(?i:token)(?:[_-]?(?i:value))?["']?\s{0,4}(?::=|=>|[:=])\s{0,4}["']?([A-Za-z0-9+/_.~-]{20,199}={0,2})"#,
    )
    .checked(Check::Random)
    .generic(),
];
