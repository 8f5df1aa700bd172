//! The `tocsin` program: parse, dispatch, exit code. 0 is done, 1 is "it is not as it should be", 2 is "not like this".

use clap::{CommandFactory, Parser};
use mimalloc::MiMalloc;
use std::process::ExitCode;
use tocsin::{
    cli::{self, Refused},
    config::{Cli, Command},
};

/// Answers are made of many small pieces, on threads that hand them to each other, and a password is hashed in 19 MiB:
/// the system's allocator is slow with the former and keeps the latter for ever.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("tocsin: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(async {
        match cli.command {
            Command::Serve(args) => cli::serve::run(*args).await.map(|()| true),
            Command::Demo(args) => cli::demo::run(args).await.map(|()| true),
            Command::Seed(args) => cli::seed::run(args).await.map(|()| true),
            Command::Health(args) => cli::health::run(args).await,
            Command::Superadmin(args) => cli::superadmin::run(args).await.map(|()| true),
            Command::RotateKey(args) => cli::rotate_key::run(args).await.map(|()| true),
            Command::Check(args) => cli::check::run(args).await,
            Command::Export(args) => cli::export::run(args).await.map(|()| true),
            Command::Import(args) => cli::import::run(args).await,
            Command::Loadtest(args) => cli::loadtest::run(args).await,
        }
    });
    // Every store is closed. Tearing down the runtime would end the database driver's tasks one before the other, which
    // some of them take for a reason to panic; the process ends them all at once.
    std::mem::forget(runtime);
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("tocsin: {error:#}");
            if error.is::<Refused>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

/// Help is printed as it is. What was mistyped is told like every other error: in one sentence.
fn usage(error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion};
    if matches!(error.kind(), DisplayHelp | DisplayVersion | DisplayHelpOnMissingArgumentOrSubcommand) {
        // Whoever asked may have stopped to read.
        let _ = error.print();
        return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    }
    let told = error.render().to_string();
    let paragraphs = told.split("\n\n").map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    let wanted = paragraphs.enumerate().filter_map(|(n, paragraph)| match n {
        0 => Some(paragraph.trim_start_matches("error: ").to_owned()),
        _ => paragraph.strip_prefix("tip: ").map(str::to_owned),
    });
    let command = std::env::args().nth(1).filter(|word| Cli::command().find_subcommand(word).is_some());
    let command = command.map_or_else(String::new, |command| format!("{command} "));
    eprintln!("tocsin: {} (see `tocsin {command}--help`)", wanted.collect::<Vec<_>>().join("; "));
    ExitCode::from(2)
}
