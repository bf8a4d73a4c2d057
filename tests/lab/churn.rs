//! Identities that come and go by the thousand while policies are enforced.

use std::{thread, time::Duration};

use futures::{StreamExt, stream};
use kube::{
    Api,
    api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, PostParams},
};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::{
    runtime::Runtime,
    time::{Instant, MissedTickBehavior, interval},
};

use super::{
    faults::{lost, run},
    lab::{Lab, eventually, text},
    pods::pods,
    policy::{SHOP, apply, ask, items, only_frontend, streams},
};

/// Label sets that live all the while; some have the same number, which leaves more than 5,000 of them.
const LIVE: usize = 5_300;
/// Creations and deletions in a second, and for how long.
const RATE: usize = 1_000;
const SECONDS: usize = 6;
/// Events between two looks at the clock.
const BURST: usize = 50;
const AT_ONCE: usize = 32;
const PACE: Duration = Duration::from_millis(1);

/// An identity of pods that are nowhere: its first number follows from its labels, as all agents agree.
fn object(n: usize) -> DynamicObject {
    let app = format!("churn-{n}");
    let labels = [("k8s:app", app.as_str()), ("k8s:io.kubernetes.pod.namespace", "nowhere")];
    let mut seed = Sha256::new();
    for text in labels.into_iter().flat_map(|(key, value)| [key, value]) {
        seed.update(u64::try_from(text.len()).expect("it fits").to_be_bytes());
        seed.update(text);
    }
    let hash = Sha256::new().chain_update(seed.finalize()).chain_update(0_u32.to_be_bytes());
    let hash = hash.finalize();
    let word = u64::from_be_bytes(hash[..8].try_into().expect("eight bytes"));
    let (first, last) =
        (skep_bpf::abi::identity::FIRST_CLUSTER, skep_bpf::abi::identity::LAST_CLUSTER);
    let number = u64::from(first) + word % u64::from(last - first + 1);
    let labels: serde_json::Map<_, _> =
        labels.into_iter().map(|(key, value)| (key.to_owned(), json!(value))).collect();
    let json = json!({
        "apiVersion": "skep.io/v1alpha1", "kind": "SkepIdentity",
        "metadata": { "name": number.to_string() }, "spec": { "labels": labels },
    });
    serde_json::from_value(json).expect("an object")
}

async fn api(lab: &Lab) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("skep.io", "v1alpha1", "SkepIdentity");
    let resource = ApiResource::from_gvk_with_plural(&kind, "skepidentities");
    Api::all_with(lab.client().await, &resource)
}

/// Creates identities and returns which were: of two with the same number the first one counts.
async fn create(api: &Api<DynamicObject>, numbers: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let made = stream::iter(numbers).map(|n| async move {
        match api.create(&PostParams::default(), &object(n)).await {
            Err(kube::Error::Api(status)) if status.code == 409 => None,
            made => Some(made.map(|_| n).expect("an identity is made")),
        }
    });
    made.buffer_unordered(AT_ONCE).filter_map(async |made| made).collect().await
}

async fn delete(api: &Api<DynamicObject>, numbers: Vec<usize>) {
    let gone = stream::iter(numbers).map(|n| async move {
        let name = object(n).metadata.name.expect("a name");
        let gone = api.delete(&name, &DeleteParams::default()).await;
        drop(gone.expect("an identity is deleted"));
    });
    gone.buffer_unordered(AT_ONCE).collect::<()>().await;
}

/// Lets identities come and go, some coming while others go; returns how many did in a second.
async fn churn(api: &Api<DynamicObject>) -> f64 {
    let started = Instant::now();
    let mut ticks = interval(Duration::from_secs(1) / (RATE / BURST / 2) as u32);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut events, mut made) = (0, Vec::new());
    for round in 0..RATE * SECONDS / BURST / 2 {
        ticks.tick().await;
        let numbers = LIVE + round * BURST..LIVE + (round + 1) * BURST;
        let before = std::mem::take(&mut made);
        events += before.len();
        (made, ()) = futures::join!(create(api, numbers), delete(api, before));
        events += made.len();
    }
    events += made.len();
    delete(api, made).await;
    events as f64 / started.elapsed().as_secs_f64()
}

#[test]
#[ignore = "needs root"]
fn identities_by_the_thousand_come_and_go_and_every_verdict_stays() {
    let lab = Lab::up("churn", &["--nodes", "2"]);
    let runtime = Runtime::new().expect("a runtime");
    let (api, frontend, database, servers) = runtime.block_on(async {
        apply(&lab, &only_frontend()).await;
        let api = api(&lab).await;
        create(&api, 0..LIVE).await;
        (api, pods(&lab, "frontend").await, pods(&lab, "database").await, pods(&lab, "api").await)
    });
    let waited = ask(&lab, &["policy", "wait", "only-frontend", "-n", SHOP]);
    assert!(waited.status.success(), "{}", text(&waited));
    let known = || items(&lab, &["identity", "list", "--node", "node-1"]).len();
    runtime.block_on(eventually("the agent knows them", || async {
        // Some numbers are those of several label sets.
        (known() > LIVE * 9 / 10).then_some(())
    }));
    let before = known();

    let mut allowed = streams(&lab, &frontend[0], &servers);
    let mut denied = streams(&lab, &database[0], &servers);
    let rate = thread::scope(|scope| {
        let time = Duration::from_secs(SECONDS as u64);
        let probes = [&mut allowed, &mut denied];
        let probes = probes.map(|probe| scope.spawn(move || run(probe, PACE, time)));
        let rate = runtime.block_on(churn(&api));
        probes.into_iter().for_each(|probe| probe.join().expect("no panic"));
        rate
    });
    let missing = lost(&mut allowed);
    let passed: u32 = denied.iter().map(|stream| stream.received).sum();
    let sent: u32 = allowed.iter().chain(&denied).map(|stream| stream.sent).sum();
    println!(
        "{sent} datagrams, {before} identities, {rate:.0} events a second: lost {missing:?}, passed {passed}"
    );
    assert!(missing.iter().all(|lost| *lost == 0), "{missing:?}");
    assert_eq!(passed, 0);
    runtime.block_on(eventually("the agent forgets those that are gone", || async {
        (known() == before).then_some(())
    }));
}
