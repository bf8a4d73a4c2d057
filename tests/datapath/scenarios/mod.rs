//! Sentences about the datapath that hold for the simulated one and for the kernel's.

pub(crate) mod host;
pub(crate) mod host_ports;
pub(crate) mod link;
pub(crate) mod outside;
pub(crate) mod overlay;
pub(crate) mod own;
pub(crate) mod pods;
pub(crate) mod policy;
pub(crate) mod services;
pub(crate) mod source;
pub(crate) mod world;

/// Names every scenario, so that no rig forgets one.
#[macro_export]
macro_rules! all_scenarios {
    ($rig:expr $(, $meta:meta)?) => {
        $crate::scenario_tests! { $rig, { $($meta)? };
            pods: a_packet_to_a_pod_of_this_node_goes_straight_into_it,
            pods: both_legs_are_stored_with_their_peers,
            pods: replies_pass_and_carry_news,
            pods: a_new_revision_judges_both_legs_again,
            pods: another_incarnation_makes_the_connection_absent,
            pods: expired_connections_are_opened_again,
            pods: the_last_hop_is_left_to_the_kernel,
            pods: packets_too_big_are_left_to_the_kernel,
            pods: echo_is_tracked_by_its_identifier,
            pods: fragments_follow_their_first,
            pods: errors_pass_only_for_known_connections,
            pods: a_pod_that_is_not_ready_gets_nothing,
            pods: the_host_reaches_a_pod_as_host,
            pods: an_exhausted_quota_opens_nothing,
            policy: nothing_passes_before_a_policy_is_known,
            policy: the_stack_does_not_change_who_sent_a_packet,
            policy: a_policy_admits_by_identity_and_port,
            policy: every_verdict_has_its_reason,
            policy: what_is_not_known_is_nobody,
            policy: an_absent_cell_is_that_of_the_scope,
            policy: the_longest_prefix_of_a_port_counts,
            policy: addresses_count_where_a_policy_says_so,
            policy: a_change_cuts_what_it_must_whoever_speaks,
            policy: icmp_is_judged_by_its_type,
            host: a_protected_host_judges_what_comes_in,
            host: a_protected_host_judges_what_it_sends,
            host: pods_and_their_host_are_judged_on_both_sides,
            host: the_network_of_a_protected_host_lives,
            host: errors_reach_a_protected_host_only_about_its_own,
            host: the_overlay_ends_at_a_protected_host,
            services: a_service_is_a_pod_of_this_node,
            services: a_connection_keeps_its_backend_until_that_is_gone,
            services: backends_pass_by_a_redirect_that_is_not_about_them,
            services: a_service_is_a_pod_of_another_node,
            services: a_service_is_outside_of_the_cluster,
            services: fragments_of_a_datagram_go_to_one_backend,
            services: complaints_of_a_backend_speak_of_the_service,
            services: a_pod_reaches_itself_through_a_service,
            services: node_ports_are_services_and_answers_to_nodes_are_not,
            services: who_speaks_with_a_backend_directly_sees_the_backend,
            services: nobody_serves_a_service_without_backends,
            services: source_ranges_admit_whom_they_name,
            services: policies_see_the_backend,
            outside: a_pod_of_this_node_sees_the_client_outside,
            host_ports: a_pod_of_another_node_reaches_a_host_port,
            host_ports: only_the_pods_of_this_node_have_its_host_ports,
            host_ports: a_protected_host_judges_host_ports_of_the_overlay,
            outside: a_pod_elsewhere_sees_this_node,
            outside: the_underlay_reaches_backends_too,
            outside: errors_find_both_ends_of_a_relayed_connection,
            outside: errors_from_outside_find_the_pod_behind_a_service,
            outside: a_backend_of_the_host_sees_the_client_outside,
            own: the_node_reaches_services_packet_by_packet,
            own: the_node_is_known_by_one_address_whichever_it_asks_from,
            own: the_node_reaches_itself_through_a_service,
            own: the_node_reaches_services_at_its_own_addresses,
            own: what_the_node_asks_is_told_with_its_service,
            own: a_port_of_the_node_asks_one_service_after_another,
            outside: clients_outside_are_told_that_nobody_serves,
            outside: what_the_overlay_cannot_carry_is_told,
            outside: fragments_from_outside_go_to_one_backend,
            outside: source_ranges_hold_outside,
            outside: a_relayed_connection_follows_its_backend,
            outside: all_nodes_draw_the_same_backend,
            outside: what_the_kernel_looked_at_shows_the_service,
            outside: a_protected_host_judges_node_ports_before_translation,
            outside: connections_of_somebody_else_stay_theirs,
            outside: strangers_leave_room_for_others,
            source: foreign_source_addresses_are_dropped,
            source: foreign_macs_are_dropped,
            source: addresses_that_cannot_be_forwarded_are_dropped,
            source: malformed_packets_are_dropped,
            source: extension_headers_are_judged_one_by_one,
            source: tunnel_traffic_to_nodes_is_dropped,
            source: stale_addresses_are_dropped,
            source: nothing_passes_without_configuration,
            link: the_gateway_answers_arp_for_itself_only,
            link: the_gateway_answers_solicitations_for_itself_only,
            link: noise_is_ignored_and_claims_are_dropped,
            overlay: remote_pods_are_reached_over_the_overlay,
            overlay: the_overlay_takes_the_identity_from_the_mark,
            overlay: the_host_uses_the_overlay_as_a_node,
            overlay: the_overlay_believes_only_the_right_node,
            overlay: what_comes_over_the_overlay_is_delivered,
            world: the_world_sees_the_node,
            world: replies_of_the_world_come_back,
            world: errors_of_the_world_come_back_translated,
            world: a_quoted_sum_of_all_ones_comes_back_as_such,
            world: ports_run_out_with_a_reason_and_come_back,
            world: inbound_connections_are_never_translated,
            world: the_host_keeps_its_own_traffic,
            world: the_underlay_may_not_speak_for_pods,
        }
    };
}

/// Makes one test function per scenario.
#[macro_export]
macro_rules! scenario_tests {
    ($rig:expr, $attributes:tt; $($module:ident: $name:ident,)*) => {
        $($crate::scenario_test! { $rig, $attributes, $module, $name })*
    };
}

/// Makes one test function.
#[macro_export]
macro_rules! scenario_test {
    ($rig:expr, { $($attribute:meta)? }, $module:ident, $name:ident) => {
        #[test]
        $(#[$attribute])?
        fn $name() {
            $crate::scenarios::$module::$name(|| $rig);
        }
    };
}
