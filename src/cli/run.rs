//! From `argv` to an exit code.

use std::{env, ffi::OsStr, path::Path, process::ExitCode};

use clap::Parser;

use super::{
    bpf,
    error::Error,
    exit::{self, Answer},
    lab,
    output::Output,
    policy, service,
    tree::{Bpf, Cli, Command, Connectivity, ListOf},
};
use crate::{cni, telemetry};

/// Name under which the file is installed as a CNI plugin.
const CNI_NAME: &str = "skep-cni";

/// Runs the command line, or the CNI plugin when called by its name, and returns the process's
/// exit code.
pub fn main() -> ExitCode {
    if is_called(CNI_NAME) {
        return cni::plugin::main();
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return explain(&error),
    };
    let out = Output::new(cli.global.output_settings());
    telemetry::init(cli.global.log_level(&cli.command));
    match dispatch(cli.command, &out).and_then(|answer| out.flush().map(|()| answer)) {
        Ok(answer) => ExitCode::from(answer.code()),
        Err(error) => {
            out.error(&error);
            ExitCode::from(error.kind().code())
        }
    }
}

fn is_called(name: &str) -> bool {
    let argv0 = env::args_os().next();
    argv0.is_some_and(|argv0| Path::new(&argv0).file_name() == Some(OsStr::new(name)))
}

/// clap prints help to stdout and mistakes to stderr; a closed pipe is no mistake.
fn explain(error: &clap::Error) -> ExitCode {
    match error.print() {
        Ok(()) if error.use_stderr() => ExitCode::from(exit::USAGE),
        _ => ExitCode::SUCCESS,
    }
}

fn dispatch(command: Command, out: &Output) -> Result<Answer, Error> {
    match command {
        Command::Status(args) => args.run(out),
        Command::Observe(args) => args.run(out),
        Command::Graph(args) => args.run(out),
        Command::Monitor(args) => args.run(out),
        Command::Top(args) => args.run(out),
        Command::Endpoint(ListOf::List(args)) => args.run(out),
        Command::Identity(ListOf::List(args)) => args.run(out),
        Command::Node(ListOf::List(args)) => args.run(out),
        Command::Bpf(Bpf::Endpoint(ListOf::List(args))) => args.run(out),
        Command::Bpf(Bpf::Ipcache(ListOf::List(args))) => args.run(out),
        Command::Bpf(Bpf::Ct(command)) => bpf::ct::run(command, out),
        Command::Bpf(Bpf::Nat(command)) => bpf::nat::run(command, out),
        Command::Bpf(Bpf::Node(ListOf::List(args))) => args.run(out),
        Command::Bpf(Bpf::Policy(ListOf::List(args))) => args.run(out),
        Command::Bpf(Bpf::Lb(ListOf::List(args))) => args.run(out),
        Command::Bpf(Bpf::Metrics(ListOf::List(args))) => args.run(out),
        Command::Connectivity(Connectivity::Test(args)) => args.run(out),
        Command::Connectivity(Connectivity::List(args)) => args.run(out),
        Command::Connectivity(Connectivity::Serve(args)) => args.run(),
        Command::Connectivity(Connectivity::Probe(args)) => args.run(out),
        Command::Policy(command) => policy::run(command, out),
        Command::Service(command) => service::run(command, out),
        Command::Lab(command) => lab::run(command, out),
        Command::Bench(args) => args.run(out),
        Command::Agent(args) => args.run(out),
        Command::Operator(args) => args.run(out),
        Command::Relay(args) => args.run(out),
        Command::Version(args) => args.run(out),
        Command::Completions(args) => args.run(out),
        Command::Man(args) => args.run(out),
    }
}
