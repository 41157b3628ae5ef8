//! Keys of services that watch, store and organise; and of those that keep secrets.

use super::super::kind::SecretKind;

pub(super) const KINDS: &[SecretKind] = &[
    SecretKind::token(
        "vault-token",
        "HashiCorp Vault or OpenBao token",
        "https://developer.hashicorp.com/vault/docs/concepts/tokens",
        &["hvs.", "hvb.", "hvr."],
        r"(hv[sbr]\.[A-Za-z0-9_-]{24,})",
    ),
    SecretKind::token(
        "doppler-token",
        "Doppler token",
        "https://docs.doppler.com/reference/auth-token-formats",
        &["dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "dp.scim.", "dp.audit."],
        r"(dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{40,80})",
    ),
    SecretKind::token(
        "1password-service-account-token",
        "1Password service account token",
        "https://developer.1password.com/docs/service-accounts/security/",
        &["ops_eyJ"],
        r"(ops_eyJ[A-Za-z0-9+/]{200,}={0,2})",
    ),
    SecretKind::token(
        "age-secret-key",
        "age secret key",
        "https://age-encryption.org/v1",
        &["AGE-SECRET-KEY-1"],
        r"(AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58})",
    ),
    SecretKind::token(
        "new-relic-key",
        "New Relic user key",
        "https://docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys/",
        &["NRAK-"],
        r"(NRAK-[A-Z0-9]{27})",
    ),
    SecretKind::token(
        "grafana-token",
        "Grafana token",
        "https://grafana.com/docs/grafana/latest/administration/service-accounts/",
        &["glsa_", "glc_"],
        r"(glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}|glc_[A-Za-z0-9+/]{32,}={0,2})",
    ),
    SecretKind::token(
        "sentry-token",
        "Sentry auth token",
        "https://docs.sentry.io/account/auth-tokens/",
        &["sntrys_", "sntryu_"],
        r"(sntrys_eyJ[A-Za-z0-9+/=_-]{60,}|sntryu_[a-f0-9]{64})",
    ),
    SecretKind::named(
        "datadog-key",
        "Datadog API or application key",
        "https://docs.datadoghq.com/account_management/api-app-keys/",
        &[
            "dd_api_key",
            "dd-api-key",
            "dd_app_key",
            "datadog_api_key",
            "datadog_app_key",
            "dd-application-key",
        ],
        r#"[A-Za-z_-]{10,18}{is}{q}([0-9a-f]{32}(?:[0-9a-f]{8})?)"#,
    ),
    SecretKind::token(
        "dynatrace-token",
        "Dynatrace token",
        "https://docs.dynatrace.com/docs/manage/identity-access-management/access-tokens-and-oauth-clients/access-tokens",
        &["dt0c01.", "dt0s01.", "dt0s16."],
        r"(dt0[cs][0-9]{2}\.[A-Z0-9]{8,24}\.[A-Z0-9]{64})",
    ),
    SecretKind::token(
        "linear-api-key",
        "Linear API key",
        "https://linear.app/developers/graphql",
        &["lin_api_", "lin_oauth_"],
        r"(lin_(?:api|oauth)_[A-Za-z0-9]{40,64})",
    ),
    SecretKind::token(
        "notion-token",
        "Notion integration token",
        "https://developers.notion.com/docs/authorization",
        &["ntn_"],
        r"(ntn_[A-Za-z0-9]{43,50})",
    ),
    SecretKind::token(
        "figma-token",
        "Figma personal access token",
        "https://www.figma.com/developers/api#authentication",
        &["figd_"],
        r"(figd_[A-Za-z0-9_-]{40,48})",
    ),
];
