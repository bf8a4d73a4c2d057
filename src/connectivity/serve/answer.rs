//! What those are told who ask who is there.

use std::{io, net::SocketAddr};

use serde::Serialize;

/// What questions start with; echo clients send bytes that are not ASCII.
const METHODS: [&[u8]; 2] = [b"GET ", b"HEAD "];

/// Tells whether the bytes begin a question, instead of being for echo.
pub(super) fn is_question(received: &[u8]) -> bool {
    METHODS.iter().any(|method| received.starts_with(method))
}

/// What is told, over TCP and UDP alike.
#[derive(Debug, Serialize)]
pub(super) struct Answer<'a> {
    pub(super) name: &'a str,
    /// The address that was asked.
    pub(super) server: SocketAddr,
    /// Who asked, as the server sees it.
    pub(super) client: SocketAddr,
}

impl Answer<'_> {
    /// Returns the answer as JSON.
    pub(super) fn json(&self) -> io::Result<String> {
        Ok(serde_json::to_string(self)?)
    }
}
