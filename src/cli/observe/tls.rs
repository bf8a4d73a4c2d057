//! Flags about TLS to a server, named as those of `hubble`.

use std::{fs, path::PathBuf};

use crate::{
    api::hubble::{Server, Trust},
    cli::error::{Error, Kind},
};

/// Flags about TLS to a server.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "TLS and tokens to a server")]
pub(crate) struct TlsArgs {
    /// Speak TLS, as with tls:// before the address
    #[arg(long, requires = "server")]
    tls: bool,
    /// Believe servers that these authorities signed; without it, those of this machine
    #[arg(long, value_name = "FILE", value_delimiter = ',', requires = "server")]
    tls_ca_cert_files: Vec<PathBuf>,
    /// Show the server this certificate
    #[arg(long, value_name = "FILE", requires_all = ["server", "tls_client_key_file"])]
    tls_client_cert_file: Option<PathBuf>,
    /// The key of the certificate
    #[arg(long, value_name = "FILE", requires_all = ["server", "tls_client_cert_file"])]
    tls_client_key_file: Option<PathBuf>,
    /// Name that the server's certificate must be for [default: the host of its address]
    #[arg(long, value_name = "NAME", requires = "server")]
    tls_server_name: Option<String>,
    /// Show the server the token in this file, as relays ask for that show flows by namespace
    #[arg(long, value_name = "FILE", requires = "server")]
    token_file: Option<PathBuf>,
    /// Believe whoever answers
    #[arg(long, requires = "server", conflicts_with = "tls_ca_cert_files")]
    tls_allow_insecure: bool,
}

/// A file of certificates or keys is of no use.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {path}")]
struct Unreadable {
    path: String,
    #[source]
    source: std::io::Error,
}

impl TlsArgs {
    /// Takes the address of a server with what the flags say.
    ///
    /// # Errors
    /// When it is no address, or a file cannot be read or used.
    pub(super) fn server(&self, address: &str) -> Result<Server, Error> {
        let mut trust = Trust {
            name: self.tls_server_name.clone(),
            anyone: self.tls_allow_insecure,
            ..Trust::default()
        };
        for path in &self.tls_ca_cert_files {
            trust.authorities.extend(read(path)?);
        }
        if let (Some(chain), Some(key)) = (&self.tls_client_cert_file, &self.tls_client_key_file) {
            trust.own = Some((read(chain)?, read(key)?));
        }
        let wanted = self.is_wanted() || address.starts_with("tls://");
        let server = Server::parse(address, wanted.then_some(&trust))?;
        let Some(path) = &self.token_file else { return Ok(server) };
        let token = read(path)?;
        Ok(server.with_token(&String::from_utf8_lossy(&token))?)
    }

    /// Whoever says how TLS is to be spoken wants TLS.
    const fn is_wanted(&self) -> bool {
        self.tls
            || self.tls_allow_insecure
            || self.tls_server_name.is_some()
            || self.tls_client_cert_file.is_some()
            || !self.tls_ca_cert_files.is_empty()
    }
}

fn read(path: &PathBuf) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| {
        Error::new(Kind::Input, Unreadable { path: path.display().to_string(), source })
    })
}
