//! Regular expressions of schemas, compiled once.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

use regex::bytes::{Regex, RegexBuilder};

/// Patterns that are kept compiled.
const KEPT: usize = 1024;

/// Compiles a pattern as Go reads it: `\d`, `\w` and `\s` are about ASCII.
pub(super) fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    let with = |unicode| RegexBuilder::new(pattern).unicode(unicode).size_limit(1 << 20).build();
    with(false).or_else(|_| with(true))
}

/// Tells whether text matches; a pattern that cannot be compiled is no condition.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    static COMPILED: OnceLock<Mutex<HashMap<String, Option<Regex>>>> = OnceLock::new();
    let mut compiled = COMPILED.get_or_init(Mutex::default).lock().expect("no holder panics");
    if compiled.len() >= KEPT && !compiled.contains_key(pattern) {
        compiled.clear();
    }
    let regex = compiled.entry(pattern.to_owned()).or_insert_with(|| compile(pattern).ok());
    regex.as_ref().is_none_or(|regex| regex.is_match(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_go_reads() {
        assert!(matches(r"^\d{2}$", "12") && !matches(r"^\d{2}$", "1x"));
        assert!(matches(r"^[^/]+\/\w+$", "a/b"));
        assert!(compile("(").is_err() && matches("(", "anything"));
    }
}
