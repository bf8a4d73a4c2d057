//! Filter flags. Their order matters, because `--not` negates the next one; so they are read from
//! clap's matches by position.

use std::collections::BTreeMap;

use clap::{
    Arg, ArgAction, ArgMatches, Command, Error, FromArgMatches,
    error::{ErrorKind, Result},
};

use super::flags::{Flag, GROUPS};

/// What a filter flag is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    Pod,
    Namespace,
    Workload,
    Label,
    Service,
    Ip,
    TranslatedIp,
    Fqdn,
    Identity,
    Cluster,
    Port,
    Protocol,
    TcpFlags,
    IpVersion,
    Encrypted,
    Direction,
    Reply,
    Interface,
    Verdict,
    DropReason,
    Type,
    NodeName,
    NodeLabel,
    SeenIn,
    Uuid,
    TraceId,
    IpTraceId,
    Cel,
    HttpMethod,
    HttpPath,
    HttpUrl,
    HttpStatus,
    HttpHeader,
}

/// Which end it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    /// One of the two, or the packet as a whole.
    Any,
    /// The sender.
    From,
    /// The receiver.
    To,
}

/// What the filter flags say, in the order in which they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Terms(pub(super) Vec<Term>);

/// One filter flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) negated: bool,
    pub(super) field: Field,
    pub(super) end: End,
    pub(super) value: String,
}

impl clap::Args for Terms {
    fn augment_args(command: Command) -> Command {
        let not = Arg::new("not")
            .long("not")
            .help("Hide what the next filter would show")
            .help_heading(GROUPS[0].heading)
            .action(ArgAction::Append)
            .num_args(0)
            .default_missing_value("true");
        let args = GROUPS
            .iter()
            .flat_map(|group| group.flags.iter().map(|flag| arg(flag).help_heading(group.heading)));
        command.arg(not).args(args)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn arg(flag: &Flag) -> Arg {
    let arg = Arg::new(flag.name).long(flag.name).help(flag.help).action(ArgAction::Append);
    let arg = match flag.value_name {
        Ok(name) => arg.value_name(name).num_args(1),
        Err(value) => arg.num_args(0).default_missing_value(value),
    };
    match flag.short {
        Some(short) => arg.short(short),
        None => arg,
    }
}

impl FromArgMatches for Terms {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self> {
        let mut by_position: BTreeMap<usize, Option<Term>> = BTreeMap::new();
        by_position.extend(matches.indices_of("not").into_iter().flatten().map(|at| (at, None)));
        for flag in GROUPS.iter().flat_map(|group| group.flags) {
            let positions = matches.indices_of(flag.name).into_iter().flatten();
            let values = matches.get_many::<String>(flag.name).into_iter().flatten();
            by_position.extend(positions.zip(values).map(|(at, value)| {
                let Flag { field, end, .. } = *flag;
                (at, Some(Term { negated: false, field, end, value: value.clone() }))
            }));
        }
        let mut terms = Vec::new();
        let mut negated = false;
        for term in by_position.into_values() {
            match term {
                Some(term) => {
                    terms.push(Term { negated, ..term });
                    negated = false;
                }
                None => negated = true,
            }
        }
        if negated {
            let message = "--not must stand before a filter\n";
            return Err(Error::raw(ErrorKind::MissingRequiredArgument, message));
        }
        Ok(Self(terms))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<()> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command, FromArgMatches};

    use super::{End, Field, Terms};

    fn terms(line: &str) -> Result<Terms, clap::Error> {
        let command = Terms::augment_args(Command::new("observe").no_binary_name(true));
        Terms::from_arg_matches(&command.try_get_matches_from(line.split_whitespace())?)
    }

    #[test]
    fn not_negates_the_next_filter_only() {
        let terms = terms("--pod a --not --verdict DROPPED --pod b --not --to-port 53 -6").unwrap();
        let seen: Vec<_> =
            terms.0.iter().map(|t| (t.negated, t.field, t.end, t.value.as_str())).collect();
        assert_eq!(
            seen,
            [
                (false, Field::Pod, End::Any, "a"),
                (true, Field::Verdict, End::Any, "DROPPED"),
                (false, Field::Pod, End::Any, "b"),
                (true, Field::Port, End::To, "53"),
                (false, Field::IpVersion, End::Any, "v6"),
            ]
        );
    }

    #[test]
    fn a_not_without_a_filter_is_refused() {
        assert!(terms("--pod a --not").is_err());
    }
}
