//! The state of one packet in flight.

use crate::{
    abi::{
        Addr, AdmissionQuota, AffinityKey, AffinityValue, BackendValue, Bucket, Config, Counter,
        CtKey, CtValue, DeviceValue, EndpointValue, Event, FragKey, FragValue, FrontendKey,
        FrontendValue, HostValue, IdentityValue, IpcacheKey, IpcacheValue, ListBlock, ListKey,
        MemberKey, NearValue, NetnsValue, NodeValue, PolicyAddrKey, PolicyCell, PolicyCellKey,
        PolicyIdentityKey, PolicyPortKey, RangeKey, SocketValue,
    },
    door::{Legs, Local, Question, Receipt, Verdict},
    forward::Entrance,
    nat::{Change, Ports, Translation},
    packet::{Mac, Parsed},
    report::Place,
};

/// Everything about a packet that would not fit the stack; one per hook and CPU.
///
/// Parsing overwrites the packet (version 0 says that none was parsed), and each work area is written
/// whole before it is used, so nothing of an earlier packet is ever seen.
#[repr(C)]
#[derive(Default)]
pub struct State {
    /// The packet.
    pub packet: Parsed,
    /// The packet inside an ICMP error.
    pub quoted: Parsed,
    /// The host's entry, if the packet may be for it or from it; else all zero.
    pub(crate) host: HostValue,
    /// The pod that sends the packet, if it is one of this node.
    pub(crate) from: Local,
    /// The pod that gets the packet, if it is one of this node.
    pub(crate) to: Local,
    /// Work area: the legs that are asked about.
    pub(crate) legs: Legs,
    /// What the door said.
    pub(crate) receipt: Receipt,
    /// Work area: what is asked of a policy.
    pub(crate) question: Question,
    /// What was answered last.
    pub(crate) verdict: Verdict,
    /// What was answered about the sender's leg.
    pub(crate) source_verdict: Verdict,
    /// Direction of the leg that a policy refused.
    pub(crate) refused: u32,
    /// The rule that an event names; zero for most.
    pub(crate) rule_id: u32,
    /// The translation to make; meaningful once a walk has set it.
    pub change: Change,
    /// The service that who opened the connection believes to speak with, or that an answer must show; zero
    /// for most.
    pub service: Translation,
    /// What the packet was sent to before its backend was found; of an answer, what its receiver must see.
    pub frontend: Translation,
    /// The backend that takes the packet.
    pub backend: Translation,
    /// Its number.
    pub backend_id: u32,
    /// Who opened the connection that a translation belongs to.
    pub opener: Translation,
    /// The end that the other side sees instead of the opener.
    pub stand_in: Translation,
    /// The address that such an end shall have, if the way to the other side has no other.
    pub own: Addr,
    /// The device by which a packet leaves that is passed on.
    pub out: u32,
    /// Not zero if the backend was chosen for this packet.
    pub fresh: u32,
    /// Not zero where it is decided whether a connection is one with a service.
    pub decides: u32,
    /// A [`crate::balance::deed`] if the packet is for the pod that sends it, else 0.
    pub hairpin: u32,
    /// Not zero if the host gets the packet as an answer of a service: [`State::change`] is due then.
    pub answers: u32,
    /// Who sent what the overlay's program has handed on; zero for all else.
    pub handed_on: u32,
    /// Not zero if [`State::turn`] is due after [`State::change`].
    pub turns: u32,
    /// [`crate::abi::ct_flags::HOST`] if the client of a service is this node itself.
    pub here: u32,
    /// Work area: the change after that.
    pub turn: Change,
    /// Work area: what a change came to, 0 or the code of a [`crate::abi::DropReason`].
    pub failed: u32,
    /// Work area: ports to try for a translation.
    pub ports: Ports,
    /// Work area: the port that was tried.
    pub port: u16,
    /// Work area: what trying it came to.
    pub claim: u32,
    /// Source MAC.
    pub src_mac: Mac,
    /// Destination MAC.
    pub dst_mac: Mac,
    /// EtherType.
    pub ether_type: u16,
    /// Identity of the source.
    pub src_identity: u32,
    /// Identity of the destination.
    pub dst_identity: u32,
    /// Local endpoint that the packet is about.
    pub endpoint_id: u32,
    /// Where a pod's packet goes, for counters and events; meaningful once a walk has set it.
    pub place: Place,
    /// The way into the pod that gets the packet; meaningful once a walk has set it.
    pub entrance: Entrance,
    /// Not zero if the source is to be translated; meaningful once a walk has set it.
    pub translates: u32,
    /// Node device by which a pod's packet leaves past the stack; meaningful once a walk has set it.
    pub node_device: u32,
    /// VNI, when the overlay is involved.
    pub vni: u32,
    /// Translated source.
    pub translated: Addr,
    /// Work area: key of the connection.
    pub key: CtKey,
    /// Work area: key of an alias.
    pub alias: CtKey,
    /// Work area: key of the connection behind somebody's alias.
    pub other: CtKey,
    /// Work area: connection about to be written.
    pub value: CtValue,
    /// Work area: prefix to look up.
    pub prefix: IpcacheKey,
    /// Work area: datagram to look up.
    pub datagram: FragKey,
    /// Work area: what the first fragment says.
    pub first_fragment: FragValue,
    /// Work area: event about to be sent.
    pub event: Event,
    /// Takes no room.
    layouts: [Layouts; 0],
}

/// Every struct of the ABI that programs meet only behind pointers. Naming them here by value puts
/// their layouts into the object's BTF, where a test compares them with user space's.
#[derive(Default)]
struct Layouts {
    _config: Config,
    _device: DeviceValue,
    _endpoint: EndpointValue,
    _near: NearValue,
    _ipcache: IpcacheValue,
    _node: NodeValue,
    _identity: IdentityValue,
    _policy: (PolicyIdentityKey, PolicyAddrKey, PolicyPortKey, PolicyCellKey),
    _cell: PolicyCell,
    _counter: Counter,
    _bucket: Bucket,
    _quota: AdmissionQuota,
    _frontend: (FrontendKey, FrontendValue),
    _range: RangeKey,
    _list: (ListKey, ListBlock),
    _member: MemberKey,
    _netns: NetnsValue,
    _backend: BackendValue,
    _affinity: (AffinityKey, AffinityValue),
    _socket: SocketValue,
}

impl State {
    /// Forgets the packet before.
    #[inline(always)]
    pub fn reset(&mut self) {
        self.packet.version = 0;
        self.host = HostValue::default();
        self.src_mac = Mac::default();
        self.dst_mac = Mac::default();
        self.ether_type = 0;
        self.src_identity = 0;
        self.dst_identity = 0;
        self.endpoint_id = 0;
        self.vni = 0;
        self.handed_on = 0;
        self.rule_id = 0;
        self.service = Translation::default();
        self.fresh = 0;
        self.decides = 0;
        self.hairpin = 0;
        self.answers = 0;
        self.here = 0;
        self.translated = Addr::ZERO;
    }
}
