//! Rollouts, played to their end on paper.

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use serde_json::{Value, from_value, json};

use super::*;
use crate::lab::cluster::Write;

fn deployment(image: &str, spec: Value) -> Deployment {
    let mut value = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "web", "namespace": "x", "uid": "d", "generation": 1 },
        "spec": { "replicas": 4, "selector": { "matchLabels": { "app": "web" } },
            "template": { "metadata": { "labels": { "app": "web" } },
                "spec": { "containers": [{ "name": "c", "image": image }] } } },
    });
    json_patch::merge(&mut value["spec"], &spec);
    from_value(value).unwrap()
}

/// A cluster of one deployment, in which pods become available at once or never.
struct World {
    deployment: Deployment,
    sets: Vec<ReplicaSet>,
    now: Timestamp,
    /// The image whose pods never serve.
    broken: &'static str,
    /// The fewest pods that served and the most that there were, since the first rollout.
    least: i32,
    most: i32,
}

impl World {
    fn new(deployment: Deployment) -> Self {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut world =
            Self { deployment, sets: vec![], now, broken: "bad", least: i32::MAX, most: 0 };
        world.settle();
        (world.least, world.most) = (i32::MAX, 0);
        world
    }

    fn actions(&self) -> Vec<Action> {
        let owned: Vec<&ReplicaSet> = self.sets.iter().collect();
        plan_one(&State::new(&self.deployment, &owned, self.now))
    }

    /// Plays until nothing is to be done.
    fn settle(&mut self) {
        for _ in 0..100 {
            let actions = self.actions();
            if actions.iter().all(|action| matches!(action.write, Write::Tell { .. })) {
                return;
            }
            for action in actions {
                self.carry_out(&action);
            }
            self.follow();
        }
        panic!("the rollout does not settle");
    }

    fn carry_out(&mut self, action: &Action) {
        let patch = |target: &mut Value, patch: &Value| json_patch::merge(target, patch);
        match (&action.write, action.kind()) {
            (Write::Create(value), _) => {
                let mut value = value.clone();
                value["metadata"]["uid"] = action.name().into();
                value["metadata"]["generation"] = 1.into();
                self.sets.push(from_value(value).unwrap());
            }
            (Write::Merge(change) | Write::Status(change), "Deployment") => {
                let mut value = serde_json::to_value(&self.deployment).unwrap();
                patch(&mut value, change);
                self.deployment = from_value(value).unwrap();
            }
            (Write::Merge(change), _) => {
                let set = self.sets.iter_mut().find(|set| set.name_any() == action.name()).unwrap();
                let mut value = serde_json::to_value(&*set).unwrap();
                patch(&mut value, change);
                *set = from_value(value).unwrap();
            }
            (Write::Delete { .. }, _) => self.sets.retain(|set| set.name_any() != action.name()),
            (Write::Tell { .. }, _) => {}
            (write, kind) => panic!("{kind}: {write:?}"),
        }
    }

    /// Gives every ReplicaSet the pods that it wants.
    fn follow(&mut self) {
        let (mut serving, mut total) = (0, 0);
        for set in &mut self.sets {
            let image = image(set);
            let wanted = replicas(set);
            let fine = if image == self.broken { 0 } else { wanted };
            serving += fine;
            total += wanted;
            set.status = Some(
                from_value(
                    json!({ "replicas": wanted, "readyReplicas": fine, "availableReplicas": fine }),
                )
                .unwrap(),
            );
        }
        self.least = self.least.min(serving);
        self.most = self.most.max(total);
    }

    fn change(&mut self, image: &str) {
        let spec = self.deployment.spec.template.spec.as_mut().unwrap();
        spec.containers[0].image = Some(image.to_owned());
        *self.deployment.metadata.generation.as_mut().unwrap() += 1;
        self.settle();
    }

    fn sizes(&self) -> Vec<(String, i32)> {
        self.sets.iter().map(|set| (image(set), replicas(set))).collect()
    }

    fn revision(&self) -> &str {
        &self.deployment.annotations()["deployment.kubernetes.io/revision"]
    }

    fn condition(&self, kind: &str) -> (String, String) {
        let conditions = self.deployment.status.as_ref().unwrap().conditions.as_ref().unwrap();
        let one = conditions.iter().find(|one| one.type_.as_deref() == Some(kind)).unwrap();
        (one.status.clone().unwrap(), one.reason.clone().unwrap())
    }
}

fn image(set: &ReplicaSet) -> String {
    let template = set.spec.template.as_ref().unwrap();
    template.spec.as_ref().unwrap().containers[0].image.clone().unwrap()
}

fn sizes(list: &[(&str, i32)]) -> Vec<(String, i32)> {
    list.iter().map(|(image, size)| ((*image).to_owned(), *size)).collect()
}

#[test]
fn a_rollout_keeps_within_its_bounds() {
    for (surge, unavailable, least, most) in [
        (json!("25%"), json!("25%"), 3, 5),
        (json!(0), json!(1), 3, 4),
        (json!(2), json!(0), 4, 6),
        (json!("100%"), json!("100%"), 0, 8),
        (json!(0), json!(0), 3, 4),
    ] {
        let rolling = json!({ "maxSurge": surge, "maxUnavailable": unavailable });
        let strategy = json!({ "strategy": { "type": "RollingUpdate", "rollingUpdate": rolling } });
        let mut world = World::new(deployment("one", strategy));
        world.change("two");
        assert_eq!(world.sizes(), sizes(&[("one", 0), ("two", 4)]), "{surge} {unavailable}");
        assert!(
            world.least >= least && world.most <= most,
            "{surge} {unavailable}: {} {}",
            world.least,
            world.most
        );
        assert_eq!(
            world.condition("Progressing"),
            ("True".into(), "NewReplicaSetAvailable".into())
        );
    }
}

#[test]
fn a_broken_revision_leaves_enough_of_the_old_one_and_is_given_up() {
    let mut world = World::new(deployment("one", json!({ "progressDeadlineSeconds": 60 })));
    world.change("bad");
    assert_eq!(world.sizes(), sizes(&[("one", 3), ("bad", 2)]));
    assert_eq!(world.condition("Available").0, "True");
    assert_eq!(world.condition("Progressing"), ("True".into(), "ReplicaSetUpdated".into()));
    world.now = world.now.checked_add(jiff::SignedDuration::from_secs(61)).unwrap();
    world.settle();
    assert_eq!(world.condition("Progressing"), ("False".into(), "ProgressDeadlineExceeded".into()));
    // Undone, as by `kubectl rollout undo`: the old revision gets the next number.
    world.change("one");
    assert_eq!(world.sizes(), sizes(&[("one", 4), ("bad", 0)]));
    assert_eq!(world.revision(), "3");
    assert_eq!(world.sets[0].annotations()["deployment.kubernetes.io/revision-history"], "1");
    assert_eq!(world.condition("Progressing"), ("True".into(), "NewReplicaSetAvailable".into()));
}

#[test]
fn recreate_starts_the_new_revision_after_the_old_one() {
    let mut world = World::new(deployment("one", json!({ "strategy": { "type": "Recreate" } })));
    world.change("two");
    assert_eq!(world.sizes(), sizes(&[("one", 0), ("two", 4)]));
    assert_eq!((world.least, world.most), (0, 4));
}

#[test]
fn only_so_many_revisions_are_kept() {
    let mut world = World::new(deployment("v1", json!({ "revisionHistoryLimit": 2 })));
    for image in ["v2", "v3", "v4", "v5"] {
        world.change(image);
    }
    assert_eq!(world.sizes(), sizes(&[("v3", 0), ("v4", 0), ("v5", 4)]));
    assert_eq!(world.revision(), "5");
}

#[test]
fn a_paused_deployment_scales_and_does_not_roll() {
    let mut world = World::new(deployment("one", json!({})));
    world.deployment.spec.paused = Some(true);
    world.change("two");
    assert_eq!(world.sizes(), sizes(&[("one", 4)]));
    world.deployment.spec.replicas = Some(6);
    world.settle();
    assert_eq!(world.sizes(), sizes(&[("one", 6)]));
    world.deployment.spec.paused = None;
    world.settle();
    assert_eq!(world.sizes(), sizes(&[("one", 0), ("two", 6)]));
}
