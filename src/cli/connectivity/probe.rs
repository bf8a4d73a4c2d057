//! `skep connectivity probe`, which the test runs in pods.

use std::time::Duration;

use super::Items;
use crate::{
    cli::{
        error::Error,
        exit::Answer,
        output::{Cell, Detail, FormatArgs, Output, Render, Table, Tone},
    },
    connectivity::probe::{ANSWERS, Attempt, InvalidProbe, Patience, Probe, run_all_telling},
};

/// Try to reach something from here
///
/// A probe is a protocol, a place and options: tcp://HOST:PORT, udp://HOST:PORT, sctp://HOST:PORT, icmp://HOST,
/// http://HOST:PORT, dns://NAME or source://HOST (the address that packets there leave by), followed by any of ,size=BYTES (or mtu, or mtu+1), ,df=route,
/// ,df=ignore-route, ,ttl=HOPS, ,family=ipv4 or ipv6, ,within=MILLISECONDS and, for http, udp and sctp, ,servers=COUNT, which
/// asks by one new socket after the other until so many servers have told their names, or ,until=NAME, which goes on
/// talking by one socket until that server has taken over: of udp, until it answers; of http, until it alone answers
/// new connections. With ,connect=no a socket of udp sends without being connected. TCP and UDP expect their bytes back,
/// as `skep connectivity serve` sends them; tcp with size=0 only connects. SCTP is spoken by a raw socket, and asks who
/// is there. The exit code is 1 when a
/// probe is not answered.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  skep connectivity probe tcp://10.0.0.1:443,size=0
  skep connectivity probe icmp://10.0.0.1,size=mtu,df=route 'icmp://[fd00::1]'
  skep connectivity probe udp://10.0.0.1:24240,size=8000 -o json
  skep connectivity probe http://10.96.0.20:80,servers=2
  skep connectivity probe udp://10.96.0.20:53,until=web-2 --timeout 60")]
pub(crate) struct Args {
    /// What to try
    #[arg(value_name = "PROBE", required = true, value_parser = probe)]
    probes: Vec<Probe>,
    /// Seconds that one probe may take
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=600))]
    timeout: u32,
    /// Probes that run at once
    #[arg(long, value_name = "COUNT", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    parallel: u16,
    /// Repeat a probe until it is answered or its time is over
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    format: FormatArgs,
}

fn probe(text: &str) -> Result<Probe, InvalidProbe> {
    text.parse()
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        let patience = if self.wait { Patience::UntilAnswered } else { Patience::None };
        let timeout = Duration::from_secs(self.timeout.into());
        let tell = |probe: &Probe, name: &str| out.note(&format!("{probe}: {name} {ANSWERS}"));
        let attempts = run_all_telling(&self.probes, timeout, self.parallel.into(), patience, tell);
        let all_answered = attempts.iter().all(|attempt| attempt.outcome.is_answer());
        out.show(&Attempts(attempts), self.format.format)?;
        Ok(if all_answered { Answer::Yes } else { Answer::No })
    }
}

struct Attempts(Vec<Attempt>);

impl Render for Attempts {
    type Document<'a> = Items<&'a Attempt>;

    fn document(&self) -> Items<&Attempt> {
        Items::new("ProbeList", &self.0)
    }

    fn table(&self, _: Detail) -> Table {
        let mut table = Table::new(["PROBE", "RESULT"]);
        for Attempt { probe, outcome } in &self.0 {
            let tone = if outcome.is_answer() { Tone::Good } else { Tone::Bad };
            table.row([probe.into(), Cell::toned(outcome, tone)]);
        }
        table
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|attempt| attempt.probe.clone()).collect()
    }
}
