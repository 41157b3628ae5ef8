//! From arguments to an exit code.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{ArgMatches, FromArgMatches as _};
use strongroom_storage::Clock;
use tokio::runtime::Runtime;

use crate::cli::{
    self, Cli, Command, ConfigCommand, ConsoleArgs, EvidenceCommand, Format, KeysCommand,
    StoreCommand, TrustRootCommand,
};
use crate::commands::{self, Context};
use crate::config::Config;
use crate::environment::Environment;
use crate::exit::{Exit, exit_of};
use crate::failure::{ErrorDocument, Failure, is_closed_pipe};
use crate::interrupt::{WindingDown, interrupted};
use crate::logging;
use crate::output::Console;

/// How long uploads may take to be aborted after an interruption.
const ABORT_SECONDS_MAX: u64 = 5;
/// How often it is looked whether they are.
const ABORT_LOOK_MS: u64 = 10;
/// How long an interrupted program waits for its threads to put away what they hold.
const THREADS_SECONDS_MAX: u64 = 2;

/// Runs the program.
pub fn run(arguments: impl Iterator<Item = OsString>, environment: Environment) -> ExitCode {
    let arguments: Vec<OsString> = arguments.collect();
    let parsed = cli::command()
        .try_get_matches_from(&arguments)
        .and_then(|matches| Cli::from_arg_matches(&matches).map(|cli| (cli, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return ExitCode::from(refused(&error, &arguments, &environment).code()),
    };
    let console = Console::new(&cli.console, &environment);
    logging::start(cli.console.verbose);
    let exit = match execute(cli, matches, &console, environment) {
        Ok(()) => Exit::Done,
        Err(error) if is_closed_pipe(&error) => Exit::Done,
        Err(error) => {
            console.error(&ErrorDocument::of(&error));
            exit_of(&error)
        }
    };
    ExitCode::from(exit.code())
}

fn execute(
    cli: Cli,
    matches: ArgMatches,
    console: &Console,
    environment: Environment,
) -> Result<()> {
    refuse_format(&cli)?;
    match cli.command {
        Command::Completions(args) => commands::completions::run(&args, console),
        Command::Man(args) => commands::man::run(&args, console),
        Command::Config(args) => {
            let ConfigCommand::Show(show) = args.command;
            let config = Config::load(&innermost(matches), cli.console.config, environment)?;
            commands::config_show::run(&show, &config, console)
        }
        Command::Package(args) => {
            let context = context(console, cli.console.config, environment, matches)?;
            until_interrupted(commands::package::run(args, &context), &context.winding_down)
        }
        Command::Login(args) => {
            let context = context(console, cli.console.config, environment, matches)?;
            until_interrupted(commands::login::login(&args, &context), &context.winding_down)
        }
        Command::Logout(_) => {
            let context = context(console, cli.console.config, environment, matches)?;
            commands::login::logout(&context)
        }
        Command::Serve(_) => {
            let context = context(console, cli.console.config, environment, matches)?;
            until_interrupted(commands::registry::serve(&context), &context.winding_down)
        }
        Command::Worker(_) => {
            let context = context(console, cli.console.config, environment, matches)?;
            until_interrupted(commands::registry::worker(&context), &context.winding_down)
        }
        Command::Migrate(_) => {
            let context = context(console, cli.console.config, environment, matches)?;
            until_interrupted(commands::registry::migrate(&context), &context.winding_down)
        }
        Command::CheckConfig(args) => {
            let context = context(console, cli.console.config, environment, matches)?;
            let checking = commands::registry::check_config(&args, &context);
            until_interrupted(checking, &context.winding_down)
        }
        Command::Admin(args) => {
            let context = context(console, cli.console.config, environment, matches)?;
            until_interrupted(commands::registry::admin(args, &context), &context.winding_down)
        }
        Command::Store(args) => {
            let matches = innermost(matches);
            let mut config = Config::load(&matches, cli.console.config, environment)?;
            if let Some(url) = args.command.url() {
                config.name_store(url)?;
            }
            let context = Context::new(console.clone(), config, Clock::system(), matches);
            until_interrupted(store(args.command, &context), &context.winding_down)
                .map_err(|error| context.naming_the_store(error))
        }
        Command::Keys(args) => {
            let matches = innermost(matches);
            let config = Config::load(&matches, cli.console.config, environment)?;
            let context = Context::new(console.clone(), config, Clock::system(), matches);
            until_interrupted(keys(args.command, &context), &context.winding_down)
        }
        Command::TrustRoot(args) => {
            let matches = innermost(matches);
            let config = Config::load(&matches, cli.console.config, environment)?;
            let context = Context::new(console.clone(), config, Clock::system(), matches);
            until_interrupted(trust_root(args.command, &context), &context.winding_down)
                .map_err(|error| context.naming_the_store(error))
        }
        Command::Evidence(args) => {
            let matches = innermost(matches);
            let mut config = Config::load(&matches, cli.console.config, environment)?;
            if let EvidenceCommand::StoragePlan(args) = &args.command {
                commands::storage_plan::name_the_store(args, &mut config)?;
            }
            let context = Context::new(console.clone(), config, Clock::system(), matches);
            until_interrupted(evidence(args.command, &context), &context.winding_down)
                .map_err(|error| context.naming_the_store(error))
        }
    }
}

/// What a command works with, by the flags of the innermost of its words.
fn context(
    console: &Console,
    file: Option<PathBuf>,
    environment: Environment,
    matches: ArgMatches,
) -> Result<Context> {
    let matches = innermost(matches);
    let config = Config::load(&matches, file, environment)?;
    Ok(Context::new(console.clone(), config, Clock::system(), matches))
}

/// Some forms are of one command only. Refused before anything is done: a page that cannot be printed is no
/// reason to leave something behind.
fn refuse_format(cli: &Cli) -> Result<(), Failure> {
    let command = match &cli.command {
        Command::Evidence(args) => Some(&args.command),
        _ => None,
    };
    match (cli.console.format, command) {
        (Format::Human | Format::Json | Format::Ndjson, _)
        | (Format::Sarif, Some(EvidenceCommand::Lint(_)))
        | (Format::Markdown, Some(EvidenceCommand::Diff(_))) => Ok(()),
        (Format::Sarif, _) => Err(Failure::usage("only `evidence lint` prints SARIF")
            .with_help("`--format json` prints a document")),
        (Format::Markdown, _) => Err(Failure::usage("only `evidence diff` prints Markdown")
            .with_help("`evidence audit` and `store analyze` write it to a file with --markdown")),
    }
}

async fn evidence(command: EvidenceCommand, context: &Context) -> Result<()> {
    match command {
        EvidenceCommand::Bundle(args) => commands::bundle::run(*args, context).await,
        EvidenceCommand::Verify(args) => commands::verify::run(*args, context).await,
        EvidenceCommand::Sign(args) => commands::signing::sign(*args, context).await,
        EvidenceCommand::Attest(args) => commands::signing::attest(*args, context).await,
        EvidenceCommand::Diff(args) => commands::diff::run(*args, context).await,
        EvidenceCommand::Lint(args) => commands::lint::run(*args, context).await,
        EvidenceCommand::Show(args) => commands::show::run(args, context).await,
        EvidenceCommand::Push(args) => commands::push::run(*args, context).await,
        EvidenceCommand::StoragePlan(args) => commands::storage_plan::run(*args, context).await,
        EvidenceCommand::Pull(args) => commands::pull::run(*args, context).await,
        EvidenceCommand::List(args) => commands::list::run(args, context).await,
        EvidenceCommand::Reindex => commands::reindex::run(context).await,
        EvidenceCommand::Audit(args) => commands::audit::run(*args, context).await,
        EvidenceCommand::Prove(args) => commands::prove::run(*args, context).await,
        EvidenceCommand::Retention(args) => commands::retention::run(args, context).await,
        EvidenceCommand::Hold(args) => commands::hold::run(args, context).await,
        EvidenceCommand::StoreStatus => commands::store_status::run(context).await,
    }
}

async fn store(command: StoreCommand, context: &Context) -> Result<()> {
    match command {
        StoreCommand::Analyze(args) => commands::analyze::run(*args, context).await,
        StoreCommand::Watch(args) => commands::watch::run(*args, context).await,
        StoreCommand::Table(args) => commands::table::run(&args, context),
    }
}

async fn keys(command: KeysCommand, context: &Context) -> Result<()> {
    match command {
        KeysCommand::Generate(args) => commands::keys::generate::run(args, context).await,
        KeysCommand::Show(args) => commands::keys::show::run(args, context).await,
    }
}

async fn trust_root(command: TrustRootCommand, context: &Context) -> Result<()> {
    use commands::trust_root as verbs;
    match command {
        TrustRootCommand::Create(args) => verbs::create::run(args, context).await,
        TrustRootCommand::Add(args) => verbs::add::run(args, context).await,
        TrustRootCommand::Retire(args) => verbs::retire::run(args, context).await,
        TrustRootCommand::Revoke(args) => verbs::revoke::run(args, context).await,
        TrustRootCommand::List(args) => verbs::list::run(args, context).await,
        TrustRootCommand::Bundle(args) => verbs::bundle::run(args, context).await,
        TrustRootCommand::Distribute(args) => verbs::distribute::run(*args, context).await,
        TrustRootCommand::Verify(args) => verbs::verify::run(args, context).await,
    }
}

/// The matches of the command that runs.
fn innermost(mut matches: ArgMatches) -> ArgMatches {
    while let Some((_, inner)) = matches.remove_subcommand() {
        matches = inner;
    }
    matches
}

/// Runs a command, unless somebody wants the program to end: then everything that the command holds
/// is dropped, and what that leaves to do (aborting uploads) gets a moment. A command that winds down by
/// itself is asked to first, and dropped when somebody insists.
fn until_interrupted(
    command: impl Future<Output = Result<()>>,
    winding_down: &WindingDown,
) -> Result<()> {
    let runtime = Runtime::new().context("the program's threads could not be started")?;
    let outcome = runtime.block_on(async {
        let mut command = Box::pin(command);
        tokio::select! {
            outcome = &mut command => return Some(outcome),
            () = interrupted() => {}
        }
        if !winding_down.ask() {
            return None;
        }
        tokio::select! {
            outcome = &mut command => Some(outcome),
            () = interrupted() => None,
        }
    });
    let was_interrupted = outcome.is_none();
    let outcome = outcome.unwrap_or_else(|| {
        runtime.block_on(clean_up(&runtime));
        Err(Failure::new(Exit::Interrupted, "interrupted")
            .with_help("running the same command again finishes it")
            .into())
    });
    if was_interrupted {
        // Threads that write a file take it away when they see that nobody waits for it; a thread
        // that waits for standard input must not hold the program back for longer.
        runtime.shutdown_timeout(Duration::from_secs(THREADS_SECONDS_MAX));
    } else {
        runtime.shutdown_background();
    }
    outcome
}

async fn clean_up(runtime: &Runtime) {
    let deadline = tokio::time::sleep(Duration::from_secs(ABORT_SECONDS_MAX));
    tokio::pin!(deadline);
    while runtime.metrics().num_alive_tasks() > 0 {
        tokio::select! {
            () = &mut deadline => return,
            () = tokio::time::sleep(Duration::from_millis(ABORT_LOOK_MS)) => {}
        }
    }
}

/// Shows why the arguments were refused, or the help that was asked for.
fn refused(error: &clap::Error, arguments: &[OsString], environment: &Environment) -> Exit {
    let format = format_asked_for(arguments, environment);
    if !error.use_stderr() || matches!(format, Format::Human | Format::Markdown) {
        // A pipe that is closed while help is printed is nobody's loss.
        let _ = error.print();
        return if error.use_stderr() { Exit::Usage } else { Exit::Done };
    }
    let rendered = error.render().to_string();
    let mut paragraphs = rendered.split("\n\n").map(str::trim);
    let message = paragraphs.next().unwrap_or_default().trim_start_matches("error: ");
    let tip = paragraphs.find_map(|paragraph| paragraph.strip_prefix("tip: "));
    let help = tip.unwrap_or("`--help` shows the usage");
    let document = ErrorDocument::new(Exit::Usage, message.to_owned(), Some(help.to_owned()));
    let args = ConsoleArgs { format, quiet: false, verbose: 0, config: None };
    Console::new(&args, environment).error(&document);
    Exit::Usage
}

/// The format that refused arguments ask for, as far as it can be told.
fn format_asked_for(arguments: &[OsString], environment: &Environment) -> Format {
    let words: Vec<&str> = arguments.iter().filter_map(|argument| argument.to_str()).collect();
    let as_two_words = words.windows(2).rfind(|pair| pair[0] == "--format").map(|pair| pair[1]);
    let as_one_word = words.iter().rev().find_map(|word| word.strip_prefix("--format="));
    match as_one_word.or(as_two_words).or(environment.text("STRONGROOM_FORMAT")) {
        Some("json") => Format::Json,
        Some("ndjson") => Format::Ndjson,
        Some("sarif") => Format::Sarif,
        Some("markdown") => Format::Markdown,
        _ => Format::Human,
    }
}
