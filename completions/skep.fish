# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_skep_global_optspecs
    string join \n color= q/quiet v/verbose h/help V/version
end

function __fish_skep_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_skep_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_skep_using_subcommand
    set -l cmd (__fish_skep_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c skep -n "__fish_skep_needs_command" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_needs_command" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_needs_command" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_needs_command" -s V -l version -d 'Print version'
complete -c skep -n "__fish_skep_needs_command" -f -a "status" -d 'Show how the agents are'
complete -c skep -n "__fish_skep_needs_command" -f -a "observe" -d 'Show flows'
complete -c skep -n "__fish_skep_needs_command" -f -a "graph" -d 'Draw who speaks with whom'
complete -c skep -n "__fish_skep_needs_command" -f -a "monitor" -d 'Show raw events of one node'
complete -c skep -n "__fish_skep_needs_command" -f -a "top" -d 'Watch who speaks with whom'
complete -c skep -n "__fish_skep_needs_command" -f -a "endpoint" -d 'Endpoints: the pods\' interfaces'
complete -c skep -n "__fish_skep_needs_command" -f -a "identity" -d 'Identities: the label sets that policy speaks about'
complete -c skep -n "__fish_skep_needs_command" -f -a "policy" -d 'What network policies mean'
complete -c skep -n "__fish_skep_needs_command" -f -a "service" -d 'Services, as the nodes balance them'
complete -c skep -n "__fish_skep_needs_command" -f -a "node" -d 'Nodes of the cluster'
complete -c skep -n "__fish_skep_needs_command" -f -a "bpf" -d 'The datapath\'s maps, as they are in the kernel'
complete -c skep -n "__fish_skep_needs_command" -f -a "connectivity" -d 'Who reaches whom'
complete -c skep -n "__fish_skep_needs_command" -f -a "lab" -d 'A cluster in network namespaces on this machine'
complete -c skep -n "__fish_skep_needs_command" -f -a "bench" -d 'Measure skep against bare veth and a bridge with iptables'
complete -c skep -n "__fish_skep_needs_command" -f -a "agent" -d 'Run the node agent'
complete -c skep -n "__fish_skep_needs_command" -f -a "operator" -d 'Run the operator'
complete -c skep -n "__fish_skep_needs_command" -f -a "relay" -d 'Serve the flows of all nodes'
complete -c skep -n "__fish_skep_needs_command" -f -a "version" -d 'Show the version'
complete -c skep -n "__fish_skep_needs_command" -f -a "completions" -d 'Print a completion script for a shell'
complete -c skep -n "__fish_skep_needs_command" -f -a "man" -d 'Write the man pages'
complete -c skep -n "__fish_skep_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand status" -l wait-duration -d 'Give up waiting after this time' -r
complete -c skep -n "__fish_skep_using_subcommand status" -s o -l output -d 'Output format' -r -f -a "table\t'Columns for people'
wide\t'More columns'
json\t'One JSON document'
yaml\t'One YAML document'
name\t'Names only, one a line'"
complete -c skep -n "__fish_skep_using_subcommand status" -l run-dir -d 'Directory of the agent\'s sockets' -r -F
complete -c skep -n "__fish_skep_using_subcommand status" -l node -d 'Ask the agent of this node only; may be repeated' -r
complete -c skep -n "__fish_skep_using_subcommand status" -l kubeconfig -d 'Kubeconfig file of the cluster to ask' -r -F
complete -c skep -n "__fish_skep_using_subcommand status" -l context -d 'Context in the kubeconfig' -r
complete -c skep -n "__fish_skep_using_subcommand status" -l skep-namespace -d 'Namespace of the agents\' pods' -r
complete -c skep -n "__fish_skep_using_subcommand status" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand status" -l wait -d 'Wait until every agent is well'
complete -c skep -n "__fish_skep_using_subcommand status" -l local -d 'Ask the agent of this node, never a cluster'
complete -c skep -n "__fish_skep_using_subcommand status" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand status" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand observe" -l retry-for -d 'With --follow, how long to ask again when a stream breaks off' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l last -d 'Show the newest stored flows [default: 20]' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l first -d 'Show the oldest stored flows' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l since -d 'Show flows since a time, or for a time such as 5m' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l until -d 'Show flows until a time' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l pod -d 'Pod at either end, [NAMESPACE/]PREFIX' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l from-pod -d 'Pod that sends, [NAMESPACE/]PREFIX' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l to-pod -d 'Pod that receives, [NAMESPACE/]PREFIX' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -s n -l namespace -d 'Namespace at either end' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l from-namespace -d 'Namespace that sends' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l to-namespace -d 'Namespace that receives' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l workload -d 'Workload at either end, [KIND/]NAME' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l from-workload -d 'Workload that sends, [KIND/]NAME' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l to-workload -d 'Workload that receives, [KIND/]NAME' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -s l -l label -d 'Labels at either end' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l from-label -d 'Labels of the sender' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l to-label -d 'Labels of the receiver' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l service -d 'Service at either end, [NAMESPACE/]PREFIX' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l from-service -d 'Service that sends, [NAMESPACE/]PREFIX' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l to-service -d 'Service that receives, [NAMESPACE/]PREFIX' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l ip -d 'Address at either end' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l from-ip -d 'Address of the sender' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l to-ip -d 'Address of the receiver' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l snat-ip -d 'Address of the sender after translation' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l fqdn -d 'DNS name at either end, with * as wildcard' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l from-fqdn -d 'DNS name of the sender, with * as wildcard' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l to-fqdn -d 'DNS name of the receiver, with * as wildcard' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l identity -d 'Identity at either end, number or reserved name' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l from-identity -d 'Identity of the sender' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l to-identity -d 'Identity of the receiver' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l from-cluster -d 'Cluster of the sender' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l to-cluster -d 'Cluster of the receiver' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l port -d 'Port at either end' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l from-port -d 'Port of the sender' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l to-port -d 'Port of the receiver' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l protocol -d 'tcp, udp, sctp, icmp, icmpv4, icmpv6, dns, http ...' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l tcp-flags -d 'TCP flags that are set, with commas' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l ip-version -d 'v4, v6, or none for what is not IP' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l traffic-direction -d 'ingress or egress' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l reply -d 'Replies (true), or what is none (false)' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l interface -d 'Device where it was seen' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l verdict -d 'FORWARDED, DROPPED and so on' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l drop-reason-desc -d 'Drop reason, by name' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -s t -l type -d 'drop, trace, policy-verdict, trace:to-endpoint ...' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l node-name -d 'Node that saw it, [CLUSTER/]NAME with * as wildcard' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l node-label -d 'Labels of the node that saw it' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l cluster -d 'Cluster of the node that saw it, with * as wildcard' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l uuid -d 'The one flow with this id' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l trace-id -d 'Trace that the request belongs to' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l ip-trace-id -d 'Trace number in the IP options' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l cel-expression -d 'CEL expression over _flow, such as has(_flow.l4.TCP)' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l http-method -d 'Method of HTTP, such as GET' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l http-path -d 'Path of HTTP' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l http-url -d 'URL of HTTP' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l http-status -d 'Status of HTTP such as 404, or a prefix such as 5+' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l http-header -d 'Header of HTTP' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l allowlist -d 'Also show what this FlowFilter matches; may be repeated' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l denylist -d 'Hide what this FlowFilter matches; may be repeated' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l group-by -d 'Count flows instead of showing them' -r -f -a "edge\t'Who speaks with whom, and at which port'
workload\t'Who speaks'
reason\t'Why packets are dropped, and which policy decided'"
complete -c skep -n "__fish_skep_using_subcommand observe" -l top -d 'Show so many of the largest counts' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -s o -l output -d 'Output format [default: compact; table for counts]' -r -f -a "compact\t'One line a flow'
dict\t'One block a flow'
table\t'Columns'
json\t'One JSON object a line, as Hubble writes it'
jsonpb\t'The same'"
complete -c skep -n "__fish_skep_using_subcommand observe" -l time-format -d 'How times are shown: RFC3339Nano, StampMilli, \'%H:%M:%S\' ...' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l ip-translation -d 'Show names instead of addresses' -r -f -a "true\t''
false\t''"
complete -c skep -n "__fish_skep_using_subcommand observe" -l print-policy-names -d 'Show the policies that decided' -r -f -a "true\t''
false\t''"
complete -c skep -n "__fish_skep_using_subcommand observe" -l field-mask -d 'With -o json, show these fields of a flow only, such as source.pod_name,verdict' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l request -d 'Ask this, as JSON; how agents are asked from outside' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l input-file -d 'Show saved flows, one JSON object a line; - is stdin' -r -F
complete -c skep -n "__fish_skep_using_subcommand observe" -l server -d 'Ask a Hubble server, such as a relay: HOST:PORT, tls://HOST:PORT or unix:PATH' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l tls-ca-cert-files -d 'Believe servers that these authorities signed; without it, those of this machine' -r -F
complete -c skep -n "__fish_skep_using_subcommand observe" -l tls-client-cert-file -d 'Show the server this certificate' -r -F
complete -c skep -n "__fish_skep_using_subcommand observe" -l tls-client-key-file -d 'The key of the certificate' -r -F
complete -c skep -n "__fish_skep_using_subcommand observe" -l tls-server-name -d 'Name that the server\'s certificate must be for [default: the host of its address]' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l token-file -d 'Show the server the token in this file, as relays ask for that show flows by namespace' -r -F
complete -c skep -n "__fish_skep_using_subcommand observe" -l run-dir -d 'Directory of the agent\'s sockets' -r -F
complete -c skep -n "__fish_skep_using_subcommand observe" -l node -d 'Ask the agent of this node only; may be repeated' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l kubeconfig -d 'Kubeconfig file of the cluster to ask' -r -F
complete -c skep -n "__fish_skep_using_subcommand observe" -l context -d 'Context in the kubeconfig' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l skep-namespace -d 'Namespace of the agents\' pods' -r
complete -c skep -n "__fish_skep_using_subcommand observe" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand observe" -s f -l follow -d 'Go on with new flows'
complete -c skep -n "__fish_skep_using_subcommand observe" -l all -d 'Show all stored flows'
complete -c skep -n "__fish_skep_using_subcommand observe" -l not -d 'Hide what the next filter would show'
complete -c skep -n "__fish_skep_using_subcommand observe" -s A -l all-namespaces -d 'A pod of any namespace at either end'
complete -c skep -n "__fish_skep_using_subcommand observe" -l from-all-namespaces -d 'A pod of any namespace sends'
complete -c skep -n "__fish_skep_using_subcommand observe" -l to-all-namespaces -d 'A pod of any namespace receives'
complete -c skep -n "__fish_skep_using_subcommand observe" -s 4 -l ipv4 -d 'IPv4 only'
complete -c skep -n "__fish_skep_using_subcommand observe" -s 6 -l ipv6 -d 'IPv6 only'
complete -c skep -n "__fish_skep_using_subcommand observe" -l encrypted -d 'Encrypted between nodes'
complete -c skep -n "__fish_skep_using_subcommand observe" -l unencrypted -d 'Not encrypted between nodes'
complete -c skep -n "__fish_skep_using_subcommand observe" -l print-raw-filters -d 'Print the filters as JSON, and ask nobody'
complete -c skep -n "__fish_skep_using_subcommand observe" -l utc -d 'Show times in UTC'
complete -c skep -n "__fish_skep_using_subcommand observe" -l numeric -d 'Show addresses instead of names'
complete -c skep -n "__fish_skep_using_subcommand observe" -l print-node-name -d 'Show the node that saw the packet'
complete -c skep -n "__fish_skep_using_subcommand observe" -s s -l silent-errors -d 'Do not warn of losses and missing nodes'
complete -c skep -n "__fish_skep_using_subcommand observe" -l tls -d 'Speak TLS, as with tls:// before the address'
complete -c skep -n "__fish_skep_using_subcommand observe" -l tls-allow-insecure -d 'Believe whoever answers'
complete -c skep -n "__fish_skep_using_subcommand observe" -l local -d 'Ask the agent of this node, never a cluster'
complete -c skep -n "__fish_skep_using_subcommand observe" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand observe" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand observe" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand graph" -s o -l output -d 'Output format' -r -f -a "svg\t'A picture'
dot\t'For Graphviz'
mermaid\t'For Markdown'
json\t'For scripts'"
complete -c skep -n "__fish_skep_using_subcommand graph" -l last -d 'Show the newest stored flows [default: 20]' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l first -d 'Show the oldest stored flows' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l since -d 'Show flows since a time, or for a time such as 5m' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l until -d 'Show flows until a time' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l pod -d 'Pod at either end, [NAMESPACE/]PREFIX' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l from-pod -d 'Pod that sends, [NAMESPACE/]PREFIX' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l to-pod -d 'Pod that receives, [NAMESPACE/]PREFIX' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -s n -l namespace -d 'Namespace at either end' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l from-namespace -d 'Namespace that sends' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l to-namespace -d 'Namespace that receives' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l workload -d 'Workload at either end, [KIND/]NAME' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l from-workload -d 'Workload that sends, [KIND/]NAME' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l to-workload -d 'Workload that receives, [KIND/]NAME' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -s l -l label -d 'Labels at either end' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l from-label -d 'Labels of the sender' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l to-label -d 'Labels of the receiver' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l service -d 'Service at either end, [NAMESPACE/]PREFIX' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l from-service -d 'Service that sends, [NAMESPACE/]PREFIX' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l to-service -d 'Service that receives, [NAMESPACE/]PREFIX' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l ip -d 'Address at either end' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l from-ip -d 'Address of the sender' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l to-ip -d 'Address of the receiver' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l snat-ip -d 'Address of the sender after translation' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l fqdn -d 'DNS name at either end, with * as wildcard' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l from-fqdn -d 'DNS name of the sender, with * as wildcard' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l to-fqdn -d 'DNS name of the receiver, with * as wildcard' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l identity -d 'Identity at either end, number or reserved name' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l from-identity -d 'Identity of the sender' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l to-identity -d 'Identity of the receiver' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l from-cluster -d 'Cluster of the sender' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l to-cluster -d 'Cluster of the receiver' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l port -d 'Port at either end' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l from-port -d 'Port of the sender' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l to-port -d 'Port of the receiver' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l protocol -d 'tcp, udp, sctp, icmp, icmpv4, icmpv6, dns, http ...' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l tcp-flags -d 'TCP flags that are set, with commas' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l ip-version -d 'v4, v6, or none for what is not IP' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l traffic-direction -d 'ingress or egress' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l reply -d 'Replies (true), or what is none (false)' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l interface -d 'Device where it was seen' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l verdict -d 'FORWARDED, DROPPED and so on' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l drop-reason-desc -d 'Drop reason, by name' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -s t -l type -d 'drop, trace, policy-verdict, trace:to-endpoint ...' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l node-name -d 'Node that saw it, [CLUSTER/]NAME with * as wildcard' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l node-label -d 'Labels of the node that saw it' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l cluster -d 'Cluster of the node that saw it, with * as wildcard' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l uuid -d 'The one flow with this id' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l trace-id -d 'Trace that the request belongs to' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l ip-trace-id -d 'Trace number in the IP options' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l cel-expression -d 'CEL expression over _flow, such as has(_flow.l4.TCP)' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l http-method -d 'Method of HTTP, such as GET' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l http-path -d 'Path of HTTP' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l http-url -d 'URL of HTTP' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l http-status -d 'Status of HTTP such as 404, or a prefix such as 5+' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l http-header -d 'Header of HTTP' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l allowlist -d 'Also show what this FlowFilter matches; may be repeated' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l denylist -d 'Hide what this FlowFilter matches; may be repeated' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l input-file -d 'Show saved flows, one JSON object a line; - is stdin' -r -F
complete -c skep -n "__fish_skep_using_subcommand graph" -l server -d 'Ask a Hubble server, such as a relay: HOST:PORT, tls://HOST:PORT or unix:PATH' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l tls-ca-cert-files -d 'Believe servers that these authorities signed; without it, those of this machine' -r -F
complete -c skep -n "__fish_skep_using_subcommand graph" -l tls-client-cert-file -d 'Show the server this certificate' -r -F
complete -c skep -n "__fish_skep_using_subcommand graph" -l tls-client-key-file -d 'The key of the certificate' -r -F
complete -c skep -n "__fish_skep_using_subcommand graph" -l tls-server-name -d 'Name that the server\'s certificate must be for [default: the host of its address]' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l token-file -d 'Show the server the token in this file, as relays ask for that show flows by namespace' -r -F
complete -c skep -n "__fish_skep_using_subcommand graph" -l run-dir -d 'Directory of the agent\'s sockets' -r -F
complete -c skep -n "__fish_skep_using_subcommand graph" -l node -d 'Ask the agent of this node only; may be repeated' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l kubeconfig -d 'Kubeconfig file of the cluster to ask' -r -F
complete -c skep -n "__fish_skep_using_subcommand graph" -l context -d 'Context in the kubeconfig' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l skep-namespace -d 'Namespace of the agents\' pods' -r
complete -c skep -n "__fish_skep_using_subcommand graph" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand graph" -l all -d 'Show all stored flows'
complete -c skep -n "__fish_skep_using_subcommand graph" -l not -d 'Hide what the next filter would show'
complete -c skep -n "__fish_skep_using_subcommand graph" -s A -l all-namespaces -d 'A pod of any namespace at either end'
complete -c skep -n "__fish_skep_using_subcommand graph" -l from-all-namespaces -d 'A pod of any namespace sends'
complete -c skep -n "__fish_skep_using_subcommand graph" -l to-all-namespaces -d 'A pod of any namespace receives'
complete -c skep -n "__fish_skep_using_subcommand graph" -s 4 -l ipv4 -d 'IPv4 only'
complete -c skep -n "__fish_skep_using_subcommand graph" -s 6 -l ipv6 -d 'IPv6 only'
complete -c skep -n "__fish_skep_using_subcommand graph" -l encrypted -d 'Encrypted between nodes'
complete -c skep -n "__fish_skep_using_subcommand graph" -l unencrypted -d 'Not encrypted between nodes'
complete -c skep -n "__fish_skep_using_subcommand graph" -l tls -d 'Speak TLS, as with tls:// before the address'
complete -c skep -n "__fish_skep_using_subcommand graph" -l tls-allow-insecure -d 'Believe whoever answers'
complete -c skep -n "__fish_skep_using_subcommand graph" -l local -d 'Ask the agent of this node, never a cluster'
complete -c skep -n "__fish_skep_using_subcommand graph" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand graph" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand graph" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand monitor" -s t -l type -d 'Show what happened in this way only; may be repeated' -r -f -a "drop\t''
benign\t''
open\t''
news\t''
close\t''
report\t''
allowed\t''
audited\t''
denied\t''
socket\t''"
complete -c skep -n "__fish_skep_using_subcommand monitor" -l endpoint -d 'Show what is about this endpoint only; may be repeated' -r
complete -c skep -n "__fish_skep_using_subcommand monitor" -s o -l output -d 'Output format' -r -f -a "compact\t'One line an event'
json\t'One JSON object a line'"
complete -c skep -n "__fish_skep_using_subcommand monitor" -l run-dir -d 'Directory of the agent\'s sockets' -r -F
complete -c skep -n "__fish_skep_using_subcommand monitor" -l node -d 'Ask the agent of this node only; may be repeated' -r
complete -c skep -n "__fish_skep_using_subcommand monitor" -l kubeconfig -d 'Kubeconfig file of the cluster to ask' -r -F
complete -c skep -n "__fish_skep_using_subcommand monitor" -l context -d 'Context in the kubeconfig' -r
complete -c skep -n "__fish_skep_using_subcommand monitor" -l skep-namespace -d 'Namespace of the agents\' pods' -r
complete -c skep -n "__fish_skep_using_subcommand monitor" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand monitor" -l local -d 'Ask the agent of this node, never a cluster'
complete -c skep -n "__fish_skep_using_subcommand monitor" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand monitor" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand monitor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand top" -l tab -d 'What is listed first' -r -f -a "edges\t'Who speaks with whom'
workloads\t'Who speaks'
drops\t'What is dropped, and why'
policies\t'Which policies decide'"
complete -c skep -n "__fish_skep_using_subcommand top" -s o -l output -d 'Output format of --once' -r -f -a "table\t'Columns'
json\t'One JSON document'"
complete -c skep -n "__fish_skep_using_subcommand top" -l last -d 'Show the newest stored flows [default: 20]' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l first -d 'Show the oldest stored flows' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l since -d 'Show flows since a time, or for a time such as 5m' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l until -d 'Show flows until a time' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l pod -d 'Pod at either end, [NAMESPACE/]PREFIX' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l from-pod -d 'Pod that sends, [NAMESPACE/]PREFIX' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l to-pod -d 'Pod that receives, [NAMESPACE/]PREFIX' -r
complete -c skep -n "__fish_skep_using_subcommand top" -s n -l namespace -d 'Namespace at either end' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l from-namespace -d 'Namespace that sends' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l to-namespace -d 'Namespace that receives' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l workload -d 'Workload at either end, [KIND/]NAME' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l from-workload -d 'Workload that sends, [KIND/]NAME' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l to-workload -d 'Workload that receives, [KIND/]NAME' -r
complete -c skep -n "__fish_skep_using_subcommand top" -s l -l label -d 'Labels at either end' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l from-label -d 'Labels of the sender' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l to-label -d 'Labels of the receiver' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l service -d 'Service at either end, [NAMESPACE/]PREFIX' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l from-service -d 'Service that sends, [NAMESPACE/]PREFIX' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l to-service -d 'Service that receives, [NAMESPACE/]PREFIX' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l ip -d 'Address at either end' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l from-ip -d 'Address of the sender' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l to-ip -d 'Address of the receiver' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l snat-ip -d 'Address of the sender after translation' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l fqdn -d 'DNS name at either end, with * as wildcard' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l from-fqdn -d 'DNS name of the sender, with * as wildcard' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l to-fqdn -d 'DNS name of the receiver, with * as wildcard' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l identity -d 'Identity at either end, number or reserved name' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l from-identity -d 'Identity of the sender' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l to-identity -d 'Identity of the receiver' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l from-cluster -d 'Cluster of the sender' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l to-cluster -d 'Cluster of the receiver' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l port -d 'Port at either end' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l from-port -d 'Port of the sender' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l to-port -d 'Port of the receiver' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l protocol -d 'tcp, udp, sctp, icmp, icmpv4, icmpv6, dns, http ...' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l tcp-flags -d 'TCP flags that are set, with commas' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l ip-version -d 'v4, v6, or none for what is not IP' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l traffic-direction -d 'ingress or egress' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l reply -d 'Replies (true), or what is none (false)' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l interface -d 'Device where it was seen' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l verdict -d 'FORWARDED, DROPPED and so on' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l drop-reason-desc -d 'Drop reason, by name' -r
complete -c skep -n "__fish_skep_using_subcommand top" -s t -l type -d 'drop, trace, policy-verdict, trace:to-endpoint ...' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l node-name -d 'Node that saw it, [CLUSTER/]NAME with * as wildcard' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l node-label -d 'Labels of the node that saw it' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l cluster -d 'Cluster of the node that saw it, with * as wildcard' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l uuid -d 'The one flow with this id' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l trace-id -d 'Trace that the request belongs to' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l ip-trace-id -d 'Trace number in the IP options' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l cel-expression -d 'CEL expression over _flow, such as has(_flow.l4.TCP)' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l http-method -d 'Method of HTTP, such as GET' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l http-path -d 'Path of HTTP' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l http-url -d 'URL of HTTP' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l http-status -d 'Status of HTTP such as 404, or a prefix such as 5+' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l http-header -d 'Header of HTTP' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l allowlist -d 'Also show what this FlowFilter matches; may be repeated' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l denylist -d 'Hide what this FlowFilter matches; may be repeated' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l input-file -d 'Show saved flows, one JSON object a line; - is stdin' -r -F
complete -c skep -n "__fish_skep_using_subcommand top" -l server -d 'Ask a Hubble server, such as a relay: HOST:PORT, tls://HOST:PORT or unix:PATH' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l tls-ca-cert-files -d 'Believe servers that these authorities signed; without it, those of this machine' -r -F
complete -c skep -n "__fish_skep_using_subcommand top" -l tls-client-cert-file -d 'Show the server this certificate' -r -F
complete -c skep -n "__fish_skep_using_subcommand top" -l tls-client-key-file -d 'The key of the certificate' -r -F
complete -c skep -n "__fish_skep_using_subcommand top" -l tls-server-name -d 'Name that the server\'s certificate must be for [default: the host of its address]' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l token-file -d 'Show the server the token in this file, as relays ask for that show flows by namespace' -r -F
complete -c skep -n "__fish_skep_using_subcommand top" -l run-dir -d 'Directory of the agent\'s sockets' -r -F
complete -c skep -n "__fish_skep_using_subcommand top" -l node -d 'Ask the agent of this node only; may be repeated' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l kubeconfig -d 'Kubeconfig file of the cluster to ask' -r -F
complete -c skep -n "__fish_skep_using_subcommand top" -l context -d 'Context in the kubeconfig' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l skep-namespace -d 'Namespace of the agents\' pods' -r
complete -c skep -n "__fish_skep_using_subcommand top" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand top" -l once -d 'Print what is stored, once'
complete -c skep -n "__fish_skep_using_subcommand top" -l all -d 'Show all stored flows'
complete -c skep -n "__fish_skep_using_subcommand top" -l not -d 'Hide what the next filter would show'
complete -c skep -n "__fish_skep_using_subcommand top" -s A -l all-namespaces -d 'A pod of any namespace at either end'
complete -c skep -n "__fish_skep_using_subcommand top" -l from-all-namespaces -d 'A pod of any namespace sends'
complete -c skep -n "__fish_skep_using_subcommand top" -l to-all-namespaces -d 'A pod of any namespace receives'
complete -c skep -n "__fish_skep_using_subcommand top" -s 4 -l ipv4 -d 'IPv4 only'
complete -c skep -n "__fish_skep_using_subcommand top" -s 6 -l ipv6 -d 'IPv6 only'
complete -c skep -n "__fish_skep_using_subcommand top" -l encrypted -d 'Encrypted between nodes'
complete -c skep -n "__fish_skep_using_subcommand top" -l unencrypted -d 'Not encrypted between nodes'
complete -c skep -n "__fish_skep_using_subcommand top" -l tls -d 'Speak TLS, as with tls:// before the address'
complete -c skep -n "__fish_skep_using_subcommand top" -l tls-allow-insecure -d 'Believe whoever answers'
complete -c skep -n "__fish_skep_using_subcommand top" -l local -d 'Ask the agent of this node, never a cluster'
complete -c skep -n "__fish_skep_using_subcommand top" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand top" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand top" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand endpoint; and not __fish_seen_subcommand_from list help" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand endpoint; and not __fish_seen_subcommand_from list help" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand endpoint; and not __fish_seen_subcommand_from list help" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand endpoint; and not __fish_seen_subcommand_from list help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand endpoint; and not __fish_seen_subcommand_from list help" -f -a "list" -d 'List endpoints'
complete -c skep -n "__fish_skep_using_subcommand endpoint; and not __fish_seen_subcommand_from list help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand endpoint; and __fish_seen_subcommand_from list" -s n -l namespace -d 'Show pods of this namespace only' -r
complete -c skep -n "__fish_skep_using_subcommand endpoint; and __fish_seen_subcommand_from list" -s o -l output -d 'Output format' -r -f -a "table\t'Columns for people'
wide\t'More columns'
json\t'One JSON document'
yaml\t'One YAML document'
name\t'Names only, one a line'"
complete -c skep -n "__fish_skep_using_subcommand endpoint; and __fish_seen_subcommand_from list" -l run-dir -d 'Directory of the agent\'s sockets' -r -F
complete -c skep -n "__fish_skep_using_subcommand endpoint; and __fish_seen_subcommand_from list" -l node -d 'Ask the agent of this node only; may be repeated' -r
complete -c skep -n "__fish_skep_using_subcommand endpoint; and __fish_seen_subcommand_from list" -l kubeconfig -d 'Kubeconfig file of the cluster to ask' -r -F
complete -c skep -n "__fish_skep_using_subcommand endpoint; and __fish_seen_subcommand_from list" -l context -d 'Context in the kubeconfig' -r
complete -c skep -n "__fish_skep_using_subcommand endpoint; and __fish_seen_subcommand_from list" -l skep-namespace -d 'Namespace of the agents\' pods' -r
complete -c skep -n "__fish_skep_using_subcommand endpoint; and __fish_seen_subcommand_from list" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand endpoint; and __fish_seen_subcommand_from list" -l local -d 'Ask the agent of this node, never a cluster'
complete -c skep -n "__fish_skep_using_subcommand endpoint; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand endpoint; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand endpoint; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand endpoint; and __fish_seen_subcommand_from help" -f -a "list" -d 'List endpoints'
complete -c skep -n "__fish_skep_using_subcommand endpoint; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand identity; and not __fish_seen_subcommand_from list help" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand identity; and not __fish_seen_subcommand_from list help" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand identity; and not __fish_seen_subcommand_from list help" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand identity; and not __fish_seen_subcommand_from list help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand identity; and not __fish_seen_subcommand_from list help" -f -a "list" -d 'List identities'
complete -c skep -n "__fish_skep_using_subcommand identity; and not __fish_seen_subcommand_from list help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand identity; and __fish_seen_subcommand_from list" -s o -l output -d 'Output format' -r -f -a "table\t'Columns for people'
wide\t'More columns'
json\t'One JSON document'
yaml\t'One YAML document'
name\t'Names only, one a line'"
complete -c skep -n "__fish_skep_using_subcommand identity; and __fish_seen_subcommand_from list" -l run-dir -d 'Directory of the agent\'s sockets' -r -F
complete -c skep -n "__fish_skep_using_subcommand identity; and __fish_seen_subcommand_from list" -l node -d 'Ask the agent of this node only; may be repeated' -r
complete -c skep -n "__fish_skep_using_subcommand identity; and __fish_seen_subcommand_from list" -l kubeconfig -d 'Kubeconfig file of the cluster to ask' -r -F
complete -c skep -n "__fish_skep_using_subcommand identity; and __fish_seen_subcommand_from list" -l context -d 'Context in the kubeconfig' -r
complete -c skep -n "__fish_skep_using_subcommand identity; and __fish_seen_subcommand_from list" -l skep-namespace -d 'Namespace of the agents\' pods' -r
complete -c skep -n "__fish_skep_using_subcommand identity; and __fish_seen_subcommand_from list" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand identity; and __fish_seen_subcommand_from list" -l local -d 'Ask the agent of this node, never a cluster'
complete -c skep -n "__fish_skep_using_subcommand identity; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand identity; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand identity; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand identity; and __fish_seen_subcommand_from help" -f -a "list" -d 'List identities'
complete -c skep -n "__fish_skep_using_subcommand identity; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand policy; and not __fish_seen_subcommand_from explain matrix list wait diff lint help" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand policy; and not __fish_seen_subcommand_from explain matrix list wait diff lint help" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand policy; and not __fish_seen_subcommand_from explain matrix list wait diff lint help" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand policy; and not __fish_seen_subcommand_from explain matrix list wait diff lint help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand policy; and not __fish_seen_subcommand_from explain matrix list wait diff lint help" -f -a "explain" -d 'Say why one end may talk to another, or not'
complete -c skep -n "__fish_skep_using_subcommand policy; and not __fish_seen_subcommand_from explain matrix list wait diff lint help" -f -a "matrix" -d 'Show who may talk to whom'
complete -c skep -n "__fish_skep_using_subcommand policy; and not __fish_seen_subcommand_from explain matrix list wait diff lint help" -f -a "list" -d 'List policies as the nodes have them'
complete -c skep -n "__fish_skep_using_subcommand policy; and not __fish_seen_subcommand_from explain matrix list wait diff lint help" -f -a "wait" -d 'Wait until every node enforces a policy'
complete -c skep -n "__fish_skep_using_subcommand policy; and not __fish_seen_subcommand_from explain matrix list wait diff lint help" -f -a "diff" -d 'Show what changes in connectivity from one set of manifests to another'
complete -c skep -n "__fish_skep_using_subcommand policy; and not __fish_seen_subcommand_from explain matrix list wait diff lint help" -f -a "lint" -d 'Find mistakes in network policies'
complete -c skep -n "__fish_skep_using_subcommand policy; and not __fish_seen_subcommand_from explain matrix list wait diff lint help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from explain" -l port -d 'Port with its protocol; of ICMP, the type' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from explain" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'One JSON document'
dot\t'A Graphviz graph'"
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from explain" -s f -l filename -d 'Manifests: a file, a directory, or - for stdin; may be repeated. Without any, the cluster is asked' -r -F
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from explain" -l compat -d 'Whose reading, where Cilium deviates from the text of the Kubernetes API' -r -f -a "kubernetes\t'The text of the API'
cilium\t'Cilium\'s'"
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from explain" -l mode -d 'When endpoints are isolated' -r -f -a "default\t'When a policy selects them'
always\t'Always'
never\t'Never; no policy counts'"
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from explain" -l cluster-name -d 'Name of the cluster, as its pods\' labels say it' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from explain" -l kubeconfig -d 'Kubeconfig file of the cluster to ask' -r -F
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from explain" -l context -d 'Context in the kubeconfig' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from explain" -l skep-namespace -d 'Namespace of the agents\' pods' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from explain" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from explain" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from explain" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from matrix" -s f -l filename -d 'Manifests: a file, a directory, or - for stdin; may be repeated. Without any, the cluster is asked' -r -F
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l compat -d 'Whose reading, where Cilium deviates from the text of the Kubernetes API' -r -f -a "kubernetes\t'The text of the API'
cilium\t'Cilium\'s'"
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l mode -d 'When endpoints are isolated' -r -f -a "default\t'When a policy selects them'
always\t'Always'
never\t'Never; no policy counts'"
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l cluster-name -d 'Name of the cluster, as its pods\' labels say it' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l kubeconfig -d 'Kubeconfig file of the cluster to ask' -r -F
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l context -d 'Context in the kubeconfig' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l skep-namespace -d 'Namespace of the agents\' pods' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l peer -d 'A peer that is no pod; may be repeated' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l ports -d 'Ports, with their protocols; of ICMP, the types' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from matrix" -s o -l output -d 'Output format' -r -f -a "table\t'A row per pair, a column per port'
json\t'One JSON document'
csv\t'Comma-separated values (RFC 4180)'
dot\t'A Graphviz graph of what is allowed'
svg\t'A picture'"
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from matrix" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from matrix" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from matrix" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from list" -s n -l namespace -d 'Show policies of this namespace only' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from list" -s o -l output -d 'Output format' -r -f -a "table\t'Columns for people'
wide\t'More columns'
json\t'One JSON document'
yaml\t'One YAML document'
name\t'Names only, one a line'"
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from list" -l run-dir -d 'Directory of the agent\'s sockets' -r -F
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from list" -l node -d 'Ask the agent of this node only; may be repeated' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from list" -l kubeconfig -d 'Kubeconfig file of the cluster to ask' -r -F
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from list" -l context -d 'Context in the kubeconfig' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from list" -l skep-namespace -d 'Namespace of the agents\' pods' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from list" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from list" -l local -d 'Ask the agent of this node, never a cluster'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from wait" -s n -l namespace -d 'Its namespace, for kinds that have one' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from wait" -l kind -d 'Its kind; without it, every kind is looked through' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from wait" -l timeout -d 'How long to wait' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from wait" -l run-dir -d 'Directory of the agent\'s sockets' -r -F
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from wait" -l node -d 'Ask the agent of this node only; may be repeated' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from wait" -l kubeconfig -d 'Kubeconfig file of the cluster to ask' -r -F
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from wait" -l context -d 'Context in the kubeconfig' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from wait" -l skep-namespace -d 'Namespace of the agents\' pods' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from wait" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from wait" -l local -d 'Ask the agent of this node, never a cluster'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from wait" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from wait" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from wait" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from diff" -s f -l filename -d 'Manifests that belong to both sets, such as workloads' -r -F
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from diff" -l peer -d 'A peer beside host and world; may be repeated' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from diff" -l fail-on -d 'Exit with 1 if there are such changes' -r -f -a "lost\t'Something does not pass any more'
gained\t'Something passes now'
any\t'Either of them'"
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from diff" -s o -l output -d 'Output format' -r -f -a "text\t'For people'
json\t'One JSON document'
markdown\t'A table for a pull request'"
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from diff" -l compat -d 'Whose reading, where Cilium deviates from the text of the Kubernetes API' -r -f -a "kubernetes\t'The text of the API'
cilium\t'Cilium\'s'"
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from diff" -l mode -d 'When endpoints are isolated' -r -f -a "default\t'When a policy selects them'
always\t'Always'
never\t'Never; no policy counts'"
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from diff" -l cluster-name -d 'Name of the cluster, as its pods\' labels say it' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from diff" -l kubeconfig -d 'Kubeconfig file of the cluster to ask' -r -F
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from diff" -l context -d 'Context in the kubeconfig' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from diff" -l skep-namespace -d 'Namespace of the agents\' pods' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from diff" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from diff" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from diff" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from lint" -l select -d 'Codes to look for, perhaps cut short, or ALL; may be repeated' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from lint" -l ignore -d 'Codes not to look for; may be repeated' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from lint" -l fail-on -l fail-level -d 'The level from which findings are a failure' -r -f -a "error\t'Errors only'
warn\t'Errors and warnings'"
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from lint" -s o -l output -d 'Output format' -r -f -a "human\t'With the source line'
json\t'One JSON document'
sarif\t'SARIF 2.1.0, for code scanning'
github\t'Annotations of GitHub Actions'
junit\t'A JUnit report'"
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from lint" -l explain -d 'Show the page of a code' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from lint" -l cilium-version -d 'The release of Cilium that policies are for, such as 1.17; any by default' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from lint" -l pod-cidr -d 'A prefix of pods, where manifests have no nodes to tell; may be repeated' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from lint" -l compat -d 'Whose reading, where Cilium deviates from the text of the Kubernetes API' -r -f -a "kubernetes\t'The text of the API'
cilium\t'Cilium\'s'"
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from lint" -l mode -d 'When endpoints are isolated' -r -f -a "default\t'When a policy selects them'
always\t'Always'
never\t'Never; no policy counts'"
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from lint" -l cluster-name -d 'Name of the cluster, as its pods\' labels say it' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from lint" -l kubeconfig -d 'Kubeconfig file of the cluster to ask' -r -F
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from lint" -l context -d 'Context in the kubeconfig' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from lint" -l skep-namespace -d 'Namespace of the agents\' pods' -r
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from lint" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from lint" -l cluster -d 'Lint the policies of the cluster, or FILES among its pods and services'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from lint" -l fix -d 'Make the changes that are safe, then report what is left'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from lint" -l diff -d 'Show the changes that --fix would make, and make none'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from lint" -l unsafe-fixes -d 'With --fix or --diff: changes of verdicts, too, and what they do to connectivity'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from lint" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from lint" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from lint" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from help" -f -a "explain" -d 'Say why one end may talk to another, or not'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from help" -f -a "matrix" -d 'Show who may talk to whom'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from help" -f -a "list" -d 'List policies as the nodes have them'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from help" -f -a "wait" -d 'Wait until every node enforces a policy'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from help" -f -a "diff" -d 'Show what changes in connectivity from one set of manifests to another'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from help" -f -a "lint" -d 'Find mistakes in network policies'
complete -c skep -n "__fish_skep_using_subcommand policy; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand service; and not __fish_seen_subcommand_from list get explain help" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand service; and not __fish_seen_subcommand_from list get explain help" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand service; and not __fish_seen_subcommand_from list get explain help" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand service; and not __fish_seen_subcommand_from list get explain help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand service; and not __fish_seen_subcommand_from list get explain help" -f -a "list" -d 'List services as the nodes balance them'
complete -c skep -n "__fish_skep_using_subcommand service; and not __fish_seen_subcommand_from list get explain help" -f -a "get" -d 'Show a service in full'
complete -c skep -n "__fish_skep_using_subcommand service; and not __fish_seen_subcommand_from list get explain help" -f -a "explain" -d 'Say who takes a client\'s connections to a service'
complete -c skep -n "__fish_skep_using_subcommand service; and not __fish_seen_subcommand_from list get explain help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from list" -s n -l namespace -d 'Show services of this namespace only' -r
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from list" -s o -l output -d 'Output format' -r -f -a "table\t'Columns for people'
wide\t'More columns'
json\t'One JSON document'
yaml\t'One YAML document'
name\t'Names only, one a line'"
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from list" -l run-dir -d 'Directory of the agent\'s sockets' -r -F
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from list" -l node -d 'Ask the agent of this node only; may be repeated' -r
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from list" -l kubeconfig -d 'Kubeconfig file of the cluster to ask' -r -F
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from list" -l context -d 'Context in the kubeconfig' -r
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from list" -l skep-namespace -d 'Namespace of the agents\' pods' -r
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from list" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from list" -l local -d 'Ask the agent of this node, never a cluster'
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from get" -s o -l output -d 'Output format' -r -f -a "table\t'Columns for people'
wide\t'More columns'
json\t'One JSON document'
yaml\t'One YAML document'
name\t'Names only, one a line'"
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from get" -l run-dir -d 'Directory of the agent\'s sockets' -r -F
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from get" -l node -d 'Ask the agent of this node only; may be repeated' -r
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from get" -l kubeconfig -d 'Kubeconfig file of the cluster to ask' -r -F
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from get" -l context -d 'Context in the kubeconfig' -r
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from get" -l skep-namespace -d 'Namespace of the agents\' pods' -r
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from get" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from get" -l local -d 'Ask the agent of this node, never a cluster'
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from get" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from get" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from get" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from explain" -l from -d 'Who connects: NAMESPACE/POD or ip:ADDRESS' -r
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from explain" -l port -d 'To which port only, such as 80 or 53/udp' -r
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from explain" -l to -d 'To which address only; a node\'s for node ports' -r
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from explain" -s o -l output -d 'Output format' -r -f -a "table\t'Columns for people'
wide\t'More columns'
json\t'One JSON document'
yaml\t'One YAML document'
name\t'Names only, one a line'"
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from explain" -l run-dir -d 'Directory of the agent\'s sockets' -r -F
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from explain" -l node -d 'Ask the agent of this node only; may be repeated' -r
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from explain" -l kubeconfig -d 'Kubeconfig file of the cluster to ask' -r -F
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from explain" -l context -d 'Context in the kubeconfig' -r
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from explain" -l skep-namespace -d 'Namespace of the agents\' pods' -r
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from explain" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from explain" -l local -d 'Ask the agent of this node, never a cluster'
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from explain" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from explain" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from help" -f -a "list" -d 'List services as the nodes balance them'
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from help" -f -a "get" -d 'Show a service in full'
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from help" -f -a "explain" -d 'Say who takes a client\'s connections to a service'
complete -c skep -n "__fish_skep_using_subcommand service; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand node; and not __fish_seen_subcommand_from list help" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand node; and not __fish_seen_subcommand_from list help" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand node; and not __fish_seen_subcommand_from list help" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand node; and not __fish_seen_subcommand_from list help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand node; and not __fish_seen_subcommand_from list help" -f -a "list" -d 'List nodes'
complete -c skep -n "__fish_skep_using_subcommand node; and not __fish_seen_subcommand_from list help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand node; and __fish_seen_subcommand_from list" -s o -l output -d 'Output format' -r -f -a "table\t'Columns for people'
wide\t'More columns'
json\t'One JSON document'
yaml\t'One YAML document'
name\t'Names only, one a line'"
complete -c skep -n "__fish_skep_using_subcommand node; and __fish_seen_subcommand_from list" -l run-dir -d 'Directory of the agent\'s sockets' -r -F
complete -c skep -n "__fish_skep_using_subcommand node; and __fish_seen_subcommand_from list" -l node -d 'Ask the agent of this node only; may be repeated' -r
complete -c skep -n "__fish_skep_using_subcommand node; and __fish_seen_subcommand_from list" -l kubeconfig -d 'Kubeconfig file of the cluster to ask' -r -F
complete -c skep -n "__fish_skep_using_subcommand node; and __fish_seen_subcommand_from list" -l context -d 'Context in the kubeconfig' -r
complete -c skep -n "__fish_skep_using_subcommand node; and __fish_seen_subcommand_from list" -l skep-namespace -d 'Namespace of the agents\' pods' -r
complete -c skep -n "__fish_skep_using_subcommand node; and __fish_seen_subcommand_from list" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand node; and __fish_seen_subcommand_from list" -l local -d 'Ask the agent of this node, never a cluster'
complete -c skep -n "__fish_skep_using_subcommand node; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand node; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand node; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand node; and __fish_seen_subcommand_from help" -f -a "list" -d 'List nodes'
complete -c skep -n "__fish_skep_using_subcommand node; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand bpf; and not __fish_seen_subcommand_from endpoint ipcache ct nat node policy lb metrics help" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand bpf; and not __fish_seen_subcommand_from endpoint ipcache ct nat node policy lb metrics help" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand bpf; and not __fish_seen_subcommand_from endpoint ipcache ct nat node policy lb metrics help" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand bpf; and not __fish_seen_subcommand_from endpoint ipcache ct nat node policy lb metrics help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand bpf; and not __fish_seen_subcommand_from endpoint ipcache ct nat node policy lb metrics help" -f -a "endpoint" -d 'Pods of a node, by address'
complete -c skep -n "__fish_skep_using_subcommand bpf; and not __fish_seen_subcommand_from endpoint ipcache ct nat node policy lb metrics help" -f -a "ipcache" -d 'Owners of addresses and prefixes'
complete -c skep -n "__fish_skep_using_subcommand bpf; and not __fish_seen_subcommand_from endpoint ipcache ct nat node policy lb metrics help" -f -a "ct" -d 'Tracked connections'
complete -c skep -n "__fish_skep_using_subcommand bpf; and not __fish_seen_subcommand_from endpoint ipcache ct nat node policy lb metrics help" -f -a "nat" -d 'Connections whose source is translated'
complete -c skep -n "__fish_skep_using_subcommand bpf; and not __fish_seen_subcommand_from endpoint ipcache ct nat node policy lb metrics help" -f -a "node" -d 'Nodes, by number'
complete -c skep -n "__fish_skep_using_subcommand bpf; and not __fish_seen_subcommand_from endpoint ipcache ct nat node policy lb metrics help" -f -a "policy" -d 'Policies, as verdicts for classes of peers and ports'
complete -c skep -n "__fish_skep_using_subcommand bpf; and not __fish_seen_subcommand_from endpoint ipcache ct nat node policy lb metrics help" -f -a "lb" -d 'Services: frontends, backends, affinity, Maglev tables'
complete -c skep -n "__fish_skep_using_subcommand bpf; and not __fish_seen_subcommand_from endpoint ipcache ct nat node policy lb metrics help" -f -a "metrics" -d 'Counters of packets and drops'
complete -c skep -n "__fish_skep_using_subcommand bpf; and not __fish_seen_subcommand_from endpoint ipcache ct nat node policy lb metrics help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from endpoint" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from endpoint" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from endpoint" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from endpoint" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from endpoint" -f -a "list" -d 'List the endpoint map'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from endpoint" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from ipcache" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from ipcache" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from ipcache" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from ipcache" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from ipcache" -f -a "list" -d 'List the ipcache'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from ipcache" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from ct" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from ct" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from ct" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from ct" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from ct" -f -a "list" -d 'List tracked connections'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from ct" -f -a "flush" -d 'Forget tracked connections'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from ct" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from nat" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from nat" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from nat" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from nat" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from nat" -f -a "list" -d 'List translated connections'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from nat" -f -a "flush" -d 'Forget translated connections'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from nat" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from node" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from node" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from node" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from node" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from node" -f -a "list" -d 'List the node map'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from node" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from policy" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from policy" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from policy" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from policy" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from policy" -f -a "list" -d 'List the policy maps'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from policy" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from lb" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from lb" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from lb" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from lb" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from lb" -f -a "list" -d 'List the maps of services'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from lb" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from metrics" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from metrics" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from metrics" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from metrics" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from metrics" -f -a "list" -d 'List the datapath\'s counters'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from metrics" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from help" -f -a "endpoint" -d 'Pods of a node, by address'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from help" -f -a "ipcache" -d 'Owners of addresses and prefixes'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from help" -f -a "ct" -d 'Tracked connections'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from help" -f -a "nat" -d 'Connections whose source is translated'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from help" -f -a "node" -d 'Nodes, by number'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from help" -f -a "policy" -d 'Policies, as verdicts for classes of peers and ports'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from help" -f -a "lb" -d 'Services: frontends, backends, affinity, Maglev tables'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from help" -f -a "metrics" -d 'Counters of packets and drops'
complete -c skep -n "__fish_skep_using_subcommand bpf; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand connectivity; and not __fish_seen_subcommand_from test list serve probe help" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand connectivity; and not __fish_seen_subcommand_from test list serve probe help" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand connectivity; and not __fish_seen_subcommand_from test list serve probe help" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand connectivity; and not __fish_seen_subcommand_from test list serve probe help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand connectivity; and not __fish_seen_subcommand_from test list serve probe help" -f -a "test" -d 'Test who reaches whom'
complete -c skep -n "__fish_skep_using_subcommand connectivity; and not __fish_seen_subcommand_from test list serve probe help" -f -a "list" -d 'List the scenarios of the connectivity test'
complete -c skep -n "__fish_skep_using_subcommand connectivity; and not __fish_seen_subcommand_from test list serve probe help" -f -a "serve" -d 'Serve the connectivity test'
complete -c skep -n "__fish_skep_using_subcommand connectivity; and not __fish_seen_subcommand_from test list serve probe help" -f -a "probe" -d 'Try to reach something from here'
complete -c skep -n "__fish_skep_using_subcommand connectivity; and not __fish_seen_subcommand_from test list serve probe help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from test" -l test -d 'Scenarios by name, a regular expression; may be repeated' -r
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from test" -l profile -d 'How much is tried' -r -f -a "smoke\t'The essence, on two nodes'
standard\t'Everything, on three nodes at most'
full\t'Everything, on every node, with the largest packets'"
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from test" -l junit -d 'Write a report for CI systems, too' -r -F
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from test" -l timeout -d 'Seconds that one probe may take' -r
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from test" -l start-timeout -d 'Seconds that the pods may take to start' -r
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from test" -l parallel -d 'How many pods try at once' -r
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from test" -l external-target -d 'Place outside the cluster; may be repeated' -r
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from test" -l outside -d 'Command that runs skep outside the cluster, for clients there' -r
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from test" -l test-namespace -d 'Namespace to make for the pods; must not exist' -r
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from test" -l image -d 'Image of the pods, with skep in it; unused in a lab' -r
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from test" -s o -l output -d 'Output format' -r -f -a "table\t'Columns for people'
wide\t'More columns'
json\t'One JSON document'
yaml\t'One YAML document'
name\t'Names only, one a line'"
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from test" -l kubeconfig -d 'Kubeconfig file of the cluster to ask' -r -F
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from test" -l context -d 'Context in the kubeconfig' -r
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from test" -l skep-namespace -d 'Namespace of the agents\' pods' -r
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from test" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from test" -l list -d 'List what would be run, and run nothing'
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from test" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from test" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from list" -l test -d 'Scenarios by name, a regular expression; may be repeated' -r
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from list" -l profile -d 'How much is tried' -r -f -a "smoke\t'The essence, on two nodes'
standard\t'Everything, on three nodes at most'
full\t'Everything, on every node, with the largest packets'"
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from list" -s o -l output -d 'Output format' -r -f -a "table\t'Columns for people'
wide\t'More columns'
json\t'One JSON document'
yaml\t'One YAML document'
name\t'Names only, one a line'"
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from list" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from serve" -l port -d 'Port to listen on, TCP and UDP' -r
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from serve" -l name -d 'Name to answer with' -r
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from serve" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from serve" -l sctp -d 'Serve SCTP at the same port, too'
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from serve" -l linger -d 'Go on serving when told to end, until killed'
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from serve" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from serve" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from probe" -l timeout -d 'Seconds that one probe may take' -r
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from probe" -l parallel -d 'Probes that run at once' -r
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from probe" -s o -l output -d 'Output format' -r -f -a "table\t'Columns for people'
wide\t'More columns'
json\t'One JSON document'
yaml\t'One YAML document'
name\t'Names only, one a line'"
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from probe" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from probe" -l wait -d 'Repeat a probe until it is answered or its time is over'
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from probe" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from probe" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from probe" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from help" -f -a "test" -d 'Test who reaches whom'
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the scenarios of the connectivity test'
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from help" -f -a "serve" -d 'Serve the connectivity test'
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from help" -f -a "probe" -d 'Try to reach something from here'
complete -c skep -n "__fish_skep_using_subcommand connectivity; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand lab; and not __fish_seen_subcommand_from up down list status kubeconfig exec logs node partition netem snapshot world dns serve enter stand-in help" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand lab; and not __fish_seen_subcommand_from up down list status kubeconfig exec logs node partition netem snapshot world dns serve enter stand-in help" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand lab; and not __fish_seen_subcommand_from up down list status kubeconfig exec logs node partition netem snapshot world dns serve enter stand-in help" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand lab; and not __fish_seen_subcommand_from up down list status kubeconfig exec logs node partition netem snapshot world dns serve enter stand-in help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand lab; and not __fish_seen_subcommand_from up down list status kubeconfig exec logs node partition netem snapshot world dns serve enter stand-in help" -f -a "up" -d 'Bring a lab up'
complete -c skep -n "__fish_skep_using_subcommand lab; and not __fish_seen_subcommand_from up down list status kubeconfig exec logs node partition netem snapshot world dns serve enter stand-in help" -f -a "down" -d 'Take a lab down'
complete -c skep -n "__fish_skep_using_subcommand lab; and not __fish_seen_subcommand_from up down list status kubeconfig exec logs node partition netem snapshot world dns serve enter stand-in help" -f -a "list" -d 'List labs'
complete -c skep -n "__fish_skep_using_subcommand lab; and not __fish_seen_subcommand_from up down list status kubeconfig exec logs node partition netem snapshot world dns serve enter stand-in help" -f -a "status" -d 'Show how a lab is'
complete -c skep -n "__fish_skep_using_subcommand lab; and not __fish_seen_subcommand_from up down list status kubeconfig exec logs node partition netem snapshot world dns serve enter stand-in help" -f -a "kubeconfig" -d 'Print a lab\'s kubeconfig'
complete -c skep -n "__fish_skep_using_subcommand lab; and not __fish_seen_subcommand_from up down list status kubeconfig exec logs node partition netem snapshot world dns serve enter stand-in help" -f -a "exec" -d 'Run a command on a node'
complete -c skep -n "__fish_skep_using_subcommand lab; and not __fish_seen_subcommand_from up down list status kubeconfig exec logs node partition netem snapshot world dns serve enter stand-in help" -f -a "logs" -d 'Show the log of a node\'s agent'
complete -c skep -n "__fish_skep_using_subcommand lab; and not __fish_seen_subcommand_from up down list status kubeconfig exec logs node partition netem snapshot world dns serve enter stand-in help" -f -a "node" -d 'Switch a node off or on, or let it stand still'
complete -c skep -n "__fish_skep_using_subcommand lab; and not __fish_seen_subcommand_from up down list status kubeconfig exec logs node partition netem snapshot world dns serve enter stand-in help" -f -a "partition" -d 'Cut two nodes off from each other'
complete -c skep -n "__fish_skep_using_subcommand lab; and not __fish_seen_subcommand_from up down list status kubeconfig exec logs node partition netem snapshot world dns serve enter stand-in help" -f -a "netem" -d 'Lose or delay what a node sends and receives'
complete -c skep -n "__fish_skep_using_subcommand lab; and not __fish_seen_subcommand_from up down list status kubeconfig exec logs node partition netem snapshot world dns serve enter stand-in help" -f -a "snapshot" -d 'Write a cluster\'s objects to a file'
complete -c skep -n "__fish_skep_using_subcommand lab; and not __fish_seen_subcommand_from up down list status kubeconfig exec logs node partition netem snapshot world dns serve enter stand-in help" -f -a "world" -d 'What is outside the cluster: names and servers'
complete -c skep -n "__fish_skep_using_subcommand lab; and not __fish_seen_subcommand_from up down list status kubeconfig exec logs node partition netem snapshot world dns serve enter stand-in help" -f -a "dns" -d 'Serve the names of a cluster'
complete -c skep -n "__fish_skep_using_subcommand lab; and not __fish_seen_subcommand_from up down list status kubeconfig exec logs node partition netem snapshot world dns serve enter stand-in help" -f -a "serve" -d 'Run a lab\'s API server, controllers and kubelets'
complete -c skep -n "__fish_skep_using_subcommand lab; and not __fish_seen_subcommand_from up down list status kubeconfig exec logs node partition netem snapshot world dns serve enter stand-in help" -f -a "enter" -d 'Join namespaces and a control group and become a program'
complete -c skep -n "__fish_skep_using_subcommand lab; and not __fish_seen_subcommand_from up down list status kubeconfig exec logs node partition netem snapshot world dns serve enter stand-in help" -f -a "stand-in" -d 'Serve in place of a container\'s image'
complete -c skep -n "__fish_skep_using_subcommand lab; and not __fish_seen_subcommand_from up down list status kubeconfig exec logs node partition netem snapshot world dns serve enter stand-in help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from up" -l name -d 'Name of the lab' -r
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from up" -l nodes -d 'Number of nodes [default: 3]' -r
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from up" -l routing -d 'How pods of nodes meet: vxlan or native [default: vxlan]' -r
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from up" -l ip-family -d 'Families: dual, ipv4 or ipv6 [default: dual]' -r
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from up" -l node-cidr-mask-size-ipv4 -d 'Prefix length of nodes\' IPv4 pod CIDRs [default: 24]' -r
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from up" -l node-cidr-mask-size-ipv6 -d 'Prefix length of nodes\' IPv6 pod CIDRs [default: 64]' -r
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from up" -s f -l filename -d 'Manifests to create: files, directories, or - for stdin' -r -F
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from up" -l from -d 'Snapshot or `kubectl get -A -o yaml` of a cluster to replay' -r -F
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from up" -l wait -d 'Wait until agents and pods are ready: true or false' -r -f -a "true\t''
false\t''"
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from up" -l timeout -d 'How long to wait, in seconds' -r
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from up" -s o -l output -d 'Output format' -r -f -a "table\t'Columns for people'
wide\t'More columns'
json\t'One JSON document'
yaml\t'One YAML document'
name\t'Names only, one a line'"
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from up" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from up" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from up" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from up" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from down" -l name -d 'Name of the lab' -r
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from down" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from down" -l all -d 'Take every lab down'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from down" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from down" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from down" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from list" -s o -l output -d 'Output format' -r -f -a "table\t'Columns for people'
wide\t'More columns'
json\t'One JSON document'
yaml\t'One YAML document'
name\t'Names only, one a line'"
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from list" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from status" -l name -d 'Name of the lab' -r
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from status" -s o -l output -d 'Output format' -r -f -a "table\t'Columns for people'
wide\t'More columns'
json\t'One JSON document'
yaml\t'One YAML document'
name\t'Names only, one a line'"
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from status" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from status" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from status" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from kubeconfig" -l name -d 'Name of the lab' -r
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from kubeconfig" -l write -d 'Write it to a file and print the file\'s path' -r -F
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from kubeconfig" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from kubeconfig" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from kubeconfig" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from kubeconfig" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from exec" -l name -d 'Name of the lab' -r
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from exec" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from exec" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from exec" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from exec" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from logs" -l name -d 'Name of the lab' -r
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from logs" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from logs" -s f -l follow -d 'Go on as the log grows'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from logs" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from logs" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from logs" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from node" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from node" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from node" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from node" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from node" -f -a "stop" -d 'Pull a node\'s plug'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from node" -f -a "start" -d 'Switch a node on again, or let it go on'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from node" -f -a "pause" -d 'Let everything on a node stand still'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from node" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from partition" -l name -d 'Name of the lab' -r
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from partition" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from partition" -l heal -d 'Connect them again'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from partition" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from partition" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from partition" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from netem" -l name -d 'Name of the lab' -r
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from netem" -l loss -d 'Part of the packets that is lost, such as 5%' -r
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from netem" -l delay -d 'How much later the others leave, such as 20ms' -r
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from netem" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from netem" -l clear -d 'End the disturbance'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from netem" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from netem" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from netem" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from snapshot" -l name -d 'Name of the lab' -r
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from snapshot" -l kubeconfig -d 'Take it of a cluster instead of a lab' -r -F
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from snapshot" -l context -d 'Context of the kubeconfig' -r
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from snapshot" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from snapshot" -l with-secrets -d 'Keep the values of Secrets, not only their keys'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from snapshot" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from snapshot" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from snapshot" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from world" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from world" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from world" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from world" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from world" -f -a "dns" -d 'Names of the world and their addresses'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from world" -f -a "ca" -d 'Print the certificate of the world\'s authority'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from world" -f -a "serve" -d 'Serve the world of a lab: names, web and echo'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from world" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from dns" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from dns" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from dns" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from dns" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from serve" -l name -d 'Name of the lab' -r
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from serve" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from serve" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from serve" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from enter" -l cgroup -d 'Control group to join' -r -F
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from enter" -l place -d 'Directory with namespace files; may be given again' -r -F
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from enter" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from enter" -l session -d 'Start a session'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from enter" -l terminal -d 'Let standard input be the session\'s terminal'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from enter" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from enter" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from enter" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from stand-in" -l pod -d 'Pod to speak for' -r
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from stand-in" -l namespace -d 'Its namespace' -r
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from stand-in" -l container -d 'Container to speak for' -r
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from stand-in" -l node -d 'Node it runs on' -r
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from stand-in" -l listen -d 'Port to serve, such as tcp:80; may be given again' -r
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from stand-in" -l address -d 'Address to serve; none = all of both families' -r
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from stand-in" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from stand-in" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from stand-in" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from stand-in" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from help" -f -a "up" -d 'Bring a lab up'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from help" -f -a "down" -d 'Take a lab down'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from help" -f -a "list" -d 'List labs'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from help" -f -a "status" -d 'Show how a lab is'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from help" -f -a "kubeconfig" -d 'Print a lab\'s kubeconfig'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from help" -f -a "exec" -d 'Run a command on a node'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from help" -f -a "logs" -d 'Show the log of a node\'s agent'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from help" -f -a "node" -d 'Switch a node off or on, or let it stand still'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from help" -f -a "partition" -d 'Cut two nodes off from each other'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from help" -f -a "netem" -d 'Lose or delay what a node sends and receives'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from help" -f -a "snapshot" -d 'Write a cluster\'s objects to a file'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from help" -f -a "world" -d 'What is outside the cluster: names and servers'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from help" -f -a "dns" -d 'Serve the names of a cluster'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from help" -f -a "serve" -d 'Run a lab\'s API server, controllers and kubelets'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from help" -f -a "enter" -d 'Join namespaces and a control group and become a program'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from help" -f -a "stand-in" -d 'Serve in place of a container\'s image'
complete -c skep -n "__fish_skep_using_subcommand lab; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand bench; and not __fish_seen_subcommand_from worker policy service cni fill help" -l rows -d 'Rows to measure: names, groups or beginnings of names' -r
complete -c skep -n "__fish_skep_using_subcommand bench; and not __fish_seen_subcommand_from worker policy service cni fill help" -l rounds -d 'Rounds that count, each of 0.4 s per topology' -r
complete -c skep -n "__fish_skep_using_subcommand bench; and not __fish_seen_subcommand_from worker policy service cni fill help" -l output -d 'File to write the rows to, as JSON' -r -F
complete -c skep -n "__fish_skep_using_subcommand bench; and not __fish_seen_subcommand_from worker policy service cni fill help" -s o -d 'Output format' -r -f -a "table\t'Columns for people'
wide\t'More columns'
json\t'One JSON document'
yaml\t'One YAML document'
name\t'Names only, one a line'"
complete -c skep -n "__fish_skep_using_subcommand bench; and not __fish_seen_subcommand_from worker policy service cni fill help" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand bench; and not __fish_seen_subcommand_from worker policy service cni fill help" -l list -d 'List the rows and their goals instead of measuring'
complete -c skep -n "__fish_skep_using_subcommand bench; and not __fish_seen_subcommand_from worker policy service cni fill help" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand bench; and not __fish_seen_subcommand_from worker policy service cni fill help" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand bench; and not __fish_seen_subcommand_from worker policy service cni fill help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand bench; and not __fish_seen_subcommand_from worker policy service cni fill help" -f -a "worker" -d 'Send or answer the load of a running bench'
complete -c skep -n "__fish_skep_using_subcommand bench; and not __fish_seen_subcommand_from worker policy service cni fill help" -f -a "policy" -d 'Measure the policy engine'
complete -c skep -n "__fish_skep_using_subcommand bench; and not __fish_seen_subcommand_from worker policy service cni fill help" -f -a "service" -d 'Measure services'
complete -c skep -n "__fish_skep_using_subcommand bench; and not __fish_seen_subcommand_from worker policy service cni fill help" -f -a "cni" -d 'Call the CNI plugin of the node that this runs on'
complete -c skep -n "__fish_skep_using_subcommand bench; and not __fish_seen_subcommand_from worker policy service cni fill help" -f -a "fill" -d 'Have the agent of the node that this runs on keep as many flows as it can'
complete -c skep -n "__fish_skep_using_subcommand bench; and not __fish_seen_subcommand_from worker policy service cni fill help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from worker" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from worker" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from worker" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from worker" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from policy" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from policy" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from policy" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from policy" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from service" -l cgroup -d 'Control group to measure connections in' -r -F
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from service" -l parts -d 'What to measure' -r
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from service" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from service" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from service" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from service" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from cni" -l conf-dir -d 'Directory of the network lists' -r -F
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from cni" -l bin-dir -d 'Directory of the plugins' -r -F
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from cni" -l calls -d 'Calls one after the other' -r
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from cni" -l burst -d 'Calls at once' -r
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from cni" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from cni" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from cni" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from cni" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from fill" -l run-dir -d 'Directory of the agent\'s sockets' -r -F
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from fill" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from fill" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from fill" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from fill" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from help" -f -a "worker" -d 'Send or answer the load of a running bench'
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from help" -f -a "policy" -d 'Measure the policy engine'
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from help" -f -a "service" -d 'Measure services'
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from help" -f -a "cni" -d 'Call the CNI plugin of the node that this runs on'
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from help" -f -a "fill" -d 'Have the agent of the node that this runs on keep as many flows as it can'
complete -c skep -n "__fish_skep_using_subcommand bench; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand agent" -l config -d 'File with settings in YAML' -r -F
complete -c skep -n "__fish_skep_using_subcommand agent" -l node-name -d 'Name of this node in Kubernetes' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l cluster-name -d 'Name of the cluster, part of every identity' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l kubeconfig -d 'Kubeconfig file; in a pod the service account is used' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l run-dir -d 'Directory of sockets' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l state-dir -d 'Directory of endpoint records and caches' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l bpf-dir -d 'Directory of pinned maps and links, on a bpffs' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l cni-conf-dir -d 'Directory where the runtime looks for CNI networks' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l cni-bin-dir -d 'Directory where the runtime looks for CNI plugins' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l routing -d 'How pods of different nodes meet: vxlan or native' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l ip-family -d 'Address families of pods: ipv4, ipv6 or dual' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l attach -d 'How programs are attached: auto, tcx or clsact' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l devices -d 'Devices to the underlay: auto, or names with commas' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l mtu -d 'MTU of the underlay: auto, or bytes' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l vxlan-port -d 'UDP port of the overlay' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l snat-ports -d 'Ports for translated sources, FIRST-LAST' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l masquerade -d 'Translate sources of traffic to the outside: true or false' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l mark-mask -d 'Four adjacent bits of the packet mark that skep may use' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l drop-labels -d 'Label keys left out of identities, besides the defaults' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l policy-enforcement -d 'When pods are isolated: default (by a policy that selects them), always or never' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l policy-compat -d 'Whose reading of policies counts where Cilium\'s differs from the API\'s: kubernetes or cilium' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l policy-audit -d 'Let pass, and tell, what policies refuse: true or false' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l host-firewall -d 'Enforce policies for nodes (those with a nodeSelector) on this node: true or false' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l host-firewall-confirm -d 'Take new policies for nodes back if the node cannot reach the API server with them for so many seconds; 0 = never' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l metrics-address -d 'Address that serves metrics, or off' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l flow-metrics -d 'Metrics of flows that are counted, with Hubble\'s names and options, such as "drop:sourceContext=pod tcp"' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l flow-metrics-address -d 'Address that serves metrics of flows, or off' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l flow-export-config -d 'File that says which flows are written where, in the format of Cilium\'s dynamic exporters, or off; it is read again when it changes' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l flow-history -d 'Bytes of flows that are kept on disk, in the state directory, for readers that ask for more than memory has: off, or a size such as 512MiB' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l health-address -d 'Address that serves health, or off' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l hubble-listen -d 'Address that serves the Hubble API, or off; other machines need TLS and a certificate of the operator' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l conntrack-entries -d 'Size of the connection table: auto, or entries' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l backend-entries -d 'Room for backends of services: auto, or entries' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l policy-entries -d 'Room for what policies tell apart, identities and ports: auto, or entries' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l maglev-entries -d 'Entries that the Maglev table of a service may have: more spread more backends evenly' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l cgroup-root -d 'Control group whose processes reach services: auto (all of this host), off or a directory' -r
complete -c skep -n "__fish_skep_using_subcommand agent" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand agent" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand agent" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand agent" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand operator" -l config -d 'File with settings in YAML' -r -F
complete -c skep -n "__fish_skep_using_subcommand operator" -l kubeconfig -d 'Kubeconfig file; in a pod the service account is used' -r
complete -c skep -n "__fish_skep_using_subcommand operator" -l cluster-name -d 'Name of this cluster' -r
complete -c skep -n "__fish_skep_using_subcommand operator" -l metrics-address -d 'Address that serves metrics and health, or off' -r
complete -c skep -n "__fish_skep_using_subcommand operator" -l identity-unused-seconds -d 'Seconds before an unused identity is retired' -r
complete -c skep -n "__fish_skep_using_subcommand operator" -l identity-retired-seconds -d 'Seconds before a retired identity is deleted' -r
complete -c skep -n "__fish_skep_using_subcommand operator" -l lease-seconds -d 'Seconds for which the leader\'s lease holds' -r
complete -c skep -n "__fish_skep_using_subcommand operator" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand operator" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand operator" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand operator" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand relay; and not __fish_seen_subcommand_from port-forward tunnel help" -l listen -d 'Address to serve; one that is not loopback needs --in-cluster' -r
complete -c skep -n "__fish_skep_using_subcommand relay; and not __fish_seen_subcommand_from port-forward tunnel help" -l access -d 'Who sees which flows' -r -f -a "all\t'Whoever can ask sees all flows'
namespace\t'Clients show a token of Kubernetes, and see flows of namespaces whose pods they may get'"
complete -c skep -n "__fish_skep_using_subcommand relay; and not __fish_seen_subcommand_from port-forward tunnel help" -l metrics-address -d 'Address that serves metrics, or off' -r
complete -c skep -n "__fish_skep_using_subcommand relay; and not __fish_seen_subcommand_from port-forward tunnel help" -l cluster-name -d 'Name of the cluster, for names in certificates' -r
complete -c skep -n "__fish_skep_using_subcommand relay; and not __fish_seen_subcommand_from port-forward tunnel help" -l peer -d 'Find nodes by this peer service instead of by the cluster' -r
complete -c skep -n "__fish_skep_using_subcommand relay; and not __fish_seen_subcommand_from port-forward tunnel help" -l kubeconfig -d 'Kubeconfig file of the cluster to ask' -r -F
complete -c skep -n "__fish_skep_using_subcommand relay; and not __fish_seen_subcommand_from port-forward tunnel help" -l context -d 'Context in the kubeconfig' -r
complete -c skep -n "__fish_skep_using_subcommand relay; and not __fish_seen_subcommand_from port-forward tunnel help" -l skep-namespace -d 'Namespace of the agents\' pods' -r
complete -c skep -n "__fish_skep_using_subcommand relay; and not __fish_seen_subcommand_from port-forward tunnel help" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand relay; and not __fish_seen_subcommand_from port-forward tunnel help" -l in-cluster -d 'Be a part of the cluster: use the certificates of the operator'
complete -c skep -n "__fish_skep_using_subcommand relay; and not __fish_seen_subcommand_from port-forward tunnel help" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand relay; and not __fish_seen_subcommand_from port-forward tunnel help" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand relay; and not __fish_seen_subcommand_from port-forward tunnel help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand relay; and not __fish_seen_subcommand_from port-forward tunnel help" -f -a "port-forward" -d 'Give Hubble\'s clients a local address'
complete -c skep -n "__fish_skep_using_subcommand relay; and not __fish_seen_subcommand_from port-forward tunnel help" -f -a "tunnel" -d 'Join stdin and stdout with the agent\'s Hubble API'
complete -c skep -n "__fish_skep_using_subcommand relay; and not __fish_seen_subcommand_from port-forward tunnel help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand relay; and __fish_seen_subcommand_from port-forward" -l port -d 'Port of 127.0.0.1' -r
complete -c skep -n "__fish_skep_using_subcommand relay; and __fish_seen_subcommand_from port-forward" -l kubeconfig -d 'Kubeconfig file of the cluster to ask' -r -F
complete -c skep -n "__fish_skep_using_subcommand relay; and __fish_seen_subcommand_from port-forward" -l context -d 'Context in the kubeconfig' -r
complete -c skep -n "__fish_skep_using_subcommand relay; and __fish_seen_subcommand_from port-forward" -l skep-namespace -d 'Namespace of the agents\' pods' -r
complete -c skep -n "__fish_skep_using_subcommand relay; and __fish_seen_subcommand_from port-forward" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand relay; and __fish_seen_subcommand_from port-forward" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand relay; and __fish_seen_subcommand_from port-forward" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand relay; and __fish_seen_subcommand_from port-forward" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand relay; and __fish_seen_subcommand_from tunnel" -l run-dir -d 'Directory of the agent\'s sockets' -r -F
complete -c skep -n "__fish_skep_using_subcommand relay; and __fish_seen_subcommand_from tunnel" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand relay; and __fish_seen_subcommand_from tunnel" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand relay; and __fish_seen_subcommand_from tunnel" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand relay; and __fish_seen_subcommand_from tunnel" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand relay; and __fish_seen_subcommand_from help" -f -a "port-forward" -d 'Give Hubble\'s clients a local address'
complete -c skep -n "__fish_skep_using_subcommand relay; and __fish_seen_subcommand_from help" -f -a "tunnel" -d 'Join stdin and stdout with the agent\'s Hubble API'
complete -c skep -n "__fish_skep_using_subcommand relay; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand version" -s o -l output -d 'Output format' -r -f -a "table\t'Columns for people'
wide\t'More columns'
json\t'One JSON document'
yaml\t'One YAML document'
name\t'Names only, one a line'"
complete -c skep -n "__fish_skep_using_subcommand version" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand version" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand version" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand version" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand completions" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand completions" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand completions" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand man" -l output-dir -d 'Directory to write to' -r -F
complete -c skep -n "__fish_skep_using_subcommand man" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c skep -n "__fish_skep_using_subcommand man" -s q -l quiet -d 'Print answers, warnings and errors only'
complete -c skep -n "__fish_skep_using_subcommand man" -s v -l verbose -d 'Log more; twice for debug, three times for all'
complete -c skep -n "__fish_skep_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skep -n "__fish_skep_using_subcommand help; and not __fish_seen_subcommand_from status observe graph monitor top endpoint identity policy service node bpf connectivity lab bench agent operator relay version completions man help" -f -a "status" -d 'Show how the agents are'
complete -c skep -n "__fish_skep_using_subcommand help; and not __fish_seen_subcommand_from status observe graph monitor top endpoint identity policy service node bpf connectivity lab bench agent operator relay version completions man help" -f -a "observe" -d 'Show flows'
complete -c skep -n "__fish_skep_using_subcommand help; and not __fish_seen_subcommand_from status observe graph monitor top endpoint identity policy service node bpf connectivity lab bench agent operator relay version completions man help" -f -a "graph" -d 'Draw who speaks with whom'
complete -c skep -n "__fish_skep_using_subcommand help; and not __fish_seen_subcommand_from status observe graph monitor top endpoint identity policy service node bpf connectivity lab bench agent operator relay version completions man help" -f -a "monitor" -d 'Show raw events of one node'
complete -c skep -n "__fish_skep_using_subcommand help; and not __fish_seen_subcommand_from status observe graph monitor top endpoint identity policy service node bpf connectivity lab bench agent operator relay version completions man help" -f -a "top" -d 'Watch who speaks with whom'
complete -c skep -n "__fish_skep_using_subcommand help; and not __fish_seen_subcommand_from status observe graph monitor top endpoint identity policy service node bpf connectivity lab bench agent operator relay version completions man help" -f -a "endpoint" -d 'Endpoints: the pods\' interfaces'
complete -c skep -n "__fish_skep_using_subcommand help; and not __fish_seen_subcommand_from status observe graph monitor top endpoint identity policy service node bpf connectivity lab bench agent operator relay version completions man help" -f -a "identity" -d 'Identities: the label sets that policy speaks about'
complete -c skep -n "__fish_skep_using_subcommand help; and not __fish_seen_subcommand_from status observe graph monitor top endpoint identity policy service node bpf connectivity lab bench agent operator relay version completions man help" -f -a "policy" -d 'What network policies mean'
complete -c skep -n "__fish_skep_using_subcommand help; and not __fish_seen_subcommand_from status observe graph monitor top endpoint identity policy service node bpf connectivity lab bench agent operator relay version completions man help" -f -a "service" -d 'Services, as the nodes balance them'
complete -c skep -n "__fish_skep_using_subcommand help; and not __fish_seen_subcommand_from status observe graph monitor top endpoint identity policy service node bpf connectivity lab bench agent operator relay version completions man help" -f -a "node" -d 'Nodes of the cluster'
complete -c skep -n "__fish_skep_using_subcommand help; and not __fish_seen_subcommand_from status observe graph monitor top endpoint identity policy service node bpf connectivity lab bench agent operator relay version completions man help" -f -a "bpf" -d 'The datapath\'s maps, as they are in the kernel'
complete -c skep -n "__fish_skep_using_subcommand help; and not __fish_seen_subcommand_from status observe graph monitor top endpoint identity policy service node bpf connectivity lab bench agent operator relay version completions man help" -f -a "connectivity" -d 'Who reaches whom'
complete -c skep -n "__fish_skep_using_subcommand help; and not __fish_seen_subcommand_from status observe graph monitor top endpoint identity policy service node bpf connectivity lab bench agent operator relay version completions man help" -f -a "lab" -d 'A cluster in network namespaces on this machine'
complete -c skep -n "__fish_skep_using_subcommand help; and not __fish_seen_subcommand_from status observe graph monitor top endpoint identity policy service node bpf connectivity lab bench agent operator relay version completions man help" -f -a "bench" -d 'Measure skep against bare veth and a bridge with iptables'
complete -c skep -n "__fish_skep_using_subcommand help; and not __fish_seen_subcommand_from status observe graph monitor top endpoint identity policy service node bpf connectivity lab bench agent operator relay version completions man help" -f -a "agent" -d 'Run the node agent'
complete -c skep -n "__fish_skep_using_subcommand help; and not __fish_seen_subcommand_from status observe graph monitor top endpoint identity policy service node bpf connectivity lab bench agent operator relay version completions man help" -f -a "operator" -d 'Run the operator'
complete -c skep -n "__fish_skep_using_subcommand help; and not __fish_seen_subcommand_from status observe graph monitor top endpoint identity policy service node bpf connectivity lab bench agent operator relay version completions man help" -f -a "relay" -d 'Serve the flows of all nodes'
complete -c skep -n "__fish_skep_using_subcommand help; and not __fish_seen_subcommand_from status observe graph monitor top endpoint identity policy service node bpf connectivity lab bench agent operator relay version completions man help" -f -a "version" -d 'Show the version'
complete -c skep -n "__fish_skep_using_subcommand help; and not __fish_seen_subcommand_from status observe graph monitor top endpoint identity policy service node bpf connectivity lab bench agent operator relay version completions man help" -f -a "completions" -d 'Print a completion script for a shell'
complete -c skep -n "__fish_skep_using_subcommand help; and not __fish_seen_subcommand_from status observe graph monitor top endpoint identity policy service node bpf connectivity lab bench agent operator relay version completions man help" -f -a "man" -d 'Write the man pages'
complete -c skep -n "__fish_skep_using_subcommand help; and not __fish_seen_subcommand_from status observe graph monitor top endpoint identity policy service node bpf connectivity lab bench agent operator relay version completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from endpoint" -f -a "list" -d 'List endpoints'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from identity" -f -a "list" -d 'List identities'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from policy" -f -a "explain" -d 'Say why one end may talk to another, or not'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from policy" -f -a "matrix" -d 'Show who may talk to whom'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from policy" -f -a "list" -d 'List policies as the nodes have them'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from policy" -f -a "wait" -d 'Wait until every node enforces a policy'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from policy" -f -a "diff" -d 'Show what changes in connectivity from one set of manifests to another'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from policy" -f -a "lint" -d 'Find mistakes in network policies'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from service" -f -a "list" -d 'List services as the nodes balance them'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from service" -f -a "get" -d 'Show a service in full'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from service" -f -a "explain" -d 'Say who takes a client\'s connections to a service'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from node" -f -a "list" -d 'List nodes'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from bpf" -f -a "endpoint" -d 'Pods of a node, by address'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from bpf" -f -a "ipcache" -d 'Owners of addresses and prefixes'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from bpf" -f -a "ct" -d 'Tracked connections'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from bpf" -f -a "nat" -d 'Connections whose source is translated'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from bpf" -f -a "node" -d 'Nodes, by number'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from bpf" -f -a "policy" -d 'Policies, as verdicts for classes of peers and ports'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from bpf" -f -a "lb" -d 'Services: frontends, backends, affinity, Maglev tables'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from bpf" -f -a "metrics" -d 'Counters of packets and drops'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from connectivity" -f -a "test" -d 'Test who reaches whom'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from connectivity" -f -a "list" -d 'List the scenarios of the connectivity test'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from connectivity" -f -a "serve" -d 'Serve the connectivity test'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from connectivity" -f -a "probe" -d 'Try to reach something from here'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from lab" -f -a "up" -d 'Bring a lab up'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from lab" -f -a "down" -d 'Take a lab down'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from lab" -f -a "list" -d 'List labs'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from lab" -f -a "status" -d 'Show how a lab is'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from lab" -f -a "kubeconfig" -d 'Print a lab\'s kubeconfig'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from lab" -f -a "exec" -d 'Run a command on a node'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from lab" -f -a "logs" -d 'Show the log of a node\'s agent'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from lab" -f -a "node" -d 'Switch a node off or on, or let it stand still'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from lab" -f -a "partition" -d 'Cut two nodes off from each other'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from lab" -f -a "netem" -d 'Lose or delay what a node sends and receives'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from lab" -f -a "snapshot" -d 'Write a cluster\'s objects to a file'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from lab" -f -a "world" -d 'What is outside the cluster: names and servers'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from lab" -f -a "dns" -d 'Serve the names of a cluster'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from lab" -f -a "serve" -d 'Run a lab\'s API server, controllers and kubelets'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from lab" -f -a "enter" -d 'Join namespaces and a control group and become a program'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from lab" -f -a "stand-in" -d 'Serve in place of a container\'s image'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from bench" -f -a "worker" -d 'Send or answer the load of a running bench'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from bench" -f -a "policy" -d 'Measure the policy engine'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from bench" -f -a "service" -d 'Measure services'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from bench" -f -a "cni" -d 'Call the CNI plugin of the node that this runs on'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from bench" -f -a "fill" -d 'Have the agent of the node that this runs on keep as many flows as it can'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from relay" -f -a "port-forward" -d 'Give Hubble\'s clients a local address'
complete -c skep -n "__fish_skep_using_subcommand help; and __fish_seen_subcommand_from relay" -f -a "tunnel" -d 'Join stdin and stdout with the agent\'s Hubble API'
