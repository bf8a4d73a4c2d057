//! `skep lab stand-in`, which containers of the lab run.

use std::net::IpAddr;

use crate::{
    cli::{
        error::Error,
        exit::Answer,
        runtime::{self, Threads},
    },
    lab::{self, Listen, Whoami},
};

/// Serve in place of a container's image
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Example:\n  skep lab stand-in --pod web --listen tcp:80 --listen udp:53"
)]
pub(crate) struct Args {
    /// Pod to speak for
    #[arg(long, value_name = "NAME")]
    pod: String,
    /// Its namespace
    #[arg(long, value_name = "NAME", default_value = "")]
    namespace: String,
    /// Container to speak for
    #[arg(long, value_name = "NAME", default_value = "")]
    container: String,
    /// Node it runs on
    #[arg(long, value_name = "NAME", default_value = "")]
    node: String,
    /// Port to serve, such as tcp:80; may be given again
    #[arg(long, value_name = "PORT")]
    listen: Vec<Listen>,
    /// Address to serve; none = all of both families
    #[arg(long, value_name = "ADDRESS")]
    address: Vec<IpAddr>,
}

impl Args {
    pub(crate) fn run(self) -> Result<Answer, Error> {
        let whoami = Whoami {
            pod: self.pod,
            namespace: self.namespace,
            container: self.container,
            node: self.node,
        };
        runtime::serve(Threads::One, |shutdown| async move {
            lab::stand_in(whoami, &self.listen, &self.address, shutdown).await?;
            Ok(Answer::Yes)
        })
    }
}
