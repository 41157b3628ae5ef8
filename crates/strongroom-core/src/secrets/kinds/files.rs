//! Secrets by how they lie in files: keys, tokens of open standards, credentials of well-known tools.

use super::super::kind::{Before, Check, SecretKind};

pub(super) const KINDS: &[SecretKind] = &[
    SecretKind::named(
        "private-key",
        "private key",
        "https://www.rfc-editor.org/rfc/rfc7468",
        &["-----BEGIN "],
        // The header alone stands in every program that reads keys: some of the key must follow.
        // Before its lines a log may have set times: then they must be as long as those of a key.
        r#"(-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:(?:\\{1,8}[rn]|[\s"'+,>|])*(?:[A-Za-z0-9+/]{24,100}|(?:Proc-Type|Version|Comment|DEK-Info):)|[^\n]{0,40}(?:\n[^\n]{0,120}){1,4}?[^A-Za-z0-9+/\n][A-Za-z0-9+/]{60,76}))"#,
    )
    .checked(Check::Shape),
    SecretKind::named(
        "putty-private-key",
        "PuTTY private key",
        "https://tartarus.org/~simon/putty-snapshots/htmldoc/AppendixC.html",
        &["PuTTY-User-Key-File-"],
        r"(PuTTY-User-Key-File-[23]: [a-z0-9@.-]{6,40})",
    )
    .checked(Check::Shape),
    SecretKind::token(
        "encoded-private-key",
        "private key in base64",
        "https://www.rfc-editor.org/rfc/rfc7468",
        &["LS0tLS1CRUdJTi"],
        r"(LS0tLS1CRUdJTi[A-Za-z0-9+/]{50,}={0,2})",
    )
    .checked(Check::EncodedPrivateKey),
    SecretKind::token(
        "json-web-token",
        "JSON Web Token",
        "https://www.rfc-editor.org/rfc/rfc7519",
        &["eyJ"],
        r"(eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,})",
    )
    .checked(Check::JsonWebToken),
    SecretKind::named(
        "kubeconfig-client-key",
        "client key in a kubeconfig",
        "https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/",
        &["client-key-data"],
        r#"client-key-data{is}{q}([A-Za-z0-9+/]{64,}={0,2})"#,
    ),
    SecretKind::named(
        "docker-config-auth",
        "credentials in a Docker configuration",
        "https://docs.docker.com/reference/cli/docker/login/",
        &["\"auth"],
        r#""auth\\{0,7}"\s{0,4}:\s{0,4}\\{0,7}"([A-Za-z0-9+/]{12,}={0,2})\\{0,7}""#,
    )
    .checked(Check::BasicCredentials),
    SecretKind::named(
        "netrc-password",
        "password in a netrc file",
        "https://www.gnu.org/software/inetutils/manual/html_node/The-_002enetrc-file.html",
        &["machine "],
        r#"machine(?:\s|{nl}){1,4}[^\s\\]{1,}(?:\s|{nl}){1,8}login(?:\s|{nl}){1,4}[^\s\\]{1,128}(?:\s|{nl}){1,8}password(?:\s|{nl}){1,4}([^\s\\"]{4,})"#,
    )
    .checked(Check::Password),
    SecretKind {
        id: "password-hash",
        name: "hash of a password",
        documentation: "https://manpages.debian.org/bookworm/libcrypt-dev/crypt.5.en.html",
        keywords: &["$2a$", "$2b$", "$2y$", "$5$", "$6$", "$y$", "$argon2i"],
        before: Before::Anything,
        pattern: r"(\$2[aby]\$[0-9]{2}\$[A-Za-z0-9./]{53}|\$[56]\$(?:rounds=[0-9]{1,9}\$)?[A-Za-z0-9./]{1,16}\$[A-Za-z0-9./]{43,86}|\$y\$[A-Za-z0-9./]{1,8}\$[A-Za-z0-9./]{1,86}\$[A-Za-z0-9./]{43}|\$argon2id?\$v=[0-9]{1,3}\$m=[0-9]{1,9},t=[0-9]{1,4},p=[0-9]{1,4}\$[A-Za-z0-9+/]{8,64}\$[A-Za-z0-9+/]{16,128})",
        check: Check::Varied,
        is_specific: true,
    },
];
