//! `skep service get`.

use super::view::ServiceView;
use crate::{
    api::{QualifiedName, Service},
    cli::{
        error::{Error, Kind},
        exit::Answer,
        list,
        output::{FormatArgs, Output},
        runtime,
        source::{Answers, SourceArgs},
    },
};

/// Show a service in full
///
/// Shows what each node makes of one service: its frontends, the backends behind each and where they are,
/// and what of the service has no effect. Numbers are those of the node; `skep bpf lb list` has the same.
/// A frontend `*:PORT` is a node port at every node, for clients in the cluster. A frontend of kind
/// `local-redirect` leads to pods of the node, by the policy that is named. The exit code is 1 if
/// there is no such service.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  skep service get shop/web\n  skep service get shop/web --node worker-1 -o yaml"
)]
pub(crate) struct Args {
    /// The service, as NAMESPACE/NAME
    #[arg(value_name = "SERVICE")]
    service: QualifiedName,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    source: SourceArgs,
}

/// There is no such service.
#[derive(Debug, thiserror::Error)]
#[error("there is no service {0}")]
struct Absent(QualifiedName);

impl Args {
    pub(super) fn run(self, out: &Output) -> Result<Answer, Error> {
        let (name, format) = (self.service, self.format.format);
        let text = name.to_string();
        let command = ["service", "get", &text];
        let answers = runtime::query(async {
            let source = self.source.open().await?;
            source.ask(&command, async |client| client.list().await).await
        })?;
        let Answers { mut items, failures, asked } = answers;
        items.retain(|located| is_it(&located.item, &name));
        let absent = items.is_empty();
        if !absent || format.is_document() {
            out.show(&ServiceView::new(items), format)?;
        }
        let complete = list::complete(out, &failures, asked)?;
        if absent {
            let hint = "`skep service list` shows the services there are";
            return Err(Error::new(Kind::No, Absent(name)).hint(hint));
        }
        Ok(complete)
    }
}

fn is_it(service: &Service, name: &QualifiedName) -> bool {
    service.namespace == name.namespace && service.name == name.name
}
