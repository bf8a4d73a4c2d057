//! `skep policy explain`.

use std::fmt::Write;

use serde::Serialize;

use super::{
    error::PolicyError,
    port::{packet, written},
    source::InputArgs,
};
use crate::{
    api::API_VERSION,
    cli::{
        error::Error,
        exit::Answer,
        output::{EncodeError, Output, Tone, escape},
    },
    policy::{
        cluster::{Actor, Role},
        explain::{Candidate, Explanation, Outcome, RuleWords, SideReport, explain},
        judge::{Deciding, Packet, Verdict},
        matrix::RuleOf,
        rule::PolicyRef,
    },
};

/// Say why one end may talk to another, or not
///
/// Judges a connection on both sides and names the deciding rule of each, with its file and line or its
/// object, the policies that isolate, and why every other rule for these ends did not decide. The exit
/// code is 0 if the connection is allowed and 1 if it is denied.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Ends: NAMESPACE/POD, NAMESPACE/KIND/WORKLOAD, entity:host, ip:1.2.3.4[+LABEL], fqdn:NAME, id:NUMBER

Examples:
  skep policy explain shop/deployment/web shop/statefulset/db --port 5432/tcp -f manifests/
  skep policy explain entity:world-ipv4 shop/web-0 -o json
  skep policy explain shop/web-0 fqdn:api.example.com --port 443/tcp -o dot | dot -Tsvg"
)]
pub(crate) struct Args {
    /// Who sends
    #[arg(value_name = "SRC")]
    from: String,
    /// Who gets
    #[arg(value_name = "DST")]
    to: String,
    /// Port with its protocol; of ICMP, the type
    #[arg(long, value_name = "PORT", value_parser = packet, default_value = "80/tcp")]
    port: Packet,
    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "text")]
    output: ExplainFormat,
    #[command(flatten)]
    input: InputArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ExplainFormat {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// A Graphviz graph
    Dot,
}

/// Rules of one outcome that are told before the rest is counted.
const TOLD: usize = 10;

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        let input = self.input.read_accepted(out)?;
        let settings = &input.settings;
        let actor = |spec| input.inventory.actor(spec, settings).map_err(PolicyError::from);
        let (from, to) = (actor(&self.from)?, actor(&self.to)?);
        let grounds = input.grounds();
        let judge = grounds.judge(self.input.mode());
        let mut explanation = explain(&judge, &from, &to, self.port);
        if is_itself(&from, &to) {
            explanation.verdict = Verdict::Allow;
        }
        match self.output {
            ExplainFormat::Text => out.text(&text(out, &explanation))?,
            ExplainFormat::Dot => out.text(&dot(&explanation))?,
            ExplainFormat::Json => {
                let json = serde_json::to_string_pretty(&Document::of(&explanation));
                out.text(&(json.map_err(EncodeError::from)? + "\n"))?;
            }
        }
        Ok(if explanation.verdict.is_denied() { Answer::No } else { Answer::Yes })
    }
}

fn text(out: &Output, explanation: &Explanation<'_>) -> String {
    let Explanation { from, to, packet, verdict, egress, ingress } = explanation;
    let (word, tone) =
        if verdict.is_denied() { ("DENIED", Tone::Bad) } else { ("ALLOWED", Tone::Good) };
    let mut text = format!(
        "{} {} -> {} {}\n",
        out.paint(word, tone),
        escape(&from.name),
        escape(&to.name),
        written(*packet)
    );
    if is_itself(from, to) {
        text.push_str(
            "What a pod sends to itself never leaves it, so no policy is asked. Were they two:\n",
        );
    }
    for side in [egress, ingress] {
        text.push('\n');
        write_side(out, side, &mut text);
    }
    text
}

/// Tells whether both ends are one pod; a workload may have several.
fn is_itself(from: &Actor, to: &Actor) -> bool {
    from.name == to.name && from.role == Role::Pod && from.name.matches('/').count() == 1
}

fn write_side(out: &Output, side: &SideReport<'_>, text: &mut String) {
    let verdict = side.decision.verdict;
    let _ = writeln!(
        text,
        "{} of {}: {}, {}",
        side.direction.name(),
        escape(&side.subject.name),
        out.paint(verdict.name(), tone(verdict)),
        reason(side)
    );
    if let Some(Candidate { rule, .. }) =
        side.candidates.iter().find(|candidate| candidate.outcome == Outcome::Decides)
    {
        let _ = writeln!(text, "  {}\n    {}", escape(&rule.place.to_string()), RuleWords(rule));
    }
    if matches!(side.decision.deciding, Deciding::Isolation(_)) && !side.isolating.is_empty() {
        let _ = writeln!(text, "  isolated by:");
        for policy in &side.isolating {
            let _ = writeln!(text, "    {}", escape(&policy_text(policy)));
        }
    }
    let groups = side.candidates.chunk_by(|a, b| a.outcome == b.outcome);
    for group in groups.filter(|group| group[0].outcome != Outcome::Decides) {
        let _ = writeln!(text, "  {}", why(group[0].outcome, side));
        for Candidate { rule, .. } in group.iter().take(TOLD) {
            let place = rule.place.to_string();
            let _ = writeln!(text, "    {}\n      {}", escape(&place), RuleWords(rule));
        }
        if group.len() > TOLD {
            let _ = writeln!(text, "    and {} more, which -o json shows", group.len() - TOLD);
        }
    }
}

fn policy_text(policy: &PolicyRef) -> String {
    match &*policy.file {
        "" => policy.to_string(),
        file => format!("{policy} ({file}:{})", policy.at.line),
    }
}

fn reason(side: &SideReport<'_>) -> String {
    let (subject, direction) = (&side.subject.name, side.direction.name());
    let subject = escape(subject);
    match &side.decision.deciding {
        Deciding::Rule(_) => "decided by".to_owned(),
        Deciding::Isolation(policies) if policies.is_empty() => {
            format!("no rule allows it, and {subject} is isolated by the mode")
        }
        Deciding::Isolation(_) => format!("no rule allows it, and {subject} is isolated"),
        Deciding::Localhost => "a pod's own node may always reach it".to_owned(),
        Deciding::Nothing if side.decision.verdict == Verdict::None => {
            format!("{subject} is no endpoint, so it has no policy")
        }
        Deciding::Nothing => format!("no policy isolates {subject} for {direction}"),
    }
}

/// Says why rules of an outcome did not decide.
fn why(outcome: Outcome, side: &SideReport<'_>) -> String {
    let (subject, peer) = (escape(&side.subject.name), escape(&side.peer.name));
    match outcome {
        Outcome::Decides => "decides".to_owned(),
        Outcome::Agrees => "says the same, less closely:".to_owned(),
        Outcome::BeatenByDenial => "matches, but what denies wins over what allows:".to_owned(),
        Outcome::BeatenByProxy => "matches, but what goes to the proxy wins:".to_owned(),
        Outcome::BeatenByAuthentication => {
            "matches, but a closer rule asks for authentication:".to_owned()
        }
        Outcome::TooLate => "matches, but is asked later:".to_owned(),
        Outcome::AfterIsolation => {
            "matches, but is asked after isolation, which is final:".to_owned()
        }
        Outcome::PassedOn => "matches, and leaves it to later tiers:".to_owned(),
        Outcome::OtherPorts => format!("about {peer}, but other ports:"),
        Outcome::OtherPeers => format!("for {subject}, but not about {peer}:"),
    }
}

const fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Allow => Tone::Good,
        Verdict::Deny => Tone::Bad,
        Verdict::None => Tone::Plain,
        Verdict::Redirect | Verdict::Auth | Verdict::Audit => Tone::Warn,
    }
}

/// Writes both sides as a path from one end to the other, with what decided.
fn dot(explanation: &Explanation<'_>) -> String {
    let Explanation { from, to, packet, egress, ingress, verdict } = explanation;
    let colour = |verdict: Verdict| if verdict.is_denied() { "red" } else { "darkgreen" };
    let node = |side: &SideReport<'_>| {
        let decides = match &side.decision.deciding {
            Deciding::Rule(place) => place.to_string(),
            Deciding::Isolation(_) if !side.isolating.is_empty() => {
                side.isolating.iter().map(|p| policy_text(p)).collect::<Vec<_>>().join("\n")
            }
            _ => reason(side),
        };
        let name = side.direction.name();
        let (verdict, paint) = (side.decision.verdict.name(), colour(side.decision.verdict));
        let label = quote(&format!("{name}: {verdict}\n{decides}"));
        format!("  {name} [shape=note, color={paint}, label={label}];\n")
    };
    let (port, last) = (quote(&written(*packet)), colour(*verdict));
    format!(
        "digraph explain {{\n  rankdir=LR;\n  node [shape=box];\n  from [label={}];\n{}{}  to [label={}];\n  from -> egress [label={port}];\n  egress -> ingress [color={}];\n  ingress -> to [color={last}];\n}}\n",
        quote(&from.name),
        node(egress),
        node(ingress),
        quote(&to.name),
        colour(egress.decision.verdict),
    )
}

fn quote(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{text}\"")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    api_version: &'static str,
    kind: &'static str,
    from: &'a str,
    to: &'a str,
    protocol: String,
    port: u16,
    verdict: Verdict,
    egress: Side<'a>,
    ingress: Side<'a>,
}

/// One side, for scripts.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Side<'a> {
    subject: &'a str,
    verdict: Verdict,
    /// `rule`, `isolation`, `localhost`, `open` or `no-policy`.
    reason: &'static str,
    rule: Option<RuleOf>,
    isolated_by: Vec<PolicyOf<'a>>,
    candidates: Vec<CandidateOf>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PolicyOf<'a> {
    kind: &'static str,
    namespace: Option<&'a str>,
    name: &'a str,
    file: Option<&'a str>,
    line: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CandidateOf {
    #[serde(flatten)]
    rule: RuleOf,
    says: String,
    outcome: &'static str,
}

impl<'a> Document<'a> {
    fn of(explanation: &'a Explanation<'a>) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "PolicyExplanation",
            from: &explanation.from.name,
            to: &explanation.to.name,
            protocol: explanation.packet.protocol.name().to_ascii_uppercase(),
            port: explanation.packet.port,
            verdict: explanation.verdict,
            egress: Side::of(&explanation.egress),
            ingress: Side::of(&explanation.ingress),
        }
    }
}

impl<'a> Side<'a> {
    fn of(side: &'a SideReport<'a>) -> Self {
        let (reason, rule) = match side.decision.deciding {
            Deciding::Rule(place) => ("rule", Some(place.into())),
            Deciding::Isolation(_) => ("isolation", None),
            Deciding::Localhost => ("localhost", None),
            Deciding::Nothing if side.decision.verdict == Verdict::None => ("no-policy", None),
            Deciding::Nothing => ("open", None),
        };
        let candidate = |Candidate { rule, outcome }: &Candidate<'_>| CandidateOf {
            rule: (&rule.place).into(),
            says: RuleWords(rule).to_string(),
            outcome: outcome.name(),
        };
        Self {
            subject: &side.subject.name,
            verdict: side.decision.verdict,
            reason,
            rule,
            isolated_by: side.isolating.iter().copied().map(PolicyOf::of).collect(),
            candidates: side.candidates.iter().map(candidate).collect(),
        }
    }
}

impl<'a> PolicyOf<'a> {
    fn of(policy: &'a PolicyRef) -> Self {
        let file = (!policy.file.is_empty()).then_some(&*policy.file);
        Self {
            kind: policy.kind.name(),
            namespace: policy.namespace.as_deref(),
            name: &policy.name,
            line: file.map(|_| policy.at.line),
            file,
        }
    }
}
