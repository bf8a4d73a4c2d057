//! `skep lab netem`.

use std::time::Duration;

use super::name::NameArgs;
use crate::{
    cli::{error::Error, exit::Answer, output::Output},
    lab::{self, Disturbance},
};

/// Lose or delay what a node sends and receives
///
/// Needs the kernel's netem qdisc (CONFIG_NET_SCH_NETEM, module sch_netem); exits with 3 where
/// there is none. Loss and delay count in each direction: a delay of 20ms makes round trips 40 ms
/// longer.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  skep lab netem node-2 --loss 5% --delay 20ms\n  skep lab netem node-2 --clear"
)]
pub(crate) struct Args {
    #[command(flatten)]
    lab: NameArgs,
    /// Name of the node
    node: String,
    /// Part of the packets that is lost, such as 5%
    #[arg(long, value_name = "PERCENT", value_parser = percent, required_unless_present_any = ["delay", "clear"])]
    loss: Option<f64>,
    /// How much later the others leave, such as 20ms
    #[arg(long, value_name = "TIME", value_parser = duration)]
    delay: Option<Duration>,
    /// End the disturbance
    #[arg(long, conflicts_with_all = ["loss", "delay"])]
    clear: bool,
}

/// Longest delay that netem takes.
const LONGEST: Duration = Duration::from_secs(240);

fn percent(text: &str) -> Result<f64, String> {
    let number: f64 =
        text.trim_end_matches('%').parse().map_err(|_| "not a percentage such as 5%".to_owned())?;
    if (0.0..=100.0).contains(&number) {
        Ok(number / 100.0)
    } else {
        Err("a percentage is between 0% and 100%".to_owned())
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let invalid = || "not a time such as 20ms or 1.5s".to_owned();
    let digits = text.find(|c: char| !matches!(c, '0'..='9' | '.')).ok_or_else(invalid)?;
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().map_err(|_| invalid())?;
    let factor = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        _ => return Err(invalid()),
    };
    let time = Duration::try_from_secs_f64(number * factor).map_err(|_| invalid())?;
    if time <= LONGEST { Ok(time) } else { Err("at most 240s".to_owned()) }
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        let dir = self.lab.existing()?;
        let how = (!self.clear).then(|| Disturbance {
            loss: self.loss.unwrap_or_default(),
            delay: self.delay.unwrap_or_default(),
        });
        lab::set_netem(&dir, &self.node, how)?;
        let done = if self.clear { "is disturbed no more" } else { "is disturbed" };
        out.note(&format!("The link of {} {done}.", self.node));
        Ok(Answer::Yes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_and_times_are_read_with_their_units() {
        for (text, expected) in
            [("5%", Some(0.05)), ("0.5", Some(0.005)), ("101%", None), ("x", None)]
        {
            assert_eq!(percent(text).ok(), expected, "{text}");
        }
        for (text, expected) in [
            ("20ms", Some(20_000)),
            ("1.5s", Some(1_500_000)),
            ("7us", Some(7)),
            ("20", None),
            ("5m", None),
            ("300s", None),
        ] {
            let found = duration(text).ok().map(|time| time.as_micros());
            assert_eq!(found, expected, "{text}");
        }
    }
}
