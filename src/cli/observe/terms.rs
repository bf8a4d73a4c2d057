//! Filter flags. Their order matters, because `--not` negates the next one; so they are read from
//! clap's matches by position.

use std::collections::BTreeMap;

use clap::{
    Arg, ArgAction, ArgMatches, Command, Error, FromArgMatches,
    error::{ErrorKind, Result},
};

/// What a filter flag is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    Pod,
    Namespace,
    Workload,
    Label,
    Ip,
    Identity,
    Port,
    Protocol,
    Verdict,
    DropReason,
    Type,
    TcpFlags,
    IpVersion,
    Direction,
    Reply,
    NodeName,
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

/// One flag: all fields of a filter that it sets.
struct Flag {
    name: &'static str,
    short: Option<char>,
    /// None for a flag without a value; then this is its value.
    value_name: Result<&'static str, &'static str>,
    help: &'static str,
    field: Field,
    end: End,
}

macro_rules! flags {
    ($($name:literal $($short:literal)? $value:ident($text:literal) $field:ident $end:ident: $help:literal;)*) => {
        &[$(Flag {
            name: $name,
            short: flags!(@short $($short)?),
            value_name: flags!(@value $value $text),
            help: $help,
            field: Field::$field,
            end: End::$end,
        },)*]
    };
    (@short) => { None };
    (@short $short:literal) => { Some($short) };
    (@value takes $text:literal) => { Ok($text) };
    (@value means $text:literal) => { Err($text) };
}

const FLAGS: &[Flag] = flags! {
    "pod" takes("POD") Pod Any: "Pod at either end, [NAMESPACE/]PREFIX";
    "from-pod" takes("POD") Pod From: "Pod that sends, [NAMESPACE/]PREFIX";
    "to-pod" takes("POD") Pod To: "Pod that receives, [NAMESPACE/]PREFIX";
    "namespace" 'n' takes("NAMESPACE") Namespace Any: "Namespace at either end";
    "from-namespace" takes("NAMESPACE") Namespace From: "Namespace that sends";
    "to-namespace" takes("NAMESPACE") Namespace To: "Namespace that receives";
    "workload" takes("WORKLOAD") Workload Any: "Workload at either end, [KIND/]NAME";
    "from-workload" takes("WORKLOAD") Workload From: "Workload that sends, [KIND/]NAME";
    "to-workload" takes("WORKLOAD") Workload To: "Workload that receives, [KIND/]NAME";
    "label" 'l' takes("SELECTOR") Label Any: "Labels at either end";
    "from-label" takes("SELECTOR") Label From: "Labels of the sender";
    "to-label" takes("SELECTOR") Label To: "Labels of the receiver";
    "ip" takes("IP|CIDR") Ip Any: "Address at either end";
    "from-ip" takes("IP|CIDR") Ip From: "Address of the sender";
    "to-ip" takes("IP|CIDR") Ip To: "Address of the receiver";
    "identity" takes("IDENTITY") Identity Any: "Identity at either end, number or reserved name";
    "from-identity" takes("IDENTITY") Identity From: "Identity of the sender";
    "to-identity" takes("IDENTITY") Identity To: "Identity of the receiver";
    "port" takes("PORT") Port Any: "Port at either end";
    "from-port" takes("PORT") Port From: "Port of the sender";
    "to-port" takes("PORT") Port To: "Port of the receiver";
    "protocol" takes("PROTOCOL") Protocol Any: "tcp, udp, sctp, icmp, icmpv4 or icmpv6";
    "verdict" takes("VERDICT") Verdict Any: "FORWARDED, DROPPED and so on";
    "drop-reason-desc" takes("REASON") DropReason Any: "Drop reason, by name";
    "type" 't' takes("TYPE[:SUBTYPE]") Type Any: "drop, trace, policy-verdict, trace:to-endpoint ...";
    "tcp-flags" takes("FLAGS") TcpFlags Any: "TCP flags that are set, with commas";
    "ipv4" '4' means("v4") IpVersion Any: "IPv4 only";
    "ipv6" '6' means("v6") IpVersion Any: "IPv6 only";
    "traffic-direction" takes("DIRECTION") Direction Any: "ingress or egress";
    "reply" takes("BOOL") Reply Any: "Replies (true), or what is none (false)";
    "node-name" takes("NODE") NodeName Any: "Node that saw it, [CLUSTER/]NAME with * as wildcard";
};

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
        let heading = "Filters: one flag repeated means or, different flags mean and";
        let not = Arg::new("not")
            .long("not")
            .help("Hide what the next filter would show")
            .action(ArgAction::Append)
            .num_args(0)
            .default_missing_value("true");
        let args = FLAGS.iter().map(|flag| {
            let arg = Arg::new(flag.name).long(flag.name).help(flag.help).action(ArgAction::Append);
            let arg = match flag.value_name {
                Ok(name) => arg.value_name(name).num_args(1),
                Err(value) => arg.num_args(0).default_missing_value(value),
            };
            match flag.short {
                Some(short) => arg.short(short),
                None => arg,
            }
        });
        command.args(args.chain([not]).map(|arg| arg.help_heading(heading)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Terms {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self> {
        let mut by_position: BTreeMap<usize, Option<Term>> = BTreeMap::new();
        by_position.extend(matches.indices_of("not").into_iter().flatten().map(|at| (at, None)));
        for flag in FLAGS {
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
