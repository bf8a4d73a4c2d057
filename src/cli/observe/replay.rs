//! Flows from a file: no agent, no cluster, no root.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, BufRead, BufReader, IsTerminal},
    path::{Path, PathBuf},
};

use super::follow::Tell;
use crate::{
    cli::error::{Error, Kind},
    flows::{Matcher, Request, Saved, SavedError, Window},
    hubble::observer::GetFlowsResponse,
};

/// Lines that are complained about one by one.
const COMPLAINTS: u64 = 10;

/// A file of flows cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    /// It cannot be opened.
    #[error("cannot read {path}")]
    Open {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Reading it failed.
    #[error("cannot read {path} to its end")]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// No line of it is a flow.
    #[error("{path} has no flows: none of its {lines} lines can be read as one")]
    NoFlows { path: PathBuf, lines: u64 },
    /// Somebody would have to type flows.
    #[error("flows cannot be typed; a file or a pipe must be standard input")]
    Terminal,
}

/// Shows the flows of a file that pass, in the order of the file. `-` is standard input.
///
/// The newest ones are the last ones of the file; only so many are kept in memory.
pub(super) fn replay(
    path: &Path,
    request: &Request,
    tell: Tell<'_>,
    mut show: impl FnMut(&GetFlowsResponse) -> Result<(), Error>,
) -> Result<(), Error> {
    let matcher = Matcher::compile(request).map_err(super::InvalidTerm::from)?;
    let mut complaints = Complaints { tell, made: 0 };
    let mut kept = Kept { window: request.window, tail: VecDeque::new(), shown: 0 };
    let mut messages = 0;
    for line in Saved::new(open(path)?) {
        let message = match line {
            Ok(message) => message,
            Err(SavedError::Read(source)) => {
                let path = path.to_owned();
                return Err(ReplayError::Read { path, source }.into());
            }
            Err(line) => {
                complaints.add(&line);
                continue;
            }
        };
        messages += 1;
        if is_wanted(&message, &matcher, request) && kept.take(message, &mut show)?.is_full() {
            break;
        }
    }
    kept.tail.iter().try_for_each(&mut show)?;
    match (messages, complaints.finish()) {
        (0, lines @ 1..) => Err(ReplayError::NoFlows { path: path.to_owned(), lines }.into()),
        _ => Ok(()),
    }
}

fn open(path: &Path) -> Result<Box<dyn BufRead>, ReplayError> {
    if path == Path::new("-") {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            return Err(ReplayError::Terminal);
        }
        return Ok(Box::new(stdin.lock()));
    }
    let file = File::open(path);
    let file = file.map_err(|source| ReplayError::Open { path: path.to_owned(), source })?;
    Ok(Box::new(BufReader::with_capacity(1 << 18, file)))
}

/// What is not a flow has a time only.
fn is_wanted(message: &GetFlowsResponse, matcher: &Matcher, request: &Request) -> bool {
    match message.flow() {
        Some(flow) => matcher.matches(flow),
        None => {
            let time = message.moment();
            request.since.is_none_or(|since| time >= since)
                && request.until.is_none_or(|until| time <= until)
        }
    }
}

/// The part of the flows that was asked for.
struct Kept {
    window: Option<Window>,
    tail: VecDeque<GetFlowsResponse>,
    shown: usize,
}

/// Whether more flows are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    Left,
    Full,
}

impl Room {
    const fn is_full(self) -> bool {
        matches!(self, Self::Full)
    }
}

impl Kept {
    /// Shows a message, or keeps it for later.
    fn take(
        &mut self,
        message: GetFlowsResponse,
        show: &mut impl FnMut(&GetFlowsResponse) -> Result<(), Error>,
    ) -> Result<Room, Error> {
        let limit = match self.window {
            _ if message.flow().is_none() => None,
            Some(Window::Last(0)) => return Ok(Room::Left),
            Some(Window::Last(count)) => {
                if self.tail.len() == count {
                    self.tail.pop_front();
                }
                self.tail.push_back(message);
                return Ok(Room::Left);
            }
            Some(Window::First(count)) => Some(count),
            None => None,
        };
        if limit == Some(0) {
            return Ok(Room::Full);
        }
        show(&message)?;
        self.shown += usize::from(message.flow().is_some());
        Ok(if limit == Some(self.shown) { Room::Full } else { Room::Left })
    }
}

/// Warnings about lines; a file that is no file of flows must not flood the terminal.
struct Complaints<'a> {
    tell: Tell<'a>,
    made: u64,
}

impl Complaints<'_> {
    fn add(&mut self, line: &SavedError) {
        self.made += 1;
        if self.made <= COMPLAINTS {
            (self.tell)(&line.to_string());
        }
    }

    /// Returns how many lines there were.
    fn finish(self) -> u64 {
        let more = self.made.saturating_sub(COMPLAINTS);
        if more > 0 {
            (self.tell)(&format!("{more} more lines cannot be read as flows"));
        }
        self.made
    }
}

impl From<ReplayError> for Error {
    fn from(error: ReplayError) -> Self {
        let (kind, hint) = match error {
            ReplayError::Terminal => {
                (Kind::Usage, "skep observe --input-file FILE, or pipe one into it")
            }
            _ => (Kind::Input, "such a file is made by: skep observe --all -o json > FILE"),
        };
        Self::new(kind, error).hint(hint)
    }
}
