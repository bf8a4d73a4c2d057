//! `skep policy matrix`.

use super::{error::PolicyError, port::packet, source::InputArgs};
use crate::{
    api::API_VERSION,
    cli::{
        error::Error,
        exit::Answer,
        output::{Cell, Detail, EncodeError, Format, Output, Render, Table, Tone},
    },
    policy::{
        cluster::Actor,
        judge::{Packet, Verdict},
        matrix::{self, Item, Matrix},
    },
};

/// Show who may talk to whom
///
/// Judges every ordered pair of pods and peers by the policies of both, and shows the verdict for each
/// port. Manifests may hold pods or workloads, namespaces, services, nodes, CIDR groups and policies;
/// a workload stands for its pods. A pair with itself is left out.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Peers: entity:host, entity:remote-node, entity:health, entity:init,
  entity:ingress, entity:unmanaged, entity:kube-apiserver, entity:world, entity:world-ipv4,
  entity:world-ipv6, ip:ADDRESS, ip:ADDRESS+LABEL[+LABEL], fqdn:NAME

Verdicts: allow, deny, redirect (to the proxy), auth (after authentication), audit (told, not denied),
  none (this side has no policy: it is no endpoint)

Examples:
  skep policy matrix -f examples/shop --ports 80/tcp,5432/tcp --peer entity:world-ipv4
  skep policy matrix -f manifests/ -o svg > matrix.svg
  skep policy matrix --ports 8/icmp -o json")]
pub(crate) struct Args {
    #[command(flatten)]
    input: InputArgs,
    /// A peer that is no pod; may be repeated
    #[arg(long, value_name = "SPEC")]
    peer: Vec<String>,
    /// Ports, with their protocols; of ICMP, the types
    #[arg(
        long,
        value_name = "PORTS",
        value_delimiter = ',',
        value_parser = packet,
        default_value = "80/tcp,443/tcp,53/udp"
    )]
    ports: Vec<Packet>,
    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "table")]
    output: MatrixFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum MatrixFormat {
    /// A row per pair, a column per port
    Table,
    /// One JSON document
    Json,
    /// Comma-separated values (RFC 4180)
    Csv,
    /// A Graphviz graph of what is allowed
    Dot,
    /// A picture
    Svg,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        let input = self.input.read_accepted(out)?;
        let settings = &input.settings;
        let mut actors = input.inventory.pods(settings);
        for spec in &self.peer {
            let peer = input.inventory.actor(spec, settings).map_err(PolicyError::from)?;
            if actors.iter().all(|actor| actor.name != peer.name) {
                actors.push(peer);
            }
        }
        let grounds = input.grounds();
        let judge = grounds.judge(self.input.mode());
        let matrix = Matrix::new(judge, &actors);
        self.show(out, &matrix, &actors)?;
        Ok(Answer::Yes)
    }

    fn show(&self, out: &Output, matrix: &Matrix<'_>, actors: &[Actor]) -> Result<(), Error> {
        match self.output {
            MatrixFormat::Table => out.show(&View { matrix, ports: &self.ports }, Format::Table),
            MatrixFormat::Json => json(out, matrix, &self.ports),
            MatrixFormat::Csv => out.text(&matrix::csv(matrix, &self.ports)),
            MatrixFormat::Dot => out.text(&matrix::dot(matrix, &self.ports)),
            MatrixFormat::Svg => out.text(&matrix::svg(matrix, actors, &self.ports)),
        }
    }
}

/// Writes items as they are made: there may be millions.
fn json(out: &Output, matrix: &Matrix<'_>, ports: &[Packet]) -> Result<(), Error> {
    out.text(&format!(
        "{{\"apiVersion\":\"{API_VERSION}\",\"kind\":\"PolicyMatrixList\",\"items\":["
    ))?;
    let mut result = Ok(());
    let mut comma = "\n";
    matrix.for_each(ports, |item| {
        if result.is_ok() {
            let text = serde_json::to_string(&item).map_err(|e| EncodeError::from(e).into());
            result = text.and_then(|text| out.text(&format!("{comma}{text}")));
            comma = ",\n";
        }
    });
    result?;
    out.text("\n]}\n")
}

struct View<'a> {
    matrix: &'a Matrix<'a>,
    ports: &'a [Packet],
}

impl Render for View<'_> {
    type Document<'a>
        = Vec<Item<'a>>
    where
        Self: 'a;

    fn document(&self) -> Vec<Item<'_>> {
        let mut items = Vec::new();
        self.matrix.for_each(self.ports, |item| items.push(item));
        items
    }

    fn table(&self, _: Detail) -> Table {
        let mut table = Table::new(["FROM", "TO", "VERDICTS", "DECIDED BY"]);
        for pair in self.document().chunks(self.ports.len()) {
            let mut groups: Vec<(Verdict, Vec<String>)> = Vec::new();
            for item in pair {
                let port = format!("{}/{}", item.port, item.protocol.to_ascii_lowercase());
                match groups.iter_mut().find(|(verdict, _)| *verdict == item.verdict) {
                    Some((_, ports)) => ports.push(port),
                    None => groups.push((item.verdict, vec![port])),
                }
            }
            for (verdict, ports) in groups {
                let rule = pair.iter().find(|item| item.verdict == verdict).and_then(deciding);
                table.row([
                    pair[0].from.into(),
                    pair[0].to.into(),
                    Cell::toned(format!("{} {}", verdict.name(), ports.join(" ")), tone(verdict)),
                    Cell::optional(rule),
                ]);
            }
        }
        table
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn empty(&self) -> String {
        "There are fewer than two pods and peers.".to_owned()
    }
}

/// Returns the rule of the stricter side, or of the side that has one.
fn deciding(item: &Item<'_>) -> Option<String> {
    let (first, second) = if item.egress == item.verdict {
        (&item.egress_rule, &item.ingress_rule)
    } else {
        (&item.ingress_rule, &item.egress_rule)
    };
    let rule = first.as_ref().or(second.as_ref().filter(|_| !item.verdict.is_denied()))?;
    let namespace = rule.namespace.as_ref().map(|name| format!("{name}/")).unwrap_or_default();
    Some(format!("{} {namespace}{} {}", rule.kind, rule.name, rule.rule))
}

const fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Allow => Tone::Good,
        Verdict::Deny => Tone::Bad,
        Verdict::None => Tone::Plain,
        Verdict::Redirect | Verdict::Auth | Verdict::Audit => Tone::Warn,
    }
}
