//! The `tocsin` program: parse, dispatch, exit code. 0 is done, 1 is "it is not as it should be", 2 is "not like this".

use clap::Parser;
use std::process::ExitCode;
use tocsin::{
    cli::{self, Refused},
    config::{Cli, Command},
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("tocsin: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(async {
        match cli.command {
            Command::Serve(args) => cli::serve::run(args).await.map(|()| true),
            Command::Demo(args) => cli::demo::run(args).await.map(|()| true),
            Command::Seed(args) => cli::seed::run(args).await.map(|()| true),
            Command::Check(args) => cli::check::run(args).await,
        }
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("tocsin: {error:#}");
            if error.is::<Refused>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}
