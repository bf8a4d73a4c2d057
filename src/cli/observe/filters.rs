//! Which flows pass: filter flags, and filters as JSON.

use super::{
    expand::{Expanded, InvalidTerm},
    terms::Terms,
    words::{quoted, word},
};
use crate::hubble::flow::FlowFilter;

/// Flags that say which flows pass.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Filters {
    #[command(flatten)]
    terms: Terms,
    /// Also show what this FlowFilter matches; may be repeated
    #[arg(long, value_name = "JSON", help_heading = "Filters as JSON", value_parser = raw)]
    allowlist: Vec<Raw>,
    /// Hide what this FlowFilter matches; may be repeated
    #[arg(long, value_name = "JSON", help_heading = "Filters as JSON", value_parser = raw)]
    denylist: Vec<Raw>,
}

/// FlowFilters, as Hubble writes them.
#[derive(Clone, Debug)]
struct Raw(Vec<FlowFilter>);

impl Filters {
    /// Expands the flags; filters as JSON are further alternatives.
    ///
    /// # Errors
    /// When a value makes no sense.
    pub(super) fn expand(self) -> Result<Expanded, InvalidTerm> {
        let mut expanded = Expanded::of(self.terms)?;
        expanded.allow.extend(self.allowlist.into_iter().flat_map(|raw| raw.0));
        expanded.deny.extend(self.denylist.into_iter().flat_map(|raw| raw.0));
        Ok(expanded)
    }
}

impl Filters {
    /// Returns the flags as they are typed.
    pub(super) fn words(&self) -> String {
        let json = |name: &str, raw: &Raw| {
            let filters: Vec<String> =
                raw.0.iter().filter_map(|filter| serde_json::to_string(filter).ok()).collect();
            format!("--{name} {}", quoted(&filters.join(" ")))
        };
        let terms = self.terms.0.iter().map(word);
        let allow = self.allowlist.iter().map(|raw| json("allowlist", raw));
        let deny = self.denylist.iter().map(|raw| json("denylist", raw));
        terms.chain(allow).chain(deny).collect::<Vec<_>>().join(" ")
    }
}

/// Reads one object or several, one after the other.
fn raw(text: &str) -> Result<Raw, serde_json::Error> {
    let filters = serde_json::Deserializer::from_str(text).into_iter();
    filters.collect::<Result<_, _>>().map(Raw)
}
