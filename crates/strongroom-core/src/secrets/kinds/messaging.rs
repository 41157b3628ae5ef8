//! Tokens and addresses of services that carry messages.

use super::super::kind::{Check, SecretKind};

pub(super) const KINDS: &[SecretKind] = &[
    SecretKind::token(
        "slack-token",
        "Slack token",
        "https://api.slack.com/concepts/token-types",
        &["xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxe-", "xoxe.", "xapp-"],
        r"(xox[abeprs][-.][A-Za-z0-9.-]{24,}|xapp-[0-9]-[A-Z0-9]{8,16}-[0-9]{8,20}-[a-f0-9]{32,80})",
    ),
    SecretKind::token(
        "slack-webhook",
        "Slack incoming webhook",
        "https://api.slack.com/messaging/webhooks",
        &["hooks.slack.com"],
        r"hooks\.slack\.com/(?:services|workflows|triggers)/(T?[A-Z0-9]{8,12}/[A-Z0-9]{8,16}/[A-Za-z0-9]{20,64})",
    ),
    SecretKind::named(
        "discord-webhook",
        "Discord webhook",
        "https://discord.com/developers/docs/resources/webhook",
        &["discord.com/api/webhooks/", "discordapp.com/api/webhooks/"],
        r"discord(?:app)?\.com/api/webhooks/([0-9]{17,20}/[A-Za-z0-9_-]{60,80})",
    ),
    SecretKind::named(
        "teams-webhook",
        "Microsoft Teams webhook",
        "https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook",
        &["webhook.office.com/webhookb2/"],
        r"webhook\.office\.com/webhookb2/([0-9a-f-]{36}@[0-9a-f-]{36}/IncomingWebhook/[0-9a-f]{32}/[0-9a-f-]{36})",
    ),
    SecretKind::token(
        "telegram-bot-token",
        "Telegram bot token",
        "https://core.telegram.org/bots/features#botfather",
        &[":AA"],
        r"(?:.{0,2}[^0-9])?([0-9]{8,10}:AA[A-Za-z0-9_-]{33})",
    )
    .looking_back(10),
    SecretKind::named(
        "twilio-secret",
        "Twilio auth token or API key secret",
        "https://www.twilio.com/docs/iam/api-keys",
        &["twilio"],
        r#"(?i:twilio)[A-Za-z0-9_.-]{0,24}{is}{q}(SK[0-9a-f]{32}|[0-9a-f]{32}|[A-Za-z0-9]{32})"#,
    ),
    SecretKind::token(
        "sendgrid-api-key",
        "SendGrid API key",
        "https://www.twilio.com/docs/sendgrid/ui/account-and-settings/api-keys",
        &["SG."],
        r"(SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43})",
    ),
    SecretKind::token(
        "mailgun-api-key",
        "Mailgun API key",
        "https://documentation.mailgun.com/docs/mailgun/user-manual/api-key-mgmt/api-keys",
        &["key-"],
        r"(key-[0-9a-f]{32})",
    ),
    SecretKind::token(
        "mailchimp-api-key",
        "Mailchimp API key",
        "https://mailchimp.com/developer/marketing/docs/fundamentals/",
        &["-us"],
        r"([0-9a-f]{32}-us[0-9]{1,2})",
    )
    .looking_back(32),
    SecretKind::token(
        "postman-api-key",
        "Postman API key",
        "https://learning.postman.com/docs/developer/postman-api/authentication/",
        &["PMAK-"],
        r"(PMAK-[a-f0-9]{24}-[a-f0-9]{34})",
    ),
    SecretKind::token(
        "firebase-server-key",
        "Firebase Cloud Messaging server key",
        "https://firebase.google.com/docs/cloud-messaging/auth-server",
        &[":APA91b"],
        r"(AAAA[A-Za-z0-9_-]{7}:APA91b[A-Za-z0-9_-]{134})",
    )
    .looking_back(11)
    .checked(Check::Varied),
];
