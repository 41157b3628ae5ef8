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
        r#"(?i:authorization){is}{q}(?i:basic)\s{1,4}([A-Za-z0-9+/]{8,}={0,2})"#,
    )
    .checked(Check::BasicCredentials),
    SecretKind::named(
        "bearer-authorization",
        "bearer token in a header",
        "https://www.rfc-editor.org/rfc/rfc6750",
        &["authorization"],
        r#"(?i:authorization){is}{q}(?i:bearer|token)\s{1,4}([A-Za-z0-9+/=_.~-]{20,})"#,
    )
    .checked(Check::Random)
    .generic(),
    SecretKind::named(
        "password",
        "password",
        "https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html",
        &["pass", "pwd"],
        // `pass` alone is a word of every report of tests: it is a name behind another one, in quotation
        // marks, and before an equals sign.
        r#"(?:(?:.{0,2}(?i:passwords?|passwd|passphrases?|passcode)[0-9]?|.?[_.<-](?i:pass)[0-9]?|.?[a-z](?:Pass|Pwd)|.?["'](?i:pass)\\{0,7}["']|(?:.?[^A-Za-z0-9]|\\[nrt])?(?i:pwd)){is}|(?:.?[^A-Za-z0-9]|\\[nrt])?(?i:pass){s}={s})(?:\\{0,7}["']([^\s\x00"'\\]{8,128})\\{0,7}["']|{q}([^\s\x00"'`,;<>(){}\[\]|\\]{8,128}))"#,
    )
    .looking_back(2)
    .checked(Check::Password)
    .generic(),
    SecretKind::named(
        "curl-credentials",
        "user and password on a command line of curl",
        "https://curl.se/docs/manpage.html#-u",
        &["curl"],
        r#"(?i:curl)(?:[^\n]|\\\r?\n){0,400}?[\s"'](?:--(?:proxy-)?user|-[A-Za-z]{0,6}[uU])(?:\\{0,7}["']\s{0,4},\s{0,40}|[ \t=]{0,8}){q}[^\s:"'$]{1,128}:([^\s\x00"'`<>\\]{4,128})"#,
    )
    .checked(Check::Password)
    .generic(),
    SecretKind::named(
        "generic-api-key",
        "API key",
        "https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html",
        &["api_key", "apikey", "api-key", "access_key", "accesskey", "access-key"],
        r#"(?i:api|access)[_-]?(?i:key){is}{q}([A-Za-z0-9+/_.~-]{16,199}={0,2})"#,
    )
    .checked(Check::Random)
    .generic(),
    SecretKind::named(
        "generic-secret",
        "secret",
        "https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html",
        &["secret"],
        r#"(?i:secret)(?:[_-]?(?i:key|value))?{is}{q}([A-Za-z0-9+/_.~-]{16,199}={0,2})"#,
    )
    .checked(Check::Random)
    .generic(),
    SecretKind::named(
        "generic-token",
        "token",
        "https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html",
        &["token"],
        r#"(?i:token)(?:[_-]?(?i:value))?{is}{q}([A-Za-z0-9+/_.~-]{20,199}={0,2})"#,
    )
    .checked(Check::Random)
    .generic(),
];
