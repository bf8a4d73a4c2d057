//! One line an event.

use crate::{
    cli::output::{Output, Tone, escape},
    flows::{RawEvent, RawKind, RawPeer},
};

/// Writes an event.
pub(super) fn line(event: &RawEvent, out: &Output) -> String {
    let tone = match event.kind {
        RawKind::Drop | RawKind::Denied => Tone::Bad,
        RawKind::Audited => Tone::Warn,
        RawKind::Allowed => Tone::Good,
        _ => Tone::Plain,
    };
    let mut line = format!(
        "{} {}",
        event.time.strftime("%H:%M:%S%.6f"),
        out.paint(&format!("{:<7}", event.kind.name()), tone)
    );
    let arrow = match event.reply {
        Some(true) => "<-",
        Some(false) => "->",
        None => "<>",
    };
    // A reply is written with its opener first, as flows are.
    let (first, second) = match event.reply {
        Some(true) => (&event.destination, &event.source),
        _ => (&event.source, &event.destination),
    };
    let facts = [
        event.reason.clone(),
        Some(event.observation.clone()),
        (event.direction != "unknown").then(|| event.direction.clone()),
        Some(format!("{} {arrow} {}", end(first), end(second))),
        Some(event.protocol.clone()),
        event.translated_source.map(|address| format!("translated to {address}")),
        event.related.then(|| "related".to_owned()),
        Some(format!("device {}", event.device)),
        event.endpoint.map(|endpoint| format!("endpoint {endpoint}")),
        event.rule.map(|rule| format!("rule {rule}")),
        event.vni.map(|vni| format!("vni {vni}")),
        Some(format!("{} bytes", event.length)),
        totals(event),
    ];
    for fact in facts.into_iter().flatten() {
        line.push(' ');
        line.push_str(&escape(&fact));
    }
    line
}

fn end(peer: &RawPeer) -> String {
    let identity = peer.identity;
    match (peer.address, peer.port) {
        (Some(address), Some(port)) if address.is_ipv6() => {
            format!("[{address}]:{port} (ID:{identity})")
        }
        (Some(address), Some(port)) => format!("{address}:{port} (ID:{identity})"),
        (Some(address), None) => format!("{address} (ID:{identity})"),
        (None, _) => format!("{} (ID:{identity})", peer.mac),
    }
}

fn totals(event: &RawEvent) -> Option<String> {
    let ((sent, sent_bytes), (received, received_bytes)) = (event.sent, event.received);
    (sent + received > 0).then(|| {
        format!("sent {sent}/{sent_bytes} bytes, received {received}/{received_bytes} bytes")
    })
}
