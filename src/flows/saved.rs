//! Flows that were written to a file, one JSON object a line.
//!
//! Written by `skep observe -o json`, `hubble observe -o json` or an exporter, of any version: a line is
//! a whole answer, or only the flow, as old versions wrote it. What newer versions add is left out.

use std::io::{self, BufRead, Read};

use crate::hubble::{
    flow::Flow,
    observer::{GetFlowsResponse, get_flows_response::ResponseTypes},
};

/// Longest line; flows have a few thousand bytes.
const MAX_LINE: u64 = 1 << 20;

/// The lines of a file. Memory is bounded by the longest line.
#[derive(Debug)]
pub struct Saved<R> {
    reader: R,
    line: Vec<u8>,
    number: u64,
}

/// A line is not a flow, or none can be read.
#[derive(Debug, thiserror::Error)]
pub enum SavedError {
    /// Reading failed; there is nothing more.
    #[error("cannot read flows")]
    Read(#[source] io::Error),
    /// The line makes no sense; the next one may.
    #[error("line {number}: {reason}")]
    Line {
        /// From 1.
        number: u64,
        /// What is wrong.
        reason: String,
    },
}

impl<R: BufRead> Saved<R> {
    /// Starts at the first line.
    pub const fn new(reader: R) -> Self {
        Self { reader, line: Vec::new(), number: 0 }
    }

    /// Reads a line; false at the end. Of one that is too long only the beginning is kept.
    fn read_line(&mut self) -> io::Result<bool> {
        self.line.clear();
        self.number += 1;
        let mut limited = self.reader.by_ref().take(MAX_LINE);
        if limited.read_until(b'\n', &mut self.line)? == 0 {
            return Ok(false);
        }
        if self.line.last() != Some(&b'\n') && self.line.len() as u64 == MAX_LINE {
            self.reader.skip_until(b'\n')?;
        }
        Ok(true)
    }

    fn parse(&self) -> Result<GetFlowsResponse, String> {
        if self.line.len() as u64 == MAX_LINE {
            return Err(format!("longer than {MAX_LINE} bytes"));
        }
        let mut message: GetFlowsResponse =
            serde_json::from_slice(&self.line).map_err(|error| problem(&error))?;
        if message.response_types.is_none() {
            let flow = serde_json::from_slice(&self.line).map_err(|error| problem(&error))?;
            if is_empty(&flow) {
                return Err("not a flow".to_owned());
            }
            message.response_types = Some(ResponseTypes::Flow(flow));
        }
        if message.time.is_none() {
            message.time = message.flow().and_then(|flow| flow.time);
        }
        Ok(message)
    }
}

impl<R: BufRead> Iterator for Saved<R> {
    type Item = Result<GetFlowsResponse, SavedError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.read_line() {
                Ok(true) if self.line.trim_ascii().is_empty() => {}
                Ok(true) => break,
                Ok(false) => return None,
                Err(error) => return Some(Err(SavedError::Read(error))),
            }
        }
        let number = self.number;
        Some(self.parse().map_err(|reason| SavedError::Line { number, reason }))
    }
}

/// Any object can be read as a flow that tells nothing.
fn is_empty(flow: &Flow) -> bool {
    flow.verdict == 0 && flow.ip.is_none() && flow.ethernet.is_none() && flow.source.is_none()
}

/// What serde says about places is about lines of its own.
fn problem(error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "cut off".to_owned();
    }
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{MAX_LINE, Saved, SavedError};

    fn read(text: &[u8]) -> Vec<String> {
        Saved::new(text)
            .map(|line| match line {
                Ok(message) => match message.flow() {
                    Some(flow) => format!("{} {}", message.node_name, flow.uuid),
                    None => "no flow".to_owned(),
                },
                Err(error) => error.to_string(),
            })
            .collect()
    }

    #[test]
    fn lines_of_all_versions_are_flows() {
        let lines = read(
            br#"{"flow":{"uuid":"new","verdict":"FORWARDED","from_the_future":{"a":[1]}},"node_name":"c/n1","time":"2026-11-24T12:00:00Z","more":1}

{"time":"2026-11-24T12:00:00Z","uuid":"old","verdict":"DROPPED","IP":{"source":"10.0.0.1"},"node_name":"n2"}
{"lost_events":{"source":"HUBBLE_RING_BUFFER","num_events_lost":"3"},"node_name":"n1"}
{"flow":{"uuid":"enum","verdict":"NEVER_HEARD_OF","Type":"L9"}}
"#,
        );
        assert_eq!(lines, ["c/n1 new", "n2 old", "no flow", " enum"]);
    }

    #[test]
    fn what_is_not_a_flow_is_told_by_its_line() {
        let lines = read(
            b"{\"flow\":{\"uuid\":\"a\"}}\nnonsense\n[]\n{\"kind\":\"Pod\"}\n\xff\n{\"flow\":{\"uu",
        );
        assert_eq!(lines.len(), 6, "{lines:?}");
        assert_eq!(lines[0], " a");
        assert!(lines[1].starts_with("line 2: expected "), "{lines:?}");
        assert!(lines[2].starts_with("line 3: "), "{lines:?}");
        assert_eq!(lines[3], "line 4: not a flow");
        assert_eq!(lines[5], "line 6: cut off");
    }

    #[test]
    fn a_line_without_end_costs_no_memory() {
        let mut text = vec![b'x'; MAX_LINE as usize * 3];
        text.extend_from_slice(b"\n{\"flow\":{\"uuid\":\"after\"}}\n");
        let lines = read(&text);
        assert_eq!(lines, ["line 1: longer than 1048576 bytes", " after"]);
    }

    #[test]
    fn the_time_is_the_flows_own_if_there_is_no_other() {
        let text = br#"{"time":"2026-11-24T12:00:00Z","verdict":"DROPPED"}"#;
        let message = Saved::new(text.as_slice()).next().unwrap().unwrap();
        assert_eq!(message.moment().to_string(), "2026-11-24T12:00:00Z");
        assert!(!matches!(Saved::new(text.as_slice()).next(), Some(Err(SavedError::Read(_)))));
    }
}
