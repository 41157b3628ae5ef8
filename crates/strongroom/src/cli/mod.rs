//! The command line: this tree is the manual. `--help`, the man pages and the completions are all
//! made from it.

mod analysis;
mod diff;
mod evidence;
mod keys;
mod lint;
mod lock;
mod login;
mod package;
mod package_keeping;
mod serve;
mod signer;
mod signing;
mod storage_plan;
mod store;
mod trust_root;
mod when;

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{ArgAction, Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

pub use analysis::{AnalyzeArgs, CleanUp, RunArgs, StoreCommand, TableArgs, WatchArgs};
pub use diff::{DiffArgs, Reference};
pub use evidence::{
    AuditArgs, BundleArgs, DeclarationArgs, EvidenceCommand, ListArgs, PullArgs, PushArgs, ShowArgs,
};
pub use keys::{
    GenerateArgs, KeyAlgorithm, KeysArgs, KeysCommand, KeysShowArgs, PassphraseArgs, PrivateKeyArgs,
};
pub use lint::{FailOn, LintArgs};
pub use lock::{
    ExtendArgs, HoldArgs, HoldCommand, PlaceArgs, ReleaseArgs, RetentionArgs, RetentionCommand,
    RetentionShowArgs,
};
pub use login::{LoginArgs, LogoutArgs};
pub use package::{
    PackageAbandonArgs, PackageArgs, PackageCommand, PackageCreateArgs, PackageDeclarationArgs,
    PackageFinalizeArgs, PackageIngestArgs, PackageListArgs, PackageManifestArgs, PackagePullArgs,
    PackagePushArgs, PackageRestoreArgs, PackageShowArgs, PackageUploadArgs,
};
pub use package_keeping::{PackageDeleteCommand, PackageExtendArgs, PackageHoldCommand};
pub use serve::{
    AdminArgs, AdminCommand, CheckConfigArgs, MigrateArgs, ServeArgs, TokenCommand, WorkerArgs,
};
pub use signer::SigningKeyArgs;
pub use signing::{
    AttestArgs, HmacArgs, ProveArgs, SignArgs, SignatureToArgs, SignerArgs, TrustArgs, VerifyArgs,
};
pub use storage_plan::StoragePlanArgs;
pub use store::{PushSettingArgs, StoreArgs};
pub use trust_root::{
    AddArgs, CollectArgs, CreateArgs, DistributeArgs, RetireArgs, RevokeArgs, TrustOutputArgs,
    TrustRootArgs, TrustRootCommand, TrustRootListArgs, TrustRootVerifyArgs,
};
pub use when::{Length, Moment, When};

use crate::exit::Exit;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

const EXAMPLES: &str = "\
Examples:
  strongroom evidence push results/              keep a directory, get a receipt
  strongroom evidence list --after 2026-11-01    what was kept since
  strongroom evidence pull --run-id 42 --out b/  get a run back, proven
  strongroom store analyze s3://evidence         what this store enforces
  strongroom config show --origin                what is configured, and where";

/// Keeps evidence in storage that you own, and proves that it is kept.
///
/// Strongroom turns a directory of run output into a verified, content-addressed, immutable bundle
/// in a bucket of yours, and gets it back, proven. There is no server: this program talks to the
/// store.
#[derive(Debug, Parser)]
#[command(name = "strongroom", version, styles = STYLES, max_term_width = 100)]
#[command(arg_required_else_help = true, subcommand_required = true)]
#[command(after_help = EXAMPLES)]
pub struct Cli {
    #[command(flatten)]
    pub console: ConsoleArgs,
    #[command(subcommand)]
    pub command: Command,
}

/// How results are shown.
#[derive(Debug, Clone, Args)]
pub struct ConsoleArgs {
    /// How results are printed on standard output.
    ///
    /// `json` prints one stable document, described by a JSON Schema; `ndjson` prints it on one
    /// line, and a list as one line for each bundle. Errors follow suit on standard error.
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    #[arg(
        env = "STRONGROOM_FORMAT",
        help_heading = "Output options",
        hide_possible_values = false
    )]
    pub format: Format,

    /// Print no notes and no progress, only results, warnings and errors.
    #[arg(long, short, global = true, env = "STRONGROOM_QUIET")]
    #[arg(value_parser = clap::builder::BoolishValueParser::new(), help_heading = "Output options")]
    pub quiet: bool,

    /// Tell on standard error what goes on inside: what was refused, repeated or left behind. Twice:
    /// each request to the store too.
    #[arg(long, short, global = true, action = ArgAction::Count, env = "STRONGROOM_VERBOSE")]
    #[arg(help_heading = "Output options")]
    pub verbose: u8,

    /// The configuration file, instead of `strongroom.yaml` here and in your configuration
    /// directory.
    #[arg(long, global = true, value_name = "FILE", env = "STRONGROOM_CONFIG")]
    #[arg(help_heading = "Configuration")]
    pub config: Option<PathBuf>,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Human,
    /// One JSON document.
    Json,
    /// One JSON document a line.
    Ndjson,
    /// SARIF 2.1.0, of `evidence lint`.
    #[value(hide = true)]
    Sarif,
    /// A page of Markdown, of `evidence diff`.
    #[value(hide = true)]
    Markdown,
}

/// The first word.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bundle, verify, push, pull and list evidence.
    Evidence(EvidenceArgs),
    /// Attack a store, watch it, and say what it enforces.
    Store(StoreCommandArgs),
    /// Make and show the keys that evidence is signed with.
    Keys(KeysArgs),
    /// Say which keys are believed, whose they are, and for which time.
    TrustRoot(TrustRootArgs),
    /// Keep directories in a registry, and get them back.
    Package(PackageArgs),
    /// Check a token at a registry, and keep both for `package`.
    ///
    /// The token is asked for without being shown, or read from standard input where that is no terminal. It is kept
    /// in a file in your configuration directory that only you can read, and goes to this registry only.
    /// STRONGROOM_URL and STRONGROOM_TOKEN win over it.
    #[command(after_help = "\
Examples:
  strongroom login --url https://registry.example.org
  strongroom login --url http://127.0.0.1:8640 < DIR/admin-token")]
    Login(LoginArgs),
    /// Forget the registry and the token of the login. The token itself stays good until it is revoked.
    #[command(after_help = "\
Example:
  strongroom logout")]
    Logout(LogoutArgs),
    /// Run the registry: a service that keeps packages in storage that you own.
    ///
    /// Started without any flag it keeps its database and its store in your data directory, and makes the first
    /// administrator's token. Ctrl-C stops it when what was begun is finished.
    #[command(after_help = "\
Examples:
  strongroom serve
  strongroom serve --listen 0.0.0.0:8640 --store s3://evidence --data-dir /var/lib/strongroom
  STRONGROOM_DATABASE_URL=postgres://strongroom@db/registry strongroom serve --api-only")]
    Serve(ServeArgs),
    /// Work on a registry's jobs, beside those that answer requests.
    #[command(after_help = "\
Examples:
  STRONGROOM_DATABASE_URL=postgres://strongroom@db/registry strongroom worker --store s3://evidence
  strongroom worker --listen 10.0.0.7:8641       for probes, and for what scrapes metrics")]
    Worker(WorkerArgs),
    /// Bring a registry's shared database up to date.
    #[command(after_help = "\
Example:
  STRONGROOM_DATABASE_URL=postgres://strongroom@db/registry strongroom migrate")]
    Migrate(MigrateArgs),
    /// Check a registry's configuration, and print every value in effect and where it came from.
    ///
    /// Takes the flags of `serve`, and starts nothing. Passwords are never shown.
    #[command(after_help = "\
Examples:
  strongroom check-config --config /etc/strongroom/strongroom.yaml
  strongroom check-config --connect --format json")]
    CheckConfig(CheckConfigArgs),
    /// Administer a registry from its own machine.
    Admin(AdminArgs),
    /// Show the configuration in effect.
    Config(ConfigArgs),
    /// Print a completion script for a shell.
    #[command(after_help = "\
Examples:
  strongroom completions bash > /etc/bash_completion.d/strongroom
  strongroom completions zsh > ~/.zfunc/_strongroom
  strongroom completions fish > ~/.config/fish/completions/strongroom.fish")]
    Completions(CompletionsArgs),
    /// Print the manual page, or write one page for each command.
    #[command(after_help = "\
Examples:
  strongroom man | man -l -
  strongroom man --output /usr/local/share/man/man1")]
    Man(ManArgs),
}

/// `strongroom evidence`.
#[derive(Debug, Args)]
pub struct EvidenceArgs {
    #[command(flatten)]
    pub store: StoreArgs,
    #[command(subcommand)]
    pub command: EvidenceCommand,
}

/// `strongroom store`.
#[derive(Debug, Args)]
pub struct StoreCommandArgs {
    #[command(flatten)]
    pub store: StoreArgs,
    #[command(subcommand)]
    pub command: StoreCommand,
}

/// `strongroom config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    #[command(flatten)]
    pub store: StoreArgs,
    #[command(flatten)]
    pub push: PushSettingArgs,
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print every setting in effect.
    ///
    /// A flag beats the environment, the environment beats `strongroom.yaml` in the working
    /// directory, that beats the one in your configuration directory, and that beats the default.
    /// Secrets are never shown.
    #[command(after_help = "\
Examples:
  strongroom config show --origin
  strongroom config show --format json --store s3://evidence")]
    Show(ConfigShowArgs),
}

/// `strongroom config show`.
#[derive(Debug, Args)]
pub struct ConfigShowArgs {
    /// Also say where each value came from.
    #[arg(long, env = "STRONGROOM_CONFIG_SHOW_ORIGIN")]
    #[arg(value_parser = clap::builder::BoolishValueParser::new())]
    pub origin: bool,
}

/// `strongroom completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell.
    pub shell: clap_complete::Shell,
}

/// `strongroom man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write `strongroom.1` and one page for each command into this directory.
    #[arg(long, value_name = "DIR", env = "STRONGROOM_MAN_OUTPUT")]
    pub output: Option<PathBuf>,
}

/// The whole tree, ready to parse: an environment twin that is set but empty counts as not set, as
/// continuous integration systems set what they have no value for.
pub fn command() -> clap::Command {
    let command = Cli::command()
        .after_long_help(format!("{EXAMPLES}\n\n{}", exit_codes()))
        .mut_subcommand("package", |package| package.mut_subcommand("create", hiding_the_walk));
    without_empty_environment(command.mut_subcommand("evidence", |evidence| {
        WITHOUT_A_STORE
            .iter()
            .fold(evidence, |evidence, name| evidence.mut_subcommand(name, hiding_store_flags))
    }))
}

/// The commands on evidence that talk to no store. They take its flags all the same, so that a line
/// in a script can be the same for all of them, and do not show them.
const WITHOUT_A_STORE: [&str; 2] = ["lint", "show"];

fn hiding_store_flags(command: clap::Command) -> clap::Command {
    let flags = StoreArgs::augment_args(clap::Command::default());
    command.args(flags.get_arguments().map(|flag| flag.clone().hide(true)))
}

/// A text that was given and is empty was meant to be something: a variable that is not set, most
/// likely.
fn not_empty(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() {
        return Err("it is empty; leave the flag out if there is nothing to say");
    }
    Ok(text.to_owned())
}

fn exit_codes() -> String {
    let mut text = "Exit codes:".to_owned();
    for exit in Exit::ALL {
        text.push_str(&format!("\n  {:>3}  {}", exit.code(), exit.meaning()));
    }
    text
}

/// `package create` declares what `package push` declares, and walks no directory.
fn hiding_the_walk(command: clap::Command) -> clap::Command {
    command.mut_arg("follow_symlinks", |flag| flag.hide(true))
}

fn without_empty_environment(command: clap::Command) -> clap::Command {
    command
        .mut_args(|arg| {
            let named = arg.get_env().map(|name| name.to_owned());
            match named {
                Some(name) if crate::environment::is_set_but_empty(&name) => arg.env(None::<&str>),
                _ => arg.hide_env_values(true),
            }
        })
        .mut_subcommands(without_empty_environment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_flag_has_an_environment_twin() {
        fn walk(command: &clap::Command, seen: &mut usize) {
            for arg in command.get_arguments().filter(|arg| !arg.is_positional()) {
                let id = arg.get_id().as_str();
                if matches!(id, "help" | "version") {
                    continue;
                }
                let twin = arg.get_env().and_then(|name| name.to_str()).unwrap_or_default();
                let path = command.get_name();
                assert!(twin.starts_with("STRONGROOM_"), "{path} --{id} has the twin {twin:?}");
                *seen += 1;
            }
            command.get_subcommands().for_each(|command| walk(command, seen));
        }
        let mut seen = 0;
        walk(&Cli::command(), &mut seen);
        assert!(seen > 40, "only {seen} flags were looked at");
    }

    #[test]
    fn every_setting_has_the_flag_that_it_names() {
        let command = Cli::command();
        let config = command.find_subcommand("config").expect("config");
        let evidence = command.find_subcommand("evidence").expect("evidence");
        let bundle = evidence.find_subcommand("bundle").expect("bundle");
        let service = |name| command.find_subcommand(name).expect("of the registry");
        let of_the_registry = crate::config::registry::keys::all().map(|key| &key.setting);
        let of_the_registry = of_the_registry.filter(|setting| !setting.flag.is_empty());
        for setting in crate::config::ALL.iter().chain(of_the_registry) {
            let commands = [config, bundle, service("serve"), service("worker")];
            let mut args = commands.into_iter().flat_map(clap::Command::get_arguments);
            let arg = args.find(|arg| arg.get_id() == setting.flag).expect(setting.key);
            assert_eq!(arg.get_long(), Some(setting.flag_name().as_str()), "{}", setting.key);
            let twin = arg.get_env().and_then(|name| name.to_str());
            assert_eq!(twin, setting.environment.first().copied(), "{}", setting.key);
        }
    }

    #[test]
    fn every_command_that_does_something_shows_an_example() {
        fn walk(command: &clap::Command) {
            if command.get_subcommands().next().is_none() {
                let shown = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(shown.contains("Example"), "{} shows no example", command.get_name());
            }
            command.get_subcommands().for_each(walk);
        }
        walk(&Cli::command());
    }
}
