//! Filter flags as one line of text.

use clap::{Args, FromArgMatches};

use super::{filters::Filters, flags::GROUPS, terms::Term};

impl Filters {
    /// Reads filter flags from a line, as a shell would; the error is for people.
    pub(super) fn parse(line: &str) -> Result<Self, String> {
        let words = split(line).ok_or("a quote is not closed")?;
        let command = clap::Command::new("filter").no_binary_name(true).disable_help_flag(true);
        let read = Self::augment_args(command).try_get_matches_from(words);
        let read = read.and_then(|matches| Self::from_arg_matches(&matches));
        read.map_err(|error| {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            line.trim_start_matches("error: ").to_owned()
        })
    }
}

/// Writes a flag as it is typed.
pub(super) fn word(term: &Term) -> String {
    let flags = GROUPS.iter().flat_map(|group| group.flags);
    let mut fitting = flags.filter(|flag| (flag.field, flag.end) == (term.field, term.end));
    let exact = fitting.clone().find(|flag| flag.value_name == Err(term.value.as_str()));
    let not = if term.negated { "--not " } else { "" };
    match (exact, fitting.find(|flag| flag.value_name.is_ok())) {
        (Some(flag), _) => format!("{not}--{}", flag.name),
        (None, Some(flag)) => format!("{not}--{} {}", flag.name, quoted(&term.value)),
        (None, None) => String::new(),
    }
}

/// Quotes what is more than one word.
pub(super) fn quoted(text: &str) -> String {
    let is_plain =
        !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || "'\"".contains(c));
    if is_plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\"'\"'")) }
}

/// Splits at spaces outside of quotes; none if a quote is not closed.
fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::{Filters, split};

    #[test]
    fn lines_are_split_as_a_shell_does() {
        assert_eq!(split("  a 'b c'd \"e'f\" ''").unwrap(), ["a", "b cd", "e'f", ""]);
        assert!(split("a 'b").is_none());
    }

    #[test]
    fn filters_survive_both_ways() {
        for line in [
            "",
            "--pod shop/web --not --to-port 53",
            "--label 'a in (b, c)' -n shop",
            "-4 --encrypted -A",
            r#"--allowlist '{"verdict":["DROPPED"]}'"#,
        ] {
            let filters = Filters::parse(line).unwrap();
            let again = Filters::parse(&filters.words()).unwrap();
            assert_eq!(filters.expand().unwrap(), again.expand().unwrap(), "{line}");
        }
        for line in ["nonsense", "--no-such 1", "--not", "'"] {
            assert!(Filters::parse(line).is_err(), "{line}");
        }
    }
}
