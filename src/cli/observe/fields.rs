//! Which field of a filter a flag sets.

use super::{
    expand::InvalidTerm,
    terms::Field,
    values::{
        direction, event_type, header, identity, ip_version, reason, tcp_flags, verdict, workload,
        wrong,
    },
};
use crate::hubble::flow::{FlowFilter, NetworkInterface, flow_filter::Experimental};

/// Tells whether there is such a field for each end.
pub(super) const fn is_sided(field: Field) -> bool {
    matches!(
        field,
        Field::Pod
            | Field::Namespace
            | Field::Workload
            | Field::Label
            | Field::Service
            | Field::Ip
            | Field::Fqdn
            | Field::Identity
            | Field::Cluster
            | Field::Port
    )
}

/// Sets a field of one end: the sender's (`from`) or the receiver's.
pub(super) fn set_end(
    filter: &mut FlowFilter,
    field: Field,
    from: bool,
    values: &[String],
) -> Result<(), InvalidTerm> {
    let list = match (field, from) {
        (Field::Pod | Field::Namespace, true) => &mut filter.source_pod,
        (Field::Pod | Field::Namespace, false) => &mut filter.destination_pod,
        (Field::Label, true) => &mut filter.source_label,
        (Field::Label, false) => &mut filter.destination_label,
        (Field::Service, true) => &mut filter.source_service,
        (Field::Service, false) => &mut filter.destination_service,
        (Field::Ip, true) => &mut filter.source_ip,
        (Field::Ip, false) => &mut filter.destination_ip,
        (Field::Fqdn, true) => &mut filter.source_fqdn,
        (Field::Fqdn, false) => &mut filter.destination_fqdn,
        (Field::Cluster, true) => &mut filter.source_cluster_name,
        (Field::Cluster, false) => &mut filter.destination_cluster_name,
        (Field::Port, true) => &mut filter.source_port,
        (Field::Port, false) => &mut filter.destination_port,
        (Field::Identity, true) => {
            return extend(&mut filter.source_identity, values, identity);
        }
        (Field::Identity, false) => {
            return extend(&mut filter.destination_identity, values, identity);
        }
        (_, true) => return extend(&mut filter.source_workload, values, workload),
        (_, false) => return extend(&mut filter.destination_workload, values, workload),
    };
    let is_namespace = field == Field::Namespace;
    let value = |value: &String| if is_namespace { format!("{value}/") } else { value.clone() };
    list.extend(values.iter().map(value));
    Ok(())
}

/// Sets a field that is about the packet as a whole.
pub(super) fn set(
    filter: &mut FlowFilter,
    field: Field,
    values: &[String],
) -> Result<(), InvalidTerm> {
    let list = match field {
        Field::TranslatedIp => &mut filter.source_ip_xlated,
        Field::Protocol => &mut filter.protocol,
        Field::NodeName => &mut filter.node_name,
        Field::NodeLabel => &mut filter.node_labels,
        Field::Uuid => &mut filter.uuid,
        Field::TraceId => &mut filter.trace_id,
        Field::HttpMethod => &mut filter.http_method,
        Field::HttpPath => &mut filter.http_path,
        Field::HttpUrl => &mut filter.http_url,
        Field::HttpStatus => &mut filter.http_status_code,
        Field::Cel => {
            &mut filter.experimental.get_or_insert_with(Experimental::default).cel_expression
        }
        _ => return parsed(filter, field, values),
    };
    list.extend_from_slice(values);
    Ok(())
}

/// Sets a field that is not text.
fn parsed(filter: &mut FlowFilter, field: Field, values: &[String]) -> Result<(), InvalidTerm> {
    match field {
        Field::Verdict => extend(&mut filter.verdict, values, number(verdict)),
        Field::DropReason => extend(&mut filter.drop_reason_desc, values, number(reason)),
        Field::Direction => extend(&mut filter.traffic_direction, values, number(direction)),
        Field::IpVersion => extend(&mut filter.ip_version, values, number(ip_version)),
        Field::Type => extend(&mut filter.event_type, values, event_type),
        Field::TcpFlags => extend(&mut filter.tcp_flags, values, tcp_flags),
        Field::HttpHeader => extend(&mut filter.http_header, values, header),
        Field::Encrypted => extend(&mut filter.encrypted, values, boolean),
        Field::Reply => extend(&mut filter.reply, values, boolean),
        Field::Interface => extend(&mut filter.interface, values, |name| {
            Ok(NetworkInterface { name: name.to_owned(), ..NetworkInterface::default() })
        }),
        Field::IpTraceId => extend(&mut filter.ip_trace_id, values, |text| {
            text.parse().map_err(|_| wrong(text, "a number"))
        }),
        // Every node of a cluster.
        _ => extend(&mut filter.node_name, values, |cluster| Ok(format!("{cluster}/"))),
    }
}

fn boolean(text: &str) -> Result<bool, InvalidTerm> {
    text.parse().map_err(|_| wrong(text, "true or false"))
}

/// Enums are numbers on the wire.
fn number<T: Into<i32>>(
    parse: impl Fn(&str) -> Result<T, InvalidTerm>,
) -> impl Fn(&str) -> Result<i32, InvalidTerm> {
    move |text| parse(text).map(Into::into)
}

fn extend<T>(
    list: &mut Vec<T>,
    values: &[String],
    parse: impl Fn(&str) -> Result<T, InvalidTerm>,
) -> Result<(), InvalidTerm> {
    for value in values {
        list.push(parse(value)?);
    }
    Ok(())
}
