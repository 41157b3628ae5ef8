//! Tokens of code hosts, of build services and of package registries.

use super::super::kind::SecretKind;

pub(super) const KINDS: &[SecretKind] = &[
    SecretKind::token(
        "github-token",
        "GitHub token",
        "https://github.blog/engineering/behind-githubs-new-authentication-token-formats/",
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"],
        r"(gh[pousr]_[A-Za-z0-9]{36,})",
    ),
    SecretKind::token(
        "github-fine-grained-token",
        "GitHub fine-grained token",
        "https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/managing-your-personal-access-tokens",
        &["github_pat_"],
        r"(github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})",
    ),
    SecretKind::token(
        "gitlab-token",
        "GitLab token",
        "https://docs.gitlab.com/security/tokens/",
        &[
            "glpat-", "gldt-", "glrt-", "glrtr-", "glptt-", "glcbt-", "glsoat-", "glimt-", "glft-",
            "glagent-", "gloas-",
        ],
        r"(gl(?:pat|dt|rt|rtr|ptt|cbt|soat|imt|ft|agent|oas)-[A-Za-z0-9_.=-]{20,})",
    ),
    SecretKind::token(
        "bitbucket-app-password",
        "Bitbucket app password",
        "https://support.atlassian.com/bitbucket-cloud/docs/app-passwords/",
        &["ATBB"],
        r"(ATBB[A-Za-z0-9_=.-]{32})",
    ),
    SecretKind::token(
        "atlassian-api-token",
        "Atlassian API token",
        "https://support.atlassian.com/atlassian-account/docs/manage-api-tokens-for-your-atlassian-account/",
        &["ATATT3", "ATCTT3"],
        r"(AT[AC]TT3[A-Za-z0-9_=-]{160,})",
    ),
    SecretKind::token(
        "npm-token",
        "npm access token",
        "https://docs.npmjs.com/about-access-tokens",
        &["npm_"],
        r"(npm_[A-Za-z0-9]{36})",
    ),
    SecretKind::named(
        "npmrc-auth",
        "credentials in .npmrc",
        "https://docs.npmjs.com/cli/v11/configuring-npm/npmrc",
        &["_authToken", "_password", "_auth="],
        r#":?_(?i:authToken|password|auth){s}={s}{q}([A-Za-z0-9/+=_.-]{16,})"#,
    )
    .bounded(),
    SecretKind::token(
        "pypi-token",
        "PyPI API token",
        "https://pypi.org/help/#apitoken",
        &["pypi-AgE"],
        r"(pypi-AgE[A-Za-z0-9_-]{60,})",
    ),
    SecretKind::token(
        "rubygems-key",
        "RubyGems API key",
        "https://guides.rubygems.org/api-key-scopes/",
        &["rubygems_"],
        r"(rubygems_[a-f0-9]{48})",
    ),
    SecretKind::token(
        "crates-token",
        "crates.io API token",
        "https://doc.rust-lang.org/cargo/reference/publishing.html",
        &["cio"],
        r"(cio[A-Za-z0-9]{32})",
    ),
    SecretKind::token(
        "nuget-key",
        "NuGet API key",
        "https://learn.microsoft.com/nuget/nuget-org/publish-a-package",
        &["oy2"],
        r"(oy2[a-z0-9]{43})",
    ),
    SecretKind::token(
        "docker-hub-token",
        "Docker Hub token",
        "https://docs.docker.com/security/access-tokens/",
        &["dckr_pat_", "dckr_oat_"],
        r"(dckr_[po]at_[A-Za-z0-9_-]{27,40})",
    ),
    SecretKind::token(
        "circleci-token",
        "CircleCI token",
        "https://circleci.com/docs/managing-api-tokens/",
        &["CCIPAT_", "CCIPRJ_"],
        r"(CCIP(?:AT|RJ)_[A-Za-z0-9]{20,24}_[a-f0-9]{40})",
    ),
    SecretKind::token(
        "buildkite-token",
        "Buildkite token",
        "https://buildkite.com/docs/platform/security/tokens",
        &["bkua_", "bkct_"],
        r"(bk(?:ua|ct)_[A-Za-z0-9]{40,64})",
    ),
    SecretKind::token(
        "jfrog-api-key",
        "JFrog API key",
        "https://jfrog.com/help/r/jfrog-platform-administration-documentation/user-profile",
        &["AKCp"],
        r"(AKCp[A-Za-z0-9]{69})",
    ),
    SecretKind::token(
        "sonarqube-token",
        "SonarQube token",
        "https://docs.sonarsource.com/sonarqube-server/user-guide/managing-tokens/",
        &["squ_", "sqp_", "sqa_"],
        r"(sq[upa]_[a-f0-9]{40})",
    ),
    SecretKind::token(
        "clojars-token",
        "Clojars deploy token",
        "https://github.com/clojars/clojars-web/wiki/Deploy-Tokens",
        &["CLOJARS_"],
        r"(CLOJARS_[a-z0-9]{60})",
    ),
    SecretKind::token(
        "terraform-cloud-token",
        "HCP Terraform token",
        "https://developer.hashicorp.com/terraform/cloud-docs/users-teams-organizations/api-tokens",
        &[".atlasv1."],
        r"([A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,80})",
    )
    .looking_back(14),
    SecretKind::token(
        "pulumi-token",
        "Pulumi access token",
        "https://www.pulumi.com/docs/pulumi-cloud/access-management/access-tokens/",
        &["pul-"],
        r"(pul-[a-f0-9]{40})",
    ),
];
