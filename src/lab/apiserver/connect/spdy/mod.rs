//! The server's side of SPDY/3.1, as far as kubectl port-forward speaks it.
//!
//! Each forwarded connection is two streams: one for data, one for an error. The frames follow
//! draft-mbelshe-httpbis-spdy-00, sections 2.2 and 2.6; there is no flow control, since clients do none.

mod frame;
mod headers;
mod session;

pub(super) use session::serve;
