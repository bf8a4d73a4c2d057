//! `--test`: which scenarios are run.

use std::str::FromStr;

use regex::bytes::{Regex, RegexBuilder};

use super::scenario::{Profile, Scenario};

/// One `--test`: regular expressions for the names of a test and of a scenario.
///
/// `pattern` fits when it is found in the test's name or in the scenario's; `test/scenario` when
/// both parts are, an empty part being found everywhere. `!` in front takes away what fits.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    negative: bool,
    parts: Parts,
}

#[derive(Clone, Debug)]
enum Parts {
    Either(Regex),
    Both(Regex, Regex),
}

/// Text that is no [`Pattern`].
#[derive(Debug, thiserror::Error)]
pub enum InvalidPattern {
    /// Not a regular expression.
    #[error("column {column}: {reason}")]
    Syntax {
        /// Where, in characters from 1.
        column: usize,
        /// What is wrong.
        reason: String,
    },
    /// Too large to compile.
    #[error("the regular expression is too large")]
    TooLarge,
    /// Nothing but `!`.
    #[error("column {column}: a regular expression is missing")]
    Empty {
        /// Where, in characters from 1.
        column: usize,
    },
}

/// What is selected is nothing.
#[derive(Debug, thiserror::Error)]
pub enum NothingSelected {
    /// One pattern fits no scenario at all.
    #[error("--test {0:?} fits no scenario")]
    NoMatch(String),
    /// The patterns, or the profile, leave nothing.
    #[error("no scenario is left")]
    NothingLeft,
}

impl FromStr for Pattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        let (negative, expression) = match text.strip_prefix('!') {
            Some(expression) => (true, expression),
            None => (false, text),
        };
        let before = usize::from(negative);
        if expression.is_empty() {
            return Err(InvalidPattern::Empty { column: before + 1 });
        }
        let parts = match expression.split_once('/') {
            None => Parts::Either(compile(expression, before)?),
            Some((test, scenario)) => {
                let offset = before + test.chars().count() + 1;
                Parts::Both(compile(test, before)?, compile(scenario, offset)?)
            }
        };
        Ok(Self { text: text.to_owned(), negative, parts })
    }
}

/// Compiles an expression that begins after `before` characters.
fn compile(expression: &str, before: usize) -> Result<Regex, InvalidPattern> {
    let parsed =
        regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(expression);
    if let Err(error) = parsed {
        let (start, reason) = match &error {
            regex_syntax::Error::Parse(error) => {
                (error.span().start.column, error.kind().to_string())
            }
            regex_syntax::Error::Translate(error) => {
                (error.span().start.column, error.kind().to_string())
            }
            _ => (1, error.to_string()),
        };
        return Err(InvalidPattern::Syntax { column: before + start, reason });
    }
    RegexBuilder::new(expression).unicode(false).build().map_err(|_| InvalidPattern::TooLarge)
}

impl Pattern {
    /// Tells whether a scenario has what the pattern is about.
    fn fits(&self, scenario: &Scenario) -> bool {
        let (test, name) = (scenario.test.as_bytes(), scenario.name.as_bytes());
        match &self.parts {
            Parts::Either(either) => either.is_match(test) || either.is_match(name),
            Parts::Both(left, right) => left.is_match(test) && right.is_match(name),
        }
    }
}

/// Returns the scenarios of a profile that fit any positive pattern, if there is one, and no
/// negative one. A scenario that a pattern asks for is run whatever the profile.
///
/// # Errors
/// When a pattern fits nothing, which is a typing mistake, or nothing is left.
pub fn select(
    profile: Profile,
    patterns: &[Pattern],
) -> Result<Vec<&'static Scenario>, NothingSelected> {
    if let Some(typo) =
        patterns.iter().find(|pattern| !Scenario::ALL.iter().any(|one| pattern.fits(one)))
    {
        return Err(NothingSelected::NoMatch(typo.text.clone()));
    }
    let (negative, positive): (Vec<_>, Vec<_>) =
        patterns.iter().partition(|pattern| pattern.negative);
    let wanted = |scenario: &Scenario| {
        let asked_for = positive.iter().any(|pattern| pattern.fits(scenario));
        let of_profile = positive.is_empty() && scenario.profile <= profile;
        (asked_for || of_profile) && !negative.iter().any(|pattern| pattern.fits(scenario))
    };
    let selected: Vec<_> = Scenario::ALL.iter().filter(|scenario| wanted(scenario)).collect();
    if selected.is_empty() { Err(NothingSelected::NothingLeft) } else { Ok(selected) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(profile: Profile, patterns: &[&str]) -> Vec<&'static str> {
        let patterns: Vec<Pattern> = patterns.iter().map(|text| text.parse().unwrap()).collect();
        let selected = select(profile, &patterns).expect("something is selected");
        selected.iter().map(|scenario| scenario.name).collect()
    }

    #[test]
    fn patterns_select_as_they_say() {
        for (patterns, expected) in [
            // A scenario's name, anchored.
            (&["^pod-to-pod$"][..], &["pod-to-pod"][..]),
            // Without test, as in Cilium's command line.
            (&["/^pod-to-pod$"], &["pod-to-pod"]),
            (&["no-policies/^pod-to-pod$"], &["pod-to-pod"]),
            // A test's name selects all of it.
            (&["^dns$"], &["dns-service", "dns-headless", "dns-absent", "dns-world"]),
            (&["dns/", "!headless"], &["dns-service", "dns-absent", "dns-world"]),
            // Any of the positive ones.
            (&["pod-to-itself", "kubelet-exec"], &["pod-to-itself", "kubelet-exec"]),
            // Each side must fit.
            (&["mtu/host-to-h"], &["host-to-host-mtu"]),
        ] {
            assert_eq!(names(Profile::Standard, patterns), expected, "{patterns:?}");
        }
    }

    #[test]
    fn a_profile_is_the_start_and_an_explicit_name_wins() {
        let smoke = names(Profile::Smoke, &[]);
        assert!(smoke.contains(&"pod-to-pod") && !smoke.contains(&"pod-to-pod-mtu"));
        assert_eq!(names(Profile::Smoke, &["pod-to-pod-mtu"]), ["pod-to-pod-mtu"]);
        let less = names(Profile::Smoke, &["!world"]);
        assert_eq!(less.len() + 1, smoke.len());
    }

    #[test]
    fn patterns_that_select_nothing_are_mistakes() {
        let typo = ["pod-to-pot".parse().unwrap()];
        let error = select(Profile::Full, &typo).unwrap_err();
        assert_eq!(error.to_string(), "--test \"pod-to-pot\" fits no scenario");
        let none = ["dns".parse().unwrap(), "!dns".parse().unwrap()];
        assert!(matches!(select(Profile::Full, &none), Err(NothingSelected::NothingLeft)));
    }

    #[test]
    fn mistakes_in_expressions_have_a_column() {
        for (text, column) in
            [("pod-(to", 5), ("!pod-(to", 6), ("dns/a[b", 6), ("a**b/x{2", 7), ("!", 2), ("", 1)]
        {
            match text.parse::<Pattern>() {
                Err(
                    InvalidPattern::Syntax { column: at, .. }
                    | InvalidPattern::Empty { column: at },
                ) => {
                    assert_eq!(at, column, "{text}");
                }
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
