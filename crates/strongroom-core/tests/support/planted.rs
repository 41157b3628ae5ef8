//! Secrets of every kind to plant, put together when the tests run, so that no scanner of repositories
//! trips over this one; and texts that only look like secrets.

#![allow(dead_code, reason = "each test binary uses its part")]

/// Kinds and how to make one. `{w36}` stands for 36 characters drawn from an alphabet: `w` letters and
/// digits, `h` hexadecimal digits, `l` lower case and digits, `u` upper case and 2 to 7, `c` upper case
/// and digits, `b` base64, `s` base64url, `d` digits, `p` what people choose, `a` the alphabet of age. A `¦`
/// is left out.
const TEMPLATES: &[(&str, &str)] = &[
    ("aws-access-key-id", "AKIA{u16}"),
    ("aws-secret-access-key", "aws_secret_access_key={b40}"),
    ("aws-session-token", "aws_session_token={b120}=="),
    ("aws-bedrock-api-key", "ABSK{b120}"),
    ("google-api-key", "AIza{w35}"),
    ("google-oauth-client-secret", "GOCSPX-{w28}"),
    ("google-oauth-access-token", "ya29.{w60}"),
    ("google-service-account-key", "\"private_key_id\": \"{h40}\""),
    ("azure-storage-account-key", "AccountKey={b86}=="),
    ("azure-shared-access-signature", "sv=2024-11-04&sig={w43}%3D"),
    ("azure-client-secret", "{w3}8Q~{w34}"),
    ("azure-devops-token", "{w76}AZDO{w4}"),
    ("digitalocean-token", "dop_v1_{h64}"),
    ("alibaba-access-key-id", "LTAI{w20}"),
    ("cloudflare-origin-ca-key", "v1.0-{h24}-{h146}"),
    ("heroku-api-key", "HRKU-{w60}"),
    ("fly-io-token", "fm2_{b160}"),
    ("databricks-token", "dapi{h32}"),
    ("planetscale-token", "pscale_tkn_{w43}"),
    ("supabase-token", "sbp_{h40}"),
    ("tailscale-key", "tskey-auth-{w12}-{w32}"),
    ("netlify-token", "nfp_{w36}"),
    ("github-token", "ghp_{w36}"),
    ("github-fine-grained-token", "github_pat_{w22}_{w59}"),
    ("gitlab-token", "glpat-{w20}"),
    ("bitbucket-app-password", "ATBB{w32}"),
    ("atlassian-api-token", "ATATT3{w180}"),
    ("npm-token", "npm_{w36}"),
    ("npmrc-auth", "registry.example.net/:_authToken={w40}"),
    ("pypi-token", "pypi-AgE{w150}"),
    ("rubygems-key", "rubygems_{h48}"),
    ("crates-token", "cio{w32}"),
    ("nuget-key", "oy2{l43}"),
    ("docker-hub-token", "dckr_pat_{w27}"),
    ("circleci-token", "CCIPAT_{w22}_{h40}"),
    ("buildkite-token", "bkua_{h40}"),
    ("jfrog-api-key", "AKCp{w69}"),
    ("sonarqube-token", "squ_{h40}"),
    ("clojars-token", "CLOJARS_{l60}"),
    ("terraform-cloud-token", "{w14}.atlasv1.{w67}"),
    ("pulumi-token", "pul-{h40}"),
    ("openai-api-key", "sk-proj-{w150}"),
    ("openai-user-key", "sk-{w20}T3¦BlbkFJ{w20}"),
    ("anthropic-api-key", "sk-ant-api03-{w95}"),
    ("hugging-face-token", "hf_{w34}"),
    ("replicate-token", "r8_{w37}"),
    ("groq-api-key", "gsk_{w52}"),
    ("perplexity-api-key", "pplx-{w48}"),
    ("xai-api-key", "xai-{w80}"),
    ("openrouter-api-key", "sk-or-v1-{h64}"),
    ("langsmith-api-key", "lsv2_pt_{h32}_{h10}"),
    ("slack-token", "xox¦b-{d12}-{d12}-{w24}"),
    ("slack-webhook", "hooks.slack.com/services/T{c9}/B{c9}/{w24}"),
    ("discord-webhook", "discord.com/api/webhooks/{d18}/{w68}"),
    (
        "teams-webhook",
        "a.webhook.office.com/webhookb2/{h8}-{h4}-{h4}-{h4}-{h12}@{h8}-{h4}-{h4}-{h4}-{h12}/IncomingWebhook/{h32}/{h8}-{h4}-{h4}-{h4}-{h12}",
    ),
    ("telegram-bot-token", "{d10}:AA{w33}"),
    ("twilio-secret", "TWILIO_AUTH_TOKEN={h32}"),
    ("sendgrid-api-key", "SG.{w22}.{w43}"),
    ("mailgun-api-key", "key-{h32}"),
    ("mailchimp-api-key", "{h32}-us12"),
    ("postman-api-key", "PMAK-{h24}-{h34}"),
    ("firebase-server-key", "AAAA{w7}:APA91b{w134}"),
    ("stripe-secret-key", "sk_¦live_{w24}"),
    ("stripe-webhook-secret", "whsec_{w32}"),
    ("square-token", "sq0atp-{w22}"),
    ("shopify-token", "shpat_{h32}"),
    ("braintree-access-token", "access_token$production${l16}${h32}"),
    ("razorpay-key", "rzp_live_{w14}"),
    ("flutterwave-secret-key", "FLWSECK-{h32}-X"),
    ("vault-token", "hvs.{w95}"),
    ("doppler-token", "dp.pt.{w43}"),
    ("1password-service-account-token", "ops_eyJ{w300}"),
    ("age-secret-key", "AGE-SECRET-¦KEY-1{a58}"),
    ("new-relic-key", "NRAK-{c27}"),
    ("grafana-token", "glsa_{w32}_{h8}"),
    ("sentry-token", "sntryu_{h64}"),
    ("datadog-key", "DD_API_KEY={h32}"),
    ("dynatrace-token", "dt0c01.{c24}.{c64}"),
    ("linear-api-key", "lin_api_{w40}"),
    ("notion-token", "ntn_{w46}"),
    ("figma-token", "figd_{w40}"),
    ("private-key", "-----BEGIN PRIV¦ATE KEY-----\\n{b64}"),
    ("encoded-private-key", "LS0tLS1CRUdJTi¦BQUklWQVRFIEtFWS0tLS0t{b100}"),
    ("putty-private-key", "PuTTY-User-¦Key-File-3: ssh-ed25519"),
    ("json-web-token", "eyJhbGciOiJIUzI1NiIs¦InR5cCI6IkpXVCJ9.eyJ{w60}.{w43}"),
    ("kubeconfig-client-key", "client-key-data: {b240}"),
    ("docker-config-auth", "{\"auth\": \"YnVpbGQ6¦dzd0Wi05MmtxLTg=\"}"),
    ("netrc-password", "machine git.example.net login build password {w12}"),
    ("password-hash", "$2b$12${w53}"),
    ("database-url-password", "postgres://app:{w16}@db.example.net/orders"),
    ("url-password", "https://build:{w16}@git.example.net/a.git"),
    ("basic-authorization", "Authorization: Basic YnVpbGQ6¦dzd0Wi05MmtxLTg="),
    ("bearer-authorization", "Authorization: Bearer {w40}"),
    ("password", "DB_PASSWORD={w14}"),
    ("curl-credentials", "curl -su build:{w16} example.net"),
    ("generic-api-key", "api_key: {w40}"),
    ("generic-secret", "client_secret={w40}"),
    ("generic-token", "deploy_token={w40}"),
];

/// Other forms in which a kind is met: how it is called, aligned, nested, broken into lines.
const FORMS: &[(&str, &str)] = &[
    // After an escape, a colour or a percent code no word goes on.
    ("github-token", "{\"log\":\"line one\\nghp_{w36}\"}"),
    ("github-token", "{\"log\":\"key\\tghp_{w36}\"}"),
    ("github-token", "\u{1b}[32mghp_{w36}\u{1b}[0m"),
    ("github-token", "{\"log\":\"\\u001b[0;32mghp_{w36}\\u001b[0m\"}"),
    ("github-token", "GET /?q=%20ghp_{w36}%20x"),
    ("github-token", "\\u00e9ghp_{w36}"),
    ("aws-access-key-id", "{\"log\":\"a\\nAKIA{u16}\"}"),
    // JSON in a string of JSON.
    ("password", "{\"line\":\"{\\\"password\\\":\\\"{p12}\\\"}\"}"),
    ("password", "{\"line\":\"{\\\\\\\"password\\\\\\\":\\\\\\\"{p12}\\\\\\\"}\"}"),
    ("aws-secret-access-key", "{\"line\":\"{\\\"SecretAccessKey\\\": \\\"{b40}\\\"}\"}"),
    ("generic-api-key", "{\"line\":\"{\\\"api_key\\\":\\\"{w40}\\\"}\"}"),
    ("google-service-account-key", "{\"line\":\"{\\\"private_key_id\\\": \\\"{h40}\\\"}\"}"),
    ("bearer-authorization", "{\"line\":\"{\\\"Authorization\\\": \\\"Bearer {w40}\\\"}\"}"),
    ("docker-config-auth", "{\"line\":\"{\\\"auth\\\":\\\"YnVpbGQ6¦dzd0Wi05MmtxLTg=\\\"}\"}"),
    (
        "private-key",
        "{\"line\":\"{\\\"key\\\":\\\"-----BEGIN PRIV¦ATE KEY-----\\\\n{b64}\\\\n-----END PRIV¦ATE KEY-----\\\\n\\\"}\"}",
    ),
    // Below its name, in lists and objects.
    ("password", "{\"password\":{\"current\":\"{p12}\"}}"),
    ("password", "{\"passwords\": [\"{p12}\"]}"),
    ("generic-secret", "{\"client_secret\": {\n  \"value\": \"{w40}\"}}"),
    ("password", "password:\n  {w14}\n"),
    ("password", "  password: >-\n    {p14}\n"),
    ("password", "passwords:\n  - {p14}\n"),
    ("password", "- name: DB_PASSWORD\n  value: {p12}\n"),
    ("password", "{\"name\": \"DB_PASSWORD\", \"value\": \"{p12}\"}"),
    ("password", "<add key=\"DB_PASSWORD\" value=\"{w12}\" />"),
    ("password", "<name>db.password</name>\n<value>{w12}</value>"),
    ("password", "<key>DB_PASSWORD</key><string>{w12}</string>"),
    ("generic-token", "- name: API_TOKEN\n  value: {w40}\n"),
    // By other names.
    ("password", "DB_PASS={p12}"),
    ("password", "pass={w12}"),
    ("password", "smtpPass: {w12}"),
    ("password", "{\"pass\": \"{p12}\"}"),
    ("password", "Server=db;Uid=app;Pwd={w12};"),
    ("password", "psql --password {w12} -h db"),
    ("password", "--db-password '{p12}'"),
    ("password", "[\"--password\", \"{p12}\"]"),
    ("password", "args:\n  - --password\n  - {w12}\n"),
    ("generic-token", "tool --token {w40}"),
    ("curl-credentials", "curl --user build:{w12} example.net"),
    ("curl-credentials", "[\"curl\",\"-u\",\"build:{w12}\"]"),
    ("curl-credentials", "curl -sS \\\n  -u jane@example.net:{w24} example.net"),
    ("password", "<password>{w12}</password>"),
    ("aws-secret-access-key", "aws_secret_access_key          = {b40}"),
    ("password", "password: '$u¦P3{p10}'"),
    ("password", "password: CorrectHorse¦BatteryStaple"),
    ("password", "DB_PASSWORD={w14}\0HOME=/root\0"),
    ("npmrc-auth", "_auth={w40}"),
    ("password", "DB_PASSWORD={w24}"),
    // A log sets a time before each line.
    (
        "private-key",
        "10:00:01 -----BEGIN PRIV¦ATE KEY-----\n10:00:01 {b64}\n10:00:01 {b64}\n10:00:02 -----END PRIV¦ATE KEY-----\n",
    ),
    (
        "private-key",
        "{\"l\":\"-----BEGIN RSA PRIV¦ATE KEY-----\"}\n{\"l\":\"{b64}\"}\n{\"l\":\"-----END RSA PRIV¦ATE KEY-----\"}\n",
    ),
    (
        "encoded-private-key",
        "tls.key: LS0tLS1CRUdJTi¦BFQyBQUklWQVRFIEtFWS0tLS0t{b48}\n  {b76}\n  {b22}==\n",
    ),
];

/// Names of fields, and a value that only its name tells of.
const GIVEN: &[(&str, &str, &str)] = &[
    ("aws-secret-access-key", "aws_secret_access_key", "{b40}"),
    ("aws-session-token", "AWS_SESSION_TOKEN", "{b120}=="),
    ("google-service-account-key", "private_key_id", "{h40}"),
    ("azure-storage-account-key", "AccountKey", "{b86}=="),
    ("twilio-secret", "TWILIO_AUTH_TOKEN", "{h32}"),
    ("datadog-key", "DD_API_KEY", "{h32}"),
    ("kubeconfig-client-key", "client-key-data", "{b240}"),
    ("docker-config-auth", "auth", "YnVpbGQ6¦dzd0Wi05MmtxLTg="),
    ("basic-authorization", "Authorization", "Basic YnVpbGQ6¦dzd0Wi05MmtxLTg="),
    ("bearer-authorization", "authorization", "Bearer {w40}"),
    ("password", "password", "{w14}"),
    ("password", "DB_PASSWORD", "Tr0¦ub4dor&{p12}"),
    ("password", "SMTP_PASS", "{p12}"),
    ("password", "pwd", "{w12}"),
    ("generic-api-key", "api_key", "{w40}"),
    ("generic-secret", "client_secret", "{w40}"),
    ("generic-token", "deploy_token", "{w40}"),
];

/// Texts that are no secrets, though they look a little like one.
const NEAR_MISSES: &[&str] = &[
    "AKIAIOSFODNN7EXA¦MPLE",
    "AKIA{w5}",
    "xAKIA{u16}",
    "AKIA{u30}",
    "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "ghp_{w20}",
    "npm_config_registry and npm_lifecycle_event",
    "AIza{w20}",
    "eyJ is how a JSON Web Token begins",
    "eyJub3QiOiJhIGhlYWRlciBhdCBhbGwifQ.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{w43}",
    "-----BEGIN PRIV¦ATE KEY----- stands at its head",
    "-----BEGIN CERTIFICATE-----\n{b64}",
    "-----BEGIN PUBLIC KEY-----\n{b64}",
    "password: required",
    "password = ${DB_PASSWORD}",
    "password=<your password>",
    "PASSWORD=changeme",
    "password: ********",
    "the password is wrong: try again",
    "token: not_found",
    "token=$CI_JOB_TOKEN",
    "secret_key_ref: env:EVIDENCE_KEY",
    "api_key: null",
    "Authorization: Bearer $TOKEN",
    "Authorization: Bearer <token>",
    "https://example.net/a:b@c",
    "https://user@example.net/",
    "postgres://localhost:5432/orders",
    "postgres://app@db.example.net/orders",
    "redis://127.0.0.1:6379",
    "\"auth\": \"none\"",
    "hooks.slack.com/services/",
    "v1.0-rc1",
    "key-value stores keep keys",
    "a risk-proj-ect, and a task-ant-farm",
    "cio, cioppino and Ciocolata",
    "sha256:{h64}",
    "commit {h40}",
    "machine learning and login screens",
    "twilio: see the documentation",
    "sig=none",
    "SG.1 and SG.2",
    "$2b$12$ is how bcrypt begins",
    "glsa_ and glc_ are prefixes",
    "0123456789:AA is a ratio",
    "{\"pass\": true, \"passed\": 12345678, \"fail\": 0}",
    "passed=12345678",
    "--- PASS: TestEvidenceLint2 (0.00s)",
    "PASS src/evidence2.test.js",
    "compass=north9west8",
    "bypass: Rule12-b",
    "--password-file /run/secrets/db-1",
    "--password-stdin < secret1.txt",
    "--password <password>",
    "--password PASSWORD --token TOKEN",
    "the password something1else",
    "one-password something1else",
    "DB_PASSWORD=$DB_PASSWORD_1",
    "password: ${{ secrets.DB_PASSWORD1 }}",
    "password: $(cat /run/secrets/db1)",
    "password: \"{{db_password_1}}\"",
    "password: env:DB_PASSWORD_1",
    "password: /run/secrets/db-1",
    "<password></password>",
    "<password/>",
    "<input name=\"password\"><label>Password12</label>",
    "password:\nusername: build12345",
    "password:\n  username: build12345",
    "DB_PASSWORD=\nDB_USER=build12345",
    "PWD=/home/build/work-1",
    "OLDPWD=/home/build/work-1\0PWD=/home/build/run-12",
    "- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef:\n      name: db-credentials-1\n      key: password",
    "{\"password\": {\"type\": \"string\", \"minLength\": 12}}",
    "password = self.getDatabasePassword",
    "java.lang.IllegalStateException: wrong password: AuthenticationFailedException",
    "curl -u \"$USER:$TOKEN\" example.net",
    "curl -sSfL http://example.net:8080/a12345",
    "docker run -u 1000:1000 curlimages/curl",
    "tls.crt: LS0tLS1CRUdJTi¦BDRVJUSUZJQ0FURS0tLS0t{b100}",
    "-----BEGIN PRIV¦ATE KEY-----\" begins one\nand this_function_reads_it(where)\n",
    "\\ghp and %ghp_ are none",
];

/// Every kind, with one secret of it.
pub(crate) fn secrets() -> Vec<(&'static str, String)> {
    TEMPLATES.iter().map(|(id, template)| (*id, made(template, id))).collect()
}

/// Every other form: its kind, the text, and what of it nobody may see.
pub(crate) fn forms() -> Vec<(&'static str, String, Vec<String>)> {
    FORMS
        .iter()
        .map(|(id, template)| (*id, made(template, template), parts(template, template)))
        .collect()
}

/// Every name with a value that it makes a secret: the kind, both, and what nobody may see.
pub(crate) fn given() -> Vec<(&'static str, &'static str, String, Vec<String>)> {
    let given = |(id, name, template): &(&'static str, &'static str, &'static str)| {
        (*id, *name, made(template, name), parts(template, name))
    };
    GIVEN.iter().map(given).collect()
}

/// Texts that are no secrets.
pub(crate) fn near_misses() -> Vec<String> {
    NEAR_MISSES.iter().map(|template| made(template, "near miss")).collect()
}

/// The parts of a secret that nobody may see: those that were drawn, if they are long enough to be told
/// from chance.
pub(crate) fn drawn(id: &str) -> Vec<String> {
    let template = TEMPLATES.iter().find(|(of, _)| *of == id).map_or("", |(_, template)| template);
    parts(template, id)
}

fn parts(template: &str, seed: &str) -> Vec<String> {
    let mut parts = Vec::new();
    fill(template, seed, |part| parts.push(part.to_owned()));
    parts.retain(|part| part.len() >= 8);
    parts
}

fn made(template: &str, seed: &str) -> String {
    fill(template, seed, |_| {})
}

fn fill(template: &str, seed: &str, mut drawn: impl FnMut(&str)) -> String {
    let mut state =
        seed.bytes().fold(0x9e37_79b9_u64, |sum, byte| sum.rotate_left(7) ^ u64::from(byte));
    let mut text = String::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let (before, after) = rest.split_at(open);
        text.push_str(before);
        let inside = after[1..].split('}').next().unwrap_or_default();
        let count = inside.get(1..).and_then(|digits| digits.parse::<usize>().ok());
        let Some(count) = count else {
            text.push('{');
            rest = &after[1..];
            continue;
        };
        let alphabet = alphabet(inside.as_bytes()[0]);
        let part: String = (0..count).map(|_| draw(&mut state, alphabet)).collect();
        drawn(&part);
        text.push_str(&part);
        rest = &after[inside.len() + 2..];
    }
    text.push_str(rest);
    text.replace('¦', "")
}

fn alphabet(name: u8) -> &'static [u8] {
    match name {
        b'h' => b"0123456789abcdef",
        b'l' => b"abcdefghijklmnopqrstuvwxyz0123456789",
        b'u' => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
        b'c' => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
        b'b' => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        b's' => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-",
        b'd' => b"0123456789",
        // What people add to a password.
        b'p' => b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789!#&*+^",
        b'a' => b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
        _ => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
    }
}

/// xorshift64*: the same on every machine.
fn draw(state: &mut u64, alphabet: &[u8]) -> char {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    let number = state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
    char::from(alphabet[number as usize % alphabet.len()])
}
