//! What commands that remove connections do: ask the user, then the agents, and show what is gone.

use crate::{
    api::{ConnectionFilter, Flushed, List},
    cli::{
        error::{Error, Kind},
        exit::Answer,
        list::complete,
        output::{Cell, Columns, Detail, FormatArgs, ListView, Output},
        runtime,
        source::{Answers, SourceArgs},
    },
};

/// Flags of these commands.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct FlushArgs {
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    source: SourceArgs,
}

/// What is to be removed.
#[derive(Clone, Debug)]
pub(super) struct Flush {
    /// The command's noun.
    pub(super) table: &'static str,
    /// What the table has.
    pub(super) noun: &'static str,
    /// The flags that say which of them; they mean the same on a node.
    pub(super) words: Vec<String>,
    pub(super) filter: ConnectionFilter,
}

impl Flush {
    fn question(&self, place: &str) -> String {
        match self.words.as_slice() {
            [] => format!("Remove all {} of {place}?", self.noun),
            words => format!("Remove {} of {place} that match {}?", self.noun, words.join(" ")),
        }
    }
}

/// Nobody can be asked.
#[derive(Debug, thiserror::Error)]
#[error("nothing is removed without a yes, and there is no terminal to ask for it")]
struct NobodyToAsk;

impl FlushArgs {
    /// Removes connections from every node that is asked.
    ///
    /// # Errors
    /// When nobody agrees to it, or an agent cannot be asked.
    pub(super) fn run(self, out: &Output, flush: Flush) -> Result<Answer, Error> {
        if !self.yes && !self.agree(out, &flush)? {
            out.note("Nothing was removed.");
            return Ok(Answer::No);
        }
        let mut command = vec!["bpf", flush.table, "flush", "--yes"];
        command.extend(flush.words.iter().map(String::as_str));
        let answers: Answers<Flushed> = runtime::query(async {
            let source = self.source.open().await?;
            source.ask(&command, async |client| client.flush(&flush.filter).await).await
        })?;
        let nodes = answers.asked.is_some();
        out.show(&ListView { list: List::of(answers.items), nodes }, self.format.format)?;
        complete(out, &answers.failures, answers.asked)
    }

    fn agree(&self, out: &Output, flush: &Flush) -> Result<bool, Error> {
        let question = flush.question(&self.source.place());
        match runtime::query(async { out.confirm(&question) })? {
            Some(answer) => Ok(answer),
            None => Err(Error::new(Kind::Usage, NobodyToAsk).hint("give --yes in scripts")),
        }
    }
}

impl Columns for Flushed {
    const PLURAL: &'static str = "nodes";
    const COMMAND: &'static [&'static str] = &["bpf", "ct", "flush", "--yes"];

    fn headings(_: Detail) -> Vec<&'static str> {
        vec!["REMOVED", "OTHER TUPLES"]
    }

    fn cells(&self, _: Detail) -> Vec<Cell> {
        vec![self.connections.into(), self.aliases.into()]
    }

    fn name(&self) -> String {
        self.connections.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_says_what_is_removed_and_where() {
        let ask = |words: &[&str]| {
            let words = words.iter().map(|word| (*word).to_owned()).collect();
            let filter = ConnectionFilter::default();
            let flush = Flush { table: "ct", noun: "tracked connections", words, filter };
            flush.question("node n1")
        };
        assert_eq!(ask(&[]), "Remove all tracked connections of node n1?");
        let some = ask(&["--port", "53/UDP"]);
        assert_eq!(some, "Remove tracked connections of node n1 that match --port 53/UDP?");
    }
}
