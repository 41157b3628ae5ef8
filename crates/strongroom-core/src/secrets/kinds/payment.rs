//! Keys of payment services.

use super::super::kind::SecretKind;

pub(super) const KINDS: &[SecretKind] = &[
    SecretKind::token(
        "stripe-secret-key",
        "Stripe secret or restricted key",
        "https://docs.stripe.com/keys",
        &["sk_live_", "sk_test_", "rk_live_", "rk_test_"],
        r"([sr]k_(?:live|test)_[A-Za-z0-9]{16,})",
    ),
    SecretKind::token(
        "stripe-webhook-secret",
        "Stripe webhook signing secret",
        "https://docs.stripe.com/webhooks/signature",
        &["whsec_"],
        r"(whsec_[A-Za-z0-9+/]{32,64}={0,2})",
    ),
    SecretKind::token(
        "square-token",
        "Square access token or secret",
        "https://developer.squareup.com/docs/build-basics/access-tokens",
        &["EAAA", "sq0atp-", "sq0csp-"],
        r"(EAAA[A-Za-z0-9_-]{60}|sq0atp-[A-Za-z0-9_-]{22}|sq0csp-[A-Za-z0-9_-]{43})",
    ),
    SecretKind::token(
        "shopify-token",
        "Shopify token",
        "https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens",
        &["shpat_", "shpca_", "shppa_", "shpss_"],
        r"(shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32})",
    ),
    SecretKind::token(
        "braintree-access-token",
        "Braintree access token",
        "https://developer.paypal.com/braintree/docs/start/overview",
        &["access_token$production$"],
        r"(access_token\$production\$[0-9a-z]{16}\$[0-9a-f]{32})",
    ),
    SecretKind::token(
        "razorpay-key",
        "Razorpay key",
        "https://razorpay.com/docs/payments/dashboard/account-settings/api-keys/",
        &["rzp_live_", "rzp_test_"],
        r"(rzp_(?:live|test)_[A-Za-z0-9]{14})",
    ),
    SecretKind::token(
        "flutterwave-secret-key",
        "Flutterwave secret key",
        "https://developer.flutterwave.com/docs/authentication",
        &["FLWSECK"],
        r"(FLWSECK(?:_TEST)?-[a-fA-F0-9]{32}-X)",
    ),
];
