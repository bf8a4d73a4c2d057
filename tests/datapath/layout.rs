//! The layout of the ABI in the object equals the one user space was compiled with.

use std::{collections::HashMap, mem::offset_of};

use skep::kernel::OBJECT;
use skep_bpf::abi;

const KIND_STRUCT: u32 = 4;

/// Structs of the object's BTF: size, and offset of each member.
struct Btf(HashMap<String, (u32, HashMap<String, u32>)>);

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> usize {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes")) as usize
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|b| *b == 0).expect("strings end with zero");
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// Finds a section of a 64-bit little-endian ELF file.
fn section<'a>(elf: &'a [u8], wanted: &str) -> &'a [u8] {
    let table = u64_at(elf, 0x28);
    let (size, count, names) =
        (u32_at(elf, 0x3a) & 0xffff, u32_at(elf, 0x3c) & 0xffff, u32_at(elf, 0x3e) & 0xffff);
    let header = |index: u32| &elf[table + (index * size) as usize..];
    let strings = u64_at(header(names), 0x18);
    (0..count)
        .map(header)
        .find(|h| text(&elf[strings + u32_at(h, 0) as usize..]) == wanted)
        .map(|h| &elf[u64_at(h, 0x18)..u64_at(h, 0x18) + u64_at(h, 0x20)])
        .expect("the section exists")
}

impl Btf {
    fn read(bytes: &[u8]) -> Self {
        let header = u32_at(bytes, 4) as usize;
        let types = &bytes[header + u32_at(bytes, 8) as usize..];
        let types_len = u32_at(bytes, 12) as usize;
        let strings = &bytes[header + u32_at(bytes, 16) as usize..];
        let name = |at: usize| text(&strings[u32_at(types, at) as usize..]);
        let (mut at, mut structs) = (0, HashMap::new());
        while at < types_len {
            let info = u32_at(types, at + 4);
            let (kind, count) = (info >> 24 & 0x1f, (info & 0xffff) as usize);
            let members = at + 12;
            // Bytes behind the common part, by kind (Documentation/bpf/btf.rst).
            let extra = match kind {
                1 | 14 | 17 => 4,
                3 => 12,
                KIND_STRUCT | 5 | 15 | 19 => 12 * count,
                6 | 13 => 8 * count,
                _ => 0,
            };
            if kind == KIND_STRUCT {
                let fields = (0..count)
                    .map(|i| (name(members + 12 * i), u32_at(types, members + 12 * i + 8) / 8))
                    .collect();
                structs.insert(name(at), (u32_at(types, at + 8), fields));
            }
            at = members + extra;
        }
        Self(structs)
    }
}

macro_rules! same_layout {
    ($btf:expr, $($name:ident { $($field:ident),* $(,)? })*) => {
        $(
            let (size, fields) = $btf
                .0
                .get(stringify!($name))
                .unwrap_or_else(|| panic!("{} is not in the object", stringify!($name)));
            assert_eq!(*size as usize, size_of::<abi::$name>(), "size of {}", stringify!($name));
            $(
                assert_eq!(
                    fields.get(stringify!($field)).map(|offset| *offset as usize),
                    Some(offset_of!(abi::$name, $field)),
                    "{}.{}", stringify!($name), stringify!($field)
                );
            )*
        )*
    };
}

#[test]
fn structs_lie_in_memory_as_in_the_object() {
    let btf = Btf::read(section(OBJECT, ".BTF"));
    same_layout! { btf,
        Config { abi_version, mode, flags, node_id, mark_shift, vxlan_ifindex, vxlan_port,
            snat_port_min, snat_port_max, admission_rate, route_mtu, report_interval, gateway_v4,
            gateway_v6, hairpin_v4, hairpin_v6, timeouts, host_netns }
        Timeouts { tcp_syn, tcp, tcp_close, udp, other }
        DeviceValue { kind, flags, endpoint_id, identity, incarnation, mtu, addr_v4, addr_v6, mac,
            peer_mac }
        EndpointValue { ifindex, endpoint_id, identity, incarnation, flags, ingress_policy,
            egress_policy, mac, host_mac }
        HostValue { protected, ingress_policy, egress_policy, backends, yields }
        IpcacheKey { prefix_len, addr }
        IpcacheValue { identity, node_id, key_index, flags }
        NearValue { addr, incarnation, identity, ifindex, macs }
        NodeValue { addr_v4, addr_v6, flags }
        CtKey { addr_a, addr_b, port_a, port_b, proto, zone, type_class }
        CtValue { tag, approval, created, last_seen, last_report, packets, bytes, incarnation,
            endpoint, alias, nat_addr, nat_port, tcp_flags, kind, flags, service_port, service_addr,
            backend_id }
        FrontendKey { addr, port, proto, scope }
        FrontendValue { service_id, backends, flags, affinity, list, places }
        ListKey { list, block }
        ListBlock { backends }
        MemberKey { service_id, backend_id }
        NetnsValue { addr_v4, addr_v6 }
        RangeKey { prefix_len, service_id, addr }
        BackendValue { addr, port, proto }
        AffinityKey { client, service_id }
        AffinityValue { last_used, backend_id }
        SocketValue { frontend_addr, backend_addr, frontend_port, backend_port, service_id }
        FragKey { src, dst, id, proto }
        FragValue { sport, dport, proto, type_class, seen }
        Bucket { millitokens, refilled }
        AdmissionQuota { exhausted, entries }
        Event { time, tx_packets, tx_bytes, rx_packets, rx_bytes, src, dst, src_xlated,
            src_identity, dst_identity, endpoint_id, ifindex, length, rule_id, sport, dport, vni,
            kind, reason, direction, observation, proto, tcp_flags, flags, ip_version, dst_mac,
            src_mac, ether_type }
        Counter { packets, bytes }
    }
}
