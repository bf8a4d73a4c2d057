//! What edits change, and numbers that last.

use super::make::*;
use crate::service::{
    BackendId, Changes, Edit, FrontendKey, ServiceId, Services,
    input::{Affinity, Service},
};

fn ids(services: &Services, key: FrontendKey) -> (ServiceId, Vec<BackendId>) {
    let frontend = services.frontend(&key).expect("a frontend");
    (frontend.id, frontend.backends.list.iter().map(|backend| backend.id).collect())
}

#[test]
fn what_says_the_same_changes_nothing() {
    let asked = service("a", &["10.96.0.1"]);
    let own = slice("a-1", "a", &[endpoint("10.0.0.1"), endpoint("10.0.0.2")]);
    let mut services = store(&asked, std::slice::from_ref(&own));
    assert_eq!(services.apply([put(&asked), put_slice(&own)]), Changes::default());
    let mut turned = own.clone();
    turned.endpoints.reverse();
    assert_eq!(services.apply([put_slice(&turned)]), Changes::default());
    let gone = [Edit::RemoveService(name("x")), Edit::RemoveSlice(name("x"))];
    assert_eq!(services.apply(gone), Changes::default());
}

#[test]
fn only_what_an_edit_concerns_changes() {
    let mut services = Services::new(site());
    let (a, b) = (service("a", &["10.96.0.1"]), service("b", &["10.96.0.2"]));
    let _: Changes = services.apply([put(&a), put(&b)]);
    let changes = services.apply([put_slice(&slice("b-1", "b", &[endpoint("10.0.0.1")]))]);
    assert_eq!(changes.changed, [inside("10.96.0.2", 80)]);
    assert_eq!(changes.backends.len(), 1);
    let changes = services.apply([put(&Service { affinity: Some(Affinity::default()), ..a })]);
    assert_eq!((changes.changed, changes.backends), (vec![inside("10.96.0.1", 80)], vec![]));
}

#[test]
fn numbers_last_and_are_used_again_only_after_release() {
    let asked = service("a", &["10.96.0.1"]);
    let key = inside("10.96.0.1", 80);
    let with = |addresses: &[&str]| {
        let endpoints: Vec<_> = addresses.iter().map(|address| endpoint(address)).collect();
        put_slice(&slice("a-1", "a", &endpoints))
    };
    let mut services = store(&asked, &[]);
    let _: Changes = services.apply([with(&["10.0.0.1", "10.0.0.3"])]);
    assert_eq!(ids(&services, key), (ServiceId(1), vec![BackendId(1), BackendId(2)]));
    let _: Changes = services.apply([with(&["10.0.0.1", "10.0.0.2", "10.0.0.3"])]);
    assert_eq!(ids(&services, key).1, [1, 3, 2].map(BackendId), "in the order of addresses");
    let gone = services.apply([with(&["10.0.0.2", "10.0.0.3"])]).retired;
    assert_eq!(gone.backends().collect::<Vec<_>>(), [BackendId(1)]);
    let _: Changes = services.apply([with(&["10.0.0.2", "10.0.0.3", "10.0.0.4"])]);
    assert_eq!(ids(&services, key).1, [3, 2, 4].map(BackendId), "1 is still remembered");
    let _: Changes = services.release(gone);
    let _: Changes = services.apply([with(&["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"])]);
    assert_eq!(ids(&services, key).1, [3, 2, 4, 1].map(BackendId));
}

#[test]
fn services_share_the_number_of_a_backend() {
    let mut services = Services::new(site());
    let edits = [
        put(&service("a", &["10.96.0.1"])),
        put(&service("b", &["10.96.0.2"])),
        put_slice(&slice("a-1", "a", &[endpoint("10.0.0.1")])),
        put_slice(&slice("b-1", "b", &[endpoint("10.0.0.1")])),
    ];
    assert_eq!(services.apply(edits).backends.len(), 1);
    assert_eq!(services.apply([Edit::RemoveSlice(name("a-1"))]).retired.backends().count(), 0);
    let changes = services.apply([Edit::RemoveService(name("b"))]);
    assert_eq!(changes.retired.backends().count(), 1);
    assert_eq!(changes.retired.services().count(), 1);
}

#[test]
fn a_slice_may_move_to_another_service() {
    let mut services = Services::new(site());
    let own = |service| slice("s", service, &[endpoint("10.0.0.1")]);
    let all = [service("a", &["10.96.0.1"]), service("b", &["10.96.0.2"])];
    let _: Changes = services.apply(all.iter().map(put).chain([put_slice(&own("a"))]));
    let changes = services.apply([put_slice(&own("b"))]);
    assert_eq!(changes.changed, [inside("10.96.0.1", 80), inside("10.96.0.2", 80)]);
    assert!(changes.backends.is_empty() && changes.retired.is_empty(), "the backend moved along");
    assert_eq!(backends(&services, inside("10.96.0.1", 80)), "");
    assert_eq!(backends(&services, inside("10.96.0.2", 80)), "1:8080");
}

#[test]
fn an_address_in_two_slices_stays_while_it_is_in_one() {
    let slices = ["a-1", "a-2"].map(|text| slice(text, "a", &[endpoint("10.0.0.1")]));
    let mut services = store(&service("a", &["10.96.0.1"]), &slices);
    assert_eq!(services.apply([Edit::RemoveSlice(name("a-1"))]), Changes::default());
    let changes = services.apply([Edit::RemoveSlice(name("a-2"))]);
    assert_eq!(changes.changed, [inside("10.96.0.1", 80)]);
}

#[test]
fn a_service_that_comes_again_has_its_slices() {
    let asked = service("a", &["10.96.0.1"]);
    let mut services = store(&asked, &[slice("a-1", "a", &[endpoint("10.0.0.1")])]);
    let changes = services.apply([Edit::RemoveService(name("a"))]);
    assert_eq!(changes.removed, [inside("10.96.0.1", 80)]);
    assert_eq!(services.frontends().count(), 0);
    let _: Changes = services.apply([put(&asked)]);
    assert_eq!(backends(&services, inside("10.96.0.1", 80)), "1:8080");
}
