//! Settings of the node agent.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use super::{
    Attach, ByteSize, CgroupRoot, Devices, Enforcement, InvalidConfig, IpFamilies, PolicyCompat,
    PortRange, Routing,
    settings::{Parser, settings},
};
use crate::flows::metrics::{InvalidMetric, MetricSpecs};

settings! {
    /// What flags and variables say about the node agent; [`AgentArgs::resolve`] makes the rest.
    pub struct AgentArgs {
        /// Name of this node in Kubernetes
        #[arg(value_name = "NAME")]
        node_name = "node-name" "SKEP_NODE_NAME",
        /// Name of the cluster, part of every identity
        #[arg(value_name = "NAME")]
        cluster_name = "cluster-name" "SKEP_CLUSTER_NAME",
        /// Kubeconfig file; in a pod the service account is used
        #[arg(value_name = "FILE")]
        kubeconfig = "kubeconfig" "SKEP_KUBECONFIG",
        /// Directory of sockets
        #[arg(value_name = "DIR")]
        run_dir = "run-dir" "SKEP_RUN_DIR",
        /// Directory of endpoint records and caches
        #[arg(value_name = "DIR")]
        state_dir = "state-dir" "SKEP_STATE_DIR",
        /// Directory of pinned maps and links, on a bpffs
        #[arg(value_name = "DIR")]
        bpf_dir = "bpf-dir" "SKEP_BPF_DIR",
        /// Directory where the runtime looks for CNI networks
        #[arg(value_name = "DIR")]
        cni_conf_dir = "cni-conf-dir" "SKEP_CNI_CONF_DIR",
        /// Directory where the runtime looks for CNI plugins
        #[arg(value_name = "DIR")]
        cni_bin_dir = "cni-bin-dir" "SKEP_CNI_BIN_DIR",
        /// How pods of different nodes meet: vxlan or native
        #[arg(value_name = "MODE")]
        routing = "routing" "SKEP_ROUTING",
        /// Address families of pods: ipv4, ipv6 or dual
        #[arg(value_name = "FAMILY")]
        ip_family = "ip-family" "SKEP_IP_FAMILY",
        /// How programs are attached: auto, tcx or clsact
        #[arg(value_name = "HOW")]
        attach = "attach" "SKEP_ATTACH",
        /// Devices to the underlay: auto, or names with commas
        #[arg(value_name = "NAMES")]
        devices = "devices" "SKEP_DEVICES",
        /// MTU of the underlay: auto, or bytes
        #[arg(value_name = "BYTES")]
        mtu = "mtu" "SKEP_MTU",
        /// UDP port of the overlay
        #[arg(value_name = "PORT")]
        vxlan_port = "vxlan-port" "SKEP_VXLAN_PORT",
        /// Ports for translated sources, FIRST-LAST
        #[arg(value_name = "RANGE")]
        snat_ports = "snat-ports" "SKEP_SNAT_PORTS",
        /// Translate sources of traffic to the outside: true or false
        #[arg(value_name = "BOOL")]
        masquerade = "masquerade" "SKEP_MASQUERADE",
        /// Four adjacent bits of the packet mark that skep may use
        #[arg(value_name = "MASK")]
        mark_mask = "mark-mask" "SKEP_MARK_MASK",
        /// Label keys left out of identities, besides the defaults
        #[arg(value_name = "PATTERNS")]
        drop_labels = "drop-labels" "SKEP_DROP_LABELS",
        /// When pods are isolated: default (by a policy that selects them), always or never
        #[arg(value_name = "MODE")]
        policy_enforcement = "policy-enforcement" "SKEP_POLICY_ENFORCEMENT",
        /// Whose reading of policies counts where Cilium's differs from the API's: kubernetes or cilium
        #[arg(value_name = "WHOSE")]
        policy_compat = "policy-compat" "SKEP_POLICY_COMPAT",
        /// Let pass, and tell, what policies refuse: true or false
        #[arg(value_name = "BOOL")]
        policy_audit = "policy-audit" "SKEP_POLICY_AUDIT",
        /// Enforce policies for nodes (those with a nodeSelector) on this node: true or false
        #[arg(value_name = "BOOL")]
        host_firewall = "host-firewall" "SKEP_HOST_FIREWALL",
        /// Take new policies for nodes back if the node cannot reach the API server with them for so many seconds; 0 = never
        #[arg(value_name = "SECONDS")]
        host_firewall_confirm = "host-firewall-confirm" "SKEP_HOST_FIREWALL_CONFIRM",
        /// Address that serves metrics, or off
        #[arg(value_name = "ADDRESS")]
        metrics_address = "metrics-address" "SKEP_METRICS_ADDRESS",
        /// Metrics of flows that are counted, with Hubble's names and options, such as "drop:sourceContext=pod tcp"
        #[arg(value_name = "METRICS")]
        flow_metrics = "flow-metrics" "SKEP_FLOW_METRICS",
        /// Address that serves metrics of flows, or off
        #[arg(value_name = "ADDRESS")]
        flow_metrics_address = "flow-metrics-address" "SKEP_FLOW_METRICS_ADDRESS",
        /// File that says which flows are written where, in the format of Cilium's dynamic exporters, or off; it is read
        /// again when it changes
        #[arg(value_name = "FILE")]
        flow_export_config = "flow-export-config" "SKEP_FLOW_EXPORT_CONFIG",
        /// Bytes of flows that are kept on disk, in the state directory, for readers that ask for more than memory has: off, or
        /// a size such as 512MiB
        #[arg(value_name = "SIZE")]
        flow_history = "flow-history" "SKEP_FLOW_HISTORY",
        /// Address that serves health, or off
        #[arg(value_name = "ADDRESS")]
        health_address = "health-address" "SKEP_HEALTH_ADDRESS",
        /// Address that serves the Hubble API, or off; other machines need TLS and a certificate of the operator
        #[arg(value_name = "ADDRESS")]
        hubble_listen = "hubble-listen" "SKEP_HUBBLE_LISTEN",
        /// Size of the connection table: auto, or entries
        #[arg(value_name = "COUNT")]
        conntrack_entries = "conntrack-entries" "SKEP_CONNTRACK_ENTRIES",
        /// Room for backends of services: auto, or entries
        #[arg(value_name = "COUNT")]
        backend_entries = "backend-entries" "SKEP_BACKEND_ENTRIES",
        /// Room for what policies tell apart, identities and ports: auto, or entries
        #[arg(value_name = "COUNT")]
        policy_entries = "policy-entries" "SKEP_POLICY_ENTRIES",
        /// Entries that the Maglev table of a service may have: more spread more backends evenly
        #[arg(value_name = "COUNT")]
        maglev_entries = "maglev-entries" "SKEP_MAGLEV_ENTRIES",
        /// Control group whose processes reach services: auto (all of this host), off or a directory
        #[arg(value_name = "DIR")]
        cgroup_root = "cgroup-root" "SKEP_CGROUP_ROOT",
    }
}

/// The node agent's settings, checked.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// Name of this node in Kubernetes.
    pub node_name: String,
    /// Name of the cluster.
    pub cluster_name: String,
    /// Kubeconfig; none = in-cluster service account.
    pub kubeconfig: Option<PathBuf>,
    /// Directory of sockets.
    pub run_dir: PathBuf,
    /// Directory of records and caches.
    pub state_dir: PathBuf,
    /// Directory of pins.
    pub bpf_dir: PathBuf,
    /// Directory of CNI networks.
    pub cni_conf_dir: PathBuf,
    /// Directory of CNI plugins.
    pub cni_bin_dir: PathBuf,
    /// How pods of different nodes meet.
    pub routing: Routing,
    /// Families of pods.
    pub ip_family: IpFamilies,
    /// How programs are attached.
    pub attach: Attach,
    /// Devices to the underlay.
    pub devices: Devices,
    /// MTU of the underlay; none = as the devices say.
    pub mtu: Option<u32>,
    /// UDP port of the overlay.
    pub vxlan_port: u16,
    /// Ports for translated sources.
    pub snat_ports: PortRange,
    /// Whether sources of traffic to the outside are translated.
    pub masquerade: bool,
    /// Position of the mark's four bits.
    pub mark_shift: u32,
    /// Label keys left out of identities, besides the defaults.
    pub drop_labels: Vec<String>,
    /// When pods are isolated.
    pub policy_enforcement: Enforcement,
    /// Whose reading of policies counts.
    pub policy_compat: PolicyCompat,
    /// Whether what policies refuse passes, and is told.
    pub policy_audit: bool,
    /// Whether policies for nodes are enforced.
    pub host_firewall: bool,
    /// How long these have to prove that the node stays in touch; zero is for ever.
    pub host_firewall_confirm: Duration,
    /// Address of metrics; none = off.
    pub metrics_address: Option<SocketAddr>,
    /// Metrics of flows that are counted.
    pub flow_metrics: MetricSpecs,
    /// Address of metrics of flows; none = off.
    pub flow_metrics_address: Option<SocketAddr>,
    /// Address of health; none = off.
    pub health_address: Option<SocketAddr>,
    /// Loopback address of the Hubble API; none = on its unix socket only.
    pub hubble_listen: Option<SocketAddr>,
    /// What is exported; none = nothing.
    pub flow_export_config: Option<PathBuf>,
    /// Bytes of flows that are kept on disk; none = nothing.
    pub flow_history: Option<ByteSize>,
    /// Size of the connection table; none = by memory.
    pub conntrack_entries: Option<u32>,
    /// Room for backends of services; none = by memory.
    pub backend_entries: Option<u32>,
    /// Room for what policies tell apart; none = by memory.
    pub policy_entries: Option<u32>,
    /// How many entries the Maglev table of a service may have.
    pub maglev_entries: u32,
    /// Whose connections to services are balanced when they are made.
    pub cgroup_root: CgroupRoot,
}

impl AgentArgs {
    /// Reads the settings file and checks everything.
    ///
    /// # Errors
    /// When the file cannot be read, or with every bad field at once.
    pub fn resolve(mut self) -> Result<AgentConfig, InvalidConfig> {
        let mut parse = Parser::default();
        let file = parse.file(self.config.as_deref())?;
        self.fill(&file);
        let address = "an address with port, or off";
        let config = AgentConfig {
            node_name: self.node_name.or_else(hostname).unwrap_or_default(),
            cluster_name: self.cluster_name.unwrap_or_else(|| "default".into()),
            kubeconfig: self.kubeconfig.map(PathBuf::from),
            run_dir: parse.path("run-dir", self.run_dir, "/run/skep"),
            state_dir: parse.path("state-dir", self.state_dir, "/var/lib/skep"),
            bpf_dir: parse.path("bpf-dir", self.bpf_dir, "/sys/fs/bpf/skep"),
            cni_conf_dir: parse.path("cni-conf-dir", self.cni_conf_dir, "/etc/cni/net.d"),
            cni_bin_dir: parse.path("cni-bin-dir", self.cni_bin_dir, "/opt/cni/bin"),
            routing: parse.value("routing", self.routing, Routing::default(), "vxlan or native"),
            ip_family: parse.value(
                "ip-family",
                self.ip_family,
                IpFamilies::default(),
                "ipv4, ipv6 or dual",
            ),
            attach: parse.value("attach", self.attach, Attach::default(), "auto, tcx or clsact"),
            devices: parse.value("devices", self.devices, Devices::Auto, "a list of devices"),
            mtu: optional(&mut parse, "mtu", self.mtu, "auto", None, "auto or bytes"),
            vxlan_port: parse.value("vxlan-port", self.vxlan_port, 8472, "a port"),
            snat_ports: parse.value(
                "snat-ports",
                self.snat_ports,
                PortRange { first: 61_000, last: 65_535 },
                "a range of ports such as 61000-65535",
            ),
            masquerade: parse.value("masquerade", self.masquerade, true, "true or false"),
            mark_shift: mark_shift(&mut parse, self.mark_mask),
            drop_labels: words(self.drop_labels),
            policy_enforcement: parse.value(
                "policy-enforcement",
                self.policy_enforcement,
                Enforcement::default(),
                "default, always or never",
            ),
            policy_compat: parse.value(
                "policy-compat",
                self.policy_compat,
                PolicyCompat::default(),
                "kubernetes or cilium",
            ),
            policy_audit: parse.value("policy-audit", self.policy_audit, false, "true or false"),
            host_firewall: parse.value("host-firewall", self.host_firewall, false, "true or false"),
            host_firewall_confirm: Duration::from_secs(parse.value(
                "host-firewall-confirm",
                self.host_firewall_confirm,
                60,
                "seconds",
            )),
            metrics_address: optional(
                &mut parse,
                "metrics-address",
                self.metrics_address,
                "off",
                Some(SocketAddr::from(([127, 0, 0, 1], 9962))),
                address,
            ),
            flow_metrics: flow_metrics(&mut parse, self.flow_metrics),
            flow_metrics_address: optional(
                &mut parse,
                "flow-metrics-address",
                self.flow_metrics_address,
                "off",
                Some(SocketAddr::from(([127, 0, 0, 1], 9965))),
                address,
            ),
            flow_export_config: optional(
                &mut parse,
                "flow-export-config",
                self.flow_export_config,
                "off",
                None,
                "a file, or off",
            ),
            flow_history: optional(
                &mut parse,
                "flow-history",
                self.flow_history,
                "off",
                None,
                "off or a size such as 512MiB",
            ),
            health_address: optional(
                &mut parse,
                "health-address",
                self.health_address,
                "off",
                Some(SocketAddr::from(([127, 0, 0, 1], 9879))),
                address,
            ),
            hubble_listen: optional(
                &mut parse,
                "hubble-listen",
                self.hubble_listen,
                "off",
                Some(SocketAddr::from(([127, 0, 0, 1], 4244))),
                address,
            ),
            conntrack_entries: optional(
                &mut parse,
                "conntrack-entries",
                self.conntrack_entries,
                "auto",
                None,
                "auto or a number of entries",
            ),
            backend_entries: optional(
                &mut parse,
                "backend-entries",
                self.backend_entries,
                "auto",
                None,
                "auto or a number of entries",
            ),
            policy_entries: optional(
                &mut parse,
                "policy-entries",
                self.policy_entries,
                "auto",
                None,
                "auto or a number of entries",
            ),
            maglev_entries: parse.value(
                "maglev-entries",
                self.maglev_entries,
                DEFAULT_MAGLEV_ENTRIES,
                "a number of entries",
            ),
            cgroup_root: parse.value(
                "cgroup-root",
                self.cgroup_root,
                CgroupRoot::default(),
                "auto, off or an absolute path",
            ),
        };
        check(&mut parse, &config);
        parse.finish(config)
    }
}

/// Room for 163 backends whose shares differ by 1 % at most.
const DEFAULT_MAGLEV_ENTRIES: u32 = 16_381;

/// Below it, each lane of the history would have but a few minutes of a quiet node.
const LEAST_HISTORY: ByteSize = ByteSize(8 << 20);

/// Checks what a single field's type cannot say.
fn check(parse: &mut Parser, config: &AgentConfig) {
    if config.node_name.is_empty() {
        parse.refuse("node-name", "", "is needed: the host has no name to fall back to");
    }
    if config.cluster_name.is_empty() || config.cluster_name.len() > 63 {
        parse.refuse("cluster-name", &config.cluster_name, "must have 1 to 63 characters");
    }
    if let Some(mtu) = config.mtu.filter(|mtu| !(1280..=65_535).contains(mtu)) {
        parse.refuse("mtu", &mtu.to_string(), "is outside of 1280-65535");
    }
    if config.vxlan_port == 0 {
        parse.refuse("vxlan-port", "0", "is not a port");
    }
    if let Some(entries) = config.conntrack_entries.filter(|entries| *entries < 1024) {
        parse.refuse("conntrack-entries", &entries.to_string(), "is below 1024");
    }
    for (name, room) in
        [("backend-entries", config.backend_entries), ("policy-entries", config.policy_entries)]
    {
        if let Some(entries) = room.filter(|count| !(1024..=1 << 24).contains(count)) {
            parse.refuse(name, &entries.to_string(), "is outside of 1024-16777216");
        }
    }
    if !(251..=131_071).contains(&config.maglev_entries) {
        parse.refuse(
            "maglev-entries",
            &config.maglev_entries.to_string(),
            "is outside of 251-131071",
        );
    }
    if let Some(ByteSize(bytes)) = config.flow_history.filter(|size| *size < LEAST_HISTORY) {
        parse.refuse("flow-history", &bytes.to_string(), "is below 8MiB");
    }
    if let Devices::Names(names) = &config.devices {
        for name in names.iter().filter(|name| name.len() > 15 || name.contains('/')) {
            parse.refuse("devices", name, "is not a device name");
        }
        if names.is_empty() {
            parse.refuse("devices", "", "names no device");
        }
    }
}

/// Parses a value that one word turns off or leaves to the agent.
pub(super) fn optional<T: std::str::FromStr>(
    parse: &mut Parser,
    key: &str,
    raw: Option<String>,
    none: &str,
    default: Option<T>,
    expected: &str,
) -> Option<T> {
    match raw {
        None => default,
        Some(text) if text == none => None,
        Some(text) => match text.parse() {
            Ok(value) => Some(value),
            Err(_) => {
                parse.refuse(key, &text, &format!("is not {expected}"));
                default
            }
        },
    }
}

/// What is wrong with a list is told as it is: it names what there is.
fn flow_metrics(parse: &mut Parser, raw: Option<String>) -> MetricSpecs {
    let Some(text) = raw else { return MetricSpecs::default() };
    text.parse().unwrap_or_else(|error: InvalidMetric| {
        parse.refuse("flow-metrics", &text, &format!("is no list of metrics: {error}"));
        MetricSpecs::default()
    })
}

/// kube-proxy owns 0x4000 and 0x8000, and the upper 16 bits carry identities and ports.
fn mark_shift(parse: &mut Parser, raw: Option<String>) -> u32 {
    const DEFAULT: u32 = skep_bpf::abi::mark::DEFAULT_SHIFT;
    let Some(text) = raw else { return DEFAULT };
    let digits = text.strip_prefix("0x").unwrap_or(&text);
    match u32::from_str_radix(digits, 16) {
        Ok(mask @ (0x000f | 0x00f0 | 0x0f00)) => mask.trailing_zeros(),
        _ => {
            parse.refuse("mark-mask", &text, "is not one of 0x000f, 0x00f0, 0x0f00");
            DEFAULT
        }
    }
}

fn words(raw: Option<String>) -> Vec<String> {
    let text = raw.unwrap_or_default();
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn hostname() -> Option<String> {
    nix::unistd::gethostname().ok()?.into_string().ok()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn every_bad_field_is_reported_at_once() {
        let args = AgentArgs {
            node_name: Some("n1".into()),
            routing: Some("carrier-pigeon".into()),
            mtu: Some("12".into()),
            run_dir: Some("relative".into()),
            snat_ports: Some("9-3".into()),
            metrics_address: Some("9962".into()),
            flow_metrics: Some("drops".into()),
            hubble_listen: Some("4244".into()),
            flow_history: Some("1MiB".into()),
            ..AgentArgs::default()
        };
        let Err(InvalidConfig::Fields(problems)) = args.resolve() else { panic!("accepted") };
        let keys: Vec<_> = problems.iter().map(|problem| problem.key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "run-dir",
                "routing",
                "snat-ports",
                "metrics-address",
                "flow-metrics",
                "hubble-listen",
                "mtu",
                "flow-history",
            ]
        );
    }

    #[test]
    fn flags_win_over_the_file_and_unknown_keys_are_refused() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"routing: native\nip-family: ipv6\nvxlan-port: 4789\n").unwrap();
        let args = AgentArgs {
            config: Some(file.path().into()),
            node_name: Some("n1".into()),
            ip_family: Some("ipv4".into()),
            ..AgentArgs::default()
        };
        let config = args.clone().resolve().unwrap();
        assert_eq!(config.routing, Routing::Native);
        assert_eq!(config.ip_family, IpFamilies::V4);
        assert_eq!(config.vxlan_port, 4789);
        file.write_all(b"colour: red\n").unwrap();
        let Err(InvalidConfig::Fields(problems)) = args.resolve() else { panic!("accepted") };
        assert_eq!(problems[0].key, "colour");
    }
}
