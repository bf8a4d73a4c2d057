//! The probes of one pod as one command, and its answers.

use std::{fmt::Write as _, net::SocketAddr};

/// How one connection attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The connection was made.
    Connected,
    /// Nobody listens there, or a firewall answers so.
    Refused,
    /// No answer in time.
    TimedOut,
    /// curl ended with another code.
    Failed(i32),
    /// The command gave no answer about it.
    NotTried,
}

impl Outcome {
    /// Reads curl's exit code. A server that speaks no HTTP still was reached: codes 1 (not HTTP),
    /// 52 (empty reply) and 56 (receive error).
    fn from_curl(code: i32, connected: bool) -> Self {
        match code {
            0 | 1 | 52 | 56 => Self::Connected,
            _ if connected => Self::Connected,
            7 => Self::Refused,
            28 => Self::TimedOut,
            other => Self::Failed(other),
        }
    }

    /// Returns a word for tables and JSON.
    pub fn describe(self) -> String {
        match self {
            Self::Connected => "connected".to_owned(),
            Self::Refused => "refused".to_owned(),
            Self::TimedOut => "timed out".to_owned(),
            Self::Failed(code) => format!("curl exit code {code}"),
            Self::NotTried => "not tried".to_owned(),
        }
    }
}

/// How many attempts of one pod run at once.
const PARALLEL: usize = 16;

/// Returns the command that tries every address, for `timeout` seconds at most, and prints a line
/// `INDEX CODE CONNECTED` for each.
pub(super) fn command(addresses: &[SocketAddr], timeout: u32) -> Vec<String> {
    let mut script =
        String::from("try() { r=$(curl -s -o /dev/null -w '%{time_connect}' --noproxy '*' ");
    let _ = writeln!(
        script,
        "--connect-timeout {timeout} -m {timeout} \"http://$2/\"); echo \"$1 $? $r\"; }}"
    );
    for (index, address) in addresses.iter().enumerate() {
        let _ = writeln!(script, "try {index} '{address}' &");
        if index % PARALLEL == PARALLEL - 1 {
            script.push_str("wait\n");
        }
    }
    script.push_str("wait\n");
    ["sh", "-c", &script].map(str::to_owned).to_vec()
}

/// Reads the lines that [`command`] printed; an address without a line was not tried.
pub(super) fn outcomes(stdout: &str, addresses: &[SocketAddr]) -> Vec<Outcome> {
    let mut outcomes = vec![Outcome::NotTried; addresses.len()];
    for line in stdout.lines() {
        let mut words = line.split_whitespace();
        let index = words.next().and_then(|word| word.parse::<usize>().ok());
        let code = words.next().and_then(|word| word.parse::<i32>().ok());
        let connected = words.next().and_then(|word| word.parse::<f64>().ok()).unwrap_or(0.0) > 0.0;
        if let (Some(index), Some(code)) = (index, code)
            && let Some(slot) = outcomes.get_mut(index)
        {
            *slot = Outcome::from_curl(code, connected);
        }
    }
    outcomes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_matched_by_index_and_missing_ones_are_told() {
        let addresses = ["10.0.0.1:80".parse().unwrap(), "[fd00::1]:80".parse().unwrap()];
        let stdout = "1 28 0.000000\nnoise\n9 0 0.1\n";
        assert_eq!(outcomes(stdout, &addresses), [Outcome::NotTried, Outcome::TimedOut]);
        assert_eq!(
            outcomes("0 0 0.001\n1 28 0.002\n", &addresses),
            [Outcome::Connected, Outcome::Connected],
            "a server that never answers HTTP was reached"
        );
    }

    #[test]
    fn the_command_brackets_ipv6_and_waits_for_all() {
        let script = command(&["[fd00::1]:80".parse().unwrap()], 3).pop().expect("a script");
        assert!(script.contains("try 0 '[fd00::1]:80' &"), "{script}");
        assert!(script.trim_end().ends_with("wait"), "{script}");
    }
}
