//! What `-o` means.

use serde::Serialize;

use super::table::{Detail, Table};

/// The format of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Columns for people
    #[default]
    Table,
    /// More columns
    Wide,
    /// One JSON document
    Json,
    /// One YAML document
    Yaml,
    /// Names only, one a line
    Name,
}

impl Format {
    /// Tells whether it is for scripts, which expect a document even if there is nothing to show.
    pub(crate) const fn is_document(self) -> bool {
        matches!(self, Self::Json | Self::Yaml)
    }
}

/// `-o`, on every command that answers with a list or an object.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct FormatArgs {
    /// Output format
    #[arg(
        short = 'o',
        long = "output",
        value_enum,
        value_name = "FORMAT",
        default_value = "table"
    )]
    pub(crate) format: Format,
}

/// An answer that can be shown in every [`Format`].
pub(crate) trait Render {
    /// What `-o json` and `-o yaml` show: a versioned struct.
    type Document<'a>: Serialize
    where
        Self: 'a;

    /// Returns the document.
    fn document(&self) -> Self::Document<'_>;

    /// Returns the table. Without rows, the message of [`Render::empty`] is shown instead.
    fn table(&self, detail: Detail) -> Table;

    /// Returns what follows the table, each part after an empty line. Empty tables are left out.
    fn more(&self, detail: Detail) -> Vec<Table> {
        let _ = detail;
        Vec::new()
    }

    /// Returns the names that `-o name` lists.
    fn names(&self) -> Vec<String>;

    /// Returns what to say, on stderr, when there is nothing to show.
    fn empty(&self) -> String {
        "Nothing found.".to_owned()
    }
}

/// An answer could not be written in a format; none of ours should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EncodeError {
    /// As JSON.
    #[error("cannot encode the answer as JSON")]
    Json(#[from] serde_json::Error),
    /// As YAML.
    #[error("cannot encode the answer as YAML")]
    Yaml(#[from] serde_yaml::Error),
}
