//! Keys of services that run models.

use super::super::kind::SecretKind;

pub(super) const KINDS: &[SecretKind] = &[
    SecretKind::token(
        "openai-api-key",
        "OpenAI API key",
        "https://platform.openai.com/docs/api-reference/authentication",
        &["sk-proj-", "sk-svcacct-", "sk-admin-"],
        r"(sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,})",
    ),
    SecretKind::token(
        "openai-user-key",
        "OpenAI user API key",
        "https://platform.openai.com/docs/api-reference/authentication",
        &["T3BlbkFJ"],
        r"(sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20})",
    )
    .looking_back(23),
    SecretKind::token(
        "anthropic-api-key",
        "Anthropic API key",
        "https://docs.anthropic.com/en/api/overview",
        &["sk-ant-"],
        r"(sk-ant-[a-z]{3,8}[0-9]{2}-[A-Za-z0-9_-]{80,120})",
    ),
    SecretKind::token(
        "hugging-face-token",
        "Hugging Face token",
        "https://huggingface.co/docs/hub/security-tokens",
        &["hf_"],
        r"(hf_[A-Za-z0-9]{34,40})",
    ),
    SecretKind::token(
        "replicate-token",
        "Replicate API token",
        "https://replicate.com/docs/topics/security/api-tokens",
        &["r8_"],
        r"(r8_[A-Za-z0-9]{37})",
    ),
    SecretKind::token(
        "groq-api-key",
        "Groq API key",
        "https://console.groq.com/docs/api-keys",
        &["gsk_"],
        r"(gsk_[A-Za-z0-9]{52})",
    ),
    SecretKind::token(
        "perplexity-api-key",
        "Perplexity API key",
        "https://docs.perplexity.ai/guides/api-key-management",
        &["pplx-"],
        r"(pplx-[A-Za-z0-9]{48})",
    ),
    SecretKind::token(
        "xai-api-key",
        "xAI API key",
        "https://docs.x.ai/docs/key-information/using-management-api",
        &["xai-"],
        r"(xai-[A-Za-z0-9]{80})",
    ),
    SecretKind::token(
        "openrouter-api-key",
        "OpenRouter API key",
        "https://openrouter.ai/docs/api-reference/authentication",
        &["sk-or-v1-"],
        r"(sk-or-v1-[a-f0-9]{64})",
    ),
    SecretKind::token(
        "langsmith-api-key",
        "LangSmith API key",
        "https://docs.langchain.com/langsmith/create-account-api-key",
        &["lsv2_"],
        r"(lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10})",
    ),
];
